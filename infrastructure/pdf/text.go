package pdf

import (
	"context"
	"fmt"
	"math"
	"strings"
	"unicode"

	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"

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

func (f *File) frame(page requests.Page) (frame, error) {
	box, err := f.instance.FPDF_GetPageBoundingBox(&requests.FPDF_GetPageBoundingBox{Page: page})
	if err != nil {
		return frame{}, err
	}
	rotation, err := f.instance.FPDFPage_GetRotation(&requests.FPDFPage_GetRotation{Page: page})
	if err != nil {
		return frame{}, err
	}
	out := frame{turn: int(rotation.PageRotation), box: transcript.Box{
		X0: float64(box.Rect.Left), Y0: float64(box.Rect.Bottom), X1: float64(box.Rect.Right), Y1: float64(box.Rect.Top)}}
	out.width, out.height = out.box.X1-out.box.X0, out.box.Y1-out.box.Y0
	if out.turn%2 == 1 {
		out.width, out.height = out.height, out.width
	}
	return out, nil
}

func (f *File) load(i int) (requests.Page, func(), error) {
	loaded, err := f.instance.FPDF_LoadPage(&requests.FPDF_LoadPage{Document: f.document, Index: i})
	if err != nil {
		return requests.Page{}, nil, &application.FileFault{Problem: transcript.UnreadableFile, Detail: fmt.Sprintf("page %d is broken", i+1)}
	}
	reference := loaded.Page
	return requests.Page{ByReference: &reference}, func() {
		_, _ = f.instance.FPDF_ClosePage(&requests.FPDF_ClosePage{Page: reference})
	}, nil
}

// Text returns the page's characters as words, with what hides them; see application.PDFFile.
func (f *File) Text(ctx context.Context, i int) (application.PDFText, error) {
	page, done, err := f.load(i)
	if err != nil {
		return application.PDFText{}, err
	}
	defer done()
	fr, err := f.frame(page)
	if err != nil {
		return application.PDFText{}, fmt.Errorf("pdf: page box: %w", err)
	}
	text := application.PDFText{Width: fr.width, Height: fr.height}
	drawn, err := f.objects(page, fr)
	if err != nil {
		return text, err
	}
	text.ImageShare = drawn.imageShare(fr)
	chars, err := f.chars(ctx, page, fr, drawn)
	if err != nil {
		return text, err
	}
	text.Words = words(chars)
	if err := f.confirm(page, fr, text.Words); err != nil {
		return text, err
	}
	text.Traces = traces(text.Words)
	return text, nil
}

func (f *File) chars(ctx context.Context, page requests.Page, fr frame, drawn *drawing) ([]char, error) {
	loaded, err := f.instance.FPDFText_LoadPage(&requests.FPDFText_LoadPage{Page: page})
	if err != nil {
		return nil, fmt.Errorf("pdf: text: %w", err)
	}
	text := loaded.TextPage
	defer f.instance.FPDFText_ClosePage(&requests.FPDFText_ClosePage{TextPage: text})
	count, err := f.instance.FPDFText_CountChars(&requests.FPDFText_CountChars{TextPage: text})
	if err != nil {
		return nil, fmt.Errorf("pdf: text: %w", err)
	}
	var out []char
	styles := map[boundsKey]style{}
	for i := range min(count.Count, maxChars) {
		if i%512 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		c, ok := f.char(text, i, fr, drawn, styles)
		if !ok {
			c = char{r: ' '}
		}
		out = append(out, c)
	}
	return out, nil
}

// style is what all characters of one text object share.
type style struct {
	size     float64
	font     string
	straight bool
}

func (f *File) char(text references.FPDF_TEXTPAGE, i int, fr frame, drawn *drawing, styles map[boundsKey]style) (char, bool) {
	code, err := f.instance.FPDFText_GetUnicode(&requests.FPDFText_GetUnicode{TextPage: text, Index: i})
	r := rune(0)
	if err == nil {
		r = rune(code.Unicode)
	}
	if r == 0 || unicode.IsSpace(r) || unicode.IsControl(r) || r == 0xfffe || r == 0xffff {
		return char{}, false
	}
	object, err := f.instance.FPDFText_GetTextObject(&requests.FPDFText_GetTextObject{TextPage: text, Index: i})
	if err != nil {
		return char{}, false
	}
	key, ok := f.bounds(object.TextObject)
	if !ok {
		return char{}, false
	}
	st, known := styles[key]
	if !known {
		st = f.style(text, i, fr)
		styles[key] = st
	}
	if !st.straight {
		return char{}, false
	}
	tight, err := f.instance.FPDFText_GetCharBox(&requests.FPDFText_GetCharBox{TextPage: text, Index: i})
	if err != nil {
		return char{}, false
	}
	origin, err := f.instance.FPDFText_GetCharOrigin(&requests.FPDFText_GetCharOrigin{TextPage: text, Index: i})
	if err != nil {
		return char{}, false
	}
	c := char{r: r, size: st.size, font: st.font, tight: fr.rect(tight.Left, tight.Bottom, tight.Right, tight.Top)}
	c.loose = c.tight
	if loose, err := f.instance.FPDFText_GetLooseCharBox(&requests.FPDFText_GetLooseCharBox{TextPage: text, Index: i}); err == nil {
		c.loose = fr.rect(float64(loose.Rect.Left), float64(loose.Rect.Bottom), float64(loose.Rect.Right), float64(loose.Rect.Top))
	}
	_, c.baseline = fr.point(origin.X, origin.Y)
	c.hidden = drawn.hides(key, c.tight, fr)
	return c, true
}

func (f *File) style(text references.FPDF_TEXTPAGE, i int, fr frame) style {
	st := style{straight: true}
	if size, err := f.instance.FPDFText_GetFontSize(&requests.FPDFText_GetFontSize{TextPage: text, Index: i}); err == nil {
		st.size = size.FontSize
	}
	if m, err := f.instance.FPDFText_GetMatrix(&requests.FPDFText_GetMatrix{TextPage: text, Index: i}); err == nil {
		st.size *= math.Hypot(float64(m.Matrix.C), float64(m.Matrix.D))
		lean := math.Atan2(float64(m.Matrix.B), float64(m.Matrix.A)) - float64(fr.turn)*math.Pi/2
		st.straight = math.Cos(lean) > math.Cos(straightness)
	}
	if font, err := f.instance.FPDFText_GetFontInfo(&requests.FPDFText_GetFontInfo{TextPage: text, Index: i}); err == nil {
		st.font = font.FontName
	}
	return st
}

// words groups characters, in the order of the file, at blanks, gaps, jumps and changes of visibility.
func words(chars []char) []transcript.Word {
	var out []transcript.Word
	for start := 0; start < len(chars); {
		if chars[start].r == ' ' {
			start++
			continue
		}
		end := start + 1
		for end < len(chars) && joins(chars[end-1], chars[end]) {
			end++
		}
		out = append(out, word(chars[start:end]))
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

func word(chars []char) transcript.Word {
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
