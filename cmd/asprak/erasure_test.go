package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"

	"asprak/cmd/asprak/samples"
	"asprak/domain"
)

// marks are what is personal in the test below; nothing else that it makes holds any of them.
type marks []string

// in names the marks that the text holds, however they are written.
func (m marks) in(text []byte) (found []string) {
	lower := bytes.ToLower(text)
	for _, mark := range m {
		if bytes.Contains(lower, bytes.ToLower([]byte(mark))) {
			found = append(found, mark)
		}
	}
	return found
}

// inFolder names the marks in the files below the folder, with the files, but for those that a name given begins.
func (m marks) inFolder(t *testing.T, folder string, but ...string) (found []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || slices.ContainsFunc(but, func(name string) bool { return strings.HasPrefix(d.Name(), name) }) {
			return err
		}
		content, err := os.ReadFile(path)
		for _, mark := range m.in(content) {
			found = append(found, filepath.Base(path)+": "+mark)
		}
		return err
	}))
	return found
}

// answered is the body of a GET, whatever its kind.
func (c *caller) answered(t *testing.T, ctx context.Context, path string) []byte {
	t.Helper()
	token, err := c.token()
	require.NoError(t, err)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode, path)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return body
}

// A person goes the whole way, from the application to an offer, with marked values wherever a person can write or is
// written of. The marks stand in the read models and in what those who may are answered, and nowhere else that the program
// writes; and after an erasure, through a kill in its middle, nowhere at all, not even in a backup from before it.
func TestErasure_MarkedValues_AreFoundNowhere(t *testing.T) {
	var collected spans
	collector := httptest.NewServer(&collected)
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
	ctx, folder := testContext(t), t.TempDir()
	printed, err := os.Create(filepath.Join(folder, "printed"))
	require.NoError(t, err)
	defer printed.Close()
	data := filepath.Join(folder, "data")
	p := &process{t: t, data: data, also: printed, args: []string{"--readers", "1", "--log-level", "debug", "--log-format", "json", "--account-domains", "example.ac.id"}}
	p.start()
	t.Cleanup(func() { p.stop(syscall.SIGKILL) })

	set, err := samples.Load()
	require.NoError(t, err)
	sample := set.Samples[0]
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, sample.Applicant.NIM)
	personal := marks{"zyxwora", sample.Applicant.Name, sample.Applicant.NIM, digits[2:8]}
	personal = append(personal, strings.Fields(sample.Applicant.Name)[1])
	admin, auditor, budi := p.as(domain.RoleAdmin, "dewi"), p.as(domain.RoleAuditor, "agus"), p.as(domain.RoleApplicant, "person-2")
	var opening, submitted, uploaded, other, done answer
	const email, password = "zyxwora@example.ac.id", "kata sandi zyxwora"
	require.NoError(t, p.withToken("").post(ctx, "/v1/accounts", map[string]any{"email": email, "password": password}, &done))
	siti, _, err := p.login(ctx, email, password)
	require.NoError(t, err)
	_, _, err = p.login(ctx, email, "wrong zyxwora")
	require.Equal(t, 401, statusOf(err))
	require.NoError(t, admin.post(ctx, "/v1/openings", sampleOpening("Praktikum", set.Requirement), &opening))
	require.NoError(t, siti.post(ctx, "/v1/applications", map[string]any{"opening_id": opening.ID, "applicant": map[string]any{
		"name": sample.Applicant.Name, "nim": sample.Applicant.NIM, "email": email, "programme": "Zyxwora Prodi"}}, &submitted))
	content := append(sampleContent(t, sample.File), "\n% zyxwora"...)
	require.NoError(t, siti.upload(ctx, "/v1/applications/"+submitted.ID+"/documents", "zyxwora khs.pdf", content, &uploaded))
	require.NoError(t, budi.post(ctx, "/v1/applications", map[string]any{"opening_id": opening.ID, "applicant": map[string]any{
		"name": "Budi Santoso", "nim": "77/111111/XX/55555", "email": "budi@example.ac.id", "programme": "TRPL"}}, &other))
	require.NoError(t, budi.upload(ctx, "/v1/applications/"+other.ID+"/documents", "budi.txt", []byte("of somebody else"), &done))
	path := "/v1/applications/" + submitted.ID
	document := path + "/documents/" + uploaded.DocumentID
	_, err = siti.awaitVerdict(ctx, submitted.ID, uploaded.DocumentID)
	require.NoError(t, err)
	require.Equal(t, content, admin.answered(t, ctx, document+"/content"))
	require.NoError(t, admin.post(ctx, document+"/override", map[string]any{"outcome": "verified", "reason": "Zyxwora datang sendiri."}, &done))
	require.NoError(t, admin.post(ctx, path+"/accept", map[string]any{"reason": "Zyxwora yang terbaik."}, &done))
	require.Eventually(t, func() bool {
		return strings.Contains(string(siti.answered(t, ctx, path)), `"status":"accepted"`)
	}, 20*time.Second, 20*time.Millisecond)
	held := siti.answered(t, ctx, "/v1/me/data")
	require.Len(t, personal.in(held), len(personal), "who asks is told all that is held")
	require.Contains(t, string(held), "DocumentViewed", "and who looked")
	require.NotEmpty(t, personal.in(auditor.answered(t, ctx, "/v1/audit/export")))
	backup, ring := filepath.Join(folder, "backup"), filepath.Join(folder, "ring.db")
	run(t, "backup", "--data", data, backup)

	elsewhere := func() []string {
		found := personal.inFolder(t, folder, "views.db", "accounts.db")
		found = append(found, personal.in(admin.answered(t, ctx, "/metrics"))...)
		collected.mu.Lock()
		defer collected.mu.Unlock()
		require.NotEmpty(t, collected.all)
		for _, span := range collected.all {
			found = append(found, personal.in([]byte(protojson.Format(span)))...)
		}
		return found
	}
	require.Empty(t, elsewhere())
	there := strings.Join(personal.inFolder(t, folder), "\n")
	for _, mark := range personal {
		require.Contains(t, there, mark, "the search finds what is there")
	}

	require.NoError(t, siti.post(ctx, "/v1/me/erasure", map[string]any{}, &done))
	p.stop(syscall.SIGKILL)
	p.start()
	for _, c := range []*caller{admin, siti, budi, auditor} {
		c.base = p.base
	}
	require.Eventually(t, func() bool {
		return strings.Contains(string(siti.answered(t, ctx, "/v1/me/data")), "PersonErased")
	}, 30*time.Second, 20*time.Millisecond)
	require.Eventually(t, func() bool { return len(personal.inFolder(t, folder)) == 0 }, 30*time.Second, 100*time.Millisecond, "%v", personal.inFolder(t, folder))
	require.Empty(t, elsewhere())
	tellsNobody := func(auditor *caller) {
		t.Helper()
		for _, path := range []string{path, path + "/history", path + "?revision=1", path + "/as-seen?actor=dewi", "/v1/applications", "/v1/audit/export", "/v1/audit/export?format=csv", "/v1/audit?limit=100", "/v1/statistics"} {
			require.Empty(t, personal.in(auditor.answered(t, ctx, path)), path)
		}
	}
	tellsNobody(auditor)
	_, _, err = p.login(ctx, email, password)
	require.Equal(t, 401, statusOf(err), "the account is gone too")
	require.Empty(t, personal.in(siti.answered(t, ctx, "/v1/me/data")))
	require.Contains(t, string(budi.answered(t, ctx, "/v1/applications/"+other.ID)), "Budi Santoso")
	require.Empty(t, personal.in([]byte(run(t, "replay", "--data", data, submitted.ID))))
	run(t, "projections", "rebuild", "audit", "--data", data)
	require.Empty(t, personal.inFolder(t, folder))
	var opened struct {
		Awarded int `json:"awarded"`
	}
	require.NoError(t, json.Unmarshal(admin.answered(t, ctx, "/v1/openings/"+opening.ID), &opened))
	require.Zero(t, opened.Awarded, "the seat is free again")

	run(t, "backup", "--data", data, "--keys", ring, filepath.Join(folder, "later"))
	restored := filepath.Join(folder, "restored")
	run(t, "restore", "--data", restored, "--keys", ring, backup)
	master, err := os.ReadFile(filepath.Join(data, "master.key"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(restored, "master.key"), master, 0o600))
	again := launchProcess(t, restored, "--readers", "1")
	again.await()
	tellsNobody(again.as(domain.RoleAuditor, "agus"))
	require.Contains(t, string(again.as(domain.RoleApplicant, "person-2").answered(t, ctx, "/v1/applications/"+other.ID)), "Budi Santoso")
	require.Empty(t, personal.inFolder(t, folder))
	require.NotContains(t, p.log.String(), "panic", fmt.Sprint(p.args))
}
