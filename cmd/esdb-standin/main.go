// Command esdb-standin runs the test double of an EventStoreDB server as a process of its
// own, for tests that start and kill whole processes. It is not a database: it has neither
// TLS nor users and holds everything in memory.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"asprak/infrastructure/eventstoredb/standin"
)

type cli struct {
	Listen  string        `help:"Address of the first node; further nodes take the ports behind it." default:"127.0.0.1:2114"`
	Data    string        `help:"Folder that holds the log. Without one it is gone with the process." type:"path" placeholder:"DIR"`
	Nodes   int           `help:"Nodes of the cluster." default:"1"`
	Control string        `help:"Address of the HTTP control that makes it misbehave. Without one there is none." placeholder:"ADDRESS"`
	Tick    time.Duration `help:"How often persistent subscriptions look for timed-out messages." default:"1s"`
}

func main() {
	var flags cli
	kong.Parse(&flags, kong.Name("esdb-standin"), kong.Description("A test double of an EventStoreDB server. Not for data that matters."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := flags.run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "esdb-standin:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends. Once it serves it writes one line that ends with the connection string.
func (c *cli) run(ctx context.Context, out io.Writer) (err error) {
	cluster, err := standin.NewCluster(c.Nodes, standin.Options{Dir: c.Data, Listen: c.Listen, TimeoutCheck: c.Tick})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	failed := make(chan error, 1)
	if c.Control != "" {
		listener, err := net.Listen("tcp", c.Control)
		if err != nil {
			return err
		}
		server := &http.Server{Handler: cluster.Control(), ReadHeaderTimeout: 5 * time.Second}
		defer server.Close()
		go func() { failed <- server.Serve(listener) }()
		fmt.Fprintf(out, "esdb-standin: control at http://%s\n", listener.Addr())
	}
	fmt.Fprintf(out, "esdb-standin: a test double of EventStoreDB, not for data that matters, at %s\n", cluster.ConnectionString())
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}
