package embedded_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/infrastructure/embedded"
)

func TestOpenReadOnly_BesideAWriter_SeesWhatIsCommittedAndWritesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.db")
	writing, err := embedded.Open(t.Context(), path)
	require.NoError(t, err)
	add := func(expected application.Revision) {
		_, err := writing.Append(t.Context(), "a-1", expected, []application.NewRecord{{ID: uuid.New(), Type: "T", Data: []byte("{}"), Metadata: []byte("{}")}})
		require.NoError(t, err)
	}
	add(application.NoStream)
	reading, err := embedded.OpenReadOnly(t.Context(), path)
	require.NoError(t, err)
	add(0)
	records, err := reading.ReadStream(t.Context(), "a-1", 0)
	require.NoError(t, err)
	require.Len(t, records, 2, "what came after it was opened too")
	follower, err := reading.Follow(t.Context(), application.Position{}, "T")
	require.NoError(t, err)
	followed, err := follower.Next(t.Context(), 10)
	require.NoError(t, err)
	require.Equal(t, records, followed)
	_, err = reading.Append(t.Context(), "a-1", 1, []application.NewRecord{{ID: uuid.New(), Type: "T", Data: []byte("{}"), Metadata: []byte("{}")}})
	require.ErrorIs(t, err, application.ErrUnavailable)
	require.NoError(t, writing.Close())

	_, err = reading.Head(t.Context())
	require.NoError(t, err)
	require.NoError(t, reading.Close())
	require.NoError(t, reading.Close())
	_, err = reading.Head(t.Context())
	require.ErrorIs(t, err, application.ErrUnavailable)
	alone, err := embedded.OpenReadOnly(t.Context(), path)
	require.NoError(t, err)
	records, err = alone.ReadStream(t.Context(), "a-1", 1)
	require.NoError(t, err)
	require.Len(t, records, 1)
	require.NoError(t, alone.Close())
}

func TestOpenReadOnly_NoLog_SaysSoAndMakesNone(t *testing.T) {
	dir := t.TempDir()
	_, err := embedded.OpenReadOnly(t.Context(), filepath.Join(dir, "log.db"))
	require.ErrorIs(t, err, os.ErrNotExist)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries)
	_, err = embedded.OpenReadOnly(t.Context(), dir)
	require.ErrorContains(t, err, "is not a file")
	other := filepath.Join(dir, "other")
	require.NoError(t, os.WriteFile(other, []byte("not a database, but long enough to be read as one by somebody who does not look"), 0o600))
	_, err = embedded.OpenReadOnly(t.Context(), other)
	require.ErrorContains(t, err, "is not an event log")
}
