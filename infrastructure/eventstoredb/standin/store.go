package standin

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"

	"asprak/application"
	"asprak/infrastructure/embedded"
)

// recentIDs bounds the cache of event ids that appends without an exact revision are checked by.
const recentIDs = 100_000

// store holds every event in memory, and in an embedded log that it is rebuilt from. One
// writer decides the queued writes one after the other, makes the batch durable and only
// then shows it to readers and answers.
type store struct {
	journal *journal
	jobs    chan *job
	closing chan struct{}
	ended   chan struct{}

	mu      sync.RWMutex
	all     []*event
	streams map[string]*stream
	recent  map[idKey]int64 // revision
	order   []idKey         // of recent, oldest first
	next    uint64          // position of the next event
	visible int             // events of all that are durable
	changed chan struct{}   // closed when visible grows
}

type idKey struct {
	stream string
	id     uuid.UUID
}

// stream's events stand at the index of their revision: nothing is ever scavenged.
type stream struct {
	events    []*event
	tombstone *event
}

func (s *stream) last() int64 { return int64(len(s.events)) - 1 }

type job struct {
	ctx  context.Context
	run  func() error // under the lock; fails before it stages anything
	err  error
	done chan struct{}
}

var errClosed = errors.New("standin: closed")

func openStore(dir string) (*store, error) {
	log, err := embedded.Open(context.Background(), filepath.Join(dir, "standin.db"))
	if err != nil {
		return nil, err
	}
	s := &store{
		journal: &journal{log: log, at: application.NoStream},
		jobs:    make(chan *job, 256),
		closing: make(chan struct{}),
		ended:   make(chan struct{}),
		streams: map[string]*stream{},
		recent:  map[idKey]int64{},
		next:    256,
		changed: make(chan struct{}),
	}
	if err := s.journal.load(context.Background(), func(e *event) {
		s.index(e)
		s.next = e.Position + width(e)
	}); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	s.visible = len(s.all)
	go s.write()
	return s, nil
}

func (s *store) close() error {
	close(s.closing)
	<-s.ended
	return s.journal.log.Close()
}

// do runs a write among the others and returns when it is durable.
func (s *store) do(ctx context.Context, run func() error) error {
	j := &job{ctx: ctx, run: run, done: make(chan struct{})}
	select {
	case s.jobs <- j:
	case <-s.closing:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-j.done:
		return j.err
	case <-s.ended:
		select {
		case <-j.done:
			return j.err
		default:
			return errClosed
		}
	case <-ctx.Done():
		return ctx.Err() // it may be written even so, as with the real server
	}
}

func (s *store) write() {
	defer close(s.ended)
	var broken error
	for {
		var batch []*job
		select {
		case j := <-s.jobs:
			batch = append(batch, j)
		case <-s.closing:
			return
		}
		for len(batch) < cap(s.jobs) && len(s.jobs) > 0 {
			batch = append(batch, <-s.jobs)
		}
		if broken == nil {
			broken = s.commit(batch)
		}
		for _, j := range batch {
			if broken != nil {
				j.err = broken
			}
			close(j.done)
		}
	}
}

func (s *store) commit(batch []*job) error {
	s.mu.Lock()
	for _, j := range batch {
		if j.err = j.ctx.Err(); j.err == nil {
			j.err = j.run()
		}
	}
	staged := s.all[s.visible:len(s.all):len(s.all)]
	s.mu.Unlock()
	if len(staged) == 0 {
		return nil
	}
	if err := s.journal.append(staged); err != nil {
		return fmt.Errorf("standin: the log is broken, restart: %w", err)
	}
	s.mu.Lock()
	s.visible = len(s.all)
	close(s.changed)
	s.changed = make(chan struct{})
	s.mu.Unlock()
	return nil
}

// stage gives the events their places at the end of the stream. Only the writer calls it.
func (s *store) stage(name string, events ...*event) *event {
	created := ticks(time.Now())
	for _, e := range events {
		e.Stream, e.Created, e.Position = name, created, s.next
		if e.Type == tombstoneType {
			e.Revision = tombstoned
		} else {
			e.Revision = s.tail(name) + 1
		}
		s.next += width(e)
		s.index(e)
		s.remember(idKey{name, e.ID}, e.Revision)
	}
	return events[len(events)-1]
}

// width makes positions sparse, as byte offsets are.
func width(e *event) uint64 { return 120 + uint64(len(e.Data)+len(e.Metadata)+len(e.Type)) }

func (s *store) index(e *event) {
	s.all = append(s.all, e)
	of := s.streams[e.Stream]
	if of == nil {
		of = &stream{}
		s.streams[e.Stream] = of
	}
	if e.Revision == tombstoned {
		of.tombstone = e
		return
	}
	of.events = append(of.events, e)
}

func (s *store) remember(key idKey, revision int64) {
	if len(s.order) == recentIDs {
		delete(s.recent, s.order[0])
		s.order = s.order[1:]
	}
	s.recent[key] = revision
	s.order = append(s.order, key)
}

// forget empties the cache of ids, as a new leader has none.
func (s *store) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.recent)
	s.order = nil
}

// tail is the last revision, -1 without one. For the writer.
func (s *store) tail(name string) int64 {
	if of := s.streams[name]; of != nil {
		return of.last()
	}
	return -1
}
