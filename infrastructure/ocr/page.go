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

	hopelessWords = 8 // fewer than this even head to foot: it may lie on its side
)

// upright reads the picture, turning it where it does not stand upright.
func (e *Engine) upright(ctx context.Context, picture *image.Gray) (application.Recognised, error) {
	flat := Normalise(picture)
	turn := 0
	if lying(flat) {
		turn = 90
	}
	best, score, err := e.attempt(ctx, flat, turn)
	if err != nil || score >= poorWords {
		return best, err
	}
	for _, other := range []int{180, 270, 90} {
		turned, better, err := e.attempt(ctx, flat, (turn+other)%360)
		if err != nil {
			return best, err
		}
		if better > score {
			best, score = turned, better
		}
		if score >= hopelessWords {
			break
		}
	}
	return best, nil
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
