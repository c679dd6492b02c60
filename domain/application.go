package domain

import (
	"slices"

	"github.com/google/uuid"

	"asprak/domain/verification"
)

// ApplicationStatus is where an application stands.
type ApplicationStatus string

// Until staff decide, the status follows from the documents; see Application.Standing.
const (
	StatusSubmitted     ApplicationStatus = "submitted"      // no document yet
	StatusVerifying     ApplicationStatus = "verifying"      // a document is being read
	StatusVerified      ApplicationStatus = "verified"       // by the machine or by a person
	StatusRejected      ApplicationStatus = "rejected"       // by the machine or by a person
	StatusInReview      ApplicationStatus = "in_review"      // a person has to look
	StatusReadingFailed ApplicationStatus = "reading_failed" // the machine gave up; a person has to look

	StatusWithdrawn  ApplicationStatus = "withdrawn" // by the applicant; may be submitted again
	StatusWaitlisted ApplicationStatus = "waitlisted"
	StatusAccepted   ApplicationStatus = "accepted" // offered a seat
	StatusDeclined   ApplicationStatus = "declined" // by staff, for good
	StatusConfirmed  ApplicationStatus = "confirmed"
	StatusTurnedDown ApplicationStatus = "turned_down" // by the applicant, for good
	StatusErased     ApplicationStatus = "erased"      // before it was decided
)

// Application is the state of one application. The zero value is one that was never
// submitted. Values are never changed in place: Evolve returns a new one.
type Application struct {
	ID         uuid.UUID           `json:"id"`
	OpeningID  uuid.UUID           `json:"opening_id"`
	Applicant  Applicant           `json:"applicant"`
	Status     ApplicationStatus   `json:"status"`             // Decision, or else Standing
	Standing   ApplicationStatus   `json:"standing"`           // by the documents alone
	Decision   ApplicationStatus   `json:"decision,omitempty"` // withdrawn to erased, "" while none is taken
	Reason     string              `json:"reason,omitempty"`   // of the decision
	Submission int                 `json:"submission"`         // 1, and one more with each resubmission
	Documents  []SubmittedDocument `json:"documents,omitempty"`
	Erased     bool                `json:"erased,omitempty"` // what it told of the person is gone
}

// ApplicationID is the one id that an applicant's application to an opening can have, so
// that a second one meets the first.
func ApplicationID(opening uuid.UUID, applicant string) uuid.UUID {
	return uuid.NewSHA1(opening, []byte(applicant))
}

// Exists tells whether the application was submitted.
func (a Application) Exists() bool { return a.Submission > 0 }

// VisibleTo tells whether the actor may know of the application: applicants only of their own.
func (a Application) VisibleTo(actor Actor) bool {
	return a.Exists() && actor.Reaches(ActionGetApplication, a.Applicant.ID)
}

// Document finds a document by its id.
func (a Application) Document(id uuid.UUID) (SubmittedDocument, bool) {
	if i := a.index(id); i >= 0 {
		return a.Documents[i], true
	}
	return SubmittedDocument{}, false
}

// StandsBy is the document that the application stands by: the latest of those that have its
// standing. It reports false while there is none.
func (a Application) StandsBy() (SubmittedDocument, bool) {
	for _, d := range slices.Backward(a.Documents) {
		if d.Submission == a.Submission && d.Status() == a.Standing {
			return d, true
		}
	}
	return SubmittedDocument{}, false
}

func (a Application) index(id uuid.UUID) int {
	return slices.IndexFunc(a.Documents, func(d SubmittedDocument) bool { return d.ID == id })
}

// Decide answers a command with the events that it leads to: none when it is satisfied
// already, an *Error when a rule forbids it.
func (a Application) Decide(command ApplicationCommand) ([]Event, error) {
	if _, submit := command.(SubmitApplication); !submit && !a.Exists() {
		return nil, ApplicationNotFound()
	}
	if a.Erased && !survives(command) {
		return nil, ApplicationErasedError()
	}
	return command.decideApplication(a)
}

// Evolve returns the state after the event. Events of other aggregates change nothing.
func (a Application) Evolve(event Event) Application {
	switch e := event.(type) {
	case *ApplicationSubmitted:
		a.ID, a.OpeningID, a.Applicant, a.Submission = e.ApplicationID, e.OpeningID, e.Applicant, a.Submission+1
	case *ApplicationResubmitted:
		a.Applicant, a.Submission = e.Applicant, a.Submission+1
		a.Decision, a.Reason = "", ""
	case *ApplicationWithdrawn:
		a.Decision, a.Reason = StatusWithdrawn, e.Reason
	case *ApplicationAccepted:
		a.Decision, a.Reason = StatusAccepted, e.Reason
	case *ApplicationDeclined:
		a.Decision, a.Reason = StatusDeclined, e.Reason
	case *ApplicationWaitlisted:
		a.Decision, a.Reason = StatusWaitlisted, e.Reason
	case *ApplicationErased:
		a = a.erased()
	case *OfferConfirmed:
		a.Decision = StatusConfirmed
	case *OfferTurnedDown:
		a.Decision, a.Reason = StatusTurnedDown, e.Reason
	default:
		a.Documents = evolveDocuments(a.Documents, a.Submission, event)
	}
	a.Standing = a.standing()
	a.Status = a.Standing
	if a.Decision != "" {
		a.Status = a.Decision
	}
	return a
}

// integrityReasons are the doubts that another document cannot clear: whoever sent an
// edited or borrowed document is looked at by a person, however good the next one is.
var integrityReasons = []string{"suspected_edit", "text_layer_mismatch", "duplicate_document"}

// standing is the best that the documents of the current submission reach, unless one of
// them was referred for its integrity. A document being read hides worse outcomes, as it
// may still change them.
func (a Application) standing() ApplicationStatus {
	if !a.Exists() {
		return ""
	}
	best := StatusSubmitted
	for _, d := range a.Documents {
		if d.Submission != a.Submission {
			continue
		}
		status := d.Status()
		if status == StatusInReview && slices.Contains(integrityReasons, d.Label().Reason()) {
			return StatusInReview
		}
		if rank(status) > rank(best) {
			best = status
		}
	}
	return best
}

func rank(s ApplicationStatus) int {
	return slices.Index([]ApplicationStatus{StatusSubmitted, StatusRejected, StatusReadingFailed, StatusInReview, StatusVerifying, StatusVerified}, s)
}

// uploadAllowed is nil while a document may be added. Documents may follow after the
// opening's window, until the application is withdrawn or decided.
func (a Application) uploadAllowed() error {
	if err := a.undecided(); err != nil {
		return err
	}
	if len(a.Documents) >= MaxDocuments {
		return Errorf(RuleBroken, "too_many_documents", "An application holds at most %d documents.", MaxDocuments)
	}
	return nil
}

// undecided is nil while neither applicant nor staff have ended the application.
func (a Application) undecided() error {
	switch a.Decision {
	case "", StatusWaitlisted:
		return nil
	}
	return a.stands()
}

// stands is the error of a command that the application's status forbids.
func (a Application) stands() *Error {
	return Errorf(RuleBroken, "application_"+string(a.Status), "The application is %s.", a.Status.words())
}

func (s ApplicationStatus) words() string {
	switch s {
	case StatusInReview:
		return "in review"
	case StatusReadingFailed:
		return "waiting for a person, as its document could not be read"
	case StatusTurnedDown:
		return "turned down"
	}
	return string(s)
}

// ApplicationNotFound is the error for an application that is not there, or that the
// caller may not know of.
func ApplicationNotFound() *Error {
	return Errorf(NotFound, "application_not_found", "There is no such application.")
}

// outcomeStatus is the status that a verdict's outcome leads to.
func outcomeStatus(outcome string) ApplicationStatus {
	switch outcome {
	case verification.Verified.Outcome():
		return StatusVerified
	case verification.Rejected("").Outcome():
		return StatusRejected
	default:
		return StatusInReview
	}
}
