package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/cmd/asprak/samples"
	"asprak/domain"
)

// onEachLog runs the test on the embedded log and on a server's.
func onEachLog(t *testing.T, test func(t *testing.T, log string)) {
	t.Run("Embedded", func(t *testing.T) { test(t, "embedded") })
	t.Run("StandIn", func(t *testing.T) { test(t, startStandIn(t).connection) })
}

// A reading that takes longer than the grace is handed back, and another reader takes it at
// once: long before the lease of the first would have ended.
func TestServe_StoppedWithoutGrace_AnotherReaderTakesTheDocument(t *testing.T) {
	onEachLog(t, func(t *testing.T, log string) {
		ctx := testContext(t)
		f := startFleet(t, []string{"--eventstore", log, "--stop-grace", "10ms"}, map[string]int{"api": 1, "projector": 1, "reader": 2})
		one := f.applyWith(ctx, "scan.jpg") // takes a second or so
		reader := f.busy(t)
		began := time.Now()
		reader.stop(syscall.SIGTERM)
		require.True(t, reader.cmd.ProcessState.Success(), "%v; %s", reader.cmd.ProcessState, reader.log)
		_, err := f.as(domain.RoleAdmin, "admin").awaitVerdict(ctx, one.application, one.document)
		require.NoError(t, err)
		require.Less(t, time.Since(began), 20*time.Second)
		read, judged := countOutcomes(ctx, t, f.as(domain.RoleAdmin, "admin"), one.application)
		require.Equal(t, [2]int{1, 1}, [2]int{read, judged})
	})
}

// Within the grace a reading is finished and recorded before the process ends.
func TestServe_StoppedWithGrace_FinishesTheReading(t *testing.T) {
	onEachLog(t, func(t *testing.T, log string) {
		ctx := testContext(t)
		f := startFleet(t, []string{"--eventstore", log}, map[string]int{"api": 1, "projector": 1, "reader": 1})
		one := f.applyWith(ctx, "scan.jpg")
		reader := f.busy(t)
		reader.stop(syscall.SIGTERM)
		require.True(t, reader.cmd.ProcessState.Success(), "%v; %s", reader.cmd.ProcessState, reader.log)
		read, judged := countOutcomes(ctx, t, f.as(domain.RoleAdmin, "admin"), one.application)
		require.Equal(t, [2]int{1, 1}, [2]int{read, judged}, "nobody else could have read it")
	})
}

// A request in flight is answered; no further one is taken.
func TestServe_StoppedWhileAFileIsSent_TakesTheWholeFile(t *testing.T) {
	ctx := testContext(t)
	f := startFleet(t, nil, map[string]int{"api": 1})
	p := f.parts["api"][0].Load()
	opening, student := f.open(ctx), f.as(domain.RoleApplicant, "student")
	var submitted, uploaded answer
	require.NoError(t, student.post(ctx, "/v1/applications", map[string]any{"opening_id": opening, "applicant": map[string]any{
		"name": "Hasna", "nim": "20/461438/SV/19779", "email": "s@example.ac.id", "programme": "TRPL"}}, &submitted))

	var whole bytes.Buffer
	form := multipart.NewWriter(&whole)
	require.NoError(t, form.WriteField("kind", "khs"))
	part, err := form.CreateFormFile("file", "khs.pdf")
	require.NoError(t, err)
	_, err = part.Write(sampleContent(t, "khs.pdf"))
	require.NoError(t, err)
	require.NoError(t, form.Close())
	body, sending := io.Pipe()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.base+"/v1/applications/"+submitted.ID+"/documents", body)
	require.NoError(t, err)
	token, err := student.token()
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", form.FormDataContentType())
	request.Header.Set("Idempotency-Key", uuid.NewString())
	request.Header.Set("Expect", "100-continue") // the body is asked for by who reads it
	type answered struct {
		response *http.Response
		err      error
	}
	answers := make(chan answered, 1)
	go func() {
		response, err := (&http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute}}).Do(request)
		answers <- answered{response, err}
	}()
	_, err = sending.Write(whole.Next(whole.Len() / 2))
	require.NoError(t, err)
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	require.Eventually(t, func() bool {
		response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get(p.base + "/healthz")
		if err == nil {
			response.Body.Close()
		}
		return err != nil
	}, 20*time.Second, 5*time.Millisecond, "it still takes requests")
	_, err = whole.WriteTo(sending)
	require.NoError(t, err)
	require.NoError(t, sending.Close())
	a := <-answers
	require.NoError(t, a.err)
	defer a.response.Body.Close()
	require.Equal(t, http.StatusAccepted, a.response.StatusCode)
	require.NoError(t, json.NewDecoder(a.response.Body).Decode(&uploaded))
	require.NotEmpty(t, uploaded.DocumentID)
	<-p.done
	require.True(t, p.cmd.ProcessState.Success(), "%v; %s", p.cmd.ProcessState, p.log)
}

// applyWith lets one student apply with the sample.
func (f *fleet) applyWith(ctx context.Context, file string) sent {
	f.t.Helper()
	set, err := samples.Load()
	require.NoError(f.t, err)
	sample, err := set.Find(file)
	require.NoError(f.t, err)
	content, err := samples.Content(file)
	require.NoError(f.t, err)
	one, err := f.apply(ctx, f.open(ctx), sample, content, 0, func() {})
	require.NoError(f.t, err)
	return one
}

// busy waits for a reader that is reading.
func (f *fleet) busy(t *testing.T) (reader *process) {
	t.Helper()
	require.Eventually(t, func() bool {
		for i, busy := range f.metrics("reader", "asprak_readers_busy") {
			if busy > 0 {
				reader = f.parts["reader"][i].Load()
			}
		}
		return reader != nil
	}, 30*time.Second, 5*time.Millisecond)
	return reader
}
