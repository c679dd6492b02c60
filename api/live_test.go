package api

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/domain"
)

// stuck is a client that takes nothing until it is let go.
type stuck struct {
	*httptest.ResponseRecorder
	writes chan struct{} // one for each write that has begun
	let    chan struct{}
}

func (s *stuck) Write(p []byte) (int, error) {
	s.writes <- struct{}{}
	<-s.let
	return s.ResponseRecorder.Write(p)
}

func some(n int, from uint64) (notices []application.Notice, last application.Position) {
	for i := range n {
		last = application.Position{Commit: from + uint64(i), Prepare: from + uint64(i)}
		notices = append(notices, application.Notice{Type: "OpeningRevised", Stream: "opening-x", Position: last})
	}
	return notices, last
}

func TestLive_ClientTooFarBehind_IsSentAwayWithItsPlace(t *testing.T) {
	l := NewLive(nil, nil)
	close(l.started)
	client := &stuck{httptest.NewRecorder(), make(chan struct{}, 10), make(chan struct{})}
	s := &stream{live: l, actor: domain.Actor{ID: "siti", Role: domain.RoleApplicant}, writer: client, control: http.NewResponseController(client)}
	done := make(chan error, 1)
	go func() { done <- s.run(context.Background()) }()

	require.NoError(t, l.take(some(1, 1)))
	<-client.writes // and stands still there
	for n := range 20 {
		require.NoError(t, l.take(some(liveBatch, uint64(2+n*liveBatch))))
	}
	require.Len(t, l.frames, kept, "what is held for all is bounded, whoever sleeps")
	close(client.let)
	require.ErrorIs(t, <-done, errEnded)
	body := client.Body.String()
	require.True(t, strings.HasPrefix(body, "id: 1\ndata: "), body)
	require.True(t, strings.HasSuffix(body, "\n\nretry: 5000\nid: 1\nevent: end\ndata: {\"reason\":\"too_slow\"}\n\n"), body)
}

func TestLive_After_FindsEveryPlaceThatIsHeld(t *testing.T) {
	l := NewLive(nil, nil)
	notices, last := some(kept+10, 1)
	for len(notices) > 0 {
		n := min(liveBatch, len(notices))
		require.NoError(t, l.take(notices[:n], notices[n-1].Position))
		notices = notices[n:]
	}
	_, _, _, held := l.after(application.Position{Commit: 9, Prepare: 9})
	require.False(t, held)
	for _, at := range []uint64{10, 11, 4000, last.Commit - 1, last.Commit, last.Commit + 5} {
		heard := []uint64{}
		for place := (application.Position{Commit: at, Prepare: at}); ; {
			frames, seen, _, held := l.after(place)
			require.True(t, held)
			require.LessOrEqual(t, len(frames), liveBatch)
			if len(frames) == 0 {
				require.Equal(t, max(at, last.Commit), seen.Commit)
				break
			}
			for _, f := range frames {
				heard = append(heard, f.Position.Commit)
			}
			place = seen
		}
		require.Len(t, heard, int(max(at, last.Commit)-at))
		for i, n := range heard {
			require.Equal(t, at+1+uint64(i), n)
		}
	}
}

// Nobody listens: nothing is kept and the log is left alone, until somebody comes.
func TestLive_NobodyThere_NothingIsHeld(t *testing.T) {
	l := NewLive(nil, nil)
	close(l.started)
	actor := domain.Actor{ID: "dewi", Role: domain.RoleAdmin}
	_, err := l.join(t.Context(), actor, time.Minute)
	require.NoError(t, err)
	require.NoError(t, l.take(some(5, 1)))
	require.False(t, l.idle())
	l.leave(actor)
	require.True(t, l.idle())
	require.Empty(t, l.frames)
	require.Empty(t, l.streams)
	_, err = l.join(t.Context(), actor, time.Nanosecond)
	require.Equal(t, "live_not_ready", domain.ErrorCode(err))
	require.Zero(t, l.Streams())
}
