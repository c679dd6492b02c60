package standin

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/infrastructure/embedded"
)

func TestKeepalive_IdleClientsThatPingEveryTenSeconds_AreWelcome(t *testing.T) {
	require.True(t, keepalivePolicy.PermitWithoutStream)
	require.LessOrEqual(t, keepalivePolicy.MinTime, 5*time.Second)
}

func TestJournal_BatchWithoutItsLastPart_IsVoid(t *testing.T) {
	dir, ctx := t.TempDir(), context.Background()
	s, err := openStore(dir)
	require.NoError(t, err)
	_, err = s.append(ctx, "s-1", noStream, []*event{newEvent("First", "x", nil)})
	require.NoError(t, err)
	at := s.journal.at
	require.NoError(t, s.close())

	log, err := embedded.Open(ctx, filepath.Join(dir, "standin.db"))
	require.NoError(t, err)
	_, err = log.Append(ctx, journalStream, at, []application.NewRecord{{ID: uuid.New(), Type: "batch", Data: []byte(`[{"stream":"s-1","revi`), Metadata: mustJSON(part{0, false})}})
	require.NoError(t, err)
	require.NoError(t, log.Close())

	for want := range int64(2) {
		s, err = openStore(dir)
		require.NoError(t, err)
		require.Equal(t, want, s.tail("s-1"))
		_, err = s.append(ctx, "s-1", expectation(want), []*event{newEvent("Next", "x", nil)})
		require.NoError(t, err)
		require.NoError(t, s.close())
	}
}

func TestStore_ManyWriters_ShareTransactionsAndLoseNothing(t *testing.T) {
	s, err := openStore(t.TempDir())
	require.NoError(t, err)
	defer func() { require.NoError(t, s.close()) }()
	const writers, each = 16, 20
	done := make(chan error, writers)
	for range writers {
		go func() {
			for range each {
				if _, err := s.append(context.Background(), "s-1", anyRevision, []*event{newEvent("Any", "x", nil)}); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range writers {
		require.NoError(t, <-done)
	}
	v := s.view()
	require.Len(t, v.all, writers*each)
	require.Equal(t, int64(writers*each-1), v.stream("s-1").last())
	for i := 1; i < len(v.all); i++ {
		require.Less(t, v.all[i-1].Position, v.all[i].Position)
	}
	require.Less(t, int(s.journal.at), writers*each, "writes that wait are written together")
}

func TestStore_CallerLeaves_TheWriteIsWholeOrNot(t *testing.T) {
	s, err := openStore(t.TempDir())
	require.NoError(t, err)
	defer func() { require.NoError(t, s.close()) }()
	for range 100 {
		ctx, cancel := context.WithCancel(context.Background())
		go cancel()
		before := s.view().stream("s-1").last()
		done, err := s.append(ctx, "s-1", anyRevision, []*event{newEvent("First", "x", nil), newEvent("Second", "x", nil)})
		if err != nil {
			require.ErrorIs(t, err, context.Canceled)
			require.Zero(t, done)
		} else {
			require.Equal(t, 2, done.events)
		}
		_, err = s.append(context.Background(), "s-2", anyRevision, []*event{newEvent("Behind", "x", nil)})
		require.NoError(t, err)
		require.Contains(t, []int64{before, before + 2}, s.view().stream("s-1").last())
	}
}

func TestStore_Closed_RefusesWrites(t *testing.T) {
	s, err := openStore(t.TempDir())
	require.NoError(t, err)
	require.NoError(t, s.close())
	_, err = s.append(context.Background(), "s-1", noStream, nil)
	require.ErrorIs(t, err, errClosed)
}
