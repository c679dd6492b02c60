package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"text/tabwriter"

	"asprak/application"
	"asprak/domain/verification"
)

type calibrateCmd struct {
	readerSettings `embed:""`
	judging        `embed:""`
	Cases          []string `required:"" help:"Files of cases as read --cases takes them, each case with the right decision."`
	Test           []string `help:"Files of cases to try what the others taught on; nothing is learnt from them."`
	Dir            string   `help:"Folder that the files of the cases lie in (default: the folder of the cases)."`
	Budget         float64  `default:"0.001" help:"Share of the documents that should not be verified and may be."`
	Folds          int      `default:"5" help:"Parts of the cases; each is tried with what the others taught."`
	Out            string   `help:"File for the policy that follows, for ASPRAK_POLICY."`
}

// Run reads and judges the cases, prints how their confidence is to be taken, and writes the
// policy that keeps to the budget.
func (c *calibrateCmd) Run(ctx context.Context, env environment) error {
	if c.Budget < 0 || c.Budget > 1 || c.Folds < 2 {
		return errors.New("calibrate: the budget is a share, and there are two folds at least")
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
	triedAll := func(names []string) (trials []verification.Trial, err error) {
		for _, name := range names {
			more, err := tried(ctx, pool, caseFiles{cases: name, dir: cmp.Or(c.Dir, filepath.Dir(name)), policy: policy}, c.Folds, pool.Stats().Size, env.stderr)
			if err != nil {
				return nil, err
			}
			trials = append(trials, more...)
		}
		return trials, nil
	}
	trials, err := triedAll(c.Cases)
	if err != nil {
		return err
	}
	unseen, err := triedAll(c.Test)
	if err != nil {
		return err
	}
	found := verification.Calibrate(trials, c.Budget)
	fmt.Fprintf(env.stdout, "min_confidence %.2f keeps wrong accepts within %g.\n", found.MinConfidence, c.Budget)
	err = printHeldBack(env.stdout, fmt.Sprintf("Each of %d parts of the cases, tried with what the others taught", c.Folds), verification.CrossValidate(trials, c.Budget, c.Folds))
	if err == nil && len(unseen) > 0 {
		err = printHeldBack(env.stdout, "Cases that taught nothing", verification.Try(found, unseen))
	}
	if err != nil || c.Out == "" {
		return err
	}
	text, err := json.MarshalIndent(found, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(c.Out, append(text, '\n'), 0o644)
}

// tried judges the cases as if every confidence were enough.
func tried(ctx context.Context, reader application.Reader, files caseFiles, folds, parallel int, stderr io.Writer) ([]verification.Trial, error) {
	cases, bad, err := loadCases(files.cases, stderr)
	if err != nil {
		return nil, err
	}
	files.policy.MinConfidence, files.policy.Reliability = 0, nil
	results, faults := judgeCases(ctx, reader, files, cases, parallel, stderr)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var trials []verification.Trial
	for i, result := range results {
		decision, _ := cases[i].Decision.(string)
		outcome := verification.Label(decision).Outcome()
		if outcome != "verified" && outcome != "rejected" && outcome != "review" && faults[i] == nil {
			faults[i] = errors.New("not a case to learn from: its decision is neither verified nor rejected nor review")
		}
		if faults[i] != nil {
			bad++
			complain(stderr, files.cases, cases[i].line, faults[i])
			continue
		}
		fold := fnv.New32a()
		fold.Write([]byte(cases[i].File))
		trials = append(trials, verification.Trial{Certainty: result.Confidence, Passed: result.Decision == verification.Verified,
			Verify: outcome == "verified", Fold: int(fold.Sum32() % uint32(folds))})
	}
	if bad > 0 {
		return nil, fmt.Errorf("%d cases of %s teach nothing", bad, printable(files.cases))
	}
	return trials, nil
}

func printHeldBack(w io.Writer, of string, h verification.HeldBack) error {
	fmt.Fprintf(w, "\n%s:\n", of)
	fmt.Fprintf(w, "  wrong accepts   %d of %d (at most %.2f %% with 95 %% certainty)\n", h.WrongAccepts, h.ShouldNot, 100*h.AtMost)
	fmt.Fprintf(w, "  right accepts   %d of %d\n", h.RightAccepts, h.Should)
	fmt.Fprintf(w, "  expected calibration error of the confidence   %.3f\n\n", h.Error)
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "confidence\tmean\tright\tof\tshare\t")
	for _, b := range h.Bins {
		fmt.Fprintf(t, "%.1f to %.1f\t%.3f\t%d\t%d\t%.3f\t\n", b.From, b.To, b.Expected, b.Right, b.All, float64(b.Right)/float64(b.All))
	}
	return t.Flush()
}
