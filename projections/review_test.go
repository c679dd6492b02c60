package projections

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/domain"
)

func queue(t *testing.T, s *Store, q ReviewQuery) []uuid.UUID {
	page, err := s.Reviews(background, q)
	require.NoError(t, err)
	ids := []uuid.UUID{}
	for _, row := range page.Items {
		ids = append(ids, row.DocumentID)
	}
	return ids
}

func TestReviews_ReferredAndFailed_OldestFirst(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story := newStory(t)
		a, b := story.submit(opening1, person("A", "1")), story.submit(opening2, person("B", "2"))
		docA, docB := story.upload(a, hash("a")), story.upload(b, hash("b"))
		story.tell(applicationName(b), system, &domain.DocumentReadingFailed{DocumentID: docB, Attempt: 1, Code: "timeout", Tries: 5})
		failed := story.records[len(story.records)-1]
		story.judge(a, docA, "review:suspected_edit")
		referred := story.records[len(story.records)-1]
		story.feed(s)

		page, err := s.Reviews(background, ReviewQuery{})
		require.NoError(t, err)
		require.Equal(t, []ReviewRow{
			{DocumentID: docB, ApplicationID: b, OpeningID: opening2, Applicant: person("B", "2"), Kind: "khs", FileName: "khs.pdf", Reason: "reading_failed", Failure: "timeout",
				Since: failed.RecordedAt, Revision: failed.Revision, Position: failed.Position},
			{DocumentID: docA, ApplicationID: a, OpeningID: opening1, Applicant: person("A", "1"), Kind: "khs", FileName: "khs.pdf", Reason: "suspected_edit", Label: "review:suspected_edit",
				Since: referred.RecordedAt, Revision: referred.Revision, Position: referred.Position},
		}, page.Items)
		require.Equal(t, []uuid.UUID{docA}, queue(t, s, ReviewQuery{OpeningID: opening1.String()}))
		require.Equal(t, []uuid.UUID{docB}, queue(t, s, ReviewQuery{Reason: "reading_failed"}))
		require.Empty(t, queue(t, s, ReviewQuery{Reason: "reading_failed", OpeningID: opening1.String()}))

		first, err := s.Reviews(background, ReviewQuery{Limit: 1})
		require.NoError(t, err)
		require.Equal(t, docB, first.Items[0].DocumentID)
		second, err := s.Reviews(background, ReviewQuery{Limit: 1, Cursor: first.Next})
		require.NoError(t, err)
		require.Equal(t, docA, second.Items[0].DocumentID)
		require.Empty(t, second.Next)
	})
}

func TestReviews_Entry_LeavesWhenNobodyHasToLook(t *testing.T) {
	var app, document, newer uuid.UUID
	tell := func(e func() domain.Event) func(*story) {
		return func(s *story) { s.tell(applicationName(app), admin, e()) }
	}
	for _, c := range []struct {
		name  string
		label string
		after func(*story)
		want  func() []uuid.UUID
	}{
		{"overridden", "review:low_confidence", tell(func() domain.Event {
			return &domain.VerificationOverridden{DocumentID: document, Outcome: "rejected", Reason: "blurred", Before: "review:low_confidence"}
		}), nil},
		{"reread", "review:low_confidence", tell(func() domain.Event { return &domain.DocumentRereadRequested{DocumentID: document} }), nil},
		{"withdrawn", "review:low_confidence", tell(func() domain.Event { return &domain.ApplicationWithdrawn{} }), nil},
		{"declined", "review:low_confidence", tell(func() domain.Event { return &domain.ApplicationDeclined{Reason: "late"} }), nil},
		{"newer upload", "review:low_confidence", func(s *story) { newer = s.upload(app, hash("b")) }, nil},
		{"newer upload verified", "review:low_confidence", func(s *story) {
			newer = s.upload(app, hash("b"))
			s.judge(app, newer, "verified")
		}, nil},
		{"newer upload worse", "review:low_confidence", func(s *story) {
			newer = s.upload(app, hash("b"))
			s.judge(app, newer, "rejected:course_missing")
		}, func() []uuid.UUID { return []uuid.UUID{document} }},
		{"newer upload referred too", "review:low_confidence", func(s *story) {
			newer = s.upload(app, hash("b"))
			s.judge(app, newer, "review:grade_pending")
		}, func() []uuid.UUID { return []uuid.UUID{document, newer} }},
		{"doubt of integrity stays", "review:suspected_edit", func(s *story) {
			newer = s.upload(app, hash("b"))
			s.judge(app, newer, "verified")
		}, func() []uuid.UUID { return []uuid.UUID{document} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			onEach(t, func(t *testing.T, s *Store) {
				story := newStory(t)
				app = story.submit(opening1, person("A", "1"))
				document = story.upload(app, hash("a"))
				story.judge(app, document, "review:low_confidence")
				if c.label == "review:suspected_edit" {
					story.tell(applicationName(app), admin, &domain.DocumentRereadRequested{DocumentID: document})
					story.judge(app, document, "review:suspected_edit")
				}
				story.feed(s)
				require.Equal(t, []uuid.UUID{document}, queue(t, s, ReviewQuery{}))
				before, err := s.Reviews(background, ReviewQuery{})
				require.NoError(t, err)

				told := len(story.records)
				c.after(story)
				for i := range story.records[told:] { // one by one, so that it leaves and comes back
					require.NoError(t, feed(s, story.codec, story.records[told+i:told+i+1]))
				}
				want := []uuid.UUID{}
				if c.want != nil {
					want = c.want()
				}
				require.Equal(t, want, queue(t, s, ReviewQuery{}))
				if len(want) > 0 {
					after, err := s.Reviews(background, ReviewQuery{})
					require.NoError(t, err)
					require.Equal(t, before.Items[0], after.Items[0], "it keeps its age")
				}
			})
		})
	}
}

func TestReviews_Claim_IsShownUntilItEnds(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story := newStory(t)
		app := story.submit(opening1, person("A", "1"))
		document := story.upload(app, hash("a"))
		story.judge(app, document, "review:low_confidence")
		story.feed(s)
		entry := func() ReviewRow {
			page, err := s.Reviews(background, ReviewQuery{})
			require.NoError(t, err)
			require.Len(t, page.Items, 1)
			return page.Items[0]
		}
		free, until := entry(), start.Add(domain.ClaimWindow)
		tell := func(e domain.Event) {
			story.tell(applicationName(app), admin, e)
			story.feed(s)
		}
		updated := func() time.Time {
			row, err := s.Application(background, app)
			require.NoError(t, err)
			return row.UpdatedAt
		}
		before := updated()
		tell(&domain.ReviewClaimed{DocumentID: document, Claimant: admin, Until: until})
		claimed := free
		claimed.ClaimedBy, claimed.ClaimedUntil = admin.ID, &until
		require.Equal(t, claimed, entry(), "it keeps its place and age")
		tell(&domain.ReviewReleased{DocumentID: document})
		require.Equal(t, free, entry())
		require.Equal(t, before, updated(), "a claim changes nothing of the application")

		tell(&domain.ReviewClaimed{DocumentID: document, Claimant: admin, Until: until})
		tell(&domain.DocumentRereadRequested{DocumentID: document})
		require.Empty(t, queue(t, s, ReviewQuery{}))
		story.judge(app, document, "review:low_confidence")
		story.feed(s)
		require.Empty(t, entry().ClaimedBy, "a new question is nobody's")
	})
}
