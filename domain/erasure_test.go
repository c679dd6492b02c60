package domain

import (
	"encoding/json"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/domain/verification"
)

var erased = &ApplicationErased{Ground: RetentionOver}

func TestDecide_EraseApplication(t *testing.T) {
	then := []Event{&ApplicationErased{ErasureRequested}}
	for _, s := range []applicationScenario{
		{scenario{name: "Submitted", given: submitted, then: then}, EraseApplication{ErasureRequested}},
		{scenario{name: "Accepted", given: accepted, then: then}, EraseApplication{ErasureRequested}},
		{scenario{name: "Declined", given: declined, then: then}, EraseApplication{ErasureRequested}},
		{scenario{name: "Erased_Quiet", given: history(submitted, []Event{erased})}, EraseApplication{ErasureRequested}},
		{scenario{name: "Confirmed_Refused", given: confirmed, code: "application_confirmed"}, EraseApplication{ErasureRequested}},
		{scenario{name: "Confirmed_RetentionOver", given: confirmed, then: []Event{erased}}, EraseApplication{RetentionOver}},
		{scenario{name: "WithoutGround_Refused", given: submitted, code: "invalid_field", field: "ground"}, EraseApplication{}},
		{scenario{name: "Missing_Refused", code: "application_not_found"}, EraseApplication{ErasureRequested}},
	} {
		s.run(t)
	}
}

func TestDecide_Erased_TakesNoWishAndEndsWhatTheMachineHad(t *testing.T) {
	given := history(uploaded, []Event{erased})
	for name, command := range map[string]ApplicationCommand{
		"submit": SubmitApplication{applicationID, applicant(), publishedOpening(), during}, "resubmit": ResubmitApplication{corrected, publishedOpening(), during},
		"upload": upload("bb"), "view": ViewDocument{documentID, staffMember, during}, "decline": DeclineApplication{"full"}, "accept": AcceptApplication{},
	} {
		applicationScenario{scenario{name: name, given: given, code: "application_erased"}, command}.run(t)
	}
	for name, command := range map[string]ApplicationCommand{
		"reading": RecordReading{documentID, 1, reading, 1}, "verdict": RecordVerdict{documentID, 1, verdict(verification.Verified), 0}, "failure": RecordReadingFailure{documentID, 1, "timeout", 2},
	} {
		applicationScenario{scenario{name: name, given: given}, command}.run(t)
	}
}

// Whether the key was destroyed before or after the events were read, the state is the same.
func TestEvolve_Erased_IsAsIfNothingPersonalHadEverBeenRead(t *testing.T) {
	for _, events := range histories {
		events = history(events, []Event{erased})
		var whole, left Application
		for _, e := range events {
			whole = whole.Evolve(e)
			if personal, ok := e.(Personal); ok {
				e = personal.Erased()
			}
			left = left.Evolve(e)
		}
		require.Equal(t, left, whole)
		if !whole.Exists() {
			continue
		}
		require.True(t, whole.Erased)
		require.NotContains(t, []ApplicationStatus{StatusVerifying, StatusInReview, StatusVerified, StatusAccepted}, whole.Status, "it has ended")
		text, err := json.Marshal(whole)
		require.NoError(t, err)
		for _, word := range []string{applicant().Name, applicant().NIM, applicant().Email, "khs.pdf"} {
			require.NotContains(t, string(text), word)
		}
	}
}

func TestPerson_Decide(t *testing.T) {
	asked := &ErasureAsked{"siti", []uuid.UUID{applicationID}}
	done := &PersonErased{"siti", []uuid.UUID{applicationID}, 2}
	for _, s := range []struct {
		scenario
		when PersonCommand
	}{
		{scenario{name: "Ask", then: []Event{asked}}, AskErasure{"siti", asked.Applications}},
		{scenario{name: "Ask_NothingHeld_IsCertifiedToo", then: []Event{&ErasureAsked{"siti", nil}}}, AskErasure{"siti", nil}},
		{scenario{name: "Ask_UnderWay_Quiet", given: []Event{asked}}, AskErasure{"siti", asked.Applications}},
		{scenario{name: "Ask_NothingCameSince_Quiet", given: []Event{asked, done}}, AskErasure{"siti", nil}},
		{scenario{name: "Ask_AppliedSince", given: []Event{asked, done}, then: []Event{&ErasureAsked{"siti", []uuid.UUID{otherID}}}}, AskErasure{"siti", []uuid.UUID{otherID}}},
		{scenario{name: "Ask_NoSubject_Refused", code: "invalid_field", field: "subject"}, AskErasure{}},
		{scenario{name: "Certify", given: []Event{asked}, then: []Event{done}}, CertifyErasure{asked.Applications, 2}},
		{scenario{name: "Certify_NotAsked_Quiet"}, CertifyErasure{asked.Applications, 2}},
	} {
		check(t, s.scenario, s.when, Person.Evolve, Person.Decide)
	}
}
