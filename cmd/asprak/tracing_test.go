package main

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"asprak/cmd/asprak/samples"
	"asprak/domain"
)

// spans takes spans as any collector of OpenTelemetry does.
type spans struct {
	mu  sync.Mutex
	all []*otlp.Span
}

func (s *spans) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var sent collector.ExportTraceServiceRequest
	if err != nil || proto.Unmarshal(body, &sent) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, from := range sent.ResourceSpans {
		for _, scope := range from.ScopeSpans {
			s.all = append(s.all, scope.Spans...)
		}
	}
}

// One process takes the upload, another reads it: their spans are one trace, from the request
// to the verdict, and its id is the correlation id of the events.
func TestTrace_UploadToVerdict_IsOneOverTwoProcesses(t *testing.T) {
	var got spans
	server := httptest.NewServer(&got)
	defer server.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
	ctx, data := testContext(t), filepath.Join(t.TempDir(), "data")
	p, reader := launchProcess(t, data, "--roles", "api,projector"), launchProcess(t, data, "--roles", "reader", "--readers", "1")
	p.await()
	reader.await()

	set, err := samples.Load()
	require.NoError(t, err)
	var opening, submitted, uploaded answer
	require.NoError(t, p.as(domain.RoleAdmin, "admin").post(ctx, "/v1/openings", sampleOpening("Praktikum", set.Requirement), &opening))
	sample, student := set.Samples[0], p.as(domain.RoleApplicant, "siti")
	require.NoError(t, student.post(ctx, "/v1/applications", map[string]any{"opening_id": opening.ID, "applicant": map[string]any{
		"name": sample.Applicant.Name, "nim": sample.Applicant.NIM, "email": "s@example.ac.id", "programme": "TRPL"}}, &submitted))
	require.NoError(t, student.upload(ctx, "/v1/applications/"+submitted.ID+"/documents", sample.File, sampleContent(t, sample.File), &uploaded))
	_, err = student.awaitVerdict(ctx, submitted.ID, uploaded.DocumentID)
	require.NoError(t, err, "%s", reader.log)
	var history struct {
		Items []struct {
			Type          string `json:"type"`
			CorrelationID string `json:"correlation_id"`
		} `json:"items"`
	}
	require.NoError(t, student.get(ctx, "/v1/applications/"+submitted.ID+"/history", &history))
	p.stop(syscall.SIGTERM)
	reader.stop(syscall.SIGTERM) // both have sent their last spans

	got.mu.Lock()
	defer got.mu.Unlock()
	byID, named := map[string]*otlp.Span{}, map[string]*otlp.Span{}
	correlation := history.Items[1].CorrelationID
	require.Equal(t, "DocumentUploaded", history.Items[1].Type)
	for _, span := range got.all {
		if hexOf(span.TraceId) == correlation {
			byID[hexOf(span.SpanId)] = span
			named[span.Name] = span
		}
	}
	for _, e := range history.Items[1:] {
		require.Equal(t, correlation, e.CorrelationID, e.Type)
	}
	for _, name := range []string{"uploadDocument", "react to DocumentUploaded", "read document", "append"} {
		require.Contains(t, named, name)
	}
	appends, roots := 0, 0
	for _, span := range byID {
		if span.Name == "append" {
			appends++
		}
		if len(span.ParentSpanId) == 0 {
			roots++
			require.Equal(t, "uploadDocument", span.Name)
			continue
		}
		require.Contains(t, byID, hexOf(span.ParentSpanId), "%s hangs in the air", span.Name)
	}
	require.Equal(t, 1, roots)
	require.Equal(t, 3, appends, "upload, reading, verdict")
	for _, span := range got.all {
		for _, private := range []string{sample.Applicant.Name, sample.Applicant.NIM, "s@example.ac.id", "siti"} {
			require.NotContains(t, span.String(), private)
		}
	}
}

func hexOf(id []byte) string { return hex.EncodeToString(id) }
