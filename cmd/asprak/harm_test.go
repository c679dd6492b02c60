package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/cmd/asprak/samples"
	"asprak/domain"
	"asprak/infrastructure/embedded"
)

// shop is a stopped server's folder with an application whose document has its verdict.
func shop(t *testing.T) (p *process, application string) {
	t.Helper()
	p = told(t)
	var page struct {
		Items []struct {
			ID string `json:"id"`
		} `json:"items"`
	}
	require.NoError(t, p.as(domain.RoleAdmin, "admin").get(testContext(t), "/v1/applications", &page))
	require.Len(t, page.Items, 1)
	p.stop(syscall.SIGTERM)
	return p, page.Items[0].ID
}

// refuses starts the server, which has to end by itself and say why.
func (p *process) refuses() string {
	p.t.Helper()
	p.launch()
	select {
	case <-p.done:
	case <-time.After(30 * time.Second):
		require.Fail(p.t, "the server did not end", p.log.String())
	}
	require.Equal(p.t, 1, p.cmd.ProcessState.ExitCode(), "%s", p.log)
	require.NotContains(p.t, p.log.String(), "panic")
	return p.log.String()
}

func damage(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, change(content), 0o600))
}

func empty([]byte) []byte   { return nil }
func noise(b []byte) []byte { return bytes.Repeat([]byte{0x13, 0xfe, 0x77}, len(b)/3) }
func half(b []byte) []byte  { return b[:len(b)/2] }
func brokenRoot(b []byte) []byte {
	return append(b[:100:100], append(make([]byte, 4096-100), b[4096:]...)...)
}

func TestServe_LogThatIsDamaged_IsRefusedAndKept(t *testing.T) {
	for name, c := range map[string]struct {
		harm func([]byte) []byte
		says string
	}{
		"0 bytes":        {empty, "is empty or gone, and a log was kept in it"},
		"noise":          {noise, "is not an event log"},
		"first page":     {brokenRoot, "damaged"},
		"half of it":     {half, ""}, // where it breaks off depends on the pages
		"another's file": {func([]byte) []byte { return []byte("SQLite format 3\x00" + strings.Repeat("\x00", 4080)) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p, _ := shop(t)
			path := filepath.Join(p.data, "log.db")
			damage(t, path, c.harm)
			before, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Contains(t, p.refuses(), c.says)
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, before, after, "what is left is for whoever mends it")
		})
	}
}

func TestServe_OlderLogThanTheReadModels_IsRefused(t *testing.T) {
	p, _ := shop(t)
	path := filepath.Join(p.data, "log.db")
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Remove(path+"-owners"))
	require.Contains(t, p.refuses(), "the read models have seen 6 of it")
}

func TestServe_ReadModelsThatAreDamaged_AreBuiltAnew(t *testing.T) {
	for name, harm := range map[string]func([]byte) []byte{"0 bytes": empty, "noise": noise, "first page": brokenRoot} {
		t.Run(name, func(t *testing.T) {
			p, id := shop(t)
			damage(t, filepath.Join(p.data, "views.db"), harm)
			p.start()
			var seen struct{ Status string }
			admin := p.as(domain.RoleAdmin, "admin")
			admin.position = "6"
			require.NoError(t, admin.get(testContext(t), "/v1/applications/"+id, &seen))
			require.Equal(t, "verified", seen.Status)
		})
	}
}

// The kernel lets root write anywhere: the server runs as somebody else where the tests do not.
func TestServe_FolderThatCannotBeWritten_IsRefusedAndLeftAlone(t *testing.T) {
	p, _ := shop(t)
	before := tree(t, p.data)
	require.NoError(t, filepath.WalkDir(p.data, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		mode := os.FileMode(0o444)
		if d.IsDir() {
			mode = 0o555
		}
		return os.Chmod(path, mode)
	}))
	t.Cleanup(func() {
		filepath.WalkDir(p.data, func(path string, d os.DirEntry, err error) error { return os.Chmod(path, 0o700) })
	})
	path, err := program()
	require.NoError(t, err)
	run := exec.CommandContext(testContext(t), path, "serve", "--data", p.data, "--listen", "127.0.0.1:0")
	if os.Getuid() == 0 {
		const nobody = 65534
		require.NoError(t, os.Chmod(filepath.Dir(path), 0o755))
		for dir := p.data; dir != os.TempDir(); dir = filepath.Dir(dir) {
			require.NoError(t, os.Chmod(dir, 0o555))
			t.Cleanup(func() { os.Chmod(dir, 0o700) })
		}
		run.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	out, err := run.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "log.db")
	require.NotContains(t, string(out), "listening")
	require.NotContains(t, string(out), "panic")
	require.Equal(t, before, tree(t, p.data))
}

// tree is every file below a folder with its size.
func tree(t *testing.T, folder string) map[string]int64 {
	t.Helper()
	all := map[string]int64{}
	require.NoError(t, filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			all[path] = info.Size()
		}
		return err
	}))
	return all
}

// The stored times are moved instead of the machine's clock: to the server it looks as if the
// clock had been put back, or forward, by an hour while a document was being read.
func TestServe_ClockPutByAnHour_LosesNothing(t *testing.T) {
	for name, hours := range map[string]int{"back": 1, "forward": -1} {
		t.Run(name, func(t *testing.T) {
			ctx := testContext(t)
			p := startProcess(t, "--readers", "1")
			set, err := samples.Load()
			require.NoError(t, err)
			var opening, submitted, uploaded answer
			require.NoError(t, p.as(domain.RoleAdmin, "admin").post(ctx, "/v1/openings", sampleOpening("Praktikum", set.Requirement), &opening))
			sample, student := set.Samples[1], p.as(domain.RoleApplicant, "siti")
			applicant := map[string]any{"name": sample.Applicant.Name, "nim": sample.Applicant.NIM, "email": "s@example.ac.id", "programme": "TRPL"}
			require.NoError(t, student.post(ctx, "/v1/applications", map[string]any{"opening_id": opening.ID, "applicant": applicant}, &submitted))
			require.NoError(t, student.upload(ctx, "/v1/applications/"+submitted.ID+"/documents", sample.File, sampleContent(t, sample.File), &uploaded))
			p.stop(syscall.SIGKILL)

			log, err := sqlx.Open("sqlite3", "file:"+filepath.Join(p.data, "log.db"))
			require.NoError(t, err)
			for _, change := range []string{
				"UPDATE events SET recorded_at = recorded_at + ?1",
				"UPDATE deliveries SET due = due + ?1 WHERE due > 0",
			} {
				_, err := log.Exec(change, int64(hours)*time.Hour.Microseconds())
				require.NoError(t, err)
			}
			require.NoError(t, log.Close())

			p.start()
			student = p.as(domain.RoleApplicant, "siti")
			document, err := student.awaitVerdict(ctx, submitted.ID, uploaded.DocumentID)
			require.NoError(t, err, "%s", p.log)
			require.Equal(t, sample.Expected, document.Verdict.Label)
			var other answer
			require.NoError(t, p.as(domain.RoleApplicant, "budi").post(ctx, "/v1/applications", map[string]any{"opening_id": opening.ID, "applicant": applicant}, &other))
			p.stop(syscall.SIGTERM)
			_, err = embedded.Check(ctx, filepath.Join(p.data, "log.db"), func(application.Record) error { return nil })
			require.NoError(t, err)
		})
	}
}

// The data folder is a small file system of the server's own, seen through its process.
func TestServe_DiskFull_RefusesAndGoesOnWhenThereIsRoom(t *testing.T) {
	if out, err := exec.Command("unshare", "-Urm", "true").CombinedOutput(); err != nil {
		t.Skipf("no file system of its own can be mounted here: %v %s", err, out)
	}
	ctx := testContext(t)
	path, err := program()
	require.NoError(t, err)
	data, key := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "token.key")
	require.NoError(t, os.Mkdir(data, 0o700))
	p := &process{t: t, data: data}
	p.wrap = []string{"unshare", "-Urm", "sh", "-c", `mount -t tmpfs -o size=12m tmpfs "$0" && exec "$@"`, data, path}
	p.args = []string{"--token-key", key, "--readers", "1"}
	p.key = key
	p.launch()
	t.Cleanup(func() { p.stop(syscall.SIGKILL) })
	p.await()

	set, err := samples.Load()
	require.NoError(t, err)
	sample := set.Samples[0]
	var opening answer
	require.NoError(t, p.as(domain.RoleAdmin, "admin").post(ctx, "/v1/openings", sampleOpening("Praktikum", set.Requirement), &opening))
	acknowledged := map[string]string{}
	apply := func(name string) error {
		var submitted answer
		err := p.as(domain.RoleApplicant, name).post(ctx, "/v1/applications", map[string]any{"opening_id": opening.ID, "applicant": map[string]any{
			"name": sample.Applicant.Name, "nim": sample.Applicant.NIM, "email": "s@example.ac.id", "programme": "TRPL"}}, &submitted)
		if err == nil {
			acknowledged[name] = submitted.ID
		}
		return err
	}
	require.NoError(t, apply("siti"))
	filler := filepath.Join("/proc", fmt.Sprint(p.cmd.Process.Pid), "root", data, "filler")
	fill(t, filler)
	// What was reserved already still takes some.
	var refused error
	for n := 0; refused == nil && n < 20_000; n++ {
		refused = apply(fmt.Sprint("student-", n))
		if refused == nil {
			fill(t, filler)
		}
	}
	require.Equal(t, http.StatusServiceUnavailable, statusOf(refused), "%v", refused)
	require.ErrorContains(t, refused, "log_unavailable")
	err = p.as(domain.RoleApplicant, "siti").upload(ctx, "/v1/applications/"+acknowledged["siti"]+"/documents", sample.File, sampleContent(t, sample.File), new(answer))
	require.Equal(t, http.StatusServiceUnavailable, statusOf(err), "%v", err)
	for name, id := range acknowledged {
		require.NoError(t, p.as(domain.RoleApplicant, name).get(ctx, "/v1/applications/"+id+"/history", new(json.RawMessage)))
		break
	}

	require.NoError(t, os.Remove(filler))
	require.Eventually(t, func() bool { return apply("budi") == nil }, 30*time.Second, 10*time.Millisecond, "%s", p.log)
	var uploaded answer
	siti := p.as(domain.RoleApplicant, "siti")
	require.NoError(t, siti.upload(ctx, "/v1/applications/"+acknowledged["siti"]+"/documents", sample.File, sampleContent(t, sample.File), &uploaded))
	_, err = siti.awaitVerdict(ctx, acknowledged["siti"], uploaded.DocumentID)
	require.NoError(t, err, "%s", p.log)
	for name, id := range acknowledged {
		require.NoError(t, p.as(domain.RoleApplicant, name).get(ctx, "/v1/applications/"+id, new(json.RawMessage)), name)
	}
}

// fill writes until the file system is full.
func fill(t *testing.T, path string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	require.NoError(t, err)
	defer file.Close()
	for size := 64 << 10; size > 0; {
		_, err := file.Write(make([]byte, size))
		if errors.Is(err, syscall.ENOSPC) {
			size /= 2
			continue
		}
		require.NoError(t, err)
	}
}
