package application

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"asprak/domain"
)

// The two ways in which a stored event cannot be understood; it also cannot without its key, see Keys.
var (
	// ErrUnknownEvent: no Go type and no upcaster has this name; a newer version wrote it.
	ErrUnknownEvent = errors.New("codec: unknown event type")
	// ErrBrokenEvent: the name is known and the payload or metadata does not fit it.
	ErrBrokenEvent = errors.New("codec: broken event")
)

// Codec turns events into records and back, by the domain's tables of names.
type Codec struct {
	types     map[string]reflect.Type // stored name -> struct
	names     map[reflect.Type]string // *struct -> stored name
	upcasters map[string]upcaster
	keys      Keys // nil: sealed events cannot be opened
}

// upcaster turns the payload of an old shape into that of the next one, so that the domain
// sees today's shapes only.
type upcaster struct {
	to string // stored name of the next shape, which may be old as well
	up func(json.RawMessage) (json.RawMessage, error)
}

// upcasters are keyed by the old stored name. No shape has changed yet.
var upcasters = map[string]upcaster{}

// NewCodec returns the codec of all events.
func NewCodec() *Codec {
	return newCodec(slices.Concat(domain.OpeningEventTypes, domain.ApplicationEventTypes, domain.StaffEventTypes, domain.PersonEventTypes), upcasters)
}

func newCodec(types []domain.EventType, upcasters map[string]upcaster) *Codec {
	c := &Codec{types: make(map[string]reflect.Type), names: make(map[reflect.Type]string), upcasters: upcasters}
	for _, t := range types {
		pointer := reflect.TypeOf(t.New())
		c.types[t.Name], c.names[pointer] = pointer.Elem(), t.Name
	}
	return c
}

// With is the codec that opens what was sealed with the ring's keys.
func (c *Codec) With(keys Keys) *Codec {
	with := *c
	with.keys = keys
	return &with
}

// storedMetadata is how metadata stands in the log.
type storedMetadata struct {
	domain.Metadata
	Key *uuid.UUID `json:"key,omitempty"`
}

// Encode makes the record of an event; its id is the metadata's. The schema version is set
// from the stored name. A key seals what is personal in the event; without one (nil) it stands there as it is.
func (c *Codec) Encode(event domain.Event, metadata domain.Metadata, key Key) (NewRecord, error) {
	name, ok := c.names[reflect.TypeOf(event)]
	if !ok {
		return NewRecord{}, fmt.Errorf("%w: %T has no stored name", ErrUnknownEvent, event)
	}
	metadata.SchemaVersion = schemaVersion(name)
	stored := storedMetadata{Metadata: metadata}
	data, err := json.Marshal(event)
	if personal, ok := event.(domain.Personal); ok && key != nil && err == nil {
		id := key.ID()
		stored.Key, stored.Fingerprint = &id, ""
		data, err = seal(personal.Erased(), data, metadata.Fingerprint, name, metadata.EventID, key)
	}
	if err != nil {
		return NewRecord{}, fmt.Errorf("codec: %s: %w", name, err)
	}
	meta, err := json.Marshal(stored)
	if err != nil {
		return NewRecord{}, fmt.Errorf("codec: metadata of %s: %w", name, err)
	}
	return NewRecord{ID: metadata.EventID, Type: name, Data: data, Metadata: meta}, nil
}

// Decode reads a record of any version ever written. Of an event whose key was destroyed it
// returns what is left, see domain.Personal. It fails with ErrUnknownEvent, ErrBrokenEvent, ErrKeyUnknown or ErrKeysUnavailable.
func (c *Codec) Decode(r Record) (domain.Event, domain.Metadata, error) {
	name := r.Type
	if !c.Knows(name) {
		return nil, domain.Metadata{}, fmt.Errorf("%w: %q (%s, revision %d)", ErrUnknownEvent, name, r.Stream, r.Revision)
	}
	var stored storedMetadata
	if err := unmarshalObject(r.Metadata, &stored); err != nil {
		return nil, domain.Metadata{}, broken(r, fmt.Errorf("metadata: %w", err))
	}
	metadata, data := stored.Metadata, json.RawMessage(r.Data)
	metadata.EventID = r.ID
	if stored.Key != nil {
		var err error
		metadata.Key = *stored.Key
		if data, metadata.Fingerprint, err = c.unseal(r, *stored.Key); err != nil {
			return nil, metadata, err
		}
	}
	for range len(c.upcasters) {
		old, ok := c.upcasters[name]
		if !ok {
			break
		}
		next, err := old.up(data)
		if err != nil {
			return nil, metadata, broken(r, err)
		}
		name, data = old.to, next
	}
	shape, ok := c.types[name]
	if !ok {
		return nil, metadata, fmt.Errorf("%w: %q (%s, revision %d)", ErrUnknownEvent, name, r.Stream, r.Revision)
	}
	event := reflect.New(shape).Interface().(domain.Event)
	if err := unmarshalObject(data, event); err != nil {
		return nil, metadata, broken(r, err)
	}
	return event, metadata, nil
}

// Knows tells whether Decode understands events of the stored name.
func (c *Codec) Knows(name string) bool {
	_, known := c.types[name]
	_, old := c.upcasters[name]
	return known || old
}

// unmarshalObject refuses null and other values that encoding/json would let pass in silence.
func unmarshalObject(data []byte, into any) error {
	if !bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")) {
		return errors.New("not a JSON object")
	}
	return json.Unmarshal(data, into)
}

func broken(r Record, err error) error {
	return fmt.Errorf("%w: %s (%s, revision %d): %w", ErrBrokenEvent, r.Type, r.Stream, r.Revision, err)
}

// schemaVersion is 2 for "Name.v2", and 1 for a plain name.
func schemaVersion(name string) int {
	if i := strings.LastIndex(name, ".v"); i >= 0 {
		if v, err := strconv.Atoi(name[i+2:]); err == nil {
			return v
		}
	}
	return 1
}
