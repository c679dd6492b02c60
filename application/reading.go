package application

import (
	"context"
	"errors"
	"fmt"
	"image"
	"slices"
	"time"

	"asprak/domain"
	"asprak/domain/transcript"
)

// PDF opens PDF files from hostile hands.
type PDF interface {
	// Open parses the file and refuses, with a *FileFault, one that is encrypted, broken or
	// beyond the limits. Close what it returns.
	Open(ctx context.Context, content []byte, limits Limits) (PDFFile, error)
	// Version names the library's build.
	Version() string
}

// PDFFile is an open PDF; it is for one goroutine. Pages count from 0.
type PDFFile interface {
	Pages() int
	// Active tells that the file runs scripts on opening, or carries other files or programs.
	Active() bool
	// Text returns the characters that the page carries, as words.
	Text(ctx context.Context, page int) (PDFText, error)
	// Render draws the page upright, at the resolution given or less, so that it stays
	// within maxPixels.
	Render(ctx context.Context, page int, dpi float64, maxPixels int) (*image.Gray, error)
	// Doubts compares the words of the text layer at the places, in points, with what the drawn
	// page shows there, and returns those that it does not plainly show.
	Doubts(ctx context.Context, page int, places []transcript.Box) ([]Doubt, error)
	Close() error
}

// Doubt is a word of the text layer that the drawn page does not plainly show.
type Doubt struct {
	Box    transcript.Box
	Text   string               // what the layer says
	Looks  string               // what the drawn letters look like
	Hidden transcript.TraceKind // why there is nothing to look at, "" when there is
}

// PDFText is the text layer of a page.
type PDFText struct {
	Width, Height float64 // points, upright
	Words         []transcript.Word
	Traces        []transcript.Trace // signs of editing in the page's objects
	ImageShare    float64            // how much of the page pictures cover, 0 to 1
}

// Recogniser reads words from pixels.
type Recogniser interface {
	// Recognise returns the words with boxes in pixels of the upright picture.
	Recognise(ctx context.Context, picture *image.Gray) (Recognised, error)
	// Again reads the picture by other means, which take longer, where what Recognise saw
	// leaves doubts. Turn is how Recognise found it to stand upright.
	Again(ctx context.Context, picture *image.Gray, turn int) (Recognised, error)
	// Version names the engine and its language data.
	Version() string
}

// Recognised is what a Recogniser saw. Turn says by how many degrees, clockwise, the
// picture was turned to stand upright.
type Recognised struct {
	Width, Height float64
	Turn          int
	Words         []transcript.Word
}

// renderDPI is where recognition of 8 pt type stops improving on clean pages while its
// cost still grows with the square.
const renderDPI = 200

// DocumentReader reads documents in its own process: it sniffs, decodes, recognises and
// hands the words to the layout rules.
type DocumentReader struct {
	pdf        PDF
	recogniser Recogniser
	limits     Limits
}

// NewDocumentReader returns a Reader over the two decoders.
func NewDocumentReader(pdf PDF, recogniser Recogniser, limits Limits) *DocumentReader {
	return &DocumentReader{pdf: pdf, recogniser: recogniser, limits: limits}
}

// Versions names the engine and layout rules.
func (r *DocumentReader) Versions() domain.Versions {
	return domain.Versions{Engine: r.pdf.Version() + " " + r.recogniser.Version(), Layout: transcript.RulesVersion()}
}

// Read reads the document within the time limit.
func (r *DocumentReader) Read(ctx context.Context, document Document) (transcript.Reading, error) {
	_, reading, err := r.examine(ctx, document)
	return reading, err
}

// Words is Read without the layout rules: what the decoders found.
func (r *DocumentReader) Words(ctx context.Context, document Document) (transcript.File, error) {
	file, _, err := r.examine(ctx, document)
	return file, err
}

func (r *DocumentReader) examine(ctx context.Context, document Document) (transcript.File, transcript.Reading, error) {
	ctx, cancel := context.WithTimeout(ctx, r.limits.Timeout)
	defer cancel()
	file, reading, err := r.decode(ctx, document.Content)
	var fault *FileFault
	switch {
	case errors.As(err, &fault):
		file = transcript.File{Problem: fault.Problem, Detail: fault.Detail, Type: file.Type, Active: file.Active}
		return file, transcript.Read(file), nil
	case errors.Is(err, context.DeadlineExceeded):
		err = &ReaderError{Code: "timeout", Err: fmt.Errorf("no reading within %s", r.limits.Timeout.Round(time.Millisecond))}
	}
	return file, reading, err
}

func (r *DocumentReader) decode(ctx context.Context, content []byte) (transcript.File, transcript.Reading, error) {
	mediaType, fault := Sniff(content)
	if fault != nil {
		return transcript.File{}, transcript.Reading{}, fault
	}
	if mediaType == TypePDF {
		return r.decodePDF(ctx, content)
	}
	return r.decodePicture(ctx, mediaType, content)
}

func (r *DocumentReader) decodePicture(ctx context.Context, mediaType string, content []byte) (transcript.File, transcript.Reading, error) {
	file := transcript.File{Type: mediaType}
	picture, err := DecodePicture(content, r.limits.MaxPixels)
	if err != nil {
		return file, transcript.Reading{}, err
	}
	seen, err := r.recogniser.Recognise(ctx, picture)
	if err != nil {
		return file, transcript.Reading{}, err
	}
	file.Pages = []transcript.Page{{Number: 1, Width: seen.Width, Height: seen.Height, Words: seen.Words}}
	reading, err := r.readTwice(ctx, file, func(ctx context.Context, _ int) (transcript.Page, error) {
		again, err := r.recogniser.Again(ctx, picture, seen.Turn)
		return transcript.Page{Number: 1, Width: again.Width, Height: again.Height, Words: again.Words}, err
	})
	return file, reading, err
}

// readTwice reads the file and, where that leaves doubts about what was seen in pixels, reads
// it once more with those pages seen by other means.
func (r *DocumentReader) readTwice(ctx context.Context, file transcript.File, again func(ctx context.Context, page int) (transcript.Page, error)) (transcript.Reading, error) {
	reading := transcript.Read(file)
	if !reading.Doubtful() {
		return reading, ctx.Err()
	}
	other := file
	other.Pages = slices.Clone(file.Pages)
	for i, page := range reading.Pages {
		if page.Source != transcript.Pixels {
			continue
		}
		var err error
		if other.Pages[i], err = again(ctx, i); err != nil {
			return reading, err
		}
	}
	return transcript.ReadBoth(file, other), ctx.Err()
}

func (r *DocumentReader) decodePDF(ctx context.Context, content []byte) (transcript.File, transcript.Reading, error) {
	file := transcript.File{Type: TypePDF}
	pdf, err := r.pdf.Open(ctx, content, r.limits)
	if err != nil {
		return file, transcript.Reading{}, err
	}
	defer pdf.Close()
	file.Active = pdf.Active()
	var turns []int
	for i := range pdf.Pages() {
		page, turn, traces, err := r.decodePage(ctx, pdf, i)
		if err != nil {
			return file, transcript.Reading{}, err
		}
		file.Pages, turns = append(file.Pages, page), append(turns, turn)
		file.Traces = append(file.Traces, traces...)
		if err := ctx.Err(); err != nil {
			return file, transcript.Reading{}, err
		}
	}
	reading, err := r.readTwice(ctx, file, func(ctx context.Context, i int) (transcript.Page, error) {
		page := file.Pages[i]
		picture, err := pdf.Render(ctx, i, renderDPI, r.limits.MaxPixels)
		if err != nil {
			return page, err
		}
		seen, err := r.recogniser.Again(ctx, picture, turns[i])
		if turns[i]%180 != 0 {
			page.Width, page.Height = page.Height, page.Width
		}
		return inPoints(seen, page.Number, page.Width, page.Height), err
	})
	if err != nil {
		return file, reading, err
	}
	for _, page := range reading.Pages {
		if page.Source != transcript.TextLayer {
			continue
		}
		traces, err := r.secondLook(ctx, pdf, page, reading)
		if err != nil {
			return file, reading, err
		}
		file.Traces, reading.Traces = append(file.Traces, traces...), append(reading.Traces, traces...)
	}
	return file, reading, nil
}

func (r *DocumentReader) decodePage(ctx context.Context, pdf PDFFile, i int) (page transcript.Page, turn int, traces []transcript.Trace, err error) {
	text, err := pdf.Text(ctx, i)
	if err != nil {
		return page, 0, nil, err
	}
	page = transcript.Page{Number: i + 1, Width: text.Width, Height: text.Height, Words: text.Words}
	if hasTextLayer(text) {
		return page, 0, numbered(text.Traces, page.Number), nil
	}
	picture, err := pdf.Render(ctx, i, renderDPI, r.limits.MaxPixels)
	if err != nil {
		return page, 0, nil, err
	}
	seen, err := r.recogniser.Recognise(ctx, picture)
	if err != nil {
		return page, 0, nil, err
	}
	page = inPoints(seen, page.Number, text.Width, text.Height)
	traces = layerTraces(text, page, seen.Turn)
	return page, seen.Turn, numbered(traces, page.Number), nil
}

// hasTextLayer tells whether the page is to be read from its characters: there are visible
// ones in earnest. A picture with a line of text around it, or with an invisible layer
// under it, is read as the eye reads it.
func hasTextLayer(text PDFText) bool {
	visible := 0
	for _, w := range text.Words {
		if w.Hidden == "" {
			visible += len(w.Text)
		}
	}
	if text.ImageShare > 0.5 {
		return visible >= 400
	}
	return visible >= 40
}

func inPoints(seen Recognised, number int, width, height float64) transcript.Page {
	if seen.Turn%180 != 0 {
		width, height = height, width
	}
	scale := width / max(seen.Width, 1)
	page := transcript.Page{Number: number, Width: width, Height: height, Words: slices.Clone(seen.Words)}
	for i, w := range page.Words {
		page.Words[i].Box = transcript.Box{X0: w.Box.X0 * scale, Y0: w.Box.Y0 * scale, X1: w.Box.X1 * scale, Y1: w.Box.Y1 * scale}
		page.Words[i].Size = w.Size * scale
	}
	return page
}

func numbered(traces []transcript.Trace, page int) []transcript.Trace {
	for i := range traces {
		traces[i].Page = page
	}
	return traces
}
