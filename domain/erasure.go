package domain

import "slices"

// ErasureGround is why an application is erased.
type ErasureGround string

const (
	ErasureRequested ErasureGround = "request"   // the person wants it
	RetentionOver    ErasureGround = "retention" // the opening's retention is over
)

// EraseApplication takes from an application for good what it tells of the person. One that is not decided ends by it.
// A person who has confirmed an offer turns it down first, or waits for the end of the opening's retention.
type EraseApplication struct{ Ground ErasureGround }

func (c EraseApplication) decideApplication(a Application) ([]Event, error) {
	switch {
	case a.Erased:
		return nil, nil
	case c.Ground != ErasureRequested && c.Ground != RetentionOver:
		return nil, InvalidField("ground", "The ground is %q or %q.", ErasureRequested, RetentionOver)
	case c.Ground == ErasureRequested && a.Decision == StatusConfirmed:
		return nil, a.stands()
	}
	return []Event{&ApplicationErased{Ground: c.Ground}}, nil
}

// ApplicationErasedError is the error for a wish that an erased application cannot fulfil.
func ApplicationErasedError() *Error {
	return Errorf(RuleBroken, "application_erased", "The application is erased.")
}

// survives tells whether an erased application still decides on the command: what the machine had under way ends
// quietly.
func survives(command ApplicationCommand) bool {
	switch command.(type) {
	case EraseApplication, RecordReading, RecordVerdict, RecordReadingFailure:
		return true
	}
	return false
}

// erased is the application as it stands with the key of its personal values gone, whatever was known of them before.
func (a Application) erased() Application {
	a.Erased = true
	switch a.Decision {
	case StatusWithdrawn, StatusDeclined, StatusConfirmed, StatusTurnedDown:
	default:
		a.Decision = StatusErased
	}
	a.Applicant, a.Reason = a.Applicant.erased(), ""
	a.Documents = slices.Clone(a.Documents)
	for i, d := range a.Documents {
		a.Documents[i] = d.erased()
	}
	return a
}

func (d SubmittedDocument) erased() SubmittedDocument {
	d.FileName = ""
	if d.Blob != "" { // else it is the only name that the bytes have
		d.SHA256 = ""
	}
	if d.Reading != nil {
		reading := ErasedReading(*d.Reading)
		d.Reading = &reading
	}
	if d.Verdict != nil {
		verdict := ErasedVerdict(*d.Verdict)
		d.Verdict = &verdict
	}
	if d.Override != nil {
		d.Override = &Override{Outcome: d.Override.Outcome, Before: d.Override.Before}
	}
	return d
}
