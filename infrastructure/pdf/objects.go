package pdf

import (
	"fmt"

	"github.com/klippa-app/go-pdfium/enums"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"

	"asprak/domain/transcript"
)

const (
	maxObjects  = 20_000 // objects looked at per page; more are glyph outlines, not patches
	maxForms    = 4      // depth of nested form objects
	opaque      = 230    // of 255
	rectangle   = 6      // segments of a path that draws a rectangle, at most
	unknownTone = -1
)

// boundsKey identifies a text object: the binding hands out a new reference at every call,
// so a character's object is found again by its exact bounds.
type boundsKey struct{ l, b, r, t float32 }

// shape is something drawn that may hide what was drawn before it, or be the ground of
// what comes after.
type shape struct {
	order  int
	box    transcript.Box
	colour colour
}

type colour struct{ r, g, b int }

var paper = colour{255, 255, 255}

func (c colour) near(d colour) bool {
	return abs(c.r-d.r) < colourStep && abs(c.g-d.g) < colourStep && abs(c.b-d.b) < colourStep
}

func abs(n int) int { return max(n, -n) }

// ink is how a text object is drawn.
type ink struct {
	order     int
	invisible bool
	colour    colour
}

// drawing is what a page's objects say of visibility, in drawing order.
type drawing struct {
	inks   map[boundsKey]ink
	shapes []shape
	images []transcript.Box
	order  int
}

func (f *File) objects(page requests.Page, fr frame) (*drawing, error) {
	d := &drawing{inks: map[boundsKey]ink{}}
	count, err := f.instance.FPDFPage_CountObjects(&requests.FPDFPage_CountObjects{Page: page})
	if err != nil {
		return nil, fmt.Errorf("pdf: objects: %w", err)
	}
	for i := range count.Count {
		if d.order >= maxObjects {
			break
		}
		object, err := f.instance.FPDFPage_GetObject(&requests.FPDFPage_GetObject{Page: page, Index: i})
		if err != nil {
			continue
		}
		f.object(object.PageObject, fr, identity, 0, d)
	}
	return d, nil
}

// matrix is an affine map, as in PDF.
type matrix struct{ a, b, c, d, e, f float64 }

var identity = matrix{a: 1, d: 1}

func (m matrix) then(n matrix) matrix {
	return matrix{
		m.a*n.a + m.b*n.c, m.a*n.b + m.b*n.d,
		m.c*n.a + m.d*n.c, m.c*n.b + m.d*n.d,
		m.e*n.a + m.f*n.c + n.e, m.e*n.b + m.f*n.d + n.f,
	}
}

func (m matrix) rect(k boundsKey) (l, b, r, t float64) {
	x0, y0 := m.a*float64(k.l)+m.c*float64(k.b)+m.e, m.b*float64(k.l)+m.d*float64(k.b)+m.f
	x1, y1 := m.a*float64(k.r)+m.c*float64(k.t)+m.e, m.b*float64(k.r)+m.d*float64(k.t)+m.f
	return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)
}

func (f *File) object(object references.FPDF_PAGEOBJECT, fr frame, m matrix, depth int, d *drawing) {
	kind, err := f.instance.FPDFPageObj_GetType(&requests.FPDFPageObj_GetType{PageObject: object})
	if err != nil {
		return
	}
	key, ok := f.bounds(object)
	if !ok {
		return
	}
	d.order++
	box := fr.rect(m.rect(key))
	switch kind.Type {
	case enums.FPDF_PAGEOBJ_TEXT:
		d.inks[key] = f.ink(object, d.order)
	case enums.FPDF_PAGEOBJ_IMAGE:
		d.images = append(d.images, box)
		d.shapes = append(d.shapes, shape{d.order, box, colour{unknownTone, unknownTone, unknownTone}})
	case enums.FPDF_PAGEOBJ_PATH:
		if fill, ok := f.filledRectangle(object); ok {
			d.shapes = append(d.shapes, shape{d.order, box, fill})
		}
	case enums.FPDF_PAGEOBJ_FORM:
		f.form(object, fr, m, depth, d)
	}
}

func (f *File) form(object references.FPDF_PAGEOBJECT, fr frame, m matrix, depth int, d *drawing) {
	if depth >= maxForms {
		return
	}
	own, err := f.instance.FPDFPageObj_GetMatrix(&requests.FPDFPageObj_GetMatrix{PageObject: object})
	if err != nil {
		return
	}
	inner := matrix{float64(own.Matrix.A), float64(own.Matrix.B), float64(own.Matrix.C), float64(own.Matrix.D), float64(own.Matrix.E), float64(own.Matrix.F)}.then(m)
	count, err := f.instance.FPDFFormObj_CountObjects(&requests.FPDFFormObj_CountObjects{PageObject: object})
	if err != nil {
		return
	}
	for i := range count.Count {
		if d.order >= maxObjects {
			return
		}
		child, err := f.instance.FPDFFormObj_GetObject(&requests.FPDFFormObj_GetObject{PageObject: object, Index: uint64(i)})
		if err == nil {
			f.object(child.PageObject, fr, inner, depth+1, d)
		}
	}
}

func (f *File) bounds(object references.FPDF_PAGEOBJECT) (boundsKey, bool) {
	b, err := f.instance.FPDFPageObj_GetBounds(&requests.FPDFPageObj_GetBounds{PageObject: object})
	if err != nil {
		return boundsKey{}, false
	}
	return boundsKey{b.Left, b.Bottom, b.Right, b.Top}, true
}

func (f *File) ink(object references.FPDF_PAGEOBJECT, order int) ink {
	out := ink{order: order}
	mode, err := f.instance.FPDFTextObj_GetTextRenderMode(&requests.FPDFTextObj_GetTextRenderMode{PageObject: object})
	if err == nil && (mode.TextRenderMode == enums.FPDF_TEXTRENDERMODE_INVISIBLE || mode.TextRenderMode == enums.FPDF_TEXTRENDERMODE_CLIP) {
		out.invisible = true
	}
	fill, err := f.instance.FPDFPageObj_GetFillColor(&requests.FPDFPageObj_GetFillColor{PageObject: object})
	if err == nil {
		out.colour = colour{int(fill.FillColor.R), int(fill.FillColor.G), int(fill.FillColor.B)}
		out.invisible = out.invisible || fill.FillColor.A < 255-opaque
	}
	return out
}

// filledRectangle tells the colour of a path that paints over what lies below it. Bounds
// say nothing of the inside of other shapes.
func (f *File) filledRectangle(object references.FPDF_PAGEOBJECT) (colour, bool) {
	mode, err := f.instance.FPDFPath_GetDrawMode(&requests.FPDFPath_GetDrawMode{PageObject: object})
	if err != nil || mode.FillMode == enums.FPDF_FILLMODE_NONE {
		return colour{}, false
	}
	segments, err := f.instance.FPDFPath_CountSegments(&requests.FPDFPath_CountSegments{PageObject: object})
	if err != nil || segments.Count > rectangle {
		return colour{}, false
	}
	fill, err := f.instance.FPDFPageObj_GetFillColor(&requests.FPDFPageObj_GetFillColor{PageObject: object})
	if err != nil || fill.FillColor.A < opaque {
		return colour{}, false
	}
	return colour{int(fill.FillColor.R), int(fill.FillColor.G), int(fill.FillColor.B)}, true
}

// hides tells why the eye does not see a character of the text object at the place, as far
// as the objects can tell; "" when nothing speaks against it.
func (d *drawing) hides(key boundsKey, box transcript.Box, fr frame) transcript.TraceKind {
	x, y := (box.X0+box.X1)/2, (box.Y0+box.Y1)/2
	if x < 0 || y < 0 || x > fr.width || y > fr.height {
		return transcript.OffPageText
	}
	text, ok := d.inks[key]
	if !ok {
		return ""
	}
	if text.invisible {
		return transcript.InvisibleText
	}
	ground := paper
	for _, s := range d.shapes {
		if x < s.box.X0 || x > s.box.X1 || y < s.box.Y0 || y > s.box.Y1 {
			continue
		}
		if s.order > text.order {
			return transcript.CoveredText
		}
		ground = s.colour
	}
	if ground.r != unknownTone && text.colour.near(ground) {
		return transcript.WhiteText
	}
	return ""
}

// imageShare is how much of the page pictures cover; overlapping ones count twice, at most 1.
func (d *drawing) imageShare(fr frame) float64 {
	covered := 0.0
	for _, b := range d.images {
		w := min(b.X1, fr.width) - max(b.X0, 0)
		h := min(b.Y1, fr.height) - max(b.Y0, 0)
		covered += max(w, 0) * max(h, 0)
	}
	return min(1, covered/max(fr.width*fr.height, 1))
}
