// Package ocr reads words from pictures: it makes type dark and level, finds its lines and
// has them read by the networks of Tesseract's language data (package lstm); Tesseract
// itself, through gosseract, looks again where that leaves doubts. It knows no file formats
// and no layout. Tesseract can hang, crash and leak, so this package belongs into a child
// process that may be killed.
package ocr

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"sync"

	"github.com/otiai10/gosseract/v2"

	"asprak/application"
	"asprak/infrastructure/ocr/lstm"
)

// Options say how to read. The zero value works.
type Options struct {
	Languages    []string // default: eng and ind; only the first knows the plus sign, the second Indonesian
	DataDir      string   // folder of *.traineddata; default: where Tesseract's packages put it
	RecycleAfter int      // pages after which Tesseract is made anew, for it leaks; default 50
}

// Engine reads pages. It is safe for concurrent use; Tesseract takes one page at a time.
type Engine struct {
	options  Options
	version  string
	networks []*lstm.Network

	mu        sync.Mutex
	tesseract *tesseract // nil until it is needed
}

var _ application.Recogniser = (*Engine)(nil)

// threadLimit must be "1" in the environment when the process starts, for the OpenMP
// runtime reads it before main: Tesseract's threads cost several times what they save.
const threadLimit = "OMP_THREAD_LIMIT"

// New loads the language data. It fails where the process was started without
// OMP_THREAD_LIMIT=1.
func New(options Options) (*Engine, error) {
	if os.Getenv(threadLimit) != "1" {
		return nil, fmt.Errorf("ocr: the process must be started with %s=1", threadLimit)
	}
	if len(options.Languages) == 0 {
		options.Languages = []string{"eng", "ind"}
	}
	if options.RecycleAfter == 0 {
		options.RecycleAfter = 50
	}
	e := &Engine{options: options, version: "lines/" + rulesVersion + " tesseract/" + gosseract.Version()}
	for _, language := range options.Languages {
		content, err := readData(options.DataDir, language)
		if err != nil {
			return nil, fmt.Errorf("ocr: language %s: %w", language, err)
		}
		network, err := lstm.New(content)
		if err != nil {
			return nil, fmt.Errorf("ocr: language %s: %w", language, err)
		}
		sum := sha256.Sum256(content)
		e.networks = append(e.networks, network)
		e.version += " " + language + "/" + hex.EncodeToString(sum[:4])
	}
	return e, nil
}

// rulesVersion changes with whatever changes the words that this package reads.
const rulesVersion = "3"

func readData(dir, language string) ([]byte, error) {
	dirs := []string{dir}
	if dir == "" {
		dirs = []string{os.Getenv("TESSDATA_PREFIX"), "/usr/share/tesseract-ocr/5/tessdata", "/usr/share/tessdata", "/usr/local/share/tessdata"}
	}
	for _, d := range dirs {
		if content, err := os.ReadFile(filepath.Join(d, language+".traineddata")); err == nil {
			return content, nil
		}
	}
	return nil, os.ErrNotExist
}

// Version names the rules of this package, Tesseract and the language data.
func (e *Engine) Version() string { return e.version }

// Close frees Tesseract.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.stop()
}

func (e *Engine) stop() error {
	if e.tesseract == nil {
		return nil
	}
	client := e.tesseract.client
	e.tesseract = nil
	return client.Close()
}

// Recognise prepares the picture and reads it; see application.Recogniser.
func (e *Engine) Recognise(ctx context.Context, picture *image.Gray) (application.Recognised, error) {
	return e.upright(ctx, picture)
}
