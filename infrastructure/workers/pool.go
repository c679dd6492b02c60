// Package workers runs a reader in child processes of the same binary, for recognition can
// hang, crash and eat memory: the parent keeps a pool of warm children, hands each one
// document at a time, and kills one that is late or grows too large. It knows nothing of
// what a document contains.
package workers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"asprak/application"
	"asprak/domain"
	"asprak/domain/transcript"
)

// Options say what to run and how much of it. Only Command is required.
type Options struct {
	Command      []string      // program and arguments; the program calls Serve. Default: none
	Env          []string      // added to the few variables that a child gets
	Size         int           // children; default 1
	Deadline     time.Duration // for one document; default 30 s
	MaxMemory    int64         // resident bytes of a child; default 400 MiB
	RecycleAfter int           // documents after which a child is replaced; default 100
	StartTimeout time.Duration // until a child must be ready; default 60 s
	Logger       *slog.Logger
}

const (
	watchEvery  = 50 * time.Millisecond
	firstPause  = 100 * time.Millisecond // before the second start in a row
	longestWait = 10 * time.Second
	hopeless    = 3 // failed starts in a row after which waiting callers are told
)

func (o *Options) setDefaults() error {
	if len(o.Command) == 0 {
		return errors.New("workers: no command")
	}
	if o.Size == 0 {
		o.Size = 1
	}
	if o.Deadline == 0 {
		o.Deadline = 30 * time.Second
	}
	if o.MaxMemory == 0 {
		o.MaxMemory = 400 << 20
	}
	if o.RecycleAfter == 0 {
		o.RecycleAfter = 100
	}
	if o.StartTimeout == 0 {
		o.StartTimeout = 60 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

// inherited is what a child is told of this process's environment, which may hold secrets.
var inherited = []string{"TESSDATA_PREFIX", "LD_LIBRARY_PATH"}

// environment makes Tesseract single-threaded, which its OpenMP runtime decides before
// main, and keeps Go's own heap well below the limit.
func (o *Options) environment() []string {
	env := []string{"OMP_THREAD_LIMIT=1", fmt.Sprintf("GOMEMLIMIT=%d", o.MaxMemory/2), "GOGC=50"}
	for _, name := range inherited {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return append(env, o.Env...)
}

// Stats counts what the pool has seen since it was opened.
type Stats struct {
	Size        int   `json:"size"`
	Ready       int   `json:"ready"` // children alive and warm, busy ones included
	Busy        int   `json:"busy"`
	Documents   int64 `json:"documents"` // answered
	Started     int64 `json:"started"`
	Recycled    int64 `json:"recycled"` // replaced in good health
	Timeouts    int64 `json:"timeouts"`
	Crashed     int64 `json:"crashed"`
	OutOfMemory int64 `json:"out_of_memory"`
}

// Pool is an application.Reader over child processes. It is safe for concurrent use.
type Pool struct {
	options Options
	jobs    chan job
	stop    context.CancelFunc
	stopped context.Context
	slots   sync.WaitGroup

	once     sync.Once
	versions domain.Versions
	known    chan struct{} // closed when versions is set

	ready, busy                                                  atomic.Int64
	documents, started, recycled, timeouts, crashed, outOfMemory atomic.Int64
}

var _ application.Reader = (*Pool)(nil)

// job is a document on its way to a child; result has room for the one answer.
type job struct {
	document application.Document
	result   chan result
}

type result struct {
	reading transcript.Reading
	err     error
}

// New starts the children in the background and returns at once.
func New(options Options) (*Pool, error) {
	if err := options.setDefaults(); err != nil {
		return nil, err
	}
	p := &Pool{options: options, jobs: make(chan job), known: make(chan struct{})}
	p.stopped, p.stop = context.WithCancel(context.Background())
	for range options.Size {
		p.slots.Go(p.slot)
	}
	return p, nil
}

// Close kills the children and waits until they are gone. Reads that wait fail.
func (p *Pool) Close() error {
	p.stop()
	p.slots.Wait()
	return nil
}

// Stats is a snapshot.
func (p *Pool) Stats() Stats {
	return Stats{
		Size: p.options.Size, Ready: int(p.ready.Load()), Busy: int(p.busy.Load()),
		Documents: p.documents.Load(), Started: p.started.Load(), Recycled: p.recycled.Load(),
		Timeouts: p.timeouts.Load(), Crashed: p.crashed.Load(), OutOfMemory: p.outOfMemory.Load(),
	}
}

// Versions are those of the first child that became ready; it waits for that one, as long
// as a start may take. Without any child they are empty.
func (p *Pool) Versions() domain.Versions {
	timeout := time.NewTimer(p.options.StartTimeout)
	defer timeout.Stop()
	select {
	case <-p.known:
		return p.versions
	case <-timeout.C:
	case <-p.stopped.Done():
	}
	return domain.Versions{}
}

// Read waits for a free child and has it read the document. Faults of the child are
// *application.ReaderError with the code "timeout", "crashed", "out_of_memory" or "unavailable".
func (p *Pool) Read(ctx context.Context, document application.Document) (transcript.Reading, error) {
	j := job{document: document, result: make(chan result, 1)}
	select {
	case p.jobs <- j:
	case <-ctx.Done():
		return transcript.Reading{}, ctx.Err()
	case <-p.stopped.Done():
		return transcript.Reading{}, fault("unavailable", errors.New("the pool is closed"))
	}
	select {
	case r := <-j.result:
		return r.reading, r.err
	case <-ctx.Done():
		// The child cannot be interrupted; its answer is dropped when it comes.
		return transcript.Reading{}, ctx.Err()
	}
}

func fault(code string, err error) error { return &application.ReaderError{Code: code, Err: err} }

// slot keeps one child alive until the pool is closed.
func (p *Pool) slot() {
	failures := 0
	for p.stopped.Err() == nil {
		c, err := p.start()
		if err != nil && p.stopped.Err() != nil {
			return // Close cut the start short
		}
		if err != nil {
			failures++
			p.options.Logger.Error("reader child did not start", "error", err, "failures", failures)
			p.pause(failures)
			continue
		}
		healthy, answered := p.serve(c)
		c.end()
		if answered > 0 {
			failures = 0
		}
		if !healthy && p.stopped.Err() == nil {
			failures++
			p.pause(failures - 1)
		}
	}
}

// pause waits before the next start, longer after each failure. When no child lives and
// starting seems hopeless, callers are told instead of kept waiting.
func (p *Pool) pause(failures int) {
	if failures <= 0 {
		return
	}
	timer := time.NewTimer(min(longestWait, firstPause<<min(failures-1, 10)))
	defer timer.Stop()
	for {
		var jobs chan job
		if failures >= hopeless && p.ready.Load() == 0 {
			jobs = p.jobs
		}
		select {
		case <-timer.C:
			return
		case <-p.stopped.Done():
			return
		case j := <-jobs:
			j.result <- result{err: fault("unavailable", errors.New("no reader child can be started"))}
		}
	}
}

// serve hands jobs to the child until it fails, is due for replacement or the pool closes.
func (p *Pool) serve(c *child) (healthy bool, answered int) {
	p.ready.Add(1)
	defer p.ready.Add(-1)
	for {
		select {
		case <-p.stopped.Done():
			return true, answered
		case <-c.gone:
			p.crashed.Add(1)
			p.options.Logger.Warn("idle reader child ended", "pid", c.pid())
			return false, answered
		case j := <-p.jobs:
			p.busy.Add(1)
			r, alive := p.exchange(c, j.document)
			p.busy.Add(-1)
			if !alive {
				// Gone before the caller hears of it, so that its memory is free by then.
				c.end()
				j.result <- r
				return false, answered
			}
			answered++
			p.documents.Add(1)
			j.result <- r
			// Memory that a large document left behind is not held against the next one.
			if answered >= p.options.RecycleAfter || c.resident() > p.options.MaxMemory*5/8 {
				p.recycled.Add(1)
				return true, answered
			}
		}
	}
}

// exchange sends the document and waits for the answer, the deadline or too much memory.
func (p *Pool) exchange(c *child, document application.Document) (r result, alive bool) {
	answers := make(chan result, 1)
	broken := make(chan error, 1)
	go func() {
		if reading, err := c.ask(document); errors.Is(err, errProtocol) {
			broken <- err
		} else {
			answers <- result{reading, err}
		}
	}()
	deadline := time.NewTimer(p.options.Deadline)
	defer deadline.Stop()
	watch := time.NewTicker(watchEvery)
	defer watch.Stop()
	for {
		select {
		case r := <-answers:
			return r, true
		case err := <-broken:
			if p.stopped.Err() != nil {
				return result{err: fault("unavailable", errors.New("the pool is closed"))}, false
			}
			p.crashed.Add(1)
			return result{err: fault("crashed", err)}, false
		case <-deadline.C:
			p.timeouts.Add(1)
			return result{err: fault("timeout", fmt.Errorf("no answer within %s", p.options.Deadline))}, false
		case <-p.stopped.Done():
			return result{err: fault("unavailable", errors.New("the pool is closed"))}, false
		case <-watch.C:
			if size := c.resident(); size > p.options.MaxMemory {
				p.outOfMemory.Add(1)
				return result{err: fault("out_of_memory", fmt.Errorf("a child reached %d MiB", size>>20))}, false
			}
		}
	}
}
