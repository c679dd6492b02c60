package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/schollz/progressbar/v3"

	"asprak/application"
	"asprak/domain/transcript"
	"asprak/domain/verification"
	"asprak/infrastructure/workers"
)

type readCmd struct {
	readerSettings `embed:""`
	judging        `embed:""`
	Files          []string `arg:"" optional:"" name:"file" help:"Documents to read."`
	JSON           bool     `help:"Print JSON, one reading a line, instead of tables."`
	Dir            string   `help:"Folder that the files of the cases lie in (default: the folder of the cases)."`
	Cases          string   `help:"Read and judge the cases of this file: one JSON object a line with file, applicant and requirement."`
	Out            string   `help:"File for the results of the cases, one JSON object a line." default:"results.jsonl"`
	Explain        bool     `help:"Also draw each page as a PNG: boxes, what was read, and each check in its colour."`
	ExplainDir     string   `help:"Folder for the pictures of --explain." default:"."`
}

// Run reads files, or the cases of a file. One that cannot be read does not stop the others.
func (c *readCmd) Run(ctx context.Context, env environment) error {
	if (c.Cases == "") == (len(c.Files) == 0) {
		return errors.New("read: name documents, or --cases with a file of cases")
	}
	policy, err := c.policy()
	if err != nil {
		return err
	}
	if err := c.addOwn(); err != nil {
		return err
	}
	pool, err := openPool(c.readerSettings, slog.New(slog.NewTextHandler(env.stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		return err
	}
	defer pool.Close()
	var explain *explainer
	if c.Explain {
		if explain, err = openExplainer(c.readerLimits, c.ExplainDir); err != nil {
			return err
		}
		defer explain.Close()
	}
	if c.Cases != "" {
		err := readCases(ctx, pool, caseFiles{cases: c.Cases, dir: cmp.Or(c.Dir, filepath.Dir(c.Cases)), out: c.Out, policy: policy, explain: explain}, pool.Stats().Size, env.stderr)
		if peak, known := peakMemory(pool); known {
			fmt.Fprintf(env.stderr, "A reader took %d MB of memory at most.\n", peak>>20)
		}
		return err
	}
	return readFiles(ctx, pool, c.Files, c.JSON, explain, env)
}

// peakMemory closes the pool, waits for its processes, and tells how many bytes the largest of
// them held at once.
func peakMemory(pool *workers.Pool) (int64, bool) {
	if pool.Close() != nil {
		return 0, false
	}
	var usage syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &usage)
	return usage.Maxrss << 10, err == nil && usage.Maxrss > 0 // the kernel counts in KiB
}

func readFiles(ctx context.Context, reader application.Reader, files []string, asJSON bool, explain *explainer, env environment) error {
	failed := 0
	for _, name := range files {
		reading, content, err := readFile(ctx, reader, name)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			failed++
			fmt.Fprintf(env.stderr, "%s: %s\n", printable(name), printable(err.Error()))
			continue
		}
		if asJSON {
			err = json.NewEncoder(env.stdout).Encode(struct {
				File string `json:"file"`
				transcript.Reading
			}{name, reading})
		} else {
			err = printReading(env.stdout, name, reading)
		}
		if err == nil && explain != nil {
			var pages []string
			pages, err = explain.explain(ctx, filepath.Base(name), content, reading, verification.Verdict{Checks: ownChecks(reading)})
			for _, page := range pages {
				fmt.Fprintf(env.stderr, "%s\n", printable(page))
			}
		}
		if err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d documents could not be read", failed, len(files))
	}
	return nil
}

func readFile(ctx context.Context, reader application.Reader, name string) (transcript.Reading, []byte, error) {
	content, err := os.ReadFile(name)
	if err != nil {
		return transcript.Reading{}, nil, err
	}
	document := application.Document{Name: filepath.Base(name), Content: content}
	reading, err := reader.Read(ctx, document)
	var fault *application.ReaderError
	if errors.As(err, &fault) && ctx.Err() == nil {
		reading, err = reader.Read(ctx, document) // once more, in a fresh process: the fault may not be the document's
	}
	return reading, content, err
}

// studyCase is one line of a file of cases; fields that are not named here, such as the
// truth that a scorer compares with, are not looked at.
type studyCase struct {
	line        int
	File        string                 `json:"file"` // relative to the file of cases
	Applicant   verification.Applicant `json:"applicant"`
	Requirement struct {
		CourseCode  string              `json:"course_code"`
		CourseName  string              `json:"course_name"`
		MinGrade    string              `json:"min_grade"`
		MinIPK      *transcript.Decimal `json:"min_ipk"`
		MinSKS      *transcript.Decimal `json:"min_sks"`
		MinSemester *int                `json:"min_semester"`
	} `json:"requirement"`
	Decision any `json:"decision"` // the right one; only calibrate looks at it
}

func (c studyCase) requirement() verification.Requirement {
	r := c.Requirement
	return verification.Requirement{
		Course:   verification.Course{Codes: []string{r.CourseCode}, Name: r.CourseName},
		MinGrade: r.MinGrade, MinIPK: r.MinIPK, MinSKS: r.MinSKS, MinSemester: r.MinSemester,
	}
}

// caseResult is one line of the results. Numbers that were not found are null.
type caseResult struct {
	File       string               `json:"file"`
	Name       *string              `json:"name"`
	NIM        *string              `json:"nim"`
	IPK        *transcript.Decimal  `json:"ipk"`
	IPS        *transcript.Decimal  `json:"ips"`
	TotalSKS   *transcript.Decimal  `json:"total_sks"`
	Rows       []caseRow            `json:"rows"`
	Decision   verification.Label   `json:"decision"`
	Confidence float64              `json:"confidence"`
	Open       []verification.Check `json:"open"` // what was failed or in doubt
	Millis     int64                `json:"ms"`
}

type caseRow struct {
	Code  *string             `json:"code"`
	Name  *string             `json:"name"`
	SKS   *transcript.Decimal `json:"sks"`
	Grade *string             `json:"grade"`
}

// caseFiles name what readCases reads and writes, and how it judges.
type caseFiles struct {
	cases  string
	dir    string // that the cases' files are relative to
	out    string
	policy verification.Policy
	// explain draws the pages, nil for none.
	explain *explainer
}

// readCases judges every case and writes the results in the order of the cases; when it is
// interrupted, those that it has.
func readCases(ctx context.Context, reader application.Reader, files caseFiles, parallel int, stderr io.Writer) error {
	cases, bad, err := loadCases(files.cases, stderr)
	if err != nil {
		return err
	}
	out, err := os.Create(files.out)
	if err != nil {
		return err
	}
	results, faults := judgeCases(ctx, reader, files, cases, parallel, stderr)
	w := bufio.NewWriter(out)
	encoder := json.NewEncoder(w)
	for i, result := range results {
		if result == nil {
			bad++
			if ctx.Err() == nil {
				complain(stderr, files.cases, cases[i].line, faults[i])
			}
			continue
		}
		if err := encoder.Encode(result); err != nil {
			return errors.Join(err, out.Close())
		}
	}
	if err := errors.Join(w.Flush(), out.Close(), ctx.Err()); err != nil {
		return err
	}
	if bad > 0 {
		return fmt.Errorf("%d cases could not be read", bad)
	}
	return nil
}

// judgeCases judges several cases at a time. Each has a result or a fault.
func judgeCases(ctx context.Context, reader application.Reader, files caseFiles, cases []studyCase, parallel int, stderr io.Writer) ([]*caseResult, []error) {
	bar := progressbar.NewOptions(len(cases), progressbar.OptionSetWriter(stderr), progressbar.OptionSetDescription("reading"),
		progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish(),
		progressbar.OptionSetVisibility(isTerminal(stderr)))
	results := make([]*caseResult, len(cases))
	faults := make([]error, len(cases))
	next := make(chan int)
	var group sync.WaitGroup
	for range max(parallel, 1) {
		group.Go(func() {
			for i := range next {
				results[i], faults[i] = judgeCase(ctx, reader, files, cases[i])
				_ = bar.Add(1) // a progress bar that cannot be drawn is no reason to stop
			}
		})
	}
	for i := range cases {
		next <- i
	}
	close(next)
	group.Wait()
	return results, faults
}

func complain(stderr io.Writer, file string, line int, err error) {
	fmt.Fprintf(stderr, "%s:%d: %s\n", printable(file), line, printable(err.Error()))
}

// loadCases reads the lines; a broken one is reported and counted.
func loadCases(name string, stderr io.Writer) (cases []studyCase, bad int, err error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, 0, err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 16<<20)
	for n := 1; lines.Scan(); n++ {
		if len(lines.Bytes()) == 0 {
			continue
		}
		c := studyCase{line: n}
		err := json.Unmarshal(lines.Bytes(), &c)
		if err == nil && c.File == "" {
			err = errors.New("it names no file")
		}
		if err != nil {
			bad++
			complain(stderr, name, n, fmt.Errorf("not a case: %w", err))
			continue
		}
		cases = append(cases, c)
	}
	return cases, bad, lines.Err()
}

func judgeCase(ctx context.Context, reader application.Reader, files caseFiles, c studyCase) (*caseResult, error) {
	began := time.Now()
	name := filepath.FromSlash(c.File)
	if !filepath.IsAbs(name) {
		name = filepath.Join(files.dir, name)
	}
	reading, content, err := readFile(ctx, reader, name)
	if err != nil {
		return nil, err
	}
	verdict := verification.Judge(reading, c.Applicant, c.requirement(), nil, files.policy)
	result := &caseResult{
		File: c.File, Name: valueOf(reading.Name), NIM: valueOf(reading.NIM), IPK: valueOf(reading.IPK), IPS: valueOf(reading.IPS),
		TotalSKS: valueOf(reading.TotalSKS), Rows: []caseRow{}, Decision: verdict.Label, Confidence: verdict.Confidence,
		Open:   slices.DeleteFunc(verdict.Checks, func(c verification.Check) bool { return c.Outcome == verification.Pass }),
		Millis: time.Since(began).Milliseconds(),
	}
	for _, row := range reading.Rows {
		result.Rows = append(result.Rows, caseRow{valueOf(row.Code), valueOf(row.Name), valueOf(row.SKS), valueOf(row.Grade)})
	}
	if files.explain != nil {
		_, err = files.explain.explain(ctx, c.File, content, reading, verdict)
	}
	return result, err
}

// ownChecks are those that a document passes or not whoever's it should be: scripts, traces of
// editing, and sums that do not follow.
func ownChecks(reading transcript.Reading) []verification.Check {
	verdict := verification.Judge(reading, verification.Applicant{}, verification.Requirement{}, nil, verification.DefaultPolicy())
	return slices.DeleteFunc(verdict.Checks, func(c verification.Check) bool {
		return c.Name != "scripts" && c.Name != "traces" && c.Name != "arithmetic"
	})
}

func printFindings(w io.Writer, reading transcript.Reading) {
	for _, check := range ownChecks(reading) {
		if check.Outcome == verification.Pass {
			continue
		}
		fmt.Fprintf(w, "  ! %s\n", printable(check.Detail))
		for _, e := range check.Evidence {
			fmt.Fprintf(w, "    %s on page %d at (%.0f, %.0f): %q", e.Field, e.Page, e.Box.X0, e.Box.Y0, e.Read)
			if e.Expected != "" {
				fmt.Fprintf(w, ", expected %q", e.Expected)
			}
			fmt.Fprintln(w)
		}
	}
}

func valueOf[T any](f *transcript.Field[T]) *T {
	if f == nil {
		return nil
	}
	return &f.Value
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
