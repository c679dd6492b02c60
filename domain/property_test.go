package domain

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"asprak/domain/transcript"
	"asprak/domain/verification"
)

func drawOpeningCommand(t *rapid.T) OpeningCommand {
	at := rapid.SampledFrom([]time.Time{opens.Add(-time.Hour), during, closes, closes.Add(72 * time.Hour)}).Draw(t, "at")
	id := rapid.SampledFrom([]uuid.UUID{applicationID, otherID, documentID, openingID}).Draw(t, "application")
	changed := details(func(d *OpeningDetails) { d.Seats = rapid.IntRange(0, 4).Draw(t, "seats") })
	reason := rapid.SampledFrom([]string{"", "a reason"}).Draw(t, "reason")
	return rapid.SampledFrom([]OpeningCommand{
		publish(changed), revise(changed, reason), CloseOpening{reason}, CancelOpening{reason},
		ReopenOpening{at.Add(time.Hour), reason, at}, AwardSeat{id, reason}, AwardSeat{id, reason}, AwardSeat{id, reason}, ReleaseSeat{id, reason},
	}).Draw(t, "command")
}

func drawApplicationCommand(t *rapid.T) ApplicationCommand {
	opening := rapid.SampledFrom([]Opening{publishedOpening(), publishedOpening().Evolve(&OpeningCancelled{}), {}}).Draw(t, "opening")
	who := rapid.SampledFrom([]Applicant{applicant(), corrected, applicant(func(a *Applicant) { a.Email = "" })}).Draw(t, "applicant")
	sha := rapid.SampledFrom([]string{"aa", "bb", "cc"}).Draw(t, "sha")
	id := DocumentID(applicationID, sha)
	attempt := rapid.IntRange(0, 3).Draw(t, "attempt")
	reason := rapid.SampledFrom([]string{"", "a reason"}).Draw(t, "reason")
	label := rapid.SampledFrom([]verification.Label{verification.Verified, verification.Verified, "rejected:ipk_below_min", "review:suspected_edit", "nonsense"}).Draw(t, "label")
	return rapid.SampledFrom([]ApplicationCommand{
		SubmitApplication{applicationID, who, opening, during}, ResubmitApplication{who, opening, during}, WithdrawApplication{reason},
		upload(sha), RecordReading{id, attempt, reading, 1}, RecordReading{id, 1, reading, 1}, RecordVerdict{id, attempt, verdict(label), 0}, RecordVerdict{id, 1, verdict(label), 0},
		RecordReadingFailure{id, attempt, "timeout", 3}, OverrideVerification{id, label.Outcome(), reason}, RequestReread{id, reason},
		ClaimReview{id, staffMember, during}, ReleaseReview{id, staffMember, during},
		ViewDocument{id, staffMember, during.Add(time.Duration(attempt) * ViewWindow)}, AcceptApplication{reason}, DeclineApplication{reason}, WaitlistApplication{reason}, ConfirmOffer{opening}, TurnDownOffer{reason},
		EraseApplication{rapid.SampledFrom([]ErasureGround{ErasureRequested, RetentionOver, ""}).Draw(t, "ground")},
	}).Draw(t, "command")
}

var histories = [][]Event{nil, submitted, uploaded, readOnce, failed, verified, rejected, referred, waitlisted, accepted, confirmed, turnedDown, declined, withdrawn, again,
	history(rejected, []Event{&VerificationOverridden{documentID, "verified", "seen", "rejected:ipk_below_min"}}),
	history(verified, []Event{&DocumentRereadRequested{documentID, ""}, viewedOnce}),
	history(referred, []Event{claimed, &ReviewReleased{documentID}, claimed}),
	history(referred, []Event{&VerificationOverridden{documentID, "rejected", "seen", "review:low_confidence"}, erased}), history(confirmed, []Event{erased}),
	{&OpeningPublished{openingID, details()}, &SeatAwarded{applicationID, ""}, &SeatReleased{applicationID, ""},
		&OpeningRevised{details(func(d *OpeningDetails) { d.Seats = 1 }), ""}, &OpeningClosed{}, &OpeningReopened{closes.Add(time.Hour), ""}, &OpeningCancelled{"no funds"}},
}

func TestDecide_AnyCommandTwice_RecordsNothingMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var o Opening
		if rapid.IntRange(0, 9).Draw(t, "published") > 0 {
			o = publishedOpening()
		}
		var a Application
		for _, e := range rapid.SampledFrom(histories).Draw(t, "given") {
			a = a.Evolve(e)
		}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			o = twice(t, o, drawOpeningCommand(t), Opening.Decide, Opening.Evolve)
			a = twice(t, a, drawApplicationCommand(t), Application.Decide, Application.Evolve)
			require.LessOrEqual(t, len(o.Awarded), o.Details.Seats, "seats awarded")
			require.LessOrEqual(t, len(a.Documents), MaxDocuments)
		}
	})
}

func twice[S, C any](t *rapid.T, state S, command C, decide func(S, C) ([]Event, error), evolve func(S, Event) S) S {
	events, err := decide(state, command)
	if err != nil {
		require.Empty(t, events, "an error records nothing")
		require.NotEmpty(t, ErrorCode(err), "a refusal has a code: %v", err)
		return state
	}
	for _, e := range events {
		after := evolve(state, e)
		require.False(t, reflect.DeepEqual(state, after), "%T changes nothing", e)
		state = after
	}
	again, err := decide(state, command)
	require.NoError(t, err, "%T again", command)
	require.Empty(t, again, "%T again", command)
	return state
}

func TestEvolve_AnyEventsInAnyOrder_NeverPanics(t *testing.T) {
	events := history(confirmed, turnedDown, declined, withdrawn, failed, referred, rejected, again, []Event{
		&OpeningPublished{openingID, details()}, &OpeningRevised{details(), ""}, &OpeningClosed{}, &OpeningReopened{closes, ""}, &OpeningCancelled{},
		&SeatAwarded{applicationID, ""}, &SeatReleased{applicationID, ""}, &DocumentRereadRequested{documentID, ""},
		&VerificationOverridden{documentID, "verified", "seen", ""}, &ApplicationWaitlisted{},
		&DocumentVerified{DocumentID: uuid.Nil}, &DocumentUploaded{DocumentID: uuid.Nil, Kind: transcript.KHS},
	})
	for _, table := range [][]EventType{OpeningEventTypes, ApplicationEventTypes} {
		for _, e := range table {
			events = append(events, e.New())
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		var o Opening
		var a Application
		for _, e := range rapid.SliceOfN(rapid.SampledFrom(events), 0, 30).Draw(t, "events") {
			o, a = o.Evolve(e), a.Evolve(e)
			_, _ = o.Decide(drawOpeningCommand(t))
			_, _ = a.Decide(drawApplicationCommand(t))
		}
		require.Equal(t, a.Exists(), a.Submission > 0)
	})
}

func TestEvolve_EveryEventOfTheTables_ChangesTheState(t *testing.T) {
	known := map[reflect.Type]bool{}
	for _, events := range histories {
		var o Opening
		var a Application
		for _, e := range events {
			o2, a2 := o.Evolve(e), a.Evolve(e)
			if !reflect.DeepEqual(o, o2) || !reflect.DeepEqual(a, a2) {
				known[reflect.TypeOf(e)] = true
			}
			o, a = o2, a2
		}
	}
	for _, table := range [][]EventType{OpeningEventTypes, ApplicationEventTypes} {
		for _, e := range table {
			require.True(t, known[reflect.TypeOf(e.New())], "Evolve does not know %s", e.Name)
		}
	}
}
