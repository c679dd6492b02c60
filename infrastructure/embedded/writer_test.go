package embedded

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/application"
)

func openAt(t *testing.T, path string) *Log {
	t.Helper()
	log, err := Open(t.Context(), path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	return log
}

func event(size int) []application.NewRecord {
	return []application.NewRecord{{ID: uuid.New(), Type: "A", Data: make([]byte, size)}}
}

// alter runs a statement on the writer's connection, as one who fills or frees a disk would.
func alter(t *testing.T, log *Log, statement string) {
	t.Helper()
	altered := make(chan error, 1)
	log.jobs <- &job{done: make(chan struct{}), run: func(w *writer) error {
		altered <- w.script(statement)
		return nil
	}}
	require.NoError(t, <-altered)
}

func TestAppend_DiskFull_IsUnavailableUntilThereIsRoom(t *testing.T) {
	log := openAt(t, filepath.Join(t.TempDir(), "log.db"))
	_, err := log.Append(t.Context(), "a", application.NoStream, event(10))
	require.NoError(t, err)
	alter(t, log, "PRAGMA max_page_count = 30")
	for range 3 {
		_, err = log.Append(t.Context(), "a", 0, event(500_000))
		require.ErrorIs(t, err, application.ErrUnavailable)
		require.ErrorContains(t, err, "full")
	}
	records, err := log.ReadStream(t.Context(), "a", 0)
	require.NoError(t, err)
	require.Len(t, records, 1)

	alter(t, log, "PRAGMA max_page_count = 1000000")
	_, err = log.Append(t.Context(), "a", 0, event(500_000))
	require.NoError(t, err)
}

func TestAppend_ReadOnly_IsUnavailableUntilWritable(t *testing.T) {
	log := openAt(t, filepath.Join(t.TempDir(), "log.db"))
	alter(t, log, "PRAGMA query_only = 1")
	_, err := log.Append(t.Context(), "a", application.NoStream, event(10))
	require.ErrorIs(t, err, application.ErrUnavailable)
	head, err := log.Head(t.Context())
	require.NoError(t, err)
	require.Zero(t, head)
}

// One transaction holds a good append, a stale one, one with a taken id and a good one.
func TestCommit_OneOfManyFails_TheOthersStand(t *testing.T) {
	log := openAt(t, filepath.Join(t.TempDir(), "log.db"))
	taken := event(1)
	_, err := log.Append(t.Context(), "z", application.NoStream, taken)
	require.NoError(t, err)

	hold, held := make(chan struct{}), make(chan struct{})
	log.jobs <- newJob(false, 0, func(*writer) error { close(held); <-hold; return nil })
	<-held
	good := event(1)
	appends := []struct {
		stream   string
		expected application.Revision
		events   []application.NewRecord
		err      error
	}{
		{"a", application.NoStream, good, nil},
		{"a", application.NoStream, event(1), application.ErrConflict},
		{"a", application.NoStream, good, nil},
		{"b", application.NoStream, append(event(1), taken...), application.ErrIDTaken},
		{"a", 0, event(1), nil},
		{"b", application.NoStream, event(1), nil},
	}
	jobs := make([]*job, len(appends))
	answers := make([]application.Appended, len(appends))
	for i, a := range appends {
		jobs[i] = newJob(true, 1, func(w *writer) (err error) {
			answers[i], err = w.append(a.stream, a.expected, a.events)
			return err
		})
		log.jobs <- jobs[i]
	}
	close(hold)
	for i, a := range appends {
		<-jobs[i].done
		require.ErrorIs(t, jobs[i].err, a.err, "append %d", i)
	}
	require.Equal(t, answers[0], answers[2])
	for i, want := range map[int]application.Appended{
		0: {Revision: 0, Position: position(2)},
		4: {Revision: 1, Position: position(3)},
		5: {Revision: 0, Position: position(4)},
	} {
		require.Equal(t, want, answers[i])
	}
}

func TestAppend_ContextEndsWhileQueued_IsTakenBack(t *testing.T) {
	log := openAt(t, filepath.Join(t.TempDir(), "log.db"))
	hold, held := make(chan struct{}), make(chan struct{})
	log.jobs <- newJob(false, 0, func(*writer) error { close(held); <-hold; return nil })
	<-held
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err := log.Append(ctx, "a", application.NoStream, event(1))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotErrorIs(t, err, application.ErrUnknownOutcome)
	close(hold)
	_, err = log.Append(t.Context(), "a", application.NoStream, event(1))
	require.NoError(t, err)
}

func TestAppend_ContextEndsWhileWritten_OutcomeIsUnknown(t *testing.T) {
	log := openAt(t, filepath.Join(t.TempDir(), "log.db"))
	hold := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	err := log.do(ctx, newJob(true, 0, func(*writer) error {
		cancel()
		<-hold
		return nil
	}))
	close(hold)
	require.ErrorIs(t, err, application.ErrUnknownOutcome)
	require.ErrorIs(t, err, context.Canceled)
}

func TestSynchronous_OfACommit_FollowsItsJobs(t *testing.T) {
	log := openAt(t, filepath.Join(t.TempDir(), "log.db"))
	for _, durable := range []bool{true, false, true} {
		var mode int64
		require.NoError(t, log.do(t.Context(), newJob(durable, 0, func(w *writer) (err error) {
			mode, _, err = w.number("PRAGMA synchronous")
			return err
		})))
		require.Equal(t, map[bool]int64{true: 2, false: 1}[durable], mode)
	}
}

func TestTwoLogs_OneFile_ShareStreamsAndWakeEachOther(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.db")
	logs := []*Log{openAt(t, path), openAt(t, path)}
	follower, err := logs[1].Follow(t.Context(), application.Position{})
	require.NoError(t, err)
	for n := range 10 {
		appended, err := logs[n%2].Append(t.Context(), "a", application.Revision(n-1), event(1))
		require.NoError(t, err)
		require.Equal(t, application.Revision(n), appended.Revision)
		_, err = logs[n%2].Append(t.Context(), "a", application.Revision(n-1), event(1))
		require.ErrorIs(t, err, application.ErrConflict)
	}
	for read := 0; read < 10; {
		records, err := follower.Next(t.Context(), 10)
		require.NoError(t, err)
		require.Equal(t, application.Revision(read), records[0].Revision)
		read += len(records)
	}
}

func TestTwoLogs_OneFile_ConcurrentAppendsAllStand(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.db")
	logs := []*Log{openAt(t, path), openAt(t, path)}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 20 {
				_, err := logs[i%2].Append(t.Context(), fmt.Sprint(i), application.Revision(n-1), event(1))
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	head, err := logs[0].Head(t.Context())
	require.NoError(t, err)
	require.Equal(t, position(160), head)
}

func TestClose_CallersWaiting_AreLetGo(t *testing.T) {
	log := openAt(t, filepath.Join(t.TempDir(), "log.db"))
	follower, err := log.Follow(t.Context(), application.Position{})
	require.NoError(t, err)
	c, err := log.Consume(t.Context(), application.Group{Name: "g", Types: []string{"A"}})
	require.NoError(t, err)
	ended := make(chan error)
	go func() { _, err := follower.Next(context.Background(), 1); ended <- err }()
	go func() { _, err := c.Next(context.Background()); ended <- err }()
	var all sync.WaitGroup
	for i := range 32 {
		all.Go(func() {
			for n := 0; ; n++ {
				if _, err := log.Append(context.Background(), fmt.Sprint(i), application.Revision(n-1), event(1)); err != nil {
					if i == 0 {
						ended <- err
					}
					return
				}
			}
		})
	}
	// The consumer's and the follower's first answers may be events; then they have ended too.
	require.NoError(t, log.Close())
	for range 3 {
		if err := <-ended; err != nil {
			require.ErrorIs(t, err, application.ErrUnavailable)
		}
	}
	all.Wait()
	_, err = log.Append(t.Context(), "x", application.NoStream, event(1))
	require.ErrorIs(t, err, application.ErrUnavailable)
	_, err = log.Head(t.Context())
	require.ErrorIs(t, err, application.ErrUnavailable)
	require.NoError(t, c.Close())
	require.NoError(t, log.Close())
}
