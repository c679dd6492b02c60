package main

import (
	"bytes"
	"context"
	"flag"
	"math/rand/v2"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/application/logtest"
	"asprak/cmd/asprak/samples"
	"asprak/domain"
	"asprak/infrastructure/embedded"
	"asprak/projections/postgrestest"
)

const (
	smallLog = 10_000 // events

	paired = 500 // questions of each kind to each server
)

var largeLog = flag.Int("large", 1_000_000, "events in the log of BenchmarkLarge")

// BenchmarkLarge works on a log of a million events: how quickly read models are rebuilt, in what
// memory, what a rebuild costs those who ask meanwhile, and how answers grow with the log.
func BenchmarkLarge(b *testing.B) {
	large, small := b.TempDir(), b.TempDir()
	fillLog(b, large, *largeLog)
	fillLog(b, small, smallLog)
	b.Run("sqlite", func(b *testing.B) {
		servers := []*grown{growServer(b, small, smallLog, "embedded"), growServer(b, large, *largeLog, "embedded")}
		b.Run("growth", func(b *testing.B) { growth(b, servers[0], servers[1]) })
		for _, model := range []string{"openings", "audit", "applications"} {
			b.Run("rebuild/"+model, func(b *testing.B) { rebuildLarge(b, servers[1], model) })
		}
		b.Run("asked", func(b *testing.B) { askMeanwhile(b, servers[1]) })
	})
	b.Run("postgres", func(b *testing.B) {
		// As one in use is set: without autovacuum rows that change often become slow to find.
		server, err := postgrestest.Start("autovacuum=on", "shared_buffers=2GB")
		require.NoError(b, err)
		b.Cleanup(server.Stop)
		servers := []*grown{growServer(b, small, smallLog, server.Schema(b)), growServer(b, large, *largeLog, server.Schema(b))}
		_, err = server.Admin().Exec(`VACUUM ANALYZE`)
		require.NoError(b, err)
		b.Run("growth", func(b *testing.B) { growth(b, servers[0], servers[1]) })
	})
}

// grown is a server whose read models have taken in a made-up log.
type grown struct {
	*process
	applications int // that are there
	admin        *caller
}

func growServer(b *testing.B, data string, events int, database string) *grown {
	ctx := context.Background()
	log, err := embedded.OpenReadOnly(ctx, folder{Data: data}.log())
	require.NoError(b, err)
	head, err := log.Head(ctx)
	require.NoError(b, err)
	require.NoError(b, log.Close())
	began := time.Now()
	g := &grown{process: launchProcess(b, data, "--roles", "api,projector", "--database", database), applications: events / 10}
	g.await()
	token, err := g.as(domain.RoleAdmin, "somebody").token()
	require.NoError(b, err)
	g.admin = &caller{base: g.base, token: func() (string, error) { return token, nil }, position: head.String()}
	require.Eventually(b, func() bool {
		var page struct{}
		return g.admin.get(ctx, "/v1/audit?limit=1", &page) == nil
	}, 2*time.Hour, 100*time.Millisecond)
	b.Logf("%d events taken in live, %.0f a second", events, float64(events)/time.Since(began).Seconds())
	g.admin.position = ""
	return g
}

// questions are what a page of a frontend asks, of any application of the first that are there. As many
// rows answer on a small log.
var questions = []struct {
	name string
	path func(opening, application uuid.UUID, applicant domain.Applicant) string
}{
	{"list", func(uuid.UUID, uuid.UUID, domain.Applicant) string { return "/v1/applications?state=declined" }},
	{"list-of-opening", func(opening, _ uuid.UUID, _ domain.Applicant) string {
		return "/v1/applications?limit=5&opening_id=" + opening.String()
	}},
	{"search", func(_, _ uuid.UUID, a domain.Applicant) string {
		return "/v1/applications?limit=3&search=" + url.QueryEscape(a.Name[:len(a.Name)-2])
	}},
	{"search-any-order", func(_, _ uuid.UUID, a domain.Applicant) string {
		words := strings.Fields(a.Name)
		return "/v1/applications?limit=3&search=" + url.QueryEscape(words[2]+" "+words[0][:2])
	}},
	{"detail", func(_, application uuid.UUID, _ domain.Applicant) string {
		return "/v1/applications/" + application.String()
	}},
	{"history", func(_, application uuid.UUID, _ domain.Applicant) string {
		return "/v1/applications/" + application.String() + "/history"
	}},
	{"audit-of-applicant", func(_, _ uuid.UUID, a domain.Applicant) string { return "/v1/audit?actor=" + a.ID }},
	{"audit-of-admin", func(uuid.UUID, uuid.UUID, domain.Applicant) string { return "/v1/audit?actor=admin-1" }},
}

func (g *grown) ask(ctx context.Context, path string) (time.Duration, error) {
	began := time.Now()
	var answered any
	err := g.admin.get(ctx, path, &answered)
	return time.Since(began), err
}

// growth asks both servers the same, in turns, about applications that both have.
func growth(b *testing.B, small, large *grown) {
	ctx := context.Background()
	for _, q := range questions {
		b.Run(q.name, func(b *testing.B) {
			var took [2][]time.Duration
			for range paired {
				for i, server := range []*grown{small, large} {
					one, err := server.ask(ctx, q.path(logtest.Filled(rand.IntN(server.applications))))
					require.NoError(b, err)
					took[i] = append(took[i], one)
				}
			}
			reportLatency(b, took[1])
			slices.Sort(took[0])
			b.ReportMetric(float64(took[1][paired/2])/float64(took[0][paired/2]), "p50-to-small")
		})
	}
}

var buildRate = regexp.MustCompile(`(\d+) events, (\d+) a second`)

// rebuildLarge lets the command build the model beside a server that nobody asks.
func rebuildLarge(b *testing.B, g *grown, model string) {
	_, progress, memory := g.rebuildModel(b, model)
	lines := buildRate.FindAllStringSubmatch(progress, -1)
	require.NotEmpty(b, lines, progress)
	rate, err := strconv.ParseFloat(lines[len(lines)-1][2], 64)
	require.NoError(b, err)
	b.ReportMetric(rate, "events/s")
	b.ReportMetric(memory, "peak-MB")
	g.mustProject("drop", model)
}

// rebuildModel answers with what the command printed and the most memory that it held, in MB.
func (g *grown) rebuildModel(b *testing.B, model string) (stdout, progress string, memory float64) {
	cmd := g.projections("rebuild", model)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	require.NoError(b, cmd.Run(), "%s", &errs)
	return out.String(), errs.String(), float64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss) / 1000
}

// askMeanwhile asks a server at one pace, before and while the audit is rebuilt beside it.
func askMeanwhile(b *testing.B, g *grown) {
	set, err := samples.Load()
	require.NoError(b, err)
	var opening answer
	require.NoError(b, g.as(domain.RoleAdmin, "admin").post(context.Background(), "/v1/openings", sampleOpening("Praktikum", set.Requirement), &opening))
	before := g.askFor(b, opening.ID, func() { time.Sleep(30 * time.Second) })
	during := g.askFor(b, opening.ID, func() { g.rebuildModel(b, "audit") })
	reportLatency(b, during)
	slices.Sort(before)
	b.ReportMetric(float64(before[len(before)/2].Microseconds())/1000, "p50-ms-before")
	b.ReportMetric(float64(before[len(before)*99/100].Microseconds())/1000, "p99-ms-before")
	b.ReportMetric(float64(len(during)), "requests")
}

// askFor has four callers ask and apply until the work is done, each with a pause between two requests.
func (g *grown) askFor(b *testing.B, opening string, work func()) (took []time.Duration) {
	ctx := context.Background()
	done := make(chan struct{})
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				case <-tick.C:
				}
				var one time.Duration
				var err error
				if which := i % (len(questions) + 1); which < len(questions) {
					one, err = g.ask(ctx, questions[which].path(logtest.Filled(rand.IntN(g.applications))))
				} else {
					one, err = g.submit(ctx, opening)
				}
				if err != nil {
					b.Error(err)
					return
				}
				mu.Lock()
				took = append(took, one)
				mu.Unlock()
			}
		})
	}
	work()
	close(done)
	all.Wait()
	return took
}

// submit applies and asks for what was written.
func (g *grown) submit(ctx context.Context, opening string) (time.Duration, error) {
	student := g.as(domain.RoleApplicant, uuid.NewString())
	token, err := student.token()
	if err != nil {
		return 0, err
	}
	student.token = func() (string, error) { return token, nil }
	body := map[string]any{"opening_id": opening, "applicant": map[string]any{
		"name": "Siti Rahmawati Putri", "nim": "2010511042", "email": "siti@example.ac.id", "programme": "Informatika"}}
	began := time.Now()
	var made answer
	if err := student.post(ctx, "/v1/applications", body, &made); err != nil {
		return 0, err
	}
	student.position = made.Position
	var found struct{}
	err = student.get(ctx, "/v1/applications/"+made.ID, &found)
	return time.Since(began), err
}
