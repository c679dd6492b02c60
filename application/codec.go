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

	"asprak/domain"
)

// The two ways in which a stored event cannot be understood.
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
	return newCodec(slices.Concat(domain.OpeningEventTypes, domain.ApplicationEventTypes, domain.StaffEventTypes), upcasters)
}

func newCodec(types []domain.EventType, upcasters map[string]upcaster) *Codec {
	c := &Codec{types: make(map[string]reflect.Type), names: make(map[reflect.Type]string), upcasters: upcasters}
	for _, t := range types {
		pointer := reflect.TypeOf(t.New())
		c.types[t.Name], c.names[pointer] = pointer.Elem(), t.Name
	}
	return c
}

// Encode makes the record of an event; its id is the metadata's. The schema version is set
// from the stored name.
func (c *Codec) Encode(event domain.Event, metadata domain.Metadata) (NewRecord, error) {
	name, ok := c.names[reflect.TypeOf(event)]
	if !ok {
		return NewRecord{}, fmt.Errorf("%w: %T has no stored name", ErrUnknownEvent, event)
	}
	metadata.SchemaVersion = schemaVersion(name)
	data, err := json.Marshal(event)
	if err != nil {
		return NewRecord{}, fmt.Errorf("codec: %s: %w", name, err)
	}
	meta, err := json.Marshal(metadata)
	if err != nil {
		return NewRecord{}, fmt.Errorf("codec: metadata of %s: %w", name, err)
	}
	return NewRecord{ID: metadata.EventID, Type: name, Data: data, Metadata: meta}, nil
}

// Decode reads a record of any version ever written. It fails with ErrUnknownEvent or ErrBrokenEvent.
func (c *Codec) Decode(r Record) (domain.Event, domain.Metadata, error) {
	metadata := domain.Metadata{}
	name, data := r.Type, json.RawMessage(r.Data)
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
	if err := unmarshalObject(r.Metadata, &metadata); err != nil {
		return nil, metadata, broken(r, fmt.Errorf("metadata: %w", err))
	}
	metadata.EventID = r.ID
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
