package ocr

import (
	"image"
	"slices"
)

// typeHeight is the usual height of capitals and digits in pixels: of the connected pieces
// of ink that may be characters, a high quartile. 0 when there are too few.
func typeHeight(page *image.Gray) float64 {
	var heights []int
	pieces(page, ink, func(box image.Rectangle) {
		if character(box) {
			heights = append(heights, box.Dy())
		}
	})
	if len(heights) < 10 {
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

// pieces calls with the bounds of every connected piece of what is darker than the level,
// by joining runs of neighbouring rows. A piece has ink somewhere: paler ones are stains.
func pieces(page *image.Gray, level byte, found func(image.Rectangle)) {
	type run struct{ x0, x1, piece int }
	var boxes []image.Rectangle
	var darkest []byte
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
			if row[x] >= level {
				x += blank(row[x:])
				continue
			}
			start := x
			dark := row[x]
			for x < w && row[x] < level {
				dark = min(dark, row[x])
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
					darkest[r.piece] = min(darkest[r.piece], darkest[p])
				}
			}
			if r.piece < 0 {
				r.piece = len(parent)
				parent = append(parent, r.piece)
				boxes = append(boxes, image.Rectangle{})
				darkest = append(darkest, 255)
			}
			boxes[r.piece] = boxes[r.piece].Union(image.Rect(start, y, x, y+1))
			darkest[r.piece] = min(darkest[r.piece], dark)
			current = append(current, r)
		}
		above, current = current, above
	}
	for i := range parent {
		if parent[i] == i && darkest[i] < ink {
			found(boxes[i])
		}
	}
}
