package api

import (
	"net/http"

	"github.com/google/uuid"

	"asprak/application"
	"asprak/domain"
	"asprak/domain/transcript"
	"asprak/domain/verification"
	"asprak/projections"
)

// applicationBody is an application at one moment, from the read model or replayed: the
// same events give the same body.
type applicationBody struct {
	projections.ApplicationRow
	Documents []documentSummary `json:"documents"`
}

// documentSummary is a document without its reading and checks.
type documentSummary struct {
	ID         uuid.UUID                `json:"id"`
	Kind       transcript.Kind          `json:"kind"`
	Type       string                   `json:"type"`
	Size       int64                    `json:"size"`
	SHA256     string                   `json:"sha256"`
	FileName   string                   `json:"file_name"`
	Status     domain.ApplicationStatus `json:"status"`
	Label      verification.Label       `json:"label,omitempty"`
	DecidedBy  string                   `json:"decided_by,omitempty"`
	Submission int                      `json:"submission"`
	Attempt    int                      `json:"attempt"`
}

// presentApplication answers from the read models.
func (a *api) presentApplication(c *call, id uuid.UUID) error {
	if err := a.look(c); err != nil {
		return err
	}
	row, err := find(a, c, func() (projections.ApplicationRow, error) { return a.views.Application(c.ctx(), id) })
	if err != nil {
		return err
	}
	if err := a.sees(c, row.ApplicantID, row.OpeningID); err != nil {
		return err
	}
	documents, err := a.views.Documents(c.ctx(), id)
	if err != nil {
		return err
	}
	body := applicationBody{ApplicationRow: row, Documents: make([]documentSummary, len(documents))}
	for i, d := range documents {
		body.Documents[i] = documentSummary{d.ID, d.Kind, d.Type, d.Size, d.SHA256, d.FileName, d.Status, d.Label, d.DecidedBy, d.Submission, d.Attempt}
	}
	c.Header("ETag", etag(row.Revision))
	return c.json(http.StatusOK, body)
}

// pastApplication answers from the events.
func (a *api) pastApplication(c *call, id uuid.UUID, until application.Until) error {
	state, revision, failed := a.service.Application(c.ctx(), id, until)
	// Read after the state, so that its revision is among them; and asked first, as whether
	// there is such a revision is nobody else's business.
	entries, err := a.visible(c, id)
	if err != nil {
		return err
	}
	if failed != nil {
		return failed
	}
	last := entries[revision]
	c.Header("ETag", etag(revision))
	c.Header(headerPosition, last.Position.String())
	return c.json(http.StatusOK, bodyOf(state, entries[:revision+1]))
}

// bodyOf is the application as the entries tell it, all that there were by then.
func bodyOf(state domain.Application, entries []application.Entry) applicationBody {
	last, changed := entries[len(entries)-1], len(entries)-1
	for changed > 0 && domain.OnlyNotes(entries[changed].Event) {
		changed--
	}
	body := applicationBody{Documents: make([]documentSummary, len(state.Documents)), ApplicationRow: projections.ApplicationRow{
		ID: state.ID, OpeningID: state.OpeningID, Applicant: state.Applicant, Status: state.Status, Reason: state.Reason,
		Submission: state.Submission, SubmittedAt: entries[0].Metadata.OccurredAt, UpdatedAt: entries[changed].Metadata.OccurredAt,
		Revision: last.Revision, Position: last.Position,
	}}
	for i, d := range state.Documents {
		body.Documents[i] = documentSummary{d.ID, d.Kind, d.Type, d.Size, d.SHA256, d.FileName, d.Status(), d.Label(), d.DecidedBy(), d.Submission, d.Attempt}
	}
	if d, ok := state.StandsBy(); ok {
		body.DocumentID, body.Label, body.DecidedBy = &d.ID, d.Label(), d.DecidedBy()
	}
	return body
}

// visible returns the application's events when the caller may know of it.
func (a *api) visible(c *call, id uuid.UUID) ([]application.Entry, error) {
	entries, err := a.service.History(c.ctx(), id)
	if err != nil {
		return nil, err
	}
	var state domain.Application
	for _, e := range entries {
		state = state.Evolve(e.Event)
	}
	if !state.VisibleTo(c.actor) {
		return nil, domain.ApplicationNotFound()
	}
	return entries, a.sees(c, state.Applicant.ID, state.OpeningID)
}
