package ocr

import (
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"os"
	"slices"
	"strings"

	"github.com/otiai10/gosseract/v2"

	"asprak/application"
	"asprak/domain/transcript"
)

// tesseract is a warm Tesseract. It segments pages by other rules than this package and adds
// dictionaries, at some ten times the cost, so it is asked where a first look left doubts.
type tesseract struct {
	client *gosseract.Client
	pages  int
	buffer []byte // of the serialised page, for the next
}

// Variables set once per engine. A second look at every line inverted is not needed after
// Normalise. The test for type of one width mistakes columns of digits for it.
var variables = map[gosseract.SettableVariable]string{
	"tessedit_do_invert":         "0",
	"textord_disable_pitch_test": "1",
	"debug_file":                 os.DevNull,
	"user_defined_dpi":           "300",
}

const (
	targetHeight = 22   // pixels from foot to top of a capital that Tesseract reads best
	maxScale     = 3.0  // enlarging further adds no detail
	minScale     = 0.4  // of huge photos
	maxSide      = 5000 // pixels of a prepared picture's longer side
)

func newTesseract(options Options) (*tesseract, error) {
	client := gosseract.NewClient()
	client.Trim = false
	if options.DataDir != "" {
		_ = client.SetTessdataPrefix(options.DataDir)
	}
	_ = client.SetLanguage(options.Languages...)
	for k, v := range variables {
		_ = client.SetVariable(k, v)
	}
	if err := client.SetPageSegMode(gosseract.PSM_SINGLE_BLOCK); err != nil {
		return nil, fmt.Errorf("ocr: start: %w", err)
	}
	return &tesseract{client: client}, nil
}

// Again reads the picture, which stands upright when turned by the angle, with Tesseract
// itself.
func (e *Engine) Again(ctx context.Context, picture *image.Gray, turn int) (application.Recognised, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return application.Recognised{}, err
	}
	if e.tesseract != nil && e.tesseract.pages >= e.options.RecycleAfter {
		if err := e.stop(); err != nil {
			return application.Recognised{}, err
		}
	}
	if e.tesseract == nil {
		t, err := newTesseract(e.options)
		if err != nil {
			return application.Recognised{}, err
		}
		e.tesseract = t
	}
	page := Turn(Normalise(picture), turn)
	seen := application.Recognised{Width: float64(page.Rect.Dx()), Height: float64(page.Rect.Dy()), Turn: turn}
	height := typeHeight(page)
	scale := pageScale(page, height)
	page = levelled(page, skew(page), scale)
	usual := height * scale
	RemoveRules(page, usual)
	letters, _ := inkOf(page, usual)
	page = curlOf(chains(letters, usual), usual, page.Rect).flattened(page, usual)
	words, err := e.tesseract.read(page)
	if err != nil {
		return seen, err
	}
	for i, word := range words {
		words[i].Box = scaled(word.Box, 1/scale)
	}
	seen.Words = words
	return seen, nil
}

// pageScale is by how much to enlarge a page with type of the height for Tesseract.
func pageScale(page *image.Gray, height float64) float64 {
	if height == 0 {
		return 1
	}
	scale := min(maxScale, max(minScale, targetHeight/height))
	longer := float64(max(page.Rect.Dx(), page.Rect.Dy()))
	return min(scale, maxSide/longer)
}

// read recognises a prepared picture. Boxes are in its pixels.
func (t *tesseract) read(picture *image.Gray) ([]transcript.Word, error) {
	t.pages++
	t.buffer = serialised(t.buffer[:0], picture)
	if err := t.client.SetImageFromBytes(t.buffer); err != nil {
		return nil, fmt.Errorf("ocr: %w", err)
	}
	boxes, err := t.client.GetBoundingBoxes(gosseract.RIL_WORD)
	if err != nil {
		return nil, fmt.Errorf("ocr: %w", err)
	}
	words := make([]transcript.Word, 0, len(boxes))
	for _, b := range boxes {
		text := strings.TrimSpace(b.Word)
		if text == "" || b.Box.Empty() {
			continue
		}
		words = append(words, transcript.Word{
			Text:       text,
			Box:        transcript.Box{X0: float64(b.Box.Min.X), Y0: float64(b.Box.Min.Y), X1: float64(b.Box.Max.X), Y1: float64(b.Box.Max.Y)},
			Confidence: min(1, max(0, b.Confidence/100)),
			Source:     transcript.Pixels,
		})
	}
	return words, nil
}

// serialised appends a picture in Leptonica's own form, which it takes with one copy: a header
// of words in the machine's order, then rows of words whose highest byte is the leftmost
// pixel.
func serialised(out []byte, picture *image.Gray) []byte {
	w, h := picture.Rect.Dx(), picture.Rect.Dy()
	line := (w + 3) / 4
	order := binary.NativeEndian
	out = slices.Grow(out, 28+4*line*h)
	out = append(out, "spix"...)
	const depth, colours = 8, 0
	for _, v := range []int{w, h, depth, line, colours, 4 * line * h} {
		out = order.AppendUint32(out, uint32(v))
	}
	for y := range h {
		row := picture.Pix[y*picture.Stride : y*picture.Stride+w]
		for ; len(row) >= 4; row = row[4:] {
			out = order.AppendUint32(out, binary.BigEndian.Uint32(row))
		}
		if len(row) > 0 {
			var rest [4]byte
			copy(rest[:], row)
			out = order.AppendUint32(out, binary.BigEndian.Uint32(rest[:]))
		}
	}
	return out
}
