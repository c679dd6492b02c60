package domain

import (
	"asprak/domain/transcript"
	"asprak/domain/verification"
)

// Personal is an event that tells of a person: who they are, what they wrote and handed in, or what
// somebody wrote about them. Ids, times, numbers and labels are not meant: the history of an erased person's
// application is still whole.
type Personal interface {
	Event
	// Erased is the event without what it tells of the person; the event itself stays as it is.
	Erased() Event
}

func (a Applicant) erased() Applicant { return Applicant{ID: a.ID} }

// ErasedReading is what is left of a reading: what kind of file it was, and whether it could be read.
func ErasedReading(r transcript.Reading) transcript.Reading {
	return transcript.Reading{Problem: r.Problem, Type: r.Type, Active: r.Active, Kind: r.Kind, Scale: r.Scale, Confidence: r.Confidence, Layout: r.Layout}
}

// ErasedVerdict is a verdict without its checks, whose evidence quotes the document.
func ErasedVerdict(v verification.Verdict) verification.Verdict {
	return verification.Verdict{Label: v.Label, Confidence: v.Confidence, Policy: v.Policy}
}

func (e *ApplicationSubmitted) Erased() Event {
	left := *e
	left.Applicant = e.Applicant.erased()
	return &left
}

func (e *ApplicationResubmitted) Erased() Event {
	return &ApplicationResubmitted{Applicant: e.Applicant.erased()}
}

func (e *DocumentUploaded) Erased() Event {
	left := *e
	left.FileName = ""
	if e.Blob != "" { // else it is the only name that the bytes have
		left.SHA256 = ""
	}
	return &left
}

func (e *DocumentRereadRequested) Erased() Event {
	return &DocumentRereadRequested{DocumentID: e.DocumentID}
}

func (e *DocumentRead) Erased() Event {
	left := *e
	left.Reading = ErasedReading(e.Reading)
	return &left
}

func (e *DocumentVerified) Erased() Event {
	left := *e
	left.Verdict = ErasedVerdict(e.Verdict)
	return &left
}

func (e *DocumentRejected) Erased() Event {
	left := *e
	left.Verdict = ErasedVerdict(e.Verdict)
	return &left
}

func (e *DocumentReferred) Erased() Event {
	left := *e
	left.Verdict = ErasedVerdict(e.Verdict)
	return &left
}

func (e *VerificationOverridden) Erased() Event {
	left := *e
	left.Reason = ""
	return &left
}

func (e *ApplicationAccepted) Erased() Event { return &ApplicationAccepted{OpeningID: e.OpeningID} }

func (*ApplicationWithdrawn) Erased() Event { return &ApplicationWithdrawn{} }

func (*ApplicationDeclined) Erased() Event { return &ApplicationDeclined{} }

func (*ApplicationWaitlisted) Erased() Event { return &ApplicationWaitlisted{} }

func (*OfferTurnedDown) Erased() Event { return &OfferTurnedDown{} }

// Erased of an award leaves out why this application was given the seat.
func (e *SeatAwarded) Erased() Event { return &SeatAwarded{ApplicationID: e.ApplicationID} }
