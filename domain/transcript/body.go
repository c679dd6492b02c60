package transcript

import (
	"math"
	"slices"
	"strings"
)

// draft is a row whose cells are known as tokens, not yet as values.
type draft struct {
	cells  map[columnKind][]*token
	y      float64
	table  int  // which table of the document
	header bool // found under a heading, not guessed from the line alone
	empty  *Box // place of the grade cell when nothing stands in it
}

func (d *draft) tokens() []*token {
	var all []*token
	for k := unknownColumn; k <= otherColumn; k++ {
		all = append(all, d.cells[k]...)
	}
	return all
}

// sumRow is the line of totals under a table.
type sumRow struct {
	sks, points []*token
}

// grid is a table's region, word by word.
type grid struct {
	sums  []sumRow
	cells [][]*token // by column
}

// grid takes the table's region apart. It ends at the line of sums, at a wide gap, or at the
// region's bottom.
func (t *table) grid(s *sheet) grid {
	var inside []*token
	for _, w := range s.tokens {
		if w.yc() > t.top && w.yc() < t.bottom && t.columnAt(w.xc()) >= 0 {
			inside = append(inside, w)
		}
	}
	g := grid{cells: make([][]*token, len(t.columns))}
	lines, sums := t.untilEnd(linesOf(inside, s.h), s)
	g.sums = sums
	for _, l := range lines {
		for _, w := range l.tokens {
			i := t.columnAt(w.xc())
			g.cells[i] = append(g.cells[i], w)
		}
	}
	return g
}

// settleAlike settles the columns of each table by what stands in all tables with the same
// headings: a table of few rows may leave open what its neighbours tell.
func settleAlike(tables []table, grids []grid) {
	headings := func(t *table) string {
		var texts []string
		for _, c := range t.columns {
			texts = append(texts, foldCaption(c.text))
		}
		return strings.Join(texts, "|")
	}
	pooled := map[string][][]*token{}
	for k := range tables {
		key := headings(&tables[k])
		if pooled[key] == nil {
			pooled[key] = make([][]*token, len(tables[k].columns))
		}
		for i, ts := range grids[k].cells {
			pooled[key][i] = append(pooled[key][i], ts...)
		}
	}
	for k := range tables {
		tables[k].settle(pooled[headings(&tables[k])])
	}
}

// rows makes rows of a table whose columns are settled.
func (t *table) rows(s *sheet, number int, cells [][]*token) []draft {
	var strong, names, histories []*token
	for i, c := range t.columns {
		switch c.kind {
		case nameColumn:
			names = append(names, cells[i]...)
		case historyColumn:
			histories = append(histories, cells[i]...)
		case classColumn, otherColumn:
		default:
			strong = append(strong, cells[i]...)
		}
	}
	anchors := linesOf(strong, s.h)
	var out []draft
	for _, a := range anchors {
		d := draft{cells: map[columnKind][]*token{}, y: a.yc, table: number, header: true}
		for _, w := range a.tokens {
			k := t.columns[t.columnAt(w.xc())].kind
			d.cells[k] = append(d.cells[k], w)
		}
		out = append(out, d)
	}
	out = slices.DeleteFunc(out, func(d draft) bool { return !d.anchors() })
	alignCredits(out)
	attach(out, nameColumn, linesOf(names, s.h), 2.6*s.h)
	attach(out, historyColumn, linesOf(histories, s.h), s.h)
	for i := range out {
		t.markEmpty(&out[i], s)
	}
	return out
}

// attach gives each line of a column to the nearest row within reach.
func attach(drafts []draft, k columnKind, lines []line, reach float64) {
	for _, l := range lines {
		best := -1
		for i := range drafts {
			if best < 0 || math.Abs(drafts[i].y-l.yc) < math.Abs(drafts[best].y-l.yc) {
				best = i
			}
		}
		if best >= 0 && math.Abs(drafts[best].y-l.yc) < reach {
			drafts[best].cells[k] = append(drafts[best].cells[k], l.tokens...)
		}
	}
}

// alignCredits puts first, of several words in a cell of credits, the one that stands where
// those of the other rows do.
func alignCredits(drafts []draft) {
	var xs []float64
	for _, d := range drafts {
		if ts := d.cells[sksColumn]; len(ts) == 1 {
			xs = append(xs, ts[0].xc())
		}
	}
	if len(xs) == 0 {
		return
	}
	slices.Sort(xs)
	x := xs[len(xs)/2]
	for _, d := range drafts {
		slices.SortStableFunc(d.cells[sksColumn], func(a, b *token) int {
			return compare(math.Abs(a.xc()-x), math.Abs(b.xc()-x))
		})
	}
}

// anchors reports whether the strong cells alone look like a course row.
func (d *draft) anchors() bool {
	grade := slices.ContainsFunc(d.cells[gradeColumn], func(t *token) bool { _, ok := mendGrade(t.Text); return ok })
	sks := slices.ContainsFunc(d.cells[sksColumn], func(t *token) bool { _, ok := mendNumber(t.Text); return ok })
	code := slices.ContainsFunc(d.cells[codeColumn], func(t *token) bool { return len(NormaliseCode(t.Text)) >= 3 })
	index := slices.ContainsFunc(d.cells[indexColumn], func(t *token) bool { return t.type_ == typeInt })
	n := 0
	for _, b := range []bool{grade, sks, code, index} {
		if b {
			n++
		}
	}
	return n >= 2 || grade
}

// markEmpty notes the place of a grade cell in which nothing stands.
func (t *table) markEmpty(d *draft, s *sheet) {
	if len(d.cells[gradeColumn]) > 0 || len(d.cells[sksColumn])+len(d.cells[codeColumn])+len(d.cells[weightColumn]) < 2 {
		return
	}
	for _, c := range t.columns {
		if c.kind == gradeColumn {
			b := boxOf(d.tokens())
			d.empty = &Box{X0: c.left, X1: c.right, Y0: b.Y0, Y1: b.Y1}
			return
		}
	}
}

// untilEnd returns the lines that belong to the table and the sums among them. Behind a
// line of sums or a wide gap the table goes on with the next line that is a whole course.
func (t *table) untilEnd(lines []line, s *sheet) ([]line, []sumRow) {
	var kept []line
	var sums []sumRow
	var gaps []float64
	ended := false
	last := t.top
	for i := range lines {
		l := &lines[i]
		gap := l.yc - last
		last = l.yc
		usual := 2.5 * s.h
		if n := len(gaps); n > 0 {
			sorted := slices.Clone(gaps[max(0, n-64):])
			slices.Sort(sorted)
			usual = max(sorted[len(sorted)*3/4], 1.2*s.h)
		}
		sum := t.isSum(l, s)
		switch {
		case ended && !t.isCourse(l):
			continue
		case ended:
			ended = false
		case s.signs(l):
			ended = true
			continue
		case !math.IsInf(gap, 0) && gap > 3.2*usual && i > 0 && !t.isCourse(l):
			ended = true
			continue
		case sum && len(kept) > 0:
			if !namesField(l, s.h) {
				sums = append(sums, t.sumOf(l))
			}
			ended = true
			continue
		case i > 0:
			gaps = append(gaps, gap)
		}
		if !sum && !isSection(l) {
			kept = append(kept, *l)
		}
	}
	return kept, sums
}

// isCourse reports whether a line by itself holds a course: a grade in its column, and a
// code or credits in theirs.
func (t *table) isCourse(l *line) bool {
	grade, other := false, false
	for _, w := range l.tokens {
		switch t.columns[t.columnAt(w.xc())].kind {
		case gradeColumn:
			grade = grade || w.type_ == typeGrade
		case codeColumn:
			other = other || w.type_ == typeCode
		case sksColumn:
			other = other || w.type_ == typeInt
		}
	}
	return grade && other
}

// isSection reports whether a line inside a table names the term of the courses below it.
func isSection(l *line) bool {
	switch l.tokens[0].fold {
	case "SEMESTER", "SMT", "TAHUN", "TERM", "TAHAP":
		return !slices.ContainsFunc(l.tokens, func(t *token) bool { return t.type_ == typeGrade || t.type_ == typeCode })
	}
	return false
}

// isSum reports whether a line below the courses holds totals or averages. Their caption may
// stand beside the table.
func (t *table) isSum(l *line, s *sheet) bool {
	if !isSumLine(l.tokens, s.h) && !isSumLine(s.beside(l), s.h) {
		return false
	}
	for _, w := range l.tokens {
		k := t.columns[t.columnAt(w.xc())].kind
		if w.type_ == typeGrade && k == gradeColumn || w.type_ == typeCode && k == codeColumn {
			return false
		}
	}
	return true
}

// beside are the words of the page on the level of a line of numbers, none where the line
// holds anything else or any of them is of a course.
func (s *sheet) beside(l *line) []*token {
	course := func(t *token) bool { return t.type_ == typeGrade || t.type_ == typeCode }
	for _, t := range l.tokens {
		if t.type_ != typeInt && t.type_ != typeDecimal && t.fold != "" {
			return nil
		}
	}
	full := s.level(l)
	if slices.ContainsFunc(full, course) {
		return nil
	}
	return full
}

// level are the words of the whole page on the level of a line.
func (s *sheet) level(l *line) []*token {
	i := slices.IndexFunc(s.lines, func(full line) bool { return math.Abs(full.yc-l.yc) < 0.5*s.h })
	if i < 0 {
		return nil
	}
	return s.lines[i].tokens
}

// signs reports whether the number of an employee, as below signatures, stands on the level of a line.
func (s *sheet) signs(l *line) bool {
	return slices.ContainsFunc(s.level(l), func(t *token) bool { return t.fold == "NIP" || t.fold == "NIDN" || t.fold == "NIPPPK" })
}

func (t *table) sumOf(l *line) sumRow {
	var r sumRow
	for _, w := range l.tokens {
		switch t.columns[t.columnAt(w.xc())].kind {
		case sksColumn:
			r.sks = append(r.sks, w)
		case pointsColumn:
			r.points = append(r.points, w)
		}
	}
	return r
}
