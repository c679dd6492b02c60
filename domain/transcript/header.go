package transcript

import (
	"math"
	"slices"
	"strings"
)

// header is a table's heading, one or more tables side by side.
type header struct {
	columns   []column
	from, to  int // lines of the sheet
	top       float64
	bottom    float64
	bilingual bool
}

func (h *header) has(kinds ...columnKind) bool {
	return slices.ContainsFunc(h.columns, func(c column) bool { return slices.Contains(kinds, c.kind) })
}

// phrase is a heading caption (or an unknown word between captions) on one line.
type phrase struct {
	kind           columnKind
	tokens         []*token
	x0, x1, y0, y1 float64
}

func phrasesOf(l *line, h float64) []phrase {
	tokens := slices.DeleteFunc(slices.Clone(l.tokens), isStroke)
	found := forms().columns.match(tokens, 1.3*h)
	var out []phrase
	add := func(kind columnKind, ts []*token) {
		p := phrase{kind: kind, tokens: ts, x0: ts[0].x0, x1: ts[len(ts)-1].x1, y0: ts[0].y0, y1: ts[0].y1}
		for _, t := range ts {
			p.y0, p.y1 = min(p.y0, t.y0), max(p.y1, t.y1)
		}
		out = append(out, p)
	}
	at := 0
	unknown := func(to int) {
		for at < to {
			end := at + 1
			for end < to && tokens[end].x0-tokens[end-1].x1 < 0.6*h {
				end++
			}
			if joinFold(tokens[at:end]) != "" {
				add(unknownColumn, tokens[at:end])
			}
			at = end
		}
	}
	for _, f := range found {
		unknown(f.from)
		add(f.kind, tokens[f.from:f.to])
		at = f.to
	}
	unknown(len(tokens))
	return out
}

// isStroke reports whether a recognised word is a single stroke, as the rules of a table are.
func isStroke(t *token) bool { return t.Source == Pixels && (t.fold == "I" || t.fold == "") }

func joinFold(ts []*token) string {
	var b strings.Builder
	for _, t := range ts {
		b.WriteString(t.fold)
	}
	return b.String()
}

// headersOf finds the headings of course tables on a sheet, top to bottom.
func headersOf(s *sheet) []header {
	per := make([][]phrase, len(s.lines))
	share := make([]float64, len(s.lines)) // of the phrases that are known headings
	kinds := make([]int, len(s.lines))
	for i := range s.lines {
		if len(s.lines[i].tokens) > 80 {
			continue
		}
		per[i] = phrasesOf(&s.lines[i], s.h)
		known, seen := 0, map[columnKind]bool{}
		for _, p := range per[i] {
			if p.kind != unknownColumn {
				known++
				seen[p.kind] = true
			}
		}
		if len(per[i]) > 0 {
			share[i] = float64(known) / float64(len(per[i]))
		}
		kinds[i] = len(seen)
	}
	storey := func(i int) bool {
		return i >= 0 && i < len(s.lines) && share[i] >= 0.5 && kinds[i] >= 1 && !hasData(s.lines[i].tokens)
	}
	// A caption that stands at half height before two storeys may be misread.
	between := func(i int) bool {
		return len(per[i]) == 1 && !hasData(s.lines[i].tokens) && i+1 < len(s.lines) && s.lines[i+1].yc-s.lines[i-1].yc < 2*s.h && storey(i+1)
	}
	var out []header
	for i := 0; i < len(s.lines); i++ {
		if kinds[i] < 2 || share[i] < 0.45 || hasData(s.lines[i].tokens) {
			continue
		}
		from, to := i, i+1
		for from > 0 && i-from < 2 && s.lines[from].yc-s.lines[from-1].yc < 2*s.h && storey(from-1) && (len(out) == 0 || out[len(out)-1].to < from) {
			from--
		}
		for to < len(s.lines) && to-i < 4 && s.lines[to].yc-s.lines[to-1].yc < 2*s.h && (storey(to) || between(to)) {
			to++
		}
		h := joinStoreys(per[from:to])
		h.from, h.to = from, to
		named, valued := h.has(nameColumn, codeColumn), h.has(gradeColumn, sksColumn, weightColumn)
		count := map[columnKind]bool{}
		for _, c := range h.columns {
			if c.kind != unknownColumn {
				count[c.kind] = true
			}
		}
		if !named || !valued || len(count) < 3 {
			continue
		}
		out = append(out, h)
		i = to - 1
	}
	return out
}

// hasData reports whether a line carries values rather than headings.
func hasData(ts []*token) bool {
	n := 0
	for _, t := range ts {
		if t.type_ == typeDecimal || t.type_ == typeCode || t.type_ == typeHistory || t.type_ == typeInt {
			n++
		}
	}
	return n >= 2 || n*3 > len(ts)
}

// joinStoreys merges headings that stand above one another. A heading that spans several
// below it belongs to each of them.
func joinStoreys(storeys [][]phrase) header {
	var h header
	h.top, h.bottom = 1e9, -1e9
	// The storey with most headings is the ground on which the others are laid.
	ground := 0
	for i := range storeys {
		if len(storeys[i]) > len(storeys[ground]) {
			ground = i
		}
	}
	for _, p := range storeys[ground] {
		h.columns = append(h.columns, columnOf(p))
	}
	for i, storey := range storeys {
		if i == ground {
			continue
		}
		for _, p := range storey {
			joined := false
			for k := range h.columns {
				c := &h.columns[k]
				over := min(c.x1, p.x1) - max(c.x0, p.x0)
				if over > 0.3*min(c.x1-c.x0, p.x1-p.x0) {
					c.add(p, i < ground)
					joined = true
				}
			}
			if !joined {
				h.columns = append(h.columns, columnOf(p))
			}
		}
	}
	slices.SortStableFunc(h.columns, func(a, b column) int { return compare(a.xc(), b.xc()) })
	for i := range h.columns {
		c := &h.columns[i]
		h.top, h.bottom = min(h.top, c.y0), max(h.bottom, c.y1)
		if c.kind == nameColumn && len(c.kinds) > 1 {
			h.bilingual = true
		}
	}
	return h
}

func columnOf(p phrase) column {
	return column{kind: p.kind, kinds: []columnKind{p.kind}, text: joinTokens(p.tokens), x0: p.x0, x1: p.x1, y0: p.y0, y1: p.y1}
}

// add lays another storey on the heading. The whole text decides where it is known,
// otherwise the storey that was known first.
func (c *column) add(p phrase, above bool) {
	wide := p.x1-p.x0 > 1.6*(c.x1-c.x0)
	if above {
		c.text = joinTokens(p.tokens) + " " + c.text
	} else {
		c.text += " " + joinTokens(p.tokens)
	}
	c.kinds = append(c.kinds, p.kind)
	if k, ok := forms().columns.find(foldCaption(c.text), false); ok {
		c.kind = k
	} else if c.kind == unknownColumn {
		c.kind = p.kind
	}
	if !wide {
		c.x0, c.x1 = min(c.x0, p.x0), max(c.x1, p.x1)
	}
	c.y0, c.y1 = min(c.y0, p.y0), max(c.y1, p.y1)
}

// borrowColumns completes the headings of tables below one another: where two headings
// stand in the same places, a caption that one of them lost is taken from the other.
func borrowColumns(headers []header, h float64) {
	fullest := -1
	for i := range headers {
		if fullest < 0 || len(headers[i].columns) > len(headers[fullest].columns) {
			fullest = i
		}
	}
	for i := range headers {
		if i == fullest || !headers[i].aligned(&headers[fullest], h) {
			continue
		}
		to := &headers[i]
		for _, c := range headers[fullest].columns {
			if c.kind == unknownColumn || slices.ContainsFunc(to.columns, func(o column) bool { return o.x0 < c.x1 && c.x0 < o.x1 }) {
				continue
			}
			c.y0, c.y1 = to.top, to.bottom
			to.columns = append(to.columns, c)
		}
		slices.SortStableFunc(to.columns, func(a, b column) int { return compare(a.xc(), b.xc()) })
	}
}

// lend completes the headings of a table in two halves: a caption that one of them lost is taken
// from the other, where all others agree and stand equally far apart.
func (h *header) lend(usual float64) {
	n := len(h.columns) / 2
	if n < 4 || len(h.columns) != 2*n {
		return
	}
	left, right := h.columns[:n], h.columns[n:]
	pitch := right[0].xc() - left[0].xc()
	agreed := 0
	for i := range left {
		a, b := left[i].kind, right[i].kind
		if math.Abs(right[i].xc()-left[i].xc()-pitch) > max(3*usual, 0.1*pitch) || a != b && a != unknownColumn && b != unknownColumn {
			return
		}
		if a == b && a != unknownColumn {
			agreed++
		}
	}
	if 2*agreed < n {
		return
	}
	for i := range left {
		k := max(left[i].kind, right[i].kind)
		left[i].kind, right[i].kind = k, k
	}
}

// aligned reports whether all captions that both headings have stand one below the other.
func (h *header) aligned(other *header, usual float64) bool {
	same := 0
	for _, c := range h.columns {
		if c.kind == unknownColumn {
			continue
		}
		k := slices.IndexFunc(other.columns, func(o column) bool { return o.kind == c.kind && o.x0 < c.x1 && c.x0 < o.x1 })
		if k >= 0 {
			same++
		} else if slices.ContainsFunc(other.columns, func(o column) bool { return o.kind == c.kind }) {
			return false
		}
	}
	return same >= 3
}

// discover adds columns whose caption was lost: a stack of small numbers or of grades in
// the body, far from every caption.
func (h *header) discover(body []*token, usual float64) {
	if len(sideBySide(h.columns)) > 1 {
		return
	}
	for _, want := range []struct {
		kind columnKind
		fits func(*token) bool
	}{
		{sksColumn, func(t *token) bool { return t.type_ == typeInt && len(t.Text) == 1 }},
		{gradeColumn, func(t *token) bool { return t.type_ == typeGrade }},
	} {
		if h.has(want.kind) {
			continue
		}
		var xs []float64
		for _, t := range body {
			free := !slices.ContainsFunc(h.columns, func(c column) bool {
				return c.kind != nameColumn && t.xc() > c.x0-usual && t.xc() < c.x1+usual
			})
			if free && want.fits(t) {
				xs = append(xs, t.xc())
			}
		}
		slices.Sort(xs)
		from, count := 0.0, 0
		for i := range xs {
			n := 0
			for n+i < len(xs) && xs[i+n]-xs[i] < usual {
				n++
			}
			if n > count {
				from, count = xs[i], n
			}
		}
		if count < 4 || count*3 < len(linesOf(body, usual)) {
			continue
		}
		h.columns = append(h.columns, column{kind: want.kind, kinds: []columnKind{want.kind}, x0: from - 0.3*usual, x1: from + 1.3*usual, y0: h.top, y1: h.bottom})
		slices.SortStableFunc(h.columns, func(a, b column) int { return compare(a.xc(), b.xc()) })
	}
}
