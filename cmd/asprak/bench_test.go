package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/cmd/asprak/samples"
	"asprak/domain"
	"asprak/infrastructure/identity"
)

// BenchmarkSubmit drives POST /v1/applications of the real binary over loopback, each request by
// another student with a token of their own, each acknowledged only when durable.
func BenchmarkSubmit(b *testing.B) {
	for _, connections := range []int{1, 64} {
		b.Run(fmt.Sprintf("connections=%d", connections), func(b *testing.B) {
			ctx := context.Background()
			p := startProcess(b)
			set, err := samples.Load()
			require.NoError(b, err)
			var opening answer
			require.NoError(b, p.as(domain.RoleAdmin, "admin").post(ctx, "/v1/openings", sampleOpening("Praktikum", set.Requirement), &opening))
			keys, err := identity.Open(folder{Data: p.data}.key())
			require.NoError(b, err)
			callers := make([]caller, b.N)
			for i := range callers {
				token, err := keys.Issue(fmt.Sprintf("student-%d", i), domain.RoleApplicant, time.Hour)
				require.NoError(b, err)
				callers[i] = caller{base: p.base, token: func() (string, error) { return token, nil }}
			}
			http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost = connections
			body := map[string]any{"opening_id": opening.ID, "applicant": map[string]any{
				"name": "Siti Rahmawati Putri", "nim": "2010511042", "email": "siti@example.ac.id", "programme": "Informatika"}}
			took := make([]time.Duration, b.N)
			var next atomic.Int64
			var group sync.WaitGroup
			b.ResetTimer()
			for range connections {
				group.Go(func() {
					for {
						i := int(next.Add(1)) - 1
						if i >= b.N {
							return
						}
						began := time.Now()
						var a answer
						if err := callers[i].post(ctx, "/v1/applications", body, &a); err != nil {
							b.Error(err)
							return
						}
						took[i] = time.Since(began)
					}
				})
			}
			group.Wait()
			b.StopTimer()
			reportLatency(b, took)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
		})
	}
}

// BenchmarkVerdict takes the time from the answer to an upload until the verdict can be
// fetched, on an idle, warm server; each upload has bytes of its own, so nothing is reused.
func BenchmarkVerdict(b *testing.B) {
	for _, file := range []string{"khs.pdf", "scan.jpg"} {
		b.Run(file, func(b *testing.B) {
			ctx := context.Background()
			p := startProcess(b)
			set, err := samples.Load()
			require.NoError(b, err)
			sample, err := set.Find(file)
			require.NoError(b, err)
			content, err := samples.Content(file)
			require.NoError(b, err)
			var opening answer
			require.NoError(b, p.as(domain.RoleAdmin, "admin").post(ctx, "/v1/openings", sampleOpening("Praktikum", set.Requirement), &opening))
			once := func() time.Duration {
				student := p.as(domain.RoleApplicant, uuid.NewString())
				var submitted, uploaded answer
				require.NoError(b, student.post(ctx, "/v1/applications", map[string]any{"opening_id": opening.ID, "applicant": map[string]any{
					"name": sample.Applicant.Name, "nim": sample.Applicant.NIM, "email": "s@example.ac.id", "programme": "TRPL"}}, &submitted))
				own := append(slices.Clone(content), ("\n% " + uuid.NewString() + "\n")...)
				require.NoError(b, student.upload(ctx, "/v1/applications/"+submitted.ID+"/documents", file, own, &uploaded))
				began := time.Now()
				_, err := student.awaitVerdict(ctx, submitted.ID, uploaded.DocumentID)
				require.NoError(b, err)
				return time.Since(began)
			}
			for range 4 { // each reader child once, and again
				once()
			}
			took := make([]time.Duration, b.N)
			b.ResetTimer()
			for i := range took {
				took[i] = once()
			}
			reportLatency(b, took)
		})
	}
}

func reportLatency(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	at := func(share float64) float64 {
		return float64(took[int(share*float64(len(took)-1))].Microseconds()) / 1000
	}
	b.ReportMetric(at(0.5), "p50-ms")
	b.ReportMetric(at(0.99), "p99-ms")
}
