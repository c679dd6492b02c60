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

// tablesOf finds the course tables of a sheet. Before stands the last table of the page
// before: a table that goes on without a new heading keeps its columns.
func tablesOf(s *sheet, before []table, scale float64) []table {
	headers := slices.Clone(s.heads)
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
		h.lend(s.h)
		h.discover(bodyTokens(s, h.bottom, bottom), s.h)
		h.cut(bodyTokens(s, h.bottom, bottom), s.h)
		for _, group := range sideBySide(h.columns) {
			out = append(out, table{columns: group, top: h.bottom, bottom: bottom, bilingual: h.bilingual})
		}
	}
	if len(headers) > 0 && len(before) == 0 {
		out = append(s.unheaded(out, &headers[0]), out...)
	}
	return out
}

// unheaded finds the courses that stand above the first heading in its columns: their own
// heading was not legible.
func (s *sheet) unheaded(tables []table, first *header) []table {
	var out []table
	for _, t := range tables {
		if t.top != first.bottom {
			continue
		}
		n, top := 0, first.top
		for i := range s.lines {
			l := &s.lines[i]
			inside := slices.DeleteFunc(slices.Clone(l.tokens), func(w *token) bool { return t.columnAt(w.xc()) < 0 })
			if l.yc < first.top && len(inside) > 0 && t.isCourse(&line{tokens: inside}) {
				n++
				top = min(top, l.yc-s.h)
			}
		}
		if n >= 2 {
			t.columns = slices.Clone(t.columns)
			t.top, t.bottom = top, first.top
			out = append(out, t)
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
// to the first line of sums or the signatures, which stand well apart.
func bodyTokens(s *sheet, top, bottom float64) []*token {
	var out []*token
	var at []float64 // levels of the lines taken
	for i := range s.lines {
		l := &s.lines[i]
		if l.yc <= top || l.yc >= bottom {
			continue
		}
		if n := len(at); n > 3 && (l.yc-at[n-1]) > 4*max(s.h, (at[n-1]-at[0])/float64(n-1)) {
			break
		}
		if s.signs(l) {
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
			out, at = append(out, l.tokens...), append(at, l.yc)
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
			first, _ = forms().columns.find(foldCaption(words[0]), false)
			last, _ = forms().columns.find(foldCaption(words[1]), false)
			if last == unknownColumn {
				last = c.kind // the phrase was known, its last word alone is not: misread
			}
		}
		if first == unknownColumn || last == unknownColumn || first == last {
			out = append(out, c)
			continue
		}
		share := float64(len(words[0])) / float64(len(words[0])+len(words[1])+1)
		middle := c.x0 + share*(c.x1-c.x0)
		pad := s.h
		both, rows := 0, map[int]int{}
		for _, t := range body {
			if t.xc() < c.x0-pad || t.xc() > c.x1+pad {
				continue
			}
			level := int(t.yc() / s.h)
			if t.type_ == typeGrade || t.type_ == typeText && t.Source == Pixels && len(t.Text) <= 3 && t.xc() < middle {
				rows[level] |= 1 // a grade, or what a recogniser made of one
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
		a, b := c, c
		a.text, a.kind, a.kinds, a.x1 = words[0], first, []columnKind{first}, middle
		b.text, b.kind, b.kinds, b.x0 = words[1], last, []columnKind{last}, middle+0.1*s.h
		out = append(out, a, b)
	}
	h.columns = out
}

// sideBySide splits a row of headings where it begins anew.
func sideBySide(columns []column) [][]column {
	for _, times := range []int{2, 3} {
		if n := len(columns) / times; n >= 3 && len(columns)%times == 0 && repeated(columns, n) {
			return slices.Collect(slices.Chunk(columns, n))
		}
	}
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

// repeated reports whether the headings begin anew every n columns, whatever stands first.
func repeated(columns []column, n int) bool {
	type heading struct {
		kind columnKind
		text string // of one that is not known
	}
	seen := map[heading]bool{}
	for i, c := range columns {
		first := &columns[i%n]
		if c.kind != first.kind || c.kind == unknownColumn && foldCaption(c.text) != foldCaption(first.text) {
			return false
		}
		h := heading{kind: c.kind}
		if c.kind == unknownColumn || c.kind == otherColumn {
			h.text = foldCaption(c.text)
		}
		seen[h] = true
	}
	return len(seen) == n
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
				if lostPoint(w) {
					c.weight++
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
		switch t.columns[i].kind {
		case sksColumn, weightColumn, unknownColumn:
			if !has(indexColumn) && counts(cells[i]) {
				t.columns[i].kind = indexColumn
			}
		}
	}
	coded := false // by what stands below the caption
	for i := range t.columns {
		coded = coded || t.columns[i].kind == codeColumn && stats[i].code > 0
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
			case mostly(st.code, st.n) && !coded:
				t.drop(codeColumn)
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
	t.settleTwins(func(i int) int {
		n := 0
		for _, w := range cells[i] {
			if t.columns[i].kind.takes(w) {
				n++
			}
			if d, ok := parseNumber(w.Text); ok && w.type_ == typeDecimal && d <= DecimalOf(4) && t.columns[i].kind == weightColumn {
				n++
			}
		}
		return n
	})
}

// drop lets no column be of the kind.
func (t *table) drop(k columnKind) {
	for i := range t.columns {
		if t.columns[i].kind == k {
			t.columns[i].kind = otherColumn
		}
	}
}

// settleTwins leaves one column of each kind: that in which most words suit.
func (t *table) settleTwins(suits func(column int) int) {
	for i := range t.columns {
		for k := range i {
			a, b := &t.columns[k], &t.columns[i]
			if a.kind != b.kind || a.kind == otherColumn || a.kind == classColumn {
				continue
			}
			if suits(k) >= suits(i) {
				b.kind = otherColumn
			} else {
				a.kind = otherColumn
			}
		}
	}
}

// counts reports whether the words are the numbers of the rows: each one more than the one above.
func counts(ts []*token) bool {
	ups, before := 0, Decimal(-1)
	for _, t := range ts {
		d, ok := parseNumber(t.Text)
		if ok && d == before+DecimalOf(1) {
			ups++
		}
		before = d
	}
	return ups >= 3 && ups*3 >= len(ts)*2
}

// lostPoint reports whether a recognised number may be a weight without its decimal point ("375").
func lostPoint(t *token) bool {
	d, ok := parseNumber(t.Text)
	return ok && t.Source == Pixels && d >= DecimalOf(100) && d <= DecimalOf(400)
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
