package embedded

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"
	"time"

	"asprak/application"
)

var (
	errConsumerClosed = errors.New("embedded: the consumer is closed")
	errLeaseLost      = errors.New("embedded: the delivery went to another consumer")
)

// A cursor that has passed so many events of other types is written down, so that a restart
// does not look through them again.
const saveCursorAfter = 4096

// A longer search for the next event is left to a reader's connection: appends wait for the writer.
const searchInWriter = 1024

// consumer takes one delivery at a time, and counts its attempt, in the transaction that
// leases it: a message that ends the process has been counted, and those not yet handed out
// have not.
type consumer struct {
	log   *Log
	group application.Group
	id    int64
	types []driver.Value

	nextDue, takeDue, nextFresh, advance string

	passed int64 // no event of the group's types stands between its cursors and here
	likely bool  // the last look found something

	mu     sync.Mutex
	inHand map[int64]time.Time // position to end of lease
	freed  chan struct{}
	closed chan struct{}
}

// lease is a delivery just taken.
type lease struct {
	position int64
	attempt  int
}

// Next waits for a delivery.
func (c *consumer) Next(ctx context.Context) (application.Delivery, error) {
	for {
		appended, returned := c.log.appended.wait(), c.log.returned.wait()
		if err := c.open(ctx); err != nil {
			return application.Delivery{}, err
		}
		until, room := c.room()
		if room {
			due, err := c.look(ctx)
			if err != nil {
				return application.Delivery{}, err
			}
			until = due
			if !due.After(time.Now()) {
				taken, ok, err := c.take(ctx)
				if err != nil {
					return application.Delivery{}, err
				}
				c.likely = ok
				if ok {
					return c.deliver(ctx, taken)
				}
				continue
			}
		}
		timer := time.NewTimer(time.Until(until))
		select {
		case <-appended:
		case <-returned:
		case <-c.freed:
		case <-timer.C:
		case <-ctx.Done():
		case <-c.closed:
		case <-c.log.closing:
		}
		timer.Stop()
	}
}

func (c *consumer) open(ctx context.Context) error {
	select {
	case <-c.closed:
		return errConsumerClosed
	case <-c.log.closing:
		return errClosed
	default:
		return ctx.Err()
	}
}

// room tells whether another delivery may be in flight, and if not, when a lease ends.
func (c *consumer) room() (until time.Time, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	for position, end := range c.inHand {
		if !end.After(now) {
			delete(c.inHand, position)
		} else if until.IsZero() || end.Before(until) {
			until = end
		}
	}
	return until, len(c.inHand) < c.group.Limit
}

// look finds out on a reader's connection when there may be something to take, so that the
// writer is not asked in vain.
func (c *consumer) look(ctx context.Context) (due time.Time, err error) {
	if c.likely {
		return time.Time{}, nil
	}
	due = time.Now().Add(time.Hour)
	head := c.log.head.Load()
	save := false
	err = c.log.read(ctx, func(r *connection) error {
		at, ok, err := r.number(c.nextDue, append([]driver.Value{c.group.Name}, c.types...)...)
		if err != nil {
			return err
		}
		if ok {
			due = time.UnixMicro(at)
		}
		f, err := c.fresh(r, c.passed, head, head)
		if err != nil {
			return err
		}
		if f.found {
			due = time.Time{}
			head = f.position - 1
		}
		if head > c.passed {
			c.passed = head
		}
		save = c.passed-f.from >= saveCursorAfter
		return nil
	})
	if err != nil || !save {
		return due, err
	}
	passed := c.passed
	return due, c.log.do(ctx, newJob(false, 0, func(w *writer) error { return c.pass(w, passed) }))
}

type fresh struct {
	from     int64 // the group's hindmost cursor
	position int64
	kind     string
	found    bool
}

// fresh finds the group's next event that was never handed out, behind passed and up to head,
// among so many events at most.
func (c *consumer) fresh(r *connection, passed, head, most int64) (f fresh, err error) {
	cursors := map[string]int64{}
	err = r.query(func(row []driver.Value) error {
		cursors[row[0].(string)] = row[1].(int64)
		return nil
	}, "SELECT type, position FROM cursors WHERE consumers = ?", c.group.Name)
	if err != nil {
		return f, err
	}
	f.from = cursors[c.group.Types[0]]
	for _, t := range c.group.Types {
		f.from = min(f.from, cursors[t])
	}
	from := max(f.from, passed)
	if head <= from {
		return f, nil
	}
	args := []driver.Value{from, min(head, from+most)}
	for _, t := range c.group.Types {
		args = append(args, t, cursors[t])
	}
	err = r.query(func(row []driver.Value) error {
		f.position, f.kind, f.found = row[0].(int64), row[1].(string), true
		return nil
	}, c.nextFresh, args...)
	return f, err
}

func (c *consumer) pass(w *writer, position int64) error {
	args := []driver.Value{position, c.group.Name, position}
	_, err := w.exec(c.advance, append(args, c.types...)...)
	return err
}

func (c *consumer) take(ctx context.Context) (lease, bool, error) {
	var taken lease
	var ok bool
	passed := c.passed
	j := newJob(false, 0, func(w *writer) (err error) {
		taken, ok, err = c.lease(w, passed)
		return err
	})
	err := c.log.do(ctx, j)
	if errors.Is(err, application.ErrUnknownOutcome) && ctx.Err() != nil {
		go func() { // nobody waits for this delivery any more
			<-j.done
			if j.err == nil && ok {
				_ = c.give(context.Background(), taken, 0, 1)
			}
		}()
		return lease{}, false, ctx.Err()
	}
	if err != nil {
		return lease{}, false, err
	}
	return taken, ok, nil
}

func (c *consumer) lease(w *writer, passed int64) (taken lease, ok bool, err error) {
	now := time.Now()
	end := now.Add(c.group.Lease).UnixMicro()
	args := []driver.Value{end, w.log.owner.id, c.id, c.group.Name, c.group.Name, now.UnixMicro()}
	err = w.query(func(row []driver.Value) error {
		taken, ok = lease{row[0].(int64), int(row[1].(int64))}, true
		return nil
	}, c.takeDue, append(args, c.types...)...)
	if err != nil || ok {
		return taken, ok, err
	}
	f, err := c.fresh(w.connection, passed, w.next-1, searchInWriter)
	if err != nil || !f.found {
		return taken, false, err
	}
	_, err = w.exec("INSERT INTO deliveries (consumers, position, type, attempt, due, owner, consumer) VALUES (?, ?, ?, 1, ?, ?, ?)",
		c.group.Name, f.position, f.kind, end, w.log.owner.id, c.id)
	if err != nil {
		return taken, false, err
	}
	return lease{f.position, 1}, true, c.pass(w, f.position)
}

func (c *consumer) deliver(ctx context.Context, taken lease) (application.Delivery, error) {
	c.hold(taken.position)
	select {
	case <-c.closed: // Close has handed back without knowing of this one
		return application.Delivery{}, errors.Join(errConsumerClosed, c.give(ctx, taken, 0, 1))
	default:
	}
	var records []application.Record
	err := c.log.read(context.WithoutCancel(ctx), func(r *connection) (err error) {
		records, err = r.records("SELECT "+recordColumns+" FROM events WHERE position = ?", taken.position)
		return err
	})
	if err == nil && len(records) != 1 {
		err = fmt.Errorf("embedded: event %d of a delivery is not in the log", taken.position)
	}
	if err != nil {
		return application.Delivery{}, errors.Join(err, c.give(context.WithoutCancel(ctx), taken, 0, 1))
	}
	return application.Delivery{Record: records[0], Attempt: taken.attempt}, nil
}

// Ack ends the delivery, even when its lease was lost in between: the event is done.
func (c *consumer) Ack(ctx context.Context, d application.Delivery) error {
	position := int64(d.Position.Commit)
	err := c.log.do(ctx, newJob(false, 0, func(w *writer) error {
		_, err := w.exec("DELETE FROM deliveries WHERE consumers = ? AND position = ?", c.group.Name, position)
		return err
	}))
	if err == nil {
		c.release(position)
	}
	return err
}

// Retry hands the event out again after the delay.
func (c *consumer) Retry(ctx context.Context, d application.Delivery, after time.Duration) error {
	return c.give(ctx, leaseOf(d), after, 0)
}

// give lets the delivery go; uncounted attempts did not reach a caller.
func (c *consumer) give(ctx context.Context, l lease, after time.Duration, uncounted int64) error {
	due := int64(0)
	if after > 0 {
		due = time.Now().Add(after).UnixMicro()
	}
	err := c.change(ctx, l, func(w *writer) (int64, error) {
		w.woken = true
		return w.exec("UPDATE deliveries SET due = ?, owner = 0, consumer = 0, attempt = attempt - ? WHERE consumers = ? AND position = ? AND attempt = ? AND consumer = ?",
			due, uncounted, c.group.Name, l.position, int64(l.attempt), c.id)
	})
	if err == nil {
		c.release(l.position)
	}
	return err
}

// Park gives the event up.
func (c *consumer) Park(ctx context.Context, d application.Delivery, reason string) error {
	l := leaseOf(d)
	err := c.change(ctx, l, func(w *writer) (int64, error) {
		n, err := w.exec("DELETE FROM deliveries WHERE consumers = ? AND position = ? AND attempt = ? AND consumer = ?",
			c.group.Name, l.position, int64(l.attempt), c.id)
		if err != nil || n == 0 {
			return n, err
		}
		return w.exec("INSERT OR REPLACE INTO parked (consumers, position, reason, attempts, parked_at) VALUES (?, ?, ?, ?, ?)",
			c.group.Name, l.position, reason, int64(l.attempt), now())
	})
	if err == nil {
		c.release(l.position)
	}
	return err
}

// Extend starts the lease anew.
func (c *consumer) Extend(ctx context.Context, d application.Delivery) error {
	l := leaseOf(d)
	end := time.Now().Add(c.group.Lease).UnixMicro()
	err := c.change(ctx, l, func(w *writer) (int64, error) {
		return w.exec("UPDATE deliveries SET due = ? WHERE consumers = ? AND position = ? AND attempt = ? AND consumer = ?",
			end, c.group.Name, l.position, int64(l.attempt), c.id)
	})
	if err == nil {
		c.hold(l.position)
	}
	return err
}

// change runs a statement on a delivery that this consumer still holds.
func (c *consumer) change(ctx context.Context, l lease, run func(*writer) (int64, error)) error {
	return c.log.do(ctx, newJob(false, 0, func(w *writer) error {
		n, err := run(w)
		if err == nil && n == 0 {
			return errLeaseLost
		}
		return err
	}))
}

// Close hands back what is in flight; those attempts do not count.
func (c *consumer) Close() error {
	c.mu.Lock()
	select {
	case <-c.closed:
		c.mu.Unlock()
		return nil
	default:
	}
	close(c.closed)
	clear(c.inHand)
	c.mu.Unlock()
	err := c.log.do(context.Background(), newJob(false, 0, func(w *writer) error {
		w.woken = true
		_, err := w.exec("UPDATE deliveries SET due = 0, owner = 0, consumer = 0, attempt = attempt - 1 WHERE consumers = ? AND consumer = ?", c.group.Name, c.id)
		return err
	}))
	if errors.Is(err, errClosed) { // the log has handed back everything
		return nil
	}
	return err
}

func (c *consumer) hold(position int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inHand[position] = time.Now().Add(c.group.Lease)
}

func (c *consumer) release(position int64) {
	c.mu.Lock()
	delete(c.inHand, position)
	c.mu.Unlock()
	select {
	case c.freed <- struct{}{}:
	default:
	}
}

func leaseOf(d application.Delivery) lease {
	return lease{position: int64(d.Position.Commit), attempt: d.Attempt}
}
