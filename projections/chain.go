package projections

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"asprak/domain"
)

// Bounds of a chain. An application has tens of events; whoever sends every request with one
// and the same id has them all correlated.
const (
	maxChain       = 200
	maxRelated     = 1000 // looked at for one chain
	maxCorrelation = 200  // of one request
)

// Chain is an event with what led to it and what came of it, in the order of the log.
type Chain struct {
	Event     uuid.UUID   `json:"event"`
	Items     []ChainLink `json:"items"`
	Truncated bool        `json:"truncated"` // there is more than a chain holds
}

// ChainLink is an event and the one that it goes back to, nil where it is the first. How is
// "caused" when the machine recorded it in reaction to that event, and "answers" when a
// person acted on what that event had brought about.
type ChainLink struct {
	AuditRow
	Cause *uuid.UUID `json:"cause,omitempty"`
	How   string     `json:"how,omitempty"`
}

// answer is what a person's event can go back to.
type answer struct {
	to           []string
	sameDocument bool
}

var (
	submissions = []string{"ApplicationSubmitted", "ApplicationResubmitted"}
	judgements  = []string{"DocumentVerified", "DocumentRejected", "DocumentReferred", "DocumentReadingFailed", "VerificationOverridden"}
	standings   = slices.Concat(submissions, judgements, []string{"ApplicationWaitlisted", "ApplicationAccepted", "OfferConfirmed"})

	// answers has the events of persons that go back to another event of the same application.
	answers = map[string]answer{
		"DocumentUploaded":        {to: submissions},
		"DocumentRereadRequested": {to: judgements, sameDocument: true},
		"VerificationOverridden":  {to: judgements, sameDocument: true},
		"ReviewClaimed":           {to: judgements, sameDocument: true},
		"ReviewReleased":          {to: []string{"ReviewClaimed"}, sameDocument: true},
		"DocumentViewed":          {to: []string{"DocumentUploaded"}, sameDocument: true},
		"ApplicationWithdrawn":    {to: standings},
		"ApplicationDeclined":     {to: standings},
		"ApplicationResubmitted":  {to: append(slices.Clone(judgements), "ApplicationWithdrawn")},
		"ApplicationWaitlisted":   {to: judgements},
		"SeatAwarded":             {to: append(slices.Clone(judgements), "ApplicationWaitlisted")},
		"OfferConfirmed":          {to: []string{"ApplicationAccepted"}},
		"ApplicationErased":       {to: standings},
		"OfferTurnedDown":         {to: []string{"ApplicationAccepted", "OfferConfirmed"}},
	}
)

// related is a row with what it is about.
type related struct {
	AuditRow
	application string // "" for an event that is about none
	document    string
}

func relate(row AuditRow) related {
	var about struct {
		ApplicationID string `json:"application_id"`
		DocumentID    string `json:"document_id"`
	}
	// What is of another shape is about neither.
	_ = json.Unmarshal(row.Data, &about)
	r := related{AuditRow: row, document: about.DocumentID}
	switch kind, id := parseStream(row.Stream); kind {
	case applicationStream:
		r.application = id.String()
	case openingStream:
		r.application = about.ApplicationID
	}
	return r
}

// Chain walks from an event to its causes and its effects. A command is no event: what it
// caused is joined to what its sender had before them. Within limits it to events of openings and
// their applications; nil: all.
func (s *Store) Chain(ctx context.Context, event uuid.UUID, within *domain.Extent) (Chain, error) {
	chain := Chain{Event: event}
	start, err := s.auditRows(ctx, within, chainStart, event.String(), 1)
	if err != nil {
		return chain, err
	}
	if len(start) == 0 {
		return chain, domain.Errorf(domain.NotFound, "event_not_found", "There is no such event.")
	}
	all, truncated, err := s.relatives(ctx, relate(start[0]), within)
	if err != nil {
		return chain, err
	}
	chain.Items, chain.Truncated = walk(all, event)
	chain.Truncated = chain.Truncated || truncated
	return chain, nil
}

const (
	chainStart         = ` WHERE event_id = ?%s LIMIT ?`
	chainOfStream      = ` WHERE stream = ?%s ORDER BY occurred_at, position, prepare LIMIT ?`
	chainOfCorrelation = ` WHERE correlation_id = ?%s ORDER BY occurred_at, position, prepare LIMIT ?`
)

// relatives are the events of the same application and of the requests that led to them.
func (s *Store) relatives(ctx context.Context, start related, within *domain.Extent) (all []related, truncated bool, err error) {
	known := map[uuid.UUID]bool{start.EventID: true}
	all = []related{start}
	add := func(limit int, query string, value string) error {
		rows, err := s.auditRows(ctx, within, query, value, limit)
		truncated = truncated || len(rows) == limit
		for _, row := range rows {
			if !known[row.EventID] {
				known[row.EventID] = true
				all = append(all, relate(row))
			}
		}
		return err
	}
	if start.application != "" {
		if err := add(maxRelated, chainOfStream, string(applicationStream)+"-"+start.application); err != nil {
			return nil, false, err
		}
	}
	asked := map[string]bool{"": true}
	for i := 0; i < len(all) && len(all) < maxRelated; i++ {
		if c := all[i].CorrelationID; !asked[c] {
			asked[c] = true
			if err := add(maxCorrelation, chainOfCorrelation, c); err != nil {
				return nil, false, err
			}
		}
	}
	slices.SortFunc(all, func(x, y related) int { return x.Position.Compare(y.Position) })
	return all, truncated || len(all) >= maxRelated, nil
}

// walk finds the events that lead to the one or come from it.
func walk(all []related, event uuid.UUID) (items []ChainLink, truncated bool) {
	cause, how := make([]int, len(all)), make([]string, len(all))
	places := make(map[string]int, len(all))
	for i, r := range all {
		places[r.EventID.String()] = i
	}
	for i, r := range all {
		cause[i] = -1
		if from, ok := places[r.CausationID]; ok && from < i {
			cause[i], how[i] = from, "caused"
		} else if from := answered(all[:i], r); from >= 0 && r.Actor.Role != domain.RoleSystem {
			cause[i], how[i] = from, "answers"
		}
	}
	in := make([]bool, len(all))
	at := places[event.String()]
	for up := at; up >= 0; up = cause[up] {
		in[up] = true
	}
	// Effects stand behind their causes. The ancestors' other effects are not the event's.
	from := make([]bool, len(all))
	from[at] = true
	for i := at + 1; i < len(all); i++ {
		if cause[i] >= 0 && from[cause[i]] {
			from[i], in[i] = true, true
		}
	}
	for i, r := range all {
		if !in[i] {
			continue
		}
		if len(items) == maxChain {
			return items, true
		}
		link := ChainLink{AuditRow: r.AuditRow, How: how[i]}
		if cause[i] >= 0 {
			link.Cause = &all[cause[i]].EventID
		}
		items = append(items, link)
	}
	return items, false
}

// answered is the last of the earlier events that the person's event can go back to, -1 when
// there is none.
func answered(earlier []related, r related) int {
	a, ok := answers[r.Type]
	if !ok || r.application == "" {
		return -1
	}
	for i, e := range slices.Backward(earlier) {
		if e.application == r.application && slices.Contains(a.to, e.Type) && (!a.sameDocument || e.document == r.document) {
			return i
		}
	}
	return -1
}

// auditRows are the first rows for which the column of the condition has the value.
func (s *Store) auditRows(ctx context.Context, within *domain.Extent, where, value string, limit int) ([]AuditRow, error) {
	condition, more := streamsOf(within)
	if condition != "" {
		condition = " AND " + condition
	}
	args := append(append([]any{value}, more...), limit)
	var found []storedAudit
	if err := s.selectAll(ctx, &found, auditSelection+fmt.Sprintf(where, condition), args...); err != nil {
		return nil, err
	}
	rows := make([]AuditRow, len(found))
	for i, f := range found {
		var err error
		if rows[i], err = f.row(); err != nil {
			return nil, err
		}
	}
	return rows, nil
}
