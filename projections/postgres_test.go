package projections_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/domain"
	"asprak/projections"
)

func open(t testing.TB, place string) *projections.Store {
	s, err := projections.Open(context.Background(), place)
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

func TestWatch_NoNoticesCome_CommitsAreSeenStill(t *testing.T) {
	w, place := openLog(t), projections.Places["postgres"](t)
	projector, reader := open(t, place), open(t, place)
	run(t, projector, w.log)
	projections.Deafen(reader)
	watch(t, reader)
	for _, subject := range []string{"a", "b"} { // of which the second comes after the first look
		_, position := w.submit(t, subject)
		waitFor(t, reader, position)
	}
}

// slow holds back what it hands out until it is told to go on.
type slow struct {
	application.Log
	reached chan struct{}
	goOn    chan struct{}
	handed  atomic.Int64
}

func (l *slow) Follow(ctx context.Context, after application.Position, types ...string) (application.Follower, error) {
	follower, err := l.Log.Follow(ctx, after, types...)
	return &slowFollower{follower, l}, err
}

type slowFollower struct {
	application.Follower
	log *slow
}

func (f *slowFollower) Next(ctx context.Context, max int) ([]application.Record, error) {
	records, err := f.Follower.Next(ctx, max)
	if err == nil && f.log.handed.Add(1) == 1 {
		close(f.log.reached)
		<-f.log.goOn
	}
	return records, err
}

func TestRun_HolderAwakesAfterItLostTheLock_TakesNothingTwice(t *testing.T) {
	w, place := openLog(t), projections.Places["postgres"](t)
	old, next := open(t, place), open(t, place)
	held := &slow{Log: w.log, reached: make(chan struct{}), goOn: make(chan struct{})}
	_, position := w.submit(t, "a")
	run(t, old, held)
	<-held.reached
	run(t, next, w.log)
	require.NotZero(t, projections.Terminate(t, place))
	waitFor(t, next, position)
	require.True(t, next.Leads())
	close(held.goOn)
	_, position = w.submit(t, "b")
	waitFor(t, old, position)
	require.Equal(t, 2, audited(t, old))
}

func TestRun_SessionsAreTerminatedAgainAndAgain_EachEventCountsOnce(t *testing.T) {
	w, place := openLog(t), projections.Places["postgres"](t)
	s := open(t, place)
	run(t, s, w.log)
	var last application.Position
	for i := range 40 {
		_, last = w.submit(t, fmt.Sprint("subject-", i))
		if i%10 == 9 {
			require.Eventually(t, func() bool { return projections.Terminate(t, place) > 0 }, 10*time.Second, 5*time.Millisecond)
		}
	}
	waitFor(t, s, last)
	require.Equal(t, 40, audited(t, s))
	require.Eventually(t, func() bool { return s.Status()[0].Error == "" }, 10*time.Second, 5*time.Millisecond)

	rebuilt := open(t, projections.Places["postgres"](t))
	run(t, rebuilt, w.log)
	waitFor(t, rebuilt, last)
	want, got := projections.Dump(t, rebuilt), projections.Dump(t, s)
	for table := range want {
		require.Equal(t, want[table], got[table], table)
	}
}

func TestRun_SessionsAreTerminatedInSilence_StatusIsWellAgain(t *testing.T) {
	w, place := openLog(t), projections.Places["postgres"](t)
	s := open(t, place)
	run(t, s, w.log)
	_, position := w.submit(t, "a")
	waitFor(t, s, position)
	require.NotZero(t, projections.Terminate(t, place))
	require.Eventually(t, func() bool { return s.Status()[0].Error != "" }, 10*time.Second, time.Millisecond)
	require.Eventually(t, func() bool { return s.Status()[0].Error == "" && s.Leads() }, 10*time.Second, time.Millisecond)
}

func TestQueries_SessionsWereTerminated_AnswerOnNewOnes(t *testing.T) {
	w, place := openLog(t), projections.Places["postgres"](t)
	s := open(t, place)
	stop := run(t, s, w.log)
	id, position := w.submit(t, "a")
	waitFor(t, s, position)
	stop()
	for range 3 {
		_, err := s.Application(context.Background(), id)
		require.NoError(t, err)
		require.NotZero(t, projections.Terminate(t, place))
	}
}

func TestOpen_AddressIsWrong_SaysSoWithoutThePassword(t *testing.T) {
	for _, address := range []string{"postgres://u:geheim@127.0.0.1:1/x?sslmode=disable&connect_timeout=1", "postgres://u:geheim@%zz/", "postgresql://u:geheim@127.0.0.1:1/x?sslmode=nonsense"} {
		_, err := projections.Open(context.Background(), address)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "geheim")
	}
}

func TestOpen_ManyAtOnce_MakeTheTablesOnce(t *testing.T) {
	place := projections.Places["postgres"](t)
	opened := make(chan error, 6)
	for range cap(opened) {
		go func() {
			s, err := projections.Open(context.Background(), place)
			if err == nil {
				err = s.Close()
			}
			opened <- err
		}()
	}
	for range cap(opened) {
		require.NoError(t, <-opened)
	}
}

func TestServer_IsAwayForAWhile_QueriesAreUnavailableAndProjectingGoesOn(t *testing.T) {
	w := openLog(t)
	road, place := newRoad(t, projections.Places["postgres"](t))
	s := open(t, place)
	run(t, s, w.log)
	id, position := w.submit(t, "a")
	waitFor(t, s, position)
	road.cut()
	_, position = w.submit(t, "b")
	_, err := s.Application(context.Background(), id)
	require.Equal(t, "views_unavailable", domain.ErrorCode(err))
	require.Eventually(t, func() bool { return s.Status()[0].Error != "" }, 10*time.Second, 5*time.Millisecond)
	_, err = projections.Open(context.Background(), place)
	require.Error(t, err)
	road.open()
	waitFor(t, s, position)
	require.Equal(t, 2, audited(t, s))
	require.Eventually(t, func() bool { return s.Status()[0].Error == "" }, 10*time.Second, 5*time.Millisecond)
}

// Who was told that an event is in the read models, in this process or another, finds it there.
func TestServer_Crashes_WhatWasSeenIsThere(t *testing.T) {
	w, place := openLog(t), projections.Places["postgres"](t)
	projector, watcher := open(t, place), open(t, place)
	stop := run(t, projector, w.log)
	watch(t, watcher)
	for _, subject := range []string{"a", "b"} { // of which the second finds all statements prepared
		id, position := w.submit(t, subject)
		waitFor(t, projector, position)
		waitFor(t, watcher, position)
		if subject == "b" {
			stop()
		}
		projections.Crash(t)
		var err error
		require.Eventually(t, func() bool {
			_, err = watcher.Application(context.Background(), id)
			return domain.ErrorCode(err) != "views_unavailable"
		}, 10*time.Second, 5*time.Millisecond)
		require.NoError(t, err)
	}
}

func TestRun_HolderFallsSilent_AnotherGoesOn(t *testing.T) {
	w, place := openLog(t), projections.Places["postgres"](t)
	road, far := newRoad(t, place)
	silent, next := open(t, far+"&idle_session_timeout=1500ms"), open(t, place)
	run(t, silent, w.log)
	require.Eventually(t, silent.Leads, 10*time.Second, 5*time.Millisecond)
	run(t, next, w.log)
	_, position := w.submit(t, "a")
	waitFor(t, next, position)
	require.False(t, next.Leads())

	began := time.Now()
	road.gate.Lock()
	_, position = w.submit(t, "b")
	waitFor(t, next, position)
	require.Less(t, time.Since(began), 8*time.Second)
	require.True(t, next.Leads())

	road.gate.Unlock()
	waitFor(t, silent, position)
	require.Eventually(t, func() bool { return !silent.Leads() }, 10*time.Second, 5*time.Millisecond)
	require.Equal(t, 2, audited(t, silent))
}

// road carries connections to the server, and can be cut. While the gate is locked nothing
// comes through.
type road struct {
	t       testing.TB
	to      string
	address string
	gate    sync.RWMutex

	mu       sync.Mutex
	listener net.Listener
	conns    []net.Conn
}

func newRoad(t testing.TB, place string) (*road, string) {
	u, err := url.Parse(place)
	require.NoError(t, err)
	r := &road{t: t, to: u.Host, address: "127.0.0.1:0"}
	r.open()
	t.Cleanup(r.cut)
	u.Host = r.address
	return r, u.String()
}

func (r *road) open() {
	listener, err := net.Listen("tcp", r.address)
	require.NoError(r.t, err)
	r.listener, r.address = listener, listener.Addr().String()
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", r.to)
			if err != nil {
				from.Close()
				continue
			}
			r.mu.Lock()
			r.conns = append(r.conns, from, to)
			r.mu.Unlock()
			go r.carry(from, to)
			go r.carry(to, from)
		}
	}()
}

func (r *road) carry(from, to net.Conn) {
	defer to.Close()
	buffer := make([]byte, 1<<16)
	for {
		n, err := from.Read(buffer)
		r.gate.RLock()
		r.gate.RUnlock()
		if err != nil {
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func (r *road) cut() {
	r.listener.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, conn := range r.conns {
		conn.Close()
	}
	r.conns = nil
}
