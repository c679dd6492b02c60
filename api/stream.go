package api

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"asprak/application"
	"asprak/domain"
)

const (
	// heartbeat keeps proxies from closing a silent stream, and moves the client's place in
	// the log past what it may not see.
	heartbeat = 15 * time.Second
	// streamLife bounds for how long a token that has expired since, or a role that was taken
	// away, is still told anything.
	streamLife = 30 * time.Minute
	// writePatience is how long a client may leave a full buffer standing.
	writePatience = 10 * time.Second
	// rest is how long a client that was sent something is left alone, give or take half of it:
	// a write costs the same whether it brings one event or ten, and a crowd that is served all
	// at once keeps everyone else waiting. An event after silence does not wait.
	rest = 100 * time.Millisecond

	maxStreams         = 2000
	maxStreamsOfOne    = 20
	retryAfterEnd      = time.Second
	retryAfterSlowness = 5 * time.Second
)

// Why a stream ends, as its last event tells.
const (
	endSlow     = "too_slow"
	endShutdown = "shutdown"
	endRenew    = "renew"
)

// streamEvents sends what happens as server-sent events. Every event has the log's position
// as its id; whoever comes back with the last one as Last-Event-ID gets all that follows it.
func (a *api) streamEvents(c *call) error {
	if _, err := c.parameters(); err != nil {
		return err
	}
	after, resumes, err := lastEventID(c.Request.Header)
	if err != nil {
		return err
	}
	if resumes {
		head, err := a.service.Head(c.ctx())
		if err != nil {
			return err
		}
		if after.Compare(head) > 0 {
			return invalidHeader(headerLastEventID, "This position lies behind the end of the log. Begin anew, without the header.")
		}
	}
	seen, err := a.live.join(c.ctx(), c.actor, a.waitLimit)
	if err != nil {
		return err
	}
	defer a.live.leave(c.actor)
	if !resumes {
		after = seen
	}
	s := &stream{live: a.live, actor: c.actor, at: after, writer: c.Writer, control: http.NewResponseController(c.Writer)}
	// A writer without deadlines has none to lift. Reading goes on for as long as the client is there.
	_ = s.control.SetReadDeadline(time.Time{})
	h := c.Writer.Header()
	h["Content-Type"] = []string{"text/event-stream"}
	h["X-Accel-Buffering"] = []string{"no"} // or nginx holds the events back
	c.Status(http.StatusOK)
	s.buffer = fmt.Appendf(s.buffer, "retry: %d\nid: %s\n: ready\n\n", retryAfterEnd.Milliseconds(), s.at)
	err = s.run(c.ctx())
	switch {
	case errors.Is(err, errEnded):
		return nil
	case c.ctx().Err() != nil, errors.Is(err, errUnsent):
		c.code = "client_gone"
		return nil
	}
	return err
}

func lastEventID(h http.Header) (at application.Position, ok bool, err error) {
	text := h.Get(headerLastEventID)
	if text == "" {
		return at, false, nil
	}
	if at, err = application.ParsePosition(text); err != nil {
		return at, false, invalidHeader(headerLastEventID, "Send the id of an event as it was given.")
	}
	return at, true, nil
}

// join counts a stream in, and says how far the log was seen by then.
func (l *Live) join(ctx context.Context, actor domain.Actor, patience time.Duration) (seen application.Position, err error) {
	l.mu.Lock()
	if l.open >= maxStreams || l.streams[actor] >= maxStreamsOfOne {
		l.mu.Unlock()
		return seen, domain.Errorf(domain.Unavailable, "too_many_streams", "There are too many open streams; close some or try again.")
	}
	l.open++
	l.streams[actor]++
	started := l.started
	l.mu.Unlock()
	select {
	case l.wanted <- struct{}{}:
	default:
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-started:
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.seen, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-l.ended:
		err = domain.Errorf(domain.Unavailable, "live_not_ready", "The server is ending; try again.")
	case <-timer.C:
		err = domain.Errorf(domain.Unavailable, "live_not_ready", "The log is not followed yet; try again.")
	}
	l.leave(actor)
	return seen, err
}

func (l *Live) leave(actor domain.Actor) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if l.streams[actor]--; l.streams[actor] == 0 {
		delete(l.streams, actor)
	}
}

// Streams is how many clients are listening.
func (l *Live) Streams() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open
}

// stream is one client's.
type stream struct {
	live    *Live
	actor   domain.Actor
	at      application.Position // up to here everything was sent or is none of the client's business
	writer  http.ResponseWriter
	control *http.ResponseController
	buffer  []byte
}

var (
	// errUnsent: the client has gone or takes nothing any more.
	errUnsent = errors.New("api: the client takes no events")
	// errEnded: leave was taken.
	errEnded = errors.New("api: the stream has ended")
)

func (s *stream) run(ctx context.Context) error {
	if err := s.catchUp(ctx); err != nil {
		return err
	}
	life, beat := time.NewTimer(streamLife), time.NewTicker(heartbeat)
	defer life.Stop()
	defer beat.Stop()
	for {
		frames, seen, woken, held := s.live.after(s.at)
		if !held {
			return s.end(endSlow, retryAfterSlowness)
		}
		if err := s.take(ctx, frames); err != nil {
			return err
		}
		s.at = seen
		if err := s.flush(); err != nil {
			return err
		}
		if len(frames) == liveBatch {
			continue
		}
		if len(frames) > 0 {
			s.rest(ctx)
		}
		select {
		case <-woken:
		case <-beat.C:
			// An id without data moves the client's Last-Event-ID and tells its program nothing
			// (HTML, section 9.2.6).
			s.buffer = fmt.Appendf(s.buffer, ": heartbeat\nid: %s\n\n", s.at)
		case <-life.C:
			return s.end(endRenew, retryAfterEnd)
		case <-s.live.ended:
			return s.end(endShutdown, retryAfterEnd)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// take buffers what the actor gets of the frames; what was granted is asked anew each time, so
// that a revocation counts for streams that are open.
func (s *stream) take(ctx context.Context, frames []frame) error {
	if len(frames) == 0 {
		return nil
	}
	extent, err := s.live.service.Extent(ctx, s.actor)
	if err != nil {
		return err
	}
	for i := range frames {
		if !extent.Everything {
			acts, err := s.live.service.ActsFor(ctx, s.actor, frames[i].OpeningID)
			if err != nil {
				return err
			}
			if !acts {
				continue
			}
		}
		s.buffer = append(s.buffer, frames[i].to(s.actor)...)
	}
	return nil
}

func (s *stream) rest(ctx context.Context) {
	timer := time.NewTimer(rest/2 + rand.N(rest))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.live.ended:
	case <-ctx.Done():
	}
}

// catchUp sends from the log what is no longer held for all.
func (s *stream) catchUp(ctx context.Context) error {
	if s.held() {
		return nil
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		select {
		case <-s.live.ended:
			stop()
		case <-ctx.Done():
		}
	}()
	if err := s.flush(); err != nil {
		return err
	}
	select {
	case s.live.reading <- struct{}{}:
		defer func() { <-s.live.reading }()
	case <-ctx.Done():
		return s.interrupted(ctx.Err())
	}
	follower, err := s.live.service.FollowNotices(ctx, s.at)
	if err != nil {
		return err
	}
	defer follower.Close()
	for !s.held() {
		notices, seen, err := follower.Next(ctx, liveBatch)
		if err != nil {
			return s.interrupted(err)
		}
		frames := make([]frame, len(notices))
		for i, n := range notices {
			f, err := newFrame(n)
			if err != nil {
				return err
			}
			frames[i] = f
		}
		if err := s.take(ctx, frames); err != nil {
			return s.interrupted(err)
		}
		s.at = seen
		if err := s.flush(); err != nil {
			return err
		}
	}
	return nil
}

// interrupted takes leave where the server's end is the reason of the error.
func (s *stream) interrupted(err error) error {
	select {
	case <-s.live.ended:
		return s.end(endShutdown, retryAfterEnd)
	default:
		return err
	}
}

func (s *stream) held() bool {
	_, _, _, held := s.live.after(s.at)
	return held
}

// end takes leave: the client's program is told why, and when to come back with the id that it has.
func (s *stream) end(why string, retry time.Duration) error {
	s.buffer = fmt.Appendf(s.buffer, "retry: %d\nid: %s\nevent: end\ndata: {\"reason\":%q}\n\n", retry.Milliseconds(), s.at, why)
	if err := s.flush(); err != nil {
		return err
	}
	return errEnded
}

func (s *stream) flush() error {
	if len(s.buffer) == 0 {
		return nil
	}
	// A writer without deadlines waits for as long as the connection lives.
	_ = s.control.SetWriteDeadline(time.Now().Add(writePatience))
	if _, err := s.writer.Write(s.buffer); err != nil {
		return fmt.Errorf("%w: %w", errUnsent, err)
	}
	s.buffer = s.buffer[:0]
	if err := s.control.Flush(); err != nil {
		return fmt.Errorf("%w: %w", errUnsent, err)
	}
	return nil
}
