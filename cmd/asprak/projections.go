package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/sys/unix"

	"asprak/application"
	"asprak/infrastructure/keys"
	"asprak/projections"
)

type projectionsCmd struct {
	Status  projectionsStatusCmd  `cmd:"" help:"List the read models that stand in the database, and how far they have come."`
	Rebuild projectionsRebuildCmd `cmd:"" help:"Build read models anew from the start of the log beside those that answer, and compare the two."`
	Switch  projectionsSwitchCmd  `cmd:"" help:"Put what was built in the place of what answers, or back."`
	Drop    projectionsDropCmd    `cmd:"" help:"Remove what stands beside the read models that answer."`
}

// Help is printed with the help of the command and of those below it.
func (projectionsCmd) Help() string {
	return `These commands work in this process, on the log and the database that the settings name, with or without a
server on them. A running server goes on answering from the live tables and following the log into them; the build has tables
of its own. On SQLite both write to one file in turns, in short transactions. On PostgreSQL the build may run on any machine that
reaches the database and the log. A switch is one transaction, at the position where the live tables stand: a server of the same
version goes on from there without a restart, one of an earlier version answers as far as the columns allow and has to be replaced.
The live tables of before are kept until they are dropped. Nothing that reacts to events is told of a build.

applications, documents, reviews and statistics are one group: what is said of one is done to all four.`
}

// views are the read models with the log that they are built from.
type views struct {
	log   readLog
	keys  *keys.Ring
	store *projections.Store
}

func (s storage) openViews(ctx context.Context) (*views, error) {
	log, err := s.openLogToRead(ctx, slog.Default())
	if err != nil {
		return nil, err
	}
	ring, err := s.openKeysToRead(ctx)
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	store, err := projections.Open(ctx, s.database(), projections.WithLogger(slog.Default()))
	if err != nil {
		return nil, errors.Join(err, ring.Close(), log.Close())
	}
	return &views{log, ring, store}, nil
}

func (v *views) Close() error { return errors.Join(v.store.Close(), v.keys.Close(), v.log.Close()) }

func (v *views) codec() *application.Codec { return application.NewCodec().With(v.keys) }

type projectionsStatusCmd struct {
	storage `embed:""`
}

func (c *projectionsStatusCmd) Run(ctx context.Context, env environment) error {
	v, err := c.openViews(ctx)
	if err != nil {
		return err
	}
	defer v.Close()
	head, err := v.log.Head(ctx)
	if err != nil {
		return err
	}
	builds, err := v.store.Builds(ctx)
	if err != nil {
		return err
	}
	ours := make(map[string]int)
	for _, m := range v.store.Status() {
		ours[m.Name] = m.Version
	}
	table := tabwriter.NewWriter(env.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "model\ttables\tversion\tposition\tpassed over\t")
	for _, b := range builds {
		note := ""
		if b.Version != ours[b.Model] {
			note = fmt.Sprintf("this program's version is %d", ours[b.Model])
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%s of %s\t%d\t%s\n", b.Model, b.Place, b.Version, b.Position, head, b.Skipped, note)
	}
	return table.Flush()
}

type projectionsRebuildCmd struct {
	storage `embed:""`
	Models  []string `arg:"" optional:"" name:"model" help:"Models to build; none: all."`
	Switch  bool     `help:"Switch to what was built, whatever the comparison says."`
}

// A build makes much garbage and holds little: it is collected seldom, up to a bound.
const (
	buildGarbage = 400      // percent of what is held
	buildMemory  = 80 << 20 // bytes
)

// buildNice is the priority of a build (nice(1)): a server beside it goes first.
const buildNice = 15

func (c *projectionsRebuildCmd) Run(ctx context.Context, env environment) error {
	debug.SetGCPercent(buildGarbage)
	debug.SetMemoryLimit(buildMemory)
	giveWay()
	groups, err := groupsOf(c.Models)
	if err != nil {
		return err
	}
	v, err := c.openViews(ctx)
	if err != nil {
		return err
	}
	defer v.Close()
	for _, group := range groups {
		if err := v.rebuild(ctx, group, env, c.Switch); err != nil {
			return fmt.Errorf("%s: %w", strings.Join(group, ", "), err)
		}
	}
	return nil
}

// giveWay has the kernel let others go before this process, threads to come included, where it can be told so.
func giveWay() {
	threads, _ := os.ReadDir("/proc/self/task")
	for _, thread := range threads {
		if id, err := strconv.Atoi(thread.Name()); err == nil {
			_ = unix.Setpriority(unix.PRIO_PROCESS, id, buildNice)
		}
	}
}

func (v *views) rebuild(ctx context.Context, group []string, env environment, andSwitch bool) error {
	codec, name := v.codec(), group[0]
	gauge := newGauge(env.stderr, strings.Join(group, ", "))
	err := v.store.Rebuild(ctx, v.log, codec, name, gauge.show)
	if err = errors.Join(err, gauge.end()); err != nil {
		return err
	}
	compared, err := v.store.Compare(ctx, v.log, codec, name, func(projections.BuildProgress) {})
	if err != nil {
		return err
	}
	for _, c := range compared {
		if err := printComparison(env.stdout, c); err != nil {
			return err
		}
	}
	if !andSwitch {
		_, err := fmt.Fprintf(env.stdout, "%s: built; asprak projections switch %s puts it in place\n", strings.Join(group, ", "), name)
		return err
	}
	return v.put(ctx, group, false, env)
}

func printComparison(w io.Writer, c projections.Comparison) error {
	var err error
	switch {
	case c.Other:
		_, err = fmt.Fprintf(w, "%s: has other columns than the live table, or there is none\n", c.Table)
	case c.Different == 0:
		_, err = fmt.Fprintf(w, "%s: %d rows, the same as live\n", c.Table, c.Rows)
	default:
		_, err = fmt.Fprintf(w, "%s: %d rows, %d differ from live; the first: %s\n", c.Table, c.Rows, c.Different, printable(c.First))
	}
	return err
}

// put switches to what was built, or back.
func (v *views) put(ctx context.Context, group []string, back bool, env environment) error {
	gauge := newGauge(env.stderr, strings.Join(group, ", "))
	err := v.store.Switch(ctx, v.log, v.codec(), group[0], back, gauge.show)
	if err = errors.Join(err, gauge.end()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(env.stdout, "%s: switched; what was live is kept until asprak projections drop %s\n", strings.Join(group, ", "), group[0])
	return err
}

type projectionsSwitchCmd struct {
	storage `embed:""`
	Model   string `arg:"" help:"Model whose group is switched."`
	Back    bool   `help:"Back to what was live before the last switch; it is caught up first."`
}

func (c *projectionsSwitchCmd) Run(ctx context.Context, env environment) error {
	groups, err := groupsOf([]string{c.Model})
	if err != nil {
		return err
	}
	v, err := c.openViews(ctx)
	if err != nil {
		return err
	}
	defer v.Close()
	return v.put(ctx, groups[0], c.Back, env)
}

type projectionsDropCmd struct {
	storage `embed:""`
	Model   string `arg:"" help:"Model whose group's other tables are removed."`
}

func (c *projectionsDropCmd) Run(ctx context.Context, env environment) error {
	groups, err := groupsOf([]string{c.Model})
	if err != nil {
		return err
	}
	v, err := c.openViews(ctx)
	if err != nil {
		return err
	}
	defer v.Close()
	if err := v.store.Drop(ctx, c.Model); err != nil {
		return err
	}
	_, err = fmt.Fprintf(env.stdout, "%s: dropped\n", strings.Join(groups[0], ", "))
	return err
}

// groupsOf are the groups of the models named, each once; all when none is.
func groupsOf(models []string) ([][]string, error) {
	all := projections.Groups()
	for _, name := range models {
		if !slices.ContainsFunc(all, func(group []string) bool { return slices.Contains(group, name) }) {
			return nil, fmt.Errorf("%w: %q", projections.ErrNoModel, name)
		}
	}
	if len(models) == 0 {
		return all, nil
	}
	return slices.DeleteFunc(all, func(group []string) bool {
		return !slices.ContainsFunc(group, func(name string) bool { return slices.Contains(models, name) })
	}), nil
}

// gaugePause lies between two lines of progress where there is no terminal.
const gaugePause = 5 * time.Second

// gauge shows how a build gets on: as a bar on a terminal, else in lines. It measures in
// positions, which every log has; events are counted beside.
type gauge struct {
	out   io.Writer
	name  string
	bar   *progressbar.ProgressBar // nil: lines
	began time.Time
	told  time.Time            // the last line
	from  application.Position // where the build began
	last  projections.BuildProgress
}

func newGauge(out io.Writer, name string) *gauge {
	g := &gauge{out: out, name: name, began: time.Now()}
	g.told = g.began
	if isTerminal(out) {
		g.bar = progressbar.NewOptions64(1, progressbar.OptionSetWriter(out), progressbar.OptionSetDescription(name),
			progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
	}
	return g
}

func (g *gauge) show(p projections.BuildProgress) {
	if g.last.Events == 0 && p.Events == 0 {
		g.from = p.Position
	}
	g.last = p
	if g.bar == nil {
		if time.Since(g.told) >= gaugePause {
			g.told = time.Now()
			fmt.Fprintln(g.out, g.line())
		}
		return
	}
	// A bar that cannot be drawn is no reason to stop. It ends at its maximum, and the target moves.
	g.bar.ChangeMax64(int64(p.Target.Commit-g.from.Commit) + 1)
	g.bar.Describe(fmt.Sprintf("%s: %d events, %.0f a second", g.name, p.Events, g.rate()))
	_ = g.bar.Set64(int64(p.Position.Commit - g.from.Commit))
}

func (g *gauge) rate() float64 {
	return float64(g.last.Events) / max(time.Since(g.began).Seconds(), 1e-3)
}

func (g *gauge) line() string {
	line := fmt.Sprintf("%s: %d events, %.0f a second, at position %s of %s", g.name, g.last.Events, g.rate(), g.last.Position, g.last.Target)
	done, left := g.last.Position.Commit-g.from.Commit, g.last.Target.Commit-g.last.Position.Commit
	if left > 0 && done > 0 {
		line += fmt.Sprintf(", %s left", time.Duration(float64(time.Since(g.began))*float64(left)/float64(done)).Round(time.Second))
	}
	return line
}

// end says how much was done, if anything was.
func (g *gauge) end() error {
	if g.bar != nil {
		_ = g.bar.Finish()
	}
	if g.last.Events == 0 {
		return nil
	}
	_, err := fmt.Fprintln(g.out, g.line())
	return err
}
