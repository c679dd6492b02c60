package transcript

import (
	"math"
	"slices"
	"strings"
)

// table is the columns of one course table and the region of the page below them.
type table struct {
	columns     []column
	top, bottom float64
	bilingual   bool
}

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
	for _, ts := range d.cells {
		all = append(all, ts...)
	}
	return all
}

// sumRow is the line of totals under a table.
type sumRow struct {
	sks, points []*token
}

// tablesOf finds the course tables of a sheet. Before stands the last table of the page
// before: a table that goes on without a new heading keeps its columns.
func tablesOf(s *sheet, before []table, scale float64) []table {
	headers := headersOf(s)
	var out []table
	if len(before) > 0 {
		bottom := math.Inf(1)
		if len(headers) > 0 {
			bottom = headers[0].top
		}
		for _, t := range before {
			t.columns = slices.Clone(t.columns)
			for i := range t.columns {
				c := &t.columns[i]
				c.left, c.right, c.x0, c.x1 = c.left*scale, c.right*scale, c.x0*scale, c.x1*scale
			}
			t.top, t.bottom = math.Inf(-1), bottom
			out = append(out, t)
		}
	}
	borrowColumns(headers, s.h)
	for i := range headers {
		h := &headers[i]
		bottom := math.Inf(1)
		for _, next := range headers[i+1:] {
			if next.top > h.bottom && overlapX(h, &next) {
				bottom = next.top
				break
			}
		}
		h.splitMixed(s, bottom)
		h.discover(bodyTokens(s, h.bottom, bottom), s.h)
		h.cut(bodyTokens(s, h.bottom, bottom), s.h)
		for _, group := range sideBySide(h.columns) {
			out = append(out, table{columns: group, top: h.bottom, bottom: bottom, bilingual: h.bilingual})
		}
	}
	return out
}

func overlapX(a, b *header) bool {
	a0, a1 := a.columns[0].x0, a.columns[len(a.columns)-1].x1
	b0, b1 := b.columns[0].x0, b.columns[len(b.columns)-1].x1
	return min(a1, b1)-max(a0, b0) > 0.3*min(a1-a0, b1-b0)
}

// bodyTokens are the words of the lines between top and bottom that carry course data, up
// to the first line of sums.
func bodyTokens(s *sheet, top, bottom float64) []*token {
	var out []*token
	for i := range s.lines {
		l := &s.lines[i]
		if l.yc <= top || l.yc >= bottom {
			continue
		}
		typed, course := 0, false
		for _, t := range l.tokens {
			if t.type_ != typeText {
				typed++
			}
			course = course || t.type_ == typeGrade || t.type_ == typeCode
		}
		if isSumLine(l.tokens, s.h) {
			if course || len(out) == 0 {
				continue
			}
			break
		}
		if typed >= 2 {
			out = append(out, l.tokens...)
		}
	}
	return out
}

// splitMixed takes a heading of several words apart when the words below it are the
// grades under one of them and numbers under another ("NILAI ANGKA" in narrow type).
func (h *header) splitMixed(s *sheet, bottom float64) {
	body := bodyTokens(s, h.bottom, bottom)
	var out []column
	for _, c := range h.columns {
		words := strings.Fields(c.text)
		first, last := unknownColumn, unknownColumn
		if len(words) == 2 && len(c.kinds) == 1 {
			first, _ = columnCaptions.find(foldCaption(words[0]), false)
			last, _ = columnCaptions.find(foldCaption(words[1]), false)
		}
		if first == unknownColumn || last == unknownColumn || first == last {
			out = append(out, c)
			continue
		}
		pad := s.h
		both, rows := 0, map[int]int{}
		for _, t := range body {
			if t.xc() < c.x0-pad || t.xc() > c.x1+pad {
				continue
			}
			level := int(t.yc() / s.h)
			if t.type_ == typeGrade {
				rows[level] |= 1
			} else if t.type_ == typeDecimal || t.type_ == typeInt {
				rows[level] |= 2
			}
		}
		for _, bits := range rows {
			if bits == 3 {
				both++
			}
		}
		if both*3 < len(rows) || both == 0 {
			out = append(out, c)
			continue
		}
		share := float64(len(words[0])) / float64(len(words[0])+len(words[1])+1)
		middle := c.x0 + share*(c.x1-c.x0)
		a, b := c, c
		a.text, a.kind, a.kinds, a.x1 = words[0], first, []columnKind{first}, middle
		b.text, b.kind, b.kinds, b.x0 = words[1], last, []columnKind{last}, middle+0.1*s.h
		out = append(out, a, b)
	}
	h.columns = out
}

// sideBySide splits a row of headings where it begins anew.
func sideBySide(columns []column) [][]column {
	var out [][]column
	start := 0
	seen := map[columnKind]bool{}
	for i, c := range columns {
		opens := c.kind == indexColumn || c.kind == codeColumn || c.kind == nameColumn
		if opens && seen[c.kind] && (seen[nameColumn] || seen[codeColumn]) && (seen[gradeColumn] || seen[sksColumn] || seen[weightColumn]) {
			out = append(out, columns[start:i:i])
			start, seen = i, map[columnKind]bool{}
		}
		seen[c.kind] = true
	}
	return append(out, columns[start:])
}

// settle gives each column of the table the kind that heading and content agree on.
func (t *table) settle(cells [][]*token) {
	type content struct{ n, grade, whole, small, weight, decimal, code, history, text int }
	stats := make([]content, len(t.columns))
	for i := range t.columns {
		for _, w := range cells[i] {
			c := &stats[i]
			c.n++
			switch w.type_ {
			case typeGrade:
				c.grade++
			case typeInt:
				c.whole++
				if len(strings.TrimSuffix(w.Text, ".")) == 1 || w.Text == "10" || w.Text == "12" {
					c.small++
				}
			case typeDecimal:
				c.decimal++
				if d, ok := parseNumber(w.Text); ok && d <= DecimalOf(4) {
					c.weight++
				}
			case typeCode:
				c.code++
			case typeHistory:
				c.history++
			default:
				c.text++
			}
		}
	}
	mostly := func(part, whole int) bool { return whole > 0 && part*2 > whole }
	has := func(k columnKind) bool {
		return slices.ContainsFunc(t.columns, func(c column) bool { return c.kind == k })
	}
	for i := range t.columns {
		c, st := &t.columns[i], stats[i]
		switch c.kind {
		case gradeColumn, weightColumn, numberColumn, pointsColumn:
			switch {
			case mostly(st.grade, st.n) && c.kind != gradeColumn && !gradeElsewhere(t.columns, i, func(k int) bool { return mostly(stats[k].grade, stats[k].n) }):
				c.kind = gradeColumn
			case mostly(st.history, st.n):
				c.kind = historyColumn
			case c.kind == gradeColumn && mostly(st.decimal+st.whole, st.n):
				c.kind = numberColumn
				if mostly(st.weight+st.small, st.n) && !has(weightColumn) {
					c.kind = weightColumn
				} else if mostly(st.decimal, st.n) && has(weightColumn) && !has(pointsColumn) && !mostly(st.weight, st.n) {
					c.kind = numberColumn
				}
			case c.kind == weightColumn && mostly(st.decimal+st.whole, st.n) && !mostly(st.weight+st.small, st.n):
				c.kind = pointsColumn
				if has(pointsColumn) {
					c.kind = numberColumn
				}
			}
		case unknownColumn:
			switch {
			case mostly(st.code, st.n) && !has(codeColumn):
				c.kind = codeColumn
			case mostly(st.history, st.n):
				c.kind = historyColumn
			case mostly(st.grade, st.n) && !has(gradeColumn):
				c.kind = gradeColumn
			case mostly(st.weight, st.n) && !has(weightColumn):
				c.kind = weightColumn
			case mostly(st.decimal, st.n) && !has(pointsColumn):
				c.kind = pointsColumn
			case mostly(st.small, st.n) && !has(sksColumn):
				c.kind = sksColumn
			case mostly(st.text, st.n) && !has(nameColumn):
				c.kind = nameColumn
			default:
				c.kind = otherColumn
			}
		}
	}
	t.settlePoints(cells)
}

func gradeElsewhere(columns []column, not int, full func(int) bool) bool {
	for i, c := range columns {
		if i != not && c.kind == gradeColumn && full(i) {
			return true
		}
	}
	return false
}

// settlePoints tells weight and points apart where both headings could mean either: no
// weight is above four, and points are mostly above.
func (t *table) settlePoints(cells [][]*token) {
	mean := func(k columnKind) (int, float64) {
		for i, c := range t.columns {
			if c.kind != k {
				continue
			}
			sum, n := 0.0, 0
			for _, w := range cells[i] {
				if d, ok := parseNumber(w.Text); ok {
					sum += d.Float()
					n++
				}
			}
			if n > 0 {
				return i, sum / float64(n)
			}
		}
		return -1, 0
	}
	w, weight := mean(weightColumn)
	p, points := mean(pointsColumn)
	switch {
	case w >= 0 && p >= 0 && weight > 4 && points <= 4:
		t.columns[w].kind, t.columns[p].kind = pointsColumn, weightColumn
	case w < 0 && p >= 0 && points <= 4 && points > 0:
		over := false
		for _, word := range cells[p] {
			if d, ok := parseNumber(word.Text); ok && d > DecimalOf(4) {
				over = true
			}
		}
		if !over {
			t.columns[p].kind = weightColumn
		}
	}
}

// columnAt is the index of the column that holds x, -1 outside the table.
func (t *table) columnAt(x float64) int {
	for i := range t.columns {
		if x >= t.columns[i].left && x < t.columns[i].right {
			return i
		}
	}
	return -1
}

// rows takes the table's region apart into rows. It ends at the line of sums, at a wide
// gap, or at the region's bottom.
func (t *table) rows(s *sheet, number int) ([]draft, []sumRow) {
	var inside []*token
	for _, w := range s.tokens {
		if w.yc() > t.top && w.yc() < t.bottom && t.columnAt(w.xc()) >= 0 {
			inside = append(inside, w)
		}
	}
	lines := linesOf(inside, s.h)
	lines, sums := t.untilEnd(lines, s)

	cells := make([][]*token, len(t.columns))
	for _, l := range lines {
		for _, w := range l.tokens {
			i := t.columnAt(w.xc())
			cells[i] = append(cells[i], w)
		}
	}
	t.settle(cells)

	var strong, names []*token
	for i, c := range t.columns {
		switch c.kind {
		case nameColumn:
			names = append(names, cells[i]...)
		case classColumn, otherColumn, historyColumn:
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
	for _, l := range linesOf(names, s.h) {
		best := -1
		for i := range out {
			if best < 0 || math.Abs(out[i].y-l.yc) < math.Abs(out[best].y-l.yc) {
				best = i
			}
		}
		if best >= 0 && math.Abs(out[best].y-l.yc) < 2.6*s.h {
			out[best].cells[nameColumn] = append(out[best].cells[nameColumn], l.tokens...)
		}
	}
	for i := range out {
		t.markEmpty(&out[i], s)
	}
	return out, sums
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

// isSum reports whether a line below the courses holds totals or averages.
func (t *table) isSum(l *line, s *sheet) bool {
	if !isSumLine(l.tokens, s.h) {
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
