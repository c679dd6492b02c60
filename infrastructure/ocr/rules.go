package ocr

import (
	"encoding/binary"
	"image"
	"math"
	"math/bits"
	"slices"
)

// RemoveRules whitens the rules of tables: long straight runs of ink that are thin. Letters
// in narrow cells are lost to the recogniser otherwise.
func RemoveRules(page *image.Gray) {
	w, h := page.Rect.Dx(), page.Rect.Dy()
	long := max(60, min(w, h)/25)
	across := lines{page.Pix, h, page.Stride, 1}
	down := lines{page.Pix, w, 1, page.Stride}
	starts, lasts := make([]int, w), make([]int, w)
	for x := range lasts {
		lasts[x] = -ruleGap - 1
	}
	marks := make([]uint64, (len(page.Pix)+63)/64) // a bit a pixel
	for y := range h {
		row := page.Pix[y*page.Stride : y*page.Stride+w]
		start, last := 0, -ruleGap-1
		for x := 0; x < w; x++ {
			if row[x] >= ruleInk {
				x += blank(row[x:])
				continue
			}
			if x-last > ruleGap {
				if last-start >= long {
					across.mark(marks, y, start, last)
				}
				start = x
			}
			last = x
			if y-lasts[x] > ruleGap {
				if lasts[x]-starts[x] >= long {
					down.mark(marks, x, starts[x], lasts[x])
				}
				starts[x] = y
			}
			lasts[x] = y
		}
		if last-start >= long {
			across.mark(marks, y, start, last)
		}
	}
	for x, last := range lasts {
		if last-starts[x] >= long {
			down.mark(marks, x, starts[x], last)
		}
	}
	for i, word := range marks {
		for ; word != 0; word &= word - 1 {
			page.Pix[i*64+bits.TrailingZeros64(word)] = 255
		}
	}
}

const (
	ruleInk   = 210 // rules are often grey
	ruleGap   = 3   // pixels of a break in a run
	ruleThick = 7   // pixels; anything thicker is no rule
)

// blank tells how many pixels after the first can be passed over for being white: most of a
// page is.
func blank(row []byte) int {
	n := 0
	for len(row) >= n+8 && binary.NativeEndian.Uint64(row[n:]) == math.MaxUint64 {
		n += 8
	}
	return max(0, n-1)
}

// lines are the rows or the columns of a page.
type lines struct {
	pix            []byte
	count          int
	lineStep, step int
}

func (l lines) dark(line, i int) bool {
	return line >= 0 && line < l.count && l.pix[line*l.lineStep+i*l.step] < ruleInk
}

// mark sets the bits of a run's ink and its borders, where it is thin.
func (l lines) mark(marks []uint64, line, first, last int) {
	for i := first; i <= last; i++ {
		if l.thickness(line, i) > ruleThick {
			continue
		}
		for near := max(0, line-1); near <= min(line+1, l.count-1); near++ {
			at := near*l.lineStep + i*l.step
			marks[at/64] |= 1 << (at % 64)
		}
	}
}

// thickness of the ink across the line at i, counted up to just above what a rule has.
func (l lines) thickness(line, i int) int {
	n := 1
	for d := 1; d <= ruleThick && l.dark(line-d, i); d++ {
		n++
	}
	for d := 1; d <= ruleThick && l.dark(line+d, i); d++ {
		n++
	}
	return n
}

// typeHeight is the usual height of capitals and digits in pixels: of the connected pieces
// of ink that may be characters, a high quartile. 0 when there are too few.
func typeHeight(page *image.Gray) float64 {
	var heights []int
	pieces(page, func(box image.Rectangle) {
		if character(box) {
			heights = append(heights, box.Dy())
		}
	})
	if len(heights) < 30 {
		return 0
	}
	slices.Sort(heights)
	return float64(heights[len(heights)*7/10])
}

// character tells whether a piece of ink may be one.
func character(box image.Rectangle) bool {
	w, h := box.Dx(), box.Dy()
	return h >= 5 && h <= 80 && w >= 2 && w <= 3*h && h <= 6*w
}

// pieces calls with the bounds of every connected piece of ink, by joining runs of
// neighbouring rows.
func pieces(page *image.Gray, found func(image.Rectangle)) {
	type run struct{ x0, x1, piece int }
	var boxes []image.Rectangle
	var parent []int
	root := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	w, h := page.Rect.Dx(), page.Rect.Dy()
	var above, current []run
	for y := range h {
		current = current[:0]
		row := page.Pix[y*page.Stride : y*page.Stride+w]
		next := 0
		for x := 0; x < w; x++ {
			if row[x] >= ink {
				x += blank(row[x:])
				continue
			}
			start := x
			for x < w && row[x] < ink {
				x++
			}
			r := run{start, x, -1}
			for next < len(above) && above[next].x1 < start {
				next++
			}
			for k := next; k < len(above) && above[k].x0 <= x; k++ {
				p := root(above[k].piece)
				if r.piece < 0 {
					r.piece = p
				} else if p != r.piece {
					parent[p] = r.piece
					boxes[r.piece] = boxes[r.piece].Union(boxes[p])
				}
			}
			if r.piece < 0 {
				r.piece = len(parent)
				parent = append(parent, r.piece)
				boxes = append(boxes, image.Rectangle{})
			}
			boxes[r.piece] = boxes[r.piece].Union(image.Rect(start, y, x, y+1))
			current = append(current, r)
		}
		above, current = current, above
	}
	for i := range parent {
		if parent[i] == i {
			found(boxes[i])
		}
	}
}
