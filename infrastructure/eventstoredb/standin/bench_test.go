package standin_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/infrastructure/eventstoredb/standin"
)

// BenchmarkAppend appends one event a call to a new stream through the client.
func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 16, 64} {
		b.Run(fmt.Sprint(writers), func(b *testing.B) {
			s, err := standin.New(standin.Options{Dir: b.TempDir()})
			require.NoError(b, err)
			defer s.Close()
			configuration, err := esdb.ParseConnectionString(s.ConnectionString())
			require.NoError(b, err)
			configuration.Logger = esdb.NoopLogging()
			c, err := esdb.NewClient(configuration)
			require.NoError(b, err)
			defer c.Close()
			var left atomic.Int64
			left.Store(int64(b.N))
			b.ResetTimer()
			var all sync.WaitGroup
			for range writers {
				all.Go(func() {
					for left.Add(-1) >= 0 {
						if _, err := c.AppendToStream(context.Background(), "s-"+uuid.NewString(), esdb.AppendToStreamOptions{ExpectedRevision: esdb.NoStream{}}, some("Benched")); err != nil {
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
