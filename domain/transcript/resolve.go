package transcript

import (
	"slices"
	"strings"
)

// seenOf are the grades of the rows that were read for sure, with their weights.
func seenOf(rows []Row, weights bool) []Seen {
	var seen []Seen
	for i := range rows {
		g := rows[i].Grade
		h := rows[i].History
		if g == nil || g.Value == "" || g.Text != "" || h != nil && step(h.Value) != step(g.Value) {
			continue
		}
		s := Seen{Grade: g.Value}
		if w := rows[i].Weight; weights && w != nil && w.Value <= DecimalOf(4) {
			s.Weight = &w.Value
		}
		seen = append(seen, s)
	}
	return seen
}

// scalesOf infers the scales of the rows. A few contradicting weights are findings, not
// another scale: the weights that most rows of a letter show count.
func scalesOf(rows []Row, university string) []Scale {
	all := known().scales
	if fit := InferScales(all, seenOf(rows, true), university); len(fit) > 0 {
		return fit
	}
	votes := map[string]int{}
	best := map[string]Decimal{}
	count := map[string]int{}
	for _, s := range seenOf(rows, true) {
		if s.Weight == nil {
			continue
		}
		key := s.Grade + " " + s.Weight.String()
		votes[key]++
		if votes[key] > count[s.Grade] {
			count[s.Grade], best[s.Grade] = votes[key], *s.Weight
		}
	}
	letters := seenOf(rows, false)
	for i := range letters {
		if w, ok := best[letters[i].Grade]; ok && count[letters[i].Grade] > 1 {
			letters[i].Weight = &w
		}
	}
	if fit := InferScales(all, letters, university); len(fit) > 0 {
		return fit
	}
	return InferScales(all, seenOf(rows, false), university)
}

// printedSums are the totals and the average that a document prints of its rows; nil where
// it prints none or they were not legible.
type printedSums struct{ sks, points, average *Decimal }

func printedOf(r *Reading) printedSums {
	legible := func(f *Field[Decimal]) *Decimal {
		if f == nil || f.Confidence < 0.5 {
			return nil
		}
		return &f.Value
	}
	p := printedSums{sks: legible(r.TotalSKS), points: legible(r.TotalPoints), average: legible(r.IPS)}
	if r.Kind == Transcript {
		p.average = legible(r.IPK)
	}
	return p
}

// resolve settles what was not legible by the one value that the numbers around it allow:
// first those of the row, then the sums of all rows. What was legible is never changed, but
// for credits that both the row and the printed total contradict: a contradiction is a finding.
func resolve(rows []Row, fit []Scale, printed printedSums) {
	for i := range rows {
		mendWeight(&rows[i], fit)
	}
	mendPoints(rows)
	for i := range rows {
		r := &rows[i]
		if v, ok := creditsByPoints(r, fit); ok && r.SKS == nil {
			r.SKS = computed(v, nil, r.Points)
		}
		resolveGrade(r, fit)
		resolveByHistory(r, fit)
	}
	resolveJointly(rows, fit, printed)
	corroborate(rows, fit)
}

// corroborate weighs recognised grades by the weights and histories beside them: these were read
// apart, so agreement makes both surer, and a grade whose weight is the only one missing
// or another is unsure, however clear the letter looked.
func corroborate(rows []Row, fit []Scale) {
	weights := 0
	for i := range rows {
		if rows[i].Weight != nil {
			weights++
		}
	}
	for i := range rows {
		g, w := rows[i].Grade, rows[i].Weight
		if g == nil || g.Source != Pixels || g.Value == "" {
			continue
		}
		h := rows[i].History
		switch {
		case h != nil && step(h.Value) != step(g.Value):
			g.Confidence = min(g.Confidence, 0.5)
			continue
		case pendingGrade(g.Value):
			continue
		case h != nil:
			g.Confidence = 1 - (1-unit(g.Confidence))*(1-unit(h.Confidence))
		}
		switch {
		case w == nil && weights*2 > len(rows):
			g.Confidence = min(g.Confidence, 0.6)
		case w == nil || len(fit) == 0:
		case slices.ContainsFunc(fit, func(s Scale) bool { l, ok := s.Letter(g.Value); return !ok || l.Weight != w.Value }):
			g.Confidence = min(g.Confidence, 0.5)
		default:
			g.Confidence = 1 - (1-unit(g.Confidence))*(1-unit(w.Confidence))
		}
	}
}

// couldBe reports whether what was seen of a grade may be the letter: a mark behind the
// letter was a sign, and none was none. Otherwise arithmetic would repair a forged grade. What
// two looks saw stands on both sides of an upright stroke.
func couldBe(text, letter string) bool {
	if one, other, two := strings.Cut(text, "|"); two {
		return couldBe(one, letter) || couldBe(other, letter)
	}
	if alone, mark, apart := strings.Cut(text, " "); apart {
		return couldBe(alone, letter) || couldBe(alone+mark, letter)
	}
	seen := []rune(NormaliseGrade(text))
	if len(seen) == 0 || seen[0] < 'A' || seen[0] > 'E' {
		return true
	}
	return string(seen[0]) == letter[:1] && len(seen) == len(letter)
}

// mendPoints puts back a lost decimal point ("700") where SKS x weight says the same.
func mendPoints(rows []Row) {
	for i := range rows {
		p, w := rows[i].Points, rows[i].Weight
		if p == nil || w == nil || p.Source != Pixels || p.Value < DecimalOf(100) {
			continue
		}
		if v := p.Value / 100; v*100 == p.Value && w.Value > 0 {
			if n, whole := v.Div(w.Value).Whole(); whole && n >= 1 && n <= 12 {
				p.Value = v
				p.Confidence *= 0.7
			}
		}
	}
}

// mendWeight puts back the decimal point that a recogniser lost ("375") when the scale
// has that weight.
func mendWeight(r *Row, fit []Scale) {
	w := r.Weight
	if w == nil || w.Value <= DecimalOf(4) {
		return
	}
	for _, by := range []Decimal{100, 10} {
		v := w.Value / by
		if v*by == w.Value && slices.ContainsFunc(fit, func(s Scale) bool { return s.hasWeight(v) }) {
			w.Value = v
			w.Confidence *= 0.7
			return
		}
	}
	r.Weight = nil
}

func (s Scale) hasWeight(w Decimal) bool {
	return slices.ContainsFunc(s.Letters, func(l Letter) bool { return !l.Pending && l.Weight == w })
}

// creditsByPoints is points / weight where that is a usual number of credits. A weight that is
// not printed is that of the letter, where the scales that fit agree on it.
func creditsByPoints(r *Row, fit []Scale) (Decimal, bool) {
	if r.Points == nil {
		return 0, false
	}
	var weight Decimal
	switch {
	case r.Weight != nil:
		weight = r.Weight.Value
	case r.Grade != nil && len(fit) > 0:
		for i, s := range fit {
			l, ok := s.Letter(r.Grade.Value)
			if !ok || i > 0 && l.Weight != weight {
				return 0, false
			}
			weight = l.Weight
		}
	}
	if weight <= 0 {
		return 0, false
	}
	v := r.Points.Value.Div(weight)
	n, whole := v.Whole()
	return v, whole && n >= 1 && n <= 12
}

// computed is a value that sums prove, standing where was stood, else beside.
func computed(v Decimal, was, beside *Field[Decimal]) *Field[Decimal] {
	f := &Field[Decimal]{Value: v, Confidence: beside.Confidence * 0.8, Source: Arithmetic, Page: beside.Page, Box: beside.Box}
	if was != nil {
		f.Text, f.Box = was.Value.String(), was.Box
	}
	return f
}

// resolveGrade names an illegible grade by its printed weight when the scales that fit
// leave one letter.
func resolveGrade(r *Row, fit []Scale) {
	g := r.Grade
	if g == nil || r.Weight == nil || g.Source != Pixels || g.Value != "" && g.Confidence > notLegible && !(pendingGrade(g.Value) && r.Weight.Value > 0) {
		return
	}
	letter := ""
	for _, s := range fit {
		for _, l := range s.Letters {
			if l.Pending || l.Weight != r.Weight.Value {
				continue
			}
			if letter != "" && letter != l.Name {
				return
			}
			letter = l.Name
		}
	}
	if pendingGrade(g.Value) {
		g.Value, g.Text, g.Confidence = "", g.Value, min(g.Confidence, 0.3)
	}
	if letter == "" || r.Points != nil && (r.SKS == nil || r.SKS.Value.Mul(r.Weight.Value) != r.Points.Value) {
		return
	}
	if g.Value != "" && g.Value != letter && g.Text == "" || !couldBe(g.Text, letter) {
		return
	}
	if g.Value == "" && g.Text == "" {
		// Nothing was seen of the letter: it may have been covered, and a person shall look.
		g.Value, g.Source, g.Confidence = letter, Arithmetic, min(0.4, r.Weight.Confidence)
		return
	}
	if g.Value = letter; !slices.Contains(strings.Split(g.Text, "|"), letter) {
		g.Source = Arithmetic // no look saw it as it is
	}
	g.Confidence = min(0.85, max(g.Confidence, r.Weight.Confidence*0.9))
}
