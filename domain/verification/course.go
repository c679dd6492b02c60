package verification

import (
	"fmt"

	"asprak/domain/transcript"
)

// course finds the required course by any of its codes, or, where none of them is on the
// document, by its full name; the best attempt counts (RULES 6 of the corpus).
func (j *judgement) course() Check {
	found := j.attempts()
	if len(found) == 0 {
		return j.absent()
	}
	c := Check{Name: "course"}
	min, known := j.minWeight()
	best, bestWeight := -1, transcript.Decimal(-1)
	covered, pending := -1, -1
	for _, i := range found {
		row := j.reading.Rows[i]
		weight, ok := j.weightOnRequiredScale(row)
		switch {
		case row.Grade == nil || row.Grade.Value == "":
			covered = i
		case j.pending(row):
			pending = i
		case !ok:
			covered = i
		case weight > bestWeight:
			best, bestWeight = i, weight
		}
	}
	expected := j.requirement.MinGrade + " or better"
	if best >= 0 && known && bestWeight >= min {
		row := j.reading.Rows[best]
		j.rest(worth(row.Grade, j.gradeConfirmed(row)))
		c.Outcome, c.Detail = Pass, fmt.Sprintf("The required course has grade %s.", row.Grade.Value)
		c.Evidence = []Evidence{evidence(gradeField(best), row.Grade, expected)}
		return c
	}
	switch {
	// Another attempt that cannot be read, or is still open, may be the better one.
	case covered >= 0:
		row := j.reading.Rows[covered]
		c.Outcome, c.Reason, c.Detail = Doubt, gradeUnreadable, "The grade of the required course cannot be read."
		e := evidence(gradeField(covered), row.Grade, expected)
		if row.Grade == nil {
			e.Page, e.Box = row.Page, row.Box
		}
		c.Evidence = []Evidence{e}
	case pending >= 0 && !j.requirement.AcceptPending:
		c.Outcome, c.Reason, c.Detail = Doubt, gradePending, "The required course has no final grade yet."
		c.Evidence = []Evidence{evidence(gradeField(pending), j.reading.Rows[pending].Grade, expected)}
	case pending >= 0:
		row := j.reading.Rows[pending]
		j.rest(row.Grade.Confidence)
		c.Outcome, c.Detail = Pass, "The required course is being taken, and this opening takes that."
		c.Evidence = []Evidence{evidence(gradeField(pending), row.Grade, expected)}
	case !known:
		c.Outcome, c.Reason, c.Detail = Doubt, lowConfidence, "The document's grade scale is not known, so its grades cannot be compared."
		c.Evidence = []Evidence{evidence(gradeField(best), j.reading.Rows[best].Grade, expected)}
	default:
		row := j.reading.Rows[best]
		c.Evidence = []Evidence{evidence(gradeField(best), row.Grade, expected)}
		if row.Grade.Source == transcript.TextLayer || j.gradeConfirmed(row) {
			c.Outcome, c.Reason, c.Detail = Fail, gradeBelowMin, fmt.Sprintf("The required course has grade %s.", row.Grade.Value)
		} else {
			c.Outcome, c.Reason, c.Detail = Doubt, lowConfidence, fmt.Sprintf("The required course seems to have grade %s, but nothing on the page confirms it.", row.Grade.Value)
		}
	}
	return c
}

func gradeField(row int) string { return fmt.Sprintf("rows[%d].grade", row) }

// attempts are the rows of the required course.
func (j *judgement) attempts() []int {
	codes := map[string]bool{}
	for _, code := range j.requirement.Course.Codes {
		if n := transcript.NormaliseCode(code); n != "" {
			codes[n] = true
		}
	}
	name := transcript.NormaliseCourse(j.requirement.Course.Name)
	var byCode, byName []int
	for i, row := range j.reading.Rows {
		if row.Code != nil && codes[transcript.NormaliseCode(row.Code.Value)] {
			byCode = append(byCode, i)
		}
		if row.Name != nil && name != "" && transcript.NormaliseCourse(row.Name.Value) == name {
			byName = append(byName, i)
		}
	}
	if len(byCode) > 0 {
		return byCode
	}
	return byName
}

// absent rejects only when the document was read whole: the credits of the rows make up
// the printed sum, and no row looks like a misread form of the required course.
func (j *judgement) absent() Check {
	c := Check{Name: "course", Outcome: Fail, Reason: courseMissing, Detail: "The required course is not on the document."}
	for i, row := range j.reading.Rows {
		if j.resembles(row) {
			c.Evidence = append(c.Evidence, evidence(fmt.Sprintf("rows[%d].name", i), row.Name, j.requirement.Course.Name))
		}
	}
	if len(c.Evidence) > 0 || !j.fromText() && !j.sums.agreed {
		c.Outcome, c.Reason = Doubt, lowConfidence
		c.Detail = "The required course was not found, but the document may not have been read whole."
	}
	return c
}

// fromText tells whether every row stands in the file's own text.
func (j *judgement) fromText() bool {
	for _, row := range j.reading.Rows {
		if row.Name == nil && row.Code == nil || row.Name != nil && row.Name.Source != transcript.TextLayer {
			return false
		}
	}
	return len(j.reading.Rows) > 0
}

// resembles tells whether a recognised row may be the required course, misread.
func (j *judgement) resembles(row transcript.Row) bool {
	if row.Name == nil {
		return row.Code == nil
	}
	if row.Name.Source == transcript.TextLayer {
		return false
	}
	a, b := transcript.NormaliseCourse(row.Name.Value), transcript.NormaliseCourse(j.requirement.Course.Name)
	return a == "" || 5*distance(a, b) <= max(len(a), len(b))
}

// requiredScale is the scale that the minimum grade is named on.
func (j *judgement) requiredScale() *transcript.Scale {
	if scale, ok := transcript.ScaleByID(j.requirement.Scale); ok {
		return &scale
	}
	return j.scale
}

func (j *judgement) minWeight() (transcript.Decimal, bool) {
	scale := j.requiredScale()
	if scale == nil {
		return 0, false
	}
	letter, ok := scale.Letter(j.requirement.MinGrade)
	return letter.Weight, ok && !letter.Pending
}

// weightOnRequiredScale is the row's weight, as its own university counts it.
func (j *judgement) weightOnRequiredScale(row transcript.Row) (transcript.Decimal, bool) {
	if weight, ok := j.weightOf(row); ok {
		return weight, true
	}
	if scale := j.requiredScale(); scale != nil && row.Grade != nil {
		letter, ok := scale.Letter(row.Grade.Value)
		return letter.Weight, ok && !letter.Pending
	}
	return 0, false
}

// gradeConfirmed tells whether something beside the letter itself says the same: the row's
// own weight or points, or a printed average that hangs on every letter.
func (j *judgement) gradeConfirmed(row transcript.Row) bool {
	weight, ok := j.weightOf(row)
	if !ok || row.Grade.Source == transcript.Arithmetic {
		return j.sums.gradesAgreed
	}
	if row.Weight != nil && row.Weight.Source != transcript.Arithmetic && row.Weight.Value == weight {
		return true
	}
	if row.Points != nil && row.Points.Source != transcript.Arithmetic && row.SKS != nil && row.SKS.Value > 0 && agrees(row.Points, row.SKS.Value.Mul(weight)) {
		return true
	}
	return j.sums.gradesAgreed
}
