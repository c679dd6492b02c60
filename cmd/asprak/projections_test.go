package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/application/logtest"
	"asprak/cmd/asprak/samples"
	"asprak/domain"
	"asprak/infrastructure/embedded"
	"asprak/projections"
)

// fillLog makes a log of n events in a data folder.
func fillLog(t testing.TB, data string, n int) {
	log, err := embedded.Open(context.Background(), folder{Data: data}.log())
	require.NoError(t, err)
	require.NoError(t, logtest.Fill(context.Background(), log, n))
	require.NoError(t, log.Close())
}

func (p *process) projections(args ...string) *exec.Cmd {
	path, err := program()
	require.NoError(p.t, err)
	return exec.Command(path, slices.Concat([]string{"projections"}, args, []string{"--data", p.data})...)
}

func (p *process) mustProject(args ...string) (stdout, stderr string) {
	p.t.Helper()
	cmd := p.projections(args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	require.NoError(p.t, cmd.Run(), "%s", errs.String())
	return out.String(), errs.String()
}

// A rebuild is killed beside a running server, taken up again, switched to and dropped.
func TestProjections_KilledBesideAServer_GoesOnAndIsSwitchedTo(t *testing.T) {
	const events = 20_000
	p := &process{t: t, data: t.TempDir(), args: []string{"--roles", "api,projector"}}
	fillLog(t, p.data, events)
	p.start()
	t.Cleanup(func() { p.stop(syscall.SIGKILL) })
	views, err := projections.Open(testContext(t), folder{Data: p.data}.views())
	require.NoError(t, err)
	defer views.Close()
	at := func(place string) application.Position {
		builds, err := views.Builds(context.Background())
		require.NoError(t, err)
		for _, b := range builds {
			if b.Model == "audit" && b.Place == place {
				return b.Position
			}
		}
		return application.Position{}
	}
	require.Eventually(t, func() bool { return at("live").Commit == events }, 20*time.Second, 10*time.Millisecond, "%v %s", at("live"), p.log)

	killed := p.projections("rebuild", "audit")
	require.NoError(t, killed.Start())
	require.Eventually(t, func() bool { return at("next").Commit > 0 }, 20*time.Second, time.Millisecond)
	require.NoError(t, killed.Process.Kill())
	require.Error(t, killed.Wait())
	came := at("next").Commit
	require.Less(t, came, uint64(events), "it was killed in the middle")

	status, _ := p.mustProject("status")
	require.Regexp(t, fmt.Sprintf(`audit +next +\d+ +%d of %d`, came, events), status)
	out, progress := p.mustProject("rebuild", "audit")
	require.Contains(t, out, fmt.Sprintf("audit: %d rows, the same as live", events))
	require.True(t, strings.HasPrefix(progress, fmt.Sprintf("audit: %d events, ", events-came)), progress)

	p.mustProject("switch", "audit")
	set, err := samples.Load()
	require.NoError(t, err)
	var opening answer
	require.NoError(t, p.as(domain.RoleAdmin, "admin").post(testContext(t), "/v1/openings", sampleOpening("Praktikum", set.Requirement), &opening))
	auditor := p.as(domain.RoleAuditor, "auditor")
	auditor.position = opening.Position
	var page struct{ Items []struct{ Stream string } }
	require.NoError(t, auditor.get(testContext(t), "/v1/audit", &page))
	require.Equal(t, "opening-"+opening.ID, page.Items[0].Stream, "the server goes on in the new tables")
	p.mustProject("switch", "audit", "--back")
	p.mustProject("drop", "audit")
	require.Error(t, p.projections("drop", "audit").Run())
	require.Error(t, p.projections("rebuild", "weather").Run())
}
