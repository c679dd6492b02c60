package ocr

import (
	"image"
	"slices"
)

const (
	block     = 16   // pixels of a cell in which the ground is measured
	ink       = 150  // of 255 on a normalised page: darker is ink
	faintInk  = 205  // of 255: the soft edges of ink are darker
	darkShare = 0.65 // of the paper's brightness: a ground below this is a coloured bar
	minPaper  = 40   // of 255: paper in deep shadow
	black     = 10   // of 255 after division: as dark as type gets
	white     = 225  // of 255 after division: bleed-through, zebra stripes and grain are lighter
)

// Normalise makes the ground white and the type dark: shadows and colour casts are divided
// out, and light type on a dark bar or tile is inverted.
func Normalise(picture *image.Gray) *image.Gray {
	w, h := picture.Rect.Dx(), picture.Rect.Dy()
	out := image.NewGray(image.Rect(0, 0, w, h))
	if w == 0 || h == 0 {
		return out
	}
	ground := measure(picture)
	paper := ground.paper()
	dark := ground.dark(paper)
	sheet := ground.sheet()
	levels := make([]float64, ground.w)
	for y := range h {
		from := picture.Pix[y*picture.Stride : y*picture.Stride+w]
		to := out.Pix[y*w : (y+1)*w]
		between(levels, paper, ground.h, float64(y)/block-0.5)
		for bx := range ground.w {
			cell := y/block*ground.w + bx
			first, last := bx*block, min((bx+1)*block, w)
			switch {
			case !sheet[cell]:
				for x := first; x < last; x++ {
					to[x] = 255
				}
			case dark[cell]:
				own := int(ground.level[cell])
				for x := first; x < last; x++ {
					to[x] = byte(255 - min(255, 255*max(0, int(from[x])-own)/max(255-own, 60)))
				}
			default:
				middle := min(first+block/2, last)
				stretch(to[first:middle], from[first:middle], levels[max(0, bx-1)], levels[bx], block/2)
				stretch(to[middle:last], from[middle:last], levels[bx], levels[min(bx+1, ground.w-1)], 0)
			}
		}
	}
	return out
}

// between fills a row of levels from the rows of a grid at a height between them.
func between(row, v []float64, h int, y float64) {
	y = min(max(y, 0), float64(h-1))
	y0 := int(y)
	y1 := min(y0+1, h-1)
	f := y - float64(y0)
	w := len(row)
	for x := range row {
		row[x] = v[y0*w+x]*(1-f) + v[y1*w+x]*f
	}
}

// stretch divides by a level of paper that changes evenly over one block, of which the
// pixels begin at the given one, and spreads what lies between black and white over the
// whole range.
func stretch(to, from []byte, left, right float64, at int) {
	// In 1/65536: factor times a brightness is its place in the range.
	const whole = 255 * 255 * 65536 / (white - black)
	const foot = black * 255 * 65536 / (white - black)
	factor := int(whole / left)
	step := int((whole/right - whole/left) / block)
	factor += at * step
	for i, v := range from {
		to[i] = byte(min(255, max(0, (int(v)*factor-foot)>>16)))
		factor += step
	}
}

// grid holds a brightness for each block of a picture.
type grid struct {
	w, h  int
	level []uint8 // the most frequent brightness: the ground, of whatever colour
	light []uint8 // a high percentile: the paper, where there is any
}

func measure(picture *image.Gray) grid {
	w, h := picture.Rect.Dx(), picture.Rect.Dy()
	g := grid{w: (w + block - 1) / block, h: (h + block - 1) / block}
	g.level = make([]uint8, g.w*g.h)
	g.light = make([]uint8, g.w*g.h)
	for by := range g.h {
		for bx := range g.w {
			var bins [32]int
			n := 0
			for y := by * block; y < min((by+1)*block, h); y++ {
				row := picture.Pix[y*picture.Stride:]
				for x := bx * block; x < min((bx+1)*block, w); x++ {
					bins[row[x]>>3]++
					n++
				}
			}
			g.level[by*g.w+bx], g.light[by*g.w+bx] = peak(bins), percentile(bins, n*85/100)
		}
	}
	return g
}

func peak(bins [32]int) uint8 {
	best, at := -1, 0
	for i := range bins {
		n := 2 * bins[i]
		if i > 0 {
			n += bins[i-1]
		}
		if i < 31 {
			n += bins[i+1]
		}
		if n >= best {
			best, at = n, i
		}
	}
	return uint8(at*8 + 4)
}

func percentile(bins [32]int, rank int) uint8 {
	for i, n := range bins {
		if rank -= n; rank < 0 {
			return uint8(i*8 + 4)
		}
	}
	return 255
}

// paper estimates the brightness of bare paper around every block: the brightest ground
// near by, smoothed. Type, bars and tiles disappear in it; shadows remain.
func (g grid) paper() []float64 {
	const reach = 4
	brightest := spread(g.light, g.w, g.h, reach, maxOf)
	brightest = spread(brightest, g.w, g.h, reach, minOf) // a slope of light keeps its place
	out := make([]float64, len(brightest))
	for i, v := range brightest {
		out[i] = max(minPaper, float64(v))
	}
	return smooth(smooth(out, g.w, g.h, reach), g.w, g.h, reach/2)
}

// dark finds blocks whose ground is a bar or tile: much darker than the paper near by, and
// not alone, for a single block may be a thick letter.
func (g grid) dark(paper []float64) []bool {
	raw := make([]bool, len(g.level))
	for i, v := range g.level {
		raw[i] = float64(v) < darkShare*paper[i]
	}
	out := make([]bool, len(raw))
	for y := range g.h {
		for x := 0; x < g.w; x++ {
			end := x
			for end < g.w && raw[y*g.w+end] {
				end++
			}
			if end-x >= 4 {
				for ; x < end; x++ {
					out[y*g.w+x] = true
				}
			}
			x = max(x, end)
		}
	}
	return out
}

const (
	deskShare = 0.5  // of the sheet's brightness: darker blocks are the desk around it
	leastArea = 0.25 // of the picture: a smaller bright part is not the sheet
)

// sheet tells which blocks belong to the sheet of paper: the largest bright part of the
// picture and what it surrounds. Where no such part stands out it is all.
func (g grid) sheet() []bool {
	sorted := slices.Clone(g.light)
	slices.Sort(sorted)
	threshold := uint8(deskShare * float64(sorted[len(sorted)*9/10]))
	part, area := g.largest(threshold)
	out := make([]bool, len(g.light))
	if float64(area) < leastArea*float64(len(out)) {
		for i := range out {
			out[i] = true
		}
		return out
	}
	left, right := make([]int, g.h), make([]int, g.h)
	top, bottom := make([]int, g.w), make([]int, g.w)
	for y := range g.h {
		left[y], right[y] = g.w, -1
	}
	for x := range g.w {
		top[x], bottom[x] = g.h, -1
	}
	for i, in := range part {
		if x, y := i%g.w, i/g.w; in {
			left[y], right[y] = min(left[y], x), max(right[y], x)
			top[x], bottom[x] = min(top[x], y), max(bottom[x], y)
		}
	}
	for i := range out {
		x, y := i%g.w, i/g.w
		out[i] = x >= left[y] && x <= right[y] && y >= top[x] && y <= bottom[x]
	}
	return out
}

// largest finds the largest connected part of blocks at least as bright as the threshold.
func (g grid) largest(threshold uint8) (part []bool, area int) {
	seen := make([]bool, len(g.light))
	var best []int
	for start := range g.light {
		if seen[start] || g.light[start] < threshold {
			continue
		}
		seen[start] = true
		cells := []int{start}
		for i := 0; i < len(cells); i++ {
			x, y := cells[i]%g.w, cells[i]/g.w
			for _, n := range [][2]int{{x - 1, y}, {x + 1, y}, {x, y - 1}, {x, y + 1}} {
				at := n[1]*g.w + n[0]
				if n[0] < 0 || n[1] < 0 || n[0] >= g.w || n[1] >= g.h || seen[at] || g.light[at] < threshold {
					continue
				}
				seen[at] = true
				cells = append(cells, at)
			}
		}
		if len(cells) > len(best) {
			best = cells
		}
	}
	part = make([]bool, len(g.light))
	for _, i := range best {
		part[i] = true
	}
	return part, len(best)
}

func maxOf(a, b uint8) uint8 { return max(a, b) }
func minOf(a, b uint8) uint8 { return min(a, b) }

// spread is the greatest or the least over a square of the given reach.
func spread(v []uint8, w, h, reach int, of func(a, b uint8) uint8) []uint8 {
	pass := func(in []uint8, n, step, lines, lineStep int) []uint8 {
		out := make([]uint8, len(in))
		for l := range lines {
			for i := range n {
				m := in[l*lineStep+i*step]
				for j := max(0, i-reach); j <= min(n-1, i+reach); j++ {
					m = of(m, in[l*lineStep+j*step])
				}
				out[l*lineStep+i*step] = m
			}
		}
		return out
	}
	return pass(pass(v, w, 1, h, w), h, w, w, 1)
}

// smooth is the mean over a square of the given reach.
func smooth(v []float64, w, h, reach int) []float64 {
	pass := func(in []float64, n, step, lines, lineStep int) []float64 {
		out := make([]float64, len(in))
		for l := range lines {
			for i := range n {
				sum, count := 0.0, 0
				for j := max(0, i-reach); j <= min(n-1, i+reach); j++ {
					sum += in[l*lineStep+j*step]
					count++
				}
				out[l*lineStep+i*step] = sum / float64(count)
			}
		}
		return out
	}
	return pass(pass(v, w, 1, h, w), h, w, w, 1)
}
