package main

import (
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"asprak/cmd/asprak/samples"
	"asprak/domain"
)

func TestRoles_Named_AreWhatIsPlayed(t *testing.T) {
	for text, want := range map[string]roles{
		"api":                  {api: true},
		"api,projector,reader": {api: true, projector: true, reader: true},
		" reader , projector":  {projector: true, reader: true},
	} {
		r := roles{api: true}
		require.NoError(t, r.UnmarshalText([]byte(text)))
		require.Equal(t, want, r, text)
	}
}

func TestServe_UnknownRole_SaysWhichThereAre(t *testing.T) {
	path, err := program()
	require.NoError(t, err)
	for _, text := range []string{"worker", "", "api,"} {
		out, err := exec.CommandContext(testContext(t), path, "serve", "--data", t.TempDir(), "--roles="+text).CombinedOutput()
		require.Error(t, err)
		require.Regexp(t, `--roles: there is no role "(worker)?": name api, projector and reader`, string(out))
	}
}

// Processes that play one role each share a folder: what one api has acknowledged the other
// shows, a second projector takes the place of one that is killed, and so does a reader.
func TestServe_RolesApartOnOneFolder_WorkTogether(t *testing.T) {
	ctx, data := testContext(t), filepath.Join(t.TempDir(), "data")
	launch := func(role string) *process { return launchProcess(t, data, "--roles", role, "--readers", "1") }
	// All at once, and on an empty folder.
	projectors := []*process{launch("projector"), launch("projector")}
	apis := []*process{launch("api"), launch("api")}
	readers := []*process{launch("reader"), launch("reader")}
	all := slices.Concat(apis, projectors, readers)
	for _, p := range all {
		p.await()
	}

	for _, p := range all {
		for path, want := range map[string]int{"/healthz": http.StatusOK, "/readyz": http.StatusOK, "/docs": http.StatusNotFound} {
			if path == "/docs" && slices.Contains(apis, p) {
				want = http.StatusOK
			}
			response, err := http.Get(p.base + path)
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			require.Equal(t, want, response.StatusCode, "%v %s", p.args, path)
		}
		_, pooled := p.metric("asprak_readers_ready")
		require.Equal(t, slices.Contains(readers, p), pooled)
	}

	set, err := samples.Load()
	require.NoError(t, err)
	admin := apis[0].as(domain.RoleAdmin, "admin")
	var opening answer
	require.NoError(t, admin.post(ctx, "/v1/openings", sampleOpening("Praktikum", set.Requirement), &opening))
	for i, change := range []func(){
		func() {},
		func() { leading(t, projectors).stop(syscall.SIGKILL) },
		func() { readers[0].stop(syscall.SIGKILL) },
	} {
		change()
		one, other := apis[i%2], apis[(i+1)%2]
		sample := set.Samples[0]
		name := fmt.Sprintf("student-%d", i)
		var submitted, uploaded answer
		require.NoError(t, one.as(domain.RoleApplicant, name).post(ctx, "/v1/applications", map[string]any{"opening_id": opening.ID, "applicant": map[string]any{
			"name": sample.Applicant.Name, "nim": sample.Applicant.NIM, "email": "s@example.ac.id", "programme": "TRPL"}}, &submitted))
		student := other.as(domain.RoleApplicant, name)
		student.position = submitted.Position
		var seen struct{ Status string }
		require.Eventually(t, func() bool { // the projector that takes over may need longer than a request waits
			err := student.get(ctx, "/v1/applications/"+submitted.ID, &seen)
			require.True(t, err == nil || statusOf(err) == http.StatusServiceUnavailable, "%v", err)
			return err == nil
		}, 20*time.Second, time.Millisecond)
		require.Equal(t, "submitted", seen.Status)
		content := append(sampleContent(t, sample.File), "\n% "+name...)
		require.NoError(t, student.upload(ctx, "/v1/applications/"+submitted.ID+"/documents", sample.File, content, &uploaded))
		document, err := student.awaitVerdict(ctx, submitted.ID, uploaded.DocumentID)
		require.NoError(t, err)
		require.Equal(t, sample.Expected, document.Verdict.Label)
	}
}

// leading is the projector that projects.
func leading(t *testing.T, projectors []*process) (leader *process) {
	t.Helper()
	require.Eventually(t, func() bool {
		for _, p := range projectors {
			if leads, _ := p.metric("asprak_projector_leads"); leads == 1 {
				leader = p
			}
		}
		return leader != nil
	}, 20*time.Second, 5*time.Millisecond)
	return leader
}
