package projections

import (
	"context"
	"time"

	"github.com/lib/pq"
)

// recheck bounds how late a commit is seen of which no notice came.
const recheck = 2 * time.Second

// Watch keeps Seen, Wait and Status up to date in a process that does not Run, from what
// another process commits, until ctx ends, and then returns nil. An SQLite store is one
// process's: there is nothing to see there.
func (s *Store) Watch(ctx context.Context) error {
	if !s.running.TryLock() {
		return ErrRunning
	}
	defer s.running.Unlock()
	if s.server == nil {
		<-ctx.Done()
		return nil
	}
	s.watch(ctx)
	return nil
}

func (s *Store) watch(ctx context.Context) {
	listener := pq.NewListener(s.server.address, firstDelay, lastDelay, nil)
	listening := make(chan struct{})
	go func() {
		defer close(listening)
		// Fails only when the listener is closed; connections are its own business.
		if err := listener.Listen(s.server.channel); err != nil && ctx.Err() == nil {
			s.logger.Warn("commits are seen late", "error", err)
		}
	}()
	defer func() {
		listener.Close()
		<-listening
	}()
	tick := time.NewTicker(recheck)
	defer tick.Stop()
	for {
		// A projector under load notifies with every batch; one look serves several.
		for len(listener.Notify) > 0 {
			<-listener.Notify
		}
		s.look(ctx)
		sleep(ctx, pause)
		select {
		case <-ctx.Done():
			return
		case <-listener.Notify:
		case <-tick.C:
		}
	}
}

// look takes up the checkpoints as they are committed.
func (s *Store) look(ctx context.Context) {
	asking, cancel := context.WithTimeout(ctx, lockAnswer)
	defer cancel()
	_, err := s.checkpoints(asking, s.read)
	if err == nil {
		err = s.hear(asking)
	}
	if ctx.Err() == nil {
		s.failed(err)
	}
}

// turn does the work while this process is the one that projects: at once where there is no
// other, else when it has the lock and as long as it keeps it. Until then it watches.
func (s *Store) turn(ctx context.Context, work func(context.Context) error) error {
	if s.server == nil {
		return work(ctx)
	}
	watching, stop := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() { defer close(watched); s.watch(watching) }()
	lock, err := s.server.acquire(ctx)
	stop()
	<-watched
	if err != nil {
		return err
	}
	s.forget()
	s.leads.Store(true)
	defer s.leads.Store(false)
	working, end := context.WithCancel(ctx)
	held := make(chan error, 1)
	go func() { held <- hold(working, lock); end() }()
	err = work(working)
	end()
	if lost := <-held; lost != nil {
		err = lost
	}
	lock.Close() // and with it the session, whatever its state
	return err
}

// Leads tells whether this process's Run is the one that projects now.
func (s *Store) Leads() bool { return s.leads.Load() }
