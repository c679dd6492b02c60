// Command asprak is the backend of practicum-assistant registration: it takes applications
// and study results, reads and verifies the documents, and keeps every step as an event.
// This room owns flags, configuration, wiring and lifecycle; it is the only one that knows
// all others.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// version is set by the linker for releases.
var version = "dev"

// cli names every command, flag and variable, each once.
type cli struct {
	Serve       serveCmd       `cmd:"" help:"Serve the API, follow the log into the read models and read the documents, or do some of it."`
	Token       tokenCmd       `cmd:"" help:"Print a bearer token for the local key."`
	Read        readCmd        `cmd:"" help:"Read documents without a server and print what was read."`
	Calibrate   calibrateCmd   `cmd:"" help:"Find the confidence from which documents are verified without a person, and how far it can be trusted."`
	Replay      replayCmd      `cmd:"" help:"Print an application event by event from the log, or what other rules would change."`
	Access      accessCmd      `cmd:"" help:"Print from the log what a member of the staff acts for, or did at a time."`
	Parked      parkedCmd      `cmd:"" help:"List or replay the messages that the reaction gave up."`
	Projections projectionsCmd `cmd:"" help:"Show, rebuild, switch and drop the read models."`
	Account     accountCmd     `cmd:"" help:"Make accounts of staff, and passwords that were forgotten."`
	Keys        keysCmd        `cmd:"" help:"Look after the keys of personal values."`
	Backup      backupCmd      `cmd:"" help:"Copy the log and the documents of the data folder while a server works with them."`
	Restore     restoreCmd     `cmd:"" help:"Make a data folder of a backup, and check that all of it is whole."`
	Health      healthCmd      `cmd:"" help:"Ask a running server, whatever its roles, whether it is ready; fails when it is not."`
	Demo        demoCmd        `cmd:"" help:"Drive the whole story against a running server and print it."`

	OCRWorker ocrWorkerCmd `cmd:"" name:"ocr-worker" hidden:"" help:"Internal: a reader child process, speaking on stdin and stdout."`

	Version kong.VersionFlag `help:"Print the version."`
}

// environment is what a command needs of the process around it.
type environment struct {
	stdout, stderr io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	var c cli
	parsed := kong.Parse(&c,
		kong.Name("asprak"),
		kong.Description("Backend of practicum-assistant registration: reads study results, verifies them, keeps every step as an event."),
		kong.UsageOnError(),
		kong.Vars{"version": version},
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(environment{stdout: os.Stdout, stderr: os.Stderr}),
	)
	if err := parsed.Run(); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "asprak:", err)
		os.Exit(1)
	}
}

func newLogger(w io.Writer, level, format string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("log level %q: debug, info, warn or error", level)
	}
	opts := &slog.HandlerOptions{Level: l}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, opts)), nil
	}
	return slog.New(slog.NewTextHandler(w, opts)), nil
}
