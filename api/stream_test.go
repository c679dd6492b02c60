package api_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"asprak/api"
	"asprak/application"
	"asprak/domain"
	"asprak/domain/transcript"
	"asprak/domain/verification"
)

// told is one block of a stream.
type told struct {
	id, event, retry, data string
	comment                bool
}

// ear is a client of a stream of events.
type ear struct {
	t        testing.TB
	who      caller
	request  *http.Request
	response *http.Response
	lines    *bufio.Scanner
	body     bytes.Buffer
	last     string // id
	stop     context.CancelFunc
}

// listen opens a stream behind the id, "" for what comes next, and reads its welcome.
func (c caller) listen(after string) *ear {
	c.t.Helper()
	ctx, stop := context.WithCancel(c.t.Context())
	request, err := http.NewRequestWithContext(ctx, "GET", c.url+"/v1/events", nil)
	require.NoError(c.t, err)
	request.Header.Set("Authorization", "Bearer "+c.token)
	if after != "" {
		request.Header.Set("Last-Event-ID", after)
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(c.t, err)
	require.Equal(c.t, 200, response.StatusCode)
	require.Equal(c.t, "text/event-stream", response.Header.Get("Content-Type"))
	e := &ear{t: c.t, who: c, request: request, response: response, lines: bufio.NewScanner(response.Body), stop: stop}
	c.t.Cleanup(e.close)
	welcome, ok := e.block()
	require.True(c.t, ok)
	require.True(c.t, welcome.comment)
	require.Equal(c.t, "1000", welcome.retry)
	return e
}

func (e *ear) close() {
	e.stop()
	e.response.Body.Close()
}

// block reads up to the next empty line; it is false at the end of the stream.
func (e *ear) block() (b told, ok bool) {
	for e.lines.Scan() {
		line := e.lines.Text()
		e.body.WriteString(line + "\n")
		name, value, _ := strings.Cut(line, ": ")
		switch name {
		case "":
			if line == "" {
				return b, true
			}
			b.comment = true
		case "id":
			b.id, e.last = value, value
		case "event":
			b.event = value
		case "retry":
			b.retry = value
		case "data":
			b.data = value
		default:
			e.t.Errorf("a line of a stream: %q", line)
		}
	}
	return b, false
}

// next reads the next event, past heartbeats.
func (e *ear) next() map[string]any {
	e.t.Helper()
	for {
		b, ok := e.block()
		require.True(e.t, ok, "the stream ended: %v", e.lines.Err())
		if b.data == "" {
			continue
		}
		require.Empty(e.t, b.event, b.data)
		var v map[string]any
		require.NoError(e.t, json.Unmarshal([]byte(b.data), &v))
		require.Equal(e.t, b.id, v["position"])
		return v
	}
}

// until reads events up to the one at the position.
func (e *ear) until(position string) (all []map[string]any) {
	e.t.Helper()
	for {
		all = append(all, e.next())
		if e.last == position {
			return all
		}
	}
}

func typesOf(events []map[string]any) (types []string) {
	for _, e := range events {
		types = append(types, e["type"].(string))
	}
	return types
}

func (a answer) position() string { return a.header.Get("Asprak-Position") }

func TestStream_Callers_AreToldWhatTheyMaySee(t *testing.T) {
	h := open(t)
	h.broadcast()
	reader := shelf{
		"%PDF-1.7 siti": studyResult("Siti Rahmawati", "21/482851/SV/20006", "A", transcript.DecimalOf(4)),
		"%PDF-1.7 budi": studyResult("Budi Santoso", "21/482852/SV/20007", "E", transcript.DecimalOf(4)),
	}
	h.react(reader)
	admin, auditor := h.as("dewi", domain.RoleAdmin), h.as("agus", domain.RoleAuditor)
	sitiC, budiC := h.as("rahma-1", domain.RoleApplicant), h.as("budi", domain.RoleApplicant)
	ears := map[string]*ear{"admin": admin.listen(""), "auditor": auditor.listen(""), "siti": sitiC.listen(""), "budi": budiC.listen("")}

	opening, _ := admin.publish()
	id, _ := sitiC.apply(opening)
	document := sitiC.post("/v1/applications/"+id+"/documents", form("khs", "rahasia siti.pdf", "%PDF-1.7 siti")).is(202)
	h.happened(id, "DocumentVerified", 1)
	budiC.post("/v1/applications", object{"opening_id": opening, "applicant": object{"name": "Budi Santoso", "nim": "21/482852/SV/20007", "email": "budi@example.ac.id", "programme": "TRPL"}}).is(201)
	admin.get(document.header.Get("Location") + "/content").is(200)
	admin.post("/v1/applications/"+id+"/accept", object{"reason": "paling rajin"}).is(202)
	h.happened(id, "ApplicationAccepted", 1)
	closed := admin.post("/v1/openings/"+opening+"/close", object{"reason": "penuh"}).is(200).position()

	all := "OpeningPublished ApplicationSubmitted DocumentUploaded DocumentRead DocumentVerified ApplicationSubmitted DocumentViewed SeatAwarded ApplicationAccepted OpeningClosed"
	own := "OpeningPublished ApplicationSubmitted DocumentUploaded DocumentRead DocumentVerified DocumentViewed SeatAwarded ApplicationAccepted OpeningClosed"
	others := "OpeningPublished ApplicationSubmitted SeatAwarded OpeningClosed"
	for name, want := range map[string]string{"admin": all, "auditor": all, "siti": own, "budi": others} {
		ear := ears[name]
		events := ear.until(closed)
		require.Equal(t, want, strings.Join(typesOf(events), " "), name)
		for _, e := range events {
			require.Equal(t, opening, e["opening_id"], name)
			require.NotEmpty(t, e["summary"], e["type"])
			if e["type"] == "SeatAwarded" {
				require.Equal(t, name != "budi", e["application_id"] == id, name)
			}
		}
		for _, personal := range []string{"Siti", "rahma", "20006", "rahasia", "rajin", "penuh", "dewi", "agus", "Basis Data"} {
			require.NotContains(t, ear.body.String(), personal, name)
		}
		ear.close()
		h.agrees(true, ear.request, ear.response, ear.body.Bytes())
	}
}

func TestStream_ComesBack_NoGapAndNoRepeat(t *testing.T) {
	h := open(t)
	h.broadcast()
	admin := h.as("dewi", domain.RoleAdmin)
	opening, published := admin.publish()
	var positions []string
	revise := func() {
		positions = append(positions, admin.post("/v1/openings/"+opening+"/revise", changed(details(), "seats", 2+len(positions))).is(200).position())
	}
	stays := admin.listen("") // keeps what happened in memory
	after := published.position()
	for round := range 6 {
		if round == 3 {
			stays.close() // now there is nobody, and the log has to be read again
		}
		for range 5 {
			revise()
		}
		ear := admin.listen(after)
		got := ear.until(positions[len(positions)-2])
		after = ear.last
		ear.close()
		first := max(0, 5*round-1)
		require.Len(t, got, len(positions)-1-first)
		for i, e := range got {
			require.Equal(t, positions[first+i], e["position"])
		}
	}
	require.Len(t, admin.listen(published.position()).until(positions[len(positions)-1]), len(positions), "from the log and from memory")

	// A newcomer hears what comes next, and nothing older.
	newcomer := admin.listen("")
	revise()
	require.Equal(t, positions[len(positions)-1], newcomer.next()["position"])
}

func TestStream_BadPlace_IsAProblem(t *testing.T) {
	h := open(t)
	h.broadcast()
	admin := h.as("dewi", domain.RoleAdmin)
	admin.publish()
	for _, id := range []string{"x", "-1", "999999"} {
		require.Equal(t, "Last-Event-ID", admin.wrong("GET", "/v1/events", nil, header{"Last-Event-ID": id}).problem(400, "invalid_header")["field"])
	}
	admin.wrong("GET", "/v1/events?after=1", nil).problem(400, "unknown_parameter")
	for range 20 {
		admin.listen("")
	}
	admin.get("/v1/events").problem(503, "too_many_streams")
	h.as("joko", domain.RoleLecturer).listen("")
}

// serve runs the handler in the server that a user gets, with less patience.
func (h *house) serve(patience time.Duration) (url string, shutdown func()) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(h.t, err)
	server := api.NewServer("", h.handler)
	server.ReadTimeout, server.WriteTimeout = patience, patience
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	return "http://" + listener.Addr().String(), func() {
		bounded, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(h.t, server.Shutdown(bounded))
		require.ErrorIs(h.t, <-done, http.ErrServerClosed)
	}
}

func TestStream_ServerEnds_TakesLeaveAtOnce(t *testing.T) {
	h := open(t)
	end := h.broadcast()
	admin := h.as("dewi", domain.RoleAdmin)
	opening, _ := admin.publish()
	const patience = 200 * time.Millisecond
	url, shutdown := h.serve(patience)
	h.url = url
	ear := h.as("agus", domain.RoleAuditor).listen("")

	// The stream outlives the time that other requests and answers have.
	heard := 0
	for began := time.Now(); time.Since(began) < 3*patience; heard++ {
		admin.post("/v1/openings/"+opening+"/revise", changed(details(), "seats", 2+heard%2)).is(200)
		ear.next()
	}
	require.Greater(t, heard, 2)

	began := time.Now()
	end()
	shutdown()
	require.Less(t, time.Since(began), 2*time.Second)
	last, ok := ear.block()
	require.True(t, ok)
	require.Equal(t, told{id: ear.last, event: "end", retry: "1000", data: `{"reason":"shutdown"}`}, last)
	_, ok = ear.block()
	require.False(t, ok)
	require.NoError(t, ear.lines.Err(), "ended and not torn off")
}

// crowd opens streams of many people, half of them applicants, and returns what each of
// them hears of so many events.
func (h *house) crowd(clients, events int) (heard func() [][]string) {
	ears := make([]*ear, clients)
	for i := range ears {
		role := domain.RoleApplicant
		if i%2 == 0 {
			role = domain.RoleLecturer
		}
		ears[i] = h.as(fmt.Sprint("person-", i), role).listen("")
	}
	all := make([][]string, clients)
	var wg sync.WaitGroup
	for i, e := range ears {
		wg.Go(func() {
			for len(all[i]) < events {
				b, ok := e.block()
				if !ok {
					return
				}
				if b.data != "" {
					all[i] = append(all[i], b.id)
				}
			}
		})
	}
	return func() [][]string { wg.Wait(); return all }
}

// pace publishes and revises openings, so many events a second (0: without a pause), and
// returns where they stand in the log and how long each took.
func (h *house) pace(events, rate int) (positions []string, took []time.Duration) {
	request := application.Request{Actor: domain.Actor{ID: "dewi", Role: domain.RoleAdmin}}
	d := domain.OpeningDetails{
		Title: "Asisten Praktikum Basis Data", Department: "TI", Term: "2026/2027-1", Seats: 1, OpensAt: time.Now(), ClosesAt: time.Now().Add(time.Hour),
		Requirement: verification.Requirement{Course: verification.Course{Name: "Basis Data"}, MinGrade: "B"},
	}
	opening, err := h.service.PublishOpening(h.t.Context(), request, d)
	require.NoError(h.t, err)
	positions = append(positions, opening.Position.String())
	began := time.Now()
	for i := 1; i < events; i++ {
		if rate > 0 {
			time.Sleep(time.Until(began.Add(time.Duration(i) * time.Second / time.Duration(rate))))
		}
		d.Seats = 2 + i
		start := time.Now()
		done, err := h.service.ReviseOpening(h.t.Context(), request, opening.ID, d, "")
		took = append(took, time.Since(start))
		require.NoError(h.t, err)
		positions = append(positions, done.Position.String())
	}
	return positions, took
}

func TestStream_Crowd_NobodyMissesOrRepeatsOne(t *testing.T) {
	for _, c := range []struct{ clients, events, rate int }{{50, 2000, 0}, {500, 300, 100}} {
		t.Run(fmt.Sprint(c.clients, " clients, ", c.rate, " a second"), func(t *testing.T) {
			h := build(t)
			h.broadcast()
			heard := h.crowd(c.clients, c.events)
			positions, _ := h.pace(c.events, c.rate)
			for i, ids := range heard() {
				require.Equal(t, positions, ids, "client %d", i)
			}
			require.Equal(t, c.clients, h.live.Streams())
		})
	}
}

// What 500 listeners cost those who write, at 100 commands a second.
func BenchmarkStream_CommandsBesideListeners(b *testing.B) {
	for _, clients := range []int{0, 500} {
		b.Run(fmt.Sprint(clients, " listeners"), func(b *testing.B) {
			const events = 1000
			h := build(b)
			h.broadcast()
			heard := h.crowd(clients, events)
			for b.Loop() {
				_, took := h.pace(events, 100)
				slices.Sort(took)
				b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
				b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
			}
			heard()
		})
	}
}
