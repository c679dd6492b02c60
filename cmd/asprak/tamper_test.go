package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"asprak/domain/transcript"
	"asprak/domain/transcript/transcripttest"
)

// tampered is a study on one page, and what a forger wants it to be: a better letter in one
// course, with weight, points, sums and averages that follow from it.
type tampered struct {
	honest, forged transcripttest.Study
	course         int
	pages          [2]transcript.Page // honest and forged
}

// drawTampered answers false where the letter is the best already or the study needs more pages.
func drawTampered(seed uint64) (tampered, bool) {
	r := rand.New(rand.NewPCG(seed, 5))
	t := tampered{honest: transcripttest.NewStudy(r)}
	layout := transcripttest.NewLayout(r)
	t.course = r.IntN(len(t.honest.Courses))
	t.forged = t.honest
	t.forged.Courses = slices.Clone(t.honest.Courses)
	t.forged.SetGrade(t.course, t.honest.Scale.Letters[0].Name)
	t.honest.Sum(rand.New(rand.NewPCG(seed, 6)))
	t.forged.Sum(rand.New(rand.NewPCG(seed, 6)))
	honest, forged := layout.Print(t.honest), layout.Print(t.forged)
	if len(honest.Pages) != 1 || len(honest.Pages[0].Words) != len(forged.Pages[0].Words) || t.honest.Courses[t.course] == t.forged.Courses[t.course] {
		return t, false
	}
	t.pages = [2]transcript.Page{honest.Pages[0], forged.Pages[0]}
	return t, true
}

// verdicts reads the files as a user would, each with an opening that asks for what the study shows.
func verdicts(t *testing.T, files map[string][]byte, shows map[string]tampered, of func(tampered) transcripttest.Study) map[string]string {
	t.Helper()
	dir := t.TempDir()
	var cases bytes.Buffer
	for name, content := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), content, 0o644))
		s := of(shows[name])
		c := s.Courses[shows[name].course]
		require.NoError(t, json.NewEncoder(&cases).Encode(map[string]any{"file": name, "applicant": map[string]string{"name": s.Name, "nim": s.NIM},
			"requirement": map[string]any{"course_code": c.Code, "course_name": c.Name, "min_grade": c.Grade, "min_ipk": json.Number(s.IPK)}}))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cases.jsonl"), cases.Bytes(), 0o644))
	path, err := program()
	require.NoError(t, err)
	out, err := exec.CommandContext(testContext(t), path, "read", "--cases", filepath.Join(dir, "cases.jsonl"), "--out", filepath.Join(dir, "results.jsonl")).CombinedOutput()
	require.NoError(t, err, "%s", out)
	results, err := os.ReadFile(filepath.Join(dir, "results.jsonl"))
	require.NoError(t, err)
	verdicts := map[string]string{}
	for line := range strings.Lines(string(results)) {
		var result struct{ File, Decision string }
		require.NoError(t, json.Unmarshal([]byte(line), &result))
		verdicts[result.File] = result.Decision
	}
	require.Len(t, verdicts, len(files))
	return verdicts
}

// most is the verdict that comes most often.
func most(verdicts map[string]int) string {
	best := ""
	for v, n := range verdicts {
		if best == "" || n > verdicts[best] || n == verdicts[best] && v < best {
			best = v
		}
	}
	return best
}

func TestRead_TamperedPDF_IsNeverVerified(t *testing.T) {
	const documents = 12
	files, shows := map[string][]byte{}, map[string]tampered{}
	add := func(name string, content []byte, what tampered) { files[name], shows[name] = content, what }
	for seed, n := uint64(0), 0; n < documents; seed++ {
		what, ok := drawTampered(seed)
		if !ok {
			continue
		}
		for k, way := range transcripttest.Tamperings() {
			add(fmt.Sprintf("%d-%d.pdf", k, seed), way.Tamper(what.pages[0], what.pages[1]), what)
		}
		n++
	}
	got := verdicts(t, files, shows, func(w tampered) transcripttest.Study { return w.forged })
	for k, way := range transcripttest.Tamperings() {
		labels, caught, all := map[string]int{}, 0, 0
		for name, label := range got {
			if !strings.HasPrefix(name, fmt.Sprintf("%d-", k)) {
				continue
			}
			all++
			labels[label]++
			if label != "verified" {
				caught++
			} else {
				t.Errorf("%s: %s is verified", way.Name, name)
			}
		}
		t.Logf("%-10s  %-42s caught %d of %d (%.0f %%), mostly %s", "PDF", way.Name, caught, all, 100*float64(caught)/float64(all), most(labels))
	}
}

// TestRead_UntouchedPDF_IsVerified prints what the forgers wanted as the university would have:
// nothing on the page tells, so what is caught above the file's traces told.
func TestRead_UntouchedPDF_IsVerified(t *testing.T) {
	const documents = 30
	files, shows := map[string][]byte{}, map[string]tampered{}
	for seed := uint64(0); len(files) < documents; seed++ {
		if what, ok := drawTampered(seed); ok {
			name := fmt.Sprintf("%d.pdf", seed)
			files[name], shows[name] = transcripttest.PrintPDF(transcript.File{Pages: what.pages[1:]}), what
		}
	}
	labels := map[string]int{}
	for name, label := range verdicts(t, files, shows, func(w tampered) transcripttest.Study { return w.forged }) {
		labels[label]++
		if label != "verified" {
			t.Logf("%s is %s", name, label)
		}
	}
	require.GreaterOrEqual(t, labels["verified"]*100, 95*documents, "%v", labels)
}
