package embedded_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/application"
)

var (
	benchData     = []byte(`{"application_id":"5b8bb7de-6b0a-5d6c-9a52-7f1e7f3f3a55","opening_id":"0f0b6c7e-3c63-5e8f-9a7a-6a2d1d3c9b11","name":"Sample Applicant","nim":"21/482851/SV/20006","email":"sample@example.org","programme":"Teknologi Rekayasa Perangkat Lunak"}`)
	benchMetadata = []byte(`{"actor":{"id":"sample","role":"applicant"},"occurred_at":"2026-01-01T00:00:00Z","correlation_id":"6c1c8b0e-8f25-4b58-8df4-0d3df4a1f1a0","causation_id":"9d3f5d0e-53c8-45f7-8b0c-24c3e5d2b7aa","version":1}`)
)

func benchEvent() application.NewRecord {
	return application.NewRecord{ID: uuid.New(), Type: "ApplicationSubmitted", Data: benchData, Metadata: benchMetadata}
}

// BenchmarkAppend appends one event a call to a new stream, as submitting an application does.
func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 16, 64} {
		b.Run(fmt.Sprint(writers), func(b *testing.B) {
			log := fresh(b)
			var left atomic.Int64
			left.Store(int64(b.N))
			b.ResetTimer()
			var all sync.WaitGroup
			for range writers {
				all.Go(func() {
					for left.Add(-1) >= 0 {
						e := benchEvent()
						if _, err := log.Append(b.Context(), "application-"+e.ID.String(), application.NoStream, []application.NewRecord{e}); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			all.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
		})
	}
}

// BenchmarkRawInsert is the yardstick: the same rows into the same table, 64 in a transaction,
// by one goroutine that does nothing else.
func BenchmarkRawInsert(b *testing.B) {
	const batch = 64
	path := filepath.Join(b.TempDir(), "log.db")
	require.NoError(b, open(b, path).Close())
	db, err := sql.Open("sqlite3", "file:"+path+"?_journal_mode=WAL&_synchronous=FULL")
	require.NoError(b, err)
	defer db.Close()
	db.SetMaxOpenConns(1)
	_, err = db.Exec("PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -16384")
	require.NoError(b, err)
	b.ResetTimer()
	for done := 0; done < b.N; {
		tx, err := db.Begin()
		require.NoError(b, err)
		insert, err := tx.Prepare("INSERT INTO events (position, stream, revision, id, type, recorded_at, metadata, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
		require.NoError(b, err)
		for range batch {
			e := benchEvent()
			_, err := insert.Exec(done+1, "application-"+e.ID.String(), 0, e.ID[:], e.Type, time.Now().UnixMicro(), e.Metadata, e.Data)
			require.NoError(b, err)
			done++
		}
		require.NoError(b, tx.Commit())
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
}

// BenchmarkReadStream reads what every command begins with: a stream that has no event yet,
// one that has nothing new, and one of a single event.
func BenchmarkReadStream(b *testing.B) {
	const streams = 5000
	log := fresh(b)
	for n := range streams {
		_, err := log.Append(b.Context(), fmt.Sprintf("application-%d", n), application.NoStream, []application.NewRecord{benchEvent()})
		require.NoError(b, err)
	}
	for _, read := range []struct {
		name   string
		prefix string
		from   application.Revision
		found  int
	}{{"none", "opening-", 0, 0}, {"nothing new", "application-", 1, 0}, {"one", "application-", 0, 1}} {
		b.Run(read.name, func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n++
				records, err := log.ReadStream(b.Context(), fmt.Sprint(read.prefix, n%streams), read.from)
				if err != nil || len(records) != read.found {
					b.Fatal(len(records), err)
				}
			}
		})
	}
}

func BenchmarkFollow(b *testing.B) {
	const stored = 20_000
	log := fresh(b)
	for n := 0; n < stored; n += 500 {
		events := make([]application.NewRecord, 500)
		for i := range events {
			events[i] = benchEvent()
		}
		_, err := log.Append(b.Context(), fmt.Sprintf("application-%d", n), application.NoStream, events)
		require.NoError(b, err)
	}
	b.ResetTimer()
	for read := 0; read < b.N; {
		follower, err := log.Follow(b.Context(), application.Position{})
		require.NoError(b, err)
		for pass := 0; pass < stored && read < b.N; {
			records, err := follower.Next(b.Context(), 500)
			require.NoError(b, err)
			pass += len(records)
			read += len(records)
		}
		require.NoError(b, follower.Close())
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkQueue takes and acknowledges one delivery at a time.
func BenchmarkQueue(b *testing.B) {
	log := fresh(b)
	for n := 0; n < b.N; n += 500 {
		events := make([]application.NewRecord, 500)
		for i := range events {
			events[i] = benchEvent()
		}
		_, err := log.Append(b.Context(), fmt.Sprintf("application-%d", n), application.NoStream, events)
		require.NoError(b, err)
	}
	consumer, err := log.Consume(b.Context(), application.Group{Name: "bench", Types: []string{"ApplicationSubmitted"}})
	require.NoError(b, err)
	b.ResetTimer()
	for range b.N {
		d, err := consumer.Next(b.Context())
		require.NoError(b, err)
		require.NoError(b, consumer.Ack(b.Context(), d))
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
}

// BenchmarkAppendWithReactions appends at 16 writers while 4 consumers take and acknowledge
// everything, as in a service whose reactions keep up.
func BenchmarkAppendWithReactions(b *testing.B) {
	const writers, consumers = 16, 4
	log := fresh(b)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	var left, acked atomic.Int64
	left.Store(int64(b.N))
	b.ResetTimer()
	var appending, consuming sync.WaitGroup
	for range consumers {
		consumer, err := log.Consume(ctx, application.Group{Name: "bench", Types: []string{"ApplicationSubmitted"}})
		require.NoError(b, err)
		consuming.Go(func() {
			for {
				d, err := consumer.Next(ctx)
				if err != nil {
					return
				}
				if err := consumer.Ack(b.Context(), d); err != nil {
					b.Error(err)
				}
				if acked.Add(1) == int64(b.N) {
					cancel()
				}
			}
		})
	}
	for range writers {
		appending.Go(func() {
			for left.Add(-1) >= 0 {
				e := benchEvent()
				if _, err := log.Append(b.Context(), "application-"+e.ID.String(), application.NoStream, []application.NewRecord{e}); err != nil {
					b.Error(err)
				}
			}
		})
	}
	appending.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
	consuming.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "handled/s")
}
