package projections

import (
	"time"

	"github.com/google/uuid"

	"asprak/application"
	"asprak/domain"
	"asprak/domain/transcript"
	"asprak/domain/verification"
)

// DocumentRow is one document as it stands. Reading, Verdict, Failure and Override are those
// of the newest attempt. Revision is the application's, at the last event about the document.
type DocumentRow struct {
	ID              uuid.UUID                `json:"id"`
	ApplicationID   uuid.UUID                `json:"application_id"`
	NIM             string                   `json:"nim"` // of the applicant
	Kind            transcript.Kind          `json:"kind"`
	Type            string                   `json:"type"` // media type by content
	Size            int64                    `json:"size"` // bytes
	SHA256          string                   `json:"sha256"`
	FileName        string                   `json:"file_name"`
	Status          domain.ApplicationStatus `json:"status"`
	Label           verification.Label       `json:"label,omitempty"`      // the conclusion that holds, "" while there is none
	DecidedBy       string                   `json:"decided_by,omitempty"` // who gave the label: "machine" or "person"
	Submission      int                      `json:"submission"`
	Attempt         int                      `json:"attempt"`
	Reading         *transcript.Reading      `json:"reading,omitempty"` // nil in lists
	RowsKey         string                   `json:"rows_key,omitempty"`
	Millis          int64                    `json:"millis,omitempty"`           // wall time of the reading
	Verdict         *verification.Verdict    `json:"verdict,omitempty"`          // the machine's
	OpeningRevision *int64                   `json:"opening_revision,omitempty"` // the requirements it was judged by
	Versions        *domain.Versions         `json:"versions,omitempty"`         // what produced reading and verdict
	Failure         *domain.ReadingFailure   `json:"failure,omitempty"`
	Override        *domain.Override         `json:"override,omitempty"`
	UploadedAt      time.Time                `json:"uploaded_at"`
	UpdatedAt       time.Time                `json:"updated_at"`
	Revision        application.Revision     `json:"revision"`
	Position        application.Position     `json:"position"`
}
