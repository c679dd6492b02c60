package projections

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/domain"
)

func TestStaff_GrantsAndRevocations_AreListedBySubject(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story := newStory(t)
		story.tell(staffName("sri"), admin,
			&domain.AccessGranted{Subject: "sri", Role: domain.RoleLecturer, Extent: domain.Extent{Departments: []string{"Fisika", "Informatika"}}, Reason: "teaches"},
			&domain.AccessRevoked{Subject: "sri", Role: domain.RoleLecturer, Extent: domain.Extent{Departments: []string{"Fisika"}}, Reason: "left"})
		story.tell(staffName("agus"), system, &domain.AccessGranted{Subject: "agus", Role: domain.RoleAdmin, Extent: domain.Everything, Reason: "first"})
		story.feed(s)
		page, err := s.Staff(background, StaffQuery{Limit: 1})
		require.NoError(t, err)
		last := story.records[2]
		require.Equal(t, []StaffRow{{Subject: "agus", Access: map[domain.Role]domain.Extent{domain.RoleAdmin: domain.Everything}, UpdatedBy: system,
			UpdatedAt: last.RecordedAt, Revision: 0, Position: last.Position}}, page.Items)
		page, err = s.Staff(background, StaffQuery{Limit: 1, Cursor: page.Next})
		require.NoError(t, err)
		last = story.records[1]
		require.Equal(t, []StaffRow{{Subject: "sri", Access: map[domain.Role]domain.Extent{domain.RoleLecturer: {Departments: []string{"Informatika"}}}, UpdatedBy: admin,
			UpdatedAt: last.RecordedAt, Revision: 1, Position: last.Position}}, page.Items)
		require.Empty(t, page.Next)
	})
}

// Two departments, each with an opening, an application and a document that waits for a person.
func TestWithin_EveryList_HoldsWhatIsOfTheExtent(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story := newStory(t)
		apps := map[uuid.UUID]uuid.UUID{}
		for i, opening := range []uuid.UUID{opening1, opening2} {
			d := details("Basis Data")
			d.Department = []string{"Informatika", "Fisika"}[i]
			story.tell(openingName(opening), admin, &domain.OpeningPublished{OpeningID: opening, Details: d})
			app := story.submit(opening, person("Budi", []string{"1", "2"}[i]))
			story.judge(app, story.upload(app, hash("a")), "review:low_confidence")
			story.tell(openingName(opening), admin, &domain.SeatAwarded{ApplicationID: app})
			apps[opening] = app
		}
		story.tell(staffName("sri"), admin, &domain.AccessGranted{Subject: "sri", Role: domain.RoleAdmin, Extent: domain.Everything, Reason: "first"})
		story.raw("weather-"+opening1.String(), "Rained", []byte(`{}`), []byte(`{}`))
		story.feed(s)
		for name, c := range map[string]struct {
			extent *domain.Extent
			want   []uuid.UUID
		}{
			"no limit":     {nil, []uuid.UUID{opening1, opening2}},
			"everything":   {&domain.Everything, []uuid.UUID{opening1, opening2}},
			"nothing":      {&domain.Extent{}, nil},
			"a department": {&domain.Extent{Departments: []string{"Informatika", "Kimia", "Biologi"}}, []uuid.UUID{opening1}},
			"an opening":   {&domain.Extent{Openings: []uuid.UUID{opening2}}, []uuid.UUID{opening2}},
			"one of each":  {&domain.Extent{Departments: []string{"Informatika"}, Openings: []uuid.UUID{opening2}}, []uuid.UUID{opening1, opening2}},
		} {
			t.Run(name, func(t *testing.T) {
				openings, err := s.Openings(background, OpeningQuery{Within: c.extent})
				require.NoError(t, err)
				var got []uuid.UUID
				for _, o := range openings.Items {
					got = append(got, o.ID)
				}
				require.ElementsMatch(t, c.want, got)

				for _, q := range []ApplicationQuery{{}, {Sort: "name"}, {Sort: "nim"}, {Search: "budi"}, {Course: "basis"}, {Term: "2026/2027-1"}, {State: "in_review"}} {
					q.Within, got = c.extent, nil
					applications, err := s.Applications(background, q)
					require.NoError(t, err)
					for _, a := range applications.Items {
						got = append(got, a.OpeningID)
					}
					require.ElementsMatch(t, c.want, got, "%+v", q)
				}
				got = nil
				reviews, err := s.Reviews(background, ReviewQuery{Within: c.extent})
				require.NoError(t, err)
				for _, r := range reviews.Items {
					got = append(got, r.OpeningID)
				}
				require.ElementsMatch(t, c.want, got)

				streams := map[string]bool{}
				audit, err := s.Audit(background, AuditQuery{Within: c.extent, Limit: 100})
				require.NoError(t, err)
				for _, r := range audit.Items {
					streams[r.Stream] = true
				}
				want := map[string]bool{}
				for _, opening := range c.want {
					want[openingName(opening)], want[applicationName(apps[opening])] = true, true
				}
				if c.extent == nil || c.extent.Everything {
					want[staffName("sri")], want["weather-"+opening1.String()] = true, true
				}
				require.Equal(t, want, streams)

				for opening, app := range apps {
					found, err := s.Statistics(background, StatisticsQuery{Within: c.extent, OpeningID: opening.String(), Bucket: "month", From: &start, To: &start, Now: start})
					require.NoError(t, err)
					n := 0
					if want[openingName(opening)] {
						n = 1
					}
					require.Equal(t, n, found.Funnel[0].Applications)
					require.Equal(t, n, found.Queue.Waiting)
					require.Len(t, found.Buckets, n)
					_, err = s.Chain(background, story.first(applicationName(app)), c.extent)
					require.Equal(t, n == 1, err == nil, "%v", err)
				}
				found, err := s.Statistics(background, StatisticsQuery{Within: c.extent, Now: start})
				require.NoError(t, err)
				require.Equal(t, len(c.want), found.Funnel[0].Applications)
				require.Equal(t, len(c.want), found.Queue.Waiting)
			})
		}
	})
}

func TestWithin_GrantBetweenTwoPages_KeepsTheCursor(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story := newStory(t)
		story.publish(opening1, "Basis Data")
		for _, nim := range []string{"1", "2", "3"} {
			story.submit(opening1, person("Budi", nim))
		}
		story.feed(s)
		limited := domain.Extent{Openings: []uuid.UUID{opening1}}
		page, err := s.Applications(background, ApplicationQuery{Within: &limited, Limit: 2})
		require.NoError(t, err)
		require.Len(t, page.Items, 2)
		wider := domain.Extent{Openings: []uuid.UUID{opening1, opening2}}
		page, err = s.Applications(background, ApplicationQuery{Within: &wider, Limit: 2, Cursor: page.Next})
		require.NoError(t, err)
		require.Len(t, page.Items, 1)
	})
}

// More openings than can be walked along are asked of each row.
func TestWithin_ManyOpenings_AnswersTheSame(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story := newStory(t)
		for i := range maxOpenings + 1 {
			story.publish(uuid.NewSHA1(opening1, []byte{byte(i), byte(i >> 8)}), "Basis Data")
		}
		other := details("Fisika Dasar")
		other.Department = "Fisika"
		story.tell(openingName(opening2), admin, &domain.OpeningPublished{OpeningID: opening2, Details: other})
		mine := story.submit(uuid.NewSHA1(opening1, []byte{7, 0}), person("Budi", "1"))
		story.submit(opening2, person("Budi", "1"))
		story.feed(s)
		page, err := s.Applications(background, ApplicationQuery{Within: &domain.Extent{Departments: []string{"Informatika"}}})
		require.NoError(t, err)
		require.Len(t, page.Items, 1)
		require.Equal(t, mine, page.Items[0].ID)
	})
}

// first is the id of the stream's first event.
func (s *story) first(stream string) uuid.UUID {
	for _, r := range s.records {
		if r.Stream == stream {
			return r.ID
		}
	}
	s.t.Fatalf("nothing of %s was told", stream)
	return uuid.Nil
}
