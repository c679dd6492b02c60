package domain

// The names in StaffEventTypes and the JSON tags below are the stored format. A changed shape
// gets a new name with ".v2" and an upcaster; the old golden file stays.

// StaffEvent is a fact of what a member of the staff acts for.
type StaffEvent interface {
	Event
	staffEvent()
}

type (
	// AccessGranted carries what was added. Subject is the token's; nobody's name stands here.
	AccessGranted struct {
		Subject string `json:"subject"`
		Role    Role   `json:"role"`
		Extent  Extent `json:"extent"`
		Reason  string `json:"reason"`
	}
	// AccessRevoked carries what was taken away; everything: all that the role had.
	AccessRevoked struct {
		Subject string `json:"subject"`
		Role    Role   `json:"role"`
		Extent  Extent `json:"extent"`
		Reason  string `json:"reason"`
	}
)

// StaffEventTypes is the table of stored names.
var StaffEventTypes = []EventType{
	{"AccessGranted", func() Event { return new(AccessGranted) }},
	{"AccessRevoked", func() Event { return new(AccessRevoked) }},
}

func (*AccessGranted) event() {}
func (*AccessRevoked) event() {}

func (*AccessGranted) staffEvent() {}
func (*AccessRevoked) staffEvent() {}
