package verification

import (
	"fmt"

	"asprak/domain/transcript"
)

// judgement is one document under examination. trust is what the decisive values that the
// checks rested on are worth, the least of them counting.
type judgement struct {
	reading     transcript.Reading
	applicant   Applicant
	requirement Requirement
	policy      Policy
	scale       *transcript.Scale // of the document; nil when it is not known
	sums        sums
	checks      []Check
	trust       float64
}

// Judge puts every question to the reading, in the order of the rules, and concludes: the
// first check that does not pass decides the label. A document that cannot be read, or is no
// study result, is asked no further. What the machine read without certainty never rejects
// and never verifies: it goes to a person.
func Judge(reading transcript.Reading, applicant Applicant, requirement Requirement, duplicates []Duplicate, policy Policy) Verdict {
	j := &judgement{reading: reading, applicant: applicant, requirement: requirement, policy: policy, trust: 1}
	if scale, ok := transcript.ScaleByID(reading.Scale); ok {
		j.scale = &scale
	}
	j.sums = j.addUp()

	if j.add(j.file()) && j.add(j.activeContent(), j.kind()) {
		j.add(j.identity(), j.traces(), j.duplicates(duplicates), j.arithmetic())
		j.add(j.course(), j.ipk())
		if requirement.MinSKS != nil {
			j.add(j.sks())
		}
		if requirement.MinSemester != nil {
			j.add(j.semester())
		}
		j.add(j.confidence())
	}

	verdict := Verdict{Label: Verified, Confidence: j.trust, Checks: j.checks, Policy: PolicyVersion}
	for _, c := range j.checks {
		if c.Outcome == Fail {
			verdict.Label = Rejected(c.Reason)
			break
		}
		if c.Outcome == Doubt {
			verdict.Label = Review(c.Reason)
			break
		}
	}
	return verdict
}

// add notes the checks and tells whether none of them ended the examination: a file that
// cannot be read, or that is no study result, has nothing to be asked about.
func (j *judgement) add(checks ...Check) bool {
	j.checks = append(j.checks, checks...)
	for _, c := range checks {
		if c.Outcome == Fail {
			return false
		}
	}
	return true
}

// rest lowers the trust in the whole to that in one of the values it rests on.
func (j *judgement) rest(on float64) { j.trust = min(j.trust, on) }

func (j *judgement) file() Check {
	if p := j.reading.Problem; p != "" {
		return Check{Name: "file", Outcome: Fail, Reason: string(p), Detail: j.reading.Detail}
	}
	return Check{Name: "file", Outcome: Pass, Detail: "The file can be read."}
}

func (j *judgement) activeContent() Check {
	if j.reading.Active {
		return Check{Name: "active_content", Outcome: Doubt, Reason: activeContent, Detail: "The file runs a script when it is opened."}
	}
	return Check{Name: "active_content", Outcome: Pass, Detail: "The file runs nothing."}
}

func (j *judgement) kind() Check {
	if j.reading.Kind != transcript.KHS && j.reading.Kind != transcript.Transcript {
		return Check{Name: "kind", Outcome: Fail, Reason: notAStudyResult, Detail: "The document shows no courses with grades."}
	}
	return Check{Name: "kind", Outcome: Pass, Detail: "The document is a study result (" + string(j.reading.Kind) + ")."}
}

// traces looks at what the file itself tells of its making.
func (j *judgement) traces() Check {
	if len(j.reading.Traces) == 0 {
		return Check{Name: "traces", Outcome: Pass, Detail: "The file shows no traces of editing."}
	}
	c := Check{Name: "traces", Outcome: Doubt, Reason: textLayerMismatch, Detail: "The file's text is not what the eye sees."}
	for _, t := range j.reading.Traces {
		if t.Kind == transcript.CoveredText || t.Kind == transcript.PastedImage || t.Kind == transcript.LaterUpdate {
			c.Reason, c.Detail = suspectedEdit, "The file was edited after it was made."
		}
		c.Evidence = append(c.Evidence, Evidence{Field: string(t.Kind), Page: t.Page, Box: t.Box, Read: t.Text})
	}
	return c
}

func (j *judgement) duplicates(found []Duplicate) Check {
	if len(found) == 0 {
		return Check{Name: "duplicate", Outcome: Pass, Detail: "No other student has sent this document."}
	}
	c := Check{Name: "duplicate", Outcome: Doubt, Reason: duplicateDocument, Detail: "Another student has sent the same document."}
	for _, d := range found {
		c.Evidence = append(c.Evidence, Evidence{Field: "same " + d.Same, Read: "document " + d.DocumentID, Expected: "a document of its own"})
	}
	return c
}

func (j *judgement) confidence() Check {
	if j.trust < j.policy.MinConfidence {
		return Check{Name: "confidence", Outcome: Doubt, Reason: lowConfidence,
			Detail: fmt.Sprintf("A decisive value was read with a confidence of %.2f only.", j.trust)}
	}
	return Check{Name: "confidence", Outcome: Pass, Detail: "The decisive values were read clearly."}
}

// clear tells whether a value was plainly legible: it stands in the file's own text, or was
// recognised with confidence.
func clear[T any](f *transcript.Field[T], policy Policy) bool {
	return f != nil && (f.Source == transcript.TextLayer || f.Source == transcript.Pixels && f.Confidence >= policy.Clear)
}

// worth is how far a value can be trusted: fully when the arithmetic around it says the
// same, else as it was read.
func worth[T any](f *transcript.Field[T], confirmed bool) float64 {
	switch {
	case f == nil:
		return 0
	case f.Source == transcript.TextLayer:
		return 1
	case confirmed:
		return max(f.Confidence, 0.95)
	}
	return f.Confidence
}

// evidence points at a field; nil is a value that was not found.
func evidence[T any](name string, f *transcript.Field[T], expected string) Evidence {
	if f == nil {
		return Evidence{Field: name, Expected: expected}
	}
	return Evidence{Field: name, Page: f.Page, Box: f.Box, Read: fmt.Sprint(f.Value), Expected: expected}
}
