package pdf

import "asprak/domain/transcript"

const (
	maxObjects  = 20_000 // objects looked at per page; more are glyph outlines, not patches
	maxForms    = 4      // depth of nested form objects
	opaque      = 230    // of 255
	rectangle   = 6      // segments of a path that draws a rectangle, at most
	unknownTone = -1
)

// Kinds of page objects and modes of text, as pdfium numbers them.
const (
	objectText  = 1
	objectPath  = 2
	objectImage = 3
	objectForm  = 5

	textInvisible = 3
	textClip      = 7
)

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
	inks   map[uint64]ink // by text object
	shapes []shape
	images []transcript.Box
	order  int
}

func (f *File) objects(page uint64, fr frame) *drawing {
	d := &drawing{inks: map[uint64]ink{}}
	for i := range number(f.call("FPDFPage_CountObjects", page)) {
		if d.order >= maxObjects || f.err != nil {
			break
		}
		f.object(f.call("FPDFPage_GetObject", page, uint64(i)), fr, identity, 0, d)
	}
	return d
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

func (m matrix) rect(l, b, r, t float64) (float64, float64, float64, float64) {
	x0, y0 := m.a*l+m.c*b+m.e, m.b*l+m.d*b+m.f
	x1, y1 := m.a*r+m.c*t+m.e, m.b*r+m.d*t+m.f
	return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)
}

func (f *File) object(object uint64, fr frame, m matrix, depth int, d *drawing) {
	if object == 0 {
		return
	}
	d.order++
	switch f.call("FPDFPageObj_GetType", object) {
	case objectText:
		d.inks[object] = f.ink(object, d.order)
	case objectImage:
		if box, ok := f.bounds(object, fr, m); ok {
			d.images = append(d.images, box)
			d.shapes = append(d.shapes, shape{d.order, box, colour{unknownTone, unknownTone, unknownTone}})
		}
	case objectPath:
		if fill, ok := f.filledRectangle(object); ok {
			if box, ok := f.bounds(object, fr, m); ok {
				d.shapes = append(d.shapes, shape{d.order, box, fill})
			}
		}
	case objectForm:
		f.form(object, fr, m, depth, d)
	}
}

func (f *File) form(object uint64, fr frame, m matrix, depth int, d *drawing) {
	if depth >= maxForms || f.call("FPDFPageObj_GetMatrix", object, f.results) == 0 {
		return
	}
	own := f.float32s(6)
	inner := matrix{own[0], own[1], own[2], own[3], own[4], own[5]}.then(m)
	for i := range number(f.call("FPDFFormObj_CountObjects", object)) {
		if d.order >= maxObjects || f.err != nil {
			return
		}
		f.object(f.call("FPDFFormObj_GetObject", object, uint64(i)), fr, inner, depth+1, d)
	}
}

func (f *File) bounds(object uint64, fr frame, m matrix) (transcript.Box, bool) {
	if f.call("FPDFPageObj_GetBounds", object, f.results, f.results+4, f.results+8, f.results+12) == 0 {
		return transcript.Box{}, false
	}
	b := f.float32s(4) // left, bottom, right, top
	return fr.rect(m.rect(b[0], b[1], b[2], b[3])), true
}

func (f *File) ink(object uint64, order int) ink {
	out := ink{order: order}
	mode := f.call("FPDFTextObj_GetTextRenderMode", object)
	out.invisible = mode == textInvisible || mode == textClip
	if fill, alpha, ok := f.fill(object); ok {
		out.colour = fill
		out.invisible = out.invisible || alpha < 255-opaque
	}
	return out
}

func (f *File) fill(object uint64) (c colour, alpha int, ok bool) {
	if f.call("FPDFPageObj_GetFillColor", object, f.result(0), f.result(1), f.result(2), f.result(3)) == 0 {
		return colour{}, 0, false
	}
	return colour{f.uint32At(0), f.uint32At(1), f.uint32At(2)}, f.uint32At(3), true
}

// filledRectangle tells the colour of a path that paints over what lies below it. Bounds
// say nothing of the inside of other shapes.
func (f *File) filledRectangle(object uint64) (colour, bool) {
	if f.call("FPDFPath_GetDrawMode", object, f.result(0), f.result(1)) == 0 || f.uint32At(0) == 0 {
		return colour{}, false
	}
	if n := number(f.call("FPDFPath_CountSegments", object)); n < 0 || n > rectangle {
		return colour{}, false
	}
	fill, alpha, ok := f.fill(object)
	return fill, ok && alpha >= opaque
}

// hides tells why the eye does not see a character of the text object at the place, as far
// as the objects can tell; "" when nothing speaks against it.
func (d *drawing) hides(object uint64, box transcript.Box, fr frame) transcript.TraceKind {
	x, y := (box.X0+box.X1)/2, (box.Y0+box.Y1)/2
	if x < 0 || y < 0 || x > fr.width || y > fr.height {
		return transcript.OffPageText
	}
	text, ok := d.inks[object]
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
