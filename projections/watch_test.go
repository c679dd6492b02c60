package projections_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/domain"
	"asprak/projections"
)

// watch watches until the test ends.
func watch(t testing.TB, s *projections.Store) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Watch(ctx) }()
	t.Cleanup(func() { cancel(); require.NoError(t, <-ended) })
}

func audited(t testing.TB, s *projections.Store) int {
	page, err := s.Audit(context.Background(), projections.AuditQuery{Limit: 100})
	require.NoError(t, err)
	require.Empty(t, page.Next)
	return len(page.Items)
}

func TestWatch_AnotherProcessProjects_WaitIsWokenByIt(t *testing.T) {
	for name, place := range projections.Places {
		t.Run(name, func(t *testing.T) { waitIsWoken(t, place(t)) })
	}
}

func waitIsWoken(t *testing.T, place string) {
	w := openLog(t)
	projector, reader := open(t, place), open(t, place)
	run(t, projector, w.log)
	watch(t, reader)
	if projections.OnServer(place) {
		require.Eventually(t, func() bool { return projections.Listening(t, reader) }, 10*time.Second, 5*time.Millisecond)
	}
	began := time.Now()
	const many = 20
	for i := range many {
		id, position := w.submit(t, fmt.Sprint("subject-", i))
		waitFor(t, reader, position)
		require.GreaterOrEqual(t, reader.Seen().Compare(position), 0)
		_, err := reader.Application(context.Background(), id)
		require.NoError(t, err)
	}
	require.Less(t, time.Since(began), 3*time.Second, "the slow look is not needed")
	require.ErrorIs(t, reader.Run(context.Background(), w.log, w.codec), projections.ErrRunning)
	for _, m := range reader.Status() {
		require.Empty(t, m.Error)
		require.Equal(t, projector.Seen(), m.Position)
	}
	require.True(t, projector.Leads())
	require.False(t, reader.Leads())
}

func TestRun_SeveralProcesses_OneProjectsAndAnotherGoesOn(t *testing.T) {
	for name, place := range projections.Places {
		t.Run(name, func(t *testing.T) { anotherGoesOn(t, place(t)) })
	}
}

func anotherGoesOn(t *testing.T, place string) {
	w := openLog(t)
	stores := []*projections.Store{open(t, place), open(t, place), open(t, place)}
	stops := make([]func(), len(stores))
	for i, s := range stores {
		stops[i] = run(t, s, w.log)
	}
	leader := func(but int) int {
		found := -1
		require.Eventually(t, func() bool {
			leaders := 0
			for i, s := range stores {
				if s.Leads() && i != but {
					found = i
					leaders++
				}
			}
			return leaders == 1
		}, 10*time.Second, 5*time.Millisecond)
		return found
	}
	first := leader(-1)
	_, position := w.submit(t, "a")
	for _, s := range stores {
		waitFor(t, s, position)
	}

	// On a server the holder's sessions die under it; whoever is next goes on, and it stands ready again.
	began := time.Now()
	if projections.OnServer(place) {
		require.NotZero(t, projections.Terminate(t, place))
	}
	_, position = w.submit(t, "b")
	for _, s := range stores {
		waitFor(t, s, position)
	}
	require.Less(t, time.Since(began), 8*time.Second)

	first = leader(-1)
	began = time.Now()
	stops[first]()
	second := leader(first)
	require.NotEqual(t, first, second)
	_, position = w.submit(t, "c")
	for i, s := range stores {
		if i != first {
			waitFor(t, s, position)
		}
	}
	require.Less(t, time.Since(began), 5*time.Second)
	require.Equal(t, 3, audited(t, stores[second]), "each event counts once")
}

func TestWatch_ProjectorStandsStill_WaitersAreToldAtOnce(t *testing.T) {
	for name, place := range projections.Places {
		t.Run(name, func(t *testing.T) { waitersAreTold(t, place(t)) })
	}
}

func waitersAreTold(t *testing.T, place string) {
	w := openLog(t)
	projector, reader := open(t, place), open(t, place)
	stop := run(t, projector, w.log)
	watch(t, reader)
	_, good := w.submit(t, "a")
	waitFor(t, reader, good)
	id := uuid.NewString()
	broken, err := w.log.Append(context.Background(), "application-"+id, application.NoStream,
		[]application.NewRecord{{ID: uuid.New(), Type: "ApplicationWithdrawn", Data: []byte(`{"reason":7}`), Metadata: []byte(`{}`)}})
	require.NoError(t, err)

	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	require.Equal(t, "not_caught_up", domain.ErrorCode(reader.Wait(ctx, broken.Position)))
	require.NoError(t, reader.Wait(ctx, good))
	said := map[string]string{}
	for _, m := range reader.Status() {
		said[m.Name] = m.Error
	}
	require.Contains(t, said["documents"], "ApplicationWithdrawn")
	require.Empty(t, said["audit"])
	stop()
}
