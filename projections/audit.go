package projections

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"asprak/application"
	"asprak/domain"
)

// AuditRow is one event of the log: who did what, when, why, and what changed.
type AuditRow struct {
	Position      application.Position `json:"position"`
	Stream        string               `json:"stream"`
	Revision      application.Revision `json:"revision"`
	EventID       uuid.UUID            `json:"event_id"`
	Type          string               `json:"type"`
	Known         bool                 `json:"known"` // false: the event could not be understood, Data is as it stands in the log
	Actor         domain.Actor         `json:"actor"`
	OccurredAt    time.Time            `json:"occurred_at"`
	RecordedAt    time.Time            `json:"recorded_at"`
	CorrelationID string               `json:"correlation_id"`
	CausationID   string               `json:"causation_id"`
	Versions      *domain.Versions     `json:"versions,omitempty"`
	Sentence      string               `json:"sentence"`
	Reason        string               `json:"reason,omitempty"`
	Before        json.RawMessage      `json:"before,omitempty"` // what changed, as far as the event says
	After         json.RawMessage      `json:"after,omitempty"`
	Data          json.RawMessage      `json:"data"`
}

// AuditQuery selects events, the latest first. Empty fields do not filter.
type AuditQuery struct {
	Actor         string // id
	Type          string
	Stream        string
	CorrelationID string
	From, To      *time.Time // both inclusive
	Cursor        string     // Next of the page before
	Limit         int        // 1 to 100; 0: 20
}
