// Package domain is what is true: the aggregates Opening, Application, Staff and Person as pure Decide and
// Evolve, their events and their errors. It knows no storage, no HTTP, no clock and no
// randomness: times and ids come in with the commands.
package domain

import (
	"time"

	"github.com/google/uuid"
)

// Event is a fact of one of the aggregates. The concrete types stand in opening_events.go,
// application_events.go, staff_events.go and person_events.go, with the table of their stored names.
type Event interface{ event() }

// Role of an actor.
type Role string

const (
	RoleApplicant Role = "applicant"
	RoleAdmin     Role = "admin"
	RoleLecturer  Role = "lecturer"
	RoleAuditor   Role = "auditor"
	RoleSystem    Role = "system" // the reactions
)

// Actor is who caused an event.
type Actor struct {
	ID   string `json:"id"`
	Role Role   `json:"role"`
}

// Metadata travels with every event.
type Metadata struct {
	EventID       uuid.UUID `json:"-"` // stored by the log itself
	Key           uuid.UUID `json:"-"` // that what is personal in the event is sealed with; nil: it stands there as it is
	Actor         Actor     `json:"actor"`
	OccurredAt    time.Time `json:"occurred_at"`           // UTC
	CorrelationID string    `json:"correlation_id"`        // the request that began it all
	CausationID   string    `json:"causation_id"`          // the command or event that caused this one
	CommandID     uuid.UUID `json:"command_id"`            // event ids are UUIDv5 of it and the event's index
	Fingerprint   string    `json:"fingerprint,omitempty"` // hash of the command's content: the same key with another body is refused
	SchemaVersion int       `json:"schema_version"`
	Versions      *Versions `json:"versions,omitempty"` // DocumentRead and the verdict events only
}

// Versions of what produced a reading or a verdict.
type Versions struct {
	Engine string `json:"engine,omitempty"`
	Layout string `json:"layout,omitempty"`
	Policy string `json:"policy,omitempty"`
}

// EventType joins a stored name to the Go type that is decoded from it.
type EventType struct {
	Name string       // never changes meaning once written
	New  func() Event // a pointer to a zero value, to decode into
}
