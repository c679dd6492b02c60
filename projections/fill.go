package projections

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"golang.org/x/sync/errgroup"

	"asprak/application"
)

const (
	// buildRead are as many events of the log as are read and decoded at once.
	buildRead = 128
	// buildBatch bounds the events of one transaction of a build. Most keys fall anywhere in
	// their index: the more of them go into one transaction, the fewer pages are written twice.
	buildBatch = 16384
	// buildAhead are as many reads as may wait to be taken: reading goes on during a commit.
	buildAhead = 12
	// buildStep are as many events as who follows the log beside the build may have to wait for.
	buildStep = 32

	// While somebody else writes, and for busyFor after, a build writes little at once, for who
	// waits for the disk waits for all that is to go there, and rests after each transaction
	// for as long as that took, up to longestPause.
	busyBatch    = 256 // events of one transaction
	busyFor      = 10 * time.Second
	longestPause = 100 * time.Millisecond
)

// fill brings a build to where the live models stand.
func (s *Store) fill(ctx context.Context, log application.Log, codec *application.Codec, p *projector, report func(BuildProgress)) error {
	f, err := s.newFilling(ctx, codec, p, report)
	if err != nil {
		return err
	}
	defer f.close()
	for {
		stored, err := modelRows(ctx, s.read)
		if err != nil {
			return err
		}
		f.done.Target = target(stored, p)
		report(f.done)
		if p.position.Compare(f.done.Target) >= 0 {
			return f.analyze()
		}
		err = p.between(ctx, log, codec, p.position, f.done.Target, f.take)
		if err = errors.Join(err, f.commit()); err != nil {
			return err
		}
	}
}

// target is where a build of the projector's models has to come to: to where they stand, or
// where the others do when nothing stands there.
func target(stored map[string]modelRow, p *projector) application.Position {
	live := &projector{models: p.models}
	if live.resume(stored); live.stage != absent {
		return live.position
	}
	var furthest application.Position
	for _, row := range stored {
		if !strings.HasSuffix(row.Name, next) && !strings.HasSuffix(row.Name, prior) && row.place().Compare(furthest) > 0 {
			furthest = row.place()
		}
	}
	return furthest
}

// between hands out what the projector understands of the log behind after, up to a position that was
// read from it. The next events are read and decoded while the last ones are taken.
func (p *projector) between(ctx context.Context, log application.Log, codec *application.Codec, after, upTo application.Position, take func([]event) error) error {
	follower, err := log.Follow(ctx, after)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	batches := make(chan []event, buildAhead)
	group.Go(func() error {
		defer close(batches)
		defer follower.Close()
		for after.Compare(upTo) < 0 {
			records, err := follower.Next(ctx, buildRead)
			if err != nil {
				return err
			}
			behind := slices.IndexFunc(records, func(r application.Record) bool { return r.Position.Compare(upTo) > 0 })
			if behind >= 0 {
				records = records[:behind]
			}
			if len(records) == 0 {
				return fmt.Errorf("projections: the log has nothing at position %s", upTo)
			}
			select {
			case batches <- p.decode(codec, records):
			case <-ctx.Done():
				return ctx.Err()
			}
			after = records[len(records)-1].Position
		}
		return nil
	})
	group.Go(func() error {
		for events := range batches {
			if err := take(events); err != nil {
				return err
			}
		}
		return nil
	})
	return group.Wait()
}

// decode leaves the events of other streams as they are: most of a log, for a small model.
func (p *projector) decode(codec *application.Codec, records []application.Record) []event {
	events := make([]event, len(records))
	for i, r := range records {
		kind, id := parseStream(r.Stream)
		if p.kind != everyStream && kind != p.kind && codec.Knows(r.Type) {
			events[i] = event{record: r, kind: kind, id: id}
			continue
		}
		events[i] = decode(codec, r)
	}
	return events
}

func (p *projector) runBeside(b *batch, events []event) (progress, error) {
	done, err := p.run(b, events)
	if errors.Is(err, errOvertaken) {
		return done, ErrRebuilding
	}
	return done, errors.Join(err, done.fault)
}

// filling takes events into a build, on a connection of its own. A transaction goes on from one
// call to the next, until it is large or somebody claims precedence.
type filling struct {
	store    *Store
	write    *sqlx.DB
	carry    *carrier
	others   *precedence
	codec    *application.Codec
	prepared map[string]*sqlx.Stmt
	report   func(BuildProgress)
	done     BuildProgress
	built    *projector // as it is committed
	anew     bool       // from the start of the log

	busyUntil time.Time

	tx    *sqlx.Tx // nil: none is open
	began time.Time
	batch *batch
	now   projector // as the transaction leaves it
	taken int       // in the transaction
}

func (s *Store) newFilling(ctx context.Context, codec *application.Codec, p *projector, report func(BuildProgress)) (*filling, error) {
	others, err := openPrecedence(s.first)
	if err != nil {
		return nil, err
	}
	write, carry, err := s.builder(ctx)
	if err != nil {
		return nil, errors.Join(err, others.Close())
	}
	return &filling{store: s, write: write, carry: carry, others: others, codec: codec, prepared: make(map[string]*sqlx.Stmt), report: report,
		done: BuildProgress{Position: p.position}, built: p, anew: p.position == application.Position{}}, nil
}

func (f *filling) take(events []event) error {
	for step := range slices.Chunk(events, buildStep) {
		if err := f.begin(); err != nil {
			return err
		}
		done, err := f.now.runBeside(f.batch, step)
		if err != nil {
			return errors.Join(err, f.rollback())
		}
		f.now.position, f.now.skipped = done.position, done.skipped
		f.taken += len(step)
		claimed, err := f.others.claimed()
		if err != nil {
			return err
		}
		if claimed {
			f.busyUntil = time.Now().Add(busyFor)
		}
		if claimed || f.taken >= buildBatch || f.taken >= busyBatch && f.busy() {
			if err := f.commit(); err != nil {
				return err
			}
			f.rest()
		}
	}
	return nil
}

// begin opens a transaction when none is open and nobody claims precedence any more.
func (f *filling) begin() error {
	if f.tx != nil {
		return nil
	}
	if err := f.others.take(); err != nil {
		return err
	}
	tx, err := f.write.Beginx()
	if err != nil {
		return errors.Join(err, f.others.leave())
	}
	f.tx, f.began, f.now, f.taken = tx, time.Now(), *f.built, 0
	f.batch = f.store.batch(tx, f.codec, f.prepared, f.built.renamer())
	return nil
}

func (f *filling) commit() error {
	if f.tx == nil {
		return nil
	}
	err := errors.Join(f.tx.Commit(), f.others.leave())
	f.tx = nil
	if err != nil {
		return err
	}
	f.built.position, f.built.skipped = f.now.position, f.now.skipped
	f.done.Events += f.taken
	f.done.Position = f.built.position
	f.report(f.done)
	return errors.Join(f.carry.over(f.taken, f.busy()), prepare(f.write, f.batch))
}

func (f *filling) busy() bool { return time.Now().Before(f.busyUntil) }

// rest gives way while others write, for as long as the last transaction took.
func (f *filling) rest() {
	if f.busy() {
		time.Sleep(min(time.Since(f.began), longestPause))
	}
}

// analyze lets a server count what a build from the start has brought, before the first question: its
// own autovacuum comes later, and until then plans may go through whole tables.
func (f *filling) analyze() error {
	if f.store.server == nil || !f.anew {
		return nil
	}
	for _, m := range f.built.models {
		for _, table := range m.tables {
			if _, err := f.write.Exec(`ANALYZE ` + table + f.built.suffix); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *filling) rollback() error {
	if f.tx == nil {
		return nil
	}
	err := errors.Join(f.tx.Rollback(), f.others.leave())
	f.tx = nil
	return err
}

func (f *filling) close() {
	f.rollback()
	closeAll(f.prepared)
	f.others.Close()
	f.carry.close()
	f.write.Close()
}
