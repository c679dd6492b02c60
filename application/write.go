package application

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/google/uuid"

	"asprak/domain"
)

// tries bounds how often a command is decided again after a lost race.
const tries = 3

// commandSpace is the name space of the command ids that follow from idempotency keys.
var commandSpace = uuid.MustParse("6f0c2a51-5d0e-4c3c-9a0e-0d6f6b6f1a77")

// aggregate is a state that is folded from its events.
type aggregate[S any] interface {
	Evolve(domain.Event) S
}

// loaded is a state with where it stands. The entries are shared and never changed in place.
type loaded[S aggregate[S]] struct {
	State    S
	Revision Revision
	Entries  []Entry
}

func fresh[S aggregate[S]]() loaded[S] { return loaded[S]{Revision: NoStream} }

// end is the position of the stream's last event.
func (l loaded[S]) end() Position {
	if len(l.Entries) == 0 {
		return Position{}
	}
	return l.Entries[len(l.Entries)-1].Position
}

func (l loaded[S]) with(entries ...Entry) loaded[S] {
	// The full slice expression makes append copy: others may hold the same entries.
	l.Entries = append(l.Entries[:len(l.Entries):len(l.Entries)], entries...)
	for _, e := range entries {
		l.State, l.Revision = l.State.Evolve(e.Event), e.Revision
	}
	return l
}

// load brings what is known of the stream up to date.
func load[S aggregate[S]](ctx context.Context, s *Service, stream string, known loaded[S]) (loaded[S], error) {
	records, err := s.log.ReadStream(ctx, stream, known.Revision+1)
	if err != nil || len(records) == 0 {
		return known, err
	}
	entries := make([]Entry, len(records))
	for i, r := range records {
		event, metadata, err := s.codec.Decode(r)
		if err != nil {
			return known, err
		}
		entries[i] = Entry{Revision: r.Revision, Position: r.Position, Type: r.Type, RecordedAt: r.RecordedAt, Event: event, Metadata: metadata}
	}
	return known.with(entries...), nil
}

// call is what a command brings along besides its content.
type call struct {
	id          uuid.UUID // of the command; the ids of its events follow from it
	fingerprint string    // of its content; "" where the id cannot meet another content
	causation   string
	request     Request
	versions    *domain.Versions
	key         uuid.UUID // that what is personal is sealed with; nil: as the stream says
}

// call makes the call of a request. The parts are the use case's name and its input.
func (r Request) call(name string, parts ...[]byte) call {
	c := call{id: uuid.New(), request: r}
	if r.IdempotencyKey != "" {
		c.id = uuid.NewSHA1(commandSpace, []byte(r.Actor.ID+"\x00"+r.IdempotencyKey))
		c.fingerprint = fingerprint(name, parts...)
	}
	c.causation = c.id.String()
	return c
}

// reactionCall makes the call of a reaction's step: its ids follow from the event that
// triggered it, so that a redelivery ends in the same events.
func reactionCall(trigger Entry, step string, versions *domain.Versions) call {
	return call{
		id:        uuid.NewSHA1(trigger.Metadata.EventID, []byte(step)),
		causation: trigger.Metadata.EventID.String(),
		request:   Request{Actor: domain.Actor{ID: "asprak", Role: domain.RoleSystem}, CorrelationID: trigger.Metadata.CorrelationID},
		versions:  versions,
	}
}

func fingerprint(name string, parts ...[]byte) string {
	h := sha256.New()
	var size [8]byte
	write := func(p []byte) {
		binary.BigEndian.PutUint64(size[:], uint64(len(p)))
		h.Write(size[:])
		h.Write(p)
	}
	write([]byte(name))
	for _, p := range parts {
		write(p)
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// outcome is where a command ended.
type outcome struct {
	revision Revision
	position Position
	recorded int
}

// write is the one write path: decide on the state, append at the exact revision, and after
// a lost race decide again on fresh state. known is the state to begin with; it may be out
// of date, as the log refuses an append at any but the last revision. It returns the state
// after the command.
//
// A command whose events stand in the stream already is answered as the first time; with
// other content it is refused.
func write[S aggregate[S]](ctx context.Context, s *Service, stream string, known loaded[S], c call, decide func(loaded[S]) ([]domain.Event, error)) (loaded[S], outcome, error) {
	var err error
	unknown := false // an append of ours may have happened
	for try := range tries {
		if try > 0 {
			if known, err = load(ctx, s, stream, known); err != nil {
				return known, outcome{}, err
			}
		}
		done, n, err := replayed(known, c)
		if err != nil {
			return known, outcome{}, err
		}
		if n > 0 {
			if unknown {
				done.recorded = n
			}
			return known, done, nil
		}
		if err := matches(c.request.IfMatch, known); err != nil {
			return known, outcome{}, err
		}
		events, err := decide(known)
		if err != nil || len(events) == 0 {
			return known, outcome{revision: known.Revision, position: known.end()}, err
		}
		key, err := s.keyFor(ctx, stream, known.Entries, c, events)
		if err != nil {
			return known, outcome{}, err
		}
		records, entries, err := s.encode(c, events, key)
		if err != nil {
			return known, outcome{}, err
		}
		appended, err := s.append(ctx, stream, known.Revision, records, &unknown)
		if errors.Is(err, ErrConflict) {
			continue
		}
		if err != nil {
			return known, outcome{}, err
		}
		for i := range entries {
			entries[i].Revision = known.Revision + 1 + Revision(i)
			entries[i].Position = appended.Position
		}
		return known.with(entries...), outcome{revision: appended.Revision, position: appended.Position, recorded: len(events)}, nil
	}
	return known, outcome{}, fmt.Errorf("application: %s: lost %d races: %w", stream, tries, ErrConflict)
}

// matches is nil when the caller has seen the stream, up to events that only note something,
// or does not care.
func matches[S aggregate[S]](want *Revision, at loaded[S]) error {
	if want == nil || *want == at.Revision {
		return nil
	}
	notes := 0
	for i := len(at.Entries) - 1; i >= 0 && domain.OnlyNotes(at.Entries[i].Event); i-- {
		notes++
	}
	if *want < at.Revision && *want >= at.Revision-Revision(notes) {
		return nil
	}
	return domain.Errorf(domain.Conflict, "revision_mismatch", "It stands at revision %d, not at %d.", at.Revision, *want)
}

// append repeats an append of unknown outcome, which the same ids make harmless.
func (s *Service) append(ctx context.Context, stream string, expected Revision, records []NewRecord, unknown *bool) (Appended, error) {
	for try := 1; ; try++ {
		appended, err := s.log.Append(ctx, stream, expected, records)
		if !errors.Is(err, ErrUnknownOutcome) || try == tries || ctx.Err() != nil {
			return appended, err
		}
		*unknown = true
	}
}

func (s *Service) encode(c call, events []domain.Event, key Key) ([]NewRecord, []Entry, error) {
	now := s.clock().UTC()
	records, entries := make([]NewRecord, len(events)), make([]Entry, len(events))
	for i, event := range events {
		metadata := domain.Metadata{
			EventID:       eventID(c.id, i),
			Actor:         c.request.Actor,
			OccurredAt:    now,
			CorrelationID: c.request.CorrelationID,
			CausationID:   c.causation,
			CommandID:     c.id,
			Fingerprint:   c.fingerprint,
			Versions:      c.versions,
		}
		record, err := s.codec.Encode(event, metadata, key)
		if err != nil {
			return nil, nil, err
		}
		if key != nil && isPersonal(event) {
			metadata.Key = key.ID()
		}
		records[i] = record
		entries[i] = Entry{Type: record.Type, RecordedAt: now, Event: event, Metadata: metadata}
	}
	return records, entries, nil
}

// keyFor is the key that what is personal in the events is sealed with: the application's, or a
// fresh one when it has none yet. It is nil when nothing has to be sealed.
func (s *Service) keyFor(ctx context.Context, stream string, entries []Entry, c call, events []domain.Event) (Key, error) {
	if s.keys == nil || !slices.ContainsFunc(events, isPersonal) {
		return nil, nil
	}
	if c.key != uuid.Nil {
		return s.keys.Key(c.key)
	}
	if _, ok := applicationOf(stream); !ok {
		return s.keys.New(ctx)
	}
	return s.applicationKey(ctx, entries)
}

// applicationKey is the key of the application with the entries, a fresh one when it has none yet, nil where
// nothing is sealed.
func (s *Service) applicationKey(ctx context.Context, entries []Entry) (Key, error) {
	if s.keys == nil {
		return nil, nil
	}
	id := keyOf(entries)
	if id == uuid.Nil {
		return s.keys.New(ctx)
	}
	return s.keys.Key(id)
}

func isPersonal(e domain.Event) bool {
	_, personal := e.(domain.Personal)
	return personal
}

// keyOf is the key of the application with the entries, nil when nothing of it is sealed.
func keyOf(entries []Entry) uuid.UUID {
	for _, e := range entries {
		if e.Metadata.Key != uuid.Nil {
			return e.Metadata.Key
		}
	}
	return uuid.Nil
}

func eventID(command uuid.UUID, index int) uuid.UUID {
	return uuid.NewSHA1(command, binary.BigEndian.AppendUint32(nil, uint32(index)))
}

// replayed finds the events that the command has written already: where the last of them
// stands, and how many they are.
func replayed[S aggregate[S]](at loaded[S], c call) (done outcome, n int, err error) {
	for _, e := range at.Entries {
		if e.Metadata.CommandID != c.id {
			continue
		}
		if e.Metadata.Fingerprint != c.fingerprint {
			return outcome{}, 0, keyReused()
		}
		done.revision, done.position = e.Revision, e.Position
		n++
	}
	return done, n, nil
}

// maxCachedOpenings bounds the memory of the cache; a university has tens of openings a term.
const maxCachedOpenings = 1024

// cache keeps folded streams. It only saves work: whoever takes a state from it reads what
// came after, and the log checks the revision of every append.
type cache[S aggregate[S]] struct {
	mu  sync.Mutex
	max int
	at  map[string]loaded[S]
}

func newCache[S aggregate[S]](max int) *cache[S] {
	return &cache[S]{max: max, at: make(map[string]loaded[S])}
}

func (c *cache[S]) get(stream string) loaded[S] {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at, ok := c.at[stream]; ok {
		return at
	}
	return fresh[S]()
}

func (c *cache[S]) put(stream string, at loaded[S]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old, ok := c.at[stream]
	if ok && old.Revision >= at.Revision {
		return
	}
	if !ok && len(c.at) >= c.max {
		for any := range c.at {
			delete(c.at, any)
			break
		}
	}
	c.at[stream] = at
}
