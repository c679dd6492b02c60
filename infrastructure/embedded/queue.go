package embedded

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"asprak/application"
)

const (
	defaultLease = 30 * time.Second
	defaultLimit = 16
)

// Consume joins the group. Each type of the group has a cursor of its own, so that a type
// that joins a group later starts at the beginning of the log too.
func (l *Log) Consume(ctx context.Context, group application.Group) (application.Consumer, error) {
	if group.Name == "" || len(group.Types) == 0 {
		return nil, errors.New("embedded: a group needs a name and at least one type")
	}
	if group.Lease <= 0 {
		group.Lease = defaultLease
	}
	if group.Limit <= 0 {
		group.Limit = defaultLimit
	}
	group.Types = slices.Compact(slices.Sorted(slices.Values(group.Types)))
	err := l.do(ctx, newJob(false, 0, func(w *writer) error {
		for _, t := range group.Types {
			if _, err := w.exec("INSERT INTO cursors (consumers, type, position) VALUES (?, ?, 0) ON CONFLICT DO NOTHING", group.Name, t); err != nil {
				return err
			}
		}
		return nil
	}))
	if err != nil {
		return nil, err
	}
	return newConsumer(l, group, rand.Int64N(1<<62)+1), nil
}

func newConsumer(l *Log, group application.Group, id int64) *consumer {
	in := placeholders(len(group.Types))
	types := make([]driver.Value, len(group.Types))
	behind := make([]string, len(group.Types))
	for i, t := range group.Types {
		types[i] = t
		behind[i] = "(type = ? AND position > ?)"
	}
	return &consumer{
		log:     l,
		group:   group,
		id:      id,
		types:   types,
		inHand:  map[int64]time.Time{},
		freed:   make(chan struct{}, 1),
		closed:  make(chan struct{}),
		nextDue: "SELECT due FROM deliveries WHERE consumers = ? AND type IN (" + in + ") ORDER BY due LIMIT 1",
		takeDue: "UPDATE deliveries SET attempt = attempt + 1, due = ?, owner = ?, consumer = ? WHERE consumers = ? AND position = (" +
			"SELECT position FROM deliveries WHERE consumers = ? AND due <= ? AND type IN (" + in + ") ORDER BY due, position LIMIT 1" +
			") RETURNING position, attempt",
		nextFresh: "SELECT position, type FROM events WHERE position > ? AND position <= ? AND (" + strings.Join(behind, " OR ") + ") ORDER BY position LIMIT 1",
		advance:   "UPDATE cursors SET position = ? WHERE consumers = ? AND position < ? AND type IN (" + in + ")",
	}
}

// Parked lists what the group gave up, oldest first.
func (l *Log) Parked(ctx context.Context, group string) ([]application.Parked, error) {
	var parked []application.Parked
	err := l.read(ctx, func(c *connection) error {
		return c.query(func(row []driver.Value) error {
			r, err := record(row)
			parked = append(parked, application.Parked{
				Record:   r,
				Reason:   row[8].(string),
				Attempts: int(row[9].(int64)),
				ParkedAt: time.UnixMicro(row[10].(int64)).UTC(),
			})
			return err
		}, "SELECT "+recordColumns+", reason, attempts, parked_at FROM parked JOIN events USING (position) WHERE consumers = ? ORDER BY parked_at, position", group)
	})
	return parked, err
}

// Replay hands parked events out again, as if for the first time, and says how many.
func (l *Log) Replay(ctx context.Context, group string, ids ...uuid.UUID) (int, error) {
	chosen, args := "", []driver.Value{group}
	if len(ids) > 0 {
		chosen = " AND position IN (SELECT position FROM events WHERE id IN (" + placeholders(len(ids)) + "))"
		for _, id := range ids {
			args = append(args, id[:])
		}
	}
	var replayed int64
	err := l.do(ctx, newJob(true, 0, func(w *writer) error {
		_, err := w.exec("INSERT INTO deliveries (consumers, position, type, attempt, due, owner, consumer) "+
			"SELECT consumers, position, type, 0, 0, 0, 0 FROM parked JOIN events USING (position) WHERE consumers = ?"+chosen+" ON CONFLICT DO NOTHING", args...)
		if err != nil {
			return err
		}
		w.woken = true
		replayed, err = w.exec("DELETE FROM parked WHERE consumers = ?"+chosen, args...)
		return err
	}))
	if err != nil {
		return 0, fmt.Errorf("embedded: replaying: %w", err)
	}
	return int(replayed), nil
}
