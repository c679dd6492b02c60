package main

import (
	"fmt"
	"io/fs"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"asprak/cmd/asprak/samples"
	"asprak/domain"
)

// Nobody reads, and two processes take uploads: both refuse what is too much, keep nothing of
// it, and take it when it has been read.
func TestServe_TooManyUnread_EachProcessRefusesUntilTheyAreRead(t *testing.T) {
	ctx, data := testContext(t), filepath.Join(t.TempDir(), "data")
	launch := func(roles string) *process {
		return launchProcess(t, data, "--roles", roles, "--readers", "1", "--max-unread", "4", "--max-unread-each", "2")
	}
	apis := []*process{launch("api,projector"), launch("api")}
	for _, p := range apis {
		p.await()
	}
	set, err := samples.Load()
	require.NoError(t, err)
	var opening answer
	require.NoError(t, apis[0].as(domain.RoleAdmin, "admin").post(ctx, "/v1/openings", sampleOpening("Praktikum", set.Requirement), &opening))
	sample := set.Samples[0]
	type student struct {
		name, application string
	}
	apply := func(name string) student {
		var submitted answer
		require.NoError(t, apis[0].as(domain.RoleApplicant, name).post(ctx, "/v1/applications", map[string]any{"opening_id": opening.ID, "applicant": map[string]any{
			"name": sample.Applicant.Name, "nim": sample.Applicant.NIM, "email": "s@example.ac.id", "programme": "TRPL"}}, &submitted))
		return student{name, submitted.ID}
	}
	send := func(by *process, who student, n int) (answer, error) {
		var uploaded answer
		err := by.as(domain.RoleApplicant, who.name).upload(ctx, "/v1/applications/"+who.application+"/documents", sample.File, append(sampleContent(t, sample.File), fmt.Sprintf("\n%% %s %d", who.name, n)...), &uploaded)
		return uploaded, err
	}
	seen := func(n float64) {
		t.Helper()
		require.Eventually(t, func() bool {
			for _, p := range apis {
				if found, _ := p.metric("asprak_unread_documents"); found != n {
					return false
				}
			}
			return true
		}, 20*time.Second, 5*time.Millisecond)
	}
	siti, budi, third := apply("siti"), apply("budi"), apply("citra")
	for i, who := range []student{siti, siti, budi, budi} {
		_, err := send(apis[i%2], who, i)
		require.NoError(t, err)
	}
	seen(4)
	kept, revision := files(t, data), func(who student) (at struct{ Revision int }) {
		require.NoError(t, apis[1].as(domain.RoleApplicant, who.name).get(ctx, "/v1/applications/"+who.application, &at))
		return at
	}
	for _, p := range apis {
		_, err := send(p, siti, 5)
		require.Equal(t, http.StatusServiceUnavailable, statusOf(err), "%v", err)
		require.ErrorContains(t, err, "own_documents_waiting")
		_, err = send(p, third, 6)
		require.Equal(t, http.StatusServiceUnavailable, statusOf(err), "%v", err)
		require.ErrorContains(t, err, "documents_waiting")
	}
	require.Equal(t, kept, files(t, data), "nothing of what was refused is kept")
	require.Equal(t, 2, revision(siti).Revision)
	require.Equal(t, 0, revision(third).Revision)

	launch("reader").await()
	seen(0)
	uploaded, err := send(apis[1], third, 6)
	require.NoError(t, err)
	_, err = apis[1].as(domain.RoleApplicant, third.name).awaitVerdict(ctx, third.application, uploaded.DocumentID)
	require.NoError(t, err)
}

// files are the names of the documents that are kept.
func files(t *testing.T, data string) (names []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(folder{Data: data}.documents(), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, path)
		}
		return err
	}))
	return names
}
