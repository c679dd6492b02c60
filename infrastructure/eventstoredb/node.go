package eventstoredb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
)

// errUnreached: the call did not get as far as a server.
var errUnreached = errors.New("eventstoredb: no node can be reached")

// nodes holds the client in use and replaces it when it failed.
type nodes struct {
	config *esdb.Configuration
	logger *slog.Logger

	mu      sync.Mutex
	current *node
	closed  bool
}

// node is one client, connected to one node of the server at a time.
type node struct {
	client *esdb.Client
	found  chan struct{} // closed when discovery has ended
	err    error         // of discovery

	users   int // guarded by nodes.mu
	retired bool
}

func newNodes(config *esdb.Configuration, logger *slog.Logger) *nodes {
	return &nodes{config: config, logger: logger}
}

// use waits until a node is found. A client whose discovery fails is dead and leaves all who
// wait in it waiting for ever; so only one goroutine ever goes through a new client's discovery,
// and callers wait for its answer here.
func (s *nodes) use(ctx context.Context) (*node, error) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, errClosed
	}
	n := s.current
	if n == nil {
		client, err := esdb.NewClient(s.config)
		if err != nil {
			s.mu.Unlock()
			return nil, fmt.Errorf("eventstoredb: %w", err)
		}
		n = &node{client: client, found: make(chan struct{}), users: 1}
		s.current = n
		go s.discover(n)
	}
	n.users++
	s.mu.Unlock()
	select {
	case <-n.found:
	case <-ctx.Done():
		s.release(n)
		return nil, fmt.Errorf("%w: %w", errUnreached, ctx.Err())
	}
	if n.err != nil {
		s.release(n)
		return nil, fmt.Errorf("%w: %w", errUnreached, n.err)
	}
	return n, nil
}

func (s *nodes) discover(n *node) {
	defer s.release(n)
	if _, err := n.client.GetServerVersion(); err != nil {
		n.err = err
		s.retire(n)
	}
	close(n.found)
}

// retire lets the next caller have a new client. Who uses the old one may go on with it.
func (s *nodes) retire(n *node) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == n {
		s.current = nil
	}
	if !n.retired {
		n.retired = true
		s.finish(n)
	}
}

func (s *nodes) release(n *node) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n.users--
	s.finish(n)
}

// finish closes a client that nobody is in: one that closes under a call panics there. A call
// that hangs in a dead client keeps that client's memory.
func (s *nodes) finish(n *node) {
	if n.retired && n.users == 0 {
		if err := n.client.Close(); err != nil {
			s.logger.Debug("cannot close a client", "error", err)
		}
	}
}

func (s *nodes) close() {
	s.mu.Lock()
	s.closed = true
	n := s.current
	s.mu.Unlock()
	if n != nil {
		s.retire(n)
	}
}

// call runs f on a node and leaves it behind when ctx or the timeout ends: the client does not
// always watch its context.
func call[T any](ctx context.Context, s *nodes, timeout time.Duration, f func(context.Context, *esdb.Client) (T, error)) (T, error) {
	var none T
	bounded, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	n, err := s.use(bounded)
	if err != nil {
		return none, err
	}
	type result struct {
		value T
		err   error
	}
	answered := make(chan result, 1)
	go func() {
		defer s.release(n)
		var r result
		r.err = guarded(func() (err error) {
			r.value, err = f(bounded, n.client)
			return err
		})
		answered <- r
	}()
	select {
	case r := <-answered:
		if r.err != nil && ctx.Err() == nil && broken(r.err) {
			s.retire(n)
		}
		return r.value, r.err
	case <-bounded.Done():
		if ctx.Err() == nil { // the node is silent
			s.retire(n)
		}
		return none, bounded.Err()
	}
}

// establish runs f, which begins a stream that lives until ctx ends or end is called. Only
// the beginning has a deadline.
func establish[T any](ctx context.Context, s *nodes, timeout time.Duration, f func(context.Context, *esdb.Client) (T, error)) (stream T, end func(), err error) {
	var none T
	bounded, stop := context.WithTimeout(ctx, timeout)
	defer stop()
	n, err := s.use(bounded)
	if err != nil {
		return none, nil, err
	}
	living, cancel := context.WithCancel(ctx)
	type result struct {
		stream T
		err    error
	}
	answered := make(chan result, 1)
	go func() {
		var r result
		r.err = guarded(func() (err error) {
			r.stream, err = f(living, n.client)
			return err
		})
		answered <- r
	}()
	select {
	case r := <-answered:
		if r.err == nil {
			return r.stream, sync.OnceFunc(func() { cancel(); s.release(n) }), nil
		}
		cancel()
		if ctx.Err() == nil && broken(r.err) {
			s.retire(n)
		}
		s.release(n)
		return none, nil, r.err
	case <-bounded.Done():
		cancel()
		if ctx.Err() == nil {
			s.retire(n)
		}
		go func() {
			<-answered
			s.release(n)
		}()
		return none, nil, bounded.Err()
	}
}

// guarded turns a panic of the client, which meets a message that it does not expect with
// one, into an error.
func guarded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("eventstoredb: the client panicked: %v", p)
		}
	}()
	return f()
}
