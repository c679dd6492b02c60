package transcript

import (
	"slices"
)

// columnKind is what a column of a course table holds.
type columnKind int

const (
	unknownColumn columnKind = iota
	indexColumn
	codeColumn
	nameColumn
	sksColumn
	gradeColumn
	weightColumn
	pointsColumn
	numberColumn // the score out of 100
	classColumn
	semesterColumn
	historyColumn
	otherColumn
)

// column is one heading of a table with the cut lines on its left and right.
type column struct {
	kind   columnKind
	kinds  []columnKind // what the single storeys of the heading say, for settling
	text   string
	x0, x1 float64 // of the heading
	y0, y1 float64
	left   float64
	right  float64
}

func (c *column) xc() float64 { return (c.x0 + c.x1) / 2 }

// cut sets the borders between neighbouring columns where the fewest words of the body
// are crossed, in the widest such gap.
func (h *header) cut(body []*token, usual float64) {
	n := len(h.columns)
	for i := range h.columns[:n-1] {
		a, b := &h.columns[i], &h.columns[i+1]
		x := clearest(body, a, b)
		a.right, b.left = x, x
	}
	first, last := &h.columns[0], &h.columns[n-1]
	reach := func(c *column, other float64) float64 { return max(3*usual, 0.6*other) }
	if n > 1 {
		first.left = first.x0 - reach(first, h.columns[1].xc()-first.xc())
		last.right = last.x1 + reach(last, last.xc()-h.columns[n-2].xc())
		if last.kind == nameColumn {
			last.right = max(last.right, endOf(body, last.x0, usual))
		}
	}
}

// endOf is where the words that stand at from or right of it end, up to the first gap that
// no word of any line covers.
func endOf(body []*token, from, usual float64) float64 {
	ts := slices.DeleteFunc(slices.Clone(body), func(t *token) bool { return t.x1 < from })
	slices.SortFunc(ts, func(a, b *token) int { return compare(a.x0, b.x0) })
	end := from
	for _, t := range ts {
		if t.x0 > end+2*usual {
			break
		}
		end = max(end, t.x1)
	}
	return end
}

// clearest finds the place between two headings that the fewest words cover, the widest
// where the words on both sides suit.
func clearest(body []*token, a, b *column) float64 {
	from, to, fallback := a.xc(), b.xc(), (a.x1+b.x0)/2
	type edge struct {
		x float64
		d int
	}
	var edges []edge
	ink := 0
	for _, t := range body {
		if t.x1 <= from || t.x0 >= to {
			continue
		}
		if t.x0 <= from {
			ink++
		} else {
			edges = append(edges, edge{t.x0, 1})
		}
		if t.x1 < to {
			edges = append(edges, edge{t.x1, -1})
		}
	}
	if len(edges) == 0 {
		return fallback
	}
	slices.SortFunc(edges, func(a, b edge) int {
		if c := compare(a.x, b.x); c != 0 {
			return c
		}
		return a.d - b.d
	})
	best := 1 << 30
	var gaps []gap
	at := from
	for i := 0; i <= len(edges); i++ {
		end := to
		if i < len(edges) {
			end = edges[i].x
		}
		if end-at > 0.2 && ink <= best {
			if ink < best {
				best, gaps = ink, gaps[:0]
			}
			gaps = append(gaps, gap{at, end})
		}
		if i < len(edges) {
			ink += edges[i].d
			at = end
		}
	}
	slices.SortStableFunc(gaps, func(a, b gap) int { return compare(b.to-b.from, a.to-a.from) })
	x, least := fallback, 1<<30
	for _, g := range gaps[:min(len(gaps), 16)] {
		middle := (g.from + g.to) / 2
		// What the words are counts first, then the headings that they stand under.
		if c := misplaced(body, a, b, middle)*(len(body)+1) + strayed(body, a, b, middle); c < least {
			x, least = middle, c
		}
	}
	return x
}

type gap struct{ from, to float64 }

// misplaced counts the words between two headings that a cut at x would put under the
// wrong one, going by what they look like.
func misplaced(body []*token, a, b *column, x float64) int {
	n := 0
	for _, t := range body {
		if xc := t.xc(); xc > a.xc() && xc < x && !a.kind.takes(t) && b.kind.asksFor(t) || xc < b.xc() && xc > x && !b.kind.takes(t) && a.kind.asksFor(t) {
			n++
		}
	}
	return n
}

// strayed counts the words that a cut at x would part from the only one of the two headings
// that they stand under.
func strayed(body []*token, a, b *column, x float64) int {
	n := 0
	for _, t := range body {
		underA, underB := t.x0 < a.x1 && t.x1 > a.x0, t.x0 < b.x1 && t.x1 > b.x0
		if xc := t.xc(); underA && !underB && xc > x || underB && !underA && xc < x {
			n++
		}
	}
	return n
}

// asksFor reports whether a word looks as those of the kind do. Classes and remarks can look
// like anything: they take what nobody else does, and ask for nothing ("Bergerak 1 | B").
func (k columnKind) asksFor(t *token) bool {
	return k != unknownColumn && k != classColumn && k != otherColumn && k.takes(t)
}

// takes reports whether a word may stand in a column of the kind.
func (k columnKind) takes(t *token) bool {
	switch k {
	case indexColumn, semesterColumn:
		return t.type_ == typeInt
	case codeColumn:
		return t.type_ == typeCode
	case gradeColumn:
		return t.type_ == typeGrade
	case sksColumn, weightColumn, pointsColumn, numberColumn:
		return t.type_ == typeDecimal || t.type_ == typeInt
	case historyColumn:
		return t.type_ == typeHistory
	case nameColumn:
		return t.type_ == typeText
	}
	return true
}
