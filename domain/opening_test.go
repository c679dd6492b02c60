package domain

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"asprak/domain/transcript"
)

func TestOpening_Decide(t *testing.T) {
	published := []Event{&OpeningPublished{openingID, details()}}
	closed := history(published, []Event{&OpeningClosed{}})
	cancelled := history(published, []Event{&OpeningCancelled{"no funds"}})
	full := history(published, []Event{&SeatAwarded{applicationID, ""}, &SeatAwarded{otherID, ""}})
	third := ApplicationID(openingID, "citra")
	later := closes.Add(48 * time.Hour)
	revised := details(func(d *OpeningDetails) { d.Seats = 5 })

	for _, s := range []openingScenario{
		{scenario{name: "Publish", then: published}, publish(details())},
		{scenario{name: "Publish_Blanks_AreTrimmed", then: published},
			publish(details(func(d *OpeningDetails) { d.Title = " " + d.Title + "\n" }))},
		{scenario{name: "Publish_SameDetailsInAnotherZone_Quiet", given: published},
			publish(details(func(d *OpeningDetails) { d.OpensAt = opens.In(time.FixedZone("WIB", 7*3600)) }))},
		{scenario{name: "Publish_OtherDetails_Refused", given: published, code: "opening_exists"}, publish(revised)},

		{scenario{name: "Revise", given: published, then: []Event{&OpeningRevised{revised, "more groups"}}}, revise(revised, " more groups ")},
		{scenario{name: "Revise_Closed", given: closed, then: []Event{&OpeningRevised{revised, ""}}}, revise(revised, "")},
		{scenario{name: "Revise_Same_Quiet", given: published}, revise(details(), "nothing")},
		{scenario{name: "Revise_Cancelled_Refused", given: cancelled, code: "opening_cancelled"}, revise(revised, "")},
		{scenario{name: "Revise_BelowAwarded_Refused", given: full, code: "seats_below_awarded"},
			revise(details(func(d *OpeningDetails) { d.Seats = 1 }), "")},
		{scenario{name: "Revise_Invalid_Refused", given: published, code: "invalid_field", field: "seats"},
			revise(details(func(d *OpeningDetails) { d.Seats = 0 }), "")},
		{scenario{name: "Revise_Missing_Refused", code: "opening_not_found"}, revise(revised, "")},

		{scenario{name: "Close", given: published, then: []Event{&OpeningClosed{"enough"}}}, CloseOpening{"enough"}},
		{scenario{name: "Close_Closed_Quiet", given: closed}, CloseOpening{"again"}},
		{scenario{name: "Close_Cancelled_Refused", given: cancelled, code: "opening_cancelled"}, CloseOpening{}},
		{scenario{name: "Close_LongReason_Refused", given: published, code: "invalid_field", field: "reason"}, CloseOpening{strings.Repeat("x", maxReason+1)}},

		{scenario{name: "Reopen_Closed", given: closed, then: []Event{&OpeningReopened{later, "few came"}}}, ReopenOpening{later, "few came", during}},
		{scenario{name: "Reopen_WindowOver", given: published, then: []Event{&OpeningReopened{later, ""}}}, ReopenOpening{later, "", closes}},
		{scenario{name: "Reopen_SameEnd_Quiet", given: published}, ReopenOpening{closes, "", during}},
		{scenario{name: "Reopen_Open_Refused", given: published, code: "opening_not_closed"}, ReopenOpening{later, "", during}},
		{scenario{name: "Reopen_Past_Refused", given: closed, code: "invalid_field", field: "closes_at"}, ReopenOpening{later, "", later}},
		{scenario{name: "Reopen_BeforeBeginning_Refused", given: closed, code: "invalid_field", field: "closes_at"},
			ReopenOpening{opens, "", opens.Add(-time.Hour)}},
		{scenario{name: "Reopen_Cancelled_Refused", given: cancelled, code: "opening_cancelled"}, ReopenOpening{later, "", during}},

		{scenario{name: "Cancel", given: full, then: []Event{&OpeningCancelled{"no funds"}}}, CancelOpening{"no funds"}},
		{scenario{name: "Cancel_Cancelled_Quiet", given: cancelled}, CancelOpening{"again"}},
		{scenario{name: "Cancel_NoReason_Refused", given: published, code: "invalid_field", field: "reason"}, CancelOpening{" "}},

		{scenario{name: "Award", given: published, then: []Event{&SeatAwarded{applicationID, "best"}}}, AwardSeat{applicationID, "best"}},
		{scenario{name: "Award_Closed", given: closed, then: []Event{&SeatAwarded{applicationID, ""}}}, AwardSeat{applicationID, ""}},
		{scenario{name: "Award_Holder_Quiet", given: full}, AwardSeat{otherID, ""}},
		{scenario{name: "Award_Full_Refused", given: full, code: "no_seat_left"}, AwardSeat{third, ""}},
		{scenario{name: "Award_Cancelled_Refused", given: cancelled, code: "opening_cancelled"}, AwardSeat{applicationID, ""}},
		{scenario{name: "Award_ReleasedSeat", given: history(full, []Event{&SeatReleased{otherID, ""}}), then: []Event{&SeatAwarded{third, ""}}},
			AwardSeat{third, ""}},

		{scenario{name: "Release", given: full, then: []Event{&SeatReleased{otherID, "withdrawn"}}}, ReleaseSeat{otherID, "withdrawn"}},
		{scenario{name: "Release_NoHolder_Quiet", given: full}, ReleaseSeat{third, ""}},
		{scenario{name: "Release_Missing_Refused", code: "opening_not_found"}, ReleaseSeat{third, ""}},
	} {
		s.run(t)
	}
}

func TestOpeningDetails_Invalid_NameTheField(t *testing.T) {
	tooMuch, negative, semester := transcript.MustDecimal("4.01"), transcript.MustDecimal("-1"), 0
	for field, changes := range map[string][]func(*OpeningDetails){
		"title":                   {func(d *OpeningDetails) { d.Title = " " }, func(d *OpeningDetails) { d.Title = strings.Repeat("é", maxText+1) }},
		"description":             {func(d *OpeningDetails) { d.Description = strings.Repeat("x", maxDescription+1) }},
		"department":              {func(d *OpeningDetails) { d.Department = "" }},
		"term":                    {func(d *OpeningDetails) { d.Term = "" }},
		"seats":                   {func(d *OpeningDetails) { d.Seats = -1 }, func(d *OpeningDetails) { d.Seats = maxSeats + 1 }},
		"opens_at":                {func(d *OpeningDetails) { d.OpensAt = time.Time{} }, func(d *OpeningDetails) { d.OpensAt = opens.AddDate(-1000, 0, 0) }, func(d *OpeningDetails) { d.ClosesAt = opens.AddDate(9000, 0, 0) }},
		"closes_at":               {func(d *OpeningDetails) { d.ClosesAt = time.Time{} }, func(d *OpeningDetails) { d.ClosesAt = opens }},
		"requirement.course":      {func(d *OpeningDetails) { d.Requirement.Course.Codes, d.Requirement.Course.Name = nil, " " }},
		"requirement.min_grade":   {func(d *OpeningDetails) { d.Requirement.MinGrade = "" }},
		"requirement.min_ipk":     {func(d *OpeningDetails) { d.Requirement.MinIPK = &tooMuch }, func(d *OpeningDetails) { d.Requirement.MinIPK = &negative }},
		"requirement.min_sks":     {func(d *OpeningDetails) { d.Requirement.MinSKS = &negative }},
		"requirement.scale":       {func(d *OpeningDetails) { d.Requirement.Scale = strings.Repeat("x", maxToken+1) }, func(d *OpeningDetails) { d.Requirement.Scale = "atlantis" }},
		"requirement.course.name": {func(d *OpeningDetails) { d.Requirement.Course.Name = strings.Repeat("x", maxText+1) }},
		"requirement.course.codes": {
			func(d *OpeningDetails) { d.Requirement.Course.Codes = []string{"TI2101", " "} },
			func(d *OpeningDetails) { d.Requirement.Course.Codes = make([]string, maxCodes+1) },
		},
		"requirement.min_semester": {func(d *OpeningDetails) { d.Requirement.MinSemester = &semester }},
	} {
		for _, change := range changes {
			_, err := Opening{}.Decide(publish(details(change)))
			var e *Error
			require.ErrorAs(t, err, &e, field)
			require.Equal(t, field, e.Field)
			require.Equal(t, Invalid, e.Kind)
		}
	}
}

func TestOpeningDetails_Sufficient_Published(t *testing.T) {
	for _, change := range []func(*OpeningDetails){
		func(d *OpeningDetails) { d.Requirement.Course.Codes = nil },
		func(d *OpeningDetails) { d.Requirement.Course.Name = "" },
		func(d *OpeningDetails) { d.Requirement.MinGrade, d.Requirement.Scale = "A/B", "ugm" },
	} {
		events, err := Opening{}.Decide(publish(details(change)))
		require.NoError(t, err)
		require.Len(t, events, 1)
	}
}

func TestOpening_Accepting_OnlyOpenAndWithinTheWindow(t *testing.T) {
	o := publishedOpening()
	require.NoError(t, o.Accepting(opens))
	require.NoError(t, o.Accepting(closes.Add(-1)))
	require.Equal(t, "opening_not_yet_open", ErrorCode(o.Accepting(opens.Add(-1))))
	require.Equal(t, "opening_window_over", ErrorCode(o.Accepting(closes)))
	require.Equal(t, "opening_closed", ErrorCode(o.Evolve(&OpeningClosed{}).Accepting(during)))
	require.Equal(t, "opening_cancelled", ErrorCode(o.Evolve(&OpeningCancelled{}).Accepting(during)))
	require.Equal(t, "opening_not_found", ErrorCode(Opening{}.Accepting(during)))
	require.NoError(t, o.Evolve(&OpeningClosed{}).Evolve(&OpeningReopened{ClosesAt: closes.Add(time.Hour)}).Accepting(closes))
}

func TestOpening_Evolve_LeavesTheOldStateAlone(t *testing.T) {
	one := publishedOpening().Evolve(&SeatAwarded{ApplicationID: applicationID})
	two := one.Evolve(&SeatAwarded{ApplicationID: otherID})
	_ = one.Evolve(&SeatAwarded{ApplicationID: openingID})
	_ = two.Evolve(&SeatReleased{ApplicationID: applicationID})
	require.Len(t, one.Awarded, 1)
	require.Equal(t, []bool{true, true}, []bool{two.HoldsSeat(applicationID), two.HoldsSeat(otherID)})
}
