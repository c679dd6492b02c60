package ocr

import (
	"encoding/binary"
	"image"
	"math"
	"math/bits"
)

// RemoveRules whitens the rules of tables: long straight runs of ink that are thin. Letters
// in narrow cells are lost to the recogniser otherwise. Usual is the height of most type.
func RemoveRules(page *image.Gray, usual float64) {
	w, h := page.Rect.Dx(), page.Rect.Dy()
	long := max(60, min(w, h)/25)
	wide := max(long, int(ruleWide*usual))
	gap := min(ruleGap, max(1, int(usual/6)))
	thick := min(ruleThick, max(3, int(usual*0.4)))
	across := lines{page.Pix, h, page.Stride, 1, thick, ruleThin}
	down := lines{page.Pix, w, 1, page.Stride, ruleThick, 0}
	starts, lasts := make([]int, w), make([]int, w)
	for x := range lasts {
		lasts[x] = -gap - 1
	}
	size := (len(page.Pix) + 63) / 64
	marks, thickAcross, thickDown := make([]uint64, size), make([]uint64, size), make([]uint64, size) // a bit a pixel
	for y := range h {
		row := page.Pix[y*page.Stride : y*page.Stride+w]
		start, last := 0, -gap-1
		for x := 0; x < w; x++ {
			if row[x] >= ruleInk {
				x += blank(row[x:])
				continue
			}
			if x-last > gap {
				if last-start >= wide {
					across.mark(marks, thickAcross, y, start, last)
				}
				start = x
			}
			last = x
			if y-lasts[x] > gap {
				if lasts[x]-starts[x] >= long {
					down.mark(marks, thickDown, x, starts[x], lasts[x])
				}
				starts[x] = y
			}
			lasts[x] = y
		}
		if last-start >= wide {
			across.mark(marks, thickAcross, y, start, last)
		}
	}
	for x, last := range lasts {
		if last-starts[x] >= long {
			down.mark(marks, thickDown, x, starts[x], last)
		}
	}
	for i, word := range marks {
		word |= thickAcross[i] & thickDown[i] // where rules cross
		for ; word != 0; word &= word - 1 {
			page.Pix[i*64+bits.TrailingZeros64(word)] = 255
		}
	}
}

const (
	ruleInk   = 210 // rules are often grey
	ruleGap   = 3   // pixels: no break in a run is wider
	ruleWide  = 7   // times the height of type: letters that touch make shorter runs
	ruleThick = 7   // pixels; no rule is thicker
	ruleThin  = 0.5 // of a rule is thin; the rest is where others cross it, or letters touch it
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
	thick          int     // pixels; anything thicker is no rule
	thin           float64 // of a run must be no thicker
}

func (l lines) dark(line, i int) bool {
	return line >= 0 && line < l.count && l.pix[line*l.lineStep+i*l.step] < ruleInk
}

// mark sets the bits of a run's ink and its borders in marks, where it is thin, and in thick
// where it is not.
func (l lines) mark(marks, thick []uint64, line, first, last int) {
	thin := 0
	for i := first; i <= last; i++ {
		if l.thickness(line, i) <= l.thick {
			thin++
		}
	}
	if float64(thin) < l.thin*float64(last-first+1) {
		return
	}
	for i := first; i <= last; i++ {
		into := marks
		if l.thickness(line, i) > l.thick {
			into = thick
		}
		for near := max(0, line-1); near <= min(line+1, l.count-1); near++ {
			at := near*l.lineStep + i*l.step
			into[at/64] |= 1 << (at % 64)
		}
	}
}

// thickness of the ink across the line at i, counted up to just above what a rule has.
func (l lines) thickness(line, i int) int {
	n := 1
	for d := 1; d <= l.thick && l.dark(line-d, i); d++ {
		n++
	}
	for d := 1; d <= l.thick && l.dark(line+d, i); d++ {
		n++
	}
	return n
}
