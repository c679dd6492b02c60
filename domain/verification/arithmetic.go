package verification

import (
	"fmt"
	"slices"

	"asprak/domain/transcript"
)

// sums is what the arithmetic of the page settled, for the checks behind it.
type sums struct {
	tallies []tally // one for each candidate scale, in their order
	whole   bool    // the rows add up to the printed credits: none is missing
	average bool    // the printed average of the rows follows from them, and none was read by it
	printed bool    // the page prints an average of the rows, or announces one
	ipk     bool    // the IPK follows from other numbers on the page
}

const arithmeticCheck = "arithmetic"

// finding is a number that does not follow from the others.
type finding struct {
	evidence Evidence
	detail   string
	legible  bool // every number it rests on was
}

// checkArithmetic does every sum that the page allows. A contradiction between legible
// numbers is the document's; any other may be the machine's.
func (j *judge) checkArithmetic() {
	const name = arithmeticCheck
	var findings []finding
	for i := range j.reading.Rows {
		findings = append(findings, j.rowFindings(i)...)
	}
	for _, s := range j.scales {
		j.sums.tallies = append(j.sums.tallies, tallyOf(j.reading.Rows, s, -1, ""))
	}
	if len(j.scales) == 0 {
		// Credits add up without a scale.
		j.sums.tallies = []tally{tallyOf(j.reading.Rows, transcript.Scale{}, -1, "")}
	}
	findings = append(findings, j.totalFindings()...)
	findings = append(findings, j.averageFindings()...)
	if len(findings) == 0 {
		j.pass(name, "All sums that the page allows are right.")
		return
	}
	reason := LowConfidence
	lead := findings[0]
	evidence := make([]Evidence, 0, len(findings))
	for _, f := range findings {
		evidence = append(evidence, f.evidence)
		if f.legible && reason != Inconsistent {
			reason, lead = Inconsistent, f
		}
	}
	j.doubt(name, reason, lead.detail, evidence...)
}

func (j *judge) rowFindings(i int) []finding {
	r := &j.reading.Rows[i]
	if r.Grade == nil || r.Grade.Value == "" || len(j.scales) == 0 || pendingGrade(j.scales, r.Grade.Value) {
		return nil
	}
	field := func(s string) string { return fmt.Sprintf("rows[%d].%s", i, s) }
	var ws []transcript.Decimal
	for _, s := range j.scales {
		if l, ok := s.Letter(r.Grade.Value); ok && !l.Pending && !slices.Contains(ws, l.Weight) {
			ws = append(ws, l.Weight)
		}
	}
	if len(ws) == 0 {
		return []finding{{evidenceOf(field("grade"), r.Grade, "a letter of the scale"), fmt.Sprintf("%s is no letter of the university's scale.", r.Grade.Value), legible(j, r.Grade)}}
	}
	var out []finding
	if h := r.History; h != nil && !slices.Equal(weights(j.scales, h.Value), ws) {
		out = append(out, finding{evidenceOf(field("history"), h, r.Grade.Value),
			fmt.Sprintf("The history of the course ends in %s, its grade is %s.", h.Value, r.Grade.Value), legible(j, h) && legible(j, r.Grade)})
	}
	if r.Weight != nil && !slices.Contains(ws, r.Weight.Value) {
		out = append(out, finding{evidenceOf(field("weight"), r.Weight, ws[0].String()),
			fmt.Sprintf("Weight %s is printed for %s, which is worth %s.", r.Weight.Value, r.Grade.Value, ws[0]), legible(j, r.Weight) && legible(j, r.Grade)})
	}
	if r.Points != nil && r.SKS != nil {
		weight, sure := ws[0], legible(j, r.Grade)
		if r.Weight != nil {
			weight, sure = r.Weight.Value, legible(j, r.Weight)
		}
		want := r.SKS.Value.Mul(weight)
		if r.Points.Value != want && (r.Weight != nil || len(ws) == 1) {
			out = append(out, finding{evidenceOf(field("points"), r.Points, want.String()),
				fmt.Sprintf("%s points are printed for %s SKS of weight %s.", r.Points.Value, r.SKS.Value, weight), sure && legible(j, r.Points) && legible(j, r.SKS)})
		}
	}
	return out
}

// totalFindings compares the printed totals. A document may count courses without a final
// grade, or every attempt at a course, into its credits, or leave them out.
func (j *judge) totalFindings() []finding {
	r := j.reading
	var out []finding
	if r.TotalSKS != nil && j.any(func(t tally) bool { return t.counted }) {
		ok := j.any(func(t tally) bool {
			return r.TotalSKS.Value == t.sks || r.TotalSKS.Value == t.all || r.TotalSKS.Value == t.sks-t.open ||
				r.Kind == transcript.Transcript && r.TotalSKS.Value == t.bestSKS
		})
		j.sums.whole = ok && j.readBySums(func(r *transcript.Row) bool {
			return r.SKS != nil && r.SKS.Source == transcript.Arithmetic && (r.Points == nil || r.Weight == nil)
		}) == 0
		if !ok {
			t := j.sums.tallies[0]
			// A row that was not found makes the sum too small, and is the machine's doing.
			missed := j.fromPixels() && t.all < r.TotalSKS.Value
			out = append(out, finding{evidenceOf("total_sks", r.TotalSKS, t.sks.String()),
				fmt.Sprintf("%s SKS are printed in total, the rows add up to %s.", r.TotalSKS.Value, t.sks), legible(j, r.TotalSKS) && j.legibleRows(false) && !missed})
		}
	}
	if r.TotalSKS != nil && len(r.Rows) > 0 && j.creditsLegible() && !j.any(func(t tally) bool { return t.counted || t.least(r.Kind) < r.TotalSKS.Value }) {
		// Courses whose credits were not legible have some, too.
		out = append(out, finding{evidenceOf("total_sks", r.TotalSKS, ""),
			fmt.Sprintf("%s SKS are printed in total, the rows that were read have as many already.", r.TotalSKS.Value), false})
	}
	if r.TotalPoints != nil && j.any(func(t tally) bool { return t.graded }) {
		ok := j.any(func(t tally) bool {
			return t.graded && (r.TotalPoints.Value == t.points || r.Kind == transcript.Transcript && r.TotalPoints.Value == t.best)
		})
		if !ok {
			t := j.sums.tallies[0]
			out = append(out, finding{evidenceOf("total_points", r.TotalPoints, t.points.String()),
				fmt.Sprintf("%s points are printed in total, the rows add up to %s.", r.TotalPoints.Value, t.points), legible(j, r.TotalPoints) && j.legibleRows(true) && j.noneMissed()})
		}
	}
	return out
}

// averageFindings checks IPS (KHS) or IPK (transcript) against the rows, and the IPK of a
// KHS against the cumulative points and credits where the page prints them.
func (j *judge) averageFindings() []finding {
	r := j.reading
	var out []finding
	printed, field, of := r.IPS, "ips", tally.average
	if r.Kind == transcript.Transcript {
		printed, field, of = r.IPK, "ipk", tally.bestAverage
	}
	j.sums.printed = printed != nil || slices.ContainsFunc(r.Traces, isMissing)
	if printed != nil && j.any(func(t tally) bool { return t.graded && t.sks > 0 }) {
		j.sums.average = j.any(func(t tally) bool { return t.graded && t.sks > 0 && j.near(printed.Value, of(t)) })
		if !j.sums.average {
			want := of(j.sums.tallies[0]).Round(2)
			out = append(out, finding{evidenceOf(field, printed, want.String()),
				fmt.Sprintf("The printed average is %s, the rows give %s.", printed.Value, want), legible(j, printed) && j.legibleRows(true) && j.noneMissed()})
		}
		j.sums.average = j.sums.average && j.averageIsLeft()
		if r.Kind == transcript.Transcript {
			j.sums.ipk = j.sums.average
		}
	}
	if printed != nil && r.TotalSKS != nil && j.creditsLegible() && j.beyond(printed.Value) {
		out = append(out, finding{evidenceOf(field, printed, ""),
			fmt.Sprintf("The printed average is %s, which no credits of the rows that were not legible can give.", printed.Value), false})
	}
	if r.Kind == transcript.Transcript && r.IPK != nil && !j.sums.ipk && len(out) == 0 && r.TotalPoints != nil && r.TotalSKS != nil && r.TotalSKS.Value > 0 {
		// Rows that were not read whole leave the totals to check the average by.
		j.sums.ipk = j.near(r.IPK.Value, r.TotalPoints.Value.Div(r.TotalSKS.Value))
	}
	if r.Kind == transcript.KHS && r.IPK != nil && r.CumSKS != nil && r.CumPoints != nil && r.CumSKS.Value > 0 {
		want := r.CumPoints.Value.Div(r.CumSKS.Value)
		j.sums.ipk = j.near(r.IPK.Value, want)
		if !j.sums.ipk {
			out = append(out, finding{evidenceOf("ipk", r.IPK, want.Round(2).String()),
				fmt.Sprintf("The printed IPK is %s, the cumulative points and credits give %s.", r.IPK.Value, want.Round(2)), want <= transcript.DecimalOf(4) && legible(j, r.IPK) && legible(j, r.CumSKS) && legible(j, r.CumPoints)})
		}
	}
	return out
}

// beyond tells whether an average lies outside what the rows can give, whose credits were
// read in part: the rest of the printed total belongs to the letters without credits.
func (j *judge) beyond(printed transcript.Decimal) bool {
	r := j.reading
	if len(r.Rows) == 0 || r.TotalSKS.Value <= 0 || len(j.scales) == 0 {
		return false
	}
	seen := map[string]bool{}
	for i := range r.Rows {
		key := courseKey(&r.Rows[i], i)
		if seen[key] {
			return false // the average may be of the best attempts
		}
		seen[key] = true
	}
	for _, s := range j.scales {
		var known, points, low, high transcript.Decimal
		open := 0
		for i := range r.Rows {
			row := &r.Rows[i]
			if row.Grade == nil {
				return false
			}
			l, ok := s.Letter(row.Grade.Value)
			switch {
			case !ok || l.Pending:
				return false
			case row.SKS != nil:
				known, points = known+row.SKS.Value, points+row.SKS.Value.Mul(l.Weight)
				continue
			}
			if open == 0 {
				low, high = l.Weight, l.Weight
			}
			low, high = min(low, l.Weight), max(high, l.Weight)
			open++
		}
		rest := r.TotalSKS.Value - known
		if open == 0 || rest <= 0 {
			return false
		}
		least, most := (points + rest.Mul(low)).Div(r.TotalSKS.Value), (points + rest.Mul(high)).Div(r.TotalSKS.Value)
		if printed >= least-2*j.policy.AverageTolerance && printed <= most+2*j.policy.AverageTolerance {
			return false
		}
	}
	return true
}

// creditsLegible tells whether all credits that were read were legible.
func (j *judge) creditsLegible() bool {
	return !slices.ContainsFunc(j.reading.Rows, func(r transcript.Row) bool { return r.SKS != nil && !legible(j, r.SKS) })
}

// averageIsLeft tells whether the average of the rows is still a witness: no grade was read by
// it, and the credits of no row, or of one, which the printed total alone tells.
func (j *judge) averageIsLeft() bool {
	grades := j.readBySums(func(r *transcript.Row) bool {
		return r.Grade != nil && r.Grade.Source == transcript.Arithmetic && r.Weight == nil
	})
	credits := j.readBySums(func(r *transcript.Row) bool {
		return r.SKS != nil && r.SKS.Source == transcript.Arithmetic && r.Points == nil
	})
	return grades == 0 && (credits == 0 || credits == 1 && legible(j, j.reading.TotalSKS))
}

// readBySums counts the rows with a cell that was read by what the page prints as sum or average of
// the rows. Then these are no witnesses for any other cell: the one may have been read so that it
// makes up for a change in the other.
func (j *judge) readBySums(is func(*transcript.Row) bool) int {
	n := 0
	for i := range j.reading.Rows {
		if is(&j.reading.Rows[i]) {
			n++
		}
	}
	return n
}

func (j *judge) any(f func(tally) bool) bool {
	for _, t := range j.sums.tallies {
		if f(t) {
			return true
		}
	}
	return false
}

func (j *judge) near(printed, computed transcript.Decimal) bool {
	return (printed-computed).Abs() <= j.policy.AverageTolerance || (printed-computed.Round(2)).Abs() <= j.policy.AverageTolerance
}

// legibleRows tells whether the credits, and the grades where asked, of all rows were legible.
func (j *judge) legibleRows(grades bool) bool {
	for i := range j.reading.Rows {
		r := &j.reading.Rows[i]
		if !legible(j, r.SKS) || grades && !legible(j, r.Grade) {
			return false
		}
	}
	return true
}

// noneMissed tells whether no row escaped the machine: there is a text layer, or the rows
// add up to the printed credits or beyond.
func (j *judge) noneMissed() bool {
	t := j.reading.TotalSKS
	return !j.fromPixels() || t != nil && j.any(func(x tally) bool { return x.counted && x.all >= t.Value })
}
