package messaging_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/infrastructure/embedded"
	"asprak/infrastructure/messaging"
)

// reaction is scripted by the test and tells what was asked of it.
type reaction struct {
	types  []string
	handle func(ctx context.Context, event application.Record, attempt int) error
	giveUp func(tries int, cause error) error
	calls  chan string
}

func (r *reaction) Types() []string { return r.types }

func (r *reaction) Handle(ctx context.Context, event application.Record, attempt int) error {
	err := r.handle(ctx, event, attempt)
	r.calls <- fmt.Sprintf("handle %d", attempt)
	return err
}

func (r *reaction) GiveUp(_ context.Context, _ application.Record, tries int, cause error) error {
	r.calls <- fmt.Sprintf("give up after %d: %v", tries, cause)
	if r.giveUp == nil {
		return nil
	}
	return r.giveUp(tries, cause)
}

func newReaction(handle func(context.Context, application.Record, int) error) *reaction {
	return &reaction{types: []string{"DocumentUploaded", "RereadAsked"}, handle: handle, calls: make(chan string, 1000)}
}

func (r *reaction) requireCalls(t *testing.T, want ...string) {
	t.Helper()
	for _, call := range want {
		select {
		case got := <-r.calls:
			require.Equal(t, call, got)
		case <-time.After(30 * time.Second):
			require.Fail(t, "missing", call)
		}
	}
}

func quick() messaging.RouterConfig {
	return messaging.RouterConfig{
		Group: "reader", Tries: 3, FirstDelay: time.Millisecond, MaxDelay: 4 * time.Millisecond,
		Logger: slog.New(slog.DiscardHandler),
	}
}

func run(t *testing.T, queue application.Queue, r messaging.Reaction, config messaging.RouterConfig) *message.Router {
	t.Helper()
	router, err := messaging.NewRouter(queue, r, config)
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- router.Run(context.Background()) }()
	t.Cleanup(func() {
		require.NoError(t, router.Close())
		require.NoError(t, <-ended)
	})
	<-router.Running()
	return router
}

func requireParked(t *testing.T, log *embedded.Log, event application.Record, attempts int, reason string) {
	t.Helper()
	var parked []application.Parked
	require.Eventually(t, func() bool {
		var err error
		parked, err = log.Parked(t.Context(), "reader")
		return err == nil && len(parked) == 1
	}, 30*time.Second, time.Millisecond)
	require.Equal(t, event, parked[0].Record)
	require.Equal(t, attempts, parked[0].Attempts)
	require.Equal(t, reason, parked[0].Reason)
}

func TestRouter_PassingFault_IsTriedAgain(t *testing.T) {
	log := openLog(t)
	r := newReaction(func(_ context.Context, _ application.Record, attempt int) error {
		switch attempt {
		case 1:
			return errors.New("busy")
		case 2:
			panic("crashed")
		}
		return nil
	})
	run(t, log, r, quick())
	record(t, log, "DocumentUploaded")
	r.requireCalls(t, "handle 1", "handle 3")
	record(t, log, "Unrelated")
	record(t, log, "RereadAsked")
	r.requireCalls(t, "handle 1")
}

func TestRouter_FaultThatStays_IsGivenUpAndParked(t *testing.T) {
	log := openLog(t)
	r := newReaction(func(context.Context, application.Record, int) error { return errors.New("busy") })
	run(t, log, r, quick())
	event := record(t, log, "DocumentUploaded")
	r.requireCalls(t, "handle 1", "handle 2", "handle 3", "give up after 3: busy")
	requireParked(t, log, event, 3, "busy")
}

func TestRouter_FinalError_SkipsTries(t *testing.T) {
	log := openLog(t)
	r := newReaction(func(context.Context, application.Record, int) error {
		return fmt.Errorf("reading: %w", messaging.Final(errors.New("no such blob")))
	})
	run(t, log, r, quick())
	event := record(t, log, "DocumentUploaded")
	r.requireCalls(t, "handle 1", "give up after 1: reading: no such blob")
	requireParked(t, log, event, 1, "reading: no such blob")
	require.NoError(t, messaging.Final(nil))
}

func TestRouter_GiveUpFails_IsTriedAgainUntilItSucceeds(t *testing.T) {
	log := openLog(t)
	r := newReaction(func(context.Context, application.Record, int) error { panic("out of memory") })
	failures := 0
	r.giveUp = func(int, error) error {
		failures++
		switch failures {
		case 1:
			return errors.New("log unavailable")
		case 2:
			panic("in giving up")
		}
		return nil
	}
	run(t, log, r, quick())
	event := record(t, log, "DocumentUploaded")
	requireParked(t, log, event, 5, "panic: out of memory")
	require.Equal(t, 3, failures)
}

// lose takes the event and is never heard of again, as a process is that was killed over it.
func lose(t *testing.T, log *embedded.Log, times int) {
	t.Helper()
	c, err := log.Consume(t.Context(), application.Group{Name: "reader", Types: []string{"DocumentUploaded"}, Lease: time.Millisecond})
	require.NoError(t, err)
	for range times {
		_, err := c.Next(t.Context())
		require.NoError(t, err)
	}
}

func TestRouter_TriesLostInCrashes_LeaveOneMore(t *testing.T) {
	log := openLog(t)
	event := record(t, log, "DocumentUploaded")
	lose(t, log, 4)
	r := newReaction(func(context.Context, application.Record, int) error { return errors.New("busy") })
	run(t, log, r, quick())
	r.requireCalls(t, "handle 5", "give up after 5: busy")
	requireParked(t, log, event, 5, "busy")
}

func TestRouter_TooManyCrashes_AreGivenUpUnhandled(t *testing.T) {
	log := openLog(t)
	event := record(t, log, "DocumentUploaded")
	config := quick()
	config.Crashes = 2
	lose(t, log, 5)
	r := newReaction(func(context.Context, application.Record, int) error { return nil })
	run(t, log, r, config)
	r.requireCalls(t, "give up after 5: "+messaging.ErrNoAnswer.Error())
	requireParked(t, log, event, 6, messaging.ErrNoAnswer.Error())
}

func TestRouter_Parallel_BoundsHandlers(t *testing.T) {
	log := openLog(t)
	const events, parallel = 20, 3
	var mu sync.Mutex
	running, most := 0, 0
	full := make(chan struct{})
	r := newReaction(func(ctx context.Context, _ application.Record, _ int) error {
		mu.Lock()
		running++
		most = max(most, running)
		if running == parallel && most == parallel {
			select {
			case <-full:
			default:
				close(full)
			}
		}
		mu.Unlock()
		select {
		case <-full:
		case <-ctx.Done():
		}
		mu.Lock()
		running--
		mu.Unlock()
		return nil
	})
	config := quick()
	config.Parallel = parallel
	run(t, log, r, config)
	for range events {
		record(t, log, "DocumentUploaded")
	}
	for range events {
		r.requireCalls(t, "handle 1")
	}
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, parallel, most)
}

// watched tells when its consumer has stopped fetching.
type watched struct {
	application.Queue
	ended chan struct{}
}

type watchedConsumer struct {
	application.Consumer
	ended chan struct{}
}

func (w *watched) Consume(ctx context.Context, group application.Group) (application.Consumer, error) {
	c, err := w.Queue.Consume(ctx, group)
	return watchedConsumer{c, w.ended}, err
}

func (w watchedConsumer) Next(ctx context.Context) (application.Delivery, error) {
	d, err := w.Consumer.Next(ctx)
	if err != nil {
		close(w.ended)
	}
	return d, err
}

func TestRouter_Closed_FinishesRunningHandler(t *testing.T) {
	log := openLog(t)
	started, finish := make(chan struct{}), make(chan struct{})
	r := newReaction(func(ctx context.Context, _ application.Record, _ int) error {
		close(started)
		<-finish
		return ctx.Err()
	})
	queue := &watched{Queue: log, ended: make(chan struct{})}
	router := run(t, queue, r, quick())
	record(t, log, "DocumentUploaded")
	<-started
	closed := make(chan error, 1)
	go func() { closed <- router.Close() }()
	<-queue.ended
	close(finish)
	require.NoError(t, <-closed)
	r.requireCalls(t, "handle 1")
	requireNothingLeft(t, log)
}

func TestRouter_ContextEnded_FinishesRunningHandlerAndRunReturns(t *testing.T) {
	log := openLog(t)
	started, finish := make(chan struct{}), make(chan struct{})
	r := newReaction(func(ctx context.Context, _ application.Record, _ int) error {
		close(started)
		<-finish
		return ctx.Err()
	})
	queue := &watched{Queue: log, ended: make(chan struct{})}
	router, err := messaging.NewRouter(queue, r, quick())
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- router.Run(ctx) }()
	record(t, log, "DocumentUploaded")
	<-started
	cancel()
	<-queue.ended
	close(finish)
	require.NoError(t, <-ended)
	r.requireCalls(t, "handle 1")
	requireNothingLeft(t, log)
}

type lasting struct{}

func (lasting) Error() string { return "lasting" }
func (lasting) Final() bool   { return true }

func TestIsFinal_ErrorOfAnotherRoom_IsAsked(t *testing.T) {
	require.True(t, messaging.IsFinal(fmt.Errorf("wrapped: %w", lasting{})))
	require.True(t, messaging.IsFinal(messaging.Final(errors.New("x"))))
	require.False(t, messaging.IsFinal(errors.New("x")))
	require.False(t, messaging.IsFinal(nil))
}

func requireNothingLeft(t *testing.T, log *embedded.Log) {
	t.Helper()
	c, err := log.Consume(t.Context(), application.Group{Name: "reader", Types: []string{"DocumentUploaded"}})
	require.NoError(t, err)
	marker := record(t, log, "DocumentUploaded")
	d, err := c.Next(t.Context())
	require.NoError(t, err)
	require.Equal(t, marker.ID, d.ID)
	require.NoError(t, c.Close())
}

func TestRouter_ClosedBeyondGrace_HandsBackUncounted(t *testing.T) {
	log := openLog(t)
	started := make(chan uuid.UUID, 1)
	r := newReaction(func(ctx context.Context, event application.Record, _ int) error {
		started <- event.ID
		<-ctx.Done()
		return ctx.Err()
	})
	config := quick()
	config.Grace, config.Tries = time.Millisecond, 1
	router := run(t, log, r, config)
	event := record(t, log, "DocumentUploaded")
	<-started
	require.NoError(t, router.Close())

	again := newReaction(func(_ context.Context, got application.Record, attempt int) error {
		if got.ID != event.ID {
			return errors.New("another event")
		}
		return nil
	})
	run(t, log, again, config)
	again.requireCalls(t, "handle 1")
}

func TestNewRouter_WithoutGroupOrTypes_Fails(t *testing.T) {
	log := openLog(t)
	_, err := messaging.NewRouter(log, newReaction(nil), messaging.RouterConfig{})
	require.Error(t, err)
	_, err = messaging.NewRouter(log, &reaction{}, quick())
	require.Error(t, err)
}
