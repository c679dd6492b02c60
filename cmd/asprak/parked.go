package main

import (
	"context"
	"fmt"
	"log/slog"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
)

type parkedCmd struct {
	List   parkedListCmd   `cmd:"" help:"List what the reaction gave up, oldest first."`
	Replay parkedReplayCmd `cmd:"" help:"Hand parked messages out again."`
}

type parkedListCmd struct {
	storage `embed:""`
}

// Run may be used beside a running server: several processes may open one log.
func (c *parkedListCmd) Run(ctx context.Context, env environment) error {
	log, err := c.openLog(ctx, slog.Default())
	if err != nil {
		return err
	}
	defer log.Close()
	parked, err := log.Parked(ctx, readersGroup)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(env.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "event\ttype\tstream\tparked at\ttries\treason")
	for _, p := range parked {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%s\n", p.ID, p.Type, p.Stream, p.ParkedAt.Format(time.RFC3339), p.Attempts, printable(p.Reason))
	}
	return table.Flush()
}

type parkedReplayCmd struct {
	storage `embed:""`
	IDs     []uuid.UUID `arg:"" optional:"" name:"event" help:"Event ids; none: all."`
}

func (c *parkedReplayCmd) Run(ctx context.Context, env environment) error {
	log, err := c.openLog(ctx, slog.Default())
	if err != nil {
		return err
	}
	defer log.Close()
	n, err := log.Replay(ctx, readersGroup, c.IDs...)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(env.stdout, "%d handed out again\n", n)
	return err
}
