package ocr

import (
	"context"
	"image"
	"unicode/utf8"

	"asprak/application"
	"asprak/domain/transcript"
)

const (
	mostType  = 32 // pixels from foot to top of a capital: larger type is scaled down
	leastType = 7  // pixels: smaller type cannot be read

	doubtful = 0.55 // a page whose type may run from top to bottom: its turn is tried first
)

// upright reads the picture, turning it where it does not stand upright. Where the lines
// of type leave room for doubt the turn is tried on a part of the picture first; otherwise
// only if what was read makes little sense.
func (e *Engine) upright(ctx context.Context, picture *image.Gray) (application.Recognised, error) {
	flat := Normalise(picture)
	Darken(flat)
	lean := lying(flat)
	if lean > doubtful {
		turn, err := e.probe(ctx, flat, lean)
		if err != nil {
			return application.Recognised{}, err
		}
		seen, _, err := e.attempt(ctx, flat, turn)
		return seen, err
	}
	best, sense, err := e.attempt(ctx, flat, 0)
	if err != nil || sense.plain() {
		return best, err
	}
	turn, err := e.probe(ctx, flat, lean)
	if err != nil || turn == 0 {
		return best, err
	}
	turned, other, err := e.attempt(ctx, flat, turn)
	if err == nil && other.sure > sense.sure {
		best = turned
	}
	return best, err
}

// sense is how much of what was read is surely language: of the words of three letters and
// more, the sure ones.
type sense struct{ sure, words int }

const (
	sureWord  = 0.9
	sureWords = 12  // as many are plain, and
	sureShare = 0.4 // this part: upside down, one in seven seems sure at most
)

func senseOf(words []transcript.Word) (s sense) {
	for _, w := range words {
		if utf8.RuneCountInString(w.Text) < 3 {
			continue
		}
		s.words++
		if w.Confidence >= sureWord {
			s.sure++
		}
	}
	return s
}

func (s sense) plain() bool {
	return s.sure >= sureWords && float64(s.sure) >= sureShare*float64(s.words)
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
		_, sense, err := e.attempt(ctx, part, t)
		if err != nil {
			return 0, err
		}
		if sense.plain() {
			return t, nil
		}
		if sense.sure > most {
			turn, most = t, sense.sure
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
	pieces(page, ink, func(box image.Rectangle) {
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

// attempt reads the picture turned clockwise by the angle.
func (e *Engine) attempt(ctx context.Context, flat *image.Gray, turn int) (application.Recognised, sense, error) {
	if err := ctx.Err(); err != nil {
		return application.Recognised{}, sense{}, err
	}
	page := Turn(flat, turn)
	seen := application.Recognised{Width: float64(page.Rect.Dx()), Height: float64(page.Rect.Dy()), Turn: turn}
	height := typeHeight(page)
	scale := 1.0
	if height > mostType {
		scale = mostType / height
	}
	page = levelled(page, skew(page), scale)
	RemoveRules(page, height*scale)
	lines, bend := linesOf(page, max(height*scale, leastType))
	for _, word := range words(e.networks, page, lines, bend) {
		word.Box = scaled(word.Box, 1/scale)
		seen.Words = append(seen.Words, word)
	}
	return seen, senseOf(seen.Words), nil
}

func scaled(b transcript.Box, by float64) transcript.Box {
	return transcript.Box{X0: b.X0 * by, Y0: b.Y0 * by, X1: b.X1 * by, Y1: b.Y1 * by}
}
