package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"asprak/domain"
)

// TestReadme_FiveCalls_EndInVerified pastes the README's calls into a shell beside a fresh
// server, and asks the history and the audit trail for the same story.
func TestReadme_FiveCalls_EndInVerified(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	require.NoError(t, err)
	block := regexp.MustCompile("(?s)```sh\n(.*?)```").FindStringSubmatch(string(readme))
	require.NotNil(t, block, "the README has no shell block")

	p := startProcess(t)
	path, err := program()
	require.NoError(t, err)
	// The calls name the program and the samples as they lie in a clone.
	clone := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(clone, "bin"), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(clone, "cmd", "asprak"), 0o755))
	require.NoError(t, os.Symlink(path, filepath.Join(clone, "bin", "asprak")))
	samplesFolder, err := filepath.Abs("samples")
	require.NoError(t, err)
	require.NoError(t, os.Symlink(samplesFolder, filepath.Join(clone, "cmd", "asprak", "samples")))

	calls := strings.ReplaceAll(block[1], "http://127.0.0.1:8080", p.base)
	require.NotEqual(t, block[1], calls, "the calls do not name the server's address")
	shell := exec.CommandContext(testContext(t), "bash", "-e", "-o", "pipefail", "-c", calls+"\necho; echo APPLICATION=$APPLICATION")
	shell.Dir = clone
	shell.Env = append(os.Environ(), "ASPRAK_DATA="+p.data)
	var errors strings.Builder
	shell.Stderr = &errors
	out, err := shell.Output()
	require.NoError(t, err, "%s\n%s", out, &errors)
	require.Contains(t, string(out), `"label":"verified"`)

	application := regexp.MustCompile(`APPLICATION=(\S+)`).FindStringSubmatch(string(out))
	require.NotNil(t, application)
	var history, audit struct {
		Items []struct {
			EventID string       `json:"event_id"`
			Type    string       `json:"type"`
			Actor   domain.Actor `json:"actor"`
			Cause   string       `json:"causation_id"`
			Stream  string       `json:"stream"`
		} `json:"items"`
	}
	auditor := p.as(domain.RoleAuditor, "auditor")
	require.NoError(t, auditor.get(t.Context(), "/v1/applications/"+application[1]+"/history", &history))
	require.NoError(t, auditor.get(t.Context(), "/v1/audit?stream=application-"+application[1], &audit))
	var types []string
	for i, e := range history.Items {
		types = append(types, e.Type)
		require.NotEmpty(t, e.Actor.ID)
		require.NotEmpty(t, e.Cause)
		found := false
		for _, a := range audit.Items {
			if a.EventID == e.EventID {
				found = true
				require.Equal(t, [3]any{e.Type, e.Actor, e.Cause}, [3]any{a.Type, a.Actor, a.Cause})
			}
		}
		require.True(t, found, "event %d is not in the audit trail", i)
	}
	require.Equal(t, []string{"ApplicationSubmitted", "DocumentUploaded", "DocumentRead", "DocumentVerified"}, types)
	require.Equal(t, history.Items[1].EventID, history.Items[2].Cause, "the upload caused the reading")
}
