// Package eventstoredb keeps the event log in an EventStoreDB server or cluster and serves
// application.Log and application.Queue from it. It knows the ports and the server's protocol,
// neither the events nor who follows them.
//
// The vendor's client loses itself when it cannot find a node, blocks callers without regard to
// their contexts and does not repeat a failed call. So every call runs where it can be left
// behind, has a deadline of its own, and a client that failed is replaced by a new one.
package eventstoredb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"asprak/application"
)

// Options of a log; zero values have defaults.
type Options struct {
	// Logger takes what the client and the followers have to tell; nil: slog.Default.
	Logger *slog.Logger
	// Timeout bounds one call with all its repetitions when the caller's context does not
	// end before; 0: 10 s.
	Timeout time.Duration
	// Watch is how often a follower that hears nothing asks the server whether it should
	// have; 0: 5 s. A silent subscription is replaced after two of them.
	Watch time.Duration
}

const (
	firstPause   = 50 * time.Millisecond
	longestPause = 5 * time.Second
)

var errClosed = errors.New("eventstoredb: the log is closed")

// Log is the event log in an EventStoreDB.
type Log struct {
	options Options
	config  *esdb.Configuration
	logger  *slog.Logger
	nodes   *nodes

	ctx   context.Context // ends with Close
	close context.CancelFunc

	mu        sync.Mutex
	head      head
	consumers map[*consumer]struct{}
}

var (
	_ application.Log   = (*Log)(nil)
	_ application.Queue = (*Log)(nil)
)

// head is what is known of the end of the log.
type head struct {
	known   application.Position // of an event that stands in the log, the furthest seen
	last    application.Position // of the last event before scanned that is not the system's
	scanned application.Position
}

// Open connects to the server or cluster that the connection string names, with its TLS
// settings and credentials, and fails when none can be reached before ctx or the timeout ends.
func Open(ctx context.Context, connectionString string, options Options) (*Log, error) {
	if options.Logger == nil {
		options.Logger = slog.Default()
	}
	if options.Timeout <= 0 {
		options.Timeout = 10 * time.Second
	}
	if options.Watch <= 0 {
		options.Watch = 5 * time.Second
	}
	config, err := configuration(connectionString, options.Logger)
	if err != nil {
		return nil, err
	}
	l := &Log{options: options, config: config, logger: options.Logger, nodes: newNodes(config, options.Logger), consumers: map[*consumer]struct{}{}}
	l.ctx, l.close = context.WithCancel(context.Background())
	if _, err := l.Head(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("eventstoredb: opening: %w", err), l.Close())
	}
	return l, nil
}

func configuration(connectionString string, logger *slog.Logger) (*esdb.Configuration, error) {
	config, err := esdb.ParseConnectionString(connectionString)
	if err != nil {
		var e *url.Error
		if errors.As(err, &e) { // its text would show the password
			err = e.Err
		}
		return nil, fmt.Errorf("eventstoredb: connection string: %w", err)
	}
	if config.DnsDiscover && len(config.GossipSeeds) > 0 {
		return nil, errors.New("eventstoredb: connection string: esdb+discover:// takes one name")
	}
	if config.MaxDiscoverAttempts < 1 {
		return nil, errors.New("eventstoredb: connection string: maxDiscoverAttempts must be at least 1")
	}
	if config.DisableTLS && config.Username != "" {
		logger.Warn("credentials are not sent without TLS")
	}
	config.Logger = clientLogger(logger)
	return config, nil
}

// clientLogger passes on what the client logs. What it calls an error, also the end of a
// subscription that was closed, is told to who made the call as well; it is for debugging.
func clientLogger(logger *slog.Logger) esdb.LoggingFunc {
	logger = logger.With("component", "esdb")
	return func(level esdb.LogLevel, format string, args ...any) {
		to := slog.LevelDebug
		if level == esdb.LogWarn {
			to = slog.LevelWarn
		}
		if logger.Enabled(context.Background(), to) {
			logger.Log(context.Background(), to, strings.TrimSpace(fmt.Sprintf(format, args...)))
		}
	}
}

// Close ends consumers, followers and the connection.
func (l *Log) Close() error {
	l.mu.Lock()
	consumers := l.consumers
	l.consumers = nil
	l.mu.Unlock()
	var closing sync.WaitGroup
	for c := range consumers {
		closing.Go(func() { _ = c.Close() }) // it does not fail
	}
	closing.Wait()
	l.close()
	l.nodes.close()
	return nil
}

// enter makes Close close the consumer.
func (l *Log) enter(c *consumer) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.consumers == nil {
		return errClosed
	}
	l.consumers[c] = struct{}{}
	return nil
}

func (l *Log) leave(c *consumer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.consumers, c)
}

// retry repeats f while it fails for a passing reason, until ctx or the timeout ends.
func (l *Log) retry(ctx context.Context, f func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, l.options.Timeout)
	defer cancel()
	for wait := firstPause; ; wait = min(2*wait, longestPause) {
		if l.ctx.Err() != nil {
			return errClosed
		}
		err := f(bounded)
		if err == nil || !passing(err) {
			return err
		}
		if pause(bounded, wait) != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("%w: %w", application.ErrUnavailable, err)
		}
	}
}

// attempt is how long one call may take before it is repeated.
func (l *Log) attempt() time.Duration { return l.options.Timeout / 3 }

// pause waits, or fails with ctx.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
