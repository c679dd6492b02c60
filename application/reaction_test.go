package application_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/domain"
	"asprak/domain/transcript"
	"asprak/domain/verification"
	"asprak/infrastructure/blobs"
)

func verdicts(types []string) int {
	n := count(types)
	return n["DocumentVerified"] + n["DocumentRejected"] + n["DocumentReferred"]
}

// uploaded is an application of siti with one document that nobody has read yet.
func uploaded(h *house) (id, document uuid.UUID, stream string) {
	id = h.submit(siti, h.publish())
	document = h.ok(h.service.Upload(h.ctx, by(siti), id, khs("bytes"))).ID
	return id, document, "application-" + id.String()
}

func TestReaction_Upload_ReadAndJudged(t *testing.T) {
	h := open(t)
	id, document, stream := uploaded(h)
	h.settle(nil)
	require.Len(t, h.types(stream), 4)
	require.Equal(t, 1, verdicts(h.types(stream)))
	d, _ := h.application(id).Document(document)
	require.Equal(t, "Siti Rahma", d.Reading.Name.Value)
	require.NotEmpty(t, d.Verdict.Checks)

	entries, err := h.service.History(h.ctx, id)
	require.NoError(t, err)
	trigger := entries[1].Metadata
	for _, e := range entries[2:] {
		require.Equal(t, domain.Actor{ID: "asprak", Role: domain.RoleSystem}, e.Metadata.Actor)
		require.Equal(t, trigger.EventID.String(), e.Metadata.CausationID)
		require.Equal(t, "request-1", e.Metadata.CorrelationID)
		require.Equal(t, "test-1", e.Metadata.Versions.Engine)
	}
	require.Equal(t, verification.PolicyVersion, entries[3].Metadata.Versions.Policy)
}

func TestReaction_Redelivered_OneReadingAndOneVerdict(t *testing.T) {
	h := open(t)
	_, _, stream := uploaded(h)
	record := h.only("DocumentUploaded")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			// A lost race is handed out again like any other fault.
			for h.reaction(nil).Handle(h.ctx, record, 1) != nil {
			}
		})
	}
	wg.Wait()
	require.Equal(t, 1, count(h.types(stream))["DocumentRead"])
	require.Equal(t, 1, verdicts(h.types(stream)))
	reads := h.reader.reads
	require.NoError(t, h.reaction(nil).Handle(h.ctx, record, 2))
	require.Equal(t, reads, h.reader.reads, "what is concluded is not read again")
}

// archive is the read model that the reaction asks, as seen from here.
type archive struct {
	fail       error
	reading    *transcript.Reading
	duplicates []verification.Duplicate
	asked      []application.Position
}

func (a *archive) Duplicates(_ context.Context, before application.Position, sha256, rows, nim string) ([]verification.Duplicate, error) {
	a.asked = append(a.asked, before)
	return a.duplicates, a.fail
}

func (a *archive) Reading(context.Context, application.Position, string, domain.Versions) (*transcript.Reading, error) {
	return a.reading, nil
}

func TestReaction_CrashBetweenReadingAndVerdict_OneOfEach(t *testing.T) {
	h := open(t)
	id, _, stream := uploaded(h)
	record := h.only("DocumentUploaded")
	down := &archive{fail: errBroken}
	require.ErrorIs(t, h.reaction(down).Handle(h.ctx, record, 1), errBroken)
	require.Equal(t, []string{"ApplicationSubmitted", "DocumentUploaded", "DocumentRead"}, h.types(stream))
	require.Equal(t, domain.StatusVerifying, h.application(id).Status)

	up := &archive{}
	require.NoError(t, h.reaction(up).Handle(h.ctx, record, 2))
	require.Equal(t, 1, h.reader.reads)
	require.Equal(t, 1, count(h.types(stream))["DocumentRead"])
	require.Equal(t, 1, verdicts(h.types(stream)))
	require.Equal(t, []application.Position{record.Position, h.only("DocumentRead").Position}, up.asked)
}

func TestReaction_ReaderFails_TriedAgainThenGivenUp(t *testing.T) {
	h := open(t)
	id, document, stream := uploaded(h)
	record := h.only("DocumentUploaded")
	h.reader.err = &application.ReaderError{Code: "crashed", Err: errBroken}
	err := h.reaction(nil).Handle(h.ctx, record, 1)
	require.ErrorIs(t, err, errBroken)
	require.Equal(t, []string{"ApplicationSubmitted", "DocumentUploaded"}, h.types(stream))

	for range 2 {
		require.NoError(t, h.reaction(nil).GiveUp(h.ctx, record, 5, err))
	}
	require.Equal(t, 1, count(h.types(stream))["DocumentReadingFailed"])
	d, _ := h.application(id).Document(document)
	require.Equal(t, &domain.ReadingFailure{Code: "crashed", Tries: 5}, d.Failure)
	require.Equal(t, domain.StatusReadingFailed, h.application(id).Status)

	h.reader.err = nil
	require.NoError(t, h.reaction(nil).Handle(h.ctx, record, 1), "a parked event that is replayed")
	require.Equal(t, 1, verdicts(h.types(stream)))
	require.NotEqual(t, domain.StatusReadingFailed, h.application(id).Status)
}

func TestReaction_GiveUp_NamesTheCause(t *testing.T) {
	for want, cause := range map[string]error{"timeout": context.DeadlineExceeded, "internal": errBroken, "out_of_memory": &application.ReaderError{Code: "out_of_memory", Err: errBroken}} {
		h := open(t)
		id, document, _ := uploaded(h)
		require.NoError(t, h.reaction(nil).GiveUp(h.ctx, h.only("DocumentUploaded"), 3, errors.Join(errors.New("router"), cause)))
		d, _ := h.application(id).Document(document)
		require.Equal(t, want, d.Failure.Code)
	}
}

func TestReaction_ReadingTooLargeForTheLog_IsAnOutcome(t *testing.T) {
	h := open(t)
	id, document, _ := uploaded(h)
	h.reader.rows = 1200
	record := h.only("DocumentUploaded")
	for range 2 {
		require.NoError(t, h.reaction(nil).Handle(h.ctx, record, 1))
	}
	d, _ := h.application(id).Document(document)
	require.Equal(t, &domain.ReadingFailure{Code: "reading_too_large", Tries: 1}, d.Failure)
}

func TestReaction_SameBytesReadBefore_NotReadAgainExceptOnReread(t *testing.T) {
	h := open(t)
	id, document, stream := uploaded(h)
	known := &archive{reading: &transcript.Reading{Kind: transcript.KHS, Detail: "from the archive"}}
	h.settle(known)
	require.Zero(t, h.reader.reads)
	d, _ := h.application(id).Document(document)
	require.Equal(t, "from the archive", d.Reading.Detail)

	h.ok(h.service.Reread(h.ctx, by(admin), id, document, "new engine"))
	require.Zero(t, h.ok(h.service.Reread(h.ctx, by(admin), id, document, "again")).Recorded)
	h.settle(known)
	require.Equal(t, 1, h.reader.reads)
	require.Equal(t, 2, count(h.types(stream))["DocumentRead"])
	require.Equal(t, 2, verdicts(h.types(stream)))
}

func TestReaction_Duplicate_IsReferred(t *testing.T) {
	h := open(t)
	id, _, _ := uploaded(h)
	h.settle(&archive{duplicates: []verification.Duplicate{{DocumentID: uuid.NewString(), NIM: "22/1", Same: "file"}}})
	d := h.application(id).Documents[0]
	var found int
	for _, c := range d.Verdict.Checks {
		if c.Reason == "duplicate_document" {
			found += len(c.Evidence)
		}
	}
	require.Equal(t, 1, found, "told once, though the archive knows file and rows: %+v", d.Verdict.Checks)
}

func TestReaction_WithdrawnBeforeReading_StaysUnread(t *testing.T) {
	h := open(t)
	id, _, stream := uploaded(h)
	h.ok(h.service.Withdraw(h.ctx, by(siti), id, ""))
	h.settle(nil)
	require.Zero(t, h.reader.reads)
	require.Equal(t, []string{"ApplicationSubmitted", "DocumentUploaded", "ApplicationWithdrawn"}, h.types(stream))
}

func TestReaction_Resubmitted_SameFileIsReadForTheCorrectedApplicant(t *testing.T) {
	h := open(t)
	id, document, stream := uploaded(h)
	h.settle(nil)
	h.ok(h.service.Withdraw(h.ctx, by(siti), id, "typo"))
	other := applicant()
	other.Name = "Siti Rahmawati"
	require.Equal(t, 1, h.ok(h.service.Resubmit(h.ctx, by(siti), id, other)).Recorded)
	require.Zero(t, h.ok(h.service.Resubmit(h.ctx, by(siti), id, other)).Recorded)
	require.Equal(t, document, h.ok(h.service.Upload(h.ctx, by(siti), id, khs("bytes"))).ID)
	h.settle(nil)
	require.Equal(t, 2, verdicts(h.types(stream)))
	d, _ := h.application(id).Document(document)
	require.Equal(t, 2, d.Attempt)
	require.NotNil(t, d.Verdict)
}

func TestAccept_AwardsASeatThenAccepts(t *testing.T) {
	h := open(t)
	opening := h.publish()
	one, two := h.verified(siti, opening), h.verified(budi, opening)

	done := h.ok(h.service.Accept(h.ctx, by(admin, "k"), one, "best"))
	require.Equal(t, one, done.ID)
	award := h.only("SeatAwarded")
	require.Equal(t, award.Position, done.Position)
	require.Equal(t, domain.StatusVerified, h.application(one).Status)
	require.Zero(t, h.ok(h.service.Accept(h.ctx, by(admin), one, "best")).Recorded)
	again := h.ok(h.service.Accept(h.ctx, by(admin, "k"), one, "best"))
	require.Equal(t, done.Position, again.Position)
	require.Zero(t, again.Recorded)
	r, err := h.service.Accept(h.ctx, by(admin), two, "")
	h.refused("no_seat_left", r, err)

	h.settle(nil)
	require.NoError(t, h.reaction(nil).Handle(h.ctx, award, 2))
	require.Equal(t, domain.StatusAccepted, h.application(one).Status)
	accepted := h.only("ApplicationAccepted")
	require.True(t, strings.Contains(string(accepted.Metadata), award.ID.String()), "caused by the award")
	r, err = h.service.Withdraw(h.ctx, by(budi), one, "")
	h.refused("application_not_found", r, err)

	h.ok(h.service.Confirm(h.ctx, by(siti), one))
	h.ok(h.service.TurnDown(h.ctx, by(siti), one, "busy"))
	h.settle(nil)
	require.Empty(t, h.opening(opening).Awarded)
	h.ok(h.service.Waitlist(h.ctx, by(admin), two, "next"))
	h.ok(h.service.Accept(h.ctx, by(admin), two, "free now"))
	h.settle(nil)
	require.Equal(t, domain.StatusAccepted, h.application(two).Status)
	require.Equal(t, []uuid.UUID{two}, h.opening(opening).Awarded)
}

func TestAccept_EndedBeforeTheReaction_SeatIsFree(t *testing.T) {
	for name, end := range map[string]func(*house, uuid.UUID) (application.Result, error){
		"withdrawn": func(h *house, id uuid.UUID) (application.Result, error) {
			return h.service.Withdraw(h.ctx, by(siti), id, "")
		},
		"declined": func(h *house, id uuid.UUID) (application.Result, error) {
			return h.service.Decline(h.ctx, by(admin), id, "mistake")
		},
		"overridden": func(h *house, id uuid.UUID) (application.Result, error) {
			return h.service.Override(h.ctx, by(admin), id, h.application(id).Documents[0].ID, "rejected", "borrowed")
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			opening := h.publish()
			id := h.verified(siti, opening)
			h.ok(h.service.Accept(h.ctx, by(admin), id, ""))
			h.ok(end(h, id))
			h.settle(nil)
			require.Empty(t, h.opening(opening).Awarded)
			require.Equal(t, []string{"OpeningPublished", "SeatAwarded", "SeatReleased"}, h.types("opening-"+opening.String()))
			require.Empty(t, h.since(application.Position{}, "ApplicationAccepted"))
		})
	}
}

func TestRelease_DeliveredLate_LeavesANewerAwardAlone(t *testing.T) {
	h := open(t)
	opening := h.publish()
	id := h.verified(siti, opening)
	h.ok(h.service.Accept(h.ctx, by(admin), id, "first"))
	h.settle(nil)
	h.ok(h.service.Withdraw(h.ctx, by(siti), id, ""))
	h.settle(nil)
	first, withdrawn := h.only("SeatAwarded"), h.only("ApplicationWithdrawn")

	h.ok(h.service.Resubmit(h.ctx, by(siti), id, applicant()))
	document := h.ok(h.service.Upload(h.ctx, by(siti), id, khs("better"))).ID
	h.settle(nil)
	h.ok(h.service.Override(h.ctx, by(admin), id, document, "verified", "seen"))
	h.ok(h.service.Accept(h.ctx, by(admin), id, "second"))
	for _, late := range []application.Record{withdrawn, first} {
		require.NoError(t, h.reaction(nil).Handle(h.ctx, late, 2))
	}
	require.True(t, h.opening(opening).HoldsSeat(id))
	require.Equal(t, domain.StatusVerified, h.application(id).Status)
	h.settle(nil)
	require.Equal(t, domain.StatusAccepted, h.application(id).Status)
}

func TestRelease_NoSeatTheFirstTime_LeavesALaterAwardAlone(t *testing.T) {
	h := open(t)
	opening := h.publish()
	id := h.verified(siti, opening)
	h.ok(h.service.Withdraw(h.ctx, by(siti), id, ""))
	h.settle(nil)
	require.NoError(t, h.again(siti, id, "better"))
	h.ok(h.service.Accept(h.ctx, by(admin), id, ""))
	require.NoError(t, h.reaction(nil).Handle(h.ctx, h.only("ApplicationWithdrawn"), 2))
	require.True(t, h.opening(opening).HoldsSeat(id))
}

func TestAccept_AwardWasReleased_DeliveredLate_AcceptsNobody(t *testing.T) {
	h := open(t)
	opening := h.publish()
	id := h.verified(siti, opening)
	document := h.application(id).Documents[0].ID
	h.ok(h.service.Accept(h.ctx, by(admin), id, ""))
	h.ok(h.service.Override(h.ctx, by(admin), id, document, "rejected", "borrowed"))
	h.settle(nil)
	h.ok(h.service.Override(h.ctx, by(admin), id, document, "verified", "not borrowed"))
	require.NoError(t, h.reaction(nil).Handle(h.ctx, h.only("SeatAwarded"), 2))
	require.Equal(t, domain.StatusVerified, h.application(id).Status)
	require.False(t, h.opening(opening).HoldsSeat(id))
}

func TestReaction_EventThatIsNoneOfItsBusiness_IsAnError(t *testing.T) {
	h := open(t)
	h.publish()
	require.Error(t, h.reaction(nil).Handle(h.ctx, h.only("OpeningPublished"), 1))
	require.NoError(t, h.reaction(nil).GiveUp(h.ctx, h.only("OpeningPublished"), 3, errBroken))
	unknown := h.only("OpeningPublished")
	unknown.Type = "OpeningPublished.v9"
	require.ErrorIs(t, h.reaction(nil).Handle(h.ctx, unknown, 1), application.ErrUnknownEvent)
	require.NoError(t, h.reaction(nil).GiveUp(h.ctx, unknown, 3, errBroken), "parked, not tried for ever")
}

func TestReaction_BytesMissing_IsAFaultThatIsGivenUp(t *testing.T) {
	h := open(t)
	id, document, _ := uploaded(h)
	record := h.only("DocumentUploaded")
	empty, err := blobs.OpenFolder(t.TempDir())
	require.NoError(t, err)
	h.service = application.New(h.log, empty, application.Options{Keys: h.keys})
	err = h.reaction(nil).Handle(h.ctx, record, 1)
	require.ErrorIs(t, err, application.ErrBlobMissing)
	require.NoError(t, h.reaction(nil).GiveUp(h.ctx, record, 1, err))
	d, _ := h.application(id).Document(document)
	require.Equal(t, "bytes_missing", d.Failure.Code)
}
