package eventstoredb_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/application"
)

// patience bounds every wait; a test that meets it has failed.
const patience = 20 * time.Second

func bounded(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func event(kind string) application.NewRecord {
	return application.NewRecord{ID: uuid.New(), Type: kind, Data: []byte(`{"a":1}`), Metadata: []byte(`{}`)}
}

func events(kind string, n int) []application.NewRecord {
	records := make([]application.NewRecord, n)
	for i := range records {
		records[i] = event(kind)
	}
	return records
}

func appendTo(t testing.TB, log application.Log, stream string, expected application.Revision, records ...application.NewRecord) application.Appended {
	t.Helper()
	appended, err := log.Append(bounded(t), stream, expected, records)
	require.NoError(t, err)
	return appended
}

func read(t testing.TB, log application.Log, stream string) []application.Record {
	t.Helper()
	records, err := log.ReadStream(bounded(t), stream, 0)
	require.NoError(t, err)
	return records
}

func follow(t testing.TB, log application.Log, after application.Position, types ...string) application.Follower {
	t.Helper()
	follower, err := log.Follow(bounded(t), after, types...)
	require.NoError(t, err)
	t.Cleanup(func() { follower.Close() })
	return follower
}

func next(t testing.TB, follower application.Follower, n int) []uuid.UUID {
	t.Helper()
	ctx := bounded(t)
	var got []uuid.UUID
	for len(got) < n {
		records, err := follower.Next(ctx, n-len(got))
		require.NoError(t, err, "%d of %d came", len(got), n)
		got = append(got, idsOf(records)...)
	}
	return got
}

func consume(t testing.TB, queue application.Queue, group application.Group) application.Consumer {
	t.Helper()
	consumer, err := queue.Consume(bounded(t), group)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, consumer.Close()) })
	return consumer
}

func take(t testing.TB, consumer application.Consumer) application.Delivery {
	t.Helper()
	d, err := consumer.Next(bounded(t))
	require.NoError(t, err)
	return d
}

func idsOf[R application.NewRecord | application.Record | application.Parked](records []R) []uuid.UUID {
	ids := make([]uuid.UUID, len(records))
	for i, r := range records {
		switch r := any(r).(type) {
		case application.NewRecord:
			ids[i] = r.ID
		case application.Record:
			ids[i] = r.ID
		case application.Parked:
			ids[i] = r.ID
		}
	}
	return ids
}

// journal is a logger that a test can ask.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) logger() *slog.Logger { return slog.New(j) }

func (j *journal) Enabled(context.Context, slog.Level) bool { return true }
func (j *journal) WithAttrs([]slog.Attr) slog.Handler       { return j }
func (j *journal) WithGroup(string) slog.Handler            { return j }
func (j *journal) Handle(_ context.Context, r slog.Record) error {
	line := r.Level.String() + " " + r.Message
	r.Attrs(func(a slog.Attr) bool {
		line += fmt.Sprintf(" %s=%v", a.Key, a.Value)
		return true
	})
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
	return nil
}

func (j *journal) count(text string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := 0
	for _, line := range j.lines {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}
