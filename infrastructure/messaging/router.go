package messaging

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"

	"asprak/application"
)

// Reaction answers events of some types with work.
type Reaction interface {
	// Types names the events that it reacts to.
	Types() []string
	// Handle does the work; attempt is 1 for the first time that the event is delivered.
	// An error is a passing fault and brings the event again, unless it is Final.
	Handle(ctx context.Context, event application.Record, attempt int) error
	// GiveUp records that the work was not done in so many tries. It may be called more
	// than once for one event. An error brings the event again.
	GiveUp(ctx context.Context, event application.Record, tries int, cause error) error
}

// RouterConfig says how a reaction is hosted. Zero values: one handler, 5 tries, 20 crashes, waits from
// 1 s up to 1 min, 30 s lease, 10 s grace.
type RouterConfig struct {
	// Group is the queue's group: its parked messages are listed and replayed by this name.
	Group string
	// Parallel is how many events are handled at a time.
	Parallel int
	// Tries is the delivery from which on a failure is the last.
	Tries int
	// Crashes is how many deliveries more may end with their process.
	Crashes int
	// FirstDelay is the wait before the second try; it doubles with each try up to MaxDelay.
	FirstDelay, MaxDelay time.Duration
	// Lease is how long after the death of a process its events go to another.
	Lease time.Duration
	// Grace is how long closing waits for running handlers before it ends their contexts.
	Grace  time.Duration
	Logger *slog.Logger
}

func (c RouterConfig) withDefaults() RouterConfig {
	c.Parallel = max(c.Parallel, 1)
	if c.Tries <= 0 {
		c.Tries = 5
	}
	if c.Crashes <= 0 {
		c.Crashes = 20
	}
	for value, fallback := range map[*time.Duration]time.Duration{
		&c.FirstDelay: time.Second,
		&c.MaxDelay:   time.Minute,
		&c.Lease:      30 * time.Second,
		&c.Grace:      10 * time.Second,
	} {
		if *value <= 0 {
			*value = fallback
		}
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

// afterGrace is the time that handlers get to notice that their contexts have ended.
const afterGrace = 5 * time.Second

// NewRouter hosts the reaction on the queue. The router's Run blocks until its context ends
// or Close is called; running handlers are then finished or handed back.
func NewRouter(queue application.Queue, reaction Reaction, config RouterConfig) (*message.Router, error) {
	types := reaction.Types()
	if config.Group == "" || len(types) == 0 {
		return nil, errors.New("messaging: a router needs a group and a reaction to at least one type")
	}
	config = config.withDefaults()
	// Watermill tells of every handler and message at level info; here that is debug.
	logger := watermill.NewSlogLoggerWithLevelMapping(config.Logger, map[slog.Level]slog.Level{slog.LevelInfo: slog.LevelDebug})
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: config.Grace + afterGrace}, logger)
	if err != nil {
		return nil, err
	}
	subscriber := newSubscriber(queue, SubscriberConfig{
		Group: config.Group, Lease: config.Lease, Parallel: config.Parallel,
		RetryDelay: config.FirstDelay, Grace: config.Grace, Logger: config.Logger,
	}, func(string) application.Group {
		return application.Group{Name: config.Group, Types: types}
	})
	handler := router.AddConsumerHandler(config.Group, config.Group, subscriber, func(msg *message.Message) error {
		d, _ := DeliveryOf(msg)
		return reaction.Handle(msg.Context(), d.Record, d.Attempt)
	})
	handler.AddMiddleware(
		backOff(config.FirstDelay, config.MaxDelay),
		middleware.Recoverer, // of GiveUp
		giveUp(reaction, config.Tries, config.Crashes),
		middleware.Recoverer, // of Handle: a panic is a failed try
	)
	return router, nil
}
