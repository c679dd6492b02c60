package pdf

import (
	"context"
	"fmt"
	"math"
	"strings"
	"unicode"

	"github.com/tetratelabs/wazero/api"

	"asprak/application"
	"asprak/domain/transcript"
)

const (
	wordGap      = 0.3    // of the type size: a wider gap parts words
	lineJump     = 0.4    // of the type size: a larger step of the baseline parts words
	maxChars     = 60_000 // a study result has some thousands
	hiddenShare  = 0.5    // of a word's characters hidden: the word is
	probeDPI     = 100    // enough to see whether there is ink at a place
	inkContrast  = 40     // of 255: darker or lighter than the ground by this is visible
	colourStep   = 40     // of 255: colours closer than this in every channel look alike
	watermark    = 40     // points: pale type of this size is no secret
	straightness = 0.09   // radians: text leaning further is a watermark
)

// char is one character with its place on the upright page.
type char struct {
	r        rune
	tight    transcript.Box // the ink
	loose    transcript.Box // the advance and the line's height
	baseline float64
	size     float64
	font     string
	hidden   transcript.TraceKind
}

// frame turns page space (origin at the bottom left, unturned) into the upright page as it
// is shown: origin at the top left of the crop box.
type frame struct {
	box           transcript.Box // crop box in page space, Y0 at the bottom
	turn          int            // quarter turns clockwise
	width, height float64
}

func (f frame) point(x, y float64) (float64, float64) {
	switch f.turn {
	case 1:
		return y - f.box.Y0, x - f.box.X0
	case 2:
		return f.box.X1 - x, y - f.box.Y0
	case 3:
		return f.box.Y1 - y, f.box.X1 - x
	}
	return x - f.box.X0, f.box.Y1 - y
}

func (f frame) rect(l, b, r, t float64) transcript.Box {
	x0, y0 := f.point(l, b)
	x1, y1 := f.point(r, t)
	return transcript.Box{X0: min(x0, x1), Y0: min(y0, y1), X1: max(x0, x1), Y1: max(y0, y1)}
}

func (f *File) frame(page uint64) frame {
	f.call("FPDF_GetPageBoundingBox", page, f.results)
	box := f.float32s(4) // left, top, right, bottom
	out := frame{turn: number(f.call("FPDFPage_GetRotation", page)), box: transcript.Box{X0: box[0], Y0: box[3], X1: box[2], Y1: box[1]}}
	out.width, out.height = out.box.X1-out.box.X0, out.box.Y1-out.box.Y0
	if out.turn%2 == 1 {
		out.width, out.height = out.height, out.width
	}
	return out
}

// page is a page that has been parsed, which costs more than most of what is asked of it.
type page struct {
	handle uint64
	frame  frame
	chars  []char
	fields []transcript.Box
}

func (f *File) load(i int) (*page, error) {
	if p := f.parsed[i]; p != nil {
		return p, nil
	}
	handle := f.call("FPDF_LoadPage", f.document, uint64(i))
	if handle == 0 {
		return nil, &application.FileFault{Problem: transcript.UnreadableFile, Detail: fmt.Sprintf("page %d is broken", i+1)}
	}
	p := &page{handle: handle, frame: f.frame(handle)}
	f.parsed[i] = p
	return p, nil
}

// unload frees the page and the pictures that were unpacked to draw it.
func (f *File) unload(i int) {
	f.call("FPDF_ClosePage", f.parsed[i].handle)
	delete(f.parsed, i)
}

// Text returns the page's characters as words, with what hides them; see application.PDFFile.
func (f *File) Text(ctx context.Context, i int) (application.PDFText, error) {
	page, err := f.load(i)
	if err != nil {
		return application.PDFText{}, err
	}
	fr := page.frame
	text := application.PDFText{Width: fr.width, Height: fr.height}
	drawn := f.objects(page.handle, fr)
	text.ImageShare = drawn.imageShare(fr)
	if page.chars, err = f.chars(ctx, page.handle, fr, drawn); err != nil {
		return text, err
	}
	text.Words = words(page.chars)
	if err := f.confirm(page, text.Words); err != nil {
		return text, err
	}
	for j, r := range runs(page.chars) {
		for k := range r {
			r[k].hidden = transcript.TraceKind(text.Words[j].Hidden)
		}
	}
	changes, err := f.changes(ctx, i, text.Words)
	text.Traces = append(traces(text.Words), changes...)
	return text, err
}

func (f *File) chars(ctx context.Context, page uint64, fr frame, drawn *drawing) ([]char, error) {
	text := f.call("FPDFText_LoadPage", page)
	defer f.call("FPDFText_ClosePage", text)
	count := min(number(f.call("FPDFText_CountChars", text)), maxChars)
	out := make([]char, 0, max(count, 0))
	reader := f.charReader(text, fr, drawn)
	for i := range count {
		if i%512 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		c, ok := reader.char(uint64(i))
		if !ok {
			c = char{r: ' '}
		}
		out = append(out, c)
	}
	return out, f.err
}

// style is what all characters of one text object share.
type style struct {
	size     float64
	font     string
	straight bool
	baseline float64
}

// charReader reads the characters of one page's text.
type charReader struct {
	*File
	text   uint64
	frame  frame
	drawn  *drawing
	styles map[uint64]style // by text object

	unicode, object, tight, loose api.Function
}

func (f *File) charReader(text uint64, fr frame, drawn *drawing) *charReader {
	return &charReader{File: f, text: text, frame: fr, drawn: drawn, styles: map[uint64]style{},
		unicode: f.function("FPDFText_GetUnicode"),
		object:  f.function("FPDFText_GetTextObject"),
		tight:   f.function("FPDFText_GetCharBox"),
		loose:   f.function("FPDFText_GetLooseCharBox"),
	}
}

func (c *charReader) char(i uint64) (char, bool) {
	r := rune(number(c.invoke(c.unicode, c.text, i)))
	if r == 0 || unicode.IsSpace(r) || unicode.IsControl(r) || r == 0xfffe || r == 0xffff {
		return char{}, false
	}
	object := c.invoke(c.object, c.text, i)
	if object == 0 {
		return char{}, false
	}
	st, known := c.styles[object]
	if !known {
		st = c.style(i)
		c.styles[object] = st
	}
	if !st.straight || c.invoke(c.tight, c.text, i, c.result(0), c.result(1), c.result(2), c.result(3)) == 0 {
		return char{}, false
	}
	b := c.float64s(4) // left, right, bottom, top
	out := char{r: r, size: st.size, font: st.font, baseline: st.baseline, tight: c.frame.rect(b[0], b[2], b[1], b[3])}
	out.loose = out.tight
	if c.invoke(c.loose, c.text, i, c.results) != 0 {
		b := c.float32s(4) // left, top, right, bottom
		out.loose = c.frame.rect(b[0], b[3], b[2], b[1])
	}
	out.hidden = c.drawn.hides(object, out.tight, c.frame)
	return out, true
}

// style reads what holds for the whole text object from its first character. A leaning
// line's baseline is that of its beginning, which parts no words: the lean is small.
func (c *charReader) style(i uint64) style {
	st := style{straight: true}
	st.size = api.DecodeF64(c.call("FPDFText_GetFontSize", c.text, i))
	if c.call("FPDFText_GetMatrix", c.text, i, c.results) != 0 {
		m := c.float32s(4)
		st.size *= math.Hypot(m[2], m[3])
		lean := math.Atan2(m[1], m[0]) - float64(c.frame.turn)*math.Pi/2
		st.straight = math.Cos(lean) > math.Cos(straightness)
	}
	if c.call("FPDFText_GetCharOrigin", c.text, i, c.result(0), c.result(1)) != 0 {
		origin := c.float64s(2)
		_, st.baseline = c.frame.point(origin[0], origin[1])
	}
	st.font = c.fontName(i)
	return st
}

const maxFontName = 256

func (c *charReader) fontName(i uint64) string {
	name := c.allocate(maxFontName)
	defer c.free(name)
	n := number(c.call("FPDFText_GetFontInfo", c.text, i, name, maxFontName, 0))
	if n < 2 || n > maxFontName {
		return ""
	}
	return string(c.bytes(name, n-1)) // without the closing zero
}

func words(chars []char) []transcript.Word {
	var out []transcript.Word
	for _, r := range runs(chars) {
		out = append(out, word(r))
	}
	return out
}

// run is a word as characters.
type run []char

// runs groups characters, in the order of the file, at blanks, gaps, jumps and changes of visibility.
func runs(chars []char) []run {
	var out []run
	for start := 0; start < len(chars); {
		if chars[start].r == ' ' {
			start++
			continue
		}
		end := start + 1
		for end < len(chars) && joins(chars[end-1], chars[end]) {
			end++
		}
		out = append(out, chars[start:end])
		start = end
	}
	return out
}

func joins(a, b char) bool {
	if b.r == ' ' || a.hidden != b.hidden {
		return false
	}
	size := max(a.size, b.size, 1)
	gap := b.loose.X0 - a.loose.X1
	return gap < wordGap*size && gap > -1.0*size && math.Abs(a.baseline-b.baseline) < lineJump*size
}

func word(chars run) transcript.Word {
	var text strings.Builder
	w := transcript.Word{Confidence: 1, Source: transcript.TextLayer, Font: chars[0].font, Size: chars[0].size, Hidden: string(chars[0].hidden)}
	w.Box = transcript.Box{X0: math.Inf(1), Y0: math.Inf(1), X1: math.Inf(-1), Y1: math.Inf(-1)}
	for _, c := range chars {
		text.WriteRune(c.r)
		w.Box.X0, w.Box.X1 = min(w.Box.X0, c.tight.X0), max(w.Box.X1, c.tight.X1)
		w.Box.Y0, w.Box.Y1 = min(w.Box.Y0, c.loose.Y0), max(w.Box.Y1, c.loose.Y1)
	}
	w.Text = ligatures.Replace(text.String())
	return w
}

var ligatures = strings.NewReplacer("ﬀ", "ff", "ﬁ", "fi", "ﬂ", "fl", "ﬃ", "ffi", "ﬄ", "ffl", "\u00ad", "-", "\u2010", "-", "\u2011", "-")

// traces tells of hidden words that say something; words of one kind that stand together become one.
func traces(words []transcript.Word) []transcript.Trace {
	var out []transcript.Trace
	for i, w := range words {
		if i > 0 && w.Hidden == string(transcript.OffPageText) && continues(words[i-1], w) {
			continue
		}
		if w.Hidden == "" || !strings.ContainsFunc(w.Text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
			continue
		}
		kind := transcript.TraceKind(w.Hidden)
		if kind == transcript.WhiteText && w.Size > watermark {
			continue
		}
		if n := len(out) - 1; n >= 0 && out[n].Kind == kind && continues(words[i-1], w) {
			out[n].Text += " " + w.Text
			out[n].Box.X1 = max(out[n].Box.X1, w.Box.X1)
			continue
		}
		out = append(out, transcript.Trace{Kind: kind, Box: w.Box, Text: w.Text})
	}
	return out
}

// continues tells whether b goes on behind a on the same line. A line that runs over the
// page's edge hides nothing on purpose.
func continues(a, b transcript.Word) bool {
	return math.Abs(a.Box.Y1-b.Box.Y1) < 2 && b.Box.X0 >= a.Box.X0 && b.Box.X0-a.Box.X1 < 2*max(b.Size, 1)
}
