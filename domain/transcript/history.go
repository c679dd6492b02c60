package transcript

import (
	"regexp"
	"slices"
	"strings"
)

// attempt begins what a history of grades says of one attempt: year, term and letter between
// strokes ("2022/Gs/AB").
var attempt = regexp.MustCompile(`(19|20)\d\d/[^/]+/`)

// historyOf is the letter of the attempt that a cell tells of; nil where it tells of none or
// several.
func historyOf(ts []*token) *Field[string] {
	text := strings.ReplaceAll(joinTokens(ts), " ", "")
	at := attempt.FindAllStringIndex(text, 2)
	if len(at) != 1 {
		return nil
	}
	letter := NormaliseGrade(text[at[0][1]:])
	if !knownGrade(letter) {
		return nil
	}
	return fieldOf(letter, "", ts)
}

// trustHistory forgets the histories of a document where they do not show the grade that
// counts, as those of earlier attempts alone do.
func trustHistory(rows []Row) {
	same, other := 0, 0
	for i := range rows {
		switch h, g := rows[i].History, rows[i].Grade; {
		case h == nil || g == nil || !knownGrade(g.Value) || g.Text != "":
		case step(h.Value) == step(g.Value):
			same++
		default:
			other++
		}
	}
	if same > 4*other {
		return
	}
	for i := range rows {
		rows[i].History = nil
	}
}

// resolveByHistory names by the letter in the history beside it a grade that was illegible, or
// read as a letter that the scale does not have. A history with such a letter was misread.
func resolveByHistory(r *Row, fit []Scale) {
	foreign := func(letter string) bool {
		return len(fit) > 0 && !slices.ContainsFunc(fit, func(s Scale) bool { _, ok := s.Letter(letter); return ok })
	}
	if r.History != nil && foreign(r.History.Value) {
		r.History = nil
	}
	g, h := r.Grade, r.History
	if g == nil || h == nil || g.Source != Pixels {
		return
	}
	switch {
	case g.Value != "" && foreign(g.Value) && g.Value[0] == h.Value[0]:
		g.Text, g.Confidence = g.asSeen(), notLegible
	case g.Confidence > notLegible || !couldBe(g.Text, h.Value):
		return
	}
	sure := min(0.85, unit(h.Confidence))
	if g.Text == "" && g.Value == "" {
		sure = min(sure, 0.4) // it may have been covered, and a person shall look
	}
	g.Value, g.Confidence = h.Value, max(g.Confidence, sure)
}
