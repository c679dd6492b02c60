package domain

import (
	"testing"
	"time"
)

var claimed = &ReviewClaimed{documentID, staffMember, during.Add(ClaimWindow)}

func TestApplication_Decide_Claim(t *testing.T) {
	taken := history(referred, []Event{claimed})
	other := Actor{"joko", RoleAdmin}
	claim := func(who Actor, after time.Duration) ClaimReview {
		return ClaimReview{documentID, who, during.Add(after)}
	}
	release := func(who Actor, after time.Duration) ReleaseReview {
		return ReleaseReview{documentID, who, during.Add(after)}
	}
	unknown := DocumentID(applicationID, "zz")
	for _, s := range []applicationScenario{
		{scenario{name: "Claim", given: referred, then: []Event{claimed}}, claim(staffMember, 0)},
		{scenario{name: "Claim_ReadingFailed", given: failed, then: []Event{claimed}}, claim(staffMember, 0)},
		{scenario{name: "Claim_OnesOwn_Quiet", given: taken}, claim(staffMember, ClaimWindow-1)},
		{scenario{name: "Claim_Anothers_Refused", given: taken, code: "review_claimed"}, claim(other, ClaimWindow-1)},
		{scenario{name: "Claim_AfterTheWindow", given: taken, then: []Event{&ReviewClaimed{documentID, other, during.Add(2 * ClaimWindow)}}}, claim(other, ClaimWindow)},
		{scenario{name: "Claim_Released", given: history(taken, []Event{&ReviewReleased{documentID}}),
			then: []Event{&ReviewClaimed{documentID, other, during.Add(ClaimWindow + time.Second)}}}, claim(other, time.Second)},
		{scenario{name: "Claim_Verified_Refused", given: verified, code: "document_not_in_review"}, claim(staffMember, 0)},
		{scenario{name: "Claim_BeingRead_Refused", given: uploaded, code: "document_not_in_review"}, claim(staffMember, 0)},
		{scenario{name: "Claim_Overridden_Refused", given: history(taken, []Event{&VerificationOverridden{documentID, "verified", "seen", "review:low_confidence"}}),
			code: "document_not_in_review"}, claim(staffMember, 0)},
		{scenario{name: "Claim_Withdrawn_Refused", given: withdrawn, code: "application_withdrawn"}, claim(staffMember, 0)},
		{scenario{name: "Claim_UnknownDocument_Refused", given: referred, code: "document_not_found"}, ClaimReview{unknown, staffMember, during}},
		{scenario{name: "Claim_Missing_Refused", code: "application_not_found"}, claim(staffMember, 0)},
		{scenario{name: "Release", given: taken, then: []Event{&ReviewReleased{documentID}}}, release(staffMember, 0)},
		{scenario{name: "Release_NoClaim_Quiet", given: referred}, release(staffMember, 0)},
		{scenario{name: "Release_AfterTheWindow_Quiet", given: taken}, release(other, ClaimWindow)},
		{scenario{name: "Release_Anothers_Refused", given: taken, code: "review_claimed"}, release(other, 0)},
		{scenario{name: "Release_UnknownDocument_Refused", given: referred, code: "document_not_found"}, ReleaseReview{unknown, staffMember, during}},
		{scenario{name: "Override_ByAnother_IsNoBusinessOfTheClaim", given: taken,
			then: []Event{&VerificationOverridden{documentID, "rejected", "blurred", "review:low_confidence"}}}, OverrideVerification{documentID, "rejected", "blurred"}},
	} {
		s.run(t)
	}
}
