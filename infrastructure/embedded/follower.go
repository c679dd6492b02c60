package embedded

import (
	"context"
	"database/sql/driver"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"asprak/application"
)

const recordColumns = "position, stream, revision, id, type, recorded_at, metadata, data"

func record(row []driver.Value) (application.Record, error) {
	id, err := uuid.FromBytes(row[3].([]byte))
	return application.Record{
		Position:   position(row[0].(int64)),
		Stream:     row[1].(string),
		Revision:   application.Revision(row[2].(int64)),
		ID:         id,
		Type:       row[4].(string),
		RecordedAt: time.UnixMicro(row[5].(int64)).UTC(),
		Metadata:   row[6].([]byte),
		Data:       row[7].([]byte),
	}, err
}

func (c *connection) records(text string, args ...driver.Value) ([]application.Record, error) {
	var records []application.Record
	err := c.query(func(row []driver.Value) error {
		r, err := record(row)
		records = append(records, r)
		return err
	}, text, args...)
	return records, err
}

// ReadStream returns the stream's events from the revision on.
func (l *Log) ReadStream(ctx context.Context, stream string, from application.Revision) ([]application.Record, error) {
	var records []application.Record
	err := l.read(ctx, func(c *connection) (err error) {
		records, err = c.records("SELECT "+recordColumns+" FROM events WHERE stream = ? AND revision >= ? ORDER BY revision", stream, int64(from))
		return err
	})
	return records, err
}

// Follow returns the log behind the position. A position behind the log's end is an error:
// it was taken from another log, or this one was restored from an older copy.
func (l *Log) Follow(ctx context.Context, after application.Position, types ...string) (application.Follower, error) {
	head, err := l.Head(ctx)
	if err != nil {
		return nil, err
	}
	if after.Compare(head) > 0 {
		return nil, fmt.Errorf("embedded: position %s is behind the end of the log, %s", after, head)
	}
	l.reached(int64(head.Commit))
	f := &follower{log: l, after: int64(after.Commit), closed: make(chan struct{}), args: make([]driver.Value, 3, 3+len(types))}
	f.query = "SELECT " + recordColumns + " FROM events WHERE position > ? AND position <= ?"
	if len(types) > 0 {
		f.query += " AND type IN (" + placeholders(len(types)) + ")"
		f.args = f.args[:2]
		for _, t := range types {
			f.args = append(f.args, t)
		}
		f.args = append(f.args, nil)
	}
	f.query += " ORDER BY position LIMIT ?"
	return f, nil
}

type follower struct {
	log    *Log
	after  int64
	query  string
	args   []driver.Value
	closed chan struct{}
}

// Next waits for events and returns up to max.
func (f *follower) Next(ctx context.Context, max int) ([]application.Record, error) {
	if max < 1 {
		return nil, fmt.Errorf("embedded: cannot return up to %d events", max)
	}
	for {
		woken := f.log.appended.wait()
		if err := f.open(ctx); err != nil {
			return nil, err
		}
		if head := f.log.head.Load(); head > f.after {
			records, err := f.next(ctx, head, max)
			if err != nil || len(records) > 0 {
				return records, err
			}
			continue
		}
		select {
		case <-woken:
		case <-ctx.Done():
		case <-f.closed:
		case <-f.log.closing:
		}
	}
}

func (f *follower) open(ctx context.Context) error {
	select {
	case <-f.closed:
		return fmt.Errorf("embedded: the follower is closed")
	case <-f.log.closing:
		return errClosed
	default:
		return ctx.Err()
	}
}

// next reads up to head, which is committed: the read sees everything there.
func (f *follower) next(ctx context.Context, head int64, max int) (records []application.Record, err error) {
	f.args[0], f.args[1], f.args[len(f.args)-1] = f.after, head, int64(max)
	err = f.log.read(ctx, func(c *connection) error {
		records, err = c.records(f.query, f.args...)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(records) < max {
		f.after = head
	} else {
		f.after = int64(records[len(records)-1].Position.Commit)
	}
	return slices.Clip(records), nil
}

// Close ends the follower; a Next that waits fails.
func (f *follower) Close() error {
	select {
	case <-f.closed:
	default:
		close(f.closed)
	}
	return nil
}
