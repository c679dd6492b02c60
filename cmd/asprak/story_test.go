package main

import (
	"bytes"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"asprak/cmd/asprak/samples"
	"asprak/domain"
	"asprak/infrastructure/eventstoredb/standin"
)

func TestDemo_OnTheEmbeddedLog_TellsTheStory(t *testing.T) {
	tellStory(t, startProcess(t))
}

// The same binary, the same story, with the log on a server that speaks EventStoreDB's protocol.
func TestDemo_OnEventStoreDB_TellsTheStory(t *testing.T) {
	server, err := standin.New(standin.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	tellStory(t, startProcess(t, "--eventstore", server.ConnectionString()))
}

func tellStory(t *testing.T, p *process) {
	t.Helper()
	set, err := samples.Load()
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, playDemo(testContext(t), p.as, &out), "%s", &out)
	for _, sample := range set.Samples {
		require.Regexp(t, sample.File+` +-> `+string(sample.Expected), out.String())
	}
	require.Contains(t, out.String(), "VerificationOverridden")
	p.stop(syscall.SIGTERM)
	require.True(t, p.cmd.ProcessState.Success(), "SIGTERM is a clean end: %v; %s", p.cmd.ProcessState, p.log)
}

// Names are data wherever they come from: what a student types comes back byte for byte, as
// JSON that no browser takes for markup.
func TestServe_HostileName_ComesBackAsData(t *testing.T) {
	p := startProcess(t)
	ctx := testContext(t)
	set, err := samples.Load()
	require.NoError(t, err)
	var opening, submitted answer
	require.NoError(t, p.as(domain.RoleAdmin, "admin").post(ctx, "/v1/openings", sampleOpening("Praktikum", set.Requirement), &opening))
	for i, name := range []string{
		"Robert'); DROP TABLE applications;--",
		"<img src=x onerror=alert(1)>",
		"=HYPERLINK(\"http://example.com\")",
		"A\u202eevil\u2066\u200b",
	} {
		student := p.as(domain.RoleApplicant, string(rune('a'+i)))
		require.NoError(t, student.post(ctx, "/v1/applications", map[string]any{"opening_id": opening.ID, "applicant": map[string]any{
			"name": name, "nim": "20/461438/SV/19779", "email": "s@example.ac.id", "programme": "TRPL"}}, &submitted))
		var seen struct {
			Applicant domain.Applicant `json:"applicant"`
		}
		student.position = submitted.Position
		require.NoError(t, student.get(ctx, "/v1/applications/"+submitted.ID, &seen))
		require.Equal(t, name, seen.Applicant.Name)
	}
}
