package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"asprak/cmd/asprak/samples"
	"asprak/domain"
)

// Readers that may have less memory than they need die of any document, as they would of a
// hostile one: it costs two, goes to a person, and the next document is tried all the same.
func TestServe_DocumentThatKillsTwoReaders_IsParkedAndGoesToAPerson(t *testing.T) {
	p, ctx := startProcess(t, "--readers", "2", "--read-memory", "40"), testContext(t)
	set, err := samples.Load()
	require.NoError(t, err)
	var opening answer
	require.NoError(t, p.as(domain.RoleAdmin, "admin").post(ctx, "/v1/openings", sampleOpening("Praktikum", set.Requirement), &opening))
	sample := set.Samples[1]
	for n, name := range []string{"siti", "budi"} {
		var submitted, uploaded answer
		student := p.as(domain.RoleApplicant, name)
		require.NoError(t, student.post(ctx, "/v1/applications", map[string]any{"opening_id": opening.ID, "applicant": map[string]any{
			"name": sample.Applicant.Name, "nim": sample.Applicant.NIM, "email": "s@example.ac.id", "programme": "TRPL"}}, &submitted))
		require.NoError(t, student.upload(ctx, "/v1/applications/"+submitted.ID+"/documents", sample.File, append(sampleContent(t, sample.File), name...), &uploaded))
		document, err := student.awaitVerdict(ctx, submitted.ID, uploaded.DocumentID)
		require.ErrorContains(t, err, "could not be read")
		require.Equal(t, "reading_failed", document.Status)
		var history struct {
			Items []struct {
				Type string `json:"type"`
				Data struct {
					Code  string `json:"code"`
					Tries int    `json:"tries"`
				} `json:"data"`
			} `json:"items"`
		}
		require.NoError(t, student.get(ctx, "/v1/applications/"+submitted.ID+"/history", &history))
		last := history.Items[len(history.Items)-1]
		require.Equal(t, "DocumentReadingFailed", last.Type)
		require.Equal(t, "out_of_memory", last.Data.Code)
		require.Equal(t, 2, last.Data.Tries)
		killed, _ := p.metric("asprak_reader_out_of_memory_total")
		require.EqualValues(t, 2*(n+1), killed)
	}
	require.Contains(t, run(t, "parked", "list", "--data", p.data), "out_of_memory")
}
