package embedded

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/mattn/go-sqlite3"

	"asprak/application"
)

const (
	maxBatch      = 512     // jobs in one transaction
	maxBatchBytes = 4 << 20 // payload in one transaction
	maxTails      = 1 << 16 // streams whose last revision is remembered
)

const (
	pending int32 = iota
	taken
	abandoned
)

// job is one caller's part of a transaction. An error of run that is not SQLite's own fails
// this job alone and must leave nothing written; SQLite's own fails the whole transaction.
type job struct {
	run     func(*writer) error
	size    int
	durable bool // must be on disk before it is acknowledged
	state   atomic.Int32
	err     error // valid once done is closed
	done    chan struct{}
}

func newJob(durable bool, size int, run func(*writer) error) *job {
	return &job{run: run, size: size, durable: durable, done: make(chan struct{})}
}

// do queues the job and waits for its commit. When ctx ends first, a job not yet begun is
// taken back; a job begun ends with application.ErrUnknownOutcome.
func (l *Log) do(ctx context.Context, j *job) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-l.closing:
		return errClosed
	default:
	}
	select {
	case l.jobs <- j:
	case <-l.closing:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-j.done:
		return j.err
	case <-l.stopped:
		if j.state.CompareAndSwap(pending, abandoned) {
			return errClosed
		}
		<-j.done
		return j.err
	case <-ctx.Done():
		if j.state.CompareAndSwap(pending, abandoned) {
			return ctx.Err()
		}
		select {
		case <-j.done:
			return j.err
		default:
			return fmt.Errorf("%w: %w", application.ErrUnknownOutcome, ctx.Err())
		}
	}
}

// writer is the only one in this process that writes to the file.
type writer struct {
	*connection
	log     *Log
	durable bool  // the connection's synchronous mode is FULL
	version int64 // of the data, grows when another process writes
	next    int64 // position of the next event; 0: not known
	tails   map[string]application.Revision
	woken   bool // deliveries became due
}

func (l *Log) write() {
	defer l.ended.Done()
	defer close(l.stopped)
	batch := make([]*job, 0, maxBatch)
	for {
		select {
		case j := <-l.jobs:
			batch = l.gather(append(batch[:0], j))
			l.writer.commit(batch)
			clear(batch)
		case <-l.closing:
			l.writer.handBack()
			return
		}
	}
}

// gather adds what is queued. It first lets those run whom the last commit woke, for as long
// as that brings jobs: they then share this transaction instead of waiting for the next.
func (l *Log) gather(batch []*job) []*job {
	for queued := -1; queued < len(l.jobs); {
		queued = len(l.jobs)
		runtime.Gosched()
	}
	size := batch[0].size
	for len(batch) < maxBatch && size < maxBatchBytes {
		select {
		case j := <-l.jobs:
			batch = append(batch, j)
			size += j.size
		default:
			return batch
		}
	}
	return batch
}

// commit runs the jobs in one transaction and tells each how it ended.
func (w *writer) commit(batch []*job) {
	durable := false
	running := batch[:0]
	for _, j := range batch {
		if j.state.CompareAndSwap(pending, taken) {
			running = append(running, j)
			durable = durable || j.durable
		}
	}
	if len(running) == 0 {
		return
	}
	w.woken = false
	err := w.transact(running, durable)
	if err != nil {
		w.forget()
	} else {
		w.log.reached(w.next - 1)
		if w.woken {
			w.log.returned.send()
		}
	}
	for _, j := range running {
		if err != nil {
			j.err = err
		}
		close(j.done)
	}
}

func (w *writer) transact(jobs []*job, durable bool) error {
	if err := w.synchronous(durable); err != nil {
		return unavailable(err)
	}
	if _, err := w.exec("BEGIN IMMEDIATE"); err != nil {
		return unavailable(err)
	}
	if err := w.refresh(); err != nil {
		return w.rollback(unavailable(err))
	}
	for _, j := range jobs {
		j.err = j.run(w)
		if _, broken := sqliteCode(j.err); broken {
			return w.rollback(unavailable(j.err))
		}
	}
	if _, err := w.exec("COMMIT"); err != nil {
		if code, _ := sqliteCode(err); code == sqlite3.ErrIoErr {
			// The commit may have reached the file even so, and a restart may find it there.
			return w.rollback(fmt.Errorf("embedded: %w: %w", application.ErrUnknownOutcome, err))
		}
		return w.rollback(unavailable(err))
	}
	return nil
}

// synchronous chooses whether commits wait for the disk. Those of the queue alone need not:
// losing power then costs a repeated delivery, which consumers expect anyway.
func (w *writer) synchronous(durable bool) error {
	if w.durable == durable {
		return nil
	}
	mode := "NORMAL"
	if durable {
		mode = "FULL"
	}
	if err := w.script("PRAGMA synchronous = " + mode); err != nil {
		return err
	}
	w.durable = durable
	return nil
}

// refresh drops what is remembered when another process has written.
func (w *writer) refresh() error {
	version, _, err := w.number("PRAGMA data_version")
	if err != nil {
		return err
	}
	if version != w.version {
		w.forget()
		w.version = version
	}
	if w.next == 0 {
		head, _, err := w.number(selectHead)
		if err != nil {
			return err
		}
		w.next = head + 1
	}
	return nil
}

func (w *writer) forget() {
	clear(w.tails)
	w.next = 0
}

func (w *writer) rollback(cause error) error {
	if w.raw.AutoCommit() { // some errors have rolled back already
		return cause
	}
	if err := w.script("ROLLBACK"); err != nil {
		return errors.Join(cause, err)
	}
	return cause
}

// handBack returns, at the very end, what the consumers of this process hold.
func (w *writer) handBack() {
	j := newJob(false, 0, func(w *writer) error {
		_, err := w.exec("UPDATE deliveries SET due = 0, owner = 0, consumer = 0, attempt = attempt - 1 WHERE owner = ?", w.log.owner.id)
		return err
	})
	// Should it fail, the next process finds this owner gone and releases the deliveries itself.
	w.commit([]*job{j})
}

func unavailable(err error) error {
	return fmt.Errorf("embedded: %w: %w", application.ErrUnavailable, err)
}

func now() int64 { return time.Now().UnixMicro() }
