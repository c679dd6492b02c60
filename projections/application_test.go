package projections

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/domain"
	"asprak/domain/verification"
)

// steps tells a story event by event and looks at what the row has become after each.
type step struct {
	name      string
	tell      func()
	status    domain.ApplicationStatus
	label     verification.Label
	decidedBy string
	reason    string
}

func TestApplication_EachEvent_MovesTheRow(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story := newStory(t)
		p := person("Budi Santoso", "21/482851/SV/20006")
		app := domain.ApplicationID(opening1, p.ID)
		name := applicationName(app)
		first, second := domain.DocumentID(app, hash("a")), domain.DocumentID(app, hash("b"))
		corrected := p
		corrected.NIM = "21/482851/SV/20007"
		tell := func(events ...domain.Event) func() { return func() { story.tell(name, admin, events...) } }

		for i, step := range []step{
			{"submitted", func() { story.submit(opening1, p) }, "submitted", "", "", ""},
			{"uploaded", func() { story.upload(app, hash("a")) }, "verifying", "", "", ""},
			{"read", func() { story.read(app, first, reading("IF101")) }, "verifying", "", "", ""},
			{"rejected", func() { story.judge(app, first, "rejected:ipk_below_min") }, "rejected", "rejected:ipk_below_min", "machine", ""},
			{"overridden", tell(&domain.VerificationOverridden{DocumentID: first, Outcome: "verified", Reason: "seen", Before: "rejected:ipk_below_min"}), "verified", "verified", "person", ""},
			{"reread", tell(&domain.DocumentRereadRequested{DocumentID: first}), "verifying", "", "", ""},
			{"failed", tell(&domain.DocumentReadingFailed{DocumentID: first, Attempt: 2, Code: "timeout", Tries: 5}), "reading_failed", "", "", ""},
			{"another", func() { story.upload(app, hash("b")) }, "verifying", "", "", ""},
			{"referred", func() { story.judge(app, second, "review:low_confidence") }, "in_review", "review:low_confidence", "machine", ""},
			{"withdrawn", tell(&domain.ApplicationWithdrawn{Reason: "ill"}), "withdrawn", "review:low_confidence", "machine", "ill"},
			{"resubmitted", tell(&domain.ApplicationResubmitted{Applicant: corrected}), "submitted", "", "", ""},
			{"sent again", func() { story.upload(app, hash("a")) }, "verifying", "", "", ""},
			{"verified", func() { story.judge(app, first, "verified") }, "verified", "verified", "machine", ""},
			{"waitlisted", tell(&domain.ApplicationWaitlisted{Reason: "full"}), "waitlisted", "verified", "machine", "full"},
			{"accepted", tell(&domain.ApplicationAccepted{OpeningID: opening1, Reason: "a seat is free"}), "accepted", "verified", "machine", "a seat is free"},
			{"confirmed", tell(&domain.OfferConfirmed{}), "confirmed", "verified", "machine", "a seat is free"},
			{"turned down", tell(&domain.OfferTurnedDown{Reason: "moved"}), "turned_down", "verified", "machine", "moved"},
		} {
			step.tell()
			story.feed(s)
			row, err := s.Application(background, app)
			require.NoError(t, err, step.name)
			require.Equal(t, step.status, row.Status, step.name)
			require.Equal(t, step.label, row.Label, step.name)
			require.Equal(t, step.decidedBy, row.DecidedBy, step.name)
			require.Equal(t, step.reason, row.Reason, step.name)
			require.EqualValues(t, i, row.Revision, step.name)
			require.Equal(t, story.last(), row.Position, step.name)
			require.Equal(t, story.state[app].Applicant, row.Applicant, step.name)
			require.Equal(t, p.ID, row.ApplicantID)
			require.Equal(t, opening1, row.OpeningID)
			require.Equal(t, story.records[0].RecordedAt, row.SubmittedAt)
			require.Equal(t, story.records[i].RecordedAt, row.UpdatedAt, step.name)
			if step.label != "" {
				d, _ := story.state[app].Document(*row.DocumentID)
				require.Equal(t, step.label, d.Label(), step.name)
			}
			page, err := s.Applications(background, ApplicationQuery{State: string(step.status)})
			require.NoError(t, err)
			require.Equal(t, []ApplicationRow{row}, page.Items, step.name)
		}
		declined := story.submit(opening1, person("Citra", "22"))
		story.tell(applicationName(declined), admin, &domain.ApplicationDeclined{Reason: "late"})
		story.feed(s)
		row, err := s.Application(background, declined)
		require.NoError(t, err)
		require.Equal(t, domain.StatusDeclined, row.Status)
		require.Equal(t, "late", row.Reason)
		require.Nil(t, row.DocumentID)
	})
}

func TestApplications_Filters_SelectAndOrder(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story := newStory(t)
		story.publish(opening1, "Praktikum Basis Data")
		story.publish(opening2, "Praktikum Jaringan")
		budi := story.submit(opening1, person("Budi Santoso", "21/482851/SV/20006"))
		buana := story.submit(opening2, person("BUANA d'Arc", "1301204001"))
		ani := story.submit(opening1, person("Ani Ayu", "21-482852-SV-20007"))
		doc := story.upload(ani, hash("a"))
		story.judge(ani, doc, "verified")
		story.feed(s)

		for _, c := range []struct {
			name  string
			query ApplicationQuery
			want  []uuid.UUID
		}{
			{"all, latest first", ApplicationQuery{}, []uuid.UUID{ani, buana, budi}},
			{"opening", ApplicationQuery{OpeningID: opening1.String()}, []uuid.UUID{ani, budi}},
			{"opening and state", ApplicationQuery{OpeningID: opening1.String(), State: "verified"}, []uuid.UUID{ani}},
			{"state", ApplicationQuery{State: "submitted"}, []uuid.UUID{buana, budi}},
			{"applicant", ApplicationQuery{ApplicantID: "person-1301204001"}, []uuid.UUID{buana}},
			{"nim, other separators", ApplicationQuery{NIM: "21.482851.sv.20006"}, []uuid.UUID{budi}},
			{"nim is not a prefix", ApplicationQuery{NIM: "21/482851"}, nil},
			{"name prefix, by name", ApplicationQuery{Search: "bu"}, []uuid.UUID{buana, budi}},
			{"words that follow each other", ApplicationQuery{Search: "budi  sant"}, []uuid.UUID{budi}},
			{"words in another order", ApplicationQuery{Search: "santoso budi"}, []uuid.UUID{budi}},
			{"begun words in another order", ApplicationQuery{Search: "sa b"}, []uuid.UUID{budi}},
			{"one word that is not there", ApplicationQuery{Search: "budi darc"}, nil},
			{"a word and its beginning", ApplicationQuery{Search: "s santoso"}, []uuid.UUID{budi}},
			{"a later word", ApplicationQuery{Search: "santoso"}, []uuid.UUID{budi}},
			{"two words of one name begin so: once", ApplicationQuery{Search: "a"}, []uuid.UUID{ani}},
			{"each may be begun", ApplicationQuery{Search: "bu darc"}, []uuid.UUID{buana}},
			{"no word is searched inside", ApplicationQuery{Search: "antoso"}, nil},
			{"programme", ApplicationQuery{Programme: "INFORMATIKA"}, []uuid.UUID{ani, buana, budi}},
			{"other programme", ApplicationQuery{Programme: "informatik"}, nil},
			{"verdict", ApplicationQuery{Verdict: "verified"}, []uuid.UUID{ani}},
			{"by the machine", ApplicationQuery{DecidedBy: "machine"}, []uuid.UUID{ani}},
			{"by a person", ApplicationQuery{DecidedBy: "person"}, nil},
			{"term", ApplicationQuery{Term: "2026/2027-1"}, []uuid.UUID{ani, buana, budi}},
			{"other term", ApplicationQuery{Term: "2026"}, nil},
			{"course by name", ApplicationQuery{Course: "jaring"}, []uuid.UUID{buana}},
			{"course by code and title", ApplicationQuery{Course: "if-101 basis"}, []uuid.UUID{ani, budi}},
			{"course of no opening", ApplicationQuery{Course: "kimia"}, nil},
			{"course of signs", ApplicationQuery{Course: "%"}, nil},
			{"course, term, state", ApplicationQuery{Course: "basis", Term: "2026/2027-1", State: "verified"}, []uuid.UUID{ani}},
			{"course, by name", ApplicationQuery{Course: "praktikum", Sort: "name"}, []uuid.UUID{ani, buana, budi}},
			{"course and search", ApplicationQuery{Course: "jaring", Search: "bu"}, []uuid.UUID{buana}},
			{"earliest first", ApplicationQuery{Sort: "submitted"}, []uuid.UUID{budi, buana, ani}},
			{"opening, by name", ApplicationQuery{OpeningID: opening1.String(), Sort: "name"}, []uuid.UUID{ani, budi}},
			{"by nim", ApplicationQuery{Sort: "nim"}, []uuid.UUID{buana, budi, ani}},
			{"by nim, of a course", ApplicationQuery{Sort: "nim", Course: "basis"}, []uuid.UUID{budi, ani}},
			{"nim prefix, by nim", ApplicationQuery{Search: "21/4828"}, []uuid.UUID{budi, ani}},
			{"search and opening", ApplicationQuery{Search: "bu", OpeningID: opening2.String()}, []uuid.UUID{buana}},
			{"search for wildcards", ApplicationQuery{Search: "%"}, nil},
			{"nobody", ApplicationQuery{ApplicantID: "x' OR '1'='1"}, nil},
		} {
			page, err := s.Applications(background, c.query)
			require.NoError(t, err, c.name)
			var got []uuid.UUID
			for _, row := range page.Items {
				got = append(got, row.ID)
			}
			require.Equal(t, c.want, got, c.name)
			require.Empty(t, page.Next, c.name)
		}
	})
}

func TestApplications_Pages_JoinToTheWholeWhileOthersArrive(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story := newStory(t)
		story.publish(opening1, "Basis Data")
		var ids []uuid.UUID
		for i := range 25 {
			ids = append(ids, story.submit(opening1, person("Same Name", fmt.Sprintf("NIM%03d", i))))
		}
		story.feed(s)
		for _, query := range []ApplicationQuery{{Limit: 7}, {Limit: 7, OpeningID: opening1.String()}, {Limit: 7, Search: "same"}, {Limit: 5, Search: "nim0"}, {Limit: 25},
			{Limit: 7, Sort: "submitted"}, {Limit: 7, Sort: "name"}, {Limit: 7, Sort: "nim"}, {Limit: 7, Sort: "name", OpeningID: opening1.String()},
			{Limit: 7, Course: "basis"}, {Limit: 7, Sort: "submitted", Term: "2026/2027-1"}, {Limit: 7, Sort: "nim", Course: "basis"}, {Limit: 7, Search: "same", Course: "basis"}} {
			var got []uuid.UUID
			for pages := 0; ; pages++ {
				require.Less(t, pages, 10)
				page, err := s.Applications(background, query)
				require.NoError(t, err)
				require.LessOrEqual(t, len(page.Items), query.Limit)
				for _, row := range page.Items {
					got = append(got, row.ID)
				}
				if page.Next == "" {
					break
				}
				query.Cursor = page.Next
			}
			want := append([]uuid.UUID(nil), ids...)
			if query.Search == "" && query.Sort == "" {
				for i := range want {
					want[i] = ids[len(ids)-1-i]
				}
			}
			require.Equal(t, want, got)
		}

		byCourse := ApplicationQuery{Limit: 20, Course: "basis"}
		ofCourse, err := s.Applications(background, byCourse)
		require.NoError(t, err)
		page, err := s.Applications(background, ApplicationQuery{Limit: 20})
		require.NoError(t, err)
		story.submit(opening1, person("Late", "NIM999"))
		story.publish(opening2, "Basis Data lagi")
		story.feed(s)
		byCourse.Cursor = ofCourse.Next
		restOfCourse, err := s.Applications(background, byCourse)
		require.NoError(t, err)
		require.Len(t, restOfCourse.Items, 5, "nor does another opening of the course")
		rest, err := s.Applications(background, ApplicationQuery{Limit: 20, Cursor: page.Next})
		require.NoError(t, err)
		require.Len(t, rest.Items, 5, "what arrives in the meantime does not move the pages")
	})
}

func TestCursor_OfAnotherListOrBroken_IsRefused(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story := newStory(t)
		story.submit(opening1, person("A", "1"))
		story.submit(opening1, person("B", "2"))
		story.feed(s)
		page, err := s.Applications(background, ApplicationQuery{Limit: 1})
		require.NoError(t, err)
		require.NotEmpty(t, page.Next)
		audit, err := s.Audit(background, AuditQuery{Limit: 1})
		require.NoError(t, err)
		for _, cursor := range []string{"x", "!", audit.Next, page.Next + "A", "WyJ4Il0"} {
			_, err := s.Applications(background, ApplicationQuery{Cursor: cursor})
			require.Equal(t, "bad_cursor", domain.ErrorCode(err), cursor)
		}
		_, err = s.Applications(background, ApplicationQuery{Cursor: page.Next, OpeningID: opening1.String()})
		require.Equal(t, "bad_cursor", domain.ErrorCode(err), "other filters")
	})
}

func TestApplication_Missing_IsNotFound(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		_, err := s.Application(background, opening1)
		require.Equal(t, "application_not_found", domain.ErrorCode(err))
		_, err = s.Opening(background, opening1)
		require.Equal(t, "opening_not_found", domain.ErrorCode(err))
		_, err = s.Document(background, opening1, opening2)
		require.Equal(t, "document_not_found", domain.ErrorCode(err))
	})
}
