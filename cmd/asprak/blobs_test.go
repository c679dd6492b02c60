package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"sync/atomic"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/stretchr/testify/require"

	"asprak/cmd/asprak/samples"
	"asprak/domain"
)

// bucket is S3-compatible storage over HTTP that can be away.
func bucket(t *testing.T) (location string, away *atomic.Bool) {
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	backend := s3mem.New()
	require.NoError(t, backend.CreateBucket("documents"))
	storage, away := gofakes3.New(backend).Server(), &atomic.Bool{}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if away.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		storage.ServeHTTP(w, r)
	}))
	t.Cleanup(web.Close)
	return "s3://documents?region=local&endpoint=" + url.QueryEscape(web.URL), away
}

func TestServe_DocumentsInABucket_AreReadAndSurviveItsOutage(t *testing.T) {
	location, away := bucket(t)
	p := startProcess(t, "--blobs", location)
	ctx := testContext(t)
	set, err := samples.Load()
	require.NoError(t, err)
	var opening, submitted, uploaded answer
	require.NoError(t, p.as(domain.RoleAdmin, "admin").post(ctx, "/v1/openings", sampleOpening("Praktikum", set.Requirement), &opening))
	student := p.as(domain.RoleApplicant, "student")
	require.NoError(t, student.post(ctx, "/v1/applications", map[string]any{"opening_id": opening.ID, "applicant": map[string]any{
		"name": "Hasna Nur'aini Maharani", "nim": "20/461438/SV/19779", "email": "s@example.ac.id", "programme": "TRPL"}}, &submitted))
	path := "/v1/applications/" + submitted.ID + "/documents"
	khs := sampleContent(t, "khs.pdf")

	student.key = "upload-1"
	away.Store(true)
	err = student.upload(ctx, path, "khs.pdf", khs, &uploaded)
	require.Equal(t, http.StatusServiceUnavailable, statusOf(err), "%v", err)
	require.ErrorContains(t, err, "documents_unavailable")
	away.Store(false)
	require.NoError(t, student.upload(ctx, path, "khs.pdf", khs, &uploaded))
	document, err := student.awaitVerdict(ctx, submitted.ID, uploaded.DocumentID)
	require.NoError(t, err, "%s", p.log)
	require.EqualValues(t, "verified", document.Verdict.Label)
	require.NoDirExists(t, folder{Data: p.data}.documents())
}

func TestServe_WrongBucket_EndsAtOnceAndSaysWhy(t *testing.T) {
	location, _ := bucket(t)
	at, err := url.Parse(location)
	require.NoError(t, err)
	at.Host = "elsewhere"
	path, err := program()
	require.NoError(t, err)
	out, err := exec.CommandContext(testContext(t), path, "serve", "--data", t.TempDir(), "--listen", "127.0.0.1:0", "--blobs", at.String()).CombinedOutput()
	var ended *exec.ExitError
	require.True(t, errors.As(err, &ended), "%v", err)
	require.Contains(t, string(out), "s3://elsewhere")
	require.Contains(t, string(out), "bucket does not exist")
}
