package projections

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"asprak/application"
	"asprak/domain"
)

// projector fills the models that one fold of the events feeds. They share a checkpoint.
//
// An event of an unknown type, or of a stream that is neither an opening's nor an
// application's, is passed over with a warning and counted. A broken payload of a known
// type must not be passed over: the projector stops before it, and says so in Status, until
// a program that understands the event is started.
type projector struct {
	models []model
	kind   streamKind // of the streams it reads; every: all, and events that cannot be understood too
	begin  func(*batch) applier

	position application.Position // committed
	skipped  int64
	fault    error // why it stopped
}

// applier takes in the events of one transaction.
type applier interface {
	apply(event) error
	finish() error
}

func newProjectors() []*projector {
	return []*projector{
		{models: []model{openingModel}, kind: openingStream, begin: newOpenings},
		{models: []model{applicationModel, documentModel, reviewModel}, kind: applicationStream, begin: newApplications},
		{models: []model{auditModel}, kind: everyStream, begin: newAudit},
	}
}

func (p *projector) matches(stored map[string]modelRow) bool {
	for _, m := range p.models {
		if row, ok := stored[m.name]; !ok || row.Version != m.version {
			return false
		}
	}
	return true
}

type streamKind string

const (
	openingStream     streamKind = "opening"
	applicationStream streamKind = "application"
	foreignStream     streamKind = "foreign"
	everyStream       streamKind = "every"
)

func parseStream(name string) (streamKind, uuid.UUID) {
	for _, kind := range []streamKind{applicationStream, openingStream} {
		if rest, ok := strings.CutPrefix(name, string(kind)+"-"); ok {
			if id, err := uuid.Parse(rest); err == nil && id.String() == rest {
				return kind, id
			}
		}
	}
	return foreignStream, uuid.Nil
}

// event is a record as the projectors take it in.
type event struct {
	record   application.Record
	kind     streamKind
	id       uuid.UUID // of the opening or application
	event    domain.Event
	metadata domain.Metadata
	err      error // of the codec; event is then nil
}

func (e event) foreign() bool {
	return e.kind == foreignStream || errors.Is(e.err, application.ErrUnknownEvent)
}

// batch is one transaction with its prepared statements.
type batch struct {
	tx         *sqlx.Tx
	far        bool // the database is a server
	codec      *application.Codec
	prepared   map[string]*sqlx.Stmt // on the writing connection, for all batches
	statements map[string]*sqlx.Stmt // of this transaction
}

func (b *batch) statement(query string) (*sqlx.Stmt, error) {
	if s, ok := b.statements[query]; ok {
		return s, nil
	}
	s, ok := b.prepared[query]
	if !ok {
		var err error
		if s, err = b.tx.Preparex(b.tx.Rebind(query)); err != nil {
			return nil, fmt.Errorf("%w in %s", err, query)
		}
		b.statements[query] = s
		return s, nil
	}
	s = b.tx.Stmtx(s)
	b.statements[query] = s
	return s, nil
}

func (b *batch) exec(query string, args ...any) (sql.Result, error) {
	s, err := b.statement(query)
	if err != nil {
		return nil, err
	}
	return s.Exec(args...)
}

// get reads one row into dest; found is false when there is none.
func (b *batch) get(dest any, query string, args ...any) (found bool, err error) {
	s, err := b.statement(query)
	if err != nil {
		return false, err
	}
	err = s.Get(dest, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// progress is how far a projector comes with a batch.
type progress struct {
	position application.Position
	skipped  int64
	fault    error
}

// choose finds the events behind the checkpoint that the projector takes in, and how far
// it comes with them.
func (p *projector) choose(events []event) ([]event, progress) {
	to := progress{position: p.position, skipped: p.skipped, fault: p.fault}
	var chosen []event
	for _, e := range events {
		switch {
		case to.fault != nil:
			return chosen, to
		case e.record.Position.Compare(to.position) <= 0:
			continue
		case p.kind == everyStream:
			chosen = append(chosen, e)
		case e.foreign():
			to.skipped++
		case e.kind != p.kind:
		case e.err != nil:
			to.fault = fmt.Errorf("stopped before position %s: %w", e.record.Position, e.err)
			return chosen, to
		default:
			chosen = append(chosen, e)
		}
		to.position = e.record.Position
	}
	return chosen, to
}

// run applies the events behind the projector's checkpoint and moves it, in the batch's
// transaction.
func (p *projector) run(b *batch, events []event) (progress, error) {
	chosen, to := p.choose(events)
	if to.position == p.position {
		return to, nil
	}
	// The checkpoint first: it tells whether another process was here.
	if err := p.checkpoint(b, to); err != nil {
		return to, err
	}
	a := p.begin(b)
	for _, e := range chosen {
		if err := a.apply(e); err != nil {
			return to, fmt.Errorf("%s at position %s: %w", p.models[0].name, e.record.Position, err)
		}
	}
	if err := a.finish(); err != nil {
		return to, fmt.Errorf("%s up to position %s: %w", p.models[0].name, to.position, err)
	}
	return to, nil
}

// errOvertaken: another process has moved a checkpoint. Its rows are there; ours must not be.
var errOvertaken = errors.New("another projector works on this database")

func (p *projector) checkpoint(b *batch, to progress) error {
	for _, m := range p.models {
		r, err := b.exec(`UPDATE models SET position = ?, prepare = ?, skipped = ? WHERE name = ? AND version = ? AND position = ? AND prepare = ?`,
			int64(to.position.Commit), int64(to.position.Prepare), to.skipped, m.name, m.version, int64(p.position.Commit), int64(p.position.Prepare))
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n != 1 {
			return errors.Join(errOvertaken, err)
		}
	}
	return nil
}
