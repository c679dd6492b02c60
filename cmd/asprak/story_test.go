package main

import (
	"bytes"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"asprak/cmd/asprak/samples"
	"asprak/domain"
)

func TestDemo_AgainstARunningServer_TellsTheStory(t *testing.T) {
	p := startProcess(t)
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
