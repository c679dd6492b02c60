package ocr

import (
	"image"
	"math"
	"slices"

	"asprak/infrastructure/ocr/lstm"
)

const (
	capitalHeight = 19   // rows of a strip that a capital is high: codes and grades are read best
	baseRow       = 27   // row on which letters stand
	margin        = 6    // columns of paper before and after a cell
	cellSpace     = 14   // columns of paper between two cells
	stripWidth    = 1500 // columns after which a new strip begins
)

// span is a cell's place in a strip.
type span struct {
	line     *textLine
	cell     *cell
	from, to int     // columns of the strip
	x0       float64 // of the page, at from
	scale    float64 // columns of the strip per pixel of the page
}

func (s span) pageX(column float64) float64 { return s.x0 + (column-float64(s.from))/s.scale }

// strip is the content of a line's cells, moved together.
type strip struct {
	lstm.Strip
	spans []span
}

// stripsOf draws the strips of a line.
func stripsOf(page *image.Gray, l *textLine, bend curl) []strip {
	scale := capitalHeight / l.capital
	var out []strip
	for i := range l.cells {
		c := &l.cells[i]
		width := int(math.Ceil(float64(c.x1-c.x0)*scale)) + 2*margin
		if n := len(out); n == 0 || out[n-1].Width+width > stripWidth {
			out = append(out, strip{})
		}
		s := &out[len(out)-1]
		from := s.Width
		if from > 0 {
			from += cellSpace - 2*margin
		}
		s.Width = from + width
		s.Pixels = slices.Grow(s.Pixels, (s.Width+lstm.Step)*lstm.Height)
		for len(s.Pixels) < s.Width*lstm.Height {
			s.Pixels = append(s.Pixels, 127)
		}
		at := span{line: l, cell: c, from: from, to: s.Width, x0: float64(c.x0) - margin/scale, scale: scale}
		at.draw(s, page, bend)
		s.spans = append(s.spans, at)
	}
	for i := range out {
		s := &out[i]
		for s.Width%lstm.Step != 0 {
			s.Width++
		}
		for len(s.Pixels) < s.Width*lstm.Height {
			s.Pixels = append(s.Pixels, 127)
		}
		s.sharpen()
	}
	return out
}

// draw samples a cell along the base of its line. Rows that none of its pieces reaches stay
// paper, for they show the lines above and below.
func (s span) draw(to *strip, page *image.Gray, bend curl) {
	top, foot := math.Inf(1), math.Inf(-1)
	for _, p := range s.cell.pieces {
		top, foot = min(top, p.top), max(foot, p.foot)
	}
	const seam = 1.5 // pixels of the page: the soft edge of ink
	first := max(0, int(baseRow+(top-seam-s.line.base)*s.scale))
	last := min(lstm.Height-1, int(math.Ceil(baseRow+(foot+seam-s.line.base)*s.scale)))
	step := 1 / s.scale
	for column := s.from; column < s.to; column++ {
		x := s.pageX(float64(column) + 0.5)
		y := s.line.base + bend.at(x, s.line.base) + (float64(first)+0.5-baseRow)*step
		pixels := to.Pixels[column*lstm.Height : (column+1)*lstm.Height]
		for row := first; row <= last; row++ {
			pixels[row] = int8(int(sample(page, x-0.5, y-0.5)) - 128)
			y += step
		}
	}
}

// sample is the brightness between four pixels; beyond the page is paper.
func sample(page *image.Gray, x, y float64) byte {
	ix, iy := int(math.Floor(x)), int(math.Floor(y))
	if ix < 0 || iy < 0 || ix+1 >= page.Rect.Dx() || iy+1 >= page.Rect.Dy() {
		return 255
	}
	fx, fy := int((x-float64(ix))*256), int((y-float64(iy))*256)
	at := iy*page.Stride + ix
	above, below := page.Pix[at:at+2:at+2], page.Pix[at+page.Stride:at+page.Stride+2]
	upper := int(above[0])<<8 + (int(above[1])-int(above[0]))*fx
	lower := int(below[0])<<8 + (int(below[1])-int(below[0]))*fx
	return byte((upper<<8 + (lower-upper)*fy) >> 16)
}

// sharpen spreads the strip's brightness so that the darkest tenth of its ink is black.
func (s *strip) sharpen() {
	var bins [256]int
	ink := 0
	for _, v := range s.Pixels {
		if v < 64 {
			bins[int(v)+128]++
			ink++
		}
	}
	dark, rank := 0, ink/10
	for dark < 190 {
		if rank -= bins[dark]; rank < 0 {
			break
		}
		dark++
	}
	dark -= 128
	for i, v := range s.Pixels {
		s.Pixels[i] = int8(max(-127, 127-(127-int(v))*254/(127-dark)))
	}
}
