package projections

import (
	"context"
	"time"

	"github.com/lib/pq"
)

const (
	// recheck bounds how late a commit is seen of which no notice came.
	recheck = 2 * time.Second
	// fileRecheck is how often a file is looked at, which gives no notice, while nobody waits.
	fileRecheck = 250 * time.Millisecond
)

// Watch keeps Seen, Wait and Status up to date in a process that does not Run, from what
// another process commits, until ctx ends, and then returns nil.
func (s *Store) Watch(ctx context.Context) error {
	if !s.running.TryLock() {
		return ErrRunning
	}
	defer s.running.Unlock()
	s.watch(ctx)
	return nil
}

func (s *Store) watch(ctx context.Context) {
	if s.server == nil {
		s.watchFile(ctx)
		return
	}
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
		sleep(ctx, shortRest)
		select {
		case <-ctx.Done():
			return
		case <-listener.Notify:
		case <-tick.C:
		}
	}
}

// watchFile looks again and again, with little pause while someone waits.
func (s *Store) watchFile(ctx context.Context) {
	tick := time.NewTicker(fileRecheck)
	defer tick.Stop()
	for ctx.Err() == nil {
		s.look(ctx)
		if s.awaited() {
			sleep(ctx, shortRest)
			continue
		}
		select {
		case <-ctx.Done():
		case <-s.asked:
		case <-tick.C:
		}
	}
}

// awaited tells whether someone waits for the projectors.
func (s *Store) awaited() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.waiters) > 0
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

// turn does the work while this process is the one that projects: when it has the lock and as
// long as it keeps it. Until then it watches.
func (s *Store) turn(ctx context.Context, work func(context.Context) error) error {
	watching, stop := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() { defer close(watched); s.watch(watching) }()
	lock, err := s.lock.acquire(ctx)
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
	go func() { held <- lock.hold(working); end() }()
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
