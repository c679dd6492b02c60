package application

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"asprak/domain"
	"asprak/domain/transcript"
	"asprak/domain/verification"
)

// Reaction answers events with what has to follow: a document is read and judged, an award
// becomes an acceptance, the seat of an ended application is freed, what is held of an erased person is destroyed. All that it
// records has ids that follow from the event, so that a redelivery at any point ends in the same events.
type Reaction struct {
	service *Service
	reader  Reader
	archive Archive
	policy  verification.Policy
	observe func(Concluded)

	accounts AccountEraser // nil: there are none here
}

// Concluded is how the machine came to an end with a document: with a verdict on what was
// read, or with the code of a failure.
type Concluded struct {
	Reading transcript.Reading
	Verdict verification.Verdict
	Failure string // "" with a verdict
}

// NewReaction returns the reaction that judges by the policy. Without an archive (nil) no duplicates are looked for
// and no reading is used again.
func NewReaction(s *Service, reader Reader, archive Archive, policy verification.Policy) *Reaction {
	return &Reaction{service: s, reader: reader, archive: archive, policy: policy, observe: func(Concluded) {}}
}

// Observe has f told of each end that is recorded. Call it before Handle.
func (r *Reaction) Observe(f func(Concluded)) { r.observe = f }

// EraseAccounts has the accounts of erased persons removed too. Call it before Handle.
func (r *Reaction) EraseAccounts(a AccountEraser) { r.accounts = a }

// Types are the stored names of the events that Handle wants.
func (r *Reaction) Types() []string {
	return []string{"DocumentUploaded", "DocumentRereadRequested", "SeatAwarded", "ApplicationWithdrawn", "OfferTurnedDown", "ApplicationDeclined", "ApplicationErased", "ErasureAsked"}
}

// Handle does what has to follow the event. An error means that it should be tried again:
// nothing is lost or done twice by that.
func (r *Reaction) Handle(ctx context.Context, record Record, attempt int) error {
	trigger, err := r.trigger(record)
	if err != nil {
		return err
	}
	switch e := trigger.Event.(type) {
	case *domain.DocumentUploaded:
		err = r.examine(ctx, record.Stream, trigger, e.DocumentID, attempt)
	case *domain.DocumentRereadRequested:
		err = r.examine(ctx, record.Stream, trigger, e.DocumentID, attempt)
	case *domain.SeatAwarded:
		err = r.accept(ctx, record.Stream, trigger, e)
	case *domain.ApplicationWithdrawn, *domain.OfferTurnedDown, *domain.ApplicationDeclined:
		err = r.release(ctx, record.Stream, trigger)
	case *domain.ApplicationErased:
		err = r.erased(ctx, record.Stream, trigger)
	case *domain.ErasureAsked:
		err = r.erasePerson(ctx, record.Stream, trigger, e)
	default:
		return fmt.Errorf("application: no reaction to %s", record.Type)
	}
	if err != nil {
		err = fmt.Errorf("application: reaction to %s %s: %w", record.Type, record.ID, err)
	}
	if attempt >= maxKilled && killed(err) {
		return deadly{err}
	}
	return err
}

// maxKilled is how many readers a document may cost.
const maxKilled = 2

// killed tells that a reader did not survive the document.
func killed(err error) bool {
	var fault *ReaderError
	return errors.As(err, &fault) && slices.Contains([]string{"timeout", "crashed", "out_of_memory"}, fault.Code)
}

// deadly is an error that another try would only repeat.
type deadly struct{ error }

func (d deadly) Unwrap() error { return d.error }

// Final tells so, to whoever hosts the reaction.
func (deadly) Final() bool { return true }

// GiveUp records that a document could not be read, after so many tries and for the cause.
// Events of other kinds, and those that cannot be understood, leave nothing to record: they
// are only parked. An error means that the event should come again: GiveUp failed, or the cause is
// that the log, the read models or the documents' storage cannot be reached, which says
// nothing of the document.
func (r *Reaction) GiveUp(ctx context.Context, record Record, tries int, cause error) error {
	if passing(cause) {
		return fmt.Errorf("application: %s %s is not given up for that: %w", record.Type, record.ID, cause)
	}
	err := r.giveUp(ctx, record, tries, cause)
	var rule *domain.Error
	if errors.Is(err, ErrUnknownEvent) || errors.Is(err, ErrBrokenEvent) || errors.As(err, &rule) {
		r.service.logger.ErrorContext(ctx, "giving up left nothing to record", "type", record.Type, "event", record.ID, "error", err)
		return nil
	}
	return err
}

func (r *Reaction) giveUp(ctx context.Context, record Record, tries int, cause error) error {
	trigger, err := r.trigger(record)
	if err != nil {
		return err
	}
	var document uuid.UUID
	switch e := trigger.Event.(type) {
	case *domain.DocumentUploaded:
		document = e.DocumentID
	case *domain.DocumentRereadRequested:
		document = e.DocumentID
	default:
		return nil
	}
	at, err := load(ctx, r.service, record.Stream, fresh[domain.Application]())
	if err != nil {
		return err
	}
	return r.fail(ctx, record.Stream, at, trigger, document, failureCode(cause), tries)
}

func (r *Reaction) trigger(record Record) (Entry, error) {
	event, metadata, err := r.service.codec.Decode(record)
	return Entry{Revision: record.Revision, Position: record.Position, Type: record.Type, RecordedAt: record.RecordedAt, Event: event, Metadata: metadata}, err
}

// examine reads and judges a document; either step is left out when it is done already.
func (r *Reaction) examine(ctx context.Context, stream string, trigger Entry, document uuid.UUID, try int) error {
	at, err := load(ctx, r.service, stream, fresh[domain.Application]())
	if err != nil {
		return err
	}
	number := attemptOf(at.Entries, trigger, document)
	if !at.State.Pending(document, number) {
		return nil
	}
	d, _ := at.State.Document(document)
	if d.Reading == nil {
		at, err = r.read(ctx, stream, at, trigger, d, number)
		if errors.Is(err, ErrTooLarge) {
			return r.fail(ctx, stream, at, trigger, document, "reading_too_large", try)
		}
		if err != nil {
			return err
		}
	}
	return r.judge(ctx, stream, at, trigger, document, number)
}

func (r *Reaction) read(ctx context.Context, stream string, at loaded[domain.Application], trigger Entry, d domain.SubmittedDocument, number int) (loaded[domain.Application], error) {
	versions := r.reader.Versions()
	began := time.Now()
	reading, err := r.earlierReading(ctx, trigger, d, versions)
	if err != nil {
		return at, err
	}
	if reading == nil {
		if reading, err = r.readBytes(ctx, at, d); err != nil {
			return at, err
		}
	}
	command := domain.RecordReading{DocumentID: d.ID, Attempt: number, Reading: *reading, Millis: time.Since(began).Milliseconds()}
	at, _, err = write(ctx, r.service, stream, at, reactionCall(trigger, "read", &versions), func(at loaded[domain.Application]) ([]domain.Event, error) {
		return at.State.Decide(command)
	})
	return at, err
}

// earlierReading finds what the same engine made of the same bytes before. A re-read is
// asked for to have the bytes read anew, and what is wrong with a file may lie in its name.
func (r *Reaction) earlierReading(ctx context.Context, trigger Entry, d domain.SubmittedDocument, versions domain.Versions) (*transcript.Reading, error) {
	if _, upload := trigger.Event.(*domain.DocumentUploaded); !upload || r.archive == nil {
		return nil, nil
	}
	reading, err := r.archive.Reading(ctx, trigger.Position, d.SHA256, versions)
	if err != nil || reading == nil || reading.Problem != "" {
		return nil, err
	}
	return reading, nil
}

func (r *Reaction) readBytes(ctx context.Context, at loaded[domain.Application], d domain.SubmittedDocument) (*transcript.Reading, error) {
	content, err := r.service.bytesOf(ctx, at, d)
	switch {
	case errors.Is(err, ErrBlobMissing):
		return nil, &ReaderError{Code: "bytes_missing", Err: err}
	case errors.Is(err, ErrBlobDamaged):
		return nil, &ReaderError{Code: "bytes_damaged", Err: err}
	case err != nil:
		return nil, err
	}
	reading, err := r.reader.Read(ctx, Document{Name: d.FileName, Content: content})
	return &reading, err
}

func (r *Reaction) judge(ctx context.Context, stream string, at loaded[domain.Application], trigger Entry, document uuid.UUID, number int) error {
	read, ok := readingOf(at.Entries, document, number)
	if !ok || !at.State.Pending(document, number) {
		return nil
	}
	d, _ := at.State.Document(document)
	opening, err := r.service.loadOpening(ctx, at.State.OpeningID)
	if err != nil {
		return err
	}
	person := at.State.Applicant
	duplicates, err := r.duplicates(ctx, trigger, read, d, person.NIM)
	if err != nil {
		return err
	}
	verdict := verification.Judge(*d.Reading, verification.Applicant{Name: person.Name, NIM: person.NIM}, opening.State.Details.Requirement, duplicates, r.policy)
	versions := domain.Versions{Policy: verdict.Policy}
	if v := read.Metadata.Versions; v != nil {
		versions.Engine, versions.Layout = v.Engine, v.Layout
	}
	command := domain.RecordVerdict{DocumentID: document, Attempt: number, Verdict: verdict, OpeningRevision: int64(opening.Revision)}
	_, done, err := write(ctx, r.service, stream, at, reactionCall(trigger, "judge", &versions), func(at loaded[domain.Application]) ([]domain.Event, error) {
		return at.State.Decide(command)
	})
	if err == nil && done.recorded > 0 {
		r.observe(Concluded{Reading: *d.Reading, Verdict: verdict})
	}
	return err
}

// duplicates asks for the same bytes in the order of upload and for the same rows in the
// order of reading: of two documents exactly the later one is told of the other. One that
// is read again is told of all there are by then.
func (r *Reaction) duplicates(ctx context.Context, trigger, read Entry, d domain.SubmittedDocument, nim string) ([]verification.Duplicate, error) {
	if r.archive == nil {
		return nil, nil
	}
	files, err := r.archive.Duplicates(ctx, trigger.Position, d.SHA256, "", nim)
	if err != nil {
		return nil, err
	}
	rows, err := r.archive.Duplicates(ctx, read.Position, "", transcript.RowsKey(*d.Reading), nim)
	for _, row := range rows {
		if !slices.ContainsFunc(files, func(file verification.Duplicate) bool { return file.DocumentID == row.DocumentID }) {
			files = append(files, row)
		}
	}
	return files, err
}

func (r *Reaction) fail(ctx context.Context, stream string, at loaded[domain.Application], trigger Entry, document uuid.UUID, code string, tries int) error {
	r.service.logger.WarnContext(ctx, "a document could not be read", "request_id", trigger.Metadata.CorrelationID, "stream", stream, "document", document, "code", code, "tries", tries)
	command := domain.RecordReadingFailure{DocumentID: document, Attempt: attemptOf(at.Entries, trigger, document), Code: code, Tries: tries}
	_, done, err := write(ctx, r.service, stream, at, reactionCall(trigger, "fail", nil), func(at loaded[domain.Application]) ([]domain.Event, error) {
		return at.State.Decide(command)
	})
	if err == nil && done.recorded > 0 {
		r.observe(Concluded{Failure: code})
	}
	return err
}

// accept turns an award into an acceptance. An application that ended after the award, or
// that cannot be accepted any more, gives the seat back.
func (r *Reaction) accept(ctx context.Context, stream string, trigger Entry, award *domain.SeatAwarded) error {
	opening, err := load(ctx, r.service, stream, fresh[domain.Opening]())
	if err != nil {
		return err
	}
	if !heldBy(opening, award.ApplicationID, trigger) {
		return nil
	}
	accepted := applicationStream(award.ApplicationID)
	known, err := load(ctx, r.service, accepted, fresh[domain.Application]())
	if err != nil {
		return err
	}
	_, _, err = write(ctx, r.service, accepted, known, reactionCall(trigger, "accept", nil), func(at loaded[domain.Application]) ([]domain.Event, error) {
		if endedAfter(at.Entries, trigger.Position) {
			return nil, domain.Errorf(domain.RuleBroken, "application_ended", "The application ended after the seat was awarded.")
		}
		return at.State.Decide(domain.AcceptApplication{Reason: award.Reason})
	})
	var rule *domain.Error
	if !errors.As(err, &rule) {
		return err
	}
	_, _, err = write(ctx, r.service, stream, opening, reactionCall(trigger, "release", nil), func(at loaded[domain.Opening]) ([]domain.Event, error) {
		if !heldBy(at, award.ApplicationID, trigger) {
			return nil, nil
		}
		return at.State.Decide(domain.ReleaseSeat{ApplicationID: award.ApplicationID, Reason: rule.Code})
	})
	return err
}

// release frees the seat that an ended application held. A seat awarded after the end, to
// the application resubmitted, is none of this event's business.
func (r *Reaction) release(ctx context.Context, stream string, trigger Entry) error {
	id, ok := applicationOf(stream)
	if !ok {
		return fmt.Errorf("%s is not an application", stream)
	}
	at, err := load(ctx, r.service, stream, fresh[domain.Application]())
	if err != nil {
		return err
	}
	opening, err := r.service.loadOpening(ctx, at.State.OpeningID)
	if err != nil {
		return err
	}
	_, _, err = write(ctx, r.service, openingStream(at.State.OpeningID), opening, reactionCall(trigger, "release", nil), func(at loaded[domain.Opening]) ([]domain.Event, error) {
		award, ok := lastAward(at.Entries, id)
		if !ok || award.Position.Compare(trigger.Position) > 0 {
			return nil, nil
		}
		return at.State.Decide(domain.ReleaseSeat{ApplicationID: id, Reason: trigger.Type})
	})
	return err
}

// heldBy tells whether the application holds the very seat that the trigger awarded.
func heldBy(opening loaded[domain.Opening], application uuid.UUID, trigger Entry) bool {
	award, ok := lastAward(opening.Entries, application)
	return ok && award.Metadata.EventID == trigger.Metadata.EventID && opening.State.HoldsSeat(application)
}

func lastAward(entries []Entry, application uuid.UUID) (Entry, bool) {
	for i := len(entries) - 1; i >= 0; i-- {
		if e, ok := entries[i].Event.(*domain.SeatAwarded); ok && e.ApplicationID == application {
			return entries[i], true
		}
	}
	return Entry{}, false
}

// endedAfter tells whether the application was withdrawn, declined, turned down or erased behind
// the position, even if it was resubmitted since.
func endedAfter(entries []Entry, position Position) bool {
	for _, e := range entries {
		switch e.Event.(type) {
		case *domain.ApplicationWithdrawn, *domain.ApplicationDeclined, *domain.OfferTurnedDown, *domain.ApplicationErased:
			if e.Position.Compare(position) > 0 {
				return true
			}
		}
	}
	return false
}

// attemptOf is the number of the attempt that the trigger asked for: how often the document
// had been asked to be read by then.
func attemptOf(entries []Entry, trigger Entry, document uuid.UUID) int {
	n := 0
	for _, e := range entries {
		if e.Revision > trigger.Revision {
			break
		}
		switch asked := e.Event.(type) {
		case *domain.DocumentUploaded:
			if asked.DocumentID == document {
				n++
			}
		case *domain.DocumentRereadRequested:
			if asked.DocumentID == document {
				n++
			}
		}
	}
	return n
}

func readingOf(entries []Entry, document uuid.UUID, attempt int) (Entry, bool) {
	for _, e := range entries {
		if read, ok := e.Event.(*domain.DocumentRead); ok && read.DocumentID == document && read.Attempt == attempt {
			return e, true
		}
	}
	return Entry{}, false
}

func passing(cause error) bool {
	var e *domain.Error
	return errors.Is(cause, ErrUnavailable) || errors.Is(cause, ErrKeysUnavailable) || errors.Is(cause, ErrBlobsUnavailable) || errors.As(cause, &e) && e.Kind == domain.Unavailable
}

// failureCode names why a document could not be read, for the record.
func failureCode(cause error) string {
	var fault *ReaderError
	switch {
	case errors.As(cause, &fault):
		return fault.Code
	case errors.Is(cause, context.DeadlineExceeded):
		return "timeout"
	}
	return "internal"
}
