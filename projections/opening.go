package projections

import (
	"time"

	"github.com/google/uuid"

	"asprak/application"
	"asprak/domain"
)

// OpeningRow is one opening as it stands. Position is that of the last event that changed the
// row: one of the opening's own, as is Revision.
type OpeningRow struct {
	ID           uuid.UUID                        `json:"id"`
	Status       domain.OpeningStatus             `json:"status"`
	Details      domain.OpeningDetails            `json:"details"`
	Awarded      int                              `json:"awarded"`      // seats given so far, of Details.Seats
	Applications map[domain.ApplicationStatus]int `json:"applications"` // how many stand where; states without any are left out
	PublishedAt  time.Time                        `json:"published_at"`
	UpdatedAt    time.Time                        `json:"updated_at"`
	Revision     application.Revision             `json:"revision"`
	Position     application.Position             `json:"position"`
}

// OpeningQuery selects openings, the latest published first. Empty fields do not filter.
type OpeningQuery struct {
	State      string // a domain.OpeningStatus
	Term       string
	Department string
	Cursor     string // Next of the page before
	Limit      int    // 1 to 100; 0: 20
}
