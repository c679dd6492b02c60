package domain

import (
	"time"

	"github.com/google/uuid"

	"asprak/domain/transcript"
	"asprak/domain/verification"
)

// The names in ApplicationEventTypes and the JSON tags below are the stored format. A
// changed shape gets a new name with ".v2" and an upcaster; the old golden file stays.

// ApplicationEvent is a fact of an application.
type ApplicationEvent interface {
	Event
	applicationEvent()
}

// Applicant is the person as entered with the application. ID is the token's subject.
type Applicant struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	NIM       string `json:"nim"`
	Email     string `json:"email"`
	Programme string `json:"programme"`
}

type (
	ApplicationSubmitted struct {
		ApplicationID uuid.UUID `json:"application_id"`
		OpeningID     uuid.UUID `json:"opening_id"`
		Applicant     Applicant `json:"applicant"`
	}
	// DocumentUploaded: the bytes lie in the blob store, see StoredAs.
	DocumentUploaded struct {
		DocumentID uuid.UUID       `json:"document_id"`
		Kind       transcript.Kind `json:"kind"`   // as the applicant says: "khs" or "transcript"
		SHA256     string          `json:"sha256"` // of the bytes, lower-case hex
		Size       int64           `json:"size"`   // bytes
		Type       string          `json:"type"`   // media type by content
		FileName   string          `json:"file_name"`
		Blob       string          `json:"blob,omitempty"` // name of the sealed bytes; "" where they lie there as they are
	}
	// DocumentRereadRequested asks for a fresh reading with today's engine.
	DocumentRereadRequested struct {
		DocumentID uuid.UUID `json:"document_id"`
		Reason     string    `json:"reason,omitempty"`
	}
	// DocumentRead is the result of one reading; OCR never runs again on replay.
	DocumentRead struct {
		DocumentID uuid.UUID          `json:"document_id"`
		Attempt    int                `json:"attempt"` // 1 for the first reading, 2 after the first re-read, ...
		Reading    transcript.Reading `json:"reading"`
		Millis     int64              `json:"millis"` // wall time of the reading
	}
	DocumentVerified struct {
		DocumentID      uuid.UUID            `json:"document_id"`
		Attempt         int                  `json:"attempt"`
		Verdict         verification.Verdict `json:"verdict"`
		OpeningRevision int64                `json:"opening_revision"` // the requirements it was judged by
	}
	DocumentRejected struct {
		DocumentID      uuid.UUID            `json:"document_id"`
		Attempt         int                  `json:"attempt"`
		Verdict         verification.Verdict `json:"verdict"`
		OpeningRevision int64                `json:"opening_revision"`
	}
	// DocumentReferred puts the doubtful spot before a person.
	DocumentReferred struct {
		DocumentID      uuid.UUID            `json:"document_id"`
		Attempt         int                  `json:"attempt"`
		Verdict         verification.Verdict `json:"verdict"`
		OpeningRevision int64                `json:"opening_revision"`
	}
	// DocumentReadingFailed: the machine gave up; a person decides or a re-read is asked for.
	DocumentReadingFailed struct {
		DocumentID uuid.UUID `json:"document_id"`
		Attempt    int       `json:"attempt"`
		Code       string    `json:"code"` // "timeout", "crashed", "out_of_memory", "unavailable", ...
		Tries      int       `json:"tries"`
	}
	// VerificationOverridden is a person's decision over the machine's.
	VerificationOverridden struct {
		DocumentID uuid.UUID `json:"document_id"`
		Outcome    string    `json:"outcome"` // "verified" or "rejected"
		Reason     string    `json:"reason"`
		Before     string    `json:"before"` // the label it replaces, "" when there was none
	}
	// DocumentViewed: somebody of the staff opened the content; see ViewWindow.
	DocumentViewed struct {
		DocumentID uuid.UUID `json:"document_id"`
		Viewer     Actor     `json:"viewer"`
		ViewedAt   time.Time `json:"viewed_at"`
	}
	// ReviewClaimed: somebody has taken up a document that waits for a person, until then.
	ReviewClaimed struct {
		DocumentID uuid.UUID `json:"document_id"`
		Claimant   Actor     `json:"claimant"`
		Until      time.Time `json:"until"`
	}
	// ReviewReleased: the claim was given back.
	ReviewReleased struct {
		DocumentID uuid.UUID `json:"document_id"`
	}
	ApplicationWithdrawn struct {
		Reason string `json:"reason,omitempty"`
	}
	ApplicationResubmitted struct {
		Applicant Applicant `json:"applicant"` // the whole, as corrected
	}
	ApplicationAccepted struct {
		OpeningID uuid.UUID `json:"opening_id"`
		Reason    string    `json:"reason,omitempty"`
	}
	ApplicationDeclined struct {
		Reason string `json:"reason"`
	}
	ApplicationWaitlisted struct {
		Reason string `json:"reason,omitempty"`
	}
	// ApplicationErased: nobody can read any more what the application told of the person, in this event or in
	// any before: the key that it is sealed with is destroyed and the documents are deleted.
	ApplicationErased struct {
		Ground ErasureGround `json:"ground"`
	}
	OfferConfirmed  struct{}
	OfferTurnedDown struct {
		Reason string `json:"reason,omitempty"`
	}
)

// ApplicationEventTypes is the table of stored names.
var ApplicationEventTypes = []EventType{
	{"ApplicationSubmitted", func() Event { return new(ApplicationSubmitted) }},
	{"DocumentUploaded", func() Event { return new(DocumentUploaded) }},
	{"DocumentRereadRequested", func() Event { return new(DocumentRereadRequested) }},
	{"DocumentRead", func() Event { return new(DocumentRead) }},
	{"DocumentVerified", func() Event { return new(DocumentVerified) }},
	{"DocumentRejected", func() Event { return new(DocumentRejected) }},
	{"DocumentReferred", func() Event { return new(DocumentReferred) }},
	{"DocumentReadingFailed", func() Event { return new(DocumentReadingFailed) }},
	{"VerificationOverridden", func() Event { return new(VerificationOverridden) }},
	{"DocumentViewed", func() Event { return new(DocumentViewed) }},
	{"ReviewClaimed", func() Event { return new(ReviewClaimed) }},
	{"ReviewReleased", func() Event { return new(ReviewReleased) }},
	{"ApplicationWithdrawn", func() Event { return new(ApplicationWithdrawn) }},
	{"ApplicationResubmitted", func() Event { return new(ApplicationResubmitted) }},
	{"ApplicationAccepted", func() Event { return new(ApplicationAccepted) }},
	{"ApplicationDeclined", func() Event { return new(ApplicationDeclined) }},
	{"ApplicationWaitlisted", func() Event { return new(ApplicationWaitlisted) }},
	{"ApplicationErased", func() Event { return new(ApplicationErased) }},
	{"OfferConfirmed", func() Event { return new(OfferConfirmed) }},
	{"OfferTurnedDown", func() Event { return new(OfferTurnedDown) }},
}

func (*ApplicationSubmitted) event()    {}
func (*DocumentUploaded) event()        {}
func (*DocumentRereadRequested) event() {}
func (*DocumentRead) event()            {}
func (*DocumentVerified) event()        {}
func (*DocumentRejected) event()        {}
func (*DocumentReferred) event()        {}
func (*DocumentReadingFailed) event()   {}
func (*VerificationOverridden) event()  {}
func (*DocumentViewed) event()          {}
func (*ReviewClaimed) event()           {}
func (*ReviewReleased) event()          {}
func (*ApplicationWithdrawn) event()    {}
func (*ApplicationResubmitted) event()  {}
func (*ApplicationAccepted) event()     {}
func (*ApplicationDeclined) event()     {}
func (*ApplicationWaitlisted) event()   {}
func (*ApplicationErased) event()       {}
func (*OfferConfirmed) event()          {}
func (*OfferTurnedDown) event()         {}

func (*ApplicationSubmitted) applicationEvent()    {}
func (*DocumentUploaded) applicationEvent()        {}
func (*DocumentRereadRequested) applicationEvent() {}
func (*DocumentRead) applicationEvent()            {}
func (*DocumentVerified) applicationEvent()        {}
func (*DocumentRejected) applicationEvent()        {}
func (*DocumentReferred) applicationEvent()        {}
func (*DocumentReadingFailed) applicationEvent()   {}
func (*VerificationOverridden) applicationEvent()  {}
func (*DocumentViewed) applicationEvent()          {}
func (*ReviewClaimed) applicationEvent()           {}
func (*ReviewReleased) applicationEvent()          {}
func (*ApplicationWithdrawn) applicationEvent()    {}
func (*ApplicationResubmitted) applicationEvent()  {}
func (*ApplicationAccepted) applicationEvent()     {}
func (*ApplicationDeclined) applicationEvent()     {}
func (*ApplicationWaitlisted) applicationEvent()   {}
func (*ApplicationErased) applicationEvent()       {}
func (*OfferConfirmed) applicationEvent()          {}
func (*OfferTurnedDown) applicationEvent()         {}
