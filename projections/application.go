package projections

import (
	"time"

	"github.com/google/uuid"

	"asprak/application"
	"asprak/domain"
	"asprak/domain/verification"
)

// ApplicationRow is one application as it stands.
type ApplicationRow struct {
	ID          uuid.UUID                `json:"id"`
	OpeningID   uuid.UUID                `json:"opening_id"`
	ApplicantID string                   `json:"-"`
	Applicant   domain.Applicant         `json:"applicant"`
	Status      domain.ApplicationStatus `json:"status"`
	Reason      string                   `json:"reason,omitempty"` // of the decision, when one was taken
	Submission  int                      `json:"submission"`
	// DocumentID is the document that the application stands by, nil while there is none.
	DocumentID  *uuid.UUID           `json:"document_id,omitempty"`
	Label       verification.Label   `json:"label,omitempty"`      // of that document, "" while it is not judged
	DecidedBy   string               `json:"decided_by,omitempty"` // who gave the label: "machine" or "person"
	SubmittedAt time.Time            `json:"submitted_at"`
	UpdatedAt   time.Time            `json:"updated_at"`
	Revision    application.Revision `json:"revision"`
	Position    application.Position `json:"position"`
}

// ApplicationQuery selects applications, the latest submitted first. Empty fields do not filter.
type ApplicationQuery struct {
	OpeningID   string
	ApplicantID string
	State       string // a domain.ApplicationStatus
	NIM         string // the whole student number, however separated
	Search      string // the beginning of the name or of the student number
	Cursor      string // Next of the page before
	Limit       int    // 1 to 100; 0: 20
}
