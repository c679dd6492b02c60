package verification

import (
	"cmp"
	"fmt"
	"slices"

	"asprak/domain/transcript"
)

// Judge concludes whether the reading belongs to the applicant, is whole, and meets the
// requirement. The checks run in the order of the rules and the first that does not pass
// decides the label, but for sums that were not read surely, which leave a failure that other
// numbers confirm; the verdict carries every check that could be made. It is pure.
func Judge(reading transcript.Reading, applicant Applicant, requirement Requirement, duplicates []Duplicate, policy Policy) Verdict {
	j := &judge{reading: &reading, applicant: applicant, requirement: requirement, policy: policy, confirmed: map[string]bool{}}
	j.checkFile()
	if reading.Problem == "" {
		j.checkScripts()
		j.checkKind()
		if reading.Kind == transcript.KHS || reading.Kind == transcript.Transcript {
			j.scales = candidateScales(&reading)
			j.checkIdentity()
			j.checkTraces()
			j.checkArithmetic()
			j.checkDuplicates(duplicates)
			j.checkCourse()
			j.checkIPK()
			j.checkSKS()
			j.checkSemester()
			j.checkConfidence()
		}
	}
	return j.conclude()
}

type judge struct {
	reading     *transcript.Reading
	applicant   Applicant
	requirement Requirement
	policy      Policy
	scales      []transcript.Scale // those that the letters on the page leave possible
	sums        sums
	checks      []Check
	confirmed   map[string]bool // names of checks whose value other numbers on the page confirm
	certainty   []certainty
}

// certainty is how surely a decisive value was read.
type certainty struct {
	share    float64
	evidence Evidence
}

func (j *judge) pass(name, detail string, evidence ...Evidence) {
	j.checks = append(j.checks, Check{Name: name, Outcome: Pass, Detail: detail, Evidence: evidence})
}

func (j *judge) fail(name, reason, detail string, evidence ...Evidence) {
	j.checks = append(j.checks, Check{Name: name, Outcome: Fail, Reason: reason, Detail: detail, Evidence: evidence})
}

func (j *judge) doubt(name, reason, detail string, evidence ...Evidence) {
	j.checks = append(j.checks, Check{Name: name, Outcome: Doubt, Reason: reason, Detail: detail, Evidence: evidence})
}

// rests notes a value that a verified verdict would rest on.
func (j *judge) rests(share float64, evidence Evidence) {
	j.certainty = append(j.certainty, certainty{min(1, max(0, share)), evidence})
}

func (j *judge) conclude() Verdict {
	v := Verdict{Label: Verified, Confidence: Expected(j.policy.Reliability, j.certain()), Checks: j.checks, Policy: cmp.Or(j.policy.Version, PolicyVersion)}
	i := slices.IndexFunc(j.checks, func(c Check) bool { return c.Outcome != Pass })
	if i < 0 {
		return v
	}
	c := j.checks[i]
	if c.Name == arithmeticCheck && c.Reason == LowConfidence {
		// What the machine may have misread elsewhere does not open what the page settles.
		if k := slices.IndexFunc(j.checks, func(c Check) bool { return c.Outcome == Fail && j.confirmed[c.Name] }); k > i {
			c = j.checks[k]
		}
	}
	v.Label = Review(c.Reason)
	if c.Outcome == Fail {
		v.Label = Rejected(c.Reason)
	}
	return v
}

// certain is how surely the least sure decisive value was read.
func (j *judge) certain() float64 {
	least := 1.0
	for _, c := range j.certainty {
		least = min(least, c.share)
	}
	return least
}

// checkConfidence refers a document whose decisive values were not read surely enough.
func (j *judge) checkConfidence() {
	const name = "confidence"
	var weak []Evidence
	for _, c := range j.certainty {
		if c.share < j.policy.MinConfidence {
			weak = append(weak, c.evidence)
		}
	}
	if len(weak) > 0 {
		j.doubt(name, LowConfidence, fmt.Sprintf("%s was not read surely enough to decide without a person.", weak[0].Field), weak...)
		return
	}
	j.pass(name, "Every decisive value was read clearly or is confirmed by the numbers around it.")
}

// share is a confidence within 0 to 1, whatever stands in the reading.
func share(f float64) float64 {
	if f >= 0 && f <= 1 {
		return f
	}
	if f > 1 {
		return 1
	}
	return 0
}

// clear tells whether a value was read so surely that a rejection may rest on it.
func clear[T any](j *judge, f *transcript.Field[T]) bool {
	return f != nil && f.Source != transcript.Arithmetic && share(f.Confidence) >= j.policy.Clear
}

// settled tells whether a rejection may rest on the value alone: pixels, however clear, err in
// a digit now and then.
func settled[T any](j *judge, f *transcript.Field[T]) bool {
	return clear(j, f) && f.Source == transcript.TextLayer
}

// legible is clear for a contradiction, on which no rejection rests.
func legible[T any](j *judge, f *transcript.Field[T]) bool {
	return f != nil && f.Source != transcript.Arithmetic && share(f.Confidence) >= j.policy.Legible
}

func evidenceOf[T any](field string, f *transcript.Field[T], expected string) Evidence {
	if f == nil {
		return Evidence{Field: field, Expected: expected}
	}
	return Evidence{Field: field, Page: f.Page, Box: f.Box, Read: fmt.Sprint(f.Value), Expected: expected}
}
