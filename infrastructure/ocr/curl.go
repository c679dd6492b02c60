package ocr

import (
	"cmp"
	"image"
	"math"
	"slices"
)

// curl is by how much lines of type lie below where they would on a flat page. Their slope
// changes smoothly over the page: it is a polynomial of the place.
type curl struct {
	cx, cy, unit float64
	terms        [curlTerms]float64 // slope over 1, x, y, xy, xx
}

const (
	curlTerms  = 5
	curlChains = 12 // fewer long chains do not show how a page bends
	curlLong   = 6  // pieces
	curlRounds = 3
	curlStiff  = 0.02 // of the samples' weight speaks for a flat page while they are on one side only
	curlSoft   = 0.001
	curlFlat   = 0.3 // of the height of type: what neighbours tell counts where it moves a line by more
	curlReach  = 40  // times the height of type: neighbours in a row stand no wider apart
	curlLevel  = 0.5 // of the height of type: nor do their levels differ by more
)

func (c curl) basis(x, y float64) [curlTerms]float64 {
	return [curlTerms]float64{1, x, y, x * y, x * x}
}

// at is the fall at a place in pixels: the integral of the slope from the middle.
func (c curl) at(px, py float64) float64 {
	if c.unit == 0 {
		return 0
	}
	x, y := (px-c.cx)/c.unit, (py-c.cy)/c.unit
	t := c.terms
	return c.unit * (t[0]*x + t[1]*x*x/2 + t[2]*x*y + t[3]*x*x*y/2 + t[4]*x*x*x/3)
}

// slopeSample is the slope of a piece of a line of type, and how wide the piece is.
type slopeSample struct {
	basis         [curlTerms]float64
	slope, weight float64
}

// rest is how much steeper the sample is than the curl says.
func (c curl) rest(s slopeSample) float64 {
	r := s.slope
	for i, b := range s.basis {
		r -= c.terms[i] * b
	}
	return r
}

// curlOf fits the slopes of long chains first. They mostly stand on one side of a table, so
// what stands in one row with its neighbour then tells of the rest of the page.
func curlOf(chains []chain, usual float64, page image.Rectangle) curl {
	c := curl{cx: float64(page.Dx()) / 2, cy: float64(page.Dy()) / 2, unit: float64(max(page.Dx(), page.Dy())) / 2}
	var long []slopeSample
	for _, ch := range chains {
		if len(ch.pieces) < curlLong {
			continue
		}
		slope, width := ch.slope()
		x := (ch.pieces[0].middle()+ch.pieces[len(ch.pieces)-1].middle())/2 - c.cx
		long = append(long, slopeSample{c.basis(x/c.unit, (ch.level()-c.cy)/c.unit), slope, width})
	}
	if len(long) < curlChains {
		return curl{}
	}
	c.fit(long, curlStiff)
	stiff := c
	for range curlRounds {
		c.fit(append(c.links(chains, usual), long...), curlSoft)
	}
	if c.differs(stiff, page) < curlFlat*usual {
		return stiff
	}
	return c
}

// differs is by how many pixels the falls of two curls of a page differ at most.
func (c curl) differs(from curl, page image.Rectangle) (most float64) {
	for _, x := range []float64{0, 0.25, 0.5, 0.75, 1} {
		for _, y := range []float64{0, 0.5, 1} {
			px, py := x*float64(page.Dx()), y*float64(page.Dy())
			most = max(most, math.Abs(c.at(px, py)-from.at(px, py)))
		}
	}
	return most
}

// fit finds the terms that suit most of the samples, leaving out those that do not agree.
func (c *curl) fit(samples []slopeSample, stiff float64) {
	for round := range 4 {
		var a [curlTerms][curlTerms + 1]float64
		total := 0.0
		for _, s := range samples {
			total += s.weight
			for i := range curlTerms {
				for k := range curlTerms {
					a[i][k] += s.weight * s.basis[i] * s.basis[k]
				}
				a[i][curlTerms] += s.weight * s.basis[i] * s.slope
			}
		}
		for i := 1; i < curlTerms; i++ {
			a[i][i] += stiff * total // a page is flat unless its lines say otherwise
		}
		c.terms = solve(a)
		if round == 3 || len(samples) < curlChains {
			break
		}
		rests := make([]float64, len(samples))
		for i, s := range samples {
			rests[i] = math.Abs(c.rest(s))
		}
		limit := max(2.5*median(rests), 0.002)
		samples = slices.DeleteFunc(samples, func(s slopeSample) bool { return math.Abs(c.rest(s)) > limit })
	}
}

// links are the slopes from chains to their neighbours in a row, however wide the paper
// between them, as far as the curl so far leaves no doubt of who is whose neighbour.
func (c *curl) links(chains []chain, usual float64) []slopeSample {
	type end struct{ x0, x1, x, y, flat float64 }
	var ends []end
	for _, ch := range chains {
		first, last := ch.pieces[0], ch.pieces[len(ch.pieces)-1]
		e := end{x0: float64(first.Min.X), x1: float64(last.Max.X), x: (first.middle() + last.middle()) / 2, y: ch.level()}
		if tall(ch.pieces, e.y) < lowHeight*usual {
			continue // commas and dashes
		}
		flat := make([]float64, len(ch.pieces))
		for i, p := range ch.pieces {
			flat[i] = p.foot - c.at(p.middle(), p.foot)
		}
		e.flat = median(flat)
		ends = append(ends, e)
	}
	slices.SortFunc(ends, func(a, b end) int { return cmp.Compare(a.flat, b.flat) })
	near := func(i int, beside func(a, b end) float64) int {
		best, least := -1, curlReach*usual
		for _, step := range []int{-1, 1} {
			for k := i + step; k >= 0 && k < len(ends) && math.Abs(ends[k].flat-ends[i].flat) < curlLevel*usual; k += step {
				if gap := beside(ends[i], ends[k]); gap >= 0 && gap < least {
					best, least = k, gap
				}
			}
		}
		return best
	}
	rightOf := func(a, b end) float64 { return b.x0 - a.x1 }
	leftOf := func(a, b end) float64 { return a.x0 - b.x1 }
	var out []slopeSample
	for i, a := range ends {
		k := near(i, rightOf)
		if k < 0 || near(k, leftOf) != i {
			continue
		}
		b := ends[k]
		wide := b.x - a.x
		middle := slopeSample{c.basis((a.x+b.x)/2/c.unit-c.cx/c.unit, ((a.y+b.y)/2-c.cy)/c.unit), 0, wide}
		middle.basis[4] += wide * wide / (12 * c.unit * c.unit) // the mean of a square is more than that of its middle
		middle.slope = (b.flat - a.flat + c.at(b.x, b.y) - c.at(a.x, a.y)) / wide
		out = append(out, middle)
	}
	return out
}

// slope of the feet of a chain's letters: the median over pairs far apart (Theil and Sen).
func (c chain) slope() (slope, width float64) {
	n := len(c.pieces)
	var slopes []float64
	for i := range n {
		for k := i + n/3; k < n; k++ {
			if dx := c.pieces[k].middle() - c.pieces[i].middle(); k > i && dx > 0 {
				slopes = append(slopes, (c.pieces[k].foot-c.pieces[i].foot)/dx)
			}
		}
		if len(slopes) > 2000 {
			break
		}
	}
	if len(slopes) == 0 {
		return 0, 0
	}
	return median(slopes), c.pieces[n-1].middle() - c.pieces[0].middle()
}

// solve solves linear equations by elimination.
func solve(a [curlTerms][curlTerms + 1]float64) (x [curlTerms]float64) {
	for i := range curlTerms {
		pivot := i
		for k := i + 1; k < curlTerms; k++ {
			if math.Abs(a[k][i]) > math.Abs(a[pivot][i]) {
				pivot = k
			}
		}
		a[i], a[pivot] = a[pivot], a[i]
		if math.Abs(a[i][i]) < 1e-12 {
			return [curlTerms]float64{}
		}
		for k := range curlTerms {
			if k == i {
				continue
			}
			f := a[k][i] / a[i][i]
			for j := i; j <= curlTerms; j++ {
				a[k][j] -= f * a[i][j]
			}
		}
	}
	for i := range curlTerms {
		x[i] = a[i][curlTerms] / a[i][i]
	}
	return x
}

// flattened takes the curl out of a page: each column of pixels moves by its fall. A page as
// good as flat stays as it is. Usual is the height of most type.
func (c curl) flattened(page *image.Gray, usual float64) *image.Gray {
	if c.differs(curl{}, page.Rect) < usual {
		return page
	}
	w, h := page.Rect.Dx(), page.Rect.Dy()
	out := image.NewGray(image.Rect(0, 0, w, h))
	for y := range h {
		row := out.Pix[y*w : (y+1)*w]
		for x := range row {
			from := float64(y) + c.at(float64(x), float64(y))
			above := int(math.Floor(from))
			if above < 0 || above+1 >= h {
				row[x] = 255
				continue
			}
			at := above*page.Stride + x
			upper, lower := float64(page.Pix[at]), float64(page.Pix[at+page.Stride])
			row[x] = byte(upper + (lower-upper)*(from-float64(above)))
		}
	}
	return out
}
