package domain

import "github.com/google/uuid"

// The names in PersonEventTypes and the JSON tags below are the stored format. A changed shape
// gets a new name with ".v2" and an upcaster; the old golden file stays.

// PersonEvent is a fact of what is held of a person.
type PersonEvent interface {
	Event
	personEvent()
}

type (
	// ErasureAsked: all that is held of the person is to be erased. Subject is the token's; nobody's name stands here.
	ErasureAsked struct {
		Subject      string      `json:"subject"`
		Applications []uuid.UUID `json:"applications"`
	}
	// PersonErased is the certificate: the keys of the applications are destroyed, their documents deleted.
	PersonErased struct {
		Subject      string      `json:"subject"`
		Applications []uuid.UUID `json:"applications"`
		Documents    int         `json:"documents"`
	}
)

// PersonEventTypes is the table of stored names.
var PersonEventTypes = []EventType{
	{"ErasureAsked", func() Event { return new(ErasureAsked) }},
	{"PersonErased", func() Event { return new(PersonErased) }},
}

func (*ErasureAsked) event() {}
func (*PersonErased) event() {}

func (*ErasureAsked) personEvent() {}
func (*PersonErased) personEvent() {}
