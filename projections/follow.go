package projections

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"

	"asprak/application"
	"asprak/domain"
)

const (
	// batchSize bounds the events of one transaction while catching up, and so the memory
	// that their readings take.
	batchSize = 256

	firstDelay = 50 * time.Millisecond
	lastDelay  = 5 * time.Second
)

// ErrRunning: the store follows a log already.
var ErrRunning = errors.New("projections: running already")

// Run follows the log into all models until ctx ends, and then returns nil. A lost log or
// database is followed again, with growing delays, from what is committed. There is one
// follower: a model that is behind is brought to where the others stand before they go on.
// Of several processes that Run on one database one follows; the others watch what it commits,
// and one of them goes on when it ends or is lost. Beside it Run builds the models whose stored
// version is older than this program's, and those that are not there yet.
func (s *Store) Run(ctx context.Context, log application.Log, codec *application.Codec) error {
	if !s.running.TryLock() {
		return ErrRunning
	}
	defer s.running.Unlock()
	building, stop := context.WithCancel(ctx)
	var beside sync.WaitGroup
	beside.Go(func() { s.renew(building, log, codec) })
	beside.Go(func() { s.wipe(building) })
	defer beside.Wait()
	defer stop()
	delay := firstDelay
	for ctx.Err() == nil {
		began, progressed := time.Now(), false
		round, again := context.WithCancel(ctx)
		s.restartBy(again)
		err := s.turn(round, func(ctx context.Context) (err error) {
			progressed, err = s.follow(ctx, log, codec)
			return err
		})
		if round.Err() == nil {
			if progressed || time.Since(began) > lastDelay {
				delay = firstDelay
			}
			s.failed(err)
			s.logger.Error("following the log failed; it is tried again", "error", err, "delay", delay)
			sleep(round, delay)
			delay = min(2*delay, lastDelay)
		}
		again()
	}
	return nil
}

func (s *Store) follow(ctx context.Context, log application.Log, codec *application.Codec) (progressed bool, err error) {
	after, err := s.resume(ctx)
	if err != nil {
		return false, err
	}
	follower, err := log.Follow(ctx, after)
	if err != nil {
		return false, err
	}
	defer follower.Close()
	s.failed(nil) // the next event may be long in coming
	prepared := make(map[string]*sqlx.Stmt)
	defer closeAll(prepared)
	last := time.Time{}
	for {
		records, err := follower.Next(ctx, batchSize)
		if err != nil {
			return progressed, err
		}
		if err := s.take(codec, prepared, records); err != nil {
			return progressed, err
		}
		progressed = true
		now := time.Now()
		s.rest(ctx, restAfter(len(records), now.Sub(last)))
		last = now
	}
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// resume takes up the committed checkpoints and returns the earliest.
func (s *Store) resume(ctx context.Context) (application.Position, error) {
	return s.checkpoints(ctx, s.write)
}

func (s *Store) checkpoints(ctx context.Context, from *sqlx.DB) (application.Position, error) {
	stored, err := modelRows(ctx, from)
	if err != nil {
		return application.Position{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var earliest *application.Position
	for _, p := range s.projectors {
		p.resume(stored)
		if p.stage == current && p.fault == nil && (earliest == nil || p.position.Compare(*earliest) < 0) {
			earliest = &p.position
		}
	}
	s.wake()
	if earliest == nil {
		return application.Position{}, errors.New("no model of this program's version is there")
	}
	return *earliest, nil
}

// take applies the records to every model that has not seen them, in one transaction.
func (s *Store) take(codec *application.Codec, prepared map[string]*sqlx.Stmt, records []application.Record) error {
	events := make([]event, len(records))
	for i, r := range records {
		events[i] = s.decode(codec, r)
		if errors.Is(events[i].err, application.ErrKeysUnavailable) {
			return events[i].err
		}
	}
	if err := s.precedence.claim(); err != nil {
		return err
	}
	defer s.precedence.cede() // the kernel takes back what is not given
	// Without a context: a batch is short, and one that can be cancelled costs the driver
	// a goroutine for each statement.
	tx, err := s.write.Beginx()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	b := s.batch(tx, codec, prepared, nil)
	done := make([]progress, len(s.projectors))
	for i, p := range s.projectors {
		if done[i], err = p.run(b, events); err != nil {
			return err
		}
	}
	if err := s.tell(b, done); err != nil {
		return err
	}
	erased := erases(events)
	if erased {
		if err := errors.Join(s.dropPrior(tx), s.noteErasure(tx)); err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	s.advance(done)
	if erased {
		select {
		case s.erased <- struct{}{}:
		default:
		}
	}
	return prepare(s.write, b)
}

func (s *Store) batch(tx *sqlx.Tx, codec *application.Codec, prepared map[string]*sqlx.Stmt, rename func(string) string) *batch {
	return &batch{tx: tx, far: s.server != nil, codec: codec, prepared: prepared, rename: rename, statements: make(map[string]*sqlx.Stmt), begun: make(map[string][]domain.Event)}
}

// prepare keeps the statements that the batch met first, for the batches to come on the connection.
func prepare(write *sqlx.DB, b *batch) error {
	for query := range b.statements {
		if _, ok := b.prepared[query]; ok {
			continue
		}
		statement, err := write.Preparex(write.Rebind(b.named(query)))
		if err != nil {
			return err
		}
		b.prepared[query] = statement
	}
	return nil
}

func decode(codec *application.Codec, r application.Record) event {
	e := event{record: r}
	e.kind, e.id = parseStream(r.Stream)
	e.event, e.metadata, e.err = codec.Decode(r)
	return e
}

func (s *Store) decode(codec *application.Codec, r application.Record) event {
	e := decode(codec, r)
	if e.foreign() {
		s.logger.Warn("an event of an unknown kind is passed over", "type", r.Type, "stream", r.Stream, "revision", r.Revision, "position", r.Position.String())
	}
	return e
}

// advance makes committed progress known and wakes who waited for it.
func (s *Store) advance(done []progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = nil
	for i, p := range s.projectors {
		if p.fault == nil && done[i].fault != nil {
			s.logger.Error("a read model stands still", "model", p.models[0].name, "error", done[i].fault)
		}
		p.position, p.skipped, p.fault = done[i].position, done[i].skipped, done[i].fault
	}
	s.wake()
}

func (s *Store) failed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = err
}

// waiter waits until the projectors have come to a position.
type waiter struct {
	of       []*projector
	position application.Position
	answer   chan error // of one
}

// answered tells whether there is no more to wait for, and with what outcome.
func (w *waiter) answered() (bool, error) {
	for _, p := range w.of {
		if p.stage != absent && p.position.Compare(w.position) < 0 {
			if p.fault != nil {
				return true, domain.Errorf(domain.Unavailable, "not_caught_up", "A read model stands still.")
			}
			return false, nil
		}
	}
	return true, nil
}

// wake answers the waiters that can be; s.mu is held.
func (s *Store) wake() {
	for w := range s.waiters {
		if answered, err := w.answered(); answered {
			w.answer <- err
			delete(s.waiters, w)
		}
	}
}

// Wait returns when all models that are there have taken in everything up to the position. It fails when ctx
// ends, and with a domain.Unavailable at once when a model that stands still would be waited for.
func (s *Store) Wait(ctx context.Context, position application.Position) error {
	return s.wait(ctx, position, s.projectors...)
}

func (s *Store) wait(ctx context.Context, position application.Position, of ...*projector) error {
	w := &waiter{of: of, position: position, answer: make(chan error, 1)}
	s.mu.Lock()
	answered, err := w.answered()
	if !answered {
		s.waiters[w] = struct{}{}
	}
	s.mu.Unlock()
	if answered {
		return err
	}
	select {
	case s.asked <- struct{}{}:
	default:
	}
	select {
	case err := <-w.answer:
		return err
	case <-ctx.Done():
		s.mu.Lock()
		delete(s.waiters, w)
		s.mu.Unlock()
		return ctx.Err()
	}
}

// Seen is the position up to which every model that is there has taken in the log.
func (s *Store) Seen() application.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	var seen *application.Position
	for _, p := range s.projectors {
		if p.stage != absent && (seen == nil || p.position.Compare(*seen) < 0) {
			seen = &p.position
		}
	}
	if seen == nil {
		return application.Position{}
	}
	return *seen
}

// ModelStatus is how far a read model has come.
type ModelStatus struct {
	Name     string
	Version  int
	Position application.Position
	Skipped  int64  // events of unknown kinds that were passed over
	Building bool   // this version is not live yet: what answers is an earlier one, or nothing
	Error    string // why it does not follow the log, "" when it does
}

// Status tells of every model.
func (s *Store) Status() []ModelStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []ModelStatus
	for _, p := range s.projectors {
		for _, m := range p.models {
			status := ModelStatus{Name: m.name, Version: m.version, Position: p.position, Skipped: p.skipped, Building: p.stage == older || p.stage == absent}
			if fault := errors.Join(p.outdated(), p.fault, s.fault); fault != nil {
				status.Error = fault.Error()
			}
			all = append(all, status)
		}
	}
	return all
}

// restartBy names what ends the present round of Run.
func (s *Store) restartBy(again func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.again = again
}
