package api

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"asprak/application"
	"asprak/domain"
)

const (
	// kept is how many events are held for those who are a little behind.
	kept = 4096
	// liveBatch bounds the events that are taken from the log or given to a client at once.
	liveBatch = 256
	// gather lies between two looks at the log while few events come at a time: each wakes
	// every client that waits.
	gather = 10 * time.Millisecond
	// readers bounds how many clients at once are given from the log what is no longer held.
	readers = 16

	firstDelay = 50 * time.Millisecond
	lastDelay  = 5 * time.Second
)

// Live tells all clients of this process what happens, from one follower of the log, which
// there is only while somebody listens. The events are held once for all of them, so that a
// slow client costs no memory: whoever falls out of what is held has to come again.
type Live struct {
	service *application.Service
	logger  *slog.Logger

	mu      sync.Mutex
	frames  []frame              // in the order of the log
	floor   application.Position // all that stands behind it, up to seen, is in frames
	seen    application.Position
	started chan struct{} // closed when floor and seen are known
	woken   chan struct{} // closed when there is more
	streams map[domain.Actor]int
	open    int

	wanted  chan struct{} // of one: somebody has come
	ended   chan struct{} // closed when Run has ended
	reading chan struct{} // of readers
}

// NewLive returns a Live that begins with Run.
func NewLive(s *application.Service, logger *slog.Logger) *Live {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &Live{service: s, logger: logger, started: make(chan struct{}), woken: make(chan struct{}), streams: make(map[domain.Actor]int),
		wanted: make(chan struct{}, 1), ended: make(chan struct{}), reading: make(chan struct{}, readers)}
}

// Run follows the log for those who listen until ctx ends, and then ends every stream. A log
// that is lost is followed again, behind what was seen. It runs once.
func (l *Live) Run(ctx context.Context) error {
	defer close(l.ended)
	for delay := firstDelay; ; delay = min(2*delay, lastDelay) {
		progressed, err := l.follow(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if progressed {
			delay = firstDelay
		}
		if err == nil {
			select {
			case <-l.wanted:
				continue
			case <-ctx.Done():
				return nil
			}
		}
		l.logger.Error("following the log for live events failed; it is tried again", "error", err, "delay", delay)
		if !pause(ctx, delay) {
			return nil
		}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// follow returns without an error when nobody listens.
func (l *Live) follow(ctx context.Context) (progressed bool, err error) {
	if l.idle() {
		return false, nil
	}
	after, err := l.begin(ctx)
	if err != nil {
		return false, err
	}
	follower, err := l.service.FollowNotices(ctx, after)
	if err != nil {
		return false, err
	}
	defer follower.Close()
	for {
		notices, seen, err := follower.Next(ctx, liveBatch)
		if err != nil {
			return progressed, err
		}
		if err := l.take(notices, seen); err != nil {
			return progressed, err
		}
		progressed = true
		if l.idle() {
			return true, nil
		}
		if len(notices) < liveBatch && !pause(ctx, gather) {
			return true, ctx.Err()
		}
	}
}

// idle tells whether nobody listens, and then forgets what was seen.
func (l *Live) idle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open > 0 {
		return false
	}
	if l.following() {
		l.frames, l.started = nil, make(chan struct{})
	}
	return true
}

// following tells whether floor and seen are known; l.mu is held.
func (l *Live) following() bool {
	select {
	case <-l.started:
		return true
	default:
		return false
	}
}

// begin says where following goes on, or begins at the present end of the log.
func (l *Live) begin(ctx context.Context) (application.Position, error) {
	l.mu.Lock()
	seen, following := l.seen, l.following()
	l.mu.Unlock()
	if following {
		return seen, nil
	}
	head, err := l.service.Head(ctx)
	if err != nil {
		return head, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.floor, l.seen = head, head
	close(l.started)
	return head, nil
}

func (l *Live) take(notices []application.Notice, seen application.Position) error {
	fresh := make([]frame, len(notices))
	for i, n := range notices {
		var err error
		if fresh[i], err = newFrame(n); err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.frames = append(l.frames, fresh...)
	if over := len(l.frames) - kept; over > 0 {
		l.floor = l.frames[over-1].Position
		// Not cleared or moved: clients may be reading there. append leaves it all behind when
		// it runs out of room.
		l.frames = l.frames[over:]
	}
	l.seen = seen
	close(l.woken)
	l.woken = make(chan struct{})
	return nil
}

// after returns frames behind the position, up to liveBatch, and how far the log was seen with them; when there are
// none, what wakes up for more. It is false for a position that is no longer held.
func (l *Live) after(at application.Position) (frames []frame, seen application.Position, woken <-chan struct{}, held bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at.Compare(l.floor) < 0 {
		return nil, at, nil, false
	}
	from, found := slices.BinarySearchFunc(l.frames, at, func(f frame, at application.Position) int { return f.Position.Compare(at) })
	if found {
		from++
	}
	rest := l.frames[from:]
	if len(rest) > liveBatch {
		return rest[:liveBatch:liveBatch], rest[liveBatch-1].Position, l.woken, true
	}
	if l.seen.Compare(at) > 0 {
		at = l.seen
	}
	return slices.Clip(rest), at, l.woken, true
}

// frame is an event as it goes over the wire. Frames are never changed in place.
type frame struct {
	application.Notice
	full, outer []byte // for those whom it concerns, and for other applicants
}

type liveBody struct {
	Type          string               `json:"type"`
	Stream        string               `json:"stream"`
	OpeningID     *uuid.UUID           `json:"opening_id,omitempty"`
	ApplicationID *uuid.UUID           `json:"application_id,omitempty"`
	DocumentID    *uuid.UUID           `json:"document_id,omitempty"`
	Revision      application.Revision `json:"revision"`
	Position      application.Position `json:"position"`
	OccurredAt    time.Time            `json:"occurred_at"`
	Summary       string               `json:"summary"`
}

func newFrame(n application.Notice) (frame, error) {
	body := liveBody{Type: n.Type, Stream: n.Stream, OpeningID: known(n.OpeningID), ApplicationID: known(n.ApplicationID), DocumentID: known(n.DocumentID),
		Revision: n.Revision, Position: n.Position, OccurredAt: n.OccurredAt, Summary: n.Summary}
	f := frame{Notice: n}
	var err error
	if f.full, err = encodeFrame(body); err != nil {
		return f, err
	}
	// An application's id follows from opening and person: it would tell who got the seat.
	body.ApplicationID = nil
	f.outer, err = encodeFrame(body)
	return f, err
}

func known(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}

// encodeFrame writes the event for a stream. JSON has no line ends, and the name of an event
// is not taken from the log, where another program may write what it likes.
func encodeFrame(body liveBody) ([]byte, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	text := append([]byte("id: "+body.Position.String()+"\ndata: "), data...)
	return append(text, '\n', '\n'), nil
}

// to is what the actor gets of the event, nil for nothing.
func (f *frame) to(actor domain.Actor) []byte {
	switch {
	case !f.VisibleTo(actor):
		return nil
	case !f.Concerns(actor):
		return f.outer
	}
	return f.full
}
