package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"asprak/application"
	"asprak/domain/transcript"
	"asprak/domain/verification"
	"asprak/infrastructure/ocr"
	"asprak/infrastructure/pdf"
)

// Measures of an explained page in pixels: the page, beside it what was read in the same
// places, and the list of checks.
const (
	sheetWidth = 1100
	listWidth  = 560
	explainDPI = 150
	largest    = 14 // size of the type
)

var (
	sourceColours = map[transcript.Source]color.RGBA{
		transcript.TextLayer: {0x1f, 0x5f, 0xbf, 0xff}, transcript.Pixels: {0x00, 0x80, 0x80, 0xff}, transcript.Arithmetic: {0x9c, 0x27, 0xb0, 0xff},
	}
	outcomeColours = map[verification.Outcome]color.RGBA{
		verification.Pass: {0x2e, 0x9e, 0x3f, 0xff}, verification.Doubt: {0xf0, 0x8c, 0x00, 0xff}, verification.Fail: {0xd3, 0x2f, 0x2f, 0xff},
	}
	ink = color.RGBA{0x20, 0x20, 0x20, 0xff}
)

// explainer draws what was read of documents, and what was concluded from it, over their pages.
type explainer struct {
	library *pdf.Library
	limits  application.Limits
	dir     string // that the pictures are written to
}

// openExplainer writes to the folder, which is made when it is not there.
func openExplainer(l readerLimits, dir string) (*explainer, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	library, err := pdf.Open(l.cache())
	if err != nil {
		return nil, err
	}
	return &explainer{library: library, limits: l.limits(), dir: dir}, nil
}

func (e *explainer) Close() error { return e.library.Close() }

// explain writes a picture of each page and returns their names. A file that cannot be
// opened has no page to show.
func (e *explainer) explain(ctx context.Context, name string, content []byte, reading transcript.Reading, verdict verification.Verdict) ([]string, error) {
	if reading.Problem != "" {
		return nil, nil
	}
	pages, err := e.pages(ctx, content, reading)
	if err != nil {
		return nil, err
	}
	letters, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return nil, err
	}
	var written []string
	for i, picture := range pages {
		picture = upright(picture, reading, reading.Pages[i])
		p := &explained{info: reading.Pages[i], letters: letters, faces: map[int]font.Face{}, taken: map[image.Rectangle]int{}}
		p.lay(picture)
		p.values(reading)
		p.list(verdict)
		out := filepath.Join(e.dir, fmt.Sprintf("%s.page-%d.png", strings.ReplaceAll(filepath.ToSlash(name), "/", "_"), i+1))
		var b bytes.Buffer
		if err := png.Encode(&b, p.canvas); err != nil {
			return written, err
		}
		if err := os.WriteFile(out, b.Bytes(), 0o644); err != nil {
			return written, err
		}
		written = append(written, out)
	}
	return written, nil
}

// pages are the pictures of the pages, as they lie in the file.
func (e *explainer) pages(ctx context.Context, content []byte, reading transcript.Reading) ([]*image.Gray, error) {
	if reading.Type != application.TypePDF {
		picture, err := application.DecodePicture(content, e.limits.MaxPixels)
		if err != nil {
			return nil, err
		}
		return []*image.Gray{picture}, nil
	}
	file, err := e.library.Open(ctx, content, e.limits)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var out []*image.Gray
	for _, page := range reading.Pages {
		picture, err := file.Render(ctx, page.Number-1, explainDPI, e.limits.MaxPixels)
		if err != nil {
			return nil, err
		}
		out = append(out, picture)
	}
	return out, nil
}

// upright turns a picture as the recogniser did, which the reading does not tell: so that the
// sides fit the page, and as much ink as can be stands where values were read.
func upright(picture *image.Gray, reading transcript.Reading, page transcript.PageInfo) *image.Gray {
	best, most := picture, -1
	for _, degrees := range []int{0, 90, 180, 270} {
		turned := ocr.Turn(picture, degrees)
		w, h := turned.Rect.Dx(), turned.Rect.Dy()
		if (w > h) != (page.Width > page.Height) && w != h {
			continue
		}
		scale, ink := float64(w)/max(page.Width, 1), 0
		for _, f := range fieldsOf(reading) {
			if f.page == page.Number {
				ink += contrast(turned, placed(f.box, scale).Intersect(turned.Rect))
			}
		}
		if ink > most {
			best, most = turned, ink
		}
	}
	return best
}

// contrast is the sum of what the pixels of a place differ from their mean.
func contrast(picture *image.Gray, place image.Rectangle) int {
	sum, n := 0, place.Dx()*place.Dy()
	each := func(f func(int)) {
		for y := place.Min.Y; y < place.Max.Y; y++ {
			for x := place.Min.X; x < place.Max.X; x++ {
				f(int(picture.GrayAt(x, y).Y))
			}
		}
	}
	each(func(v int) { sum += v })
	if n == 0 {
		return 0
	}
	mean, differ := sum/n, 0
	each(func(v int) { differ += max(v-mean, mean-v) })
	return differ
}

// placedValue is a value of the reading as it is drawn.
type placedValue struct {
	text       string
	page       int
	box        transcript.Box
	source     transcript.Source
	confidence float64
}

func fieldsOf(r transcript.Reading) []placedValue {
	var out []placedValue
	for _, f := range []*transcript.Field[string]{r.University, r.Faculty, r.Programme, r.Name, r.NIM, r.SemesterLabel, r.AcademicYear} {
		out = placedAt(out, f)
	}
	out = placedAt(out, r.Semester)
	for _, row := range r.Rows {
		for _, f := range []*transcript.Field[string]{row.Code, row.Name, row.Grade} {
			out = placedAt(out, f)
		}
		for _, f := range []*transcript.Field[transcript.Decimal]{row.SKS, row.Weight, row.Points} {
			out = placedAt(out, f)
		}
	}
	for _, f := range []*transcript.Field[transcript.Decimal]{r.TotalSKS, r.TotalPoints, r.CumSKS, r.CumPoints, r.IPS, r.IPK} {
		out = placedAt(out, f)
	}
	return out
}

func placedAt[T any](out []placedValue, f *transcript.Field[T]) []placedValue {
	if f == nil {
		return out
	}
	return append(out, placedValue{printable(fmt.Sprint(f.Value)), f.Page, f.Box, f.Source, f.Confidence})
}

func placed(b transcript.Box, scale float64) image.Rectangle {
	return image.Rect(int(b.X0*scale), int(b.Y0*scale), int(b.X1*scale)+1, int(b.Y1*scale)+1)
}

// explained is one page being drawn.
type explained struct {
	info    transcript.PageInfo
	canvas  *image.RGBA
	scale   float64 // pixels for a unit of the page
	letters *opentype.Font
	faces   map[int]font.Face
	taken   map[image.Rectangle]int // how many values were drawn at a place
}

// lay puts the page, paled, on the left of the canvas.
func (p *explained) lay(picture *image.Gray) {
	p.scale = sheetWidth / max(p.info.Width, 1)
	height := max(int(p.info.Height*p.scale), 400)
	p.canvas = image.NewRGBA(image.Rect(0, 0, 2*sheetWidth+listWidth, height))
	draw.Draw(p.canvas, p.canvas.Bounds(), image.White, image.Point{}, draw.Src)
	draw.ApproxBiLinear.Scale(p.canvas, image.Rect(0, 0, sheetWidth, int(p.info.Height*p.scale)), picture, picture.Bounds(), draw.Src, nil)
	draw.Draw(p.canvas, image.Rect(0, 0, sheetWidth, height), image.NewUniform(color.RGBA{0x40, 0x40, 0x40, 0x40}), image.Point{}, draw.Over)
	for _, x := range []int{sheetWidth, 2 * sheetWidth} {
		p.fill(image.Rect(x, 0, x+1, height), color.RGBA{0xb0, 0xb0, 0xb0, 0xff})
	}
}

// values draws every value of the reading that stands on the page.
func (p *explained) values(r transcript.Reading) {
	for _, f := range fieldsOf(r) {
		if f.page != p.info.Number {
			continue
		}
		at, c, text := placed(f.box, p.scale), sourceColours[f.source], f.text
		p.frame(at, c, 1)
		size := largest
		if room := at.Dx() + largest; p.width(text, size) > room { // a wrapped name
			size = max(size*room/p.width(text, size), 9)
		}
		if f.confidence < 1 {
			text += fmt.Sprintf(" %.0f", 100*f.confidence)
		}
		// Two values may come from one text ("Gasal 2024/2025").
		p.text(at.Min.X+sheetWidth, at.Max.Y-size/5+p.taken[at]*size, text, size, c)
		p.taken[at]++
	}
}

// list draws the evidence of each check on the page and all checks on the right.
func (p *explained) list(v verification.Verdict) {
	x, y := 2*sheetWidth+14, 30
	line := func(text string, size int, c color.RGBA) {
		for _, part := range p.wrapped(text, size, listWidth-40) {
			p.text(x+18, y, part, size, c)
			y += size * 4 / 3
		}
	}
	for _, s := range []struct {
		source transcript.Source
		text   string
	}{{transcript.TextLayer, "read from the text layer"}, {transcript.Pixels, "read from the pixels, with the confidence in per cent"}, {transcript.Arithmetic, "follows from the sums around it"}} {
		p.fill(image.Rect(x, y-11, x+12, y+1), sourceColours[s.source])
		line(s.text, 14, ink)
	}
	y += 14
	if v.Label != "" {
		line(string(v.Label), 22, ink)
		line(fmt.Sprintf("confidence %.2f, policy %s", v.Confidence, v.Policy), 14, ink)
		y += 10
	}
	for _, c := range v.Checks {
		colour := outcomeColours[c.Outcome]
		p.fill(image.Rect(x, y-12, x+12, y), colour)
		title := c.Name
		if c.Reason != "" {
			title += ": " + c.Reason
		}
		line(title, 16, colour)
		line(printable(c.Detail), 14, ink)
		for _, e := range c.Evidence {
			if e.Page == p.info.Number && e.Box != (transcript.Box{}) {
				p.frame(placed(e.Box, p.scale).Inset(-2), colour, 2)
			}
			if c.Outcome != verification.Pass {
				line(printable(fmt.Sprintf("page %d, %s: read %q, expected %q", e.Page, e.Field, e.Read, e.Expected)), 12, ink)
			}
		}
		y += 8
	}
}

func (p *explained) fill(r image.Rectangle, c color.Color) {
	draw.Draw(p.canvas, r, image.NewUniform(c), image.Point{}, draw.Src)
}

// frame draws the border of a rectangle on the page.
func (p *explained) frame(r image.Rectangle, c color.Color, thick int) {
	sheet := image.Rect(0, 0, sheetWidth, p.canvas.Bounds().Dy())
	for _, side := range []image.Rectangle{
		{r.Min, image.Pt(r.Max.X, r.Min.Y+thick)}, {image.Pt(r.Min.X, r.Max.Y-thick), r.Max},
		{r.Min, image.Pt(r.Min.X+thick, r.Max.Y)}, {image.Pt(r.Max.X-thick, r.Min.Y), r.Max},
	} {
		p.fill(side.Intersect(sheet), c)
	}
}

func (p *explained) face(size int) font.Face {
	if f, ok := p.faces[size]; ok {
		return f
	}
	f, err := opentype.NewFace(p.letters, &opentype.FaceOptions{Size: float64(size), DPI: 72})
	if err != nil {
		panic(err) // only options out of range
	}
	p.faces[size] = f
	return f
}

func (p *explained) width(text string, size int) int {
	return font.MeasureString(p.face(size), text).Ceil()
}

func (p *explained) text(x, y int, text string, size int, c color.Color) {
	d := font.Drawer{Dst: p.canvas, Src: image.NewUniform(c), Face: p.face(size), Dot: fixed.P(x, y)}
	d.DrawString(text)
}

// wrapped breaks a text into lines of a width.
func (p *explained) wrapped(text string, size, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		longer := strings.TrimSpace(line + " " + word)
		if line != "" && p.width(longer, size) > width {
			lines = append(lines, line)
			longer = word
		}
		line = longer
	}
	return append(lines, line)
}
