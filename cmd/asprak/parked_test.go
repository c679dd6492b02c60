package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/application"
)

func TestParked_OnEachLog_IsListedAndHandedOutAgain(t *testing.T) {
	onEachLog(t, func(t *testing.T, address string) {
		ctx := testContext(t)
		place := storage{folder: folder{Data: t.TempDir()}, EventStore: address}
		log, err := place.openLog(ctx, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		defer log.Close()
		consumer, err := log.Consume(ctx, application.Group{Name: readersGroup, Types: []string{"DocumentUploaded"}})
		require.NoError(t, err)
		var ids []uuid.UUID
		for range 2 {
			record := application.NewRecord{ID: uuid.New(), Type: "DocumentUploaded", Data: []byte(`{}`), Metadata: []byte(`{}`)}
			_, err := log.Append(ctx, "application-"+uuid.NewString(), application.NoStream, []application.NewRecord{record})
			require.NoError(t, err)
			d, err := consumer.Next(ctx)
			require.NoError(t, err)
			require.NoError(t, consumer.Park(ctx, d, "no \x1b[31mstorage"))
			ids = append(ids, d.ID)
		}
		// listed are the ids in the list, and the list.
		listed := func() (found []string, list string) {
			var out bytes.Buffer
			require.NoError(t, (&parkedListCmd{place}).Run(ctx, environment{stdout: &out}))
			for line := range strings.Lines(out.String()) {
				found = append(found, strings.Fields(line)[0])
			}
			return found[1:], out.String() // behind the heading
		}
		replay := func(ids ...uuid.UUID) string {
			var out bytes.Buffer
			require.NoError(t, (&parkedReplayCmd{place, ids}).Run(ctx, environment{stdout: &out}))
			return out.String()
		}
		require.Eventually(t, func() bool { found, _ := listed(); return len(found) == len(ids) }, 10*time.Second, 5*time.Millisecond)
		found, list := listed()
		require.Equal(t, []string{ids[0].String(), ids[1].String()}, found)
		require.Contains(t, list, "storage")
		require.NotContains(t, list, "\x1b")

		for i, chosen := range [][]uuid.UUID{{ids[1]}, nil} { // one, then all that are left
			require.Equal(t, "1 handed out again\n", replay(chosen...))
			d, err := consumer.Next(ctx)
			require.NoError(t, err)
			require.Equal(t, ids[1-i], d.ID)
			require.Equal(t, 1, d.Attempt)
			require.NoError(t, consumer.Ack(ctx, d))
			found, _ := listed()
			require.Len(t, found, 1-i)
		}
		require.Equal(t, "0 handed out again\n", replay())
		require.NoError(t, consumer.Close())
	})
}
