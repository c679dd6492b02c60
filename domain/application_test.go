package domain

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"asprak/domain/transcript"
	"asprak/domain/verification"
)

var (
	submitted = []Event{&ApplicationSubmitted{applicationID, openingID, applicant()}}
	uploaded  = history(submitted, []Event{&DocumentUploaded{documentID, transcript.KHS, "aa", 10, "application/pdf", "khs.pdf", ""}})
	readOnce  = history(uploaded, []Event{&DocumentRead{documentID, 1, reading, 40}})
	failed    = history(uploaded, []Event{&DocumentReadingFailed{documentID, 1, "timeout", 5}})
	verified  = history(readOnce, []Event{&DocumentVerified{documentID, 1, verdict(verification.Verified), 0}})
	rejected  = history(readOnce, []Event{&DocumentRejected{documentID, 1, verdict(verification.Rejected("ipk_below_min")), 0}})
	referred  = history(readOnce, []Event{&DocumentReferred{documentID, 1, verdict(verification.Review("low_confidence")), 0}})

	waitlisted = history(verified, []Event{&ApplicationWaitlisted{}})
	accepted   = history(verified, []Event{&ApplicationAccepted{openingID, ""}})
	confirmed  = history(accepted, []Event{&OfferConfirmed{}})
	turnedDown = history(accepted, []Event{&OfferTurnedDown{}})
	declined   = history(verified, []Event{&ApplicationDeclined{"full"}})
	withdrawn  = history(verified, []Event{&ApplicationWithdrawn{}})
	corrected  = applicant(func(a *Applicant) { a.Name = "Siti Rahmawati" })
	again      = history(rejected, []Event{&ApplicationResubmitted{corrected}})
)

func upload(sha string) UploadDocument {
	return UploadDocument{DocumentID: DocumentID(applicationID, sha), Kind: transcript.KHS, SHA256: sha, Size: 10, Type: "application/pdf", FileName: "khs.pdf"}
}

func TestApplication_Decide_Submission(t *testing.T) {
	submit := func(change ...func(*Applicant)) SubmitApplication {
		return SubmitApplication{applicationID, applicant(change...), publishedOpening(), during}
	}
	for _, s := range []applicationScenario{
		{scenario{name: "Submit", then: submitted}, submit()},
		{scenario{name: "Submit_Blanks_AreTrimmed", then: submitted}, submit(func(a *Applicant) { a.NIM = " " + a.NIM + " " })},
		{scenario{name: "Submit_HostileName_IsKept", then: []Event{&ApplicationSubmitted{applicationID, openingID,
			applicant(func(a *Applicant) { a.Name = "'; DROP TABLE--<script>\u202e\x07" })}}},
			submit(func(a *Applicant) { a.Name = "'; DROP TABLE--<script>\u202e\x07" })},
		{scenario{name: "Submit_SameAgain_Quiet", given: verified}, submit()},
		{scenario{name: "Submit_SameAfterTheWindow_Quiet", given: submitted}, SubmitApplication{applicationID, applicant(), publishedOpening(), closes}},
		{scenario{name: "Submit_OtherData_Refused", given: submitted, code: "already_applied"}, submit(func(a *Applicant) { a.NIM = "1" })},
		{scenario{name: "Submit_Withdrawn_Refused", given: withdrawn, code: "application_withdrawn"}, submit()},
		{scenario{name: "Submit_TooEarly_Refused", code: "opening_not_yet_open"}, SubmitApplication{applicationID, applicant(), publishedOpening(), opens.Add(-1)}},
		{scenario{name: "Submit_TooLate_Refused", code: "opening_window_over"}, SubmitApplication{applicationID, applicant(), publishedOpening(), closes}},
		{scenario{name: "Submit_Closed_Refused", code: "opening_closed"}, SubmitApplication{applicationID, applicant(), publishedOpening().Evolve(&OpeningClosed{}), during}},
		{scenario{name: "Submit_NoOpening_Refused", code: "opening_not_found"}, SubmitApplication{applicationID, applicant(), Opening{}, during}},

		{scenario{name: "Resubmit_Withdrawn", given: withdrawn, then: []Event{&ApplicationResubmitted{corrected}}}, ResubmitApplication{corrected, publishedOpening(), during}},
		{scenario{name: "Resubmit_Rejected", given: rejected, then: []Event{&ApplicationResubmitted{corrected}}}, ResubmitApplication{corrected, publishedOpening(), during}},
		{scenario{name: "Resubmit_OthersID_IsIgnored", given: rejected, then: []Event{&ApplicationResubmitted{corrected}}},
			ResubmitApplication{applicant(func(a *Applicant) { a.ID, a.Name = "budi", corrected.Name }), publishedOpening(), during}},
		{scenario{name: "Resubmit_SameAgain_Quiet", given: again}, ResubmitApplication{corrected, publishedOpening(), during}},
		{scenario{name: "Resubmit_Verified_Refused", given: verified, code: "application_verified"}, ResubmitApplication{corrected, publishedOpening(), during}},
		{scenario{name: "Resubmit_Declined_Refused", given: declined, code: "application_declined"}, ResubmitApplication{corrected, publishedOpening(), during}},
		{scenario{name: "Resubmit_Waitlisted_Refused", given: waitlisted, code: "application_waitlisted"}, ResubmitApplication{corrected, publishedOpening(), during}},
		{scenario{name: "Resubmit_TooLate_Refused", given: withdrawn, code: "opening_window_over"}, ResubmitApplication{corrected, publishedOpening(), closes}},
		{scenario{name: "Resubmit_Invalid_Refused", given: withdrawn, code: "invalid_field", field: "applicant.email"},
			ResubmitApplication{applicant(func(a *Applicant) { a.Email = "siti" }), publishedOpening(), during}},
		{scenario{name: "Resubmit_Missing_Refused", code: "application_not_found"}, ResubmitApplication{corrected, publishedOpening(), during}},

		{scenario{name: "Withdraw", given: submitted, then: []Event{&ApplicationWithdrawn{"ill"}}}, WithdrawApplication{"ill"}},
		{scenario{name: "Withdraw_Accepted", given: accepted, then: []Event{&ApplicationWithdrawn{}}}, WithdrawApplication{}},
		{scenario{name: "Withdraw_Withdrawn_Quiet", given: withdrawn}, WithdrawApplication{"again"}},
		{scenario{name: "Withdraw_Confirmed_Refused", given: confirmed, code: "application_confirmed"}, WithdrawApplication{}},
		{scenario{name: "Withdraw_Declined_Refused", given: declined, code: "application_declined"}, WithdrawApplication{}},
		{scenario{name: "Withdraw_TurnedDown_Refused", given: turnedDown, code: "application_turned_down"}, WithdrawApplication{}},
		{scenario{name: "Withdraw_Missing_Refused", code: "application_not_found"}, WithdrawApplication{}},
	} {
		s.run(t)
	}
}

func TestApplication_Decide_Offer(t *testing.T) {
	cancelled := publishedOpening().Evolve(&OpeningCancelled{})
	for _, s := range []applicationScenario{
		{scenario{name: "Accept", given: verified, then: []Event{&ApplicationAccepted{openingID, "best"}}}, AcceptApplication{"best"}},
		{scenario{name: "Accept_ByOverride", given: history(referred, []Event{&VerificationOverridden{documentID, "verified", "seen", ""}}),
			then: []Event{&ApplicationAccepted{openingID, ""}}}, AcceptApplication{}},
		{scenario{name: "Accept_Waitlisted", given: waitlisted, then: []Event{&ApplicationAccepted{openingID, ""}}}, AcceptApplication{}},
		{scenario{name: "Accept_Accepted_Quiet", given: accepted}, AcceptApplication{"again"}},
		{scenario{name: "Accept_Confirmed_Quiet", given: confirmed}, AcceptApplication{}},
		{scenario{name: "Accept_Submitted_Refused", given: submitted, code: "application_not_verified"}, AcceptApplication{}},
		{scenario{name: "Accept_InReview_Refused", given: referred, code: "application_not_verified"}, AcceptApplication{}},
		{scenario{name: "Accept_Rejected_Refused", given: rejected, code: "application_not_verified"}, AcceptApplication{}},
		{scenario{name: "Accept_OverriddenToRejected_Refused", given: history(verified, []Event{&VerificationOverridden{documentID, "rejected", "borrowed", "verified"}}),
			code: "application_not_verified"}, AcceptApplication{}},
		{scenario{name: "Accept_Withdrawn_Refused", given: withdrawn, code: "application_withdrawn"}, AcceptApplication{}},
		{scenario{name: "Accept_Declined_Refused", given: declined, code: "application_declined"}, AcceptApplication{}},

		{scenario{name: "Waitlist", given: verified, then: []Event{&ApplicationWaitlisted{"next"}}}, WaitlistApplication{"next"}},
		{scenario{name: "Waitlist_Waitlisted_Quiet", given: waitlisted}, WaitlistApplication{}},
		{scenario{name: "Waitlist_InReview_Refused", given: referred, code: "application_not_verified"}, WaitlistApplication{}},
		{scenario{name: "Waitlist_Accepted_Refused", given: accepted, code: "application_accepted"}, WaitlistApplication{}},

		{scenario{name: "Decline", given: rejected, then: []Event{&ApplicationDeclined{"late"}}}, DeclineApplication{"late"}},
		{scenario{name: "Decline_Waitlisted", given: waitlisted, then: []Event{&ApplicationDeclined{"full"}}}, DeclineApplication{"full"}},
		{scenario{name: "Decline_Accepted", given: accepted, then: []Event{&ApplicationDeclined{"mistake"}}}, DeclineApplication{"mistake"}},
		{scenario{name: "Decline_Declined_Quiet", given: declined}, DeclineApplication{"again"}},
		{scenario{name: "Decline_NoReason_Refused", given: verified, code: "invalid_field", field: "reason"}, DeclineApplication{}},
		{scenario{name: "Decline_Confirmed_Refused", given: confirmed, code: "application_confirmed"}, DeclineApplication{"x"}},
		{scenario{name: "Decline_Withdrawn_Refused", given: withdrawn, code: "application_withdrawn"}, DeclineApplication{"x"}},

		{scenario{name: "Confirm", given: accepted, then: []Event{&OfferConfirmed{}}}, ConfirmOffer{publishedOpening()}},
		{scenario{name: "Confirm_Confirmed_Quiet", given: confirmed}, ConfirmOffer{cancelled}},
		{scenario{name: "Confirm_Verified_Refused", given: verified, code: "application_not_accepted"}, ConfirmOffer{publishedOpening()}},
		{scenario{name: "Confirm_Cancelled_Refused", given: accepted, code: "opening_cancelled"}, ConfirmOffer{cancelled}},

		{scenario{name: "TurnDown", given: accepted, then: []Event{&OfferTurnedDown{"busy"}}}, TurnDownOffer{"busy"}},
		{scenario{name: "TurnDown_Confirmed", given: confirmed, then: []Event{&OfferTurnedDown{}}}, TurnDownOffer{}},
		{scenario{name: "TurnDown_TurnedDown_Quiet", given: turnedDown}, TurnDownOffer{}},
		{scenario{name: "TurnDown_Waitlisted_Refused", given: waitlisted, code: "application_not_accepted"}, TurnDownOffer{}},
	} {
		s.run(t)
	}
}

func TestApplicant_Invalid_NamesTheField(t *testing.T) {
	for field, changes := range map[string][]func(*Applicant){
		"applicant.id":        {func(a *Applicant) { a.ID = "" }},
		"applicant.name":      {func(a *Applicant) { a.Name = " " }, func(a *Applicant) { a.Name = strings.Repeat("x", maxText+1) }, func(a *Applicant) { a.Name = "\xff" }},
		"applicant.nim":       {func(a *Applicant) { a.NIM = "" }, func(a *Applicant) { a.NIM = "21/4\u202e828" }, func(a *Applicant) { a.NIM = "--/--" }, func(a *Applicant) { a.NIM = "21\x00" }},
		"applicant.programme": {func(a *Applicant) { a.Programme = "" }},
		"applicant.email": {func(a *Applicant) { a.Email = "siti" }, func(a *Applicant) { a.Email = "Siti <siti@example.ac.id>" },
			func(a *Applicant) { a.Email = "siti@example.ac.id\r\nBcc: x@example.org" }, func(a *Applicant) { a.Email = strings.Repeat("x", maxEmail) + "@example.org" }},
	} {
		for _, change := range changes {
			_, err := Application{}.Decide(SubmitApplication{applicationID, applicant(change), publishedOpening(), during})
			var e *Error
			require.ErrorAs(t, err, &e, field)
			require.Equal(t, field, e.Field)
		}
	}
}

func TestApplication_Evolve_StatusFollowsTheHistory(t *testing.T) {
	second := DocumentID(applicationID, "bb")
	secondUp := &DocumentUploaded{second, transcript.KHS, "bb", 10, "application/pdf", "b.pdf", ""}
	secondDone := history([]Event{secondUp, &DocumentRead{second, 1, reading, 1}, &DocumentVerified{second, 1, verdict(verification.Verified), 0}})
	for _, c := range []struct {
		given []Event
		want  ApplicationStatus
	}{
		{submitted, StatusSubmitted}, {uploaded, StatusVerifying}, {readOnce, StatusVerifying}, {failed, StatusReadingFailed},
		{verified, StatusVerified}, {rejected, StatusRejected}, {referred, StatusInReview}, {withdrawn, StatusWithdrawn}, {waitlisted, StatusWaitlisted},
		{accepted, StatusAccepted}, {confirmed, StatusConfirmed}, {turnedDown, StatusTurnedDown}, {declined, StatusDeclined}, {again, StatusSubmitted},
		{history(failed, []Event{&DocumentRead{documentID, 1, reading, 1}, &DocumentVerified{documentID, 1, verdict(verification.Verified), 0}}), StatusVerified},
		{history(rejected, []Event{secondUp}), StatusVerifying},
		{history(verified, []Event{secondUp}), StatusVerified},
		{history(rejected, secondDone), StatusVerified},
		{history(referred, secondDone), StatusVerified},
		{history(readOnce, []Event{&DocumentReferred{documentID, 1, verdict(verification.Review("suspected_edit")), 0}}, secondDone), StatusInReview},
		{history(referred, []Event{&VerificationOverridden{documentID, "verified", "seen", ""}}), StatusVerified},
		{history(verified, []Event{&DocumentRereadRequested{documentID, ""}}), StatusVerifying},
		{history(again, secondDone), StatusVerified},
	} {
		var a Application
		for _, e := range c.given {
			a = a.Evolve(e)
		}
		require.Equal(t, c.want, a.Status, "%d events, the last %T", len(c.given), c.given[len(c.given)-1])
	}
}

func TestApplication_VisibleTo_OwnApplicantAndStaff(t *testing.T) {
	a := Application{}.Evolve(submitted[0])
	require.True(t, a.VisibleTo(Actor{"siti", RoleApplicant}))
	require.False(t, a.VisibleTo(Actor{"budi", RoleApplicant}))
	require.True(t, a.VisibleTo(Actor{"budi", RoleAuditor}))
	require.False(t, Application{}.VisibleTo(Actor{"", RoleApplicant}))
}

func TestUpload_TwentyDocuments_NoMore(t *testing.T) {
	a := Application{}.Evolve(submitted[0])
	for i := range MaxDocuments {
		events, err := a.Decide(upload(fmt.Sprint(i)))
		require.NoError(t, err)
		require.Len(t, events, 1)
		a = a.Evolve(events[0])
	}
	_, err := a.Decide(upload("one more"))
	require.Equal(t, "too_many_documents", ErrorCode(err))
	events, err := a.Decide(upload("0"))
	require.NoError(t, err)
	require.Empty(t, events)
}
