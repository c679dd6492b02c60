package domain

import (
	"time"

	"github.com/google/uuid"

	"asprak/domain/verification"
)

// The names in OpeningEventTypes and the JSON tags below are the stored format. A changed
// shape gets a new name with ".v2" and an upcaster; the old golden file stays.

// OpeningEvent is a fact of an opening.
type OpeningEvent interface {
	Event
	openingEvent()
}

// OpeningDetails is what is published of an opening.
type OpeningDetails struct {
	Title       string                   `json:"title"`
	Description string                   `json:"description,omitempty"`
	Department  string                   `json:"department"`
	Term        string                   `json:"term"` // e.g. "2026/2027-1"
	Seats       int                      `json:"seats"`
	OpensAt     time.Time                `json:"opens_at"`
	ClosesAt    time.Time                `json:"closes_at"`
	Requirement verification.Requirement `json:"requirement"`
	// RetentionDays is how long after ClosesAt the applications keep what they tell of persons; nil: without end.
	RetentionDays *int `json:"retention_days,omitempty"`
}

type (
	OpeningPublished struct {
		OpeningID uuid.UUID      `json:"opening_id"`
		Details   OpeningDetails `json:"details"`
	}
	// OpeningRevised carries the whole of the new details.
	OpeningRevised struct {
		Details OpeningDetails `json:"details"`
		Reason  string         `json:"reason,omitempty"`
	}
	OpeningClosed struct {
		Reason string `json:"reason,omitempty"`
	}
	OpeningReopened struct {
		ClosesAt time.Time `json:"closes_at"`
		Reason   string    `json:"reason,omitempty"`
	}
	OpeningCancelled struct {
		Reason string `json:"reason"`
	}
	SeatAwarded struct {
		ApplicationID uuid.UUID `json:"application_id"`
		Reason        string    `json:"reason,omitempty"`
	}
	SeatReleased struct {
		ApplicationID uuid.UUID `json:"application_id"`
		Reason        string    `json:"reason,omitempty"`
	}
)

// OpeningEventTypes is the table of stored names.
var OpeningEventTypes = []EventType{
	{"OpeningPublished", func() Event { return new(OpeningPublished) }},
	{"OpeningRevised", func() Event { return new(OpeningRevised) }},
	{"OpeningClosed", func() Event { return new(OpeningClosed) }},
	{"OpeningReopened", func() Event { return new(OpeningReopened) }},
	{"OpeningCancelled", func() Event { return new(OpeningCancelled) }},
	{"SeatAwarded", func() Event { return new(SeatAwarded) }},
	{"SeatReleased", func() Event { return new(SeatReleased) }},
}

func (*OpeningPublished) event() {}
func (*OpeningRevised) event()   {}
func (*OpeningClosed) event()    {}
func (*OpeningReopened) event()  {}
func (*OpeningCancelled) event() {}
func (*SeatAwarded) event()      {}
func (*SeatReleased) event()     {}

func (*OpeningPublished) openingEvent() {}
func (*OpeningRevised) openingEvent()   {}
func (*OpeningClosed) openingEvent()    {}
func (*OpeningReopened) openingEvent()  {}
func (*OpeningCancelled) openingEvent() {}
func (*SeatAwarded) openingEvent()      {}
func (*SeatReleased) openingEvent()     {}
