package ocr

import (
	"image"
	"math"
)

const (
	maxSkew  = 6.0 // degrees
	skewSide = 800 // pixels of the longer side on which the skew is measured
)

// points are the ink of a picture, thinned to what a profile needs.
type points struct {
	x, y []float64
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
				p.x = append(p.x, float64(x/step))
				p.y = append(p.y, float64(y/step))
			}
		}
	}
	return p
}

// sharpness of the profile of ink across lines that fall by the angle: the sum of squared
// differences of neighbouring rows, which is largest when lines of type fall into rows.
func (p points) sharpness(radians float64) float64 {
	tan := math.Tan(radians)
	rows := make([]float64, p.h+2*p.w+2)
	offset := float64(p.w)
	for i, x := range p.x {
		at := p.y[i] - x*tan + offset
		if at >= 0 && int(at) < len(rows) {
			rows[int(at)]++
		}
	}
	sum := 0.0
	for i := 1; i < len(rows); i++ {
		d := rows[i] - rows[i-1]
		sum += d * d
	}
	return sum
}

// skew is the angle, in radians, by which the lines of type fall to the right.
func skew(picture *image.Gray) float64 {
	p := inkPoints(picture)
	if len(p.x) < 200 {
		return 0
	}
	best, at := -1.0, 0.0
	try := func(degrees float64) {
		if s := p.sharpness(degrees * math.Pi / 180); s > best {
			best, at = s, degrees
		}
	}
	for d := -maxSkew; d <= maxSkew; d += 0.5 {
		try(d)
	}
	for middle, d := at, -0.4; d <= 0.4; d += 0.1 {
		try(middle + d)
	}
	return at * math.Pi / 180
}

// lying tells whether the lines of type run from top to bottom.
func lying(picture *image.Gray) bool {
	p := inkPoints(picture)
	if len(p.x) < 200 {
		return false
	}
	q := points{x: p.y, y: p.x, w: p.h, h: p.w}
	level, upended := 0.0, 0.0
	for d := -4.0; d <= 4; d++ {
		level = max(level, p.sharpness(d*math.Pi/180))
		upended = max(upended, q.sharpness(d*math.Pi/180))
	}
	return upended > 1.3*level
}
