package application

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/domain"
)

var updateEvents = flag.Bool("update-events", false, "write golden files that are missing; existing ones are the stored format and stay")

// golden is one stored event as it lies in testdata/events.
type golden struct {
	ID       uuid.UUID       `json:"id"`
	Type     string          `json:"type"`
	Data     json.RawMessage `json:"data"`
	Metadata json.RawMessage `json:"metadata"`
}

func (g golden) record() Record {
	return Record{ID: g.ID, Type: g.Type, Data: g.Data, Metadata: g.Metadata}
}

func goldenFile(name string) string { return filepath.Join("testdata", "events", name+".json") }

func eventTypes() []domain.EventType {
	return slices.Concat(domain.OpeningEventTypes, domain.ApplicationEventTypes, domain.StaffEventTypes, domain.PersonEventTypes)
}

// fill sets every field of a value to something that is not its zero value and that
// follows from its place, so that a new, renamed or dropped field shows in the golden file.
func fill(v reflect.Value, n *int) {
	*n++
	switch x := v.Addr().Interface().(type) {
	case *uuid.UUID:
		*x = uuid.NewSHA1(commandSpace, []byte{byte(*n)})
		return
	case *time.Time:
		*x = time.Date(2026, 8, 1, 7, 0, *n%60, 0, time.UTC)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Tag.Get("json") != "-" {
				fill(v.Field(i), n)
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), n)
	case reflect.String:
		v.SetString("text " + string(rune('a'+*n%26)))
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Float64:
		v.SetFloat(float64(*n) + 0.5)
	case reflect.Bool:
		v.SetBool(true)
	default:
		panic("no example for " + v.Type().String())
	}
}

func example(name string, event domain.Event) (domain.Event, domain.Metadata) {
	var metadata domain.Metadata
	n := 0
	fill(reflect.ValueOf(event).Elem(), &n)
	n = 0
	fill(reflect.ValueOf(&metadata).Elem(), &n)
	metadata.EventID = uuid.NewSHA1(commandSpace, []byte(name))
	metadata.SchemaVersion = schemaVersion(name)
	return event, metadata
}

func readGolden(t *testing.T, path string) golden {
	raw, err := os.ReadFile(path)
	require.NoError(t, err, "run the test with -update-events to write a golden file for a new event")
	var g golden
	require.NoError(t, json.Unmarshal(raw, &g))
	return g
}

func TestCodec_EveryEvent_StandsAsInItsGoldenFile(t *testing.T) {
	codec := NewCodec()
	for _, typ := range eventTypes() {
		event, metadata := example(typ.Name, typ.New())
		record, err := codec.Encode(event, metadata, nil)
		require.NoError(t, err)
		require.Equal(t, typ.Name, record.Type)
		text, err := json.MarshalIndent(golden{record.ID, record.Type, record.Data, record.Metadata}, "", "  ")
		require.NoError(t, err)
		path := goldenFile(typ.Name)
		if _, err := os.Stat(path); *updateEvents && errors.Is(err, os.ErrNotExist) {
			require.NoError(t, os.WriteFile(path, append(text, '\n'), 0o644))
		}
		stored, err := os.ReadFile(path)
		require.NoError(t, err, "run the test with -update-events to write a golden file for a new event")
		require.Equal(t, string(stored), string(text)+"\n", "the stored format of %s changed: give the new shape a new name and an upcaster or, where a field was only added, keep the old file beside it", typ.Name)
	}
}

func TestCodec_EveryGoldenFile_ReplaysToTheSameEvent(t *testing.T) {
	codec := NewCodec()
	paths, err := filepath.Glob(goldenFile("*"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(paths), len(eventTypes()))
	var opening domain.Opening
	var application domain.Application
	var staff domain.Staff
	var person domain.Person
	for _, path := range paths {
		g := readGolden(t, path)
		event, metadata, err := codec.Decode(g.record())
		require.NoError(t, err, path)
		require.Equal(t, g.ID, metadata.EventID)
		opening, application, staff = opening.Evolve(event), application.Evolve(event), staff.Evolve(event)
		person = person.Evolve(event)
		if i := slices.IndexFunc(eventTypes(), func(e domain.EventType) bool { return e.Name == g.Type && path == goldenFile(e.Name) }); i >= 0 {
			wantEvent, wantMetadata := example(g.Type, eventTypes()[i].New())
			require.Equal(t, wantEvent, event, path)
			require.Equal(t, wantMetadata, metadata, path)
		}
	}
	require.True(t, opening.Exists())
	require.True(t, application.Exists())
	require.True(t, staff.Known())
	require.True(t, person.Erased)
}

func TestCodec_UnknownAndBroken_AreToldApart(t *testing.T) {
	codec := NewCodec()
	good := readGolden(t, goldenFile("OpeningClosed")).record()
	for name, c := range map[string]struct {
		change func(*Record)
		want   error
	}{
		"unknown type":     {func(r *Record) { r.Type = "OpeningClosed.v9" }, ErrUnknownEvent},
		"truncated":        {func(r *Record) { r.Data = r.Data[:len(r.Data)/2] }, ErrBrokenEvent},
		"empty":            {func(r *Record) { r.Data = nil }, ErrBrokenEvent},
		"null":             {func(r *Record) { r.Data = []byte("null") }, ErrBrokenEvent},
		"other shape":      {func(r *Record) { r.Data = []byte(`{"reason": 7}`) }, ErrBrokenEvent},
		"trailing garbage": {func(r *Record) { r.Data = append(bytes.Clone(r.Data), '}') }, ErrBrokenEvent},
		"broken metadata":  {func(r *Record) { r.Metadata = []byte("[]") }, ErrBrokenEvent},
	} {
		record := good
		c.change(&record)
		event, _, err := codec.Decode(record)
		require.Nil(t, event, name)
		require.ErrorIs(t, err, c.want, name)
		for _, other := range []error{ErrUnknownEvent, ErrBrokenEvent} {
			require.Equal(t, other == c.want, errors.Is(err, other), name)
		}
	}
	_, err := codec.Encode(nil, domain.Metadata{}, nil)
	require.ErrorIs(t, err, ErrUnknownEvent)
}

func TestCodec_OldShapes_ClimbTheChainOfUpcasters(t *testing.T) {
	rename := func(from, to string) func(json.RawMessage) (json.RawMessage, error) {
		return func(old json.RawMessage) (json.RawMessage, error) {
			var fields map[string]json.RawMessage
			if err := json.Unmarshal(old, &fields); err != nil {
				return nil, err
			}
			fields[to] = fields[from]
			delete(fields, from)
			return json.Marshal(fields)
		}
	}
	codec := newCodec(
		[]domain.EventType{{Name: "OpeningClosed.v3", New: func() domain.Event { return new(domain.OpeningClosed) }}},
		map[string]upcaster{
			"OpeningClosed":    {"OpeningClosed.v2", rename("why", "cause")},
			"OpeningClosed.v2": {"OpeningClosed.v3", rename("cause", "reason")},
		})
	for typ, data := range map[string]string{
		"OpeningClosed":    `{"why": "enough"}`,
		"OpeningClosed.v2": `{"cause": "enough"}`,
		"OpeningClosed.v3": `{"reason": "enough"}`,
	} {
		event, _, err := codec.Decode(Record{Type: typ, Data: []byte(data), Metadata: []byte(`{}`)})
		require.NoError(t, err, typ)
		require.Equal(t, &domain.OpeningClosed{Reason: "enough"}, event, typ)
	}
	_, _, err := codec.Decode(Record{Type: "OpeningClosed", Data: []byte(`]`), Metadata: []byte(`{}`)})
	require.ErrorIs(t, err, ErrBrokenEvent)

	record, err := codec.Encode(&domain.OpeningClosed{}, domain.Metadata{}, nil)
	require.NoError(t, err)
	require.Equal(t, "OpeningClosed.v3", record.Type)
	require.True(t, strings.Contains(string(record.Metadata), `"schema_version":3`))
}

func TestCodec_Upcasters_EndAtAKnownType(t *testing.T) {
	names := map[string]bool{}
	for _, e := range eventTypes() {
		require.False(t, names[e.Name], "%s stands twice in the tables", e.Name)
		names[e.Name] = true
	}
	for old, u := range upcasters {
		require.False(t, names[old], "%s is today's shape and old", old)
		_, chained := upcasters[u.to]
		require.True(t, names[u.to] || chained, "%s ends nowhere", old)
	}
}
