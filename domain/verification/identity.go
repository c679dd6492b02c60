package verification

import (
	"strings"

	"asprak/domain/transcript"
)

// strange is the likeness below which two texts are no misreading of each other.
const strange = 0.6

// fit is how one identity field compares.
type fit int

const (
	equal   fit = iota
	unread      // not on the page, or not read
	close_      // differs, but so little that it may be misread
	another     // clearly read, and clearly something else
)

func (j *judge) checkIdentity() {
	const name = "identity"
	r := j.reading
	nim, number := j.fitNIM()
	person, named := j.fitName()
	j.rests(number, evidenceOf("nim", r.NIM, j.applicant.NIM))
	j.rests(named, evidenceOf("name", r.Name, j.applicant.Name))
	evidence := []Evidence{evidenceOf("name", r.Name, j.applicant.Name), evidenceOf("nim", r.NIM, j.applicant.NIM)}
	switch {
	case nim == equal && person == equal:
		j.pass(name, "Name and number are the applicant's.", evidence...)
	case nim == another && person == another:
		j.fail(name, IdentityMismatch, "Name and number are someone else's.", evidence...)
	case nim == equal:
		j.doubt(name, IdentityPartial, "The number is the applicant's, the name is not"+orUnread(person), evidence[:1]...)
	case person == equal:
		j.doubt(name, IdentityPartial, "The name is the applicant's, the number is not"+orUnread(nim), evidence[1:]...)
	default:
		j.doubt(name, LowConfidence, "Neither name nor number could be matched, and at least one of them was not clearly read.", evidence...)
	}
}

func orUnread(f fit) string {
	if f == unread {
		return ", or was not read."
	}
	return "."
}

// fitNIM compares the numbers exactly: letters and digits only.
func (j *judge) fitNIM() (fit, float64) {
	f := j.reading.NIM
	if f == nil || transcript.NormaliseNIM(f.Value) == "" {
		return unread, 0
	}
	read, want := transcript.NormaliseNIM(f.Value), transcript.NormaliseNIM(j.applicant.NIM)
	switch {
	case read == want:
		return equal, itself(f)
	case clear(j, f) && edits([]rune(read), []rune(want)) > 1:
		return another, share(f.Confidence)
	}
	return close_, share(f.Confidence)
}

func (j *judge) fitName() (fit, float64) {
	f := j.reading.Name
	if f == nil || transcript.NormaliseName(f.Value) == "" {
		return unread, 0
	}
	switch {
	case strings.ContainsFunc(f.Value, turnsText):
		return close_, share(f.Confidence)
	case sameName(f.Value, j.applicant.Name):
		return equal, itself(f)
	case f.Source == transcript.Pixels && sameShape(f.Value, j.applicant.Name):
		return equal, matched(f.Confidence)
	case clear(j, f) && likeness(transcript.NormaliseName(f.Value), transcript.NormaliseName(j.applicant.Name)) < strange:
		return another, share(f.Confidence)
	}
	return close_, share(f.Confidence)
}

// turnsText tells the controls of writing direction: behind them stands what no eye sees so.
func turnsText(r rune) bool { return r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' }

// matched is the certainty of a text that is exactly what was looked for: a misreading
// hardly ends there by chance.
func matched(confidence float64) float64 { return 0.6 + 0.4*share(confidence) }

// itself is matched for a name or number of the applicant, which has no neighbours that
// differ in one sign, as courses have. One that was mended (its Text tells) was not read as it is.
func itself(f *transcript.Field[string]) float64 {
	if f.Text != "" && f.Text != f.Value {
		return matched(f.Confidence)
	}
	return 0.8 + 0.2*share(f.Confidence)
}
