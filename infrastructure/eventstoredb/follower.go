package eventstoredb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"asprak/application"
)

// ahead is how many events a follower holds that were not asked for yet.
const ahead = 64

var errFollowerClosed = errors.New("eventstoredb: the follower is closed")

// Follow returns the log behind the position. A position behind the log's end is an error: it
// was taken from another log, or this one was restored from an older copy.
//
// The follower subscribes again by itself, behind the last event that it took over, when its
// subscription breaks off or falls silent. The positions of the server's checkpoints only
// serve to notice the silence.
func (l *Log) Follow(ctx context.Context, after application.Position, types ...string) (application.Follower, error) {
	end, err := l.Head(ctx)
	if err != nil {
		return nil, err
	}
	if after.Compare(end) > 0 {
		return nil, fmt.Errorf("eventstoredb: position %s is behind the end of the log, %s", after, end)
	}
	f := &follower{
		log: l, types: types, after: after, filter: filterOf(types), logger: l.logger.With("component", "follower"),
		records: make(chan application.Record, ahead), lost: make(chan struct{}),
	}
	f.ctx, f.stop = context.WithCancel(l.ctx)
	f.running.Go(f.run)
	return f, nil
}

type follower struct {
	log    *Log
	types  []string
	filter *esdb.SubscriptionFilter
	logger *slog.Logger

	ctx     context.Context
	stop    context.CancelFunc
	running sync.WaitGroup
	records chan application.Record
	lost    chan struct{} // closed when subscribing again is no use
	err     error         // before lost is closed

	after application.Position // of the last event in records; run's alone
}

// Next waits for events and returns up to max.
func (f *follower) Next(ctx context.Context, max int) ([]application.Record, error) {
	if max < 1 {
		return nil, fmt.Errorf("eventstoredb: cannot return up to %d events", max)
	}
	if err := f.open(ctx); err != nil {
		return nil, err
	}
	var records []application.Record
	select {
	case r := <-f.records:
		records = append(records, r)
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-f.ctx.Done():
		return nil, f.open(ctx)
	case <-f.lost:
		return nil, f.err
	}
	for len(records) < max {
		select {
		case r := <-f.records:
			records = append(records, r)
		default:
			return records, nil
		}
	}
	return records, nil
}

func (f *follower) open(ctx context.Context) error {
	switch {
	case f.log.ctx.Err() != nil:
		return errClosed
	case f.ctx.Err() != nil:
		return errFollowerClosed
	default:
		return ctx.Err()
	}
}

// Close ends the follower; a Next that waits fails.
func (f *follower) Close() error {
	f.stop()
	f.running.Wait()
	return nil
}

func (f *follower) run() {
	for wait := firstPause; ; {
		from := f.after
		err := f.subscribe()
		if f.ctx.Err() != nil {
			return
		}
		if !passing(err) && !errors.Is(err, errSilent) && !errors.Is(err, errDropped) {
			f.err = fmt.Errorf("eventstoredb: following: %w", err)
			close(f.lost)
			return
		}
		if f.after != from {
			wait = firstPause
		}
		f.logger.Warn("the subscription ended and is opened again", "after", f.after, "error", err)
		if pause(f.ctx, wait) != nil {
			return
		}
		wait = min(2*wait, longestPause)
	}
}

var (
	errSilent  = errors.New("eventstoredb: the subscription is silent while the log grows")
	errDropped = errors.New("eventstoredb: the subscription was dropped")
)

// subscribe takes over events until the subscription ends.
func (f *follower) subscribe() error {
	ctx, cancel := context.WithCancelCause(f.ctx)
	defer cancel(nil)
	var from esdb.AllPosition = esdb.Start{}
	if f.after != (application.Position{}) {
		from = esdb.Position{Commit: f.after.Commit, Prepare: f.after.Prepare}
	}
	subscription, end, err := establish(ctx, f.log.nodes, f.log.attempt(), func(ctx context.Context, client *esdb.Client) (*esdb.Subscription, error) {
		return client.SubscribeToAll(ctx, esdb.SubscribeToAllOptions{From: from, Filter: f.filter, MaxSearchWindow: searchWindow, CheckpointInterval: 1})
	})
	if err != nil {
		return err
	}
	defer end()
	watch := &watch{log: f.log, types: f.types}
	watch.saw(f.after)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel(nil)
	watching.Go(func() { watch.run(ctx, cancel) })

	err = guarded(func() error { return f.take(ctx, subscription, watch) })
	if cause := context.Cause(ctx); errors.Is(cause, errSilent) {
		return cause
	}
	return err
}

func (f *follower) take(ctx context.Context, subscription *esdb.Subscription, watch *watch) error {
	for {
		watch.waits.Store(true)
		event := subscription.Recv()
		watch.waits.Store(false)
		switch {
		case event.SubscriptionDropped != nil:
			return dropped(event.SubscriptionDropped.Error)
		case event.CheckPointReached != nil:
			watch.saw(application.Position{Commit: event.CheckPointReached.Commit, Prepare: event.CheckPointReached.Prepare})
		case event.EventAppeared != nil && event.EventAppeared.OriginalEvent() != nil:
			e := event.EventAppeared.OriginalEvent()
			r := record(e)
			if r.Position.Compare(f.after) <= 0 || !wanted(f.types, e) {
				watch.saw(r.Position)
				continue
			}
			select {
			case f.records <- r:
			case <-ctx.Done():
				return ctx.Err()
			}
			f.after = r.Position
			watch.saw(r.Position)
		}
	}
}

// dropped makes an end of any kind, also a proper one, a reason to subscribe again, except
// where the server has said no.
func dropped(err error) error {
	if errors.Is(err, io.EOF) || !refused(err) {
		return fmt.Errorf("%w: %w", errDropped, err)
	}
	return err
}

// watch notices a subscription that hears nothing although there is something: the server is
// known to forget subscriptions without ending them.
type watch struct {
	log   *Log
	types []string

	waits atomic.Bool   // for the server, not for who takes the events
	heard atomic.Uint64 // messages

	mu   sync.Mutex
	seen application.Position

	looked application.Position // nothing wanted stands between seen and here; run's alone
}

func (w *watch) saw(position application.Position) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.heard.Add(1)
	if position.Compare(w.seen) > 0 {
		w.seen = position
	}
}

// run cancels the subscription when an event is still missing a whole interval after it was
// found in the log.
func (w *watch) run(ctx context.Context, cancel context.CancelCauseFunc) {
	tick := time.NewTicker(w.log.options.Watch)
	defer tick.Stop()
	var heard uint64
	missing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := w.heard.Load()
		if now != heard || !w.waits.Load() {
			heard, missing = now, false
			continue
		}
		if missing {
			cancel(errSilent)
			return
		}
		found, err := w.behind(ctx)
		if err != nil {
			w.log.logger.Debug("cannot watch a subscription", "error", err)
			continue
		}
		missing = found
	}
}

// behind tells whether an event stands in the log that should have been seen.
func (w *watch) behind(ctx context.Context) (bool, error) {
	w.mu.Lock()
	from := w.seen
	w.mu.Unlock()
	if w.looked.Compare(from) > 0 {
		from = w.looked
	}
	found, end := false, application.Position{}
	err := w.log.backwards(ctx, func(e *esdb.RecordedEvent) bool {
		at := positionOf(e)
		if end == (application.Position{}) {
			end = at
		}
		if at.Compare(from) <= 0 {
			return false
		}
		found = wanted(w.types, e)
		return !found
	})
	if err != nil {
		return false, err
	}
	if !found && end.Compare(w.looked) > 0 {
		w.looked = end
	}
	return found, nil
}
