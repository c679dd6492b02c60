package verification

import (
	"fmt"

	"asprak/domain/transcript"
)

// ipk compares the cumulative average with the minimum; that of one semester is no
// substitute (RULES 7 of the corpus).
func (j *judgement) ipk() Check {
	printed := j.reading.IPK
	if j.requirement.MinIPK == nil {
		return Check{Name: "ipk", Outcome: Pass, Detail: "The opening asks for no IPK."}
	}
	min := *j.requirement.MinIPK
	c := Check{Name: "ipk", Evidence: []Evidence{evidence("ipk", printed, min.String()+" or more")}}
	if printed == nil {
		c.Outcome, c.Reason, c.Detail = Doubt, ipkMissing, "The document shows no IPK."
		return c
	}
	return j.threshold(c, printed, min, j.ipkConfirmed(), ipkBelowMin, "IPK")
}

// sks compares the credits gathered so far with the minimum (RULES 8 of the corpus).
func (j *judgement) sks() Check {
	printed := j.reading.CumSKS
	if printed == nil && j.reading.Kind == transcript.Transcript {
		printed = j.reading.TotalSKS
	}
	min := *j.requirement.MinSKS
	c := Check{Name: "sks", Evidence: []Evidence{evidence("cum_sks", printed, min.String()+" or more")}}
	if printed == nil {
		c.Outcome, c.Reason, c.Detail = Doubt, lowConfidence, "The document shows no credits gathered so far."
		return c
	}
	_, byIPK := j.ipkFromCumulative()
	confirmed := byIPK && j.ipkConfirmed() || j.reading.Kind == transcript.Transcript && j.sums.agreed
	return j.threshold(c, printed, min, confirmed, sksBelowMin, "number of credits")
}

// semester compares the running semester with the minimum.
func (j *judgement) semester() Check {
	printed := j.reading.Semester
	min := *j.requirement.MinSemester
	c := Check{Name: "semester", Evidence: []Evidence{evidence("semester", printed, fmt.Sprintf("%d or later", min))}}
	switch {
	case printed == nil:
		c.Outcome, c.Reason, c.Detail = Doubt, lowConfidence, "The document shows no semester."
	case printed.Value >= min:
		j.rest(worth(printed, false))
		c.Outcome, c.Detail = Pass, fmt.Sprintf("The semester is %d.", printed.Value)
	case clear(printed, j.policy):
		c.Outcome, c.Reason, c.Detail = Fail, semesterBelowMin, fmt.Sprintf("The semester is %d.", printed.Value)
	default:
		c.Outcome, c.Reason, c.Detail = Doubt, lowConfidence, fmt.Sprintf("The semester seems to be %d, but was not read clearly.", printed.Value)
	}
	return c
}

// threshold passes what reaches the minimum (equal passes) and rejects what was surely read
// and does not.
func (j *judgement) threshold(c Check, printed *transcript.Field[transcript.Decimal], min transcript.Decimal, confirmed bool, reason, what string) Check {
	switch {
	case printed.Value >= min:
		j.rest(worth(printed, confirmed))
		c.Outcome, c.Detail = Pass, fmt.Sprintf("The %s is %s.", what, printed.Value)
	case confirmed || clear(printed, j.policy):
		c.Outcome, c.Reason, c.Detail = Fail, reason, fmt.Sprintf("The %s is %s.", what, printed.Value)
	default:
		c.Outcome, c.Reason, c.Detail = Doubt, lowConfidence, fmt.Sprintf("The %s seems to be %s, but was not read clearly.", what, printed.Value)
	}
	return c
}
