package projections

import (
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/domain"
	"asprak/domain/transcript"
)

// because records the event of the request, caused by another event (nil: by a command), and
// returns its id.
func (s *story) because(stream string, actor domain.Actor, request string, cause *uuid.UUID, e domain.Event) uuid.UUID {
	s.t.Helper()
	m := domain.Metadata{Actor: actor, OccurredAt: start, CorrelationID: request, CausationID: "command of " + request}
	if cause != nil {
		m.CausationID = cause.String()
	}
	r, err := s.codec.Encode(e, m, nil)
	require.NoError(s.t, err)
	s.raw(stream, r.Type, r.Data, r.Metadata)
	return s.records[len(s.records)-1].ID
}

func TestChain_FromEveryEvent_LeadsBackToTheSubmissionAndOnToTheSeat(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story := newStory(t)
		story.publish(opening1, "Basis Data")
		p, q := person("Siti", "1"), person("Budi", "2")
		siti := domain.Actor{ID: p.ID, Role: domain.RoleApplicant}
		app, other := domain.ApplicationID(opening1, p.ID), domain.ApplicationID(opening1, q.ID)
		stream, opening := applicationName(app), openingName(opening1)
		doc := domain.DocumentID(app, hash("a"))

		submitted := story.because(stream, siti, "apply", nil, &domain.ApplicationSubmitted{ApplicationID: app, OpeningID: opening1, Applicant: p})
		uploaded := story.because(stream, siti, "upload", nil, &domain.DocumentUploaded{DocumentID: doc, Kind: transcript.KHS, SHA256: hash("a")})
		// Another application of which the same request id was sent.
		foreign := story.because(applicationName(other), domain.Actor{ID: q.ID, Role: domain.RoleApplicant}, "upload", nil, &domain.ApplicationSubmitted{ApplicationID: other, OpeningID: opening1, Applicant: q})
		read := story.because(stream, system, "upload", &uploaded, &domain.DocumentRead{DocumentID: doc, Attempt: 1, Reading: reading("IF101")})
		referred := story.because(stream, system, "upload", &uploaded, &domain.DocumentReferred{DocumentID: doc, Attempt: 1, Verdict: verdict("review:ipk_missing")})
		viewed := story.because(stream, admin, "look", nil, &domain.DocumentViewed{DocumentID: doc, Viewer: admin, ViewedAt: start})
		overridden := story.because(stream, admin, "override", nil, &domain.VerificationOverridden{DocumentID: doc, Outcome: "verified", Reason: "seen"})
		awarded := story.because(opening, admin, "accept", nil, &domain.SeatAwarded{ApplicationID: app})
		accepted := story.because(stream, system, "accept", &awarded, &domain.ApplicationAccepted{OpeningID: opening1})
		turned := story.because(stream, siti, "turn", nil, &domain.OfferTurnedDown{})
		released := story.because(opening, system, "turn", &turned, &domain.SeatReleased{ApplicationID: app})
		story.feed(s)

		whole := []uuid.UUID{submitted, uploaded, read, referred, viewed, overridden, awarded, accepted, turned, released}
		for _, c := range []struct {
			from uuid.UUID
			want []uuid.UUID
		}{
			{submitted, whole}, {uploaded, whole},
			{read, []uuid.UUID{submitted, uploaded, read}},
			{viewed, []uuid.UUID{submitted, uploaded, viewed}},
			{referred, []uuid.UUID{submitted, uploaded, referred, overridden, awarded, accepted, turned, released}},
			{awarded, []uuid.UUID{submitted, uploaded, referred, overridden, awarded, accepted, turned, released}},
			{released, []uuid.UUID{submitted, uploaded, referred, overridden, awarded, accepted, turned, released}},
			{foreign, []uuid.UUID{foreign}},
			{story.records[0].ID, []uuid.UUID{story.records[0].ID}},
		} {
			chain, err := s.Chain(background, c.from, nil)
			require.NoError(t, err)
			require.Equal(t, c.from, chain.Event)
			require.False(t, chain.Truncated)
			var got []uuid.UUID
			for _, item := range chain.Items {
				got = append(got, item.EventID)
				require.Equal(t, item.Cause != nil, item.How != "")
				if item.Cause != nil {
					require.Contains(t, got, *item.Cause, "causes stand before their effects")
				}
				switch item.EventID {
				case read, referred:
					require.Equal(t, "caused", item.How)
					require.Equal(t, uploaded, *item.Cause)
				case awarded:
					require.Equal(t, "answers", item.How)
					require.Equal(t, overridden, *item.Cause)
				case released:
					require.Equal(t, "caused", item.How)
				}
			}
			require.Equal(t, c.want, got)
		}
		_, err := s.Chain(background, uuid.New(), nil)
		require.Equal(t, "event_not_found", domain.ErrorCode(err))
	})
}

func TestChain_EveryEventOfAnApplication_GoesBackToAnother(t *testing.T) {
	machines := []string{"DocumentRead", "DocumentVerified", "DocumentRejected", "DocumentReferred", "DocumentReadingFailed", "ApplicationAccepted"}
	for _, e := range domain.ApplicationEventTypes {
		_, person := answers[e.Name]
		require.Equal(t, !person, e.Name == "ApplicationSubmitted" || slices.Contains(machines, e.Name), e.Name)
	}
	for name, a := range answers {
		for _, to := range append(a.to, name) {
			known := slices.ContainsFunc(slices.Concat(domain.ApplicationEventTypes, domain.OpeningEventTypes), func(e domain.EventType) bool { return e.Name == to })
			require.True(t, known, to)
		}
	}
}

// A client that sends all its requests with one id, and a story that never ends.
func TestChain_TooLong_IsCutAndSaysSo(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story := newStory(t)
		p := person("Siti", "1")
		app := story.submit(opening1, p)
		doc := domain.DocumentID(app, hash("a"))
		first := story.because(applicationName(app), admin, "x", nil, &domain.DocumentUploaded{DocumentID: doc, SHA256: hash("a")})
		for range 600 {
			story.because(applicationName(app), admin, "x", nil, &domain.DocumentViewed{DocumentID: doc, Viewer: admin, ViewedAt: start})
		}
		story.feed(s)
		chain, err := s.Chain(background, first, nil)
		require.NoError(t, err)
		require.True(t, chain.Truncated)
		require.Len(t, chain.Items, maxChain)
		require.Equal(t, first, chain.Items[1].EventID)
	})
}

func TestAudit_Subject_SelectsThePersonsApplications(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story := newStory(t)
		story.publish(opening1, "Basis Data")
		story.publish(opening2, "Jaringan")
		p := person("Siti", "1")
		first, second := story.submit(opening1, p), story.submit(opening2, p)
		story.submit(opening1, person("Budi", "2"))
		story.tell(applicationName(first), admin, &domain.ApplicationDeclined{Reason: "late"})
		story.feed(s)
		query := AuditQuery{Subject: p.ID, Limit: 2}
		page, err := s.Audit(background, query)
		require.NoError(t, err)
		require.Equal(t, applicationName(first), page.Items[0].Stream)
		require.Equal(t, "ApplicationDeclined", page.Items[0].Type)
		require.Equal(t, applicationName(second), page.Items[1].Stream)
		query.Cursor = page.Next
		page, err = s.Audit(background, query)
		require.NoError(t, err)
		require.Len(t, page.Items, 1)
		require.Empty(t, page.Next)
		page, err = s.Audit(background, AuditQuery{Subject: "' OR 1=1 --"})
		require.NoError(t, err)
		require.Empty(t, page.Items)
	})
}

func TestEachAudit_AnyCursor_GoesOnBehindIt(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story := newStory(t)
		p := person("Siti", "1")
		app := story.submit(opening1, p)
		for range 2*exportPage + 5 {
			story.tell(applicationName(app), admin, &domain.ApplicationWithdrawn{Reason: "again"})
		}
		story.feed(s)
		query := AuditQuery{Stream: applicationName(app)}
		var positions []string
		cursors := map[int]string{}
		require.NoError(t, s.EachAudit(background, query, func(row AuditRow, cursor string) error {
			positions = append(positions, row.Position.String())
			cursors[len(positions)] = cursor
			return nil
		}))
		require.Len(t, positions, 2*exportPage+6)
		for _, n := range []int{1, exportPage - 1, exportPage, exportPage + 1, 2 * exportPage, 2*exportPage + 5, 2*exportPage + 6} {
			query.Cursor = cursors[n]
			var rest []string
			require.NoError(t, s.EachAudit(background, query, func(row AuditRow, _ string) error {
				rest = append(rest, row.Position.String())
				return nil
			}))
			require.Equal(t, positions[n:], append([]string{}, rest...), n)
		}
		page, err := s.Audit(background, query)
		require.NoError(t, err)
		require.Empty(t, page.Items, "the list takes the same cursors")
		query.Cursor = "x"
		require.Equal(t, "bad_cursor", domain.ErrorCode(s.EachAudit(background, query, nil)))
	})
}
