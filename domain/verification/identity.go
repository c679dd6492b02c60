package verification

import (
	"strings"

	"asprak/domain/transcript"
)

// abbreviations holds the usual ways to shorten a name, each with what it may stand for.
var abbreviations = map[string][]string{
	"ABD":  {"ABDUL", "ABDULLAH", "ABDURRAHMAN", "ABDURAHMAN"},
	"ABDH": {"ABDULLAH"},
	"ACH":  {"ACHMAD", "AHMAD"},
	"AHM":  {"AHMAD", "ACHMAD"},
	"AKH":  {"AKHMAD", "ACHMAD", "AHMAD"},
	"DRN":  {"DARUN"},
	"MCH":  muhammads,
	"MHD":  muhammads,
	"MOH":  muhammads,
	"MOCH": muhammads,
	"MOHD": muhammads,
	"MUCH": muhammads,
	"MUH":  muhammads,
	"MUHD": muhammads,
	"SYR":  {"SYARIF", "SYARIFAH"},
}

var muhammads = []string{"MUHAMMAD", "MUHAMAD", "MUHAMMED", "MUCHAMMAD", "MUCHAMAD", "MOHAMMAD", "MOHAMAD", "MOCHAMMAD", "MOCHAMAD", "MOCHAMMED"}

// sameName compares names by the rules: upper case, apostrophes and full stops dropped,
// the same words in the same order; an initial or a usual abbreviation equals the word.
func sameName(a, b string) bool {
	x, y := strings.Fields(transcript.NormaliseName(a)), strings.Fields(transcript.NormaliseName(b))
	if len(x) != len(y) || len(x) == 0 {
		return false
	}
	for i := range x {
		if !sameWord(x[i], y[i]) {
			return false
		}
	}
	return true
}

func sameWord(a, b string) bool {
	return a == b || shortens(a, b) || shortens(b, a)
}

func shortens(short, long string) bool {
	if len(short) == 1 {
		return strings.HasPrefix(long, short)
	}
	for _, full := range abbreviations[short] {
		if full == long {
			return true
		}
	}
	return false
}

// identity compares number and name with the applicant's. Both differ: another person's
// document, provided that both were plainly legible and are not a slip of the recogniser.
func (j *judgement) identity() Check {
	r := j.reading
	c := Check{Name: "identity", Evidence: []Evidence{
		evidence("nim", r.NIM, j.applicant.NIM),
		evidence("name", r.Name, j.applicant.Name),
	}}
	nim := r.NIM != nil && transcript.NormaliseNIM(r.NIM.Value) == transcript.NormaliseNIM(j.applicant.NIM) && transcript.NormaliseNIM(j.applicant.NIM) != ""
	name := r.Name != nil && sameName(r.Name.Value, j.applicant.Name)
	switch {
	case nim && name:
		// A misreading that turns another's number into the applicant's is not to be
		// expected: the match confirms what was read.
		j.rest(worth(r.NIM, true))
		j.rest(worth(r.Name, true))
		c.Outcome, c.Detail = Pass, "Number and name are the applicant's."
	case !nim && !name && r.NIM != nil && r.Name != nil && j.surelyOthers():
		c.Outcome, c.Reason, c.Detail = Fail, identityMismatch, "Number and name are another person's."
	case r.NIM == nil && r.Name == nil:
		c.Outcome, c.Reason, c.Detail = Doubt, lowConfidence, "Neither number nor name could be read."
	case nim:
		c.Outcome, c.Reason, c.Detail = Doubt, identityPartial, "The number is the applicant's, the name is not."
	case name:
		c.Outcome, c.Reason, c.Detail = Doubt, identityPartial, "The name is the applicant's, the number is not."
	default:
		c.Outcome, c.Reason, c.Detail = Doubt, identityPartial, "Number and name differ from the applicant's, but were not read clearly."
	}
	return c
}

// surelyOthers tells whether number and name differ by more than a recogniser's slips.
func (j *judgement) surelyOthers() bool {
	nim, name := j.reading.NIM, j.reading.Name
	if nim.Source == transcript.TextLayer && name.Source == transcript.TextLayer {
		return true
	}
	a, b := transcript.NormaliseNIM(nim.Value), transcript.NormaliseNIM(j.applicant.NIM)
	x, y := transcript.NormaliseName(name.Value), transcript.NormaliseName(j.applicant.Name)
	return transcript.LooksLikeNIM(nim.Value) && distance(a, b) >= 3 && 2*distance(x, y) > max(len(x), len(y))
}

// distance is the number of letters to change, add or drop (Levenshtein). Longer texts are
// cut, so that it stays cheap on hostile input.
func distance(a, b string) int {
	const most = 200
	a, b = a[:min(len(a), most)], b[:min(len(b), most)]
	row := make([]int, len(b)+1)
	for k := range row {
		row[k] = k
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for k := range len(b) {
			cost := diagonal
			if a[i] != b[k] {
				cost++
			}
			diagonal = row[k+1]
			row[k+1] = min(cost, row[k]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
