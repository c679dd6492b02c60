// Package logtest is the contract of application.Log and application.Queue as tests: every
// adapter passes it. It asserts nothing that one of the adapters cannot give: positions are
// opaque and only compared, a log may hold events of others, a queue promises no order.
package logtest

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/application"
)

// patience bounds every wait; a test that meets it has failed.
const patience = 30 * time.Second

// fixture is a log with names that no other test uses.
type fixture struct {
	*testing.T
	ctx    context.Context
	log    application.Log
	stream string
	kind   string
	start  application.Position
}

func newFixture(t *testing.T, log application.Log) *fixture {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	start, err := log.Head(ctx)
	require.NoError(t, err)
	name := uuid.NewString()
	return &fixture{T: t, ctx: ctx, log: log, stream: "contract-" + name, kind: "Contract" + name[:8], start: start}
}

func events(kind string, n int) []application.NewRecord {
	records := make([]application.NewRecord, n)
	for i := range records {
		data, _ := json.Marshal(map[string]any{"number": i, "text": "ü\u2028\"<"})
		records[i] = application.NewRecord{ID: uuid.New(), Type: kind, Data: data, Metadata: []byte(`{"by":"contract"}`)}
	}
	return records
}

func (f *fixture) append(stream string, expected application.Revision, records ...application.NewRecord) application.Appended {
	f.Helper()
	appended, err := f.log.Append(f.ctx, stream, expected, records)
	require.NoError(f, err)
	return appended
}

func (f *fixture) read(stream string) []application.Record {
	f.Helper()
	records, err := f.log.ReadStream(f.ctx, stream, 0)
	require.NoError(f, err)
	return records
}

func (f *fixture) follow(after application.Position, types ...string) application.Follower {
	f.Helper()
	follower, err := f.log.Follow(f.ctx, after, types...)
	require.NoError(f, err)
	f.Cleanup(func() { follower.Close() })
	return follower
}

// next reads n records of the fixture's types.
func (f *fixture) next(follower application.Follower, n int) []application.Record {
	f.Helper()
	var records []application.Record
	for len(records) < n {
		batch, err := follower.Next(f.ctx, n-len(records))
		require.NoError(f, err)
		require.NotEmpty(f, batch)
		require.LessOrEqual(f, len(batch), n-len(records))
		records = append(records, batch...)
	}
	return records
}

func ids[R application.NewRecord | application.Record](records []R) []uuid.UUID {
	out := make([]uuid.UUID, len(records))
	for i, r := range records {
		switch r := any(r).(type) {
		case application.NewRecord:
			out[i] = r.ID
		case application.Record:
			out[i] = r.ID
		}
	}
	return out
}

func requireGrowing(t testing.TB, records []application.Record) {
	t.Helper()
	for i := 1; i < len(records); i++ {
		require.Positive(t, records[i].Position.Compare(records[i-1].Position), "positions must grow")
	}
}
