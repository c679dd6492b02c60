package eventstoredb

import (
	"context"
	"errors"
	"fmt"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"

	"asprak/application"
)

// Append writes the events behind expected; see application.Log. It is repeated with the same
// ids until its outcome is known or the timeout ends.
func (l *Log) Append(ctx context.Context, stream string, expected application.Revision, events []application.NewRecord) (application.Appended, error) {
	var none application.Appended
	if err := ctx.Err(); err != nil {
		return none, err
	}
	if stream == "" || len(events) == 0 {
		return none, errors.New("eventstoredb: an append needs a stream and at least one event")
	}
	proposed := make([]esdb.EventData, len(events))
	size := 0
	for i, e := range events {
		if e.ID == uuid.Nil {
			return none, errors.New("eventstoredb: an event needs an id")
		}
		// The server counts a type name as UTF-16. It breaks off an append that is too large
		// in a way that cannot be told from a lost connection.
		size += len(e.Data) + len(e.Metadata) + 2*len(e.Type)
		proposed[i] = esdb.EventData{EventID: e.ID, EventType: e.Type, ContentType: esdb.ContentTypeJson, Data: e.Data, Metadata: e.Metadata}
	}
	if size > application.MaxAppendBytes {
		return none, application.ErrTooLarge
	}
	var revision esdb.ExpectedRevision = esdb.NoStream{}
	switch {
	case expected >= 0:
		revision = esdb.Revision(uint64(expected))
	case expected < application.NoStream:
		return none, application.ErrConflict
	}

	known := l.known()
	result, repeated, err := l.append(ctx, stream, revision, proposed)
	if err != nil {
		return none, err
	}
	appended := application.Appended{
		Revision: application.Revision(result.NextExpectedVersion),
		Position: application.Position{Commit: result.CommitPosition, Prepare: result.PreparePosition},
	}
	// A new event stands behind everything known before. Otherwise the append stood already,
	// and the position in the answer to that need not be the last event's.
	if repeated || appended.Position.Compare(known) <= 0 {
		place, err := l.placeOf(ctx, stream, appended.Revision)
		if err != nil {
			return none, fmt.Errorf("%w: %w", application.ErrUnknownOutcome, err)
		}
		appended.Position = place
	}
	l.learn(appended.Position)
	return appended, nil
}

func (l *Log) append(ctx context.Context, stream string, expected esdb.ExpectedRevision, events []esdb.EventData) (result *esdb.WriteResult, repeated bool, err error) {
	bounded, cancel := context.WithTimeout(ctx, l.options.Timeout)
	defer cancel()
	deadline := l.attempt()
	for wait := firstPause; ; wait = min(2*wait, longestPause) {
		result, err = call(bounded, l.nodes, deadline, func(ctx context.Context, client *esdb.Client) (*esdb.WriteResult, error) {
			return client.AppendToStream(ctx, stream, esdb.AppendToStreamOptions{ExpectedRevision: expected, Deadline: &deadline}, events...)
		})
		switch {
		case err == nil:
			return result, repeated, nil
		case failed(err, esdb.ErrorCodeWrongExpectedVersion):
			// Also after an attempt of unknown outcome: had that one written, this one would
			// have been answered as its repetition.
			return nil, false, fmt.Errorf("%w: %s", application.ErrConflict, stream)
		case errors.Is(err, errClosed):
			return nil, false, outcome(repeated, err)
		case oversized(err):
			return nil, false, application.ErrTooLarge
		case refused(err) && !failed(err, esdb.ErrorCodeNotLeader):
			return nil, false, fmt.Errorf("eventstoredb: appending to %s: %w", stream, err)
		case !errors.Is(err, errUnreached) && !refused(err):
			repeated = true
		}
		if pause(bounded, wait) != nil {
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			return nil, false, outcome(repeated, err)
		}
	}
}

// outcome says what is known of an append that did not succeed, some attempt of which may
// have reached a server.
func outcome(sent bool, err error) error {
	if sent {
		return fmt.Errorf("%w: %w", application.ErrUnknownOutcome, err)
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w: %w", application.ErrUnavailable, err)
}

func (l *Log) placeOf(ctx context.Context, stream string, revision application.Revision) (application.Position, error) {
	records, err := l.read(ctx, stream, revision, 1)
	if err != nil {
		return application.Position{}, err
	}
	if len(records) == 0 || records[0].Revision != revision {
		return application.Position{}, fmt.Errorf("eventstoredb: event %d of %s cannot be read", revision, stream)
	}
	return records[0].Position, nil
}

func (l *Log) known() application.Position {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.head.known
}

func (l *Log) learn(position application.Position) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if position.Compare(l.head.known) > 0 {
		l.head.known = position
	}
}
