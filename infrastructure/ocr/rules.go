package ocr

import (
	"image"
	"slices"
)

// RemoveRules whitens the rules of tables: long straight runs of ink that are thin. Letters
// in narrow cells are lost to the recogniser otherwise.
func RemoveRules(page *image.Gray) {
	w, h := page.Rect.Dx(), page.Rect.Dy()
	long := max(60, min(w, h)/25)
	mark := make([]bool, w*h)
	markRuns(page, mark, w, h, 1, page.Stride, w, 1, long)
	markRuns(page, mark, h, w, page.Stride, 1, 1, w, long)
	for y := range h {
		for x := range w {
			if mark[y*w+x] {
				page.Pix[y*page.Stride+x] = 255
			}
		}
	}
}

const (
	ruleInk   = 210 // rules are often grey
	ruleGap   = 3   // pixels of a break in a run
	ruleThick = 7   // pixels; anything thicker is no rule
)

// markRuns marks long thin runs along lines of n pixels; step and lineStep walk the page,
// markLine and markStep the marks.
func markRuns(page *image.Gray, mark []bool, n, lines, step, lineStep, markLine, markStep, long int) {
	dark := func(line, i int) bool {
		return line >= 0 && line < lines && page.Pix[line*lineStep+i*step] < ruleInk
	}
	for line := range lines {
		for i := 0; i < n; i++ {
			if !dark(line, i) {
				continue
			}
			last := i
			for j := i + 1; j < n && j-last <= ruleGap; j++ {
				if dark(line, j) {
					last = j
				}
			}
			if last-i >= long {
				for j := i; j <= last; j++ {
					if thickness(dark, line, j) <= ruleThick {
						for d := -1; d <= 1; d++ {
							if l := line + d; l >= 0 && l < lines {
								mark[l*markLine+j*markStep] = true
							}
						}
					}
				}
			}
			i = last
		}
	}
}

// thickness of the ink across the line at i, counted up to just above what a rule has.
func thickness(dark func(line, i int) bool, line, i int) int {
	n := 1
	for d := 1; d <= ruleThick && dark(line-d, i); d++ {
		n++
	}
	for d := 1; d <= ruleThick && dark(line+d, i); d++ {
		n++
	}
	return n
}

// typeHeight is the usual height of capitals and digits in pixels: of the connected pieces
// of ink that may be characters, a high quartile. 0 when there are too few.
func typeHeight(page *image.Gray) float64 {
	var heights []int
	pieces(page, func(box image.Rectangle) {
		w, h := box.Dx(), box.Dy()
		if h >= 5 && h <= 80 && w >= 2 && w <= 3*h && h <= 6*w {
			heights = append(heights, h)
		}
	})
	if len(heights) < 30 {
		return 0
	}
	slices.Sort(heights)
	return float64(heights[len(heights)*7/10])
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
