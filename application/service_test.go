package application_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/domain"
)

func TestSubmit_Concurrently_MakesOneApplication(t *testing.T) {
	for name, key := range map[string]func(int) string{
		"no keys":    func(int) string { return "" },
		"own keys":   func(i int) string { return fmt.Sprint("key-", i) },
		"shared key": func(int) string { return "key" },
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			opening := h.publish()
			var wg sync.WaitGroup
			results, errs := make([]application.Result, 8), make([]error, 8)
			for i := range results {
				wg.Go(func() {
					results[i], errs[i] = h.service.Submit(h.ctx, by(siti, key(i)), opening, applicant())
				})
			}
			wg.Wait()
			for i := range results {
				require.NoError(t, errs[i])
				require.Equal(t, results[0].ID, results[i].ID)
				require.Equal(t, results[0].Position, results[i].Position)
			}
			require.Equal(t, []string{"ApplicationSubmitted"}, h.types("application-"+results[0].ID.String()))
		})
	}
}

func TestSubmit_SameKey_AnsweredAsTheFirstTime(t *testing.T) {
	h := open(t)
	opening := h.publish()
	first := h.ok(h.service.Submit(h.ctx, by(siti, "k"), opening, applicant()))
	require.Equal(t, 1, first.Recorded)
	h.ok(h.service.Withdraw(h.ctx, by(siti), first.ID, "ill"))

	again := h.ok(h.service.Submit(h.ctx, by(siti, "k"), opening, applicant()))
	require.Zero(t, again.Recorded)
	again.Recorded = 1
	require.Equal(t, first, again)
}

func TestSubmit_SameKeyOtherContent_Refused(t *testing.T) {
	h := open(t)
	opening, another := h.publish(), h.publish()
	h.ok(h.service.Submit(h.ctx, by(siti, "k"), opening, applicant()))
	other := applicant()
	other.Name = "Siti Rahmawati"
	r, err := h.service.Submit(h.ctx, by(siti, "k"), opening, other)
	h.refused("idempotency_key_reused", r, err)
	r, err = h.service.Submit(h.ctx, by(siti, "k"), another, applicant())
	h.refused("idempotency_key_reused", r, err)

	theirs := h.ok(h.service.Submit(h.ctx, by(budi, "k"), another, applicant()))
	require.Equal(t, 1, theirs.Recorded, "another actor's key is another key")
}

func TestSubmit_AppliedAlready_QuietOrRefused(t *testing.T) {
	h := open(t)
	opening := h.publish()
	h.submit(siti, opening)
	require.Zero(t, h.ok(h.service.Submit(h.ctx, by(siti), opening, applicant())).Recorded)
	other := applicant()
	other.NIM = "22/1"
	r, err := h.service.Submit(h.ctx, by(siti), opening, other)
	h.refused("already_applied", r, err)

	h.ok(h.service.CloseOpening(h.ctx, by(admin), opening, "enough"))
	again := h.ok(h.service.Submit(h.ctx, by(siti), opening, applicant()))
	require.Zero(t, again.Recorded)
	require.Equal(t, h.only("ApplicationSubmitted").Position, again.Position)
}

func TestSubmit_FollowsTheOpeningThatOthersChange(t *testing.T) {
	h := open(t)
	opening := h.publish()
	elsewhere := application.New(h.log, nil, application.Options{Keys: h.keys, Clock: func() time.Time { return during }})
	h.submit(siti, opening)
	h.ok(elsewhere.CloseOpening(h.ctx, by(admin), opening, "enough"))
	r, err := h.service.Submit(h.ctx, by(budi), opening, applicant())
	h.refused("opening_closed", r, err)
	h.ok(elsewhere.ReopenOpening(h.ctx, by(admin), opening, closes.Add(time.Hour), "few came"))
	h.submit(budi, opening)
	r, err = h.service.Submit(h.ctx, by(budi), uuid.New(), applicant())
	h.refused("opening_not_found", r, err)
}

func TestPublishOpening_SameKey_OneOpening(t *testing.T) {
	h := open(t)
	first := h.ok(h.service.PublishOpening(h.ctx, by(admin, "k"), details()))
	require.Equal(t, first.ID, h.ok(h.service.PublishOpening(h.ctx, by(admin, "k"), details())).ID)
	require.NotEqual(t, first.ID, h.publish())
	other := details()
	other.Seats = 9
	r, err := h.service.PublishOpening(h.ctx, by(admin, "k"), other)
	h.refused("idempotency_key_reused", r, err)
}

func TestOpening_Commands_ChangeItInOrder(t *testing.T) {
	h := open(t)
	id := h.publish()
	revised := details()
	revised.Seats = 4
	require.Equal(t, application.Revision(1), h.ok(h.service.ReviseOpening(h.ctx, by(admin), id, revised, "more")).Revision)
	h.ok(h.service.CloseOpening(h.ctx, by(admin), id, ""))
	h.ok(h.service.ReopenOpening(h.ctx, by(admin), id, closes.Add(time.Hour), ""))
	last := h.ok(h.service.CancelOpening(h.ctx, by(admin), id, "no funds"))
	require.Equal(t, last.Position, h.ok(h.service.CancelOpening(h.ctx, by(admin), id, "again")).Position)
	r, err := h.service.CloseOpening(h.ctx, by(admin), id, "")
	h.refused("opening_cancelled", r, err)
	r, err = h.service.CloseOpening(h.ctx, by(admin), uuid.New(), "")
	h.refused("opening_not_found", r, err)

	o, revision, err := h.service.Opening(h.ctx, id)
	require.NoError(t, err)
	require.Equal(t, application.Revision(4), revision)
	require.Equal(t, domain.StatusCancelled, o.Status)
	require.Equal(t, 4, o.Details.Seats)
	require.Equal(t, closes.Add(time.Hour), o.Details.ClosesAt)
}

func TestCommands_OtherRoleOrOtherApplicant_Refused(t *testing.T) {
	h := open(t)
	opening := h.publish()
	id := h.submit(siti, opening)
	s := h.service
	for _, c := range []struct {
		code string
		run  func() (application.Result, error)
	}{
		{"not_allowed", func() (application.Result, error) { return s.PublishOpening(h.ctx, by(siti), details()) }},
		{"not_allowed", func() (application.Result, error) { return s.CancelOpening(h.ctx, by(auditor), opening, "x") }},
		{"not_allowed", func() (application.Result, error) { return s.Submit(h.ctx, by(admin), opening, applicant()) }},
		{"not_allowed", func() (application.Result, error) { return s.Accept(h.ctx, by(siti), id, "") }},
		{"not_allowed", func() (application.Result, error) { return s.Decline(h.ctx, by(siti), id, "x") }},
		{"not_allowed", func() (application.Result, error) {
			return s.Override(h.ctx, by(siti), id, uuid.New(), "verified", "x")
		}},
		{"not_allowed", func() (application.Result, error) { return s.Withdraw(h.ctx, by(admin), id, "") }},
		{"application_not_found", func() (application.Result, error) { return s.Withdraw(h.ctx, by(budi), id, "") }},
		{"application_not_found", func() (application.Result, error) { return s.Upload(h.ctx, by(budi), id, khs("x")) }},
		{"application_not_found", func() (application.Result, error) { return s.Confirm(h.ctx, by(siti), uuid.New()) }},
		{"application_not_found", func() (application.Result, error) { return s.Accept(h.ctx, by(admin), uuid.New(), "") }},
		{"document_not_found", func() (application.Result, error) { return s.Reread(h.ctx, by(admin), id, uuid.New(), "") }},
	} {
		r, err := c.run()
		h.refused(c.code, r, err)
	}
	require.Equal(t, []string{"ApplicationSubmitted"}, h.types("application-"+id.String()))
}

func TestIfMatch_Stale_Refused(t *testing.T) {
	h := open(t)
	id := h.verified(siti, h.publish())
	_, now, err := h.service.Application(h.ctx, id, application.Until{})
	require.NoError(t, err)
	stale := now - 1
	for _, run := range []func(application.Request) (application.Result, error){
		func(r application.Request) (application.Result, error) { return h.service.Accept(h.ctx, r, id, "best") },
		func(r application.Request) (application.Result, error) {
			return h.service.Waitlist(h.ctx, r, id, "next")
		},
	} {
		req := by(admin)
		req.IfMatch = &stale
		r, err := run(req)
		h.refused("revision_mismatch", r, err)
		req.IfMatch = &now
		require.Equal(t, 1, h.ok(run(req)).Recorded)
	}
	req := by(admin, "replayed")
	req.IfMatch = &now
	r, err := h.service.Decline(h.ctx, req, id, "full")
	h.refused("revision_mismatch", r, err)
}

func TestIfMatch_ReplayOfAKey_AnswersThoughTheRevisionMovedOn(t *testing.T) {
	h := open(t)
	id := h.submit(siti, h.publish())
	first := application.Revision(0)
	req := by(siti, "k")
	req.IfMatch = &first
	done := h.ok(h.service.Withdraw(h.ctx, req, id, ""))
	again := h.ok(h.service.Withdraw(h.ctx, req, id, ""))
	require.Equal(t, done.Revision, again.Revision)
	require.Zero(t, again.Recorded)
}

func TestUpload_SameBytes_OneDocument(t *testing.T) {
	h := open(t)
	id := h.submit(siti, h.publish())
	first := h.ok(h.service.Upload(h.ctx, by(siti, "k"), id, khs("%PDF-1.4 bytes")))
	require.Equal(t, 1, first.Recorded)
	for _, key := range []string{"k", "", "other"} {
		again := h.ok(h.service.Upload(h.ctx, by(siti, key), id, khs("%PDF-1.4 bytes")))
		require.Zero(t, again.Recorded)
		require.Equal(t, []any{first.ID, first.Revision, first.Position}, []any{again.ID, again.Revision, again.Position})
	}
	r, err := h.service.Upload(h.ctx, by(siti, "k"), id, khs("other bytes"))
	h.refused("idempotency_key_reused", r, err)
	r, err = h.service.Upload(h.ctx, by(siti, "k"), id, application.Upload{Kind: "transcript", Content: strings.NewReader("%PDF-1.4 bytes")})
	h.refused("idempotency_key_reused", r, err)

	d, ok := h.application(id).Document(first.ID)
	require.True(t, ok)
	require.Equal(t, "application/pdf", d.Type)
	require.Equal(t, "khs.pdf", d.FileName)
	bytes, info, err := h.service.OpenDocument(h.ctx, by(siti), id, first.ID)
	require.NoError(t, err)
	require.Equal(t, "%PDF-1.4 bytes", content(t, bytes))
	require.Equal(t, d, info.SubmittedDocument)
	_, _, err = h.service.OpenDocument(h.ctx, by(siti), id, id)
	require.Equal(t, "document_not_found", domain.ErrorCode(err))
}

func TestUpload_TooLargeOrNotAllowed_Refused(t *testing.T) {
	h := open(t)
	id := h.submit(siti, h.publish())
	r, err := h.service.Upload(h.ctx, by(siti), id, khs(strings.Repeat("x", 1001)))
	h.refused("upload_too_large", r, err)
	h.ok(h.service.Upload(h.ctx, by(siti), id, khs(strings.Repeat("x", 1000))))
	empty := h.ok(h.service.Upload(h.ctx, by(siti), id, khs("")))
	d, _ := h.application(id).Document(empty.ID)
	require.Equal(t, "application/x-empty", d.Type)

	h.ok(h.service.Withdraw(h.ctx, by(siti), id, ""))
	unread := strings.NewReader("x")
	r, err = h.service.Upload(h.ctx, by(siti), id, application.Upload{Kind: "khs", Content: unread})
	h.refused("application_withdrawn", r, err)
	require.Equal(t, 1, unread.Len(), "refused before the bytes were taken in")
}

func TestApplication_Until_AnswersFromTheEventsUpToThen(t *testing.T) {
	h := open(t)
	id := h.submit(siti, h.publish())
	h.ok(h.service.Withdraw(h.ctx, by(siti, "w"), id, "ill"))
	entries, err := h.service.History(h.ctx, id)
	require.NoError(t, err)
	require.Len(t, entries, 2)
	withdrawn := entries[1]
	require.Equal(t, "ApplicationWithdrawn", withdrawn.Type)
	require.Equal(t, siti, withdrawn.Metadata.Actor)
	require.Equal(t, during, withdrawn.Metadata.OccurredAt)
	require.Equal(t, "request-1", withdrawn.Metadata.CorrelationID)
	require.Equal(t, withdrawn.Metadata.CommandID.String(), withdrawn.Metadata.CausationID)

	first, tooFar := application.Revision(0), application.Revision(2)
	before, at := entries[0].RecordedAt.Add(-time.Nanosecond), entries[1].RecordedAt
	for _, c := range []struct {
		until  application.Until
		status domain.ApplicationStatus
		code   string
	}{
		{application.Until{}, domain.StatusWithdrawn, ""},
		{application.Until{At: &at}, domain.StatusWithdrawn, ""},
		{application.Until{Revision: &first}, domain.StatusSubmitted, ""},
		{application.Until{At: &before}, "", "application_not_found"},
		{application.Until{Revision: &tooFar}, "", "revision_not_found"},
	} {
		a, _, err := h.service.Application(h.ctx, id, c.until)
		require.Equal(t, c.code, domain.ErrorCode(err))
		require.Equal(t, c.status, a.Status)
	}
	_, err = h.service.History(h.ctx, uuid.New())
	require.Equal(t, "application_not_found", domain.ErrorCode(err))
}
