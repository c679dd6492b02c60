package transcript

import (
	"slices"
	"strings"
)

// choice is one way to read a row: its credits, and its letter with the points it earns.
type choice struct {
	sks, points Decimal
	letter      string
}

// total is what the rows so far add up to.
type total struct{ sks, points Decimal }

// maxSteps bounds the search over all rows. A page of forty doubtful rows takes a tenth of it.
const maxSteps = 200_000

// resolveJointly reads all doubtful cells together: a cell is settled when every reading of
// the whole table that adds up to what the page prints has the same value there, under each
// scale that the legible letters leave. It needs a printed total of credits, without which a row
// that was not found would not show, and courses that do not repeat, of which the document may
// count one attempt or all.
func resolveJointly(rows []Row, fit []Scale, printed printedSums) {
	if printed.sks == nil || repeats(rows) {
		return
	}
	if printed.points == nil && printed.average == nil {
		fit = nil
	}
	scales := different(fit)
	left, ok := feasibleUnder(rows, scales, printed)
	if !ok || len(scales) > 1 && (len(left) == 0 || len(left[0]) == 0) {
		left, _ = feasibleUnder(rows, []*Scale{nil}, printed)
	}
	for i := range left {
		settleRow(&rows[i], left[i])
	}
}

// different are the scales without those that give the same letters the same weights.
func different(scales []Scale) []*Scale {
	var out []*Scale
	for i := range scales {
		if !slices.ContainsFunc(out, func(s *Scale) bool { return s.same(scales[i]) }) {
			out = append(out, &scales[i])
		}
	}
	return out
}

// feasibleUnder is what feasible leaves of each row under the scales together; nil is the scale
// of credits alone. It reports false where none of them is one for these rows.
func feasibleUnder(rows []Row, scales []*Scale, printed printedSums) (left [][]choice, ok bool) {
	steps := maxSteps
	for _, scale := range scales {
		table, open := choicesOf(rows, scale)
		if table == nil {
			continue
		}
		if ok = true; !open {
			return nil, true
		}
		under := feasible(table, &steps, func(t total) bool {
			return t.sks == *printed.sks && (scale == nil ||
				(printed.points == nil || t.points == *printed.points) && (printed.average == nil || near(*printed.average, t.points.Div(t.sks))))
		})
		if steps < 0 {
			return nil, true
		}
		if left == nil {
			left = make([][]choice, len(rows))
		}
		for i := range under {
			left[i] = append(left[i], under[i]...)
		}
	}
	return left, ok
}

func repeats(rows []Row) bool {
	seen := map[string]bool{}
	for i := range rows {
		key := ""
		if rows[i].Code != nil {
			key = NormaliseCode(rows[i].Code.Value)
		} else if rows[i].Name != nil {
			key = NormaliseCourse(rows[i].Name.Value)
		}
		if key != "" && seen[key] {
			return true
		}
		seen[key] = true
	}
	return false
}

// choicesOf lists how each row may be read, under the scale or, without one, for its credits
// alone. Open is true when some row leaves a choice, or another letter than it was read as. There is no answer where the points of a
// row are beyond the scale: its grade is pending, was not seen at all, or contradicts the weight.
func choicesOf(rows []Row, scale *Scale) (table [][]choice, open bool) {
	for i := range rows {
		r := &rows[i]
		letters, credits := []Letter{{}}, creditsOf(r)
		doubtful := len(credits) > 1
		if scale != nil {
			if letters = lettersOf(r, *scale); len(letters) == 0 {
				return nil, false
			}
			doubtful = doubtful || illegible(r.Grade)
		}
		var cs []choice
		for _, n := range credits {
			for _, l := range letters {
				points := n.Mul(l.Weight)
				if scale != nil && doubtful && r.Points != nil && r.Points.Confidence >= 0.5 && r.Points.Value != points {
					continue
				}
				cs = append(cs, choice{n, points, l.Name})
			}
		}
		if len(cs) == 0 {
			return nil, false
		}
		open = open || len(cs) > 1 || scale != nil && r.Grade.Value != cs[0].letter
		table = append(table, cs)
	}
	return table, open
}

// lettersOf are the letters of the scale that a grade cell may show: the one that was
// legible, else those that look like what was seen and do not contradict a printed weight.
func lettersOf(r *Row, scale Scale) []Letter {
	g := r.Grade
	if g == nil || g.Value == "" && g.Text == "" {
		return nil
	}
	var out []Letter
	doubtful := illegible(g)
	for _, l := range scale.Letters {
		switch {
		case l.Pending:
		case !doubtful && l.Name != g.Value, doubtful && (!couldBe(g.Text, l.Name) || strings.IndexByte("ABCDE", NormaliseGrade(g.Text)[0]) < 0):
		case r.Weight != nil && r.Weight.Value != l.Weight:
		default:
			out = append(out, l)
		}
	}
	return out
}

// illegible reports whether a grade cell held something that is no letter as it stands.
func illegible(g *Field[string]) bool {
	return g.Source == Pixels && g.Text != "" && g.Confidence <= notLegible
}

// notLegible is the most confidence of a grade that other numbers may name.
const notLegible = 0.45

// legibleCredits is the confidence from which a number of credits stays as it was read.
const legibleCredits = 0.75

// creditsOf are the credits that a cell may show: what was legible, what points and weight
// beside it say, the single digits of a number that no course has, and any usual number
// where nothing was seen.
func creditsOf(r *Row) []Decimal {
	var out []Decimal
	add := func(v Decimal) {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	if r.SKS == nil {
		for n := 1; n <= 6; n++ {
			add(DecimalOf(n))
		}
		return out
	}
	add(r.SKS.Value)
	if r.SKS.Source != Pixels {
		return out
	}
	if v, ok := creditsByPoints(r, nil); ok && r.SKS.Confidence < legibleCredits {
		add(v)
	}
	if r.SKS.Text != "" || r.SKS.Value > DecimalOf(8) {
		for _, b := range []byte(r.SKS.Value.String()) {
			if b >= '1' && b <= '8' {
				add(DecimalOf(int(b - '0')))
			}
		}
	}
	return out
}

// feasible keeps of each row the choices that some reading of all rows with an acceptable
// total makes. It answers nil where there is none, or more to look through than the steps left.
func feasible(table [][]choice, steps *int, accept func(total) bool) [][]choice {
	reached := []map[total]bool{{{}: true}} // before each row
	for _, cs := range table {
		next := map[total]bool{}
		for t := range reached[len(reached)-1] {
			for _, c := range cs {
				next[total{t.sks + c.sks, t.points + c.points}] = true
				if *steps--; *steps < 0 {
					return nil
				}
			}
		}
		reached = append(reached, next)
	}
	alive := map[total]bool{}
	for t := range reached[len(table)] {
		if t.sks > 0 && accept(t) {
			alive[t] = true
		}
	}
	if len(alive) == 0 {
		return nil
	}
	left := make([][]choice, len(table))
	for i := len(table) - 1; i >= 0; i-- {
		before := map[total]bool{}
		for _, c := range table[i] {
			useful := false
			for t := range reached[i] {
				if alive[total{t.sks + c.sks, t.points + c.points}] {
					before[t], useful = true, true
				}
			}
			if useful {
				left[i] = append(left[i], c)
			}
		}
		alive = before
	}
	return left
}

// settleRow takes what all choices that are left have in common.
func settleRow(r *Row, left []choice) {
	if len(left) == 0 {
		return
	}
	same := func(is func(choice) bool) bool {
		return !slices.ContainsFunc(left, func(c choice) bool { return !is(c) })
	}
	if v := left[0].sks; same(func(c choice) bool { return c.sks == v }) && (r.SKS == nil || r.SKS.Value != v) {
		beside := &Field[Decimal]{Confidence: 0.6, Page: r.Page, Box: r.Box}
		if r.Points != nil {
			beside = r.Points
		}
		r.SKS = computed(v, r.SKS, beside)
	}
	if l := left[0].letter; l != "" && same(func(c choice) bool { return c.letter == l }) && r.Grade.Value != l {
		if r.Grade.Text == "" {
			r.Grade.Text = r.Grade.Value
		}
		r.Grade.Value, r.Grade.Source, r.Grade.Confidence = l, Arithmetic, 0.7
	}
}
