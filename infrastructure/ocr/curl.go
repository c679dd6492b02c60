package ocr

import (
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

// curlOf fits the slopes of long chains, leaving out those that do not agree.
func curlOf(chains []chain, page image.Rectangle) curl {
	c := curl{cx: float64(page.Dx()) / 2, cy: float64(page.Dy()) / 2, unit: float64(max(page.Dx(), page.Dy())) / 2}
	type sample struct {
		basis         [curlTerms]float64
		slope, weight float64
	}
	var samples []sample
	for _, ch := range chains {
		if len(ch.pieces) < curlLong {
			continue
		}
		slope, width := ch.slope()
		x := (ch.pieces[0].middle()+ch.pieces[len(ch.pieces)-1].middle())/2 - c.cx
		samples = append(samples, sample{c.basis(x/c.unit, (ch.level()-c.cy)/c.unit), slope, width})
	}
	if len(samples) < curlChains {
		return curl{}
	}
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
			a[i][i] += 0.02 * total // a page is flat unless its lines say otherwise
		}
		c.terms = solve(a)
		if round == 3 || len(samples) < curlChains {
			break
		}
		rest := func(s sample) float64 {
			r := s.slope
			for i, b := range s.basis {
				r -= c.terms[i] * b
			}
			return math.Abs(r)
		}
		rests := make([]float64, len(samples))
		for i, s := range samples {
			rests[i] = rest(s)
		}
		limit := max(2.5*median(rests), 0.002)
		samples = slices.DeleteFunc(samples, func(s sample) bool { return rest(s) > limit })
	}
	return c
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
