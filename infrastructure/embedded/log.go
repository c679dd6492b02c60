// Package embedded keeps the event log and its queues in one SQLite file: the default that
// needs no server. One writer groups what is queued into one transaction and acknowledges
// after its commit; readers have connections of their own. Several processes may share the
// file. It knows records, not what they mean.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"asprak/application"
)

const (
	readers = 4
	// recheck is how late this process may notice what another process wrote to the file.
	recheck = 250 * time.Millisecond
)

// Log is an application.Log and an application.Queue in one file.
type Log struct {
	jobs    chan *job
	closing chan struct{} // closed when Close begins
	stopped chan struct{} // closed when the writer has ended
	close   sync.Once
	closed  error
	ended   sync.WaitGroup

	writer  *writer
	readers chan *connection
	owner   *owner

	head     atomic.Int64
	appended broadcast // there may be events behind head as it was
	returned broadcast // a delivery may be due earlier than it was
}

var (
	_ application.Log   = (*Log)(nil)
	_ application.Queue = (*Log)(nil)
)

var errClosed = fmt.Errorf("embedded: closed: %w", application.ErrUnavailable)

// Open opens the log in the file at path, creating file and folder where missing. It fails
// when the file is something else, is damaged, cannot be written, or has a newer schema.
func Open(ctx context.Context, path string) (*Log, error) {
	l, err := open(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	return l, nil
}

func open(ctx context.Context, path string) (_ *Log, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := createFile(path); err != nil {
		return nil, err
	}
	l := &Log{
		jobs:    make(chan *job, maxBatch),
		closing: make(chan struct{}),
		stopped: make(chan struct{}),
		readers: make(chan *connection, readers),
	}
	var opened []interface{ close() error }
	defer func() {
		for _, o := range opened {
			if err != nil {
				err = errors.Join(err, o.close())
			}
		}
	}()
	writing, err := connect(path, "_mutex=no&_synchronous=FULL&_cache_size=-16384")
	if err != nil {
		return nil, describe(err, path)
	}
	opened = append(opened, writing)
	if err := migrate(writing, path); err != nil {
		return nil, err
	}
	if err := writing.script("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 33554432"); err != nil {
		return nil, describe(err, path)
	}
	l.owner, err = newOwner(path+ownersSuffix, rand.Int64N(1<<62)+1)
	if err != nil {
		return nil, err
	}
	opened = append(opened, l.owner)
	watching, err := connect(path, "mode=ro&_mutex=no")
	if err != nil {
		return nil, describe(err, path)
	}
	opened = append(opened, watching)
	for range readers {
		c, err := connect(path, "mode=ro&_mutex=no")
		if err != nil {
			return nil, describe(err, path)
		}
		opened = append(opened, c)
		l.readers <- c
	}
	head, _, err := watching.number(selectHead)
	if err != nil {
		return nil, describe(err, path)
	}
	l.head.Store(head)
	l.writer = &writer{connection: writing, log: l, tails: map[string]application.Revision{}, durable: true}
	l.ended.Add(2)
	go l.write()
	go l.watch(watching)
	if err := l.releaseDead(ctx); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// Close ends the log: what waits fails with application.ErrUnavailable, deliveries in flight
// are handed back.
func (l *Log) Close() error {
	l.close.Do(func() {
		close(l.closing)
		l.ended.Wait()
		var errs []error
		for range readers {
			errs = append(errs, (<-l.readers).close())
		}
		// Last, so that it checkpoints and removes the write-ahead log.
		errs = append(errs, l.writer.close(), l.owner.close())
		l.closed = errors.Join(errs...)
	})
	return l.closed
}

// Head is the position of the last event in the log.
func (l *Log) Head(ctx context.Context) (application.Position, error) {
	var head int64
	err := l.read(ctx, func(c *connection) (err error) {
		head, _, err = c.number(selectHead)
		return err
	})
	return position(head), err
}

const selectHead = "SELECT max(position) FROM events"

func position(n int64) application.Position {
	return application.Position{Commit: uint64(n), Prepare: uint64(n)}
}

// read lends a reader's connection.
func (l *Log) read(ctx context.Context, f func(*connection) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-l.closing:
		return errClosed
	default:
	}
	select {
	case c := <-l.readers:
		defer func() { l.readers <- c }()
		if err := f(c); err != nil {
			return readError(err)
		}
		return nil
	case <-l.closing:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// watch notices what other processes write to the file, and their death.
func (l *Log) watch(c *connection) {
	defer l.ended.Done()
	defer c.close()
	var seen int64
	tick := time.NewTicker(recheck)
	defer tick.Stop()
	for {
		select {
		case <-l.closing:
			return
		case <-tick.C:
		}
		// Nothing is lost on an error here: the next tick looks again.
		_ = l.releaseDead(context.Background())
		version, _, err := c.number("PRAGMA data_version")
		if err != nil || version == seen {
			continue
		}
		if head, _, err := c.number(selectHead); err == nil {
			seen = version
			l.reached(head)
			l.returned.send()
		}
	}
}

// reached notes that events up to head are committed.
func (l *Log) reached(head int64) {
	for {
		old := l.head.Load()
		if head <= old {
			return
		}
		if l.head.CompareAndSwap(old, head) {
			l.appended.send()
			return
		}
	}
}

// broadcast wakes everyone who waits. The zero value is ready.
type broadcast struct {
	mu sync.Mutex
	ch chan struct{}
}

// wait returns what the next send closes. Take it before looking at what it announces.
func (b *broadcast) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

func (b *broadcast) send() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}
