package projections

import (
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"asprak/application"
	"asprak/domain"
	"asprak/domain/transcript"
	"asprak/domain/verification"
)

// fullReading is of the size that a study result of 12 courses has, about 20 kB.
func fullReading() transcript.Reading {
	text := func(s string) *transcript.Field[string] {
		return &transcript.Field[string]{Value: s, Confidence: 0.97, Source: transcript.TextLayer, Page: 1, Box: transcript.Box{X0: 71.25, Y0: 410.5, X1: 160.125, Y1: 421.75}}
	}
	number := func(n int) *transcript.Field[transcript.Decimal] {
		return &transcript.Field[transcript.Decimal]{Value: transcript.DecimalOf(n), Confidence: 0.97, Source: transcript.TextLayer, Page: 1, Box: transcript.Box{X0: 71.25, Y0: 410.5, X1: 160.125, Y1: 421.75}}
	}
	r := transcript.Reading{Type: "application/pdf", Kind: transcript.KHS, Name: text("Somebody"), NIM: text("21/482851/SV/20006"), IPK: number(3), Confidence: 0.97, Layout: "l1"}
	for i := range 12 {
		r.Rows = append(r.Rows, transcript.Row{Code: text(fmt.Sprintf("IF%03d", i)), Name: text("Algoritma dan Struktur Data"), SKS: number(3), Grade: text("A"), Weight: number(4), Points: number(12), Page: 1})
	}
	return r
}

// manyApplications are submissions to 50 openings.
func manyApplications(tb testing.TB, n int) *story {
	s := newStory(tb)
	openings := make([]uuid.UUID, 50)
	for i := range openings {
		openings[i] = uuid.NewSHA1(opening1, fmt.Append(nil, i))
		s.publish(openings[i], fmt.Sprint("Praktikum ", i))
	}
	for i := range n {
		s.submit(openings[i%len(openings)], person(fmt.Sprintf("Nama Mahasiswa %c%d", 'A'+i%26, i), fmt.Sprintf("21/%06d/SV/%05d", i, i)))
	}
	return s
}

// manyLives are applications with a document each: five events, of which one is large.
func manyLives(tb testing.TB, n int) *story {
	s := newStory(tb)
	found := fullReading()
	evidence := []verification.Evidence{{Field: "rows[3].grade", Page: 1, Read: "A", Expected: "B"}}
	for i := range n {
		app := s.submit(opening1, person("Nama Mahasiswa", fmt.Sprintf("21/%06d/SV/%05d", i, i)))
		document := s.upload(app, hash(fmt.Sprintf("%016x", i)))
		s.read(app, document, found)
		v := verdict("review:low_confidence")
		v.Checks = slices.Repeat([]verification.Check{{Name: "course", Outcome: verification.Pass, Detail: "The course is there.", Evidence: evidence}}, 8)
		s.tell(applicationName(app), system, &domain.DocumentReferred{DocumentID: document, Attempt: 1, Verdict: v})
		s.tell(applicationName(app), admin, &domain.VerificationOverridden{DocumentID: document, Outcome: "verified", Reason: "seen", Before: "review:low_confidence"})
	}
	return s
}

// BenchmarkProject applies a whole log to all models, in batches as they come when the
// log is far ahead (256), under load (16) and when it is idle (1).
func BenchmarkProject(b *testing.B) {
	for _, log := range []struct {
		name  string
		story *story
	}{{"submissions", manyApplications(b, 5000)}, {"lives", manyLives(b, 400)}} {
		for _, size := range []int{1, 16, batchSize} {
			for _, d := range databases {
				b.Run(fmt.Sprintf("%s/%s/batch=%d", d.name, log.name, size), func(b *testing.B) {
					events, used := 0, time.Duration(0)
					for b.Loop() {
						b.StopTimer()
						s := d.open(b, d.place(b))
						before := processorTime(b)
						b.StartTimer()
						prepared := map[string]*sqlx.Stmt{}
						for records := range slices.Chunk(log.story.records, size) {
							require.NoError(b, s.take(log.story.codec, prepared, records))
							events += len(records)
						}
						b.StopTimer()
						used += processorTime(b) - before
						require.NoError(b, s.Close())
						b.StartTimer()
					}
					b.ReportMetric(float64(used.Microseconds())/float64(events), "cpu-µs/event")
					b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
				})
			}
		}
	}
}

// BenchmarkProjectGrown applies submissions to models that hold 50,000 already, where the keys
// of two events seldom fall on one page.
func BenchmarkProjectGrown(b *testing.B) {
	const grown = 50_000
	records := manyApplications(b, grown+20_000).records
	for _, size := range []int{16, batchSize} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			events, used := 0, time.Duration(0)
			for b.Loop() {
				b.StopTimer()
				s := openStore(b, sqlitePlace(b))
				prepared := map[string]*sqlx.Stmt{}
				take := func(records []application.Record, size int) {
					for batch := range slices.Chunk(records, size) {
						require.NoError(b, s.take(application.NewCodec(), prepared, batch))
					}
				}
				take(records[:grown], batchSize)
				before := processorTime(b)
				b.StartTimer()
				take(records[grown:], size)
				b.StopTimer()
				used += processorTime(b) - before
				events += len(records) - grown
				require.NoError(b, s.Close())
				b.StartTimer()
			}
			b.ReportMetric(float64(used.Microseconds())/float64(events), "cpu-µs/event")
			b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// processorTime is what the process has used of all cores.
func processorTime(b *testing.B) time.Duration {
	var u unix.Rusage
	require.NoError(b, unix.Getrusage(unix.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkQueries asks a store of 100,000 applications.
func BenchmarkQueries(b *testing.B) {
	story := manyApplications(b, 100_000)
	s := openStore(b, sqlitePlace(b))
	prepared := map[string]*sqlx.Stmt{}
	for records := range slices.Chunk(story.records, batchSize) {
		require.NoError(b, s.take(story.codec, prepared, records))
	}
	opening := uuid.NewSHA1(opening1, []byte("7"))
	var ids []uuid.UUID
	for id := range story.state {
		if ids = append(ids, id); len(ids) == 1000 {
			break
		}
	}
	deep := ""
	for range 100 {
		page, err := s.Applications(background, ApplicationQuery{Limit: 100, Cursor: deep})
		require.NoError(b, err)
		deep = page.Next
	}
	var next int
	for _, q := range []struct {
		name string
		ask  func() (any, error)
	}{
		{"application", func() (any, error) { next++; return s.Application(background, ids[next%len(ids)]) }},
		{"applications", func() (any, error) { return s.Applications(background, ApplicationQuery{}) }},
		{"applications,page=101", func() (any, error) { return s.Applications(background, ApplicationQuery{Limit: 100, Cursor: deep}) }},
		{"applications,opening", func() (any, error) {
			return s.Applications(background, ApplicationQuery{OpeningID: opening.String(), State: "submitted"})
		}},
		{"applications,search", func() (any, error) { return s.Applications(background, ApplicationQuery{Search: "nama mahasiswa k"}) }},
		{"applications,search in any order", func() (any, error) { return s.Applications(background, ApplicationQuery{Search: "k mahasiswa"}) }},
		{"opening", func() (any, error) { return s.Opening(background, opening) }},
		{"openings", func() (any, error) { return s.Openings(background, OpeningQuery{}) }},
		{"audit", func() (any, error) { return s.Audit(background, AuditQuery{}) }},
	} {
		b.Run(q.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				answer, err := q.ask()
				if err != nil {
					b.Fatal(err)
				}
				if text, err := json.Marshal(answer); err != nil || len(text) < 200 {
					b.Fatal("no rows")
				}
			}
		})
	}
}

// BenchmarkEachAudit exports all rows; what is held meanwhile does not grow with their number.
func BenchmarkEachAudit(b *testing.B) {
	for _, lives := range []int{200, 2000} {
		s := openStore(b, sqlitePlace(b))
		manyLives(b, lives).feed(s)
		runtime.GC()
		var base, now runtime.MemStats
		runtime.ReadMemStats(&base)
		b.Run(fmt.Sprint(5*lives, " rows"), func(b *testing.B) {
			rows, peak := 0, uint64(0)
			for b.Loop() {
				require.NoError(b, s.EachAudit(background, AuditQuery{}, func(AuditRow, string) error {
					if rows++; rows%exportPage == 0 {
						runtime.ReadMemStats(&now)
						peak = max(peak, now.HeapAlloc)
					}
					return nil
				}))
			}
			b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
			b.ReportMetric(float64(peak-min(peak, base.HeapAlloc))/(1<<20), "peak-MiB")
		})
	}
}
