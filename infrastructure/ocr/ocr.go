// Package ocr reads words from pictures with Tesseract: preparation of the picture in Go,
// recognition through gosseract with a warm engine. It knows no file formats and no
// layout. Tesseract can hang, crash and leak, so this package belongs into a child
// process that may be killed.
package ocr

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/otiai10/gosseract/v2"

	"asprak/application"
	"asprak/domain/transcript"
)

// Options say how to run Tesseract. The zero value works.
type Options struct {
	Languages    []string // default: ind and eng
	DataDir      string   // folder of *.traineddata; default: where Tesseract looks by itself
	RecycleAfter int      // pages after which the engine is made anew, for it leaks; default 50
}

// Engine is a warm Tesseract. It is safe for concurrent use, one page at a time.
type Engine struct {
	options Options
	version string

	mu     sync.Mutex
	client *gosseract.Client
	pages  int
	buffer []byte // of the serialised page, for the next
}

var _ application.Recogniser = (*Engine)(nil)

// Variables set once per engine. A second look at every line inverted is not needed after
// Normalise. The test for type of one width mistakes columns of digits for it.
var variables = map[gosseract.SettableVariable]string{
	"tessedit_do_invert":         "0",
	"textord_disable_pitch_test": "1",
	"debug_file":                 os.DevNull,
	"user_defined_dpi":           "300",
}

// threadLimit must be "1" in the environment when the process starts, for the OpenMP
// runtime reads it before main: Tesseract's threads cost several times what they save.
const threadLimit = "OMP_THREAD_LIMIT"

// New loads the language data, so that the first page is as quick as the others. It fails
// where the process was started without OMP_THREAD_LIMIT=1.
func New(options Options) (*Engine, error) {
	if os.Getenv(threadLimit) != "1" {
		return nil, fmt.Errorf("ocr: the process must be started with %s=1", threadLimit)
	}
	if len(options.Languages) == 0 {
		options.Languages = []string{"ind", "eng"}
	}
	if options.RecycleAfter == 0 {
		options.RecycleAfter = 50
	}
	data, err := identity(options)
	if err != nil {
		return nil, err
	}
	e := &Engine{options: options}
	e.version = "tesseract/" + gosseract.Version() + " " + strings.Join(options.Languages, "+") + "/" + data
	if err := e.start(); err != nil {
		return nil, err
	}
	return e, nil
}

// identity is a short hash of the language data in use.
func identity(options Options) (string, error) {
	sum := sha256.New()
	for _, language := range options.Languages {
		f, err := openData(options.DataDir, language)
		if err != nil {
			return "", fmt.Errorf("ocr: language %s: %w", language, err)
		}
		_, err = io.Copy(sum, f)
		_ = f.Close()
		if err != nil {
			return "", fmt.Errorf("ocr: language %s: %w", language, err)
		}
	}
	return hex.EncodeToString(sum.Sum(nil))[:8], nil
}

func openData(dir, language string) (*os.File, error) {
	dirs := []string{dir}
	if dir == "" {
		dirs = []string{os.Getenv("TESSDATA_PREFIX"), "/usr/share/tesseract-ocr/5/tessdata", "/usr/share/tessdata", "/usr/local/share/tessdata"}
	}
	for _, d := range dirs {
		if f, err := os.Open(filepath.Join(d, language+".traineddata")); err == nil {
			return f, nil
		}
	}
	return nil, os.ErrNotExist
}

func (e *Engine) start() error {
	client := gosseract.NewClient()
	client.Trim = false
	if e.options.DataDir != "" {
		_ = client.SetTessdataPrefix(e.options.DataDir)
	}
	_ = client.SetLanguage(e.options.Languages...)
	for k, v := range variables {
		_ = client.SetVariable(k, v)
	}
	// The engine loads its data at the first picture.
	if err := client.SetImageFromBytes(serialised(nil, image.NewGray(image.Rect(0, 0, 8, 8)))); err != nil {
		return fmt.Errorf("ocr: start: %w", err)
	}
	if _, err := client.GetBoundingBoxes(gosseract.RIL_WORD); err != nil {
		return fmt.Errorf("ocr: start: %w", err)
	}
	e.client, e.pages = client, 0
	return nil
}

// Version names Tesseract and the language data.
func (e *Engine) Version() string { return e.version }

// Close frees the engine.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.client == nil {
		return nil
	}
	client := e.client
	e.client = nil
	return client.Close()
}

// Recognise prepares the picture and reads it; see application.Recogniser.
func (e *Engine) Recognise(ctx context.Context, picture *image.Gray) (application.Recognised, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.client == nil {
		return application.Recognised{}, errors.New("ocr: engine is closed")
	}
	if e.pages >= e.options.RecycleAfter {
		_ = e.client.Close()
		e.client = nil
		if err := e.start(); err != nil {
			return application.Recognised{}, err
		}
	}
	e.pages++
	return e.upright(ctx, picture)
}

// read recognises a prepared picture. Boxes are in its pixels.
func (e *Engine) read(picture *image.Gray, mode gosseract.PageSegMode) ([]transcript.Word, error) {
	if err := e.client.SetPageSegMode(mode); err != nil {
		return nil, fmt.Errorf("ocr: %w", err)
	}
	e.buffer = serialised(e.buffer[:0], picture)
	if err := e.client.SetImageFromBytes(e.buffer); err != nil {
		return nil, fmt.Errorf("ocr: %w", err)
	}
	boxes, err := e.client.GetBoundingBoxes(gosseract.RIL_WORD)
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
