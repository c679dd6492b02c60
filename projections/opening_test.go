package projections

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/domain"
)

func TestOpening_EachEvent_MovesTheRow(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story := newStory(t)
		other := details("Basis Data II")
		other.Term, other.Department, other.Seats = "2027/2028-1", "Elektro", 5
		later := start.Add(100 * time.Hour)
		app1, app2 := uuid.New(), uuid.New()
		for i, step := range []struct {
			event   domain.Event
			status  domain.OpeningStatus
			awarded int
		}{
			{&domain.OpeningPublished{OpeningID: opening1, Details: details("Basis Data")}, "open", 0},
			{&domain.SeatAwarded{ApplicationID: app1}, "open", 1},
			{&domain.OpeningRevised{Details: other}, "open", 1},
			{&domain.SeatAwarded{ApplicationID: app2}, "open", 2},
			{&domain.OpeningClosed{Reason: "full"}, "closed", 2},
			{&domain.SeatReleased{ApplicationID: app1}, "closed", 1},
			{&domain.OpeningReopened{ClosesAt: later}, "open", 1},
			{&domain.OpeningCancelled{Reason: "no budget"}, "cancelled", 1},
		} {
			story.tell(openingName(opening1), admin, step.event)
			story.feed(s)
			row, err := s.Opening(background, opening1)
			require.NoError(t, err)
			require.Equal(t, OpeningRow{
				ID: opening1, Status: step.status, Details: story.openings[opening1].Details, Awarded: step.awarded,
				Applications: map[domain.ApplicationStatus]int{}, PublishedAt: story.records[0].RecordedAt, UpdatedAt: story.records[i].RecordedAt,
				Revision: story.records[i].Revision, Position: story.last(),
			}, row)
			require.Len(t, story.openings[opening1].Awarded, step.awarded)
		}
	})
}

func TestOpenings_Filters_SelectAndOrder(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story := newStory(t)
		story.publish(opening1, "Basis Data")
		story.publish(opening2, "Jaringan")
		revised := details("Jaringan")
		revised.Term = "2027/2028-1"
		story.tell(openingName(opening2), admin, &domain.OpeningRevised{Details: revised}, &domain.OpeningClosed{})
		story.feed(s)
		for _, c := range []struct {
			query OpeningQuery
			want  []uuid.UUID
		}{
			{OpeningQuery{}, []uuid.UUID{opening2, opening1}},
			{OpeningQuery{State: "open"}, []uuid.UUID{opening1}},
			{OpeningQuery{Term: "2027/2028-1"}, []uuid.UUID{opening2}},
			{OpeningQuery{Department: "Informatika", State: "closed"}, []uuid.UUID{opening2}},
			{OpeningQuery{Department: "informatika"}, nil},
		} {
			page, err := s.Openings(background, c.query)
			require.NoError(t, err)
			var got []uuid.UUID
			for _, row := range page.Items {
				got = append(got, row.ID)
			}
			require.Equal(t, c.want, got)
		}
	})
}

func TestOpenings_Applications_AreCountedByWhereTheyStand(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story := newStory(t)
		story.publish(opening1, "Basis Data")
		story.publish(opening2, "Jaringan")
		a := story.submit(opening1, person("A", "1"))
		story.submit(opening1, person("B", "2"))
		story.submit(opening2, person("A", "1"))
		story.feed(s)
		doc := story.upload(a, hash("a"))
		story.judge(a, doc, "verified")
		story.feed(s)
		page, err := s.Openings(background, OpeningQuery{})
		require.NoError(t, err)
		require.Equal(t, map[domain.ApplicationStatus]int{"submitted": 1}, page.Items[0].Applications)
		require.Equal(t, map[domain.ApplicationStatus]int{"submitted": 1, "verified": 1}, page.Items[1].Applications)
		row, err := s.Opening(background, opening1)
		require.NoError(t, err)
		require.Equal(t, page.Items[1], row)
	})
}
