package eventstoredb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"asprak/application"
)

// record turns an event around. A server that does not know the position of an event that it
// reads in a stream says so with the largest number; that is the zero Position here.
func record(e *esdb.RecordedEvent) application.Record {
	r := application.Record{
		Stream:     e.StreamID,
		Revision:   application.Revision(e.EventNumber),
		ID:         e.EventID,
		Type:       e.EventType,
		Data:       e.Data,
		Metadata:   e.UserMetadata,
		RecordedAt: e.CreatedDate.UTC(),
	}
	if e.Position.Commit != math.MaxUint64 {
		r.Position = positionOf(e)
	}
	return r
}

func positionOf(e *esdb.RecordedEvent) application.Position {
	return application.Position{Commit: e.Position.Commit, Prepare: e.Position.Prepare}
}

// ReadStream returns the stream's events from the revision on.
func (l *Log) ReadStream(ctx context.Context, stream string, from application.Revision) ([]application.Record, error) {
	return l.read(ctx, stream, max(from, 0), math.MaxInt64)
}

func (l *Log) read(ctx context.Context, stream string, from application.Revision, most uint64) ([]application.Record, error) {
	events, err := l.readEvents(ctx, stream, esdb.ReadStreamOptions{From: esdb.Revision(uint64(from))}, most)
	if err != nil {
		return nil, err
	}
	records := make([]application.Record, len(events))
	for i, e := range events {
		records[i] = record(e.OriginalEvent())
	}
	if len(records) > 0 {
		l.learn(records[len(records)-1].Position)
	}
	return records, nil
}

// page is how many events are read in one call, so that a deadline does not depend on the
// length of a stream.
const page = 1000

// readEvents reads up to most events, none where the stream does not exist.
func (l *Log) readEvents(ctx context.Context, stream string, options esdb.ReadStreamOptions, most uint64) ([]*esdb.ResolvedEvent, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var all []*esdb.ResolvedEvent
	for {
		count := min(most-uint64(len(all)), page)
		var events []*esdb.ResolvedEvent
		err := l.retry(ctx, func(ctx context.Context) (err error) {
			events, err = call(ctx, l.nodes, l.attempt(), func(ctx context.Context, client *esdb.Client) ([]*esdb.ResolvedEvent, error) {
				return readPage(ctx, client, stream, options, count)
			})
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("eventstoredb: reading %s: %w", stream, err)
		}
		all = append(all, events...)
		if uint64(len(events)) < count || uint64(len(all)) == most {
			return all, nil
		}
		options.From = esdb.Revision(events[len(events)-1].OriginalEvent().EventNumber + 1)
	}
}

func readPage(ctx context.Context, client *esdb.Client, stream string, options esdb.ReadStreamOptions, count uint64) ([]*esdb.ResolvedEvent, error) {
	reading, err := client.ReadStream(ctx, stream, options, count)
	if err != nil {
		return nil, err
	}
	defer reading.Close()
	var events []*esdb.ResolvedEvent
	for {
		e, err := reading.Recv()
		if errors.Is(err, io.EOF) && !isFailure(err) || failed(err, esdb.ErrorCodeResourceNotFound) {
			return events, nil
		}
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
}

// isFailure tells an error that the client has classified from the plain end of a read.
func isFailure(err error) bool {
	var e *esdb.Error
	return errors.As(err, &e)
}

// backwards hands over the log's events from its end on, until visit wants no more.
func (l *Log) backwards(ctx context.Context, visit func(*esdb.RecordedEvent) bool) error {
	_, err := call(ctx, l.nodes, l.attempt(), func(ctx context.Context, client *esdb.Client) (struct{}, error) {
		reading, err := client.ReadAll(ctx, esdb.ReadAllOptions{Direction: esdb.Backwards, From: esdb.End{}}, math.MaxInt64)
		if err != nil {
			return struct{}{}, err
		}
		defer reading.Close()
		for {
			e, err := reading.Recv()
			if errors.Is(err, io.EOF) && !isFailure(err) {
				return struct{}{}, nil
			}
			if err != nil {
				return struct{}{}, err
			}
			if !visit(e.OriginalEvent()) {
				return struct{}{}, nil
			}
		}
	})
	return err
}

// Head is the position of the last event in the log that is not the system's: a follower
// gets there. How far the log was looked through is remembered, for the system writes many.
func (l *Log) Head(ctx context.Context) (application.Position, error) {
	if err := ctx.Err(); err != nil {
		return application.Position{}, err
	}
	l.mu.Lock()
	before := l.head
	l.mu.Unlock()
	var last, scanned application.Position
	err := l.retry(ctx, func(ctx context.Context) error {
		found, end := before.last, application.Position{}
		err := l.backwards(ctx, func(e *esdb.RecordedEvent) bool {
			at := positionOf(e)
			if end == (application.Position{}) {
				end = at
			}
			if at.Compare(before.scanned) <= 0 {
				return false
			}
			if isSystem(e) {
				return true
			}
			found = at
			return false
		})
		if err == nil {
			last, scanned = found, end
		}
		return err
	})
	if err != nil {
		return application.Position{}, fmt.Errorf("eventstoredb: reading the head: %w", err)
	}
	l.mu.Lock()
	if scanned.Compare(l.head.scanned) > 0 {
		l.head.last, l.head.scanned = last, scanned
	}
	l.mu.Unlock()
	l.learn(last)
	return last, nil
}
