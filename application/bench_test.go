package application_test

import (
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/domain"
	"asprak/infrastructure/embedded"
)

// BenchmarkSubmit is the write path with its durable append, at 64 writers.
func BenchmarkSubmit(b *testing.B) {
	for _, keyed := range []bool{false, true} {
		b.Run(fmt.Sprintf("keyed=%v", keyed), func(b *testing.B) {
			log, err := embedded.Open(b.Context(), filepath.Join(b.TempDir(), "log.db"))
			require.NoError(b, err)
			defer log.Close()
			s := application.New(log, nil, application.Options{Clock: func() time.Time { return during }})
			opening, err := s.PublishOpening(b.Context(), by(admin), details())
			require.NoError(b, err)
			var n atomic.Int64
			b.SetParallelism(64)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					id := fmt.Sprint("applicant-", n.Add(1))
					req := by(domain.Actor{ID: id, Role: domain.RoleApplicant})
					if keyed {
						req.IdempotencyKey = id
					}
					if _, err := s.Submit(b.Context(), req, opening.ID, applicant()); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
