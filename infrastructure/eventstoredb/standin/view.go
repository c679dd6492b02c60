package standin

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"
)

// view is the log as it stood at one moment.
type view struct {
	store   *store
	all     []*event
	end     uint64 // position behind the last event
	changed <-chan struct{}
}

func (s *store) view() view {
	s.mu.RLock()
	defer s.mu.RUnlock()
	v := view{store: s, all: s.all[:s.visible:s.visible], changed: s.changed}
	if s.visible > 0 {
		last := s.all[s.visible-1]
		v.end = last.Position + width(last)
	}
	return v
}

// seek is the index of the first event at or behind the position.
func (v view) seek(position uint64) (index int, exact bool) {
	return slices.BinarySearchFunc(v.all, position, func(e *event, p uint64) int { return cmp.Compare(e.Position, p) })
}

// streamView is a stream as it stood at one moment.
type streamView struct {
	events    []*event // the hidden ones too
	first     int64    // first revision that a reader gets to see
	tombstone bool
	deleted   bool // softly
}

func (s streamView) last() int64 { return int64(len(s.events)) - 1 }

// missing tells that a reader finds no stream here.
func (s streamView) missing() bool { return len(s.events) == 0 || s.deleted }

func (v view) stream(name string) streamView {
	v.store.mu.RLock()
	defer v.store.mu.RUnlock()
	return v.store.streamAt(name, v.end)
}

// streamAt needs the lock.
func (s *store) streamAt(name string, end uint64) streamView {
	of := s.streams[name]
	if of == nil {
		of = &stream{}
	}
	found := streamView{
		events:    before(of.events, end),
		tombstone: of.tombstone != nil && of.tombstone.Position < end,
	}
	heeded := s.metadataAt(name, end)
	found.deleted = heeded.deleted()
	if heeded.TruncateBefore != nil {
		found.first = *heeded.TruncateBefore
	}
	if heeded.MaxCount != nil {
		found.first = max(found.first, int64(len(found.events))-*heeded.MaxCount)
	}
	if heeded.MaxAge != nil {
		oldest := ticks(time.Now().Add(-time.Duration(*heeded.MaxAge) * time.Second))
		young, _ := slices.BinarySearchFunc(found.events, oldest, func(e *event, t int64) int { return cmp.Compare(e.Created, t) })
		found.first = max(found.first, int64(young))
	}
	return found
}

// metadataAt needs the lock. A metadata stream keeps one event.
func (s *store) metadataAt(name string, end uint64) (heeded streamMetadata) {
	if isMetastream(name) {
		one := int64(1)
		return streamMetadata{MaxCount: &one}
	}
	if of := s.streams[metastream(name)]; of != nil {
		if events := before(of.events, end); len(events) > 0 {
			// What is not JSON means nothing, as to the real server.
			_ = json.Unmarshal(events[len(events)-1].Data, &heeded)
		}
	}
	return heeded
}

func before(events []*event, end uint64) []*event {
	n := len(events)
	for n > 0 && events[n-1].Position >= end {
		n--
	}
	return events[:n:n]
}

// at is the event, nil when there is none that a reader gets to see.
func (v view) at(name string, revision int64) *event {
	s := v.stream(name)
	if s.tombstone || s.deleted || revision < s.first || revision > s.last() {
		return nil
	}
	return s.events[revision]
}
