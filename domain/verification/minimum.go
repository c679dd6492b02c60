package verification

import (
	"fmt"

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
	case j.sums.ipk || clear(j, f):
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
	case confirmed || clear(j, f):
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
	case clear(j, f):
		j.fail(name, SemesterBelowMin, fmt.Sprintf("Semester %d is before %d.", f.Value, *required), e)
	default:
		j.doubt(name, LowConfidence, "The semester seems below the minimum, but was not clearly read.", e)
	}
}
