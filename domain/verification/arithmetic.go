package verification

import (
	"fmt"

	"asprak/domain/transcript"
)

// sums is what the rows add up to. A repeated course may be counted each time or with its
// best attempt, and a course without its final grade may count for credits or not;
// universities differ, so each way is kept and a printed sum agrees when one of them does.
type sums struct {
	sks, points, averages []transcript.Decimal
	whole                 bool // every row has its credits and a grade, its weight is known
	agreed                bool // a printed sum or average was there to compare, and none differed
	gradesAgreed          bool // the same for one that depends on the grades
}

// weightOf is the number of a row's letter: printed, or else that of the scale.
func (j *judgement) weightOf(row transcript.Row) (transcript.Decimal, bool) {
	if row.Grade != nil && j.scale != nil {
		if letter, ok := j.scale.Letter(row.Grade.Value); ok && !letter.Pending {
			return letter.Weight, true
		}
	}
	if row.Weight != nil && !j.pending(row) {
		return row.Weight.Value, true
	}
	return 0, false
}

// pending tells whether the row has no final grade yet.
func (j *judgement) pending(row transcript.Row) bool {
	if row.Grade == nil {
		return false
	}
	if j.scale != nil {
		if letter, ok := j.scale.Letter(row.Grade.Value); ok {
			return letter.Pending
		}
	}
	switch transcript.NormaliseGrade(row.Grade.Value) {
	case "T", "K", "-", "TL", "BL":
		return true
	}
	return false
}

// addUp computes the sums of the rows in each way of counting (IPS and IPK are the points
// over the credits of the graded courses; RULES 5 and 6 of the corpus: the best attempt counts).
func (j *judgement) addUp() sums {
	var s sums
	s.whole = len(j.reading.Rows) > 0
	best := map[string]int{} // course: index of its best attempt
	for i, row := range j.reading.Rows {
		if row.SKS == nil || row.Grade == nil {
			s.whole = false
			continue
		}
		weight, ok := j.weightOf(row)
		if !ok {
			s.whole = s.whole && j.pending(row)
		}
		key := courseKey(row)
		if k, seen := best[key]; seen {
			if other, graded := j.weightOf(j.reading.Rows[k]); graded && (!ok || other >= weight) {
				continue
			}
		}
		best[key] = i
	}
	for _, bestOnly := range []bool{false, true} {
		for _, gradedOnly := range []bool{false, true} {
			var sks, graded, points transcript.Decimal
			for i, row := range j.reading.Rows {
				if row.SKS == nil || bestOnly && best[courseKey(row)] != i {
					continue
				}
				weight, ok := j.weightOf(row)
				if !ok && gradedOnly {
					continue
				}
				sks += row.SKS.Value
				if ok {
					graded += row.SKS.Value
					points += row.SKS.Value.Mul(weight)
				}
			}
			s.sks, s.points = append(s.sks, sks), append(s.points, points)
			if graded > 0 {
				s.averages = append(s.averages, points.Div(graded))
			}
		}
	}
	return s
}

// courseKey tells courses apart: by code, or by name where none is printed.
func courseKey(row transcript.Row) string {
	if row.Code != nil && row.Code.Value != "" {
		return "code " + transcript.NormaliseCode(row.Code.Value)
	}
	if row.Name != nil {
		return "name " + transcript.NormaliseCourse(row.Name.Value)
	}
	return fmt.Sprintf("row %d %v", row.Page, row.Box)
}

// arithmetic checks what the page allows: the letters' weights, points = SKS x weight, the
// sums of SKS and points, IPS, IPK (RULES 5 of the corpus).
func (j *judgement) arithmetic() Check {
	c := Check{Name: "arithmetic", Outcome: Pass}
	legible := true // whatever contradicts was plainly legible
	compared := 0
	differ := func(e Evidence, isClear bool) {
		c.Evidence = append(c.Evidence, e)
		legible = legible && isClear
	}

	for i, row := range j.reading.Rows {
		isClear := clear(row.Grade, j.policy) && (row.Weight == nil || clear(row.Weight, j.policy)) &&
			(row.Points == nil || clear(row.Points, j.policy)) && (row.SKS == nil || clear(row.SKS, j.policy))
		weight, ok := j.weightOf(row)
		if ok && row.Weight != nil {
			compared++
			if row.Weight.Value != weight {
				differ(evidence(fmt.Sprintf("rows[%d].weight", i), row.Weight, fmt.Sprintf("%s for %s", weight, row.Grade.Value)), isClear)
			}
		}
		if ok && row.Points != nil && row.SKS != nil {
			compared++
			if want := row.SKS.Value.Mul(weight); !agrees(row.Points, want) {
				differ(evidence(fmt.Sprintf("rows[%d].points", i), row.Points, want.String()), isClear)
			}
		}
	}

	// A row whose value is missing leaves the sums open: nothing can be said of them.
	if j.sums.whole {
		s := &j.sums
		rowsClear := j.rowsClear()
		exact := func(name string, printed *transcript.Field[transcript.Decimal], ways []transcript.Decimal) bool {
			if printed == nil {
				return false
			}
			compared++
			for _, way := range ways {
				if agrees(printed, way) {
					return true
				}
			}
			differ(evidence(name, printed, ways[0].String()), rowsClear && clear(printed, j.policy))
			return false
		}
		average := func(name string, printed *transcript.Field[transcript.Decimal]) bool {
			if printed == nil || len(s.averages) == 0 {
				return false
			}
			compared++
			for _, way := range s.averages {
				if (printed.Value - way).Abs() <= j.policy.Tolerance {
					return true
				}
			}
			differ(evidence(name, printed, s.averages[0].Round(2).String()), rowsClear && clear(printed, j.policy))
			return false
		}
		s.agreed = exact("total_sks", j.reading.TotalSKS, s.sks)
		points := exact("total_points", j.reading.TotalPoints, s.points)
		if j.reading.Kind == transcript.KHS {
			s.gradesAgreed = average("ips", j.reading.IPS)
		} else {
			s.gradesAgreed = average("ipk", j.reading.IPK)
		}
		s.gradesAgreed = s.gradesAgreed || points
		s.agreed = s.agreed || s.gradesAgreed
	}
	if want, ok := j.ipkFromCumulative(); ok {
		compared++
		if (j.reading.IPK.Value - want).Abs() > j.policy.Tolerance {
			differ(evidence("ipk", j.reading.IPK, want.Round(2).String()),
				clear(j.reading.IPK, j.policy) && clear(j.reading.CumSKS, j.policy) && clear(j.reading.CumPoints, j.policy))
		}
	}

	switch {
	case len(c.Evidence) == 0 && compared == 0:
		c.Detail = "The page prints nothing that could be recomputed."
	case len(c.Evidence) == 0:
		c.Detail = fmt.Sprintf("%d printed numbers agree with what they follow from.", compared)
	case legible:
		c.Outcome, c.Reason, c.Detail = Doubt, inconsistent, "Printed numbers contradict one another."
	default:
		c.Outcome, c.Reason, c.Detail = Doubt, lowConfidence, "Numbers contradict one another, and some were not read clearly."
	}
	if len(c.Evidence) > 0 {
		j.sums.agreed, j.sums.gradesAgreed = false, false
	}
	return c
}

// agrees compares at the number of digits that a printed sum has: two at the most.
func agrees(printed *transcript.Field[transcript.Decimal], want transcript.Decimal) bool {
	return printed.Value == want || printed.Value == want.Round(2)
}

func (j *judgement) rowsClear() bool {
	for _, row := range j.reading.Rows {
		if !clear(row.Grade, j.policy) || !clear(row.SKS, j.policy) {
			return false
		}
	}
	return true
}

// ipkFromCumulative is a KHS's IPK by its printed cumulative points and credits.
func (j *judgement) ipkFromCumulative() (transcript.Decimal, bool) {
	r := j.reading
	if r.Kind != transcript.KHS || r.IPK == nil || r.CumPoints == nil || r.CumSKS == nil || r.CumSKS.Value <= 0 {
		return 0, false
	}
	return r.CumPoints.Value.Div(r.CumSKS.Value), true
}

// ipkConfirmed tells whether the arithmetic of the page says the same IPK as the page.
func (j *judgement) ipkConfirmed() bool {
	if j.reading.IPK == nil {
		return false
	}
	if want, ok := j.ipkFromCumulative(); ok {
		return (j.reading.IPK.Value - want).Abs() <= j.policy.Tolerance
	}
	return j.reading.Kind == transcript.Transcript && j.sums.gradesAgreed
}
