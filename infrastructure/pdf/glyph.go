package pdf

import (
	"image"
	"math"
)

// A glyph is compared as its ink on a grid this wide and high, stretched to fill it: what
// parts letters is then their shape, and fonts of other widths and heights look alike.
const (
	gridWidth  = 12
	gridHeight = 14
	// slimmest is the least width to height, or height to width, that ink is stretched from, so that a
	// dash, a stroke and a point stay apart.
	slimmest = 0.45
)

// glyph is the ink of one character: its darkness on the grid with mean 0 and length 1,
// and its height in type sizes.
type glyph struct {
	grid   [gridWidth * gridHeight]float32
	height float64
}

// likeness is 1 for the same shape, about 0 for unrelated ones.
func (g *glyph) likeness(h *glyph) float64 {
	var sums [4]float32 // so that one sum need not wait for the other
	for i := 0; i < len(g.grid); i += 4 {
		sums[0] += g.grid[i] * h.grid[i]
		sums[1] += g.grid[i+1] * h.grid[i+1]
		sums[2] += g.grid[i+2] * h.grid[i+2]
		sums[3] += g.grid[i+3] * h.grid[i+3]
	}
	sum := sums[0] + sums[1] + sums[2] + sums[3]
	// A comma has the shape of other signs, but not their size.
	ratio := math.Abs(math.Log(g.height / h.height))
	return float64(sum) - max(0, ratio-heightTolerance)
}

// heightTolerance is the logarithm by which heights of one letter may differ among fonts.
const heightTolerance = 0.35

// likest is the likeness to the most like of shapes, -1 when there are none.
func (g *glyph) likest(shapes []glyph) float64 {
	best := -1.0
	for i := range shapes {
		best = max(best, g.likeness(&shapes[i]))
	}
	return best
}

// window is a word in a drawn page: its ground and what counts as ink on it.
type window struct {
	picture *image.Gray
	ground  byte
	level   int // distance from the ground at which a pixel counts as ink
}

// inkShare of the strongest contrast makes a pixel ink: the edges of type do, a watermark does not.
const inkShare = 0.4

// newWindow finds the ground of the word in bounds, the commonest brightness, and how far its
// ink stands out from it; ok is false when nothing does.
func newWindow(picture *image.Gray, bounds image.Rectangle) (window, bool) {
	w := window{picture: picture}
	bounds = bounds.Intersect(picture.Rect)
	if bounds.Empty() {
		return w, false
	}
	var count [256]int
	low, high := byte(255), byte(0)
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		at := picture.PixOffset(bounds.Min.X, y)
		for _, v := range picture.Pix[at : at+bounds.Dx()] {
			count[v]++
			low, high = min(low, v), max(high, v)
		}
	}
	for v := range count {
		if count[v] > count[w.ground] {
			w.ground = byte(v)
		}
	}
	contrast := max(int(high)-int(w.ground), int(w.ground)-int(low))
	w.level = int(inkShare * float64(contrast))
	return w, contrast > inkContrast
}

func (w *window) dark(x, y int) int {
	return abs(int(w.picture.Pix[w.picture.PixOffset(x, y)]) - int(w.ground))
}

func (w *window) inked(x, y int) bool { return w.dark(x, y) > w.level }

// ink is the smallest rectangle around the ink inside r.
func (w *window) ink(r image.Rectangle) image.Rectangle {
	out := image.Rectangle{Min: r.Max, Max: r.Min}
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			if w.inked(x, y) {
				out.Min.X, out.Max.X = min(out.Min.X, x), max(out.Max.X, x+1)
				out.Min.Y, out.Max.Y = min(out.Min.Y, y), max(out.Max.Y, y+1)
			}
		}
	}
	if out.Min.X >= out.Max.X {
		return image.Rectangle{}
	}
	return out
}

// rules are the rows of the band that are ink from side to side.
func (w *window) rules(band image.Rectangle) []bool {
	out := make([]bool, band.Dy())
	for y := range out {
		n := 0
		for x := band.Min.X; x < band.Max.X; x++ {
			if w.inked(x, band.Min.Y+y) {
				n++
			}
		}
		out[y] = n >= band.Dx()*9/10
	}
	return out
}

// glyph takes the shape of the ink inside r, a part of the picture; size is the type size in pixels.
func (w *window) glyph(r image.Rectangle, size float64) (glyph, bool) {
	ink := w.ink(r)
	if ink.Empty() || size <= 0 {
		return glyph{}, false
	}
	wide, high := float64(ink.Dx()), float64(ink.Dy())
	g := glyph{height: high / size}
	columns := taps(ink.Min.X-r.Min.X, ink.Dx(), max(wide, slimmest*high), 2*gridWidth, r.Dx())
	rows := taps(ink.Min.Y-r.Min.Y, ink.Dy(), max(high, slimmest*wide), 2*gridHeight, r.Dy())
	dark := w.darkness(r)
	for j, y := range rows {
		upper, lower := dark[y.at*(r.Dx()+2):], dark[(y.at+1)*(r.Dx()+2):]
		cells := g.grid[j/2*gridWidth:]
		for i, x := range columns {
			cells[i/2] += (upper[x.at]*(1-x.share)+upper[x.at+1]*x.share)*(1-y.share) + (lower[x.at]*(1-x.share)+lower[x.at+1]*x.share)*y.share
		}
	}
	return g, g.normalise()
}

func (g *glyph) normalise() bool {
	mean, length := float32(0), float32(0)
	for _, v := range g.grid {
		mean += v / float32(len(g.grid))
	}
	for i := range g.grid {
		g.grid[i] -= mean
		length += g.grid[i] * g.grid[i]
	}
	if length == 0 {
		return false
	}
	length = float32(math.Sqrt(float64(length)))
	for i := range g.grid {
		g.grid[i] /= length
	}
	return true
}

// darkness is how far the pixels of r stand out, with an empty edge of one pixel.
func (w *window) darkness(r image.Rectangle) []float32 {
	out := make([]float32, (r.Dx()+2)*(r.Dy()+2))
	for y := range r.Dy() {
		row := out[(y+1)*(r.Dx()+2)+1:]
		for x := range r.Dx() {
			row[x] = float32(w.dark(r.Min.X+x, r.Min.Y+y))
		}
	}
	return out
}

// tap is a place between two pixels, counted with the empty edge, and the share of the second.
type tap struct {
	at    int
	share float32
}

// taps spreads n places evenly over a length around the ink.
func taps(from, ink int, length float64, n, pixels int) []tap {
	out := make([]tap, n)
	step := length / float64(n)
	start := float64(from) + float64(ink)/2 - length/2
	for i := range out {
		at := min(max(start+(float64(i)+0.5)*step+0.5, 0), float64(pixels)+0.99)
		out[i] = tap{int(at), float32(at - math.Floor(at))}
	}
	return out
}
