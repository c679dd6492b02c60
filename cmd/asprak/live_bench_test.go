package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/cmd/asprak/samples"
	"asprak/domain"
)

const (
	listeners    = 500
	eventsPerSec = 100
	listenFor    = 10 * time.Second
)

// BenchmarkLive has 500 clients listen to what happens while students apply at 100 a second: each hears of every
// application once and in order, and what an application takes is compared with what it takes when nobody listens.
func BenchmarkLive(b *testing.B) {
	ctx := context.Background()
	p := startProcess(b, "--applicant-rate", "0", "--address-rate", "0")
	set, err := samples.Load()
	require.NoError(b, err)
	var opening answer
	require.NoError(b, p.as(domain.RoleAdmin, "admin").post(ctx, "/v1/openings", sampleOpening("Praktikum", set.Requirement), &opening))
	p.applyAtPace(b, opening.ID)    // warm
	var idle, heard []time.Duration // in turns
	for b.Loop() {
		alone, _ := p.applyAtPace(b, opening.ID)
		idle = append(idle, alone...)
		ears := make([]*ear, listeners)
		for i := range ears {
			ears[i] = p.listen(b, fmt.Sprint("listener-", i))
		}
		beside, positions := p.applyAtPace(b, opening.ID)
		heard = append(heard, beside...)
		for _, e := range ears {
			e.hears(b, positions)
			e.stop()
		}
	}
	reportLatency(b, heard)
	slices.Sort(idle)
	b.ReportMetric(float64(idle[len(idle)*99/100].Microseconds())/1000, "p99-ms-idle")
	b.ReportMetric(float64(len(heard)/b.N), "events-each")
}

// applyAtPace answers with what each application took, and their places in the log.
func (p *process) applyAtPace(b *testing.B, opening string) (took []time.Duration, positions []string) {
	body := map[string]any{"opening_id": opening, "applicant": map[string]any{
		"name": "Siti Rahmawati Putri", "nim": "2010511042", "email": "siti@example.ac.id", "programme": "Informatika"}}
	var mu sync.Mutex
	var working sync.WaitGroup
	tick := time.NewTicker(time.Second / eventsPerSec)
	defer tick.Stop()
	for range int(listenFor.Seconds() * eventsPerSec) {
		student := p.as(domain.RoleApplicant, uuid.NewString())
		token, err := student.token()
		require.NoError(b, err)
		student.token = func() (string, error) { return token, nil }
		<-tick.C
		working.Go(func() {
			began := time.Now()
			var made answer
			if err := student.post(context.Background(), "/v1/applications", body, &made); err != nil {
				b.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			took, positions = append(took, time.Since(began)), append(positions, made.Position)
		})
	}
	working.Wait()
	return took, positions
}

// ear is one client with its stream of events.
type ear struct {
	mu    sync.Mutex
	ids   []string
	ended error
	stop  func()
}

func (p *process) listen(b *testing.B, subject string) *ear {
	token, err := p.as(domain.RoleAuditor, subject).token()
	require.NoError(b, err)
	ctx, stop := context.WithCancel(context.Background())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.base+"/v1/events", nil)
	require.NoError(b, err)
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	require.NoError(b, err)
	require.Equal(b, http.StatusOK, response.StatusCode)
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), ": ready") {
	}
	e := &ear{stop: stop}
	go func() {
		defer response.Body.Close()
		id := ""
		for lines.Scan() {
			if text, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
				id = text
			}
			if strings.HasPrefix(lines.Text(), "data: ") {
				e.mu.Lock()
				e.ids = append(e.ids, id)
				e.mu.Unlock()
			}
		}
		e.mu.Lock()
		e.ended = fmt.Errorf("the stream ended: %w", lines.Err())
		e.mu.Unlock()
	}()
	return e
}

// hears waits until each of the positions was heard of, and fails where one was missed, repeated or out of turn.
func (e *ear) hears(b *testing.B, positions []string) {
	b.Helper()
	slices.SortFunc(positions, func(x, y string) int { return cmp.Or(len(x)-len(y), strings.Compare(x, y)) }) // as numbers
	require.Eventually(b, func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		return len(e.ids) >= len(positions)
	}, 20*time.Second, 5*time.Millisecond)
	e.mu.Lock()
	defer e.mu.Unlock()
	require.Equal(b, positions, e.ids)
	require.NoError(b, e.ended)
}

// BenchmarkWhatIf judges the recorded readings of an opening's 1,000 applications by other rules, and by the same, which
// change nobody.
func BenchmarkWhatIf(b *testing.B) {
	const applications = 1000
	ctx := context.Background()
	p := startProcess(b, "--applicant-rate", "0")
	set, err := samples.Load()
	require.NoError(b, err)
	sample := set.Samples[0]
	content, err := samples.Content(sample.File)
	require.NoError(b, err)
	admin := p.as(domain.RoleAdmin, "admin")
	var opening answer
	require.NoError(b, admin.post(ctx, "/v1/openings", sampleOpening("Praktikum", set.Requirement), &opening))
	type uploaded struct{ application, document string }
	var all []uploaded
	for i := range applications {
		student := p.as(domain.RoleApplicant, fmt.Sprint("student-", i))
		var submitted, sent answer
		require.NoError(b, student.post(ctx, "/v1/applications", map[string]any{"opening_id": opening.ID, "applicant": map[string]any{
			"name": sample.Applicant.Name, "nim": sample.Applicant.NIM, "email": "s@example.ac.id", "programme": "TRPL"}}, &submitted))
		require.NoError(b, student.upload(ctx, "/v1/applications/"+submitted.ID+"/documents", sample.File, content, &sent))
		all = append(all, uploaded{submitted.ID, sent.DocumentID})
	}
	for _, u := range all {
		_, err := admin.awaitVerdict(ctx, u.application, u.document)
		require.NoError(b, err)
	}
	later := map[string]any{"course": map[string]any{"codes": set.Requirement.Course.Codes, "name": set.Requirement.Course.Name}, "min_grade": set.Requirement.MinGrade, "min_semester": 14}
	for name, body := range map[string]any{"same": map[string]any{}, "stricter": map[string]any{"requirement": later}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				var rejudged struct {
					Documents int   `json:"documents"`
					Items     []any `json:"items"`
				}
				require.NoError(b, admin.post(ctx, "/v1/openings/"+opening.ID+"/what-if", body, &rejudged))
				require.Equal(b, applications, rejudged.Documents)
				require.Len(b, rejudged.Items, map[string]int{"same": 0, "stricter": applications}[name])
			}
		})
	}
}
