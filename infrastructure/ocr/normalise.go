package ocr

import (
	"image"
	"slices"
)

const (
	block     = 16   // pixels of a cell in which the ground is measured
	ink       = 150  // of 255 on a normalised page: darker is ink
	faintInk  = 205  // of 255: the soft edges of ink are darker
	darkShare = 0.8  // of the paper's brightness: a ground below this is a coloured bar
	contrast  = 4    // of 32 steps: what differs so much from the ground is type
	leastBar  = 4    // blocks: a narrower dark part may be a thick letter
	longBar   = 8    // blocks: as high is a bar of a page that lies on its side
	steep     = 0.85 // of the paper's brightness: what is darker near by is not in the shade but another ground
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
	bars := ground.bars(picture, paper)
	borders := ground.borders(picture, bars, paper)
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
			case bars[cell] != paperGround && y%block >= borders[cell].Min.Y && y%block < borders[cell].Max.Y:
				left, right := first+borders[cell].Min.X, min(first+borders[cell].Max.X, last)
				stretch(to[first:left], from[first:left], paper[cell], paper[cell], 0)
				if own := ground.level[cell]; bars[cell] == lightOnDark {
					invert(to[left:right], from[left:right], int(own))
				} else {
					level := float64(max(own, minPaper))
					stretch(to[left:right], from[left:right], level, level, 0)
				}
				stretch(to[right:last], from[right:last], paper[cell], paper[cell], 0)
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

// invert makes what is lighter than the ground dark, and the ground white.
func invert(to, from []byte, ground int) {
	for i, v := range from {
		to[i] = byte(255 - min(255, 255*max(0, int(v)-ground)/max(255-ground, 60)))
	}
}

// grid holds a brightness for each block of a picture.
type grid struct {
	w, h  int
	level []uint8 // the most frequent brightness: the ground, of whatever colour
	light []uint8 // a high percentile: the paper, where there is any

	brighter, darker []int // pixels that stand out from the ground
}

func measure(picture *image.Gray) grid {
	w, h := picture.Rect.Dx(), picture.Rect.Dy()
	g := grid{w: (w + block - 1) / block, h: (h + block - 1) / block}
	g.level = make([]uint8, g.w*g.h)
	g.light = make([]uint8, g.w*g.h)
	g.brighter, g.darker = make([]int, g.w*g.h), make([]int, g.w*g.h)
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
			cell := by*g.w + bx
			g.level[cell], g.light[cell] = peak(bins), percentile(bins, n*85/100)
			for i, n := range bins {
				switch off := i - int(g.level[cell])/8; {
				case off >= contrast:
					g.brighter[cell] += n
				case off <= -contrast:
					g.darker[cell] += n
				}
			}
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
	return even(even(out, g.w, g.h, reach), g.w, g.h, reach/2)
}

// bar tells what kind of ground a block has.
type bar uint8

const (
	paperGround bar = iota
	lightOnDark     // a bar or tile with light type on it
	tinted          // one with dark type on it, or a sharp shadow
)

// bars finds the parts whose ground is much darker than the paper near by. Blocks that light
// type fills belong to the bar around them. What stands out on a part tells how its type is.
func (g grid) bars(picture *image.Gray, paper []float64) []bar {
	raw := make([]uint8, len(g.level))
	for i, v := range g.level {
		if float64(v) < darkShare*paper[i] {
			raw[i] = 1
		}
	}
	filled := spread(spread(raw, g.w, g.h, 1, maxOf), g.w, g.h, 1, minOf)
	g.cutShort(filled)
	out := make([]bar, len(raw))
	seen := make([]bool, len(raw))
	for start := range filled {
		if seen[start] || filled[start] == 0 {
			continue
		}
		part := g.connected(seen, start, func(i int) bool { return filled[i] != 0 })
		brighter, darker := 0, 0
		for _, i := range part {
			if raw[i] != 0 {
				brighter, darker = brighter+g.brighter[i], darker+g.darker[i]
			}
		}
		if !g.solid(picture, part, paper) {
			continue
		}
		kind := tinted
		if brighter > darker {
			kind = lightOnDark
		}
		for _, i := range part {
			out[i] = kind
			if raw[i] == 0 {
				g.level[i] = g.groundNear(i, raw)
			}
		}
	}
	return out
}

// cutShort takes out what is too narrow for a bar, as a bold letter right below one is. Bars of
// a page that lies on its side run from top to bottom.
func (g grid) cutShort(filled []uint8) {
	keep := make([]bool, len(filled))
	along := func(lines, lineStep, n, step, least int) {
		for l := range lines {
			for i := 0; i < n; {
				from := i
				for i < n && filled[l*lineStep+i*step] == filled[l*lineStep+from*step] {
					i++
				}
				for k := from; k < i && i-from >= least; k++ {
					keep[l*lineStep+k*step] = true
				}
			}
		}
	}
	along(g.h, g.w, g.w, 1, leastBar)
	along(g.w, 1, g.h, g.w, longBar)
	for i := range filled {
		if !keep[i] {
			filled[i] = 0
		}
	}
}

const (
	solidRows  = 2   // rows of a bar, at least, that no type interrupts
	solidParts = 0.6 // of its columns of blocks, at least, that have such rows
)

// solid tells a bar from bold type, which is as dark and fills as many blocks: over most of its
// length a bar has rows, or columns where it stands upright, without type.
func (g grid) solid(picture *image.Gray, part []int, paper []float64) bool {
	rows, columns := map[int]int{}, map[int]int{} // solid ones, by column and by row of blocks: as many as it is wide and high
	w, h := picture.Rect.Dx(), picture.Rect.Dy()
	for _, i := range part {
		bx, by := i%g.w, i/g.w
		limit := byte((float64(g.level[i]) + paper[i]) / 2)
		var lightRows, lightColumns [block]bool
		for y := by * block; y < min((by+1)*block, h); y++ {
			for x := bx * block; x < min((bx+1)*block, w); x++ {
				if picture.Pix[y*picture.Stride+x] >= limit {
					lightRows[y%block], lightColumns[x%block] = true, true
				}
			}
		}
		rows[bx] += dark(lightRows[:min(block, h-by*block)])
		columns[by] += dark(lightColumns[:min(block, w-bx*block)])
	}
	if len(columns) > len(rows) {
		rows = columns
	}
	full := 0
	for _, n := range rows {
		if n >= solidRows {
			full++
		}
	}
	return float64(full) >= solidParts*float64(len(rows))
}

func dark(light []bool) int {
	n := 0
	for _, l := range light {
		if !l {
			n++
		}
	}
	return n
}

// barSolid is the least share of dark pixels in the outermost row of a bar: bars have a rim
// without type.
const barSolid = 0.7

// borders are the parts of the blocks of bars that are of the bar: the last rows and columns of a
// block at its border may be paper.
func (g grid) borders(picture *image.Gray, bars []bar, paper []float64) []image.Rectangle {
	out := make([]image.Rectangle, len(bars))
	for i, kind := range bars {
		if kind == paperGround {
			continue
		}
		x, y := i%g.w, i/g.w
		size := image.Pt(min(block, picture.Rect.Dx()-x*block), min(block, picture.Rect.Dy()-y*block))
		part := image.Rectangle{Max: size}
		limit := byte((float64(g.level[i]) + paper[i]) / 2)
		dark := func(r image.Rectangle) float64 {
			n := 0
			for py := r.Min.Y; py < r.Max.Y; py++ {
				row := picture.Pix[(y*block+py)*picture.Stride+x*block:]
				for px := r.Min.X; px < r.Max.X; px++ {
					if row[px] < limit {
						n++
					}
				}
			}
			return float64(n) / float64(max(1, r.Dx()*r.Dy()))
		}
		at := func(dx, dy int) bool {
			nx, ny := x+dx, y+dy
			return nx >= 0 && ny >= 0 && nx < g.w && ny < g.h && bars[ny*g.w+nx] == paperGround
		}
		for at(0, -1) && part.Min.Y < part.Max.Y && dark(image.Rect(0, part.Min.Y, size.X, part.Min.Y+1)) < barSolid {
			part.Min.Y++
		}
		for at(0, 1) && part.Min.Y < part.Max.Y && dark(image.Rect(0, part.Max.Y-1, size.X, part.Max.Y)) < barSolid {
			part.Max.Y--
		}
		for at(-1, 0) && part.Min.X < part.Max.X && dark(image.Rect(part.Min.X, 0, part.Min.X+1, size.Y)) < barSolid {
			part.Min.X++
		}
		for at(1, 0) && part.Min.X < part.Max.X && dark(image.Rect(part.Max.X-1, 0, part.Max.X, size.Y)) < barSolid {
			part.Max.X--
		}
		out[i] = part
	}
	return out
}

// groundNear is the ground of the dark blocks around one that type fills.
func (g grid) groundNear(i int, raw []uint8) uint8 {
	sum, n := 0, 0
	x, y := i%g.w, i/g.w
	for ny := max(0, y-2); ny <= min(g.h-1, y+2); ny++ {
		for nx := max(0, x-2); nx <= min(g.w-1, x+2); nx++ {
			if at := ny*g.w + nx; raw[at] != 0 {
				sum, n = sum+int(g.level[at]), n+1
			}
		}
	}
	return uint8(sum / max(n, 1))
}

const (
	deskShare = 0.5  // of the sheet's brightness: darker blocks are the desk around it
	litShare  = 0.8  // of the sheet's brightness: it is nowhere darker but in the shade
	shade     = 0.8  // of a block's brightness has the one beside it within a shadow's edge
	leastArea = 0.25 // of the picture: a smaller bright part is not the sheet
)

// sheet tells which blocks belong to the sheet of paper: the largest bright part of the
// picture, with its shaded parts, and what it surrounds. Where no such part stands out it is all.
func (g grid) sheet() []bool {
	sorted := slices.Clone(g.light)
	slices.Sort(sorted)
	usual := float64(sorted[len(sorted)*9/10])
	part, area := g.largest(uint8(deskShare * usual))
	if lit, n := g.largest(uint8(litShare * usual)); g.intoShade(lit) {
		part, area = both(part, lit), max(area, n)
	}
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

// intoShade adds to the sheet's lit blocks those that are darker for a shadow that lies on it:
// light falls off over several blocks there, at an edge from one to the next. It reports false
// where that reaches a side of the picture that the lit part does not: it left the sheet.
func (g grid) intoShade(lit []bool) bool {
	brightest := spread(g.light, g.w, g.h, 1, maxOf)
	before := g.sides(lit)
	for i, in := range slices.Clone(lit) {
		if in {
			g.connected(lit, i, func(i int) bool { return float64(g.light[i]) >= shade*float64(brightest[i]) })
		}
	}
	return g.sides(lit) == before
}

func both(a, b []bool) []bool {
	out := slices.Clone(a)
	for i, in := range b {
		out[i] = out[i] || in
	}
	return out
}

// sides tells which of the picture's left, right, upper and lower sides the blocks touch.
func (g grid) sides(part []bool) (touched [4]bool) {
	for i, in := range part {
		if x, y := i%g.w, i/g.w; in {
			touched[0] = touched[0] || x == 0
			touched[1] = touched[1] || x == g.w-1
			touched[2] = touched[2] || y == 0
			touched[3] = touched[3] || y == g.h-1
		}
	}
	return touched
}

// largest finds the largest connected part of blocks at least as bright as the threshold.
func (g grid) largest(threshold uint8) (part []bool, area int) {
	seen := make([]bool, len(g.light))
	var best []int
	for start := range g.light {
		if seen[start] || g.light[start] < threshold {
			continue
		}
		if cells := g.connected(seen, start, func(i int) bool { return g.light[i] >= threshold }); len(cells) > len(best) {
			best = cells
		}
	}
	part = make([]bool, len(g.light))
	for _, i := range best {
		part[i] = true
	}
	return part, len(best)
}

// connected are the blocks of the kind that hang together with the first, which become seen.
func (g grid) connected(seen []bool, first int, of func(int) bool) []int {
	seen[first] = true
	cells := []int{first}
	for i := 0; i < len(cells); i++ {
		for _, at := range g.beside(cells[i]) {
			if !seen[at] && of(at) {
				seen[at] = true
				cells = append(cells, at)
			}
		}
	}
	return cells
}

// beside are the blocks left and right, above and below.
func (g grid) beside(i int) []int {
	near := make([]int, 0, 4)
	if i%g.w > 0 {
		near = append(near, i-1)
	}
	if i%g.w < g.w-1 {
		near = append(near, i+1)
	}
	if i >= g.w {
		near = append(near, i-g.w)
	}
	if i+g.w < len(g.light) {
		near = append(near, i+g.w)
	}
	return near
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

// even is the mean over a square of the given reach without what is much darker than its
// middle, so that paper beside a desk, a bar or a tile is as bright as elsewhere.
func even(v []float64, w, h, reach int) []float64 {
	out := make([]float64, len(v))
	for y := range h {
		for x := range w {
			least, sum, count := steep*v[y*w+x], 0.0, 0
			for ny := max(0, y-reach); ny <= min(h-1, y+reach); ny++ {
				for _, near := range v[ny*w+max(0, x-reach) : ny*w+min(w-1, x+reach)+1] {
					if near >= least {
						sum += near
						count++
					}
				}
			}
			out[y*w+x] = sum / float64(count)
		}
	}
	return out
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
