package transcript

import (
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds that keep every search linear in what a real page holds.
const (
	maxPages        = 50
	maxWordsPerPage = 20_000
	maxWordRunes    = 120
)

// token is a visible word in the upright frame of its page: the slope of the print is
// turned out of x0, y0, x1, y1, while Box stays as it was found.
type token struct {
	Word
	page           int
	x0, y0, x1, y1 float64
	fold           string // caption form, see foldCaption
	type_          cellType
}

func (t *token) xc() float64 { return (t.x0 + t.x1) / 2 }
func (t *token) yc() float64 { return (t.y0 + t.y1) / 2 }

// line is a run of tokens on one level, left to right.
type line struct {
	tokens []*token
	yc     float64
}

func (l *line) text() string { return joinTokens(l.tokens) }

func joinTokens(ts []*token) string {
	parts := make([]string, len(ts))
	for i, t := range ts {
		parts[i] = t.Text
	}
	return strings.Join(parts, " ")
}

// sheet is one page ready for layout.
type sheet struct {
	info   PageInfo
	tokens []*token
	lines  []line
	heads  []header // headings of course tables
	h      float64  // usual height of a word
	gap    float64  // widest space between two words of one phrase
}

// hundredths of a point or pixel are finer than any eye: more digits would only fill the log.
func hundredths(v float64) float64 { return math.Round(v*100) / 100 }

func newSheet(p Page) *sheet {
	s := &sheet{info: PageInfo{Number: p.Number, Width: hundredths(p.Width), Height: hundredths(p.Height)}}
	pixels, layer := 0, 0
	for _, w := range p.Words {
		if len(s.tokens) >= maxWordsPerPage {
			break
		}
		w.Text = strings.TrimSpace(w.Text)
		if w.Hidden != "" || w.Text == "" || utf8.RuneCountInString(w.Text) > maxWordRunes || !sane(w.Box) {
			continue
		}
		if w.Source == Pixels {
			w.Text = withoutSpecks(w.Text)
		}
		if w.Source == Pixels && strings.Trim(w.Text, "|[]{}_!¦") == "" || strings.Trim(w.Text, "|¦") == "" || len(w.Text) > 2 && strings.Trim(w.Text, "-=_*+.|—–") == "" {
			continue // a rule, drawn with signs or taken for signs
		}
		if w.Source == Pixels {
			pixels++
		} else {
			layer++
		}
		w.Box = Box{hundredths(w.Box.X0), hundredths(w.Box.Y0), hundredths(w.Box.X1), hundredths(w.Box.Y1)}
		s.tokens = append(s.tokens, &token{Word: w, page: p.Number, x0: w.Box.X0, y0: w.Box.Y0, x1: w.Box.X1, y1: w.Box.Y1})
	}
	s.tokens = append(s.tokens, lostInitials(p, s.tokens)...)
	s.info.Source = TextLayer
	if pixels > layer {
		s.info.Source = Pixels
	}
	s.h = medianHeight(s.tokens)
	s.gap = max(1.3*s.h, 1.6*medianLetter(s.tokens))
	s.dropWatermark()
	s.dropFlat()
	s.straighten()
	s.partCaptions()
	for _, t := range s.tokens {
		t.fold = foldCaption(t.Text)
		if t.Source == Pixels {
			t.fold = foldCaption(strings.TrimRight(t.Text, "|!")) // a rule of the table
		}
		t.type_ = typeOf(t.Text)
	}
	s.restoreColons()
	s.lines = linesOf(s.tokens, s.h)
	s.joinCodes()
	s.heads = headersOf(s)
	return s
}

// isHeading reports whether a line is part of the heading of a table.
func (s *sheet) isHeading(line int) bool {
	return slices.ContainsFunc(s.heads, func(h header) bool { return line >= h.from && line < h.to })
}

// joinCodes types the two words of a code that is written with a space ("FB 3701").
func (s *sheet) joinCodes() {
	for i := range s.lines {
		ts := s.lines[i].tokens
		for k := 1; k < len(ts); k++ {
			a, b := ts[k-1], ts[k]
			if departmentPattern.MatchString(a.Text) && courseNoPattern.MatchString(b.Text) && b.x0-a.x1 < s.gap {
				a.type_, b.type_ = typeCode, typeCode
			}
		}
	}
}

// partCaptions takes apart the captions of columns that were read as one word with the rules between
// them ("SKS|Nilai|Bobot").
func (s *sheet) partCaptions() {
	var out []*token
	for _, t := range s.tokens {
		parts := strings.FieldsFunc(t.Text, func(r rune) bool { return strings.ContainsRune("|[]!", r) })
		if t.Source != Pixels || len(parts) < 2 || slices.ContainsFunc(parts, func(p string) bool {
			_, known := forms().columns.exact[foldCaption(p)]
			return !known
		}) {
			out = append(out, t)
			continue
		}
		at, all := 0, float64(len(t.Text))
		for _, p := range parts {
			at += strings.Index(t.Text[at:], p)
			from, to := float64(at)/all, float64(at+len(p))/all
			part := *t
			part.Text = p
			part.x0, part.x1 = t.x0+from*(t.x1-t.x0), t.x0+to*(t.x1-t.x0)
			part.Box.X0, part.Box.X1 = t.Box.X0+from*(t.Box.X1-t.Box.X0), t.Box.X0+to*(t.Box.X1-t.Box.X0)
			out = append(out, &part)
			at += len(p)
		}
	}
	s.tokens = out
}

// restoreColons makes colons of the strokes that a recogniser put where the colons of the
// captions above or below stand, whether alone or before a value.
func (s *sheet) restoreColons() {
	var colons []*token
	for _, t := range s.tokens {
		if t.Text == ":" && len(colons) < 200 {
			colons = append(colons, t)
		}
	}
	below := func(t *token) bool {
		return slices.ContainsFunc(colons, func(c *token) bool {
			return math.Abs(c.x0-t.x0) < 0.4*s.h && math.Abs(c.yc()-t.yc()) < 9*s.h
		})
	}
	for _, t := range s.tokens {
		if t.Source != Pixels || t.Text == ":" || strings.IndexByte("1Iil|!;=t", t.Text[0]) < 0 || !below(t) {
			continue
		}
		switch {
		case len(t.Text) == 1:
			t.Text = ":"
		case len(t.Text) > 4 && t.Text[0] == '1' && t.type_ != typeText:
			t.Text = t.Text[1:]
		default:
			continue
		}
		t.fold, t.type_ = foldCaption(t.Text), typeOf(t.Text)
	}
}

// flat is the part of the usual height below which nothing but a dash or a dot is type.
const flat = 0.4

// dropFlat drops what a recogniser made of the remains of rules: letters and digits too low
// to be any.
func (s *sheet) dropFlat() {
	s.tokens = slices.DeleteFunc(s.tokens, func(t *token) bool {
		return t.Source == Pixels && t.y1-t.y0 < flat*s.h && strings.Trim(t.Text, "-–—=~.,:;") != ""
	})
}

// specks are signs that a recogniser makes of dirt and of the ends of rules. Behind a letter
// they may be the sign of a grade.
const specks = "“”„‟‘’‚\"'`´«»°~_|[]{}¦^*"

// withoutSpecks drops the specks before a recognised word, and those behind a number. A word
// of specks alone stays.
func withoutSpecks(text string) string {
	s := strings.TrimLeft(text, specks)
	if t := strings.TrimRight(s, specks); t != "" && t[len(t)-1] >= '0' && t[len(t)-1] <= '9' {
		s = t
	}
	if s == "" {
		return text
	}
	return s
}

// lostInitials finds the strokes that are no rules but the "I" of a Balinese name.
func lostInitials(p Page, tokens []*token) []*token {
	var out []*token
	tries := 0
	for _, t := range tokens {
		if t.Source != Pixels || !balinese(t.Text) || tries > 20 {
			continue
		}
		tries++
		for _, w := range p.Words {
			if w.Text != "" && strings.Trim(w.Text, "|!") == "" && w.Hidden == "" && sane(w.Box) && w.Box.X1 <= t.x0+1 && t.x0-w.Box.X1 < t.y1-t.y0 && math.Abs(w.Box.Y0+w.Box.Y1-t.y0-t.y1) < t.y1-t.y0 {
				w.Text = "I"
				w.Confidence *= 0.7
				out = append(out, &token{Word: w, page: p.Number, x0: w.Box.X0, y0: w.Box.Y0, x1: w.Box.X1, y1: w.Box.Y1})
				break
			}
		}
	}
	return out
}

func sane(b Box) bool {
	for _, v := range []float64{b.X0, b.Y0, b.X1, b.Y1} {
		if math.IsNaN(v) || math.Abs(v) > 1e6 {
			return false
		}
	}
	return b.X1 > b.X0 && b.Y1 > b.Y0
}

func medianHeight(ts []*token) float64 {
	hs := make([]float64, 0, len(ts))
	for _, t := range ts {
		if utf8.RuneCountInString(t.Text) > 1 {
			hs = append(hs, t.y1-t.y0)
		}
	}
	if len(hs) == 0 {
		return 10
	}
	slices.Sort(hs)
	return hs[len(hs)/2]
}

// medianLetter is the usual width of a letter.
func medianLetter(ts []*token) float64 {
	ws := make([]float64, 0, len(ts))
	for _, t := range ts {
		if n := utf8.RuneCountInString(t.Text); n > 2 {
			ws = append(ws, (t.x1-t.x0)/float64(n))
		}
	}
	if len(ws) == 0 {
		return 0
	}
	slices.Sort(ws)
	return ws[len(ws)/2]
}

// dropWatermark removes letters so tall that they can only be laid across the page;
// big figures of a heading or a tile are not letters.
func (s *sheet) dropWatermark() {
	s.tokens = slices.DeleteFunc(s.tokens, func(t *token) bool {
		return t.y1-t.y0 > 5*s.h && typeOf(t.Text) != typeDecimal
	})
}

// straighten estimates the slope of the print from neighbouring words and turns it out.
func (s *sheet) straighten() {
	ts := slices.Clone(s.tokens)
	slices.SortFunc(ts, func(a, b *token) int { return compare(a.x0, b.x0) })
	var slopes []float64
	const reach = 400
	for i, a := range ts {
		var next *token
		for _, b := range ts[i+1 : min(len(ts), i+1+reach)] {
			if b.x0-a.x1 > 3*s.h {
				break
			}
			if b.x0 > a.x1-0.3*s.h && math.Abs(b.yc()-a.yc()) < 0.5*s.h && similarHeight(a, b) {
				next = b
				break
			}
		}
		if next != nil {
			slopes = append(slopes, (next.y1-a.y1)/(next.xc()-a.xc()))
		}
	}
	if len(slopes) < 12 {
		return
	}
	slices.Sort(slopes)
	slope := s.steadiest(slopes[len(slopes)/2])
	if math.Abs(slope) < 0.001 || math.Abs(slope) > 0.15 {
		return
	}
	for _, t := range s.tokens {
		dy, dx := slope*t.xc(), slope*t.yc()
		t.y0, t.y1 = t.y0-dy, t.y1-dy
		t.x0, t.x1 = t.x0+dx, t.x1+dx
	}
}

// steadiest is the slope near the guess, of neighbours that may stand level within a line
// although the lines slope, at which the words of the page gather in the fewest lines. The
// guess stays unless another slope is clearly better.
func (s *sheet) steadiest(guess float64) float64 {
	gathered := func(slope float64) float64 {
		level := map[int]int{}
		for _, t := range s.tokens {
			level[int(math.Floor((t.yc()-slope*t.xc())/(0.4*s.h)))]++
		}
		sum := 0
		for _, n := range level {
			sum += n * n
		}
		return float64(sum)
	}
	best, most := guess, 1.5*gathered(guess)
	const widest, step = 0.06, 0.001
	for slope := -widest; slope <= widest; slope += step {
		if g := gathered(slope); g > most {
			best, most = slope, g
		}
	}
	return best
}

func similarHeight(a, b *token) bool {
	ha, hb := a.y1-a.y0, b.y1-b.y0
	return ha < 1.3*hb && hb < 1.3*ha
}

func compare(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// linesOf groups tokens of one region into lines, top to bottom; h is the usual height.
func linesOf(tokens []*token, h float64) []line {
	ts := slices.Clone(tokens)
	slices.SortStableFunc(ts, func(a, b *token) int { return compare(a.yc(), b.yc()) })
	var lines []line
	for _, t := range ts {
		if n := len(lines); n > 0 && t.yc()-lines[n-1].yc < 0.5*h {
			l := &lines[n-1]
			k := float64(len(l.tokens))
			l.yc = (l.yc*k + t.yc()) / (k + 1)
			l.tokens = append(l.tokens, t)
			continue
		}
		lines = append(lines, line{tokens: []*token{t}, yc: t.yc()})
	}
	for i := range lines {
		slices.SortStableFunc(lines[i].tokens, func(a, b *token) int { return compare(a.x0, b.x0) })
	}
	return lines
}

// boxOf is the smallest box, in the page's own frame, around the tokens.
func boxOf(ts []*token) Box {
	if len(ts) == 0 {
		return Box{}
	}
	b := ts[0].Box
	for _, t := range ts[1:] {
		b.X0, b.Y0 = min(b.X0, t.Box.X0), min(b.Y0, t.Box.Y0)
		b.X1, b.Y1 = max(b.X1, t.Box.X1), max(b.Y1, t.Box.Y1)
	}
	return b
}

// fieldOf makes a field of a value read from the tokens; the weakest word counts.
func fieldOf[T any](value T, text string, ts []*token) *Field[T] {
	f := &Field[T]{Value: value, Text: text, Confidence: 1, Source: TextLayer, Box: boxOf(ts)}
	if len(ts) == 0 {
		f.Confidence = 0
		return f
	}
	f.Source, f.Page = ts[0].Source, ts[0].page
	for _, t := range ts {
		f.Confidence = min(f.Confidence, unit(t.Confidence))
	}
	return f
}

func unit(c float64) float64 {
	if math.IsNaN(c) {
		return 0
	}
	return max(0, min(1, c))
}
