package ocr

import "image"

const (
	faintest = 215 // of 255 on a normalised page: a block with nothing darker holds no type
	fullInk  = 60  // as dark as type becomes
	inkShare = 20  // one pixel in so many of a block with type is its ink
)

// Darken makes pale type as dark as other type, in place, on a normalised page: thin strokes
// of small type, spread by a lens or by compression, are grey.
func Darken(page *image.Gray) {
	w, h := page.Rect.Dx(), page.Rect.Dy()
	if w == 0 || h == 0 {
		return
	}
	g := grid{w: (w + block - 1) / block, h: (h + block - 1) / block}
	g.level = make([]uint8, g.w*g.h)
	for by := range g.h {
		for bx := range g.w {
			var bins [32]int
			n := 0
			for y := by * block; y < min((by+1)*block, h); y++ {
				for _, v := range page.Pix[y*page.Stride+bx*block : y*page.Stride+min((bx+1)*block, w)] {
					bins[v>>3]++
					n++
				}
			}
			g.level[by*g.w+bx] = percentile(bins, n/inkShare)
		}
	}
	darkest := spread(g.level, g.w, g.h, 1, minOf)
	levels := make([]float64, len(darkest))
	for i, v := range darkest {
		if v > faintest {
			v = fullInk
		}
		levels[i] = float64(max(v, fullInk))
	}
	levels = smooth(levels, g.w, g.h, 1)
	for by := range g.h {
		for bx := range g.w {
			level := levels[by*g.w+bx]
			if level < fullInk+8 {
				continue
			}
			gain := int(65536 * (255 - fullInk) / (255 - level))
			for y := by * block; y < min((by+1)*block, h); y++ {
				row := page.Pix[y*page.Stride+bx*block : y*page.Stride+min((bx+1)*block, w)]
				for x, v := range row {
					row[x] = byte(max(0, 255-(255-int(v))*gain>>16))
				}
			}
		}
	}
}
