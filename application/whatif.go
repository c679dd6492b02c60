package application

import (
	"context"

	"github.com/google/uuid"

	"asprak/domain"
	"asprak/domain/verification"
)

// Rules are what documents could be judged by.
type Rules struct {
	Requirement *verification.Requirement // nil: the opening's own, as it asks now
	Policy      verification.Policy
}

// Rejudged is what would become of an application under other rules. Its documents are those
// of the current submission that the machine has judged, none of an erased one.
type Rejudged struct {
	ApplicationID uuid.UUID                `json:"application_id"`
	OpeningID     uuid.UUID                `json:"opening_id"`
	Applicant     domain.Applicant         `json:"applicant"`
	Before        domain.ApplicationStatus `json:"before"`
	After         domain.ApplicationStatus `json:"after"`
	Documents     []RejudgedDocument       `json:"documents"`
}

// RejudgedDocument has the machine's labels; where a person has decided, that decision stays,
// whatever the machine would say.
type RejudgedDocument struct {
	DocumentID uuid.UUID          `json:"document_id"`
	FileName   string             `json:"file_name"`
	Attempt    int                `json:"attempt"`
	Before     verification.Label `json:"before"`
	After      verification.Label `json:"after"`
	Override   *domain.Override   `json:"override,omitempty"`
	Checks     []ChangedCheck     `json:"checks"` // those that would come out otherwise
}

// ChangedCheck is a check with another outcome or reason; nil where it is not made.
type ChangedCheck struct {
	Name   string              `json:"name"`
	Before *verification.Check `json:"before,omitempty"`
	After  *verification.Check `json:"after,omitempty"`
}

// Changed tells whether the rules make a difference to the application.
func (r Rejudged) Changed() bool {
	for _, d := range r.Documents {
		if d.Before != d.After || len(d.Checks) > 0 {
			return true
		}
	}
	return r.Before != r.After
}

// Policy is what documents are judged by here.
func (s *Service) Policy() verification.Policy { return s.policy }

// CheckRequirement is the requirement in its one spelling, or why no opening can have it.
func (s *Service) CheckRequirement(r verification.Requirement) (verification.Requirement, error) {
	return domain.CheckRequirement(r, s.scales)
}

// WhatIf judges the recorded readings of an application by other rules. Nothing is read again
// and nothing is written. The verdicts that stand in the log are what it is compared with.
func (s *Service) WhatIf(ctx context.Context, id uuid.UUID, rules Rules) (Rejudged, error) {
	at, err := s.loadApplication(ctx, id)
	if err != nil {
		return Rejudged{}, userError(err)
	}
	if !at.State.Exists() {
		return Rejudged{}, domain.ApplicationNotFound()
	}
	requirement := rules.Requirement
	if requirement == nil {
		opening, _, err := s.Opening(ctx, at.State.OpeningID)
		if err != nil {
			return Rejudged{}, err
		}
		requirement = &opening.Details.Requirement
	}
	return rejudge(at.State, *requirement, rules.Policy), nil
}

func rejudge(a domain.Application, requirement verification.Requirement, policy verification.Policy) Rejudged {
	person := verification.Applicant{Name: a.Applicant.Name, NIM: a.Applicant.NIM}
	r := Rejudged{ApplicationID: a.ID, OpeningID: a.OpeningID, Applicant: a.Applicant, Before: a.Status, Documents: []RejudgedDocument{}}
	after := a
	for _, d := range a.Documents {
		if a.Erased || d.Submission != a.Submission || d.Reading == nil || d.Verdict == nil {
			continue
		}
		verdict := verification.Judge(*d.Reading, person, requirement, d.Verdict.Duplicates(), policy)
		after = after.WithVerdict(d.ID, verdict)
		r.Documents = append(r.Documents, RejudgedDocument{
			DocumentID: d.ID, FileName: d.FileName, Attempt: d.Attempt, Before: d.Verdict.Label, After: verdict.Label, Override: d.Override,
			Checks: changedChecks(d.Verdict.Checks, verdict.Checks),
		})
	}
	r.After = after.Status
	return r
}

// changedChecks pairs checks by their names; one that is made several times, in order. One
// that is not made holds nobody up, like one that passes.
func changedChecks(before, after []verification.Check) []ChangedCheck {
	old, oldOrder := byName(before)
	now, nowOrder := byName(after)
	changed := []ChangedCheck{}
	for _, k := range oldOrder {
		if was, is := old[k], now[k]; resultOf(was) != resultOf(is) {
			changed = append(changed, ChangedCheck{k.name, was, is})
		}
	}
	for _, k := range nowOrder {
		if old[k] == nil && resultOf(now[k]) != resultOf(nil) {
			changed = append(changed, ChangedCheck{Name: k.name, After: now[k]})
		}
	}
	return changed
}

type checkResult struct {
	outcome verification.Outcome
	reason  string
}

func resultOf(c *verification.Check) checkResult {
	if c == nil {
		return checkResult{outcome: verification.Pass}
	}
	return checkResult{c.Outcome, c.Reason}
}

// checkKey is the nth check of the name.
type checkKey struct {
	name string
	n    int
}

func byName(checks []verification.Check) (map[checkKey]*verification.Check, []checkKey) {
	of, order, seen := make(map[checkKey]*verification.Check, len(checks)), make([]checkKey, len(checks)), make(map[string]int)
	for i, c := range checks {
		order[i] = checkKey{c.Name, seen[c.Name]}
		of[order[i]] = &checks[i]
		seen[c.Name]++
	}
	return of, order
}
