package domain

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"asprak/domain/transcript"
	"asprak/domain/verification"
)

// ApplicationCommand is a wish that an application decides on.
type ApplicationCommand interface {
	decideApplication(Application) ([]Event, error)
}

type (
	// SubmitApplication begins an application, when the opening accepts at the time. The
	// same data again records nothing; other data is "already_applied".
	SubmitApplication struct {
		ApplicationID uuid.UUID
		Applicant     Applicant
		Opening       Opening
		At            time.Time
	}
	// ResubmitApplication takes up a withdrawn or rejected application again, while the
	// opening accepts, with the applicant's data as corrected. Earlier documents stay in
	// the history but no longer count: the applicant uploads anew, be it the same file.
	ResubmitApplication struct {
		Applicant Applicant // whole; the ID is that of the first submission
		Opening   Opening
		At        time.Time
	}
	// WithdrawApplication ends an application by its applicant, until the offer is confirmed.
	WithdrawApplication struct{ Reason string }
	// AcceptApplication offers a seat to a verified application. The seat was awarded by
	// the opening before.
	AcceptApplication struct{ Reason string }
	// DeclineApplication ends an application by staff, until the offer is confirmed; a
	// reason is required.
	DeclineApplication struct{ Reason string }
	// WaitlistApplication keeps a verified application for a seat that may become free.
	WaitlistApplication struct{ Reason string }
	// ConfirmOffer takes the seat, unless the opening was cancelled.
	ConfirmOffer struct{ Opening Opening }
	// TurnDownOffer gives the seat back, also after it was confirmed.
	TurnDownOffer struct{ Reason string }
)

type (
	// UploadDocument adds a document. The same bytes with the same submission are the
	// same document and record nothing.
	UploadDocument struct {
		DocumentID uuid.UUID
		Kind       transcript.Kind
		SHA256     string
		Size       int64
		Type       string
		FileName   string
		Blob       string
	}
	// RequestReread asks for a fresh reading of a concluded document. It opens the question
	// anew: an earlier override no longer holds. While a reading is under way there is
	// nothing to ask for.
	RequestReread struct {
		DocumentID uuid.UUID
		Reason     string
	}
	// RecordReading records what was read, once for each attempt.
	RecordReading struct {
		DocumentID uuid.UUID
		Attempt    int
		Reading    transcript.Reading
		Millis     int64
	}
	// RecordVerdict records the conclusion, after the reading and once for each attempt.
	RecordVerdict struct {
		DocumentID      uuid.UUID
		Attempt         int
		Verdict         verification.Verdict
		OpeningRevision int64
	}
	// RecordReadingFailure records that the machine gave an attempt up. A reading or verdict that
	// comes later all the same replaces it; after a verdict there is nothing to record.
	RecordReadingFailure struct {
		DocumentID uuid.UUID
		Attempt    int
		Code       string
		Tries      int
	}
	// OverrideVerification is a person's decision over a document that was judged or could
	// not be read; a reason is required.
	OverrideVerification struct {
		DocumentID uuid.UUID
		Outcome    string // "verified" or "rejected"
		Reason     string
	}
)

func (c SubmitApplication) decideApplication(a Application) ([]Event, error) {
	applicant := c.Applicant.normalised()
	if a.Exists() {
		switch {
		case a.Decision == StatusWithdrawn:
			return nil, Errorf(RuleBroken, "application_withdrawn", "The application was withdrawn; resubmit it.")
		case a.Applicant == applicant:
			return nil, nil
		}
		return nil, Errorf(Conflict, "already_applied", "You have applied to this opening already.")
	}
	if err := applicant.validate(); err != nil {
		return nil, err
	}
	if err := c.Opening.Accepting(c.At); err != nil {
		return nil, err
	}
	return []Event{&ApplicationSubmitted{ApplicationID: c.ApplicationID, OpeningID: c.Opening.ID, Applicant: applicant}}, nil
}

func (c ResubmitApplication) decideApplication(a Application) ([]Event, error) {
	applicant := c.Applicant.normalised()
	applicant.ID = a.Applicant.ID
	if a.Decision == "" && a.Standing == StatusSubmitted && a.Submission > 1 && a.Applicant == applicant {
		return nil, nil
	}
	if a.Status != StatusWithdrawn && a.Status != StatusRejected {
		return nil, a.stands()
	}
	if err := applicant.validate(); err != nil {
		return nil, err
	}
	if err := c.Opening.Accepting(c.At); err != nil {
		return nil, err
	}
	return []Event{&ApplicationResubmitted{Applicant: applicant}}, nil
}

func (c WithdrawApplication) decideApplication(a Application) ([]Event, error) {
	switch a.Decision {
	case StatusWithdrawn:
		return nil, nil
	case StatusDeclined, StatusConfirmed, StatusTurnedDown:
		return nil, a.stands()
	}
	reason, err := checkReason(c.Reason, false)
	if err != nil {
		return nil, err
	}
	return []Event{&ApplicationWithdrawn{Reason: reason}}, nil
}

func (c AcceptApplication) decideApplication(a Application) ([]Event, error) {
	if a.Decision == StatusAccepted || a.Decision == StatusConfirmed {
		return nil, nil
	}
	if err := a.eligible(); err != nil {
		return nil, err
	}
	reason, err := checkReason(c.Reason, false)
	if err != nil {
		return nil, err
	}
	return []Event{&ApplicationAccepted{OpeningID: a.OpeningID, Reason: reason}}, nil
}

func (c WaitlistApplication) decideApplication(a Application) ([]Event, error) {
	if a.Decision == StatusWaitlisted {
		return nil, nil
	}
	if err := a.eligible(); err != nil {
		return nil, err
	}
	reason, err := checkReason(c.Reason, false)
	if err != nil {
		return nil, err
	}
	return []Event{&ApplicationWaitlisted{Reason: reason}}, nil
}

// eligible is nil for an application that is verified and not ended.
func (a Application) eligible() error {
	if err := a.undecided(); err != nil {
		return err
	}
	if a.Standing != StatusVerified {
		return Errorf(RuleBroken, "application_not_verified", "The application is %s; it must be verified first.", a.Standing.words())
	}
	return nil
}

func (c DeclineApplication) decideApplication(a Application) ([]Event, error) {
	switch a.Decision {
	case StatusDeclined:
		return nil, nil
	case StatusWithdrawn, StatusConfirmed, StatusTurnedDown:
		return nil, a.stands()
	}
	reason, err := checkReason(c.Reason, true)
	if err != nil {
		return nil, err
	}
	return []Event{&ApplicationDeclined{Reason: reason}}, nil
}

func (c ConfirmOffer) decideApplication(a Application) ([]Event, error) {
	switch a.Decision {
	case StatusConfirmed:
		return nil, nil
	case StatusAccepted:
	default:
		return nil, a.notAccepted()
	}
	if c.Opening.Status == StatusCancelled {
		return nil, openingCancelled()
	}
	return []Event{&OfferConfirmed{}}, nil
}

func (c TurnDownOffer) decideApplication(a Application) ([]Event, error) {
	switch a.Decision {
	case StatusTurnedDown:
		return nil, nil
	case StatusAccepted, StatusConfirmed:
	default:
		return nil, a.notAccepted()
	}
	reason, err := checkReason(c.Reason, false)
	if err != nil {
		return nil, err
	}
	return []Event{&OfferTurnedDown{Reason: reason}}, nil
}

func (a Application) notAccepted() error {
	return Errorf(RuleBroken, "application_not_accepted", "The application is %s; there is no offer.", a.Status.words())
}

func (c UploadDocument) decideApplication(a Application) ([]Event, error) {
	old, known := a.Document(c.DocumentID)
	if known && old.Submission == a.Submission {
		return nil, nil
	}
	if err := a.uploadAllowed(); err != nil {
		return nil, err
	}
	if c.Kind != transcript.KHS && c.Kind != transcript.Transcript {
		return nil, InvalidField("kind", "The kind is %q or %q.", transcript.KHS, transcript.Transcript)
	}
	return []Event{&DocumentUploaded{DocumentID: c.DocumentID, Kind: c.Kind, SHA256: c.SHA256, Size: c.Size, Type: c.Type, FileName: shorten(c.FileName), Blob: c.Blob}}, nil
}

// shorten keeps the end of a long file name, where the extension is.
func shorten(name string) string {
	name = strings.ToValidUTF8(name, "\uFFFD")
	for utf8.RuneCountInString(name) > maxText {
		_, n := utf8.DecodeRuneInString(name)
		name = name[n:]
	}
	return name
}

// document finds a document that a person may still decide on.
func (a Application) document(id uuid.UUID) (SubmittedDocument, error) {
	d, ok := a.Document(id)
	if !ok {
		return d, DocumentNotFound()
	}
	if err := a.undecided(); err != nil {
		return d, err
	}
	if d.Submission != a.Submission {
		return d, Errorf(RuleBroken, "document_superseded", "The document belongs to an earlier submission of the application.")
	}
	return d, nil
}

// DocumentNotFound is the error for a document that the application does not hold.
func DocumentNotFound() *Error {
	return Errorf(NotFound, "document_not_found", "There is no such document.")
}

func (c RequestReread) decideApplication(a Application) ([]Event, error) {
	d, err := a.document(c.DocumentID)
	if err != nil {
		return nil, err
	}
	if d.Status() == StatusVerifying {
		return nil, nil
	}
	reason, err := checkReason(c.Reason, false)
	if err != nil {
		return nil, err
	}
	return []Event{&DocumentRereadRequested{DocumentID: d.ID, Reason: reason}}, nil
}

// attempt finds the document for the machine's outcome of an attempt. It is settled, and
// the outcome no longer wanted, when a later attempt or submission took its place, the
// application was withdrawn or erased, or a person or the machine has decided already.
func (a Application) attempt(id uuid.UUID, attempt int) (d SubmittedDocument, settled bool, err error) {
	d, ok := a.Document(id)
	switch {
	case !ok:
		return d, false, DocumentNotFound()
	case attempt < 1 || attempt > d.Attempt:
		return d, false, Errorf(RuleBroken, "attempt_unknown", "The document has %d attempts, there is none numbered %d.", d.Attempt, attempt)
	}
	return d, attempt < d.Attempt || d.Submission != a.Submission || a.Decision == StatusWithdrawn || a.Erased || d.Label() != "", nil
}

// Pending tells whether the machine still owes the attempt a reading or a verdict.
func (a Application) Pending(document uuid.UUID, attempt int) bool {
	_, settled, err := a.attempt(document, attempt)
	return err == nil && !settled
}

func (c RecordReading) decideApplication(a Application) ([]Event, error) {
	d, settled, err := a.attempt(c.DocumentID, c.Attempt)
	if err != nil || settled || d.Reading != nil {
		return nil, err
	}
	return []Event{&DocumentRead{DocumentID: d.ID, Attempt: c.Attempt, Reading: c.Reading, Millis: c.Millis}}, nil
}

func (c RecordVerdict) decideApplication(a Application) ([]Event, error) {
	d, settled, err := a.attempt(c.DocumentID, c.Attempt)
	if err != nil || settled {
		return nil, err
	}
	if d.Reading == nil {
		return nil, Errorf(RuleBroken, "document_not_read", "The document must be read before it is judged.")
	}
	label := c.Verdict.Label
	switch {
	case label == verification.Verified:
		return []Event{&DocumentVerified{DocumentID: d.ID, Attempt: c.Attempt, Verdict: c.Verdict, OpeningRevision: c.OpeningRevision}}, nil
	case label == verification.Rejected(label.Reason()) && label.Reason() != "":
		return []Event{&DocumentRejected{DocumentID: d.ID, Attempt: c.Attempt, Verdict: c.Verdict, OpeningRevision: c.OpeningRevision}}, nil
	case label == verification.Review(label.Reason()) && label.Reason() != "":
		return []Event{&DocumentReferred{DocumentID: d.ID, Attempt: c.Attempt, Verdict: c.Verdict, OpeningRevision: c.OpeningRevision}}, nil
	}
	return nil, Errorf(Invalid, "bad_verdict", "A verdict cannot be %q.", label)
}

func (c RecordReadingFailure) decideApplication(a Application) ([]Event, error) {
	d, settled, err := a.attempt(c.DocumentID, c.Attempt)
	if err != nil || settled || d.Failure != nil {
		return nil, err
	}
	return []Event{&DocumentReadingFailed{DocumentID: d.ID, Attempt: c.Attempt, Code: c.Code, Tries: c.Tries}}, nil
}

func (c OverrideVerification) decideApplication(a Application) ([]Event, error) {
	d, err := a.document(c.DocumentID)
	if err != nil {
		return nil, err
	}
	reason, err := checkReason(c.Reason, true)
	if err != nil {
		return nil, err
	}
	if status := outcomeStatus(c.Outcome); status != StatusVerified && status != StatusRejected {
		return nil, InvalidField("outcome", "The outcome is %q or %q.", StatusVerified, StatusRejected)
	}
	if d.Override != nil && d.Override.Outcome == c.Outcome && d.Override.Reason == reason {
		return nil, nil
	}
	if d.Status() == StatusVerifying {
		return nil, Errorf(RuleBroken, "document_not_judged", "The document is being read; wait for its verdict.")
	}
	return []Event{&VerificationOverridden{DocumentID: d.ID, Outcome: c.Outcome, Reason: reason, Before: string(d.Label())}}, nil
}
