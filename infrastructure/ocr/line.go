package ocr

import (
	"image"
	"math"
	"slices"
)

// piece is a connected piece of ink, with its place when the curl of the page is taken out.
type piece struct {
	image.Rectangle
	top, foot float64
}

func (p *piece) middle() float64 { return float64(p.Min.X+p.Max.X) / 2 }
func (p *piece) height() float64 { return p.foot - p.top }

// cell is a run of pieces with no wide gap: a few words, or the content of a table's cell.
type cell struct {
	pieces []*piece // left to right
	x0, x1 int
}

// textLine is a row of cells on one level. Capitals stand from base up to base-capital.
type textLine struct {
	cells         []cell
	base, capital float64
}

const (
	leastHeight = 0.28 // of the usual height: smaller pieces are marks, not letters
	lowHeight   = 0.55 // of the usual height: small letters are higher
	mostHeight  = 3.2  // of the usual height: taller pieces are pictures, braces or stains
	cellGap     = 1.3  // of the height of type: a wider gap parts two cells
	leastDash   = 0.15 // of the height of type above the base: no minus or equals sign is lower
	mostDash    = 0.8  // and none higher
)

// inkOf parts the pieces of ink on a page without rules into letters and smaller marks.
// Usual is the height of most type.
func inkOf(page *image.Gray, usual float64) (letters, marks []*piece) {
	pieces(page, faintInk, func(box image.Rectangle) {
		w, h := float64(box.Dx()), float64(box.Dy())
		p := &piece{Rectangle: box, top: float64(box.Min.Y), foot: float64(box.Max.Y)}
		switch {
		case h > mostHeight*usual || w > 12*usual && h > 1.5*usual || w*h < 3:
		case h >= leastHeight*usual && w < 8*usual:
			letters = append(letters, p)
		case w < 3*usual:
			marks = append(marks, p)
		}
	})
	return letters, marks
}

// linesOf finds the lines of type on a page without rules, and how they bend. Usual is the
// height of most type.
func linesOf(page *image.Gray, usual float64) ([]*textLine, curl) {
	letters, marks := inkOf(page, usual)
	bend := curlOf(chains(letters, usual), usual, page.Rect)
	for _, set := range [][]*piece{letters, marks} {
		for _, p := range set {
			shift := bend.at(p.middle(), float64(p.Min.Y+p.Max.Y)/2)
			p.top, p.foot = p.top-shift, p.foot-shift
		}
	}
	runs, small := parted(chains(letters, usual), usual)
	lines := joined(runs, usual)
	adopt(lines, append(marks, small...), usual)
	for _, l := range lines {
		l.cut()
	}
	return lines, bend
}

// chain is a run of letters, each the right neighbour of the one before.
type chain struct {
	pieces []*piece
}

// chains links letters to their right neighbours.
func chains(letters []*piece, usual float64) []chain {
	sorted := slices.Clone(letters)
	slices.SortStableFunc(sorted, func(a, b *piece) int { return a.Min.X - b.Min.X })
	// Rows of buckets keep the search to the neighbourhood.
	size := max(usual, 4)
	rows := map[int][]int{}
	for i, p := range sorted {
		for r := int(p.top / size); r <= int(p.foot/size); r++ {
			rows[r] = append(rows[r], i)
		}
	}
	next, taken := make([]int, len(sorted)), make([]bool, len(sorted))
	for i, a := range sorted {
		next[i] = -1
		best := math.Inf(1)
		for r := int(a.top / size); r <= int(a.foot/size); r++ {
			row := rows[r]
			from, _ := slices.BinarySearch(row, i+1)
			for _, k := range row[from:] {
				b := sorted[k]
				gap := float64(b.Min.X - a.Max.X)
				reach := cellGap * max(min(a.height(), b.height()), 0.7*usual)
				if float64(b.Min.X-a.Max.X) > cellGap*mostHeight*usual {
					break
				}
				over := min(a.foot, b.foot) - max(a.top, b.top)
				if b.middle() <= a.middle() || gap > reach || over < 0.45*min(a.height(), b.height()) || max(a.height(), b.height()) > 2.6*min(a.height(), b.height()) {
					continue
				}
				if gap = max(gap, 0) + math.Abs(a.foot-b.foot)/2; gap < best {
					best, next[i] = gap, k
				}
			}
		}
	}
	for i, k := range next {
		if k >= 0 && taken[k] {
			next[i] = -1
		} else if k >= 0 {
			taken[k] = true
		}
	}
	var out []chain
	for i := range sorted {
		if taken[i] {
			continue
		}
		var c chain
		for k := i; k >= 0; k = next[k] {
			c.pieces = append(c.pieces, sorted[k])
		}
		out = append(out, c)
	}
	return out
}

// parted takes out short chains of low pieces: commas and dashes, not letters.
func parted(all []chain, usual float64) (runs []chain, small []*piece) {
	for _, c := range all {
		if len(c.pieces) < 3 && !slices.ContainsFunc(c.pieces, func(p *piece) bool { return p.height() > lowHeight*usual }) {
			small = append(small, c.pieces...)
			continue
		}
		runs = append(runs, c)
	}
	return runs, small
}

// level is where the chain's letters stand: the median of their feet, for few have tails.
func (c chain) level() float64 {
	feet := make([]float64, len(c.pieces))
	for i, p := range c.pieces {
		feet[i] = p.foot
	}
	return median(feet)
}

// tall is the height of capitals over the level: near the highest of the chain's pieces.
func tall(ps []*piece, base float64) float64 {
	heights := make([]float64, 0, len(ps))
	for _, p := range ps {
		heights = append(heights, base-p.top)
	}
	slices.Sort(heights)
	return heights[len(heights)*85/100]
}

// joined gathers chains on one level into lines, beginning with the longest, which know
// their level best.
func joined(chains []chain, usual float64) []*textLine {
	slices.SortStableFunc(chains, func(a, b chain) int { return len(b.pieces) - len(a.pieces) })
	var lines []*textLine
	for _, c := range chains {
		base := c.level()
		height := tall(c.pieces, base)
		var best *textLine
		nearest := math.Inf(1)
		for _, l := range lines {
			off := math.Abs(l.base - base)
			if off >= nearest || off > 0.35*min(l.capital, max(height, usual*0.6)) || height > 1.5*l.capital {
				continue
			}
			best, nearest = l, off
		}
		if best == nil && len(c.pieces) < 3 {
			// Too short to know its level: the middle decides.
			for _, l := range lines {
				off := math.Abs(l.base - l.capital/2 - (base - height/2))
				if off < 0.5*l.capital && off < nearest && height < 1.7*l.capital {
					best, nearest = l, off
				}
			}
		}
		if best == nil {
			best = &textLine{base: base, capital: max(height, 3)}
			lines = append(lines, best)
			best.cells = []cell{{}}
		}
		best.cells[0].pieces = append(best.cells[0].pieces, c.pieces...)
	}
	slices.SortStableFunc(lines, func(a, b *textLine) int {
		return int(math.Copysign(1, a.base-b.base))
	})
	return lines
}

// adopt gives the marks (dots, signs, commas, accents) to the lines they stand in.
func adopt(lines []*textLine, marks []*piece, usual float64) {
	for _, m := range marks {
		y := (m.top + m.foot) / 2
		flat := float64(m.Dx()) > 1.5*m.height()
		var best *textLine
		nearest := math.Inf(1)
		for _, l := range lines {
			off := 0.0
			if over := (l.base - y) / l.capital; flat && (over < leastDash || over > mostDash) {
				continue // what is left of a rule
			}
			switch {
			case y < l.base-l.capital:
				off = l.base - l.capital - y
			case y > l.base:
				off = y - l.base
			}
			if off < nearest && off < 0.35*l.capital {
				best, nearest = l, off
			}
		}
		if best != nil {
			best.cells[0].pieces = append(best.cells[0].pieces, m)
		}
	}
}

// cut parts the line into cells at wide gaps.
func (l *textLine) cut() {
	ps := l.cells[0].pieces
	slices.SortStableFunc(ps, func(a, b *piece) int { return a.Min.X - b.Min.X })
	l.cells = l.cells[:0]
	for _, p := range ps {
		if n := len(l.cells); n > 0 && float64(p.Min.X-l.cells[n-1].x1) < cellGap*l.capital {
			c := &l.cells[n-1]
			c.pieces = append(c.pieces, p)
			c.x1 = max(c.x1, p.Max.X)
			continue
		}
		l.cells = append(l.cells, cell{pieces: []*piece{p}, x0: p.Min.X, x1: p.Max.X})
	}
}

// gap is the usual width of paper between the cell's pieces, 0 where they touch.
func (c *cell) gap() float64 {
	var gaps []float64
	end := c.x0
	for i, p := range c.pieces {
		if i > 0 {
			gaps = append(gaps, float64(max(0, p.Min.X-end)))
		}
		end = max(end, p.Max.X)
	}
	if len(gaps) == 0 {
		return 0
	}
	return median(gaps)
}
