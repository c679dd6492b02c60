package main

import (
	"net/http"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"asprak/cmd/asprak/samples"
	"asprak/domain"
)

// scrape reads /metrics: every sample by its name and labels, as Prometheus stores them.
func (p *process) scrape() map[string]float64 {
	p.t.Helper()
	response, err := http.Get(p.base + "/metrics")
	require.NoError(p.t, err)
	defer response.Body.Close()
	decoder := expfmt.NewDecoder(response.Body, expfmt.ResponseFormat(response.Header))
	samples := expfmt.SampleDecoder{Dec: decoder, Opts: &expfmt.DecodeOptions{}}
	all := map[string]float64{}
	for {
		var batch model.Vector
		if err := samples.Decode(&batch); err != nil {
			return all
		}
		for _, sample := range batch {
			all[sample.Metric.String()] = float64(sample.Value)
		}
	}
}

// told is a server on which somebody uploaded a document and has its verdict.
func told(t *testing.T, args ...string) *process {
	t.Helper()
	p, ctx := startProcess(t, args...), testContext(t)
	set, err := samples.Load()
	require.NoError(t, err)
	var opening, submitted, uploaded answer
	require.NoError(t, p.as(domain.RoleAdmin, "admin").post(ctx, "/v1/openings", sampleOpening("Praktikum", set.Requirement), &opening))
	sample, student := set.Samples[0], p.as(domain.RoleApplicant, "siti")
	require.NoError(t, student.post(ctx, "/v1/applications", map[string]any{"opening_id": opening.ID, "applicant": map[string]any{
		"name": sample.Applicant.Name, "nim": sample.Applicant.NIM, "email": "s@example.ac.id", "programme": "TRPL"}}, &submitted))
	require.NoError(t, student.upload(ctx, "/v1/applications/"+submitted.ID+"/documents", sample.File, sampleContent(t, sample.File), &uploaded))
	_, err = student.awaitVerdict(ctx, submitted.ID, uploaded.DocumentID)
	require.NoError(t, err, "%s", p.log)
	return p
}

func TestMetrics_AfterAStory_TellOfIt(t *testing.T) {
	p := told(t)
	got := p.scrape()
	for name, want := range map[string]float64{
		`asprak_commands_total{command="submitApplication", outcome="recorded"}`: 1,
		`asprak_commands_total{command="uploadDocument", outcome="recorded"}`:    1,
		`asprak_http_requests_total{operation="uploadDocument", status="202"}`:   1,
		`asprak_verdicts_total{label="verified", source="text_layer"}`:           1,
		`asprak_append_seconds_count{outcome="done"}`:                            6, // two openings (one is the sample), the application, upload, reading, verdict
		`asprak_log_head_position`:                                               6,
		`asprak_follower_lag{follower="documents"}`:                              0,
		`asprak_follower_failed{follower="audit"}`:                               0,
		`asprak_unread_documents`:                                                0,
		`asprak_oldest_unread_seconds`:                                           0,
		`asprak_uploads_in_transfer`:                                             0,
		`asprak_reader_documents_total`:                                          1,
		`asprak_reader_crashes_total`:                                            0,
		`asprak_reader_timeouts_total`:                                           0,
		`asprak_reader_out_of_memory_total`:                                      0,
		`asprak_reader_recycled_total`:                                           0,
		`asprak_projector_leads`:                                                 1,
	} {
		value, there := got[name]
		require.True(t, there, "%s is missing", name)
		require.Equal(t, want, value, name)
	}
}
