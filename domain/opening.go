package domain

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"asprak/domain/transcript"
	"asprak/domain/verification"
)

// OpeningStatus is where an opening stands; its window of time comes on top, see
// Opening.Accepting.
type OpeningStatus string

const (
	StatusOpen      OpeningStatus = "open"
	StatusClosed    OpeningStatus = "closed"
	StatusCancelled OpeningStatus = "cancelled"
)

// Opening is the state of one opening. The zero value is one that was never published.
// Values are never changed in place: Evolve returns a new one.
type Opening struct {
	ID      uuid.UUID      `json:"id"`
	Details OpeningDetails `json:"details"`
	Status  OpeningStatus  `json:"status"`
	Awarded []uuid.UUID    `json:"awarded,omitempty"` // applications that hold a seat, in order of award
}

// OpeningCommand is a wish that an opening decides on.
type OpeningCommand interface {
	decideOpening(Opening) ([]Event, error)
}

type (
	// PublishOpening begins an opening. Publishing the same details again records nothing.
	PublishOpening struct {
		OpeningID uuid.UUID
		Details   OpeningDetails
		Scales    []transcript.Scale // that the minimum grade may be on
	}
	// ReviseOpening replaces the details, of a closed opening too; seats cannot go below
	// those awarded. Verdicts given before keep the revision they were judged by.
	ReviseOpening struct {
		Details OpeningDetails
		Reason  string
		Scales  []transcript.Scale // that the minimum grade may be on
	}
	// CloseOpening ends submitting before the window does. Seats can still be awarded.
	CloseOpening struct{ Reason string }
	// ReopenOpening lets a closed opening, or one whose window is over, accept
	// applications until ClosesAt. At is the time of the command.
	ReopenOpening struct {
		ClosesAt time.Time
		Reason   string
		At       time.Time
	}
	// CancelOpening ends an opening for good; a reason is required. No seat is awarded
	// and no offer confirmed after it.
	CancelOpening struct{ Reason string }
	// AwardSeat gives the application one of the seats; it holds at most one.
	AwardSeat struct {
		ApplicationID uuid.UUID
		Reason        string
	}
	// ReleaseSeat frees the application's seat, if it holds one.
	ReleaseSeat struct {
		ApplicationID uuid.UUID
		Reason        string
	}
)

// Decide answers a command with the events that it leads to: none when it is satisfied
// already, an *Error when a rule forbids it.
func (o Opening) Decide(command OpeningCommand) ([]Event, error) {
	if _, publish := command.(PublishOpening); !publish && !o.Exists() {
		return nil, OpeningNotFound()
	}
	return command.decideOpening(o)
}

// Evolve returns the state after the event. Events of other aggregates change nothing.
func (o Opening) Evolve(event Event) Opening {
	switch e := event.(type) {
	case *OpeningPublished:
		o.ID, o.Details, o.Status = e.OpeningID, e.Details, StatusOpen
	case *OpeningRevised:
		o.Details = e.Details
	case *OpeningClosed:
		o.Status = StatusClosed
	case *OpeningReopened:
		o.Status, o.Details.ClosesAt = StatusOpen, e.ClosesAt
	case *OpeningCancelled:
		o.Status = StatusCancelled
	case *SeatAwarded:
		o.Awarded = append(slices.Clip(o.Awarded), e.ApplicationID)
	case *SeatReleased:
		o.Awarded = slices.DeleteFunc(slices.Clone(o.Awarded), func(id uuid.UUID) bool { return id == e.ApplicationID })
	}
	return o
}

// Exists tells whether the opening was published.
func (o Opening) Exists() bool { return o.Status != "" }

// RetentionEnds is when the applications are to be erased; false where they are kept without end.
func (o Opening) RetentionEnds() (time.Time, bool) {
	if o.Details.RetentionDays == nil {
		return time.Time{}, false
	}
	return o.Details.ClosesAt.AddDate(0, 0, *o.Details.RetentionDays), true
}

// HoldsSeat tells whether the application has a seat.
func (o Opening) HoldsSeat(application uuid.UUID) bool {
	return slices.Contains(o.Awarded, application)
}

// Accepting is nil when applications may be submitted at the time, else an *Error that
// says why not: the opening is closed or cancelled, or its window is not now.
func (o Opening) Accepting(at time.Time) error {
	switch {
	case !o.Exists():
		return OpeningNotFound()
	case o.Status == StatusCancelled:
		return openingCancelled()
	case o.Status == StatusClosed:
		return Errorf(RuleBroken, "opening_closed", "The opening is closed.")
	case at.Before(o.Details.OpensAt):
		return Errorf(RuleBroken, "opening_not_yet_open", "The opening accepts applications from %s on.", o.Details.OpensAt.Format(time.RFC3339))
	case !at.Before(o.Details.ClosesAt):
		return Errorf(RuleBroken, "opening_window_over", "The opening accepted applications until %s.", o.Details.ClosesAt.Format(time.RFC3339))
	}
	return nil
}

// OpeningNotFound is the error for an opening that is not there.
func OpeningNotFound() *Error {
	return Errorf(NotFound, "opening_not_found", "There is no such opening.")
}

func openingCancelled() *Error {
	return Errorf(RuleBroken, "opening_cancelled", "The opening is cancelled.")
}

func (c PublishOpening) decideOpening(o Opening) ([]Event, error) {
	details := c.Details.normalised()
	if o.Exists() {
		if o.Details.equal(details) {
			return nil, nil
		}
		return nil, Errorf(Conflict, "opening_exists", "The opening was published already, with other details.")
	}
	if err := details.validate(c.Scales); err != nil {
		return nil, err
	}
	return []Event{&OpeningPublished{OpeningID: c.OpeningID, Details: details}}, nil
}

func (c ReviseOpening) decideOpening(o Opening) ([]Event, error) {
	if o.Status == StatusCancelled {
		return nil, openingCancelled()
	}
	details := c.Details.normalised()
	if o.Details.equal(details) {
		return nil, nil
	}
	reason, err := checkReason(c.Reason, false)
	if err != nil {
		return nil, err
	}
	if err := details.validate(c.Scales); err != nil {
		return nil, err
	}
	if details.Seats < len(o.Awarded) {
		return nil, Errorf(RuleBroken, "seats_below_awarded", "%d seats are awarded already.", len(o.Awarded))
	}
	return []Event{&OpeningRevised{Details: details, Reason: reason}}, nil
}

func (c CloseOpening) decideOpening(o Opening) ([]Event, error) {
	switch o.Status {
	case StatusClosed:
		return nil, nil
	case StatusCancelled:
		return nil, openingCancelled()
	}
	reason, err := checkReason(c.Reason, false)
	if err != nil {
		return nil, err
	}
	return []Event{&OpeningClosed{Reason: reason}}, nil
}

func (c ReopenOpening) decideOpening(o Opening) ([]Event, error) {
	closesAt := plainTime(c.ClosesAt)
	switch {
	case o.Status == StatusCancelled:
		return nil, openingCancelled()
	case o.Status == StatusOpen && o.Details.ClosesAt.Equal(closesAt):
		return nil, nil
	case o.Status == StatusOpen && c.At.Before(o.Details.ClosesAt):
		return nil, Errorf(RuleBroken, "opening_not_closed", "The opening is open until %s; revise it to change that.", o.Details.ClosesAt.Format(time.RFC3339))
	case closesAt.Year() > maxYear:
		return nil, InvalidField("closes_at", "The new end must lie before the year %d.", maxYear+1)
	case !closesAt.After(c.At):
		return nil, InvalidField("closes_at", "The new end must be in the future.")
	case !closesAt.After(o.Details.OpensAt):
		return nil, InvalidField("closes_at", "The new end must be after the beginning, %s.", o.Details.OpensAt.Format(time.RFC3339))
	}
	reason, err := checkReason(c.Reason, false)
	if err != nil {
		return nil, err
	}
	return []Event{&OpeningReopened{ClosesAt: closesAt, Reason: reason}}, nil
}

func (c CancelOpening) decideOpening(o Opening) ([]Event, error) {
	if o.Status == StatusCancelled {
		return nil, nil
	}
	reason, err := checkReason(c.Reason, true)
	if err != nil {
		return nil, err
	}
	return []Event{&OpeningCancelled{Reason: reason}}, nil
}

func (c AwardSeat) decideOpening(o Opening) ([]Event, error) {
	switch {
	case o.HoldsSeat(c.ApplicationID):
		return nil, nil
	case o.Status == StatusCancelled:
		return nil, openingCancelled()
	case len(o.Awarded) >= o.Details.Seats:
		return nil, Errorf(RuleBroken, "no_seat_left", "All %d seats are awarded.", o.Details.Seats)
	}
	reason, err := checkReason(c.Reason, false)
	if err != nil {
		return nil, err
	}
	return []Event{&SeatAwarded{ApplicationID: c.ApplicationID, Reason: reason}}, nil
}

func (c ReleaseSeat) decideOpening(o Opening) ([]Event, error) {
	if !o.HoldsSeat(c.ApplicationID) {
		return nil, nil
	}
	reason, err := checkReason(c.Reason, false)
	if err != nil {
		return nil, err
	}
	return []Event{&SeatReleased{ApplicationID: c.ApplicationID, Reason: reason}}, nil
}

// Bounds of an opening's details.
const (
	maxSeats       = 10_000
	maxCodes       = 20
	maxDescription = 10_000 // characters
	maxSKS         = 400
	maxSemester    = 20
	minRetention   = 30      // days: decisions take time after the window, and may be disputed
	maxRetention   = 100_000 // days
	minYear        = 2000
	maxYear        = 9999 // the last that RFC 3339 can spell
)

func (d OpeningDetails) validate(scales []transcript.Scale) error {
	for _, f := range []struct {
		field, value string
		max          int
	}{
		{"title", d.Title, maxText},
		{"department", d.Department, maxText},
		{"term", d.Term, maxToken},
		{"requirement.min_grade", d.Requirement.MinGrade, maxToken},
	} {
		if err := checkText(f.field, f.value, f.max, true); err != nil {
			return err
		}
	}
	if err := checkText("description", d.Description, maxDescription, false); err != nil {
		return err
	}
	switch {
	case d.Seats < 1 || d.Seats > maxSeats:
		return InvalidField("seats", "There must be 1 to %d seats.", maxSeats)
	case d.OpensAt.IsZero():
		return InvalidField("opens_at", "The beginning of the window is missing.")
	case d.ClosesAt.IsZero():
		return InvalidField("closes_at", "The end of the window is missing.")
	case !d.ClosesAt.After(d.OpensAt):
		return InvalidField("closes_at", "The window must end after it begins.")
	case d.OpensAt.Year() < minYear || d.ClosesAt.Year() > maxYear:
		return InvalidField("opens_at", "The window must lie in the years %d to %d.", minYear, maxYear)
	case d.RetentionDays != nil && (*d.RetentionDays < minRetention || *d.RetentionDays > maxRetention):
		return InvalidField("retention_days", "The retention must be %d to %d days.", minRetention, maxRetention)
	}
	return d.validateRequirement(scales)
}

// CheckRequirement is the requirement in its one spelling, or the *Error with which an opening
// that asks it is refused.
func CheckRequirement(r verification.Requirement, scales []transcript.Scale) (verification.Requirement, error) {
	d := OpeningDetails{Requirement: r}.normalised()
	return d.Requirement, d.validateRequirement(scales)
}

func (d OpeningDetails) validateRequirement(scales []transcript.Scale) error {
	r := d.Requirement
	if len(r.Course.Codes) == 0 && r.Course.Name == "" {
		return InvalidField("requirement.course", "Name the required course, by a code or by its name.")
	}
	if len(r.Course.Codes) > maxCodes {
		return InvalidField("requirement.course.codes", "At most %d codes.", maxCodes)
	}
	for _, code := range r.Course.Codes {
		if err := checkText("requirement.course.codes", code, maxToken, true); err != nil {
			return err
		}
	}
	if err := checkText("requirement.course.name", r.Course.Name, maxText, false); err != nil {
		return err
	}
	if err := checkText("requirement.scale", r.Scale, maxToken, false); err != nil {
		return err
	}
	switch {
	case r.MinIPK != nil && (*r.MinIPK < 0 || *r.MinIPK > transcript.DecimalOf(4)):
		return InvalidField("requirement.min_ipk", "The minimum IPK must be 0 to 4.")
	case r.MinSKS != nil && (*r.MinSKS < 0 || *r.MinSKS > transcript.DecimalOf(maxSKS)):
		return InvalidField("requirement.min_sks", "The minimum SKS must be 0 to %d.", maxSKS)
	case r.MinSemester != nil && (*r.MinSemester < 1 || *r.MinSemester > maxSemester):
		return InvalidField("requirement.min_semester", "The minimum semester must be 1 to %d.", maxSemester)
	}
	return checkGrade(r.MinGrade, r.Scale, scales)
}

// checkGrade wants a final grade of the scale named, or of any when none is.
func checkGrade(grade, id string, scales []transcript.Scale) error {
	known := id == ""
	for _, scale := range scales {
		if id != "" && scale.ID != id {
			continue
		}
		known = true
		if letter, ok := scale.Letter(grade); ok && !letter.Pending {
			return nil
		}
	}
	if !known {
		return InvalidField("requirement.scale", "There is no such grade scale.")
	}
	return InvalidField("requirement.min_grade", "The scale has no such final grade.")
}

// normalised is the one spelling in which details are stored and compared.
func (d OpeningDetails) normalised() OpeningDetails {
	for _, s := range []*string{&d.Title, &d.Description, &d.Department, &d.Term,
		&d.Requirement.MinGrade, &d.Requirement.Scale, &d.Requirement.Course.Name} {
		*s = strings.TrimSpace(*s)
	}
	codes := make([]string, 0, len(d.Requirement.Course.Codes))
	for _, code := range d.Requirement.Course.Codes {
		codes = append(codes, strings.TrimSpace(code))
	}
	d.Requirement.Course.Codes = codes
	d.OpensAt, d.ClosesAt = plainTime(d.OpensAt), plainTime(d.ClosesAt)
	return d
}

func (d OpeningDetails) equal(e OpeningDetails) bool {
	if !d.OpensAt.Equal(e.OpensAt) || !d.ClosesAt.Equal(e.ClosesAt) {
		return false
	}
	d.OpensAt, d.ClosesAt = e.OpensAt, e.ClosesAt
	return reflect.DeepEqual(d, e)
}

// plainTime is the time in UTC without the clock's monotonic reading, as JSON keeps it.
func plainTime(t time.Time) time.Time { return t.UTC().Round(0) }
