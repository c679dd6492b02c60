package projections

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/domain"
)

func TestAudit_EveryEvent_IsOneRowWithASentence(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story := newStory(t)
		p := person("Budi\u202e<b>", "21/482851/SV/20006")
		app := domain.ApplicationID(opening1, p.ID)
		doc := domain.DocumentID(app, hash("a"))
		revised := details("Basis Data")
		revised.Seats = 9
		corrected := p
		corrected.Name = "Budi"
		name := applicationName(app)
		erasedName := applicationName(domain.ApplicationID(opening2, "somebody"))
		cases := []struct {
			stream                          string
			actor                           domain.Actor
			event                           domain.Event
			sentence, reason, before, after string
		}{
			{openingName(opening1), admin, &domain.OpeningPublished{OpeningID: opening1, Details: details("Basis Data")}, `"admin-1" (admin) published the opening "Basis Data" with 2 seats`, "", "", `{"closes_at":"2026-08-02T09:00:00.123456789Z","department":"Informatika","opens_at":"2026-08-01T09:00:00.123456789Z","requirement":{"course":{"codes":["IF101"],"name":""},"min_grade":"B"},"seats":2,"status":"open","term":"2026/2027-1","title":"Basis Data"}`},
			{openingName(opening1), admin, &domain.OpeningRevised{Details: revised, Reason: "more"}, `"admin-1" (admin) revised the opening "Basis Data"`, "more", `{"seats":2}`, `{"seats":9}`},
			{openingName(opening1), admin, &domain.OpeningClosed{Reason: "full"}, `"admin-1" (admin) closed the opening`, "full", `{"status":"open"}`, `{"status":"closed"}`},
			{openingName(opening1), admin, &domain.OpeningReopened{ClosesAt: start.Add(48 * time.Hour)}, `"admin-1" (admin) reopened the opening until 2026-08-03 09:00 UTC`, "", `{"closes_at":"2026-08-02T09:00:00.123456789Z","status":"closed"}`, `{"closes_at":"2026-08-03T09:00:00.123456789Z","status":"open"}`},
			{openingName(opening1), admin, &domain.OpeningCancelled{Reason: "no budget"}, `"admin-1" (admin) cancelled the opening`, "no budget", `{"status":"open"}`, `{"status":"cancelled"}`},
			{openingName(opening1), admin, &domain.SeatAwarded{ApplicationID: app, Reason: "best"}, `"admin-1" (admin) awarded a seat to application ` + app.String(), "best", "", ""},
			{openingName(opening1), system, &domain.SeatReleased{ApplicationID: app}, `The system released the seat of application ` + app.String(), "", "", ""},
			{name, domain.Actor{}, &domain.ApplicationSubmitted{ApplicationID: app, OpeningID: opening1, Applicant: p}, `Somebody applied to opening ` + opening1.String() + ` as "Budi\u202e<b>", "21/482851/SV/20006"`, "", "", `{"status":"submitted"}`},
			{name, admin, &domain.DocumentUploaded{DocumentID: doc, Kind: "khs", SHA256: hash("a"), Size: 7, FileName: "a\n.pdf"}, `"admin-1" (admin) uploaded "a\n.pdf" (khs, 7 bytes) as document ` + doc.String(), "", "", ""},
			{name, system, &domain.DocumentRead{DocumentID: doc, Attempt: 1, Reading: reading("IF101"), Millis: 42}, `The system read 1 course in document ` + doc.String() + ` within 42 ms`, "", "", ""},
			{name, system, &domain.DocumentRejected{DocumentID: doc, Attempt: 1, Verdict: verdict("rejected:ipk_below_min")}, `The system rejected document ` + doc.String() + `: ipk_below_min`, "", "", `{"label":"rejected:ipk_below_min"}`},
			{name, admin, &domain.DocumentViewed{DocumentID: doc, Viewer: admin, ViewedAt: start}, `"admin-1" (admin) opened the content of document ` + doc.String(), "", "", ""},
			{name, admin, &domain.VerificationOverridden{DocumentID: doc, Outcome: "verified", Reason: "seen", Before: "rejected:ipk_below_min"}, `"admin-1" (admin) decided that document ` + doc.String() + ` is verified, over rejected:ipk_below_min`, "seen", `{"label":"rejected:ipk_below_min","status":"rejected"}`, `{"label":"verified","status":"verified"}`},
			{name, admin, &domain.DocumentRereadRequested{DocumentID: doc, Reason: "new engine"}, `"admin-1" (admin) asked for document ` + doc.String() + ` to be read again`, "new engine", `{"label":"verified","status":"verified"}`, `{"status":"verifying"}`},
			{name, system, &domain.DocumentReadingFailed{DocumentID: doc, Attempt: 2, Code: "timeout", Tries: 5}, `The system gave up reading document ` + doc.String() + ` after 5 tries: timeout`, "", "", ""},
			{name, system, &domain.DocumentReferred{DocumentID: doc, Attempt: 2, Verdict: verdict("review:low_confidence")}, `The system put document ` + doc.String() + ` before a person: low_confidence`, "", "", `{"label":"review:low_confidence"}`},
			{name, admin, &domain.ReviewClaimed{DocumentID: doc, Claimant: admin, Until: start}, `"admin-1" (admin) took document ` + doc.String() + ` up until 2026-08-01T09:00:00Z`, "", "", ""},
			{name, admin, &domain.ReviewReleased{DocumentID: doc}, `"admin-1" (admin) gave document ` + doc.String() + ` back to the queue`, "", "", ""},
			{name, admin, &domain.ApplicationWithdrawn{Reason: "ill"}, `"admin-1" (admin) withdrew the application`, "ill", `{"status":"in_review"}`, `{"status":"withdrawn"}`},
			{name, admin, &domain.ApplicationResubmitted{Applicant: corrected}, `"admin-1" (admin) submitted the application again as "Budi", "21/482851/SV/20006"`, "", `{"applicant":{"id":"person-21/482851/SV/20006","name":"Budi` + "\u202e" + `\u003cb\u003e","nim":"21/482851/SV/20006","email":"p@example.org","programme":"Informatika"},"status":"withdrawn"}`, `{"applicant":{"id":"person-21/482851/SV/20006","name":"Budi","nim":"21/482851/SV/20006","email":"p@example.org","programme":"Informatika"},"status":"submitted"}`},
			{name, admin, &domain.DocumentUploaded{DocumentID: doc, Kind: "khs", SHA256: hash("a"), Size: 7, FileName: "a.pdf"}, `"admin-1" (admin) uploaded "a.pdf" (khs, 7 bytes) as document ` + doc.String(), "", "", ""},
			{name, system, &domain.DocumentVerified{DocumentID: doc, Attempt: 3, Verdict: verdict("verified")}, `The system verified document ` + doc.String(), "", "", `{"label":"verified"}`},
			{name, admin, &domain.ApplicationWaitlisted{Reason: "full"}, `"admin-1" (admin) put the application on the waiting list`, "full", `{"status":"verified"}`, `{"status":"waitlisted"}`},
			{name, admin, &domain.ApplicationAccepted{OpeningID: opening1}, `"admin-1" (admin) accepted the application`, "", `{"status":"waitlisted"}`, `{"status":"accepted"}`},
			{name, admin, &domain.OfferConfirmed{}, `"admin-1" (admin) confirmed the offer`, "", `{"status":"accepted"}`, `{"status":"confirmed"}`},
			{name, admin, &domain.OfferTurnedDown{Reason: "moved"}, `"admin-1" (admin) turned the offer down`, "moved", `{"status":"confirmed"}`, `{"status":"turned_down"}`},
			{name, admin, &domain.ApplicationDeclined{Reason: "x"}, `"admin-1" (admin) declined the application`, "x", `{"status":"turned_down"}`, `{"status":"declined"}`},
			{erasedName, system, &domain.ApplicationErased{Ground: domain.RetentionOver}, `The system erased what the application told of the person, on the ground "retention"`, "", `{"status":""}`, `{"status":"erased"}`},
			{personName("siti"), admin, &domain.ErasureAsked{Subject: "siti", Applications: []uuid.UUID{app}}, `"admin-1" (admin) asked for "siti" to be erased: 1 application`, "", "", ""},
			{personName("siti"), system, &domain.PersonErased{Subject: "siti", Applications: []uuid.UUID{app}, Documents: 2}, `The system destroyed the keys of "siti": 1 application, 2 documents`, "", "", ""},
			{staffName("sri"), admin, &domain.AccessGranted{Subject: "sri", Role: domain.RoleLecturer, Extent: domain.Extent{Departments: []string{"A", "B"}}, Reason: "teaches"}, `"admin-1" (admin) granted "sri", as lecturer, department "A", department "B"`, "teaches", "", `{"lecturer":{"departments":["A","B"]}}`},
			{staffName("sri"), admin, &domain.AccessRevoked{Subject: "sri", Role: domain.RoleLecturer, Extent: domain.Extent{Departments: []string{"A"}}, Reason: "left"}, `"admin-1" (admin) took from "sri", as lecturer, department "A"`, "left", `{"lecturer":{"departments":["A","B"]}}`, `{"lecturer":{"departments":["B"]}}`},
			{staffName("sri"), system, &domain.AccessGranted{Subject: "sri", Role: domain.RoleAdmin, Extent: domain.Everything, Reason: "first"}, `The system granted "sri", as admin, everything`, "first", "", `{"admin":{"everything":true}}`},
		}
		told := map[string]bool{}
		for _, c := range cases {
			story.tell(c.stream, c.actor, c.event)
			told[story.records[len(story.records)-1].Type] = true
		}
		for _, types := range [][]domain.EventType{domain.OpeningEventTypes, domain.ApplicationEventTypes, domain.StaffEventTypes, domain.PersonEventTypes} {
			for _, e := range types {
				require.True(t, told[e.Name], "no case of %s", e.Name)
			}
		}
		story.feed(s)
		page, err := s.Audit(background, AuditQuery{Limit: 100})
		require.NoError(t, err)
		require.Len(t, page.Items, len(cases))
		for i, c := range cases {
			row, r := page.Items[len(cases)-1-i], story.records[i]
			var data json.RawMessage = r.Data
			want := AuditRow{Position: r.Position, Stream: c.stream, Revision: r.Revision, EventID: r.ID, Type: r.Type, Known: true, Actor: c.actor,
				OccurredAt: r.RecordedAt, RecordedAt: r.RecordedAt, CorrelationID: row.CorrelationID, CausationID: "cause", Versions: versionsOf(c.event),
				Sentence: c.sentence, Reason: c.reason, Data: data}
			if c.before != "" {
				want.Before = json.RawMessage(c.before)
			}
			if c.after != "" {
				want.After = json.RawMessage(c.after)
			}
			require.Equal(t, want, row, r.Type)
		}
	})
}

func TestAudit_Filters_SelectAndOrder(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story := newStory(t)
		story.publish(opening1, "Basis Data")
		app := story.submit(opening1, person("A", "1"))
		story.tell(openingName(opening1), domain.Actor{ID: "admin-2", Role: domain.RoleAdmin}, &domain.OpeningClosed{})
		story.tell(applicationName(app), admin, &domain.ApplicationDeclined{Reason: "late"})
		story.feed(s)
		second, third := story.records[1].RecordedAt, story.records[2].RecordedAt
		for _, c := range []struct {
			name  string
			query AuditQuery
			want  []int
		}{
			{"all, latest first", AuditQuery{}, []int{4, 3, 2, 1}},
			{"actor", AuditQuery{Actor: "admin-1"}, []int{4, 1}},
			{"type", AuditQuery{Type: "OpeningClosed"}, []int{3}},
			{"stream", AuditQuery{Stream: openingName(opening1)}, []int{3, 1}},
			{"correlation", AuditQuery{CorrelationID: "request-2"}, []int{2}},
			{"from, inclusive", AuditQuery{From: &third}, []int{4, 3}},
			{"to, inclusive", AuditQuery{To: &second}, []int{2, 1}},
			{"span and actor", AuditQuery{From: &second, To: &third, Actor: "admin-2"}, []int{3}},
			{"nothing", AuditQuery{Actor: "admin-2", Stream: applicationName(app)}, nil},
		} {
			var got []int
			c.query.Limit = 1
			for {
				page, err := s.Audit(background, c.query)
				require.NoError(t, err, c.name)
				for _, row := range page.Items {
					got = append(got, int(row.Position.Commit/10))
				}
				if page.Next == "" {
					break
				}
				c.query.Cursor = page.Next
			}
			require.Equal(t, c.want, got, c.name)
		}
	})
}

func TestAudit_WhatIsNotUnderstood_IsShownAsItStands(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story := newStory(t)
		story.raw("opening-"+opening1.String(), "OpeningPainted", []byte(`{"colour":"red"}`), []byte(`{"actor":{"id":"admin-9","role":"admin"},"occurred_at":"2026-08-01T10:00:00Z","correlation_id":"r"}`))
		story.raw("weather-1", "OpeningClosed", []byte(`{}`), []byte(`{}`))
		story.raw("weather-1", "Rained", []byte("\x00\xff not JSON"), nil)
		story.raw(openingName(opening2), "OpeningPublished", []byte(`{"opening_id":7}`), []byte(`{}`))
		story.feed(s)
		page, err := s.Audit(background, AuditQuery{Limit: 10})
		require.NoError(t, err)
		byType := map[string]AuditRow{}
		for _, row := range page.Items {
			require.False(t, row.Known, row.Type)
			require.NotEqual(t, uuid.Nil, row.EventID)
			byType[row.Type] = row
		}
		require.Len(t, byType, 4)
		painted := byType["OpeningPainted"]
		require.Equal(t, domain.Actor{ID: "admin-9", Role: domain.RoleAdmin}, painted.Actor)
		require.Equal(t, time.Date(2026, 8, 1, 10, 0, 0, 0, time.UTC), painted.OccurredAt)
		require.JSONEq(t, `{"colour":"red"}`, string(painted.Data))
		require.Equal(t, `"admin-9" (admin) recorded an event of a kind that this program does not know`, painted.Sentence)
		require.True(t, json.Valid(byType["Rained"].Data))
		require.Equal(t, story.records[2].RecordedAt, byType["Rained"].OccurredAt)
		require.Equal(t, "Somebody recorded an event that this program cannot read", byType["OpeningPublished"].Sentence)
	})
}
