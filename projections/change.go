package projections

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"asprak/application"
	"asprak/domain"
	"asprak/domain/verification"
)

// What an auditor is shown of a state; fields that an event leaves as they are are left out.
type (
	openingView struct {
		Status domain.OpeningStatus `json:"status"`
		domain.OpeningDetails
	}
	applicationView struct {
		Status    domain.ApplicationStatus `json:"status"`
		Label     verification.Label       `json:"label,omitempty"` // of the document that the event is about
		Applicant domain.Applicant         `json:"applicant"`
	}
)

// changes tells what the event changed. What it was before is known of the decisions of
// persons only, which are few: it is folded from the earlier rows of the stream. Of the
// frequent events, which add and never replace, it is told what they brought.
func (a *audit) changes(e event) (before, after any, err error) {
	switch ev := e.event.(type) {
	case *domain.OpeningPublished:
		return difference(nil, openingView{domain.StatusOpen, ev.Details})
	case *domain.ApplicationSubmitted:
		return nil, `{"status":"submitted"}`, nil
	case *domain.DocumentVerified:
		return label(ev.Verdict)
	case *domain.DocumentRejected:
		return label(ev.Verdict)
	case *domain.DocumentReferred:
		return label(ev.Verdict)
	case *domain.SeatAwarded, *domain.SeatReleased, *domain.DocumentUploaded, *domain.DocumentRead, *domain.DocumentReadingFailed, *domain.DocumentViewed,
		*domain.ReviewClaimed, *domain.ReviewReleased, *domain.ErasureAsked, *domain.PersonErased:
		return nil, nil, nil
	case *domain.DocumentRereadRequested:
		return a.applicationChanges(e, ev.DocumentID)
	case *domain.VerificationOverridden:
		return a.applicationChanges(e, ev.DocumentID)
	}
	switch e.kind {
	case openingStream:
		return a.openingChanges(e)
	case staffStream:
		return a.staffChanges(e)
	}
	return a.applicationChanges(e, uuid.Nil)
}

func label(v verification.Verdict) (before, after any, err error) {
	text, err := toJSON(map[string]verification.Label{"label": v.Label})
	return nil, text, err
}

func (a *audit) openingChanges(e event) (before, after any, err error) {
	var state domain.Opening
	if err := a.replay(e, func(past domain.Event) { state = state.Evolve(past) }); err != nil {
		return nil, nil, err
	}
	next := state.Evolve(e.event)
	return difference(openingView{state.Status, state.Details}, openingView{next.Status, next.Details})
}

func (a *audit) staffChanges(e event) (before, after any, err error) {
	var state domain.Staff
	if err := a.replay(e, func(past domain.Event) { state = state.Evolve(past) }); err != nil {
		return nil, nil, err
	}
	return difference(state.Access, state.Evolve(e.event).Access)
}

func (a *audit) applicationChanges(e event, document uuid.UUID) (before, after any, err error) {
	var state domain.Application
	if err := a.replay(e, func(past domain.Event) { state = state.Evolve(past) }); err != nil {
		return nil, nil, err
	}
	view := func(state domain.Application) applicationView {
		d, _ := state.Document(document)
		return applicationView{state.Status, d.Label(), state.Applicant}
	}
	return difference(view(state), view(state.Evolve(e.event)))
}

// replay hands out the earlier events of the stream. Readings are left out: they are large
// and no status follows from them.
func (a *audit) replay(e event, evolve func(domain.Event)) error {
	if past, ok := a.b.begun[e.record.Stream]; ok {
		for _, event := range past {
			evolve(event)
		}
		return nil
	}
	if err := a.flush(); err != nil {
		return err
	}
	statement, err := a.b.statement(`SELECT type, data FROM audit WHERE stream = ? AND known = 1 AND type <> 'DocumentRead' ORDER BY position, prepare`)
	if err != nil {
		return err
	}
	var past []struct {
		Type string `db:"type"`
		Data string `db:"data"`
	}
	if err := statement.Select(&past, e.record.Stream); err != nil {
		return err
	}
	for _, p := range past {
		event, _, err := a.b.codec.Decode(application.Record{Stream: e.record.Stream, Type: p.Type, Data: []byte(p.Data), Metadata: []byte("{}")})
		if err != nil {
			return fmt.Errorf("earlier event: %w", err)
		}
		evolve(event)
	}
	return nil
}

// remember keeps an event for replay, of a stream of which all are at hand.
func (a *audit) remember(e event) {
	past, begun := a.b.begun[e.record.Stream]
	if !begun && e.record.Revision > 0 {
		return
	}
	if _, large := e.event.(*domain.DocumentRead); !large {
		past = append(past, e.event)
	}
	a.b.begun[e.record.Stream] = past
}

// difference is two JSON objects with the fields in which before and after differ, nil
// where there are none. A nil before has no fields.
func difference(before, after any) (was, became any, err error) {
	old, err := fields(before)
	if err != nil {
		return nil, nil, err
	}
	now, err := fields(after)
	if err != nil {
		return nil, nil, err
	}
	for name, value := range now {
		if bytes.Equal(old[name], value) {
			delete(old, name)
			delete(now, name)
		}
	}
	if len(old) > 0 {
		if was, err = toJSON(old); err != nil {
			return nil, nil, err
		}
	}
	if len(now) > 0 {
		became, err = toJSON(now)
	}
	return was, became, err
}

func fields(v any) (map[string]json.RawMessage, error) {
	all := make(map[string]json.RawMessage)
	if v == nil {
		return all, nil
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return all, json.Unmarshal(raw, &all)
}
