package pdf

import (
	"context"
	"fmt"
	"image"
	"math"
	"strings"

	"asprak/application"
	"asprak/domain/transcript"
)

const (
	glance     = 2.0 // pixels a point, at first: 8 pt type is 11 pixels high, enough to tell letters apart
	closeLook  = 6.0 // where the first look left a doubt: neighbours that touch come apart
	maxRegions = 24
	legible    = 3.0 // points: smaller type is there for machines

	// Type sizes beside and above a word where there must be nothing that the layer does not tell of.
	besideWide = 0.6
	besideHigh = 0.2
	edgeWide   = 0.1 // by which a character's ink may leave its box
)

// Doubts compares the drawn page with the text layer; see application.PDFFile.
func (f *File) Doubts(ctx context.Context, i int, places []transcript.Box) ([]application.Doubt, error) {
	if p := f.parsed[i]; p == nil || p.chars == nil {
		if _, err := f.Text(ctx, i); err != nil {
			return nil, err
		}
	}
	p := f.parsed[i]
	p.fields = f.fields(p.handle, p.frame)
	doubtful := p.at(places)
	var doubts []application.Doubt
	for _, scale := range []float64{glance, closeLook} {
		doubts, doubtful = f.look(p, doubtful, scale)
	}
	return doubts, f.err
}

// look draws the words' surroundings and returns what is doubtful about which words.
func (f *File) look(p *page, words []run, scale float64) (doubts []application.Doubt, doubtful []run) {
	for _, r := range regions(words) {
		e := &eye{page: p, picture: f.draw(p, r.box, scale), scale: scale, letters: f.letters, known: f.known}
		if f.err != nil {
			return nil, nil
		}
		for _, run := range r.runs {
			if d, doubted := e.look(run); doubted {
				doubts, doubtful = append(doubts, d), append(doubtful, run)
			}
		}
	}
	return doubts, doubtful
}

func (r run) box() transcript.Box { return word(r).Box }

// around is the word with the room that must be empty beside it.
func (r run) around() transcript.Box {
	b, size := r.box(), r[0].size
	for _, c := range r {
		b.Y0, b.Y1 = min(b.Y0, c.tight.Y0), max(b.Y1, c.tight.Y1)
	}
	return transcript.Box{X0: b.X0 - besideWide*size, Y0: b.Y0 - besideHigh*size, X1: b.X1 + besideWide*size, Y1: b.Y1 + besideHigh*size}
}

// cell is where the ink of the i-th character may lie: as far as halfway to its neighbours.
func (r run) cell(i int, scale float64) image.Rectangle {
	c := r[i]
	pad := 0.1 * c.size
	b := transcript.Box{X0: c.tight.X0 - pad, Y0: c.tight.Y0 - pad, X1: c.tight.X1 + pad, Y1: c.tight.Y1 + pad}
	if i > 0 {
		b.X0 = max(b.X0, (r[i-1].tight.X1+c.tight.X0)/2)
	}
	if i+1 < len(r) {
		b.X1 = min(b.X1, (c.tight.X1+r[i+1].tight.X0)/2)
	}
	full := pixels(b, scale)
	x0, x1 := int(math.Round(b.X0*scale)), int(math.Round(b.X1*scale))
	return image.Rect(x0, full.Min.Y, max(x1, x0+1), full.Max.Y)
}

func pixels(b transcript.Box, scale float64) image.Rectangle {
	return image.Rect(int(math.Floor(b.X0*scale)), int(math.Floor(b.Y0*scale)), int(math.Ceil(b.X1*scale)), int(math.Ceil(b.Y1*scale)))
}

// at are the visible words in the places.
func (p *page) at(places []transcript.Box) []run {
	var out []run
	for _, r := range runs(p.chars) {
		if r[0].hidden != "" || r[0].size <= 0 {
			continue
		}
		b := r.box()
		x, y := (b.X0+b.X1)/2, (b.Y0+b.Y1)/2
		for _, place := range places {
			if x >= place.X0 && x <= place.X1 && y >= place.Y0 && y <= place.Y1 {
				out = append(out, r)
				break
			}
		}
	}
	return out
}

// covers tells whether a form field lies over the box.
func (p *page) covers(box transcript.Box) bool {
	for _, field := range p.fields {
		if w := min(field.X1, box.X1) - max(field.X0, box.X0); w > 0.3*(box.X1-box.X0) && field.Y0 < (box.Y0+box.Y1)/2 && field.Y1 > (box.Y0+box.Y1)/2 {
			return true
		}
	}
	return false
}

// widget is a form field, as pdfium numbers annotations. Unlike viewers it draws them only for
// who fills the form in.
const widget = 20

func (f *File) fields(page uint64, fr frame) []transcript.Box {
	var out []transcript.Box
	for i := range min(number(f.call("FPDFPage_GetAnnotCount", page)), maxObjects) {
		annotation := f.call("FPDFPage_GetAnnot", page, uint64(i))
		if f.call("FPDFAnnot_GetSubtype", annotation) == widget && f.call("FPDFAnnot_GetRect", annotation, f.results) != 0 {
			b := f.float32s(4) // left, top, right, bottom
			out = append(out, fr.rect(b[0], b[3], b[2], b[1]))
		}
		f.call("FPDFPage_CloseAnnot", annotation)
	}
	return out
}

// region is a part of the page that is drawn at once.
type region struct {
	box  transcript.Box
	runs []run
}

// regions puts words together that lie close to each other: drawing a part takes a walk over all
// objects of the page, drawing what nobody looks at takes longer still.
func regions(words []run) []region {
	var out []region
	for _, w := range words {
		next := region{w.around(), []run{w}}
		for i := 0; i < len(out); i++ {
			u := union(out[i].box, next.box)
			if area(u) < 1.5*(area(out[i].box)+area(next.box)) || len(out) >= maxRegions {
				next = region{u, append(out[i].runs, next.runs...)}
				out = append(out[:i], out[i+1:]...)
				i = -1
			}
		}
		out = append(out, next)
	}
	return out
}

func union(a, b transcript.Box) transcript.Box {
	return transcript.Box{X0: min(a.X0, b.X0), Y0: min(a.Y0, b.Y0), X1: max(a.X1, b.X1), Y1: max(a.Y1, b.Y1)}
}

func area(b transcript.Box) float64 { return (b.X1 - b.X0) * (b.Y1 - b.Y0) }

// draw draws a part of the page. The picture's coordinates are those of the whole page.
func (f *File) draw(p *page, box transcript.Box, scale float64) *image.Gray {
	page := transcript.Box{X1: p.frame.width, Y1: p.frame.height}
	r := pixels(box, scale).Intersect(pixels(page, scale))
	if pixels := float64(r.Dx() * r.Dy()); pixels == 0 || pixels > maxRenderPixels {
		return image.NewGray(image.Rectangle{})
	}
	bitmap := f.call("FPDFBitmap_CreateEx", uint64(r.Dx()), uint64(r.Dy()), greyBitmap, 0, 0)
	f.call("FPDFBitmap_FillRect", bitmap, 0, 0, uint64(r.Dx()), uint64(r.Dy()), white)
	// pdfium cuts the page's sides to whole points before it scales.
	sx := scale * page.X1 / math.Max(1, math.Trunc(page.X1))
	sy := scale * page.Y1 / math.Max(1, math.Trunc(page.Y1))
	matrix := f.give(sx, 0, 0, sy, float64(-r.Min.X), float64(-r.Min.Y), 0, 0, float64(r.Dx()), float64(r.Dy()))
	f.call("FPDF_RenderPageBitmapWithMatrix", bitmap, p.handle, matrix, matrix+24, withAnnotations)
	picture := f.picture(bitmap, r)
	f.call("FPDFBitmap_Destroy", bitmap)
	return picture
}

// eye looks at the words of one drawn part of a page.
type eye struct {
	page    *page
	picture *image.Gray
	scale   float64
	letters letters
	known   map[string]look
}

func (e *eye) look(r run) (application.Doubt, bool) {
	doubt := application.Doubt{Box: r.box(), Text: word(r).Text}
	w, ok := newWindow(e.picture, pixels(doubt.Box, e.scale))
	switch {
	case !ok || r[0].size < legible:
		doubt.Hidden = transcript.InvisibleText
		return doubt, true
	case e.page.covers(doubt.Box):
		doubt.Hidden = transcript.CoveredText
		return doubt, true
	}
	var looks strings.Builder
	doubtful := false
	for i, c := range r {
		l := e.character(&w, r, i)
		doubtful = doubtful || l.doubtful
		if l.other == 0 {
			l.other = c.r
		}
		looks.WriteRune(l.other)
	}
	doubt.Looks = looks.String()
	return doubt, doubtful || e.strange(&w, r)
}

func (e *eye) character(w *window, r run, i int) look {
	cell := r.cell(i, e.scale).Intersect(e.picture.Rect)
	key := e.key(w, r[i], cell)
	if l, ok := e.known[key]; ok {
		return l
	}
	l := look{doubtful: true}
	if g, ok := w.glyph(cell, r[i].size*e.scale); ok {
		l = e.letters.looks(&g, r[i].r)
	}
	if len(e.known) >= maxKnown {
		clear(e.known)
	}
	e.known[key] = l
	return l
}

// maxKnown bounds what is kept of earlier looks, also at other documents: those of one university
// are set in the same type.
const maxKnown = 8192

// key holds all that a look depends on.
func (e *eye) key(w *window, c char, cell image.Rectangle) string {
	key := fmt.Appendf(nil, "%c %.1f %d %d %d ", c.r, c.size*e.scale, cell.Dx(), w.ground, w.level)
	for y := cell.Min.Y; y < cell.Max.Y; y++ {
		at := e.picture.PixOffset(cell.Min.X, y)
		key = append(key, e.picture.Pix[at:at+cell.Dx()]...)
	}
	return string(key)
}

// strange tells whether there is ink beside the word that neither the layer's characters nor
// rules account for: a minus behind an A.
func (e *eye) strange(w *window, r run) bool {
	size, around := r[0].size, r.around()
	band := pixels(transcript.Box{X0: around.X0, Y0: r[0].baseline - 0.7*size, X1: around.X1, Y1: r[0].baseline}, e.scale).Intersect(e.picture.Rect)
	if band.Empty() {
		return false
	}
	taken, edge := make([]bool, band.Dx()), int(math.Ceil(edgeWide*size*e.scale))
	for _, c := range e.page.chars {
		if c.r == ' ' || c.hidden != "" || c.tight.Y1 < around.Y0 || c.tight.Y0 > around.Y1 || c.tight.X1 < around.X0 || c.tight.X0 > around.X1 {
			continue
		}
		box := pixels(c.tight, e.scale)
		for x := max(box.Min.X-edge, band.Min.X); x < min(box.Max.X+edge, band.Max.X); x++ {
			taken[x-band.Min.X] = true
		}
	}
	rules := w.rules(band)
	for x := band.Min.X; x < band.Max.X; x++ {
		if taken[x-band.Min.X] {
			continue
		}
		n := 0
		for y := band.Min.Y; y < band.Max.Y; y++ {
			if w.inked(x, y) && !rules[y-band.Min.Y] {
				n++
			}
		}
		if n > 0 && n < band.Dy()*9/10 {
			return true
		}
	}
	return false
}
