package standin

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
)

// expectation is an expected revision: 0 and up is exact.
type expectation int64

const (
	noStream     expectation = -1
	anyRevision  expectation = -2
	streamExists expectation = -4
)

func (e expectation) String() string {
	switch e {
	case noStream:
		return "no_stream"
	case anyRevision:
		return "any"
	case streamExists:
		return "stream_exists"
	}
	return fmt.Sprint(int64(e))
}

// wrongRevision is the answer to a write that expected something else.
type wrongRevision struct {
	stream   string
	expected expectation
	actual   int64 // -1: no stream
}

func (w *wrongRevision) Error() string {
	return fmt.Sprintf("wrong expected version of stream %s: expected %s, actual %d", w.stream, w.expected, w.actual)
}

// streamDeleted is the answer to whoever meets a tombstone.
type streamDeleted struct{ stream string }

func (s *streamDeleted) Error() string { return fmt.Sprintf("stream %s is deleted for good", s.stream) }

// written says where a write ended. Without events nothing was written and revision is the
// one the stream stands at.
type written struct {
	revision int64
	position uint64
	events   int
}

// append writes all events or none, or finds that they stand in the log already.
func (s *store) append(ctx context.Context, name string, expected expectation, events []*event) (written, error) {
	var result written
	err := s.do(ctx, func() error {
		already, err := s.check(name, expected, events)
		if err != nil {
			return err
		}
		if already != nil {
			result = *already
			return nil
		}
		if len(events) == 0 {
			result = written{revision: s.tail(name)}
			return nil
		}
		s.revive(name)
		last := s.stage(name, events...)
		result = written{last.Revision, last.Position, len(events)}
		return nil
	})
	if err != nil {
		return written{}, err // and result is not looked at: the write may still be under way
	}
	return result, nil
}

// check decides as the server's index writer does. It returns where the events stand when
// the write is a repetition.
func (s *store) check(name string, expected expectation, events []*event) (*written, error) {
	now := s.streamAt(name, s.next)
	owner := name
	if isMetastream(name) {
		owner = name[2:]
	}
	if now.tombstone || s.streamAt(owner, s.next).tombstone {
		return nil, &streamDeleted{owner}
	}
	last := now.last()
	wrong := &wrongRevision{name, expected, last}
	switch {
	case expected == anyRevision || expected == streamExists:
		if expected == streamExists {
			if now.deleted {
				return nil, &streamDeleted{name}
			}
			if last < 0 && s.tail(metastream(name)) < 0 {
				return nil, wrong
			}
		}
		at := int64(-1)
		for i, e := range events {
			revision, known := s.recent[idKey{name, e.ID}]
			if !known && i == 0 {
				return nil, nil
			}
			if !known {
				return nil, wrong
			}
			at = revision
		}
		if at < 0 {
			return nil, nil
		}
		return &written{at, now.events[at].Position, len(events)}, nil
	case int64(expected) < last:
		at := int64(expected)
		for i, e := range events {
			at++
			if at <= last && now.events[at].ID == e.ID {
				continue
			}
			if i == 0 && expected == noStream && now.deleted {
				return nil, nil
			}
			return nil, wrong
		}
		if len(events) == 0 {
			return nil, wrong
		}
		return &written{at, now.events[at].Position, len(events)}, nil
	case int64(expected) > last:
		return nil, wrong
	}
	return nil, nil
}

// revive lets a softly deleted stream go on behind its old end.
func (s *store) revive(name string) {
	if now := s.streamAt(name, s.next); now.deleted {
		s.stageTruncation(name, now.last()+1)
	}
}

// stageTruncation keeps the rest of the stream's metadata.
func (s *store) stageTruncation(name string, before int64) *event {
	document := map[string]json.RawMessage{}
	if of := s.streams[metastream(name)]; of != nil && len(of.events) > 0 {
		_ = json.Unmarshal(of.events[of.last()].Data, &document)
	}
	document["$tb"] = mustJSON(before)
	return s.stage(metastream(name), newEvent(metadataType, document, nil))
}

// truncate hides the events before the revision.
func (s *store) truncate(ctx context.Context, name string, before int64) error {
	return s.do(ctx, func() error {
		s.stageTruncation(name, before)
		return nil
	})
}

// remove deletes the stream: softly, or for good by a tombstone.
func (s *store) remove(ctx context.Context, name string, expected expectation, forGood bool) (uint64, error) {
	var position uint64
	err := s.do(ctx, func() error {
		if _, err := s.check(name, expected, nil); err != nil {
			return err
		}
		if !forGood {
			position = s.stageTruncation(name, tombstoned).Position
			return nil
		}
		grave := newEvent(tombstoneType, struct{}{}, nil)
		grave.ID = uuid.New()
		position = s.stage(name, grave).Position
		return nil
	})
	if err != nil {
		return 0, err
	}
	return position, nil
}
