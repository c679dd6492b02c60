package verification

import (
	"slices"
	"strings"
	"unicode"

	"asprak/domain/transcript"
)

// abbreviations are the usual short forms of Indonesian names, beside plain initials.
var abbreviations = map[string][]string{
	"ABD":  {"ABDUL", "ABDULLAH", "ABDURRAHMAN", "ABDURAHMAN", "ABDURROHMAN"},
	"ACH":  {"ACHMAD", "AHMAD"},
	"AHM":  {"AHMAD", "ACHMAD"},
	"AKH":  {"AKHMAD", "ACHMAD", "AHMAD"},
	"DW":   {"DEWA", "DEWI"},
	"GD":   {"GEDE"},
	"GST":  {"GUSTI"},
	"KD":   {"KADEK"},
	"KT":   {"KETUT"},
	"MCH":  muhammads,
	"MD":   append([]string{"MADE"}, muhammads...),
	"MHD":  muhammads,
	"MOCH": muhammads,
	"MOH":  muhammads,
	"MOHD": muhammads,
	"MUCH": muhammads,
	"MUH":  muhammads,
	"MUHD": muhammads,
	"NYM":  {"NYOMAN"},
	"PT":   {"PUTU"},
	"ST":   {"SITI"},
	"WYN":  {"WAYAN"},
}

var muhammads = []string{"MUHAMMAD", "MUHAMAD", "MUHAMMED", "MUCHAMMAD", "MUCHAMAD", "MUKHAMMAD", "MUKHAMAD", "MOHAMMAD", "MOHAMAD", "MOHAMMED", "MOCHAMMAD", "MOCHAMAD", "MOKHAMMAD", "MOKHAMAD"}

// sameName tells whether two names are the same person's by the rules: the same words in the
// same order, where an initial or a usual abbreviation equals the word. At least one
// whole word must agree.
func sameName(a, b string) bool {
	return sameWords(strings.Fields(transcript.NormaliseName(a)), strings.Fields(transcript.NormaliseName(b)))
}

func sameWords(as, bs []string) bool {
	if len(as) != len(bs) {
		return false
	}
	whole := false
	for i := range as {
		if !sameWord(as[i], bs[i]) {
			return false
		}
		whole = whole || as[i] == bs[i] && len(as[i]) > 1
	}
	return whole
}

func sameWord(a, b string) bool { return a == b || shortens(a, b) || shortens(b, a) }

func shortens(short, word string) bool {
	if len(short) == 1 {
		return len(word) > 1 && word[0] == short[0] && word[0] >= 'A'
	}
	return slices.Contains(abbreviations[short], word)
}

// lookAlikes folds letters that a recogniser takes for one another.
var lookAlikes = strings.NewReplacer("RN", "M", "VV", "W", "0", "O", "Q", "O", "1", "I", "L", "I", "J", "I", "5", "S", "8", "B", "2", "Z")

// lowerAlikes are those that look alike in lower case only.
var lowerAlikes = strings.NewReplacer("q", "g", "y", "v", "ri", "n", "rn", "m")

// sameShape is sameName for a name read from pixels: letters that look alike are equal, and
// narrow spaces may be lost between whole words.
func sameShape(read, want string) bool {
	if strings.ContainsFunc(read, unicode.IsLower) {
		read, want = lowerAlikes.Replace(strings.ToLower(read)), lowerAlikes.Replace(strings.ToLower(want))
	}
	a, b := transcript.NormaliseName(read), transcript.NormaliseName(want)
	return sameName(a, b) || looks(a) == looks(b) || sameWords(strings.Fields(lookAlikes.Replace(a)), strings.Fields(lookAlikes.Replace(b)))
}

// maxCompared bounds the cost of likeness; no name or code is longer.
const maxCompared = 200

// likeness is 1 for equal texts and 0 for texts that share nothing: one minus the number
// of edits by the longer length.
func likeness(a, b string) float64 {
	x, y := []rune(a), []rune(b)
	x, y = x[:min(len(x), maxCompared)], y[:min(len(y), maxCompared)]
	longest := max(len(x), len(y))
	if longest == 0 {
		return 1
	}
	return 1 - float64(edits(x, y))/float64(longest)
}

// edits is the Levenshtein distance.
func edits(x, y []rune) int {
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		before := row[0]
		row[0] = i + 1
		for j := range y {
			cost := before
			if x[i] != y[j] {
				cost++
			}
			before = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(y)]
}
