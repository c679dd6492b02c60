package projections_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/domain"
	"asprak/infrastructure/embedded"
	"asprak/projections"
)

// writer appends applications to a log.
type writer struct {
	log   *embedded.Log
	codec *application.Codec
}

func openLog(t testing.TB) *writer {
	log, err := embedded.Open(context.Background(), filepath.Join(t.TempDir(), "log.db"))
	require.NoError(t, err)
	t.Cleanup(func() { log.Close() })
	return &writer{log, application.NewCodec()}
}

func (w *writer) submit(t testing.TB, subject string) (uuid.UUID, application.Position) {
	opening := uuid.MustParse("11111111-1111-4111-8111-111111111111")
	id := domain.ApplicationID(opening, subject)
	r, err := w.codec.Encode(
		&domain.ApplicationSubmitted{ApplicationID: id, OpeningID: opening, Applicant: domain.Applicant{ID: subject, Name: subject, NIM: subject}},
		domain.Metadata{EventID: uuid.New(), OccurredAt: time.Now().UTC(), Actor: domain.Actor{ID: subject, Role: domain.RoleApplicant}}, nil)
	require.NoError(t, err)
	done, err := w.log.Append(context.Background(), "application-"+id.String(), application.NoStream, []application.NewRecord{r})
	require.NoError(t, err)
	return id, done.Position
}

// run follows the log until the returned function is called.
func run(t testing.TB, s *projections.Store, log application.Log) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, log, application.NewCodec()) }()
	var stopped atomic.Bool
	stop = func() {
		if stopped.CompareAndSwap(false, true) {
			cancel()
			require.NoError(t, <-ended)
		}
	}
	t.Cleanup(stop)
	return stop
}

func waitFor(t testing.TB, s *projections.Store, position application.Position) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	require.NoError(t, s.Wait(ctx, position))
}

func TestRun_OverARealLog_FollowsAcrossRestarts(t *testing.T) {
	for name, place := range projections.Places {
		t.Run(name, func(t *testing.T) { followAcrossRestarts(t, place(t)) })
	}
}

func followAcrossRestarts(t *testing.T, place string) {
	w := openLog(t)
	open := func() *projections.Store {
		s, err := projections.Open(context.Background(), place)
		require.NoError(t, err)
		return s
	}
	s := open()
	before, _ := w.submit(t, "before")
	stop := run(t, s, w.log)
	live, position := w.submit(t, "live")
	waitFor(t, s, position)
	for _, id := range []uuid.UUID{before, live} {
		_, err := s.Application(context.Background(), id)
		require.NoError(t, err)
	}
	require.GreaterOrEqual(t, s.Seen().Compare(position), 0)
	require.ErrorIs(t, s.Run(context.Background(), w.log, w.codec), projections.ErrRunning)
	stop()
	require.NoError(t, s.Close())

	between, position := w.submit(t, "between")
	s = open()
	defer s.Close()
	_, err := s.Application(context.Background(), between)
	require.Equal(t, "application_not_found", domain.ErrorCode(err))
	stop = run(t, s, w.log)
	waitFor(t, s, position)
	page, err := s.Applications(context.Background(), projections.ApplicationQuery{})
	require.NoError(t, err)
	require.Len(t, page.Items, 3)
	stop()
}

// flaky is a log whose followers are lost after each batch, and sometimes cannot be opened.
type flaky struct {
	application.Log
	opened atomic.Int64
}

var errLost = errors.New("connection lost")

func (f *flaky) Follow(ctx context.Context, after application.Position, types ...string) (application.Follower, error) {
	if f.opened.Add(1)%2 == 1 {
		return nil, errLost
	}
	follower, err := f.Log.Follow(ctx, after, types...)
	return &shortLived{Follower: follower}, err
}

type shortLived struct {
	application.Follower
	served bool
}

func (f *shortLived) Next(ctx context.Context, max int) ([]application.Record, error) {
	if f.served {
		return nil, errLost
	}
	f.served = true
	return f.Follower.Next(ctx, min(max, 2))
}

func TestRun_LogIsLost_FollowsAgainFromWhatIsCommitted(t *testing.T) {
	for name, place := range projections.Places {
		t.Run(name, func(t *testing.T) { followAgain(t, open(t, place(t))) })
	}
}

func followAgain(t *testing.T, s *projections.Store) {
	w := openLog(t)
	log := &flaky{Log: w.log}
	var last application.Position
	for _, subject := range []string{"a", "b", "c"} {
		_, last = w.submit(t, subject)
	}
	stop := run(t, s, log)
	require.Eventually(t, func() bool { return s.Status()[0].Error != "" }, 5*time.Second, time.Millisecond, "a lost log is told")
	waitFor(t, s, last)
	require.GreaterOrEqual(t, log.opened.Load(), int64(4))
	page, err := s.Audit(context.Background(), projections.AuditQuery{})
	require.NoError(t, err)
	require.Len(t, page.Items, 3)
	stop()
}

// BenchmarkRun follows a real log: one that is there already, and one that 64 writers are
// writing meanwhile, from the first append to the last event seen.
func BenchmarkRun(b *testing.B) {
	const events, writers = 6400, 64
	write := func(w *writer) application.Position {
		var all sync.WaitGroup
		for i := range writers {
			all.Go(func() {
				for j := range events / writers {
					w.submit(b, fmt.Sprintf("subject-%d-%d", i, j))
				}
			})
		}
		all.Wait()
		head, err := w.log.Head(context.Background())
		require.NoError(b, err)
		return head
	}
	for _, database := range []string{"sqlite", "postgres"} {
		for _, name := range []string{"behind", "live"} {
			b.Run(database+"/"+name, func(b *testing.B) {
				for b.Loop() {
					b.StopTimer()
					w := openLog(b)
					s, err := projections.Open(context.Background(), projections.Places[database](b))
					require.NoError(b, err)
					var head application.Position
					if name == "behind" {
						head = write(w)
					}
					b.StartTimer()
					stop := run(b, s, w.log)
					if name == "live" {
						head = write(w)
					}
					waitFor(b, s, head)
					b.StopTimer()
					stop()
					require.NoError(b, s.Close())
					b.StartTimer()
				}
				b.ReportMetric(float64(events*b.N)/b.Elapsed().Seconds(), "events/s")
			})
		}
	}
}
