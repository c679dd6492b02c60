package eventstoredb

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"asprak/application"
)

type verb int

const (
	ack verb = iota
	retry
	park
	extend
)

type answer struct {
	verb   verb
	after  time.Duration
	reason string
	done   chan error
}

// holding is a message that a lane has and the caller of Next may answer.
type holding struct {
	attempt int
	answers chan answer
	ended   chan struct{}
	over    sync.Once
}

// lane is a stream to the group over which one message at a time comes. To hand a message
// back it ends the stream.
type lane struct {
	*consumer
	unsure bool // the last answer may still be under way
}

var (
	errHandedBack = errors.New("eventstoredb: a message is handed back")
	errReplaced   = errors.New("eventstoredb: another lane has taken over")
)

func (l *lane) run() {
	defer l.sure()
	for wait := firstPause; ; wait = min(2*wait, longestPause) {
		worked, err := l.connect()
		if l.ctx.Err() != nil || l.isClosing() || errors.Is(err, errReplaced) {
			return
		}
		if errors.Is(err, errHandedBack) {
			wait = firstPause
			continue
		}
		if worked {
			wait = firstPause
		}
		if failed(err, esdb.ErrorCodeResourceNotFound) { // the group was deleted
			err = errors.Join(errDropped, l.log.create(l.ctx, l.group.Name, l.group.Types))
		}
		if !passing(err) && !errors.Is(err, errDropped) {
			l.refuse(err)
			return
		}
		l.logger.Warn("the connection to the group ended and is opened again", "error", err)
		if pause(l.ctx, wait) != nil {
			return
		}
	}
}

func (l *lane) isClosing() bool {
	select {
	case <-l.closing:
		return true
	default:
		return false
	}
}

// connect works on messages until the stream ends, and says whether there was any.
func (l *lane) connect() (worked bool, err error) {
	subscription, end, err := establish(l.ctx, l.nodes, l.log.attempt(), func(ctx context.Context, client *esdb.Client) (*esdb.PersistentSubscription, error) {
		return client.SubscribeToPersistentSubscriptionToAll(ctx, l.group.Name, esdb.SubscribeToPersistentSubscriptionOptions{BufferSize: 1})
	})
	if err != nil {
		return false, err
	}
	s := &stream{subscription: subscription, messages: make(chan *esdb.EventAppeared), lost: make(chan struct{}), left: make(chan struct{})}
	var reading sync.WaitGroup
	reading.Go(s.read)
	busy := 0
	l.count(&l.streams, 1)
	defer func() {
		close(s.left)
		end()
		reading.Wait()
		l.count(&l.busy, -busy)
		l.count(&l.streams, -1)
	}()
	for {
		select {
		case m := <-s.messages:
			worked = true
			l.sure()
			busy = 1
			l.count(&l.busy, busy)
			if err := l.work(s, m); err != nil {
				return worked, err
			}
			l.count(&l.busy, -busy)
			busy = 0
		case <-s.lost:
			return worked, s.err
		case <-l.leave:
			return worked, nil
		case <-l.ctx.Done():
			return worked, l.ctx.Err()
		}
	}
}

// stream receives messages and learns when its connection is lost, also while one is worked on.
type stream struct {
	subscription *esdb.PersistentSubscription
	messages     chan *esdb.EventAppeared
	lost         chan struct{} // closed when nothing more will come
	err          error         // before lost is closed
	left         chan struct{} // closed when nobody takes messages any more
}

func (s *stream) read() {
	defer close(s.lost)
	s.err = guarded(func() error {
		for {
			event := s.subscription.Recv()
			if event.SubscriptionDropped != nil {
				return fmt.Errorf("%w: %w", errDropped, event.SubscriptionDropped.Error)
			}
			if event.EventAppeared == nil || event.EventAppeared.Event == nil {
				continue
			}
			select {
			case s.messages <- event.EventAppeared:
			case <-s.left:
				return errDropped
			}
		}
	})
}

// work hands one message to the caller of Next and does what the caller answers.
func (l *lane) work(s *stream, m *esdb.EventAppeared) error {
	// A group may have been made for types that its consumers no longer want; and a link that
	// was parked may lead nowhere.
	if m.Event.Event == nil || !wanted(l.group.Types, m.Event.Event) {
		return l.send(func() error { return s.subscription.Ack(m.Event) })
	}
	end := time.Now().Add(messageTimeout)
	r, err := l.log.placed(l.ctx, record(m.Event.Event))
	if err != nil {
		return err
	}
	h := &holding{attempt: m.RetryCount + 1, answers: make(chan answer), ended: make(chan struct{})}
	l.hold(r.ID, h)
	defer l.drop(r.ID, h)

	stale := time.NewTimer(time.Until(end))
	defer stale.Stop()
	select {
	case l.fetched <- application.Delivery{Record: r, Attempt: h.attempt}:
		return l.await(s, m.Event, r, h, end)
	case <-s.lost:
		return s.err
	case <-stale.C:
	case <-l.closing:
		<-l.ctx.Done()
	case <-l.ctx.Done():
	}
	return errHandedBack
}

// await also waits when the connection is lost and the message has gone to another: the
// caller is still at work, which counts against the limit.
func (l *lane) await(s *stream, event *esdb.ResolvedEvent, r application.Record, h *holding, end time.Time) error {
	lease := time.NewTimer(l.group.Lease)
	defer lease.Stop()
	for {
		select {
		case a := <-h.answers:
			switch {
			case s.isLost():
				a.done <- errLeaseLost
				if a.verb != extend {
					return s.err
				}
			case a.verb == extend:
				lease.Reset(min(l.group.Lease, time.Until(end)))
				a.done <- nil
			case a.verb == retry && a.after > 0:
				l.drop(r.ID, h)
				a.done <- nil
				return l.keepBack(a.after)
			default:
				err := l.send(func() error { return settle(s.subscription, event, a) })
				l.drop(r.ID, h)
				a.done <- err
				return err
			}
		case <-lease.C:
			return l.send(func() error { return s.subscription.Nack("lease ended", esdb.NackActionRetry, event) })
		case <-l.closing:
			<-l.ctx.Done()
			return errHandedBack
		case <-l.ctx.Done():
			return l.ctx.Err()
		}
	}
}

func (s *stream) isLost() bool {
	select {
	case <-s.lost:
		return true
	default:
		return false
	}
}

func settle(subscription *esdb.PersistentSubscription, event *esdb.ResolvedEvent, a answer) error {
	switch a.verb {
	case ack:
		return subscription.Ack(event)
	case park:
		return subscription.Nack(a.reason, esdb.NackActionPark, event)
	default:
		return subscription.Nack("retry", esdb.NackActionRetry, event)
	}
}

// send runs what sends an answer, and remembers that it is under way.
func (l *lane) send(f func() error) error {
	if !l.unsure {
		l.unsure = true
		l.count(&l.unheard, 1)
	}
	if err := f(); err != nil {
		return fmt.Errorf("%w: %w", errDropped, err)
	}
	return nil
}

// sure remembers that the last answer has arrived, or never will.
func (l *lane) sure() {
	if l.unsure {
		l.unsure = false
		l.count(&l.unheard, -1)
	}
}

// keepBack keeps the message until its retry is due, while another lane takes this one's place.
func (l *lane) keepBack(after time.Duration) error {
	result := errHandedBack
	defer l.count(&l.waiting, -1)
	if l.count(&l.waiting, 1) <= maxWaiting {
		l.grow()
		result = errReplaced
	}
	timer := time.NewTimer(after)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.closing:
		<-l.ctx.Done()
	case <-l.ctx.Done():
	}
	return result
}
