package verification

import (
	"fmt"
	"slices"

	"asprak/domain/transcript"
)

// checkIPK compares the cumulative average; that of the semester is no substitute.
func (j *judge) checkIPK() {
	const name = "ipk"
	required := j.requirement.MinIPK
	if required == nil {
		return
	}
	f := j.reading.IPK
	e := evidenceOf("ipk", f, required.String())
	switch {
	case f == nil:
		j.doubt(name, IPKMissing, "The IPK is not on the page.", e)
	case f.Value < 0 || f.Value > transcript.DecimalOf(4):
		j.doubt(name, LowConfidence, "The IPK was not clearly read.", e)
	case f.Value >= *required:
		j.rests(j.certaintyOfIPK(), e)
		j.pass(name, fmt.Sprintf("The IPK %s is enough.", f.Value), e)
	case j.sums.ipk || settled(j, f) || clear(j, f) && j.likely():
		j.fail(name, IPKBelowMin, fmt.Sprintf("The IPK %s is below %s.", f.Value, required), e)
		j.confirmed[name] = j.sums.ipk
	default:
		j.doubt(name, LowConfidence, "The IPK seems below the minimum, but was not clearly read.", e)
	}
}

func (j *judge) certaintyOfIPK() float64 {
	r := j.reading
	c := share(r.IPK.Confidence)
	switch {
	case j.sums.ipk:
		return max(c, 0.95)
	case r.Kind == transcript.Transcript && len(r.Rows) > 0:
		// The rows could not be followed to it: an edited average would not show.
		return min(c, 0.5)
	}
	return c
}

// usualDistance is how far the average of one semester seldom lies from that of all, and
// usualLoss how far an average of rows that were not all read does from that of all rows.
var usualDistance, usualLoss = transcript.MustDecimal("0.5"), transcript.MustDecimal("0.1")

// likely tells whether the IPK is one that the rows let expect. On a KHS that prints no
// cumulative points they are all that can witness for it, and for the credits that it is over:
// these must leave the earlier semesters an average that there can be.
func (j *judge) likely() bool {
	return j.reading.IPK != nil && !slices.ContainsFunc(j.sums.tallies, func(t tally) bool { return !j.likelyUnder(t) })
}

func (j *judge) likelyUnder(t tally) bool {
	r := j.reading
	if r.Kind == transcript.Transcript {
		known := t.bestSKS - t.open
		return known > 0 && (r.IPK.Value-t.best.Div(known)).Abs() <= usualLoss
	}
	known := t.sks - t.open
	if !j.sums.average || known <= 0 {
		return false
	}
	average := t.points.Div(known)
	if r.CumSKS == nil || r.TotalSKS == nil {
		return (r.IPK.Value - average).Abs() <= usualDistance
	}
	before := r.CumSKS.Value - r.TotalSKS.Value
	if before <= 0 {
		return before == 0 && j.near(r.IPK.Value, average)
	}
	earlier := (r.IPK.Value.Mul(r.CumSKS.Value) - average.Mul(r.TotalSKS.Value)).Div(before)
	return (r.IPK.Value-average).Abs() <= usualDistance && earlier >= 0 && earlier <= transcript.DecimalOf(4)
}

// checkSKS compares the cumulative credits.
func (j *judge) checkSKS() {
	const name = "sks"
	required := j.requirement.MinSKS
	if required == nil {
		return
	}
	r := j.reading
	f, field := r.CumSKS, "cum_sks"
	confirmed := j.sums.ipk && r.CumPoints != nil
	if r.Kind == transcript.Transcript {
		confirmed = confirmed || j.sums.whole
		if r.TotalSKS != nil {
			f, field = r.TotalSKS, "total_sks"
			confirmed = j.sums.whole
		}
	}
	if r.Kind == transcript.KHS && f == nil && r.TotalSKS != nil && r.TotalSKS.Value >= *required {
		f, field = r.TotalSKS, "total_sks" // one semester's credits suffice already
		confirmed = j.sums.whole
	}
	e := evidenceOf(field, f, required.String())
	switch {
	case f == nil:
		j.doubt(name, LowConfidence, "The cumulative credits are not on the page.", e)
	case f.Value >= *required:
		c := share(f.Confidence)
		if confirmed {
			c = max(c, 0.95)
		}
		j.rests(c, e)
		j.pass(name, fmt.Sprintf("%s SKS are enough.", f.Value), e)
	case confirmed || settled(j, f) || clear(j, f) && j.likely() && j.sums.whole:
		j.fail(name, SKSBelowMin, fmt.Sprintf("%s SKS are below %s.", f.Value, required), e)
	default:
		j.doubt(name, LowConfidence, "The credits seem below the minimum, but were not clearly read.", e)
	}
}

// checkSemester compares the running semester printed on the document.
func (j *judge) checkSemester() {
	const name = "semester"
	required := j.requirement.MinSemester
	if required == nil {
		return
	}
	f := j.reading.Semester
	e := evidenceOf("semester", f, fmt.Sprint(*required))
	switch {
	case f == nil:
		j.doubt(name, LowConfidence, "The running semester is not on the page.", e)
	case f.Value >= *required:
		j.rests(share(f.Confidence), e)
		j.pass(name, fmt.Sprintf("Semester %d is late enough.", f.Value), e)
	case settled(j, f):
		j.fail(name, SemesterBelowMin, fmt.Sprintf("Semester %d is before %d.", f.Value, *required), e)
	default:
		j.doubt(name, LowConfidence, "The semester seems below the minimum, but was not clearly read.", e)
	}
}
