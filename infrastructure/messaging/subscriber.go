package messaging

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"asprak/application"
)

// SubscriberConfig says how a Subscriber consumes.
type SubscriberConfig struct {
	// Group is the name under which subscribers share messages.
	Group string
	// Lease is how long after the death of a subscriber its messages go to another; 0: 30 s.
	// While a handler works the lease is extended.
	Lease time.Duration
	// Parallel is how many messages may be unanswered at a time; 0: 1.
	Parallel int
	// RetryDelay is the wait of a refused message for which RetryAfter was not called.
	RetryDelay time.Duration
	// Grace is how long closing waits for answers before it ends the contexts of the
	// unanswered messages and hands them back.
	Grace time.Duration
	// Logger takes faults that no caller can be told of; nil: slog.Default.
	Logger *slog.Logger
}

// Subscriber delivers events as messages, at least once, in no promised order. Ack ends a
// message, Nack brings it again after a delay, Nack after Park gives it up.
type Subscriber struct {
	queue  application.Queue
	config SubscriberConfig
	group  func(topic string) application.Group

	mu      sync.Mutex
	closed  bool
	closing chan struct{}
	active  sync.WaitGroup
}

var _ message.Subscriber = (*Subscriber)(nil)

// NewSubscriber subscribes to topics that are event types. The queue's group of a topic is GroupName.
func NewSubscriber(queue application.Queue, config SubscriberConfig) *Subscriber {
	return newSubscriber(queue, config, func(topic string) application.Group {
		return application.Group{Name: GroupName(config.Group, topic), Types: []string{topic}}
	})
}

// GroupName is the name of the queue's group of which a subscriber to the topic is a member.
func GroupName(group, topic string) string { return group + "/" + topic }

func newSubscriber(queue application.Queue, config SubscriberConfig, group func(string) application.Group) *Subscriber {
	if config.Lease <= 0 {
		config.Lease = 30 * time.Second
	}
	if config.Parallel <= 0 {
		config.Parallel = 1
	}
	if config.Logger == nil {
		config.Logger = slog.Default()
	}
	return &Subscriber{queue: queue, config: config, group: group, closing: make(chan struct{})}
}

// Subscribe delivers until ctx ends or the subscriber is closed; then the channel is closed.
func (s *Subscriber) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errors.New("messaging: the subscriber is closed")
	}
	group := s.group(topic)
	group.Lease, group.Limit = s.config.Lease, s.config.Parallel
	consumer, err := s.queue.Consume(ctx, group)
	if err != nil {
		return nil, err
	}
	fetching, stop := context.WithCancel(ctx)
	// A message outlives the subscription by the grace, so its context is not the subscription's.
	working, abandon := context.WithCancel(context.WithoutCancel(ctx))
	sub := &subscription{
		Subscriber: s,
		group:      group,
		consumer:   consumer,
		fetching:   fetching,
		working:    working,
		out:        make(chan *message.Message),
		logger:     s.config.Logger.With("group", group.Name),
	}
	s.active.Go(func() {
		defer abandon()
		defer stop()
		go func() {
			select {
			case <-s.closing:
				stop()
			case <-fetching.Done():
			}
		}()
		sub.run(abandon)
	})
	return sub.out, nil
}

// Close ends all subscriptions; messages unanswered after the grace are handed back.
func (s *Subscriber) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.closing)
	}
	s.mu.Unlock()
	s.active.Wait()
	return nil
}
