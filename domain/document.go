package domain

import (
	"cmp"
	"slices"

	"github.com/google/uuid"

	"asprak/domain/transcript"
	"asprak/domain/verification"
)

// MaxDocuments is how many documents one application may hold, over all its submissions.
const MaxDocuments = 20

// SubmittedDocument is one document of an application. Reading, Verdict, Failure and
// Override are those of the newest attempt.
type SubmittedDocument struct {
	ID              uuid.UUID             `json:"id"`
	Kind            transcript.Kind       `json:"kind"`
	SHA256          string                `json:"sha256"`
	Size            int64                 `json:"size"`
	Type            string                `json:"type"`
	FileName        string                `json:"file_name"`
	Blob            string                `json:"blob,omitempty"` // name of the sealed bytes; "" where they lie there as they are
	Submission      int                   `json:"submission"`     // the application's submission it belongs to
	Attempt         int                   `json:"attempt"`        // 1, and one more with each re-read
	Reading         *transcript.Reading   `json:"reading,omitempty"`
	Verdict         *verification.Verdict `json:"verdict,omitempty"`
	OpeningRevision int64                 `json:"opening_revision"` // with Verdict
	Failure         *ReadingFailure       `json:"failure,omitempty"`
	Override        *Override             `json:"override,omitempty"`
	Views           []View                `json:"views,omitempty"` // by staff, the last of each person
	Claim           *Claim                `json:"claim,omitempty"` // the last, until it is given back or the document no longer waits
}

// ReadingFailure is how the machine gave up.
type ReadingFailure struct {
	Code  string `json:"code"`
	Tries int    `json:"tries"`
}

// Override is a person's decision over the machine's.
type Override struct {
	Outcome string `json:"outcome"` // "verified" or "rejected"
	Reason  string `json:"reason"`
	Before  string `json:"before"`
}

// StoredAs is the name under which the blob store has the bytes: their own hash, unless they are sealed.
func (e *DocumentUploaded) StoredAs() string { return cmp.Or(e.Blob, e.SHA256) }

// DocumentID is the id of the bytes within the application: the same bytes are the same document.
func DocumentID(application uuid.UUID, sha256 string) uuid.UUID {
	return uuid.NewSHA1(application, []byte(sha256))
}

// Label is the conclusion that holds: the person's, else the machine's, "" when there is none.
func (d SubmittedDocument) Label() verification.Label {
	switch {
	case d.Override != nil:
		return verification.Label(d.Override.Outcome)
	case d.Verdict != nil:
		return d.Verdict.Label
	}
	return ""
}

// Status is where the document stands, in the words of its application.
func (d SubmittedDocument) Status() ApplicationStatus {
	switch {
	case d.Label() != "":
		return outcomeStatus(d.Label().Outcome())
	case d.Failure != nil:
		return StatusReadingFailed
	}
	return StatusVerifying
}

// WithVerdict is the application as it would stand had the machine concluded so of the document.
// A person's decision over it stays.
func (a Application) WithVerdict(document uuid.UUID, verdict verification.Verdict) Application {
	d, _ := a.Document(document)
	return a.Evolve(&DocumentReferred{DocumentID: document, Attempt: d.Attempt, Verdict: verdict, OpeningRevision: d.OpeningRevision})
}

// DecidedBy is "person" where an override holds, "machine" where its verdict does, else "".
func (d SubmittedDocument) DecidedBy() string {
	switch {
	case d.Override != nil:
		return "person"
	case d.Verdict != nil:
		return "machine"
	}
	return ""
}

// evolveDocuments returns the documents after the event; the given slice stays as it is.
// A document sent again with a later submission is asked for anew, as is one that is to be
// read again.
func evolveDocuments(documents []SubmittedDocument, submission int, event Event) []SubmittedDocument {
	change := func(id uuid.UUID, f func(*SubmittedDocument)) []SubmittedDocument {
		i := slices.IndexFunc(documents, func(d SubmittedDocument) bool { return d.ID == id })
		if i < 0 {
			return documents
		}
		changed := slices.Clone(documents)
		f(&changed[i])
		return changed
	}
	judged := func(id uuid.UUID, verdict verification.Verdict, revision int64) []SubmittedDocument {
		return change(id, func(d *SubmittedDocument) { d.Verdict, d.OpeningRevision, d.Failure = &verdict, revision, nil })
	}
	switch e := event.(type) {
	case *DocumentUploaded:
		d := SubmittedDocument{ID: e.DocumentID, Kind: e.Kind, SHA256: e.SHA256, Size: e.Size, Type: e.Type, FileName: e.FileName, Blob: e.Blob,
			Submission: submission, Attempt: 1}
		rest := make([]SubmittedDocument, 0, len(documents)+1)
		for _, old := range documents {
			if old.ID == d.ID {
				d.Attempt = old.Attempt + 1
				continue
			}
			rest = append(rest, old)
		}
		return append(rest, d)
	case *DocumentRereadRequested:
		return change(e.DocumentID, func(d *SubmittedDocument) {
			d.Attempt++
			d.Reading, d.Verdict, d.OpeningRevision, d.Failure, d.Override, d.Claim = nil, nil, 0, nil, nil, nil
		})
	case *DocumentRead:
		return change(e.DocumentID, func(d *SubmittedDocument) { d.Reading = &e.Reading })
	case *DocumentVerified:
		return judged(e.DocumentID, e.Verdict, e.OpeningRevision)
	case *DocumentRejected:
		return judged(e.DocumentID, e.Verdict, e.OpeningRevision)
	case *DocumentReferred:
		return judged(e.DocumentID, e.Verdict, e.OpeningRevision)
	case *DocumentReadingFailed:
		return change(e.DocumentID, func(d *SubmittedDocument) { d.Failure = &ReadingFailure{Code: e.Code, Tries: e.Tries} })
	case *VerificationOverridden:
		return change(e.DocumentID, func(d *SubmittedDocument) {
			d.Override, d.Claim = &Override{Outcome: e.Outcome, Reason: e.Reason, Before: e.Before}, nil
		})
	case *ReviewClaimed:
		return change(e.DocumentID, func(d *SubmittedDocument) { d.Claim = &Claim{By: e.Claimant, Until: e.Until} })
	case *ReviewReleased:
		return change(e.DocumentID, func(d *SubmittedDocument) { d.Claim = nil })
	case *DocumentViewed:
		return change(e.DocumentID, func(d *SubmittedDocument) { d.Views = viewed(d.Views, View{Viewer: e.Viewer, At: e.ViewedAt}) })
	}
	return documents
}
