package projections

import (
	"time"

	"github.com/google/uuid"

	"asprak/application"
	"asprak/domain"
	"asprak/domain/transcript"
	"asprak/domain/verification"
)

// ReviewRow is one document that waits for a person.
type ReviewRow struct {
	DocumentID    uuid.UUID            `json:"document_id"`
	ApplicationID uuid.UUID            `json:"application_id"`
	OpeningID     uuid.UUID            `json:"opening_id"`
	Applicant     domain.Applicant     `json:"applicant"`
	Kind          transcript.Kind      `json:"kind"`
	FileName      string               `json:"file_name"`
	Reason        string               `json:"reason"`          // of the review label; "reading_failed" when the machine gave up
	Label         verification.Label   `json:"label,omitempty"` // "" when the machine gave up
	Failure       string               `json:"failure,omitempty"`
	Since         time.Time            `json:"since"`    // when it was referred or given up: its age counts from here
	Revision      application.Revision `json:"revision"` // of the application, when it was referred or given up
	Position      application.Position `json:"position"`
}

// ReviewQuery selects what waits for a person, the longest waiting first. Empty fields do not filter.
type ReviewQuery struct {
	OpeningID string
	Reason    string
	Cursor    string // Next of the page before
	Limit     int    // 1 to 100; 0: 20
}
