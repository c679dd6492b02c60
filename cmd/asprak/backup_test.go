package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/cmd/asprak/samples"
	"asprak/domain"
	"asprak/infrastructure/embedded"
)

// A backup is made while students apply and upload; a server on what is restored of it shows
// every command that was acknowledged before the backup's end, and reads what was not read.
func TestBackup_UnderLoad_RestoredElsewhereHasAllThatWasAcknowledged(t *testing.T) {
	p, ctx := startProcess(t, "--readers", "1"), testContext(t)
	set, err := samples.Load()
	require.NoError(t, err)
	var opening answer
	require.NoError(t, p.as(domain.RoleAdmin, "admin").post(ctx, "/v1/openings", sampleOpening("Praktikum", set.Requirement), &opening))
	sample := set.Samples[0]
	content := sampleContent(t, sample.File)

	type acknowledged struct {
		application, document string
		at                    time.Time
	}
	var mu sync.Mutex
	var all []acknowledged
	working, stop := context.WithCancel(ctx)
	var students sync.WaitGroup
	for w := range 4 {
		students.Go(func() {
			for n := 0; working.Err() == nil; n++ {
				name := fmt.Sprintf("student-%d-%d", w, n)
				student := p.as(domain.RoleApplicant, name)
				var submitted, uploaded answer
				err := student.post(ctx, "/v1/applications", map[string]any{"opening_id": opening.ID, "applicant": map[string]any{
					"name": sample.Applicant.Name, "nim": sample.Applicant.NIM, "email": "s@example.ac.id", "programme": "TRPL"}}, &submitted)
				if err == nil && n%4 == 0 {
					err = student.upload(ctx, "/v1/applications/"+submitted.ID+"/documents", sample.File, append(content[:len(content):len(content)], "\n% "+name...), &uploaded)
				}
				if !assertNoError(t, err) {
					return
				}
				mu.Lock()
				all = append(all, acknowledged{submitted.ID, uploaded.DocumentID, time.Now()})
				mu.Unlock()
			}
		})
	}
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(all)
	}
	require.Eventually(t, func() bool { return count() > 100 }, time.Minute, time.Millisecond)
	folder := filepath.Join(t.TempDir(), "backup")
	began := count()
	ring := filepath.Join(t.TempDir(), "keys.db")
	run(t, "backup", "--data", p.data, "--keys", ring, folder)
	require.Greater(t, count(), began, "the load went on")
	after := count()
	require.Eventually(t, func() bool { return count() > after }, time.Minute, time.Millisecond, "and goes on")
	stop()
	students.Wait()
	p.stop(syscall.SIGTERM)

	elsewhere := filepath.Join(t.TempDir(), "data")
	require.Contains(t, run(t, "restore", "--data", elsewhere, "--keys", ring, folder), "all are whole")
	m, err := readManifest(folder)
	require.NoError(t, err)
	source, err := embedded.Check(ctx, filepath.Join(p.data, "log.db"), func(application.Record) error { return nil })
	require.NoError(t, err)
	require.Greater(t, source.Events, m.Log.Events)

	restored := launchProcess(t, elsewhere, "--master-key", filepath.Join(p.data, "master.key"))
	restored.await()
	admin := restored.as(domain.RoleAdmin, "admin")
	checked := 0
	for _, a := range all {
		if a.at.After(m.MadeAt) {
			continue
		}
		checked++
		require.NoError(t, admin.get(ctx, "/v1/applications/"+a.application+"/history", new(any)))
		if a.document != "" {
			_, err := admin.awaitVerdict(ctx, a.application, a.document)
			require.NoError(t, err, "%s", restored.log)
		}
	}
	require.Greater(t, checked, 100)
}

func TestRestore_BackupThatIsNotWhole_IsRefused(t *testing.T) {
	p := told(t)
	good := filepath.Join(t.TempDir(), "backup")
	run(t, "backup", "--data", p.data, good)
	m, err := readManifest(good)
	require.NoError(t, err)
	require.Len(t, m.Documents, 1)
	for name, harm := range map[string]func(folder string) error{
		"unfinished":       func(folder string) error { return os.Remove(filepath.Join(folder, manifestName)) },
		"document missing": func(folder string) error { return os.Remove(filepath.Join(folder, backupBlobs, m.Documents[0].Name)) },
		"document changed": func(folder string) error {
			return os.WriteFile(filepath.Join(folder, backupBlobs, m.Documents[0].Name), []byte("%PDF"), 0o600)
		},
		"log cut": func(folder string) error { return os.Truncate(filepath.Join(folder, backupLog), 4096) },
		"log of another": func(folder string) error {
			os.Remove(filepath.Join(folder, backupLog))
			log, err := embedded.Open(t.Context(), filepath.Join(folder, backupLog))
			if err != nil {
				return err
			}
			return log.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			folder, data := filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "data")
			require.NoError(t, os.CopyFS(folder, os.DirFS(good)))
			require.NoError(t, harm(folder))
			out, err := command(t, "restore", "--data", data, folder).CombinedOutput()
			require.Error(t, err, "%s", out)
			require.NoFileExists(t, filepath.Join(data, "log.db"))
			// The same folder takes a whole one.
			run(t, "restore", "--data", data, good)
			out, err = command(t, "restore", "--data", data, good).CombinedOutput()
			require.Error(t, err)
			require.Contains(t, string(out), "is there already")
		})
	}
	out, err := command(t, "backup", "--data", p.data, good).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "is not empty")
}

func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	path, err := program()
	require.NoError(t, err)
	return exec.CommandContext(testContext(t), path, args...)
}

func run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := command(t, args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}
