package ocr

import (
	"context"
	"image"

	"github.com/otiai10/gosseract/v2"

	"asprak/application"
	"asprak/domain/transcript"
)

const (
	targetHeight = 22   // pixels from foot to top of a capital that Tesseract reads best
	maxScale     = 3.0  // enlarging further adds no detail
	minScale     = 0.4  // of huge photos
	maxSide      = 5000 // pixels of a prepared picture's longer side
	poorWords    = 25   // fewer sure words than this: the page may stand on its head
	sure         = 0.7

	doubtful   = 0.55 // a page whose type may run from top to bottom: its turn is tried first
	plainWords = 12   // more sure words than a part shows in any but its right position
)

// upright reads the picture, turning it where it does not stand upright. Where the lines
// of type leave room for doubt the turn is tried on a part of the picture first; otherwise
// only if what was read makes little sense.
func (e *Engine) upright(ctx context.Context, picture *image.Gray) (application.Recognised, error) {
	flat := Normalise(picture)
	lean := lying(flat)
	if lean > doubtful {
		turn, err := e.probe(ctx, flat, lean)
		if err != nil {
			return application.Recognised{}, err
		}
		seen, _, err := e.attempt(ctx, flat, turn)
		return seen, err
	}
	best, score, err := e.attempt(ctx, flat, 0)
	if err != nil || score >= poorWords {
		return best, err
	}
	turn, err := e.probe(ctx, flat, lean)
	if err != nil || turn == 0 {
		return best, err
	}
	turned, better, err := e.attempt(ctx, flat, turn)
	if err == nil && better > score {
		best = turned
	}
	return best, err
}

// probe finds the turn under which the part of the picture that is fullest of type shows
// the most sure words; 0 when none does.
func (e *Engine) probe(ctx context.Context, flat *image.Gray, lean float64) (int, error) {
	part := fullest(flat)
	turns := []int{0, 180, 90, 270}
	if lean > doubtful && flat.Rect.Dx() > flat.Rect.Dy() {
		turns = []int{90, 270, 0, 180} // sheets are mostly higher than wide
	}
	turn, most := 0, 0
	for _, t := range turns {
		_, score, err := e.attempt(ctx, part, t)
		if err != nil {
			return 0, err
		}
		if score > most {
			turn, most = t, score
		}
		if most >= plainWords {
			break
		}
	}
	return turn, nil
}

// fullest is the square part of a page with the most pieces of ink that may be characters.
func fullest(page *image.Gray) *image.Gray {
	w, h := page.Rect.Dx(), page.Rect.Dy()
	side := min(w, h) / 3
	step := max(1, side/4)
	across, down := (w-side)/step+1, (h-side)/step+1
	counts := make([]int, across*down)
	pieces(page, func(box image.Rectangle) {
		if !character(box) {
			return
		}
		for y := max(0, (box.Max.Y-side+step-1)/step); y < down && y*step <= box.Min.Y; y++ {
			for x := max(0, (box.Max.X-side+step-1)/step); x < across && x*step <= box.Min.X; x++ {
				counts[y*across+x]++
			}
		}
	})
	best := 0
	for i, n := range counts {
		if n > counts[best] {
			best = i
		}
	}
	left, top := best%across*step, best/across*step
	part := image.NewGray(image.Rect(0, 0, side, side))
	for y := range side {
		from := (top+y)*page.Stride + left
		copy(part.Pix[y*side:(y+1)*side], page.Pix[from:from+side])
	}
	return part
}

// attempt reads the picture turned clockwise by the angle, and counts the words that are sure.
func (e *Engine) attempt(ctx context.Context, flat *image.Gray, turn int) (application.Recognised, int, error) {
	if err := ctx.Err(); err != nil {
		return application.Recognised{}, 0, err
	}
	page := Turn(flat, turn)
	seen := application.Recognised{Width: float64(page.Rect.Dx()), Height: float64(page.Rect.Dy()), Turn: turn}
	scale := pageScale(page)
	page = levelled(page, skew(page), scale)
	RemoveRules(page)
	words, err := e.read(page, gosseract.PSM_SINGLE_BLOCK)
	if err != nil {
		return seen, 0, err
	}
	score := 0
	for i, word := range words {
		b := word.Box
		words[i].Box = transcript.Box{X0: b.X0 / scale, Y0: b.Y0 / scale, X1: b.X1 / scale, Y1: b.Y1 / scale}
		if word.Confidence >= sure && len(word.Text) >= 3 {
			score++
		}
	}
	seen.Words = words
	return seen, score, nil
}

// pageScale is by how much to enlarge the page so that its type has the target height.
func pageScale(page *image.Gray) float64 {
	height := typeHeight(page)
	if height == 0 {
		return 1
	}
	scale := min(maxScale, max(minScale, targetHeight/height))
	longer := float64(max(page.Rect.Dx(), page.Rect.Dy()))
	return min(scale, maxSide/longer)
}
