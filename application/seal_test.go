package application_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/domain"
)

// plainTexts are the members of events of applications that are no personal values: names of kinds,
// labels, codes, ids of subjects and versions.
var plainTexts = []string{
	"Applicant.ID", "Kind", "Blob", "Ground", "Type", "Reading.Problem", "Reading.Type", "Reading.Kind", "Reading.Scale", "Reading.Layout",
	"Verdict.Label", "Verdict.Policy", "Code", "Outcome", "Before", "Viewer.ID", "Viewer.Role", "Claimant.ID", "Claimant.Role",
}

// mark sets every text of the value to one that tells its place, and returns the places.
func mark(v reflect.Value, place string) (places []string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("<" + place + ">")
		return []string{place}
	case reflect.Struct:
		for i := range v.NumField() {
			if !v.Type().Field(i).IsExported() {
				continue // of a time
			}
			places = append(places, mark(v.Field(i), strings.TrimPrefix(place+"."+v.Type().Field(i).Name, "."))...)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return mark(v.Elem(), place)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		return mark(v.Index(0), place)
	}
	return places
}

func TestCodec_SealedEvent_ShowsNoTextOfAPerson(t *testing.T) {
	h := open(t)
	codec := application.NewCodec().With(h.keys)
	for _, kind := range slices.Concat(domain.ApplicationEventTypes, []domain.EventType{{Name: "SeatAwarded", New: func() domain.Event { return new(domain.SeatAwarded) }}}) {
		event := kind.New()
		places := mark(reflect.ValueOf(event).Elem(), "")
		key, err := h.keys.New(h.ctx)
		require.NoError(t, err)
		metadata := domain.Metadata{EventID: uuid.New(), CorrelationID: "request-1", Fingerprint: "hash-of-a-name"}
		record, err := codec.Encode(event, metadata, key)
		require.NoError(t, err)
		_, personal := event.(domain.Personal)
		text := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(record.Data))
		for _, place := range places {
			require.Equal(t, slices.Contains(plainTexts, place), strings.Contains(text, "<"+place+">"), "%s of %s", place, kind.Name)
		}
		require.NotEqual(t, personal, strings.Contains(string(record.Metadata), "hash-of-a-name"), kind.Name)

		stored := application.Record{ID: record.ID, Type: record.Type, Data: record.Data, Metadata: record.Metadata}
		decoded, m, err := codec.Decode(stored)
		require.NoError(t, err)
		require.Equal(t, event, decoded, kind.Name)
		require.Equal(t, "hash-of-a-name", m.Fingerprint)
		require.Equal(t, personal, m.Key == key.ID())

		if personal {
			left, _, err := codec.With(application.NoKeys).Decode(stored)
			require.NoError(t, err)
			require.Equal(t, event.(domain.Personal).Erased(), left, kind.Name)
			_, _, err = application.NewCodec().Decode(stored)
			require.ErrorIs(t, err, application.ErrKeyUnknown, "a ring that is missing is no erasure")
			stored.ID = uuid.New()
			_, _, err = codec.Decode(stored)
			require.ErrorIs(t, err, application.ErrBrokenEvent, "sealed texts cannot change places")
		}
	}
}

func TestCodec_SealedEventInPlainParts_IsStillAnEvent(t *testing.T) {
	h := open(t)
	key, err := h.keys.New(h.ctx)
	require.NoError(t, err)
	record, err := application.NewCodec().Encode(&domain.OfferTurnedDown{Reason: "Pindah kampus"}, domain.Metadata{EventID: uuid.New()}, key)
	require.NoError(t, err)
	var members map[string]any
	require.NoError(t, json.Unmarshal(record.Data, &members))
	require.Len(t, members, 1)
	require.Contains(t, members, "sealed")
}

func TestService_ApplicationFromSubmissionToSeat_IsSealedWithOneKey(t *testing.T) {
	h := open(t)
	opening := h.publish()
	id := h.ok(h.service.Submit(h.ctx, by(siti, "k-1"), opening, applicant())).ID
	document := h.ok(h.service.Upload(h.ctx, by(siti), id, khs("%PDF-1.7 bytes"))).ID
	h.settle(nil)
	h.ok(h.service.Override(h.ctx, by(admin), id, document, "verified", "Siti Rahma datang sendiri"))
	h.ok(h.service.Accept(h.ctx, by(admin), id, "Siti Rahma yang terbaik"))
	h.settle(nil)

	records, err := h.log.ReadStream(h.ctx, "application-"+id.String(), 0)
	require.NoError(t, err)
	award, err := h.log.ReadStream(h.ctx, "opening-"+opening.String(), 1)
	require.NoError(t, err)
	keys := map[string]bool{}
	for _, r := range slices.Concat(records, award) {
		text := string(r.Data) + string(r.Metadata)
		for _, word := range []string{"Rahma", "482851", "siti@", "khs.pdf", "terbaik", "datang"} {
			require.NotContains(t, text, word, r.Type)
		}
		var m struct{ Key string }
		require.NoError(t, json.Unmarshal(r.Metadata, &m))
		keys[m.Key] = true
	}
	require.Len(t, keys, 1, fmt.Sprint(keys))
	state, _, err := h.service.Application(h.ctx, id, application.Until{})
	require.NoError(t, err)
	require.Equal(t, "Siti Rahma", state.Applicant.Name)
	again := h.ok(h.service.Submit(h.ctx, by(siti, "k-1"), opening, applicant()))
	require.Zero(t, again.Recorded)
	changed := applicant()
	changed.Name = "Budi"
	_, err = h.service.Submit(h.ctx, by(siti, "k-1"), opening, changed)
	require.Equal(t, "idempotency_key_reused", domain.ErrorCode(err))
}
