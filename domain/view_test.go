package domain

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	staffMember = Actor{"dewi", RoleAdmin}
	viewedOnce  = &DocumentViewed{documentID, staffMember, during}
)

func TestApplication_Decide_View(t *testing.T) {
	seen := history(verified, []Event{viewedOnce})
	view := func(viewer Actor, after time.Duration) ViewDocument {
		return ViewDocument{documentID, viewer, during.Add(after)}
	}
	auditor := Actor{"agus", RoleAuditor}
	for _, s := range []applicationScenario{
		{scenario{name: "View", given: uploaded, then: []Event{viewedOnce}}, view(staffMember, 0)},
		{scenario{name: "View_Ended", given: declined, then: []Event{viewedOnce}}, view(staffMember, 0)},
		{scenario{name: "View_WithinTheWindow_Quiet", given: seen}, view(staffMember, ViewWindow-1)},
		{scenario{name: "View_ClockBehind_Quiet", given: seen}, view(staffMember, -time.Second)},
		{scenario{name: "View_AfterTheWindow", given: seen, then: []Event{&DocumentViewed{documentID, staffMember, during.Add(ViewWindow)}}}, view(staffMember, ViewWindow)},
		{scenario{name: "View_AnotherPerson", given: seen, then: []Event{&DocumentViewed{documentID, auditor, during}}}, view(auditor, 0)},
		{scenario{name: "View_Own_Quiet", given: uploaded}, view(Actor{"siti", RoleApplicant}, 0)},
		{scenario{name: "View_AnotherApplicant_Refused", given: uploaded, code: "application_not_found"}, view(Actor{"budi", RoleApplicant}, 0)},
		{scenario{name: "View_UnknownDocument_Refused", given: uploaded, code: "document_not_found"}, ViewDocument{DocumentID(applicationID, "zz"), staffMember, during}},
		{scenario{name: "View_Missing_Refused", code: "application_not_found"}, view(staffMember, 0)},
	} {
		s.run(t)
	}
}

// A window that slid with every request would hide a whole day's looking behind one event.
func TestView_RequestAfterRequest_IsRecordedOncePerWindow(t *testing.T) {
	var a Application
	for _, e := range uploaded {
		a = a.Evolve(e)
	}
	recorded := 0
	for minute := range 60 {
		events, err := a.Decide(ViewDocument{documentID, staffMember, during.Add(time.Duration(minute) * time.Minute)})
		require.NoError(t, err)
		for _, e := range events {
			a, recorded = a.Evolve(e), recorded+1
		}
	}
	require.Equal(t, 6, recorded)
	d, _ := a.Document(documentID)
	require.Equal(t, []View{{staffMember, during.Add(50 * time.Minute)}}, d.Views)
}
