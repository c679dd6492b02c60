// Package application holds the use cases and the ports that they need: the one write path
// (load, decide, append), the reaction to a new document, and the reading of a document.
// It knows no technology; adapters stand in infrastructure and are wired by cmd/asprak.
package application

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Revision is a place in a stream: 0 for its first event.
type Revision int64

// NoStream is the expected revision of a stream that has no event yet.
const NoStream Revision = -1

// Position is a place in the whole log. Positions strictly grow in log order but are not
// dense. An adapter that needs one number sets both alike. The zero Position stands before
// the first event.
type Position struct{ Commit, Prepare uint64 }

// Compare is negative, zero or positive as p stands before, at or behind q.
func (p Position) Compare(q Position) int {
	if p.Commit != q.Commit {
		if p.Commit < q.Commit {
			return -1
		}
		return 1
	}
	if p.Prepare != q.Prepare {
		if p.Prepare < q.Prepare {
			return -1
		}
		return 1
	}
	return 0
}

// String is "17", or "17-16" where the two numbers differ.
func (p Position) String() string {
	if p.Commit == p.Prepare {
		return strconv.FormatUint(p.Commit, 10)
	}
	return fmt.Sprintf("%d-%d", p.Commit, p.Prepare)
}

// ParsePosition reads what String wrote.
func ParsePosition(s string) (Position, error) {
	c, q, two := strings.Cut(s, "-")
	commit, err := strconv.ParseUint(c, 10, 64)
	if err != nil {
		return Position{}, fmt.Errorf("application: position %q is not a number", s)
	}
	if !two {
		return Position{commit, commit}, nil
	}
	prepare, err := strconv.ParseUint(q, 10, 64)
	if err != nil {
		return Position{}, fmt.Errorf("application: position %q is not a number", s)
	}
	return Position{commit, prepare}, nil
}

// MarshalText writes what String does.
func (p Position) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (p *Position) UnmarshalText(text []byte) (err error) {
	*p, err = ParsePosition(string(text))
	return err
}

// NewRecord is an event about to be appended. Data and Metadata are JSON.
type NewRecord struct {
	ID       uuid.UUID
	Type     string
	Data     []byte
	Metadata []byte
}

// Record is an event as it stands in the log.
type Record struct {
	Stream     string
	Revision   Revision
	Position   Position
	ID         uuid.UUID
	Type       string
	Data       []byte
	Metadata   []byte
	RecordedAt time.Time // by the log's clock, UTC
}

// Appended is the answer to an append: where its last event stands.
type Appended struct {
	Revision Revision
	Position Position
}

// The ways in which the log fails; every other error is I/O. Test with errors.Is.
var (
	// ErrConflict: the stream is not at the expected revision. Load again and decide again.
	ErrConflict = errors.New("log: wrong expected revision")
	// ErrIDTaken: an event id stands in another place already. Only adapters that can see this tell it.
	ErrIDTaken = errors.New("log: event id is taken")
	// ErrTooLarge: the events do not fit into one append. Nothing was written.
	ErrTooLarge = errors.New("log: append too large")
	// ErrUnknownOutcome: the append may or may not have happened. Retry with the same ids.
	ErrUnknownOutcome = errors.New("log: outcome unknown")
	// ErrUnavailable: nothing was written; come back later.
	ErrUnavailable = errors.New("log: unavailable")
)

// MaxAppendBytes bounds the data and metadata of one append (EventStoreDB's default is 1 MiB).
const MaxAppendBytes = 1<<20 - 64<<10

// Log is the event log. Every adapter passes the suite in application/logtest.
type Log interface {
	// Append writes the events to the end of the stream, all or none, when the stream
	// stands at expected (NoStream: has no event). It returns after the events are durable.
	// Repeating an append whose events already stand right behind expected, id by id,
	// writes nothing and answers as the first time. Otherwise ErrConflict.
	Append(ctx context.Context, stream string, expected Revision, events []NewRecord) (Appended, error)
	// ReadStream returns the stream's events from the revision on, in order; none when
	// the stream does not exist.
	ReadStream(ctx context.Context, stream string, from Revision) ([]Record, error)
	// Follow returns the log behind the position, in order, as it grows, of the types
	// named (none: all). Nothing is missed and nothing repeated.
	Follow(ctx context.Context, after Position, types ...string) (Follower, error)
	// Head is the position of the last event in the log.
	Head(ctx context.Context) (Position, error)
}

// Follower hands out the log in order. It is for one goroutine.
type Follower interface {
	// Next waits until there is at least one event and returns up to max. It fails when
	// ctx ends or the log is lost; the caller then follows again from what it has handled.
	Next(ctx context.Context, max int) ([]Record, error)
	Close() error
}

// Group is a named set of consumers that share the events of some types: each event goes
// to one of them, and again to one of them until it is acknowledged or parked.
type Group struct {
	Name  string
	Types []string      // event types; at least one
	Lease time.Duration // how long a delivery may take before another consumer gets it; 0: a default
	Limit int           // deliveries in flight per consumer; 0: a default
}

// Delivery is an event handed to a consumer.
type Delivery struct {
	Record
	Attempt int // 1 for the first
}

// Parked is an event that was given up.
type Parked struct {
	Record
	Reason   string
	Attempts int
	ParkedAt time.Time
}

// Queue hands events to competing consumers, at least once, in no promised order.
type Queue interface {
	// Consume joins the group; a new group starts at the beginning of the log.
	Consume(ctx context.Context, group Group) (Consumer, error)
	// Parked lists what the group gave up, oldest first.
	Parked(ctx context.Context, group string) ([]Parked, error)
	// Replay hands parked events out again (no ids: all) and says how many.
	Replay(ctx context.Context, group string, ids ...uuid.UUID) (int, error)
}

// Consumer is one member of a group. Next is for one goroutine; the others may run beside it.
type Consumer interface {
	// Next waits for a delivery; it fails when ctx ends or the consumer is closed.
	Next(ctx context.Context) (Delivery, error)
	// Ack ends the delivery for good.
	Ack(ctx context.Context, d Delivery) error
	// Retry hands the event out again after the delay.
	Retry(ctx context.Context, d Delivery, after time.Duration) error
	// Park gives the event up with a reason.
	Park(ctx context.Context, d Delivery, reason string) error
	// Extend starts the lease anew: the delivery is still being worked on.
	Extend(ctx context.Context, d Delivery) error
	// Close hands back what is in flight.
	Close() error
}
