package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"asprak/application"
	"asprak/domain"
	"asprak/domain/transcript"
	"asprak/domain/verification"
)

// shelf is a reader that knows its documents by their content.
type shelf map[string]transcript.Reading

func (s shelf) Read(ctx context.Context, d application.Document) (transcript.Reading, error) {
	r, ok := s[string(d.Content)]
	if !ok {
		return r, &application.ReaderError{Code: "crashed", Err: errors.New("\x1b[31mno such document")}
	}
	return r, ctx.Err()
}

func (shelf) Versions() domain.Versions { return domain.Versions{} }

func printed[T any](value T) *transcript.Field[T] {
	return &transcript.Field[T]{Value: value, Confidence: 1, Source: transcript.TextLayer, Page: 1}
}

// oneCourse is a card with one course that adds up.
func oneCourse(name string) transcript.Reading {
	two, weight := transcript.DecimalOf(2), transcript.MustDecimal("3.25")
	return transcript.Reading{
		Type: application.TypePDF, Kind: transcript.KHS, Scale: "ugm", Confidence: 1,
		Pages: []transcript.PageInfo{{Number: 1, Width: 595, Height: 842, Source: transcript.TextLayer}},
		Name:  printed(name), NIM: printed("20/461438/SV/19779"),
		Rows: []transcript.Row{{Code: printed("SVPL214308"), Name: printed("Jaringan Komputer"), SKS: printed(two), Grade: printed("B+"),
			Weight: printed(weight), Points: printed(weight * 2), Page: 1}},
		TotalSKS: printed(two), IPS: printed(weight), IPK: printed(transcript.MustDecimal("3.6")),
	}
}

// filesIn writes files into a new folder.
func filesIn(t *testing.T, content map[string]string) string {
	dir := t.TempDir()
	for name, text := range content {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	return dir
}

func TestRead_Cases_EachGetsALineOrAComplaint(t *testing.T) {
	good := `{"file":"scans/a.pdf","applicant":{"name":"Hasna Maharani","nim":"20/461438/SV/19779"},"truth":["of any","shape"],"decision":7,
		"requirement":{"course_code":"SVPL214308","course_name":"Jaringan Komputer","min_grade":"B+","min_ipk":3.5}}`
	good = strings.ReplaceAll(good, "\n", " ")
	dir := filesIn(t, map[string]string{
		"scans/a.pdf": "a", "scans/b.pdf": "b",
		"cases.jsonl": strings.Join([]string{
			good,
			`{"file":`,
			``,
			`{"applicant":{}}`,
			`{"file":"scans/\u001b[2Jmissing.pdf"}`,
			`{"file":"scans/b.pdf"}`,
			strings.Replace(good, "3.5", "3.7", 1),
		}, "\n"),
	})
	var stderr bytes.Buffer
	files := caseFiles{cases: filepath.Join(dir, "cases.jsonl"), dir: dir, out: filepath.Join(dir, "results.jsonl"), policy: verification.DefaultPolicy()}
	err := readCases(t.Context(), shelf{"a": oneCourse("HASNA MAHARANI")}, files, 3, &stderr)
	require.EqualError(t, err, "4 cases could not be read")
	for _, line := range []string{"cases.jsonl:2: not a case", "cases.jsonl:4: not a case: it names no file", "cases.jsonl:5: open ", "cases.jsonl:6: reader: crashed"} {
		require.Contains(t, stderr.String(), line)
	}
	require.NotContains(t, stderr.String(), "\x1b")

	out, err := os.ReadFile(files.out)
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	require.Len(t, lines, 2, "%s", out)
	var first map[string]any
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &first))
	require.GreaterOrEqual(t, first["ms"], 0.0)
	delete(first, "ms")
	require.Equal(t, map[string]any{
		"file": "scans/a.pdf", "name": "HASNA MAHARANI", "nim": "20/461438/SV/19779", "ipk": 3.6, "ips": 3.25, "total_sks": 2.0,
		"rows":     []any{map[string]any{"code": "SVPL214308", "name": "Jaringan Komputer", "sks": 2.0, "grade": "B+"}},
		"decision": "verified", "confidence": 1.0, "open": []any{},
	}, first)
	require.Contains(t, lines[1], `"decision":"rejected:ipk_below_min"`)
	require.Contains(t, lines[1], `"open":[{"name":"ipk","outcome":"fail"`)
}

func TestRead_CasesInterrupted_KeepsWhatIsDone(t *testing.T) {
	dir := filesIn(t, map[string]string{"a.pdf": "a", "cases.jsonl": `{"file":"a.pdf"}`})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	files := caseFiles{cases: filepath.Join(dir, "cases.jsonl"), dir: dir, out: filepath.Join(dir, "results.jsonl"), policy: verification.DefaultPolicy()}
	var stderr bytes.Buffer
	require.ErrorIs(t, readCases(ctx, shelf{"a": oneCourse("x")}, files, 1, &stderr), context.Canceled)
	require.FileExists(t, files.out)
	require.Empty(t, stderr.String())
}

func TestRead_CasesWithoutAPlaceForResults_FailBeforeReading(t *testing.T) {
	dir := filesIn(t, map[string]string{"cases.jsonl": `{"file":"a.pdf"}`})
	files := caseFiles{cases: filepath.Join(dir, "cases.jsonl"), dir: dir, out: filepath.Join(dir, "none", "results.jsonl")}
	var stderr bytes.Buffer
	require.ErrorIs(t, readCases(t.Context(), shelf{}, files, 1, &stderr), os.ErrNotExist)
	require.Empty(t, stderr.String(), "nothing was read")
}

func TestRead_Files_OneThatIsMissingDoesNotStopTheOthers(t *testing.T) {
	dir := filesIn(t, map[string]string{"a.pdf": "a", "bad.pdf": "bad"})
	broken := transcript.Reading{Problem: transcript.Encrypted, Detail: "asks for a password"}
	var stdout, stderr bytes.Buffer
	err := readFiles(t.Context(), shelf{"a": oneCourse("Hasna Maharani"), "bad": broken},
		[]string{filepath.Join(dir, "missing.pdf"), filepath.Join(dir, "a.pdf"), filepath.Join(dir, "bad.pdf")}, false, nil, environment{&stdout, &stderr})
	require.EqualError(t, err, "1 of 3 documents could not be read")
	require.Contains(t, stderr.String(), "missing.pdf")
	for _, text := range []string{"Hasna Maharani", "SVPL214308  Jaringan Komputer  2", "IPS 3.25, IPK 3.6", "cannot be read: encrypted (asks for a password)"} {
		require.Contains(t, stdout.String(), text)
	}
	require.NotContains(t, stdout.String(), "!", "there is nothing to find")
}

func TestRead_JSON_IsOneReadingALine(t *testing.T) {
	dir := filesIn(t, map[string]string{"a.pdf": "a"})
	var stdout, stderr bytes.Buffer
	require.NoError(t, readFiles(t.Context(), shelf{"a": oneCourse("Hasna")}, []string{filepath.Join(dir, "a.pdf")}, true, nil, environment{&stdout, &stderr}))
	var got struct {
		File string `json:"file"`
		transcript.Reading
	}
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &got))
	require.Equal(t, oneCourse("Hasna"), got.Reading)
	require.Equal(t, "a.pdf", filepath.Base(got.File))
}

func TestRead_HostileText_IsSpelledOut(t *testing.T) {
	hostile := "\x1b[31mBudi\u202e\u2066\r\nrm -rf\u200b\t\x00"
	r := oneCourse(hostile)
	r.Rows[0].Name = printed(hostile)
	r.Traces = []transcript.Trace{{Kind: transcript.WhiteText, Page: 1, Text: hostile}}
	dir := filesIn(t, map[string]string{"a.pdf": "a"})
	var stdout, stderr bytes.Buffer
	require.NoError(t, readFiles(t.Context(), shelf{"a": r}, []string{filepath.Join(dir, "a.pdf")}, false, nil, environment{&stdout, &stderr}))
	for _, c := range []string{"\x1b", "\u202e", "\u2066", "\u200b", "\r", "\x00", "\t"} {
		require.NotContains(t, stdout.String(), c)
	}
	require.Contains(t, stdout.String(), `\u001b[31mBudi\u202e`)
}

func TestRead_ForgedGrade_IsAFinding(t *testing.T) {
	r := oneCourse("Hasna")
	r.Rows[0].Grade.Value = "A"
	var out bytes.Buffer
	printFindings(&out, r)
	require.Contains(t, out.String(), "! Weight 3.25 is printed for A, which is worth 4.")
	require.Contains(t, out.String(), `rows[0].weight on page 1 at (0, 0): "3.25", expected "4"`)
}

func TestRead_NothingNamed_IsRefused(t *testing.T) {
	var stdout, stderr bytes.Buffer
	require.ErrorContains(t, (&readCmd{}).Run(t.Context(), environment{&stdout, &stderr}), "name documents")
	require.Error(t, (&readCmd{Cases: "x", Files: []string{"y"}}).Run(t.Context(), environment{&stdout, &stderr}))
}

// TestRead_OneCoreOrAll_GivesTheSameBytes reads a text layer, a scan and a photo.
func TestRead_OneCoreOrAll_GivesTheSameBytes(t *testing.T) {
	path, err := program()
	require.NoError(t, err)
	read := func(cores *unix.CPUSet, readers string) string {
		// A process runs on the cores of the thread that starts it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		var own unix.CPUSet
		require.NoError(t, unix.SchedGetaffinity(0, &own))
		if cores != nil {
			require.NoError(t, unix.SchedSetaffinity(0, cores))
			defer func() { require.NoError(t, unix.SchedSetaffinity(0, &own)) }()
		}
		command := exec.CommandContext(testContext(t), path, "read", "--json", "--readers", readers,
			filepath.Join("samples", "khs.pdf"), filepath.Join("samples", "scan.jpg"), filepath.Join("samples", "photo.jpg"))
		var stderr bytes.Buffer
		command.Stderr = &stderr
		out, err := command.Output()
		require.NoError(t, err, &stderr)
		return string(out)
	}
	var all, one unix.CPUSet
	require.NoError(t, unix.SchedGetaffinity(0, &all))
	for cpu := 0; one.Count() == 0; cpu++ {
		if all.IsSet(cpu) {
			one.Set(cpu)
		}
	}
	first := read(nil, "2")
	require.Equal(t, 3, strings.Count(first, "\n"))
	require.Contains(t, first, `"source":"pixels"`)
	require.Equal(t, first, read(&one, "1"))
}

func TestRead_Cases_TellWhatAReaderTookOfMemory(t *testing.T) {
	scan, err := filepath.Abs(filepath.Join("samples", "scan.jpg"))
	require.NoError(t, err)
	dir := filesIn(t, map[string]string{"cases.jsonl": `{"file":"` + scan + `"}`})
	path, err := program()
	require.NoError(t, err)
	out, err := exec.CommandContext(testContext(t), path, "read", "--cases", filepath.Join(dir, "cases.jsonl"), "--out", filepath.Join(dir, "results.jsonl")).CombinedOutput()
	require.NoError(t, err, "%s", out)
	told := regexp.MustCompile(`A reader took (\d+) MB`).FindStringSubmatch(string(out))
	require.NotNil(t, told, "%s", out)
	megabytes, err := strconv.Atoi(told[1])
	require.NoError(t, err)
	require.Greater(t, megabytes, 20)
	require.Less(t, megabytes, 400)
}

// TestRead_OwnFiles_ReachTheReaders asks the reader processes by what they read.
func TestRead_OwnFiles_ReachTheReaders(t *testing.T) {
	dir := filesIn(t, map[string]string{
		"scales.json": `[{"id":"utb","university":"Universitas Tanjung Biru","letters":[{"name":"AA","weight":4},{"name":"BB","weight":3}]}]`,
		"forms.json":  `{"columns":{"sks":["Takaran"]}}`,
		"wrong.json":  `{"columns":{"credits":["Takaran"]}}`,
	})
	path, err := program()
	require.NoError(t, err)
	read := func(args ...string) (string, string, error) {
		command := exec.CommandContext(testContext(t), path, append([]string{"read", "--readers", "1", "--json", filepath.Join("samples", "khs.pdf")}, args...)...)
		var stdout, stderr bytes.Buffer
		command.Stdout, command.Stderr = &stdout, &stderr
		err := command.Run()
		return stdout.String(), stderr.String(), err
	}
	out, complaint, err := read("--scales", filepath.Join(dir, "scales.json"), "--forms", filepath.Join(dir, "forms.json"))
	require.NoError(t, err, complaint)
	require.Regexp(t, `"layout":"[^"]*\+scales\.[0-9a-f]{8}\+forms\.[0-9a-f]{8}"`, out)
	_, complaint, err = read("--forms", filepath.Join(dir, "wrong.json"))
	require.Error(t, err)
	require.Contains(t, complaint, `wrong.json: transcript: forms: there is no column "credits"`)
}
