package ocr

import (
	"cmp"
	"image"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"asprak/domain/transcript"
	"asprak/infrastructure/ocr/lstm"
)

// certainty is how the logarithm of a probability becomes a confidence: one half is 0.65.
const certainty = 0.5

// words reads all lines of a page with each network and lets them settle what it says.
func words(networks []*lstm.Network, page *image.Gray, lines []*textLine, bend curl) []transcript.Word {
	var strips []strip
	var bare []lstm.Strip
	for _, l := range lines {
		for _, s := range stripsOf(page, l, bend) {
			strips = append(strips, s)
			bare = append(bare, s.Strip)
		}
	}
	seen := make([][]lstm.Output, len(strips)) // of each strip by each network
	for _, n := range networks {
		for i, output := range n.Read(bare) {
			seen[i] = append(seen[i], output)
		}
	}
	var out []transcript.Word
	for i := range strips {
		out = append(out, strips[i].words(seen[i])...)
	}
	return out
}

// token is what one network took for a word.
type token struct {
	by     int
	glyphs []lstm.Glyph
}

func (t token) from() int { return t.glyphs[0].From }
func (t token) to() int   { return t.glyphs[len(t.glyphs)-1].To }

func (t token) text() string {
	var b strings.Builder
	for _, g := range t.glyphs {
		b.WriteString(g.Text)
	}
	return b.String()
}

// least is the probability of the least sure of the glyphs.
func (t token) least() float64 {
	least := float32(1)
	for _, g := range t.glyphs {
		least = min(least, g.Confidence)
	}
	return float64(least)
}

// words parts what was seen in a strip at spaces and between cells.
func (s *strip) words(seen []lstm.Output) []transcript.Word {
	tokens := make([][]token, len(s.spans)) // of each cell by all networks
	for by, output := range seen {
		at, apart := 0, true
		for _, g := range output.Glyphs(0, output.Steps(), "") {
			for middle := (g.From + g.To + 1) * lstm.Step / 2; at+1 < len(s.spans) && middle >= s.border(at); {
				at, apart = at+1, true
			}
			switch {
			case g.Text == " ":
				apart = true
				continue
			case apart:
				tokens[at] = append(tokens[at], token{by: by})
				apart = false
			}
			last := &tokens[at][len(tokens[at])-1]
			last.glyphs = append(last.glyphs, g)
		}
	}
	var out []transcript.Word
	for at := range s.spans {
		span := &s.spans[at]
		groups := grouped(tokens[at])
		left := span.from / lstm.Step
		for i, g := range groups {
			right := (span.to + lstm.Step - 1) / lstm.Step
			if i+1 < len(groups) {
				right = (g.to + groups[i+1].from + 1) / 2
			}
			for _, w := range g.settled(span, seen, left, right) {
				for _, part := range span.parted(w) {
					if word, ok := span.word(part); ok {
						out = append(out, word)
					}
				}
			}
			left = right
		}
	}
	return out
}

// border is the column of the strip between a cell and the next.
func (s *strip) border(at int) int { return (s.spans[at].to + s.spans[at+1].from) / 2 }

// group is what the networks took for the words in one stretch of a strip.
type group struct {
	tokens   []token
	from, to int // steps
}

// grouped puts together what stands in the same place.
func grouped(tokens []token) []group {
	slices.SortStableFunc(tokens, func(a, b token) int { return cmp.Compare(a.from(), b.from()) })
	var out []group
	for _, t := range tokens {
		if n := len(out); n > 0 && t.from() <= out[n-1].to {
			out[n-1].tokens = append(out[n-1].tokens, t)
			out[n-1].to = max(out[n-1].to, t.to())
			continue
		}
		out = append(out, group{tokens: []token{t}, from: t.from(), to: t.to()})
	}
	return out
}

// settledWord is a word with its place in the strip, in steps.
type settledWord struct {
	token
	left, right int // up to its neighbours
	probability float64
}

// specks are read in dirt and in what is left of rules. A word of nothing else is none.
const specks = ".,;'\"`‘’“”«»~_|—*•°"

const (
	wideGap    = 0.3 // of the height of type: so much paper may part words
	widerGap   = 0.5 // parts a number from a letter that follows
	letterGaps = 2.2 // gaps between letters are narrower than so many of the usual
)

// parted parts a word where paper shows through and the kind of sign changes: networks lose
// narrow spaces ("Kalkulus1", "IPK:3,26").
func (s *span) parted(w settledWord) []settledWord {
	if len(w.glyphs) < 2 {
		return []settledWord{w}
	}
	var out []settledWord
	usual, end := s.cell.gap(), 0
	for i, p := range s.cell.pieces {
		if gap := float64(p.Min.X - end); i > 0 && gap >= max(wideGap*s.line.capital, letterGaps*usual) {
			at := int((float64(s.from) + (float64(p.Min.X)-gap/2-s.x0)*s.scale) / lstm.Step)
			k := slices.IndexFunc(w.glyphs, func(g lstm.Glyph) bool { return g.From+g.To >= 2*at })
			if k > 0 && seam(w.glyphs[k-1].Text, w.glyphs[k].Text, gap >= widerGap*s.line.capital) {
				out = append(out, w.cut(0, k))
				w = w.cut(k, len(w.glyphs))
				out[len(out)-1].right, w.left = at, at
			}
		}
		end = max(end, p.Max.X)
	}
	if at := numberAndName.FindStringSubmatchIndex(w.text()); at != nil && len(w.glyphs) == len(w.text()) {
		slash, name := at[3], at[4]
		out = append(out, w.cut(0, slash), w.cut(slash, name))
		w = w.cut(name, len(w.glyphs))
	}
	return append(out, w)
}

// numberAndName is a student number and a name in one field ("NIM / Nama") with no spaces left.
var numberAndName = regexp.MustCompile(`^([0-9]{7,})/([A-Z][A-Za-z]{2,})$`)

// cut is the part of the word from one glyph up to another.
func (w settledWord) cut(from, to int) settledWord {
	if to < len(w.glyphs) {
		w.right = w.glyphs[to].From
	}
	if from > 0 {
		w.left = w.glyphs[from].From
	}
	w.glyphs = w.glyphs[from:to]
	return w
}

// seam tells whether two words may meet between the signs.
func seam(a, b string, wide bool) bool {
	before, _ := utf8.DecodeLastRuneInString(a)
	after, _ := utf8.DecodeRuneInString(b)
	switch {
	case before == ':' || after == ':':
		return true
	case unicode.IsLower(before):
		return unicode.IsUpper(after) || unicode.IsDigit(after) || after == '('
	case unicode.IsUpper(before):
		return unicode.IsDigit(after) && wide
	}
	return unicode.IsDigit(before) && unicode.IsLetter(after) && wide
}

// word places a word on the page. Its box is that of the ink there. Specks are none, but an
// upright stroke as high as a letter is one.
func (s *span) word(w settledWord) (transcript.Word, bool) {
	x0, x1 := s.pageX(float64(w.left*lstm.Step)), s.pageX(float64(w.right*lstm.Step))
	box := transcript.Box{X0: math.Inf(1), Y0: math.Inf(1), X1: math.Inf(-1), Y1: math.Inf(-1)}
	for _, p := range s.cell.pieces {
		if m := p.middle(); m >= x0 && m < x1 {
			box.X0, box.X1 = min(box.X0, float64(p.Min.X)), max(box.X1, float64(p.Max.X))
			box.Y0, box.Y1 = min(box.Y0, p.top), max(box.Y1, p.foot)
		}
	}
	if box.X0 > box.X1 {
		box = transcript.Box{
			X0: s.pageX(float64(w.from() * lstm.Step)), X1: s.pageX(float64((w.to() + 1) * lstm.Step)),
			Y0: s.line.base - s.line.capital, Y1: s.line.base,
		}
	}
	text := w.text()
	if strings.Trim(text, specks) == "" {
		if h := (box.Y1 - box.Y0) / s.line.capital; text != "|" || h < 0.7 || h > 1.25 {
			return transcript.Word{}, false
		}
		text = "I"
	}
	return transcript.Word{
		Text: text, Box: box, Source: transcript.Pixels,
		Confidence: max(0, 1+certainty*math.Log(max(w.probability, 1e-6))),
	}, true
}
