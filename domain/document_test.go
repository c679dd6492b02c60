package domain

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"asprak/domain/verification"
)

func TestApplication_Decide_Document(t *testing.T) {
	uploadedEvent := uploaded[len(uploaded)-1]
	long := upload("aa")
	long.FileName = strings.Repeat("x", 300) + ".pdf"
	shortened := *uploadedEvent.(*DocumentUploaded)
	shortened.FileName = strings.Repeat("x", maxText-4) + ".pdf"
	badKind := upload("aa")
	badKind.Kind = "krs"
	unknown := DocumentID(applicationID, "zz")
	reread := history(verified, []Event{&DocumentRereadRequested{documentID, "new engine"}})
	overridden := history(rejected, []Event{&VerificationOverridden{documentID, "verified", "seen", "rejected:ipk_below_min"}})
	resentEvents := history(again, []Event{uploadedEvent})

	for _, s := range []applicationScenario{
		{scenario{name: "Upload", given: submitted, then: []Event{uploadedEvent}}, upload("aa")},
		{scenario{name: "Upload_Rejected_AnotherTry", given: history(rejected), then: []Event{&DocumentUploaded{DocumentID(applicationID, "bb"), "khs", "bb", 10, "application/pdf", "khs.pdf", ""}}}, upload("bb")},
		{scenario{name: "Upload_SameBytes_Quiet", given: verified}, upload("aa")},
		{scenario{name: "Upload_SameBytesAccepted_Quiet", given: accepted}, upload("aa")},
		{scenario{name: "Upload_SameBytesResubmitted_Anew", given: again, then: []Event{uploadedEvent}}, upload("aa")},
		{scenario{name: "Upload_LongName_KeepsItsEnd", given: submitted, then: []Event{&shortened}}, long},
		{scenario{name: "Upload_OtherKind_Refused", given: submitted, code: "invalid_field", field: "kind"}, badKind},
		{scenario{name: "Upload_Withdrawn_Refused", given: withdrawn, code: "application_withdrawn"}, upload("bb")},
		{scenario{name: "Upload_Accepted_Refused", given: accepted, code: "application_accepted"}, upload("bb")},
		{scenario{name: "Upload_Declined_Refused", given: declined, code: "application_declined"}, upload("bb")},
		{scenario{name: "Upload_Missing_Refused", code: "application_not_found"}, upload("aa")},

		{scenario{name: "Read", given: uploaded, then: []Event{&DocumentRead{documentID, 1, reading, 40}}}, RecordReading{documentID, 1, reading, 40}},
		{scenario{name: "Read_AfterFailure", given: failed, then: []Event{&DocumentRead{documentID, 1, reading, 40}}}, RecordReading{documentID, 1, reading, 40}},
		{scenario{name: "Read_Twice_Quiet", given: readOnce}, RecordReading{documentID, 1, reading, 99}},
		{scenario{name: "Read_Reread", given: reread, then: []Event{&DocumentRead{documentID, 2, reading, 40}}}, RecordReading{documentID, 2, reading, 40}},
		{scenario{name: "Read_EarlierAttempt_Quiet", given: reread}, RecordReading{documentID, 1, reading, 40}},
		{scenario{name: "Read_Resent", given: resentEvents, then: []Event{&DocumentRead{documentID, 2, reading, 40}}}, RecordReading{documentID, 2, reading, 40}},
		{scenario{name: "Read_Superseded_Quiet", given: history(uploaded, []Event{&ApplicationWithdrawn{}, &ApplicationResubmitted{corrected}})}, RecordReading{documentID, 1, reading, 40}},
		{scenario{name: "Read_Withdrawn_Quiet", given: history(uploaded, []Event{&ApplicationWithdrawn{}})}, RecordReading{documentID, 1, reading, 40}},
		{scenario{name: "Read_FutureAttempt_Refused", given: uploaded, code: "attempt_unknown"}, RecordReading{documentID, 2, reading, 40}},
		{scenario{name: "Read_UnknownDocument_Refused", given: uploaded, code: "document_not_found"}, RecordReading{unknown, 1, reading, 40}},

		{scenario{name: "Judge_Verified", given: readOnce, then: verified[len(verified)-1:]}, RecordVerdict{documentID, 1, verdict(verification.Verified), 0}},
		{scenario{name: "Judge_Rejected", given: readOnce, then: rejected[len(rejected)-1:]}, RecordVerdict{documentID, 1, verdict(verification.Rejected("ipk_below_min")), 0}},
		{scenario{name: "Judge_Referred", given: readOnce, then: referred[len(referred)-1:]}, RecordVerdict{documentID, 1, verdict(verification.Review("low_confidence")), 0}},
		{scenario{name: "Judge_Twice_Quiet", given: verified}, RecordVerdict{documentID, 1, verdict(verification.Rejected("ipk_below_min")), 0}},
		{scenario{name: "Judge_Overridden_Quiet", given: history(failed, []Event{&VerificationOverridden{documentID, "verified", "seen", ""}, &DocumentRead{documentID, 1, reading, 1}})},
			RecordVerdict{documentID, 1, verdict(verification.Verified), 0}},
		{scenario{name: "Judge_Unread_Refused", given: uploaded, code: "document_not_read"}, RecordVerdict{documentID, 1, verdict(verification.Verified), 0}},
		{scenario{name: "Judge_NoLabel_Refused", given: readOnce, code: "bad_verdict"}, RecordVerdict{documentID, 1, verdict(""), 0}},
		{scenario{name: "Judge_NoReason_Refused", given: readOnce, code: "bad_verdict"}, RecordVerdict{documentID, 1, verdict("review:"), 0}},
		{scenario{name: "Judge_UnknownDocument_Refused", given: readOnce, code: "document_not_found"}, RecordVerdict{unknown, 1, verdict(verification.Verified), 0}},

		{scenario{name: "Fail", given: uploaded, then: failed[len(failed)-1:]}, RecordReadingFailure{documentID, 1, "timeout", 5}},
		{scenario{name: "Fail_AfterReading", given: readOnce, then: failed[len(failed)-1:]}, RecordReadingFailure{documentID, 1, "timeout", 5}},
		{scenario{name: "Fail_Twice_Quiet", given: failed}, RecordReadingFailure{documentID, 1, "crashed", 6}},
		{scenario{name: "Fail_Judged_Quiet", given: verified}, RecordReadingFailure{documentID, 1, "timeout", 5}},
		{scenario{name: "Fail_UnknownDocument_Refused", given: uploaded, code: "document_not_found"}, RecordReadingFailure{unknown, 1, "timeout", 5}},

		{scenario{name: "Override", given: rejected, then: overridden[len(overridden)-1:]}, OverrideVerification{documentID, "verified", " seen "}},
		{scenario{name: "Override_Failed", given: failed, then: []Event{&VerificationOverridden{documentID, "rejected", "blank", ""}}}, OverrideVerification{documentID, "rejected", "blank"}},
		{scenario{name: "Override_Overridden", given: overridden, then: []Event{&VerificationOverridden{documentID, "rejected", "looked again", "verified"}}},
			OverrideVerification{documentID, "rejected", "looked again"}},
		{scenario{name: "Override_Same_Quiet", given: overridden}, OverrideVerification{documentID, "verified", "seen"}},
		{scenario{name: "Override_NoReason_Refused", given: rejected, code: "invalid_field", field: "reason"}, OverrideVerification{documentID, "verified", " "}},
		{scenario{name: "Override_OtherOutcome_Refused", given: rejected, code: "invalid_field", field: "outcome"}, OverrideVerification{documentID, "review", "x"}},
		{scenario{name: "Override_BeingRead_Refused", given: uploaded, code: "document_not_judged"}, OverrideVerification{documentID, "verified", "x"}},
		{scenario{name: "Override_Accepted_Refused", given: accepted, code: "application_accepted"}, OverrideVerification{documentID, "rejected", "x"}},
		{scenario{name: "Override_Superseded_Refused", given: again, code: "document_superseded"}, OverrideVerification{documentID, "verified", "x"}},
		{scenario{name: "Override_UnknownDocument_Refused", given: rejected, code: "document_not_found"}, OverrideVerification{unknown, "verified", "x"}},

		{scenario{name: "Reread", given: verified, then: reread[len(reread)-1:]}, RequestReread{documentID, "new engine"}},
		{scenario{name: "Reread_Overridden", given: overridden, then: reread[len(reread)-1:]}, RequestReread{documentID, "new engine"}},
		{scenario{name: "Reread_Failed", given: failed, then: []Event{&DocumentRereadRequested{documentID, ""}}}, RequestReread{documentID, ""}},
		{scenario{name: "Reread_UnderWay_Quiet", given: uploaded}, RequestReread{documentID, ""}},
		{scenario{name: "Reread_Withdrawn_Refused", given: withdrawn, code: "application_withdrawn"}, RequestReread{documentID, ""}},
		{scenario{name: "Reread_UnknownDocument_Refused", given: verified, code: "document_not_found"}, RequestReread{unknown, ""}},
	} {
		s.run(t)
	}
}

func TestApplication_Evolve_RereadForgetsTheOldConclusion(t *testing.T) {
	var a Application
	for _, e := range history(rejected, []Event{&VerificationOverridden{documentID, "verified", "seen", ""}}) {
		a = a.Evolve(e)
	}
	before, _ := a.Document(documentID)
	b := a.Evolve(&DocumentRereadRequested{documentID, ""})
	d, ok := b.Document(documentID)
	require.True(t, ok)
	require.Equal(t, 2, d.Attempt)
	require.Nil(t, d.Reading)
	require.Empty(t, d.Label())
	require.True(t, b.Pending(documentID, 2))
	require.False(t, b.Pending(documentID, 1))

	unchanged, _ := a.Document(documentID)
	require.Equal(t, before, unchanged, "the old state stays as it was")
}
