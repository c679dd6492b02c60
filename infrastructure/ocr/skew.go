package ocr

import (
	"image"
	"math"
	"slices"
)

const (
	maxSkew  = 6.0 // degrees
	skewSide = 800 // pixels of the longer side on which the skew is measured
)

// points are the ink of a picture, thinned to what a profile needs.
type points struct {
	x, y []int
	w, h int
}

func inkPoints(picture *image.Gray) points {
	w, h := picture.Rect.Dx(), picture.Rect.Dy()
	step := max(1, max(w, h)/skewSide)
	p := points{w: w / step, h: h / step}
	for y := 0; y+step <= h; y += step {
		for x := 0; x+step <= w; x += step {
			dark := byte(255)
			for j := range step {
				dark = min(dark, picture.Pix[(y+j)*picture.Stride+x+j])
			}
			if dark < ink {
				p.x = append(p.x, x/step)
				p.y = append(p.y, y/step)
			}
		}
	}
	return p
}

// sharpness of the profile of ink across lines that fall by the angle: the sum of squared
// differences of neighbouring rows, which is largest when lines of type fall into rows.
func (p points) sharpness(radians float64) float64 {
	// Fixed point, 16 bits of fraction.
	fall := int(math.Tan(radians) * 65536)
	offset := p.w << 16
	rows := make([]int, p.h+2*p.w+2)
	for i, x := range p.x {
		if at := p.y[i] + (offset-x*fall)>>16; uint(at) < uint(len(rows)) {
			rows[at]++
		}
	}
	sum := 0
	for i := 1; i < len(rows); i++ {
		d := rows[i] - rows[i-1]
		sum += d * d
	}
	return float64(sum)
}

// slope is the angle, in radians, by which lines of type fall to the right: at the middle
// of the page, and by how much more at its foot. A sheet photographed at a slant shows
// lines of differing slope.
type slope struct{ middle, foot float64 }

// at is the angle at a height from -1 (head) to 1 (foot).
func (s slope) at(height float64) float64 { return s.middle + s.foot*height }

const (
	bands      = 6
	bandPoints = 400 // ink that a band must have to be asked
	maxBend    = 3.0 // degrees by which a band's slope may differ from the page's
)

// skew measures the slope of the page, band by band.
func skew(picture *image.Gray) slope {
	p := inkPoints(picture)
	if len(p.x) < 200 {
		return slope{}
	}
	whole := p.steepest(0, maxSkew)
	var heights, angles []float64
	for band := range bands {
		part := p.band(float64(band)/(bands+1), float64(band+2)/(bands+1))
		if len(part.x) >= bandPoints {
			heights = append(heights, 2*float64(band+1)/(bands+1)-1)
			angles = append(angles, part.steepest(whole, maxBend))
		}
	}
	middle, foot := line(heights, angles, whole)
	return slope{middle * math.Pi / 180, foot * math.Pi / 180}
}

// steepest finds the angle, in degrees about a first guess, under which the profile is sharpest.
func (p points) steepest(guess, reach float64) float64 {
	best, at := -1.0, guess
	try := func(degrees float64) {
		if s := p.sharpness(degrees * math.Pi / 180); s > best {
			best, at = s, degrees
		}
	}
	for d := -reach; d <= reach; d += 0.5 {
		try(guess + d)
	}
	for middle, d := at, -0.4; d <= 0.4; d += 0.1 {
		try(middle + d)
	}
	return at
}

// band is the part of the points between two heights, given from 0 to 1.
func (p points) band(from, to float64) points {
	part := points{w: p.w, h: p.h}
	for i, y := range p.y {
		if h := float64(y) / float64(p.h); h >= from && h < to {
			part.x = append(part.x, p.x[i])
			part.y = append(part.y, y)
		}
	}
	return part
}

// line fits angles over heights by the median of the slopes between pairs (Theil and Sen),
// so that a band full of scribble does not bend the page.
func line(heights, angles []float64, whole float64) (middle, foot float64) {
	if len(heights) < 3 {
		return whole, 0
	}
	var slopes, rests []float64
	for i := range heights {
		for j := range i {
			slopes = append(slopes, (angles[i]-angles[j])/(heights[i]-heights[j]))
		}
	}
	foot = median(slopes)
	for i := range heights {
		rests = append(rests, angles[i]-foot*heights[i])
	}
	return median(rests), foot
}

func median(v []float64) float64 {
	slices.Sort(v)
	return (v[len(v)/2] + v[(len(v)-1)/2]) / 2
}

// lying compares how sharply lines of type stand out from top to bottom with how they do
// from left to right: above 1 the page seems to lie on its side; 0 with too little ink.
func lying(picture *image.Gray) float64 {
	p := inkPoints(picture)
	if len(p.x) < 200 {
		return 0
	}
	q := points{x: p.y, y: p.x, w: p.h, h: p.w}
	level, upended := 0.0, 0.0
	for d := -4.0; d <= 4; d++ {
		level = max(level, p.sharpness(d*math.Pi/180))
		upended = max(upended, q.sharpness(d*math.Pi/180))
	}
	return upended / level
}
