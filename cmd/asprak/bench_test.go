package main

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
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
// another student with a token of their own, each acknowledged only when durable: on what one
// process has by itself, and on the stand-in of EventStoreDB and PostgreSQL, whose durability
// is not a real server's (the database does not sync).
func BenchmarkSubmit(b *testing.B) {
	for _, place := range []struct {
		name string
		args func() []string
	}{
		{"embedded", func() []string { return nil }},
		{"servers", func() []string {
			return []string{"--eventstore", startStandIn(b).connection, "--database", postgres.Server(b).Schema(b)}
		}},
	} {
		for _, connections := range []int{1, 64} {
			b.Run(fmt.Sprintf("%s/connections=%d", place.name, connections), func(b *testing.B) {
				submitMany(b, startProcess(b, place.args()...), connections)
			})
		}
	}
}

func submitMany(b *testing.B, p *process, connections int) {
	ctx := context.Background()
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
}

// BenchmarkReaders has scans read by processes that read one at a time: fewer than there are
// cores, as many, and more.
func BenchmarkReaders(b *testing.B) {
	const waiting = 12
	for _, readers := range []int{1, runtime.NumCPU(), 2 * runtime.NumCPU()} {
		b.Run(fmt.Sprintf("processes=%d", readers), func(b *testing.B) {
			ctx := context.Background()
			f := startFleet(b, []string{"--eventstore", startStandIn(b).connection}, map[string]int{"api": 1, "projector": 1, "reader": readers})
			set, err := samples.Load()
			require.NoError(b, err)
			sample, err := set.Find("scan.jpg")
			require.NoError(b, err)
			content, err := samples.Content(sample.File)
			require.NoError(b, err)
			round := func(documents int) {
				everyone, opening := make([]sent, documents), f.open(ctx)
				for i := range everyone {
					everyone[i], err = f.apply(ctx, opening, sample, content, i, func() {})
					require.NoError(b, err)
				}
				for _, one := range everyone {
					_, err := f.as(domain.RoleAdmin, "admin").awaitVerdict(ctx, one.application, one.document)
					require.NoError(b, err)
				}
			}
			round(2 * readers) // each reader once, and again
			documents := 0
			for b.Loop() {
				round(waiting)
				documents += waiting
			}
			b.ReportMetric(float64(documents)/b.Elapsed().Seconds(), "documents/s")
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
