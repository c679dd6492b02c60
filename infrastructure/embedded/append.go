package embedded

import (
	"context"
	"database/sql/driver"
	"errors"

	"github.com/google/uuid"

	"asprak/application"
)

const (
	insertEvent = "INSERT INTO events (position, stream, revision, id, type, recorded_at, metadata, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
	selectTail  = "SELECT max(revision) FROM events WHERE stream = ?"
)

var errNothing = errors.New("embedded: an append needs a stream and at least one event")

// Append writes the events behind expected; see application.Log.
func (l *Log) Append(ctx context.Context, stream string, expected application.Revision, events []application.NewRecord) (application.Appended, error) {
	if stream == "" || len(events) == 0 {
		return application.Appended{}, errNothing
	}
	size := 0
	for _, e := range events {
		size += len(e.Data) + len(e.Metadata)
	}
	if size > application.MaxAppendBytes {
		return application.Appended{}, application.ErrTooLarge
	}
	var appended application.Appended
	j := newJob(true, size, func(w *writer) (err error) {
		appended, err = w.append(stream, expected, events)
		return err
	})
	if err := l.do(ctx, j); err != nil {
		return application.Appended{}, err
	}
	return appended, nil
}

func (w *writer) append(stream string, expected application.Revision, events []application.NewRecord) (application.Appended, error) {
	tail, known := w.tails[stream]
	if !known && expected != application.NoStream {
		var err error
		if tail, err = w.tail(stream); err != nil {
			return application.Appended{}, err
		}
		known = true
	}
	// A stream expected to be new is not looked up: the unique index tells when it is not.
	if known && tail != expected {
		return w.repeated(stream, expected, tail, events)
	}
	recordedAt := now()
	for i, e := range events {
		_, err := w.exec(insertEvent, w.next+int64(i), stream, int64(expected)+int64(i)+1, e.ID[:], e.Type, recordedAt, notNil(e.Metadata), notNil(e.Data))
		if isConstraint(err) {
			return w.refused(stream, expected, events, i > 0)
		}
		if err != nil {
			return application.Appended{}, err
		}
	}
	last := expected + application.Revision(len(events))
	w.next += int64(len(events))
	if len(w.tails) >= maxTails {
		clear(w.tails)
	}
	w.tails[stream] = last
	return application.Appended{Revision: last, Position: position(w.next - 1)}, nil
}

// refused finds out why an insert met a unique index, after taking back those before it.
func (w *writer) refused(stream string, expected application.Revision, events []application.NewRecord, written bool) (application.Appended, error) {
	if written {
		if _, err := w.exec("DELETE FROM events WHERE position >= ?", w.next); err != nil {
			return application.Appended{}, err
		}
	}
	tail, err := w.tail(stream)
	if err != nil {
		return application.Appended{}, err
	}
	if tail != expected {
		return w.repeated(stream, expected, tail, events)
	}
	return application.Appended{}, application.ErrIDTaken
}

// repeated answers an append that does not fit the tail: as the first time when its events
// already stand right behind expected, else with a conflict.
func (w *writer) repeated(stream string, expected, tail application.Revision, events []application.NewRecord) (application.Appended, error) {
	last := expected + application.Revision(len(events))
	if expected < application.NoStream || last > tail {
		return application.Appended{}, application.ErrConflict
	}
	same, at := 0, int64(0)
	err := w.query(func(row []driver.Value) error {
		if id, err := uuid.FromBytes(row[1].([]byte)); err == nil && id == events[same].ID {
			same++
			at = row[0].(int64)
			return nil
		}
		return application.ErrConflict
	}, "SELECT position, id FROM events WHERE stream = ? AND revision > ? AND revision <= ? ORDER BY revision", stream, int64(expected), int64(last))
	if err != nil {
		return application.Appended{}, err
	}
	return application.Appended{Revision: last, Position: position(at)}, nil
}

func (w *writer) tail(stream string) (application.Revision, error) {
	tail, ok, err := w.number(selectTail, stream)
	if err != nil {
		return 0, err
	}
	if !ok {
		return application.NoStream, nil
	}
	return application.Revision(tail), nil
}

// notNil is b, or no bytes for nil, which the driver would store as NULL.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
