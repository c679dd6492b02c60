package eventstoredb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"

	"asprak/application"
)

var (
	errConsumerClosed = errors.New("eventstoredb: the consumer is closed")
	errLeaseLost      = errors.New("eventstoredb: the delivery went back to the group")
)

const (
	// maxWaiting bounds the messages that a consumer keeps back until their retry is due, each
	// of which costs a stream. Further ones take up the limit of deliveries in flight.
	maxWaiting = 32

	flushTimeout = 2 * time.Second
	leastAsked   = 2
	mostAsked    = 20
	askAgain     = 5 * time.Millisecond
)

// consumer is a member of a group on a connection of its own. It is connected to the group by
// as many lanes as it may have deliveries in flight, each of which the server gives one
// message at a time. So a message that waits for its retry holds up no other, no more is
// fetched than can be worked on, and the next message on a lane proves that the answer to
// the one before has arrived.
type consumer struct {
	log    *Log
	group  application.Group
	nodes  *nodes
	logger *slog.Logger

	ctx     context.Context // ends when the lanes have to
	stop    context.CancelFunc
	closing chan struct{}
	lanes   sync.WaitGroup
	fetched chan application.Delivery
	leave   chan struct{} // closed when lanes without a message have to end
	refusal chan struct{} // closed when the server will not have this consumer
	refused sync.Once
	err     error // before refusal is closed

	mu      sync.Mutex
	changed *sync.Cond // of the counts
	closed  bool
	held    map[uuid.UUID]*holding
	streams int // connected lanes
	busy    int // those with a message
	waiting int // those that keep their message back for its retry
	unheard int // those whose last answer may still be under way
}

func newConsumer(l *Log, group application.Group) *consumer {
	c := &consumer{
		log: l, group: group, nodes: newNodes(l.config, l.logger), logger: l.logger.With("group", group.Name),
		closing: make(chan struct{}), leave: make(chan struct{}), refusal: make(chan struct{}), fetched: make(chan application.Delivery), held: map[uuid.UUID]*holding{},
	}
	c.changed = sync.NewCond(&c.mu)
	c.ctx, c.stop = context.WithCancel(l.ctx)
	for range group.Limit {
		c.grow()
	}
	return c
}

// grow adds a lane.
func (c *consumer) grow() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.lanes.Go(func() { (&lane{consumer: c}).run() })
	}
}

func (c *consumer) hold(id uuid.UUID, h *holding) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held[id] = h
}

// drop makes an answer to the message come too late.
func (c *consumer) drop(id uuid.UUID, h *holding) {
	h.over.Do(func() { close(h.ended) })
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held[id] == h {
		delete(c.held, id)
	}
}

// Next waits for a delivery.
func (c *consumer) Next(ctx context.Context) (application.Delivery, error) {
	if err := c.open(ctx); err != nil {
		return application.Delivery{}, err
	}
	select {
	case d := <-c.fetched:
		return d, nil
	case <-ctx.Done():
		return application.Delivery{}, ctx.Err()
	case <-c.closing:
		return application.Delivery{}, errConsumerClosed
	case <-c.refusal:
		return application.Delivery{}, c.err
	case <-c.ctx.Done():
		return application.Delivery{}, c.open(ctx)
	}
}

// refuse makes Next fail: trying again is no use.
func (c *consumer) refuse(err error) {
	c.refused.Do(func() {
		c.err = fmt.Errorf("eventstoredb: group %s: %w", c.group.Name, err)
		close(c.refusal)
	})
}

func (c *consumer) open(ctx context.Context) error {
	select {
	case <-c.closing:
		return errConsumerClosed
	case <-c.log.ctx.Done():
		return errClosed
	default:
		return ctx.Err()
	}
}

// Ack ends the delivery for good. The server does not answer: an acknowledgement is lost with
// its connection, and the event comes again.
func (c *consumer) Ack(ctx context.Context, d application.Delivery) error {
	return c.answer(ctx, d, answer{verb: ack})
}

// Retry hands the event out again after the delay, or earlier when this consumer closes or
// loses its connection: the server knows no delay, so the consumer keeps the message back.
func (c *consumer) Retry(ctx context.Context, d application.Delivery, after time.Duration) error {
	return c.answer(ctx, d, answer{verb: retry, after: after})
}

// Park gives the event up.
func (c *consumer) Park(ctx context.Context, d application.Delivery, reason string) error {
	return c.answer(ctx, d, answer{verb: park, reason: reasonOf(d.Attempt, reason)})
}

// Extend starts the lease anew. It ends for good after messageTimeout.
func (c *consumer) Extend(ctx context.Context, d application.Delivery) error {
	return c.answer(ctx, d, answer{verb: extend})
}

func (c *consumer) answer(ctx context.Context, d application.Delivery, a answer) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	h := c.held[d.ID]
	c.mu.Unlock()
	if h == nil || h.attempt != d.Attempt {
		return errLeaseLost
	}
	a.done = make(chan error, 1)
	select {
	case h.answers <- a:
	case <-h.ended:
		return errLeaseLost
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-a.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// count changes a count of lanes and returns it.
func (c *consumer) count(n *int, by int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	*n += by
	c.changed.Broadcast()
	return *n
}

// Close hands back what is in flight, which counts as an attempt. Answers that are still under
// way get time to arrive, and lanes without a message end first, for the server would still
// give them those that are handed back.
func (c *consumer) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	close(c.closing)
	connected, unheard := c.streams > 0, c.unheard > 0
	c.mu.Unlock()
	if connected {
		ctx, cancel := context.WithTimeout(c.ctx, flushTimeout)
		defer cancel()
		if unheard {
			c.flush(ctx, true)
		}
		close(c.leave)
		c.awaitLeaving()
		c.flush(ctx, false)
	}
	c.stop()
	c.lanes.Wait()
	c.nodes.close()
	c.log.leave(c)
	return nil
}

// awaitLeaving waits until lanes without a message have ended.
func (c *consumer) awaitLeaving() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.streams > c.busy {
		c.changed.Wait()
	}
}

// flush waits until the server has dealt with what was sent before on the same connection.
// It has no call for that. But what it is asked after the answers is answered after it has
// received them; and when it counts no more messages in flight than this consumer has, it
// has dealt with them. Consumers beside this one hide that, so there is a limit to asking.
func (c *consumer) flush(ctx context.Context, counting bool) {
	for asked := 1; ; asked++ {
		info, err := call(ctx, c.nodes, flushTimeout, func(ctx context.Context, client *esdb.Client) (*esdb.PersistentSubscriptionInfo, error) {
			deadline := flushTimeout
			return client.GetPersistentSubscriptionInfoToAll(ctx, c.group.Name, esdb.GetPersistentSubscriptionOptions{Deadline: &deadline})
		})
		if err != nil {
			if counting && ctx.Err() == nil {
				c.logger.Warn("the last answers may be lost and their events come again", "error", err)
			}
			return
		}
		c.mu.Lock()
		done := !counting || info.Stats.TotalInFlightMessages <= int64(c.busy)
		c.mu.Unlock()
		if asked >= leastAsked && done || asked == mostAsked || pause(ctx, askAgain) != nil {
			return
		}
	}
}
