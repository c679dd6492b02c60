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
// An event of an unknown type, or of a stream of no aggregate, is passed over with a warning and counted. A broken payload of a known
// type must not be passed over: the projector stops before it, and says so in Status, until
// a program that understands the event is started.
type projector struct {
	models []model
	kind   streamKind // of the streams it reads; every: all, and events that cannot be understood too
	begin  func(*batch) applier

	position application.Position // committed
	skipped  int64
	fault    error // why it stopped
	stage    stage
	suffix   string // of its tables and rows, "" for the live ones
}

// stage tells what of a projector's models is there.
type stage int

const (
	current stage = iota // this program's version
	older                // an earlier version, which this program reads and does not follow
	newer                // a later one, likewise
	absent               // nothing
)

// applier takes in the events of one transaction.
type applier interface {
	apply(event) error
	finish() error
}

func newProjectors() []*projector {
	return []*projector{
		{models: []model{openingModel}, kind: openingStream, begin: newOpenings},
		{models: []model{applicationModel, documentModel, reviewModel, statisticModel}, kind: applicationStream, begin: newApplications},
		{models: []model{staffModel}, kind: staffStream, begin: newStaff},
		{models: []model{auditModel}, kind: everyStream, begin: newAudit},
	}
}

// resume takes up what is stored of the projector's models.
func (p *projector) resume(stored map[string]modelRow) {
	p.stage, p.position, p.skipped = absent, application.Position{}, 0
	known := 0
	for _, m := range p.models {
		row, ok := stored[m.name+p.suffix]
		switch {
		case !ok:
			continue
		case row.Version > m.version:
			p.stage = newer
		case p.stage == absent:
			p.stage = older
		}
		if row.Version == m.version {
			known++
		}
		p.position, p.skipped = row.place(), row.Skipped
	}
	if known == len(p.models) {
		p.stage = current
	}
}

// outdated is the error of models that a later program has put in the place of this one's.
func (p *projector) outdated() error {
	if p.stage != newer {
		return nil
	}
	return fmt.Errorf("version %d of model %s was replaced by a later one", p.models[0].version, p.models[0].name)
}

type streamKind string

const (
	openingStream     streamKind = "opening"
	applicationStream streamKind = "application"
	staffStream       streamKind = "staff"
	personStream      streamKind = "person"
	foreignStream     streamKind = "foreign"
	everyStream       streamKind = "every"
)

func parseStream(name string) (streamKind, uuid.UUID) {
	for _, kind := range []streamKind{applicationStream, openingStream, staffStream, personStream} {
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
	id       uuid.UUID // of the aggregate
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
	rename     func(string) string // of the tables in a statement, nil for the live ones
	far        bool                // the database is a server
	codec      *application.Codec
	prepared   map[string]*sqlx.Stmt     // on the writing connection, for all batches
	statements map[string]*sqlx.Stmt     // of this transaction
	begun      map[string][]domain.Event // what the audit replays of streams that began in this transaction
}

func (b *batch) statement(query string) (*sqlx.Stmt, error) {
	if s, ok := b.statements[query]; ok {
		return s, nil
	}
	s, ok := b.prepared[query]
	if !ok {
		var err error
		if s, err = b.tx.Preparex(b.tx.Rebind(b.named(query))); err != nil {
			return nil, fmt.Errorf("%w in %s", err, query)
		}
		b.statements[query] = s
		return s, nil
	}
	s = b.tx.Stmtx(s)
	b.statements[query] = s
	return s, nil
}

func (b *batch) named(query string) string {
	if b.rename == nil {
		return query
	}
	return b.rename(query)
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
		case to.fault != nil || p.stage != current:
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
			int64(to.position.Commit), int64(to.position.Prepare), to.skipped, m.name+p.suffix, m.version, int64(p.position.Commit), int64(p.position.Prepare))
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n != 1 {
			return errors.Join(errOvertaken, err)
		}
	}
	return nil
}
