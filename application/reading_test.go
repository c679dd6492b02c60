package application_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/domain/transcript"
)

func TestSniff_Content_DecidesTheType(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		want    string
		problem transcript.FileProblem
	}{
		"empty":             {"", "", transcript.EmptyFile},
		"pdf":               {"%PDF-1.7\n", application.TypePDF, ""},
		"pdf after blanks":  {"\r\n \x00%PDF-1.7\n", application.TypePDF, ""},
		"pdf after a mark":  {"\xef\xbb\xbf%PDF-1.7\n", application.TypePDF, ""},
		"html before pdf":   {"<html><script>1</script>%PDF-1.4\n", "", transcript.WrongType},
		"pdf far inside":    {strings.Repeat(" ", 2000) + "%PDF-1.4", "", transcript.WrongType},
		"html":              {"<!DOCTYPE html><html>", "", transcript.WrongType},
		"zip":               {"PK\x03\x04aaaaaaaa", "", transcript.WrongType},
		"random":            {"\x8a\x01\x99\x07\x11", "", transcript.WrongType},
		"png":               {"\x89PNG\r\n\x1a\n", application.TypePNG, ""},
		"jpeg":              {"\xff\xd8\xff\xe0", application.TypeJPEG, ""},
		"webp":              {"RIFF\x00\x00\x00\x00WEBPVP8 ", application.TypeWebP, ""},
		"tiff, both orders": {"MM\x00*", application.TypeTIFF, ""},
		"gif":               {"GIF89a", "", transcript.WrongType},
	} {
		t.Run(name, func(t *testing.T) {
			got, fault := application.Sniff([]byte(c.content))
			require.Equal(t, c.want, got)
			if c.problem == "" {
				require.Nil(t, fault)
				return
			}
			require.NotNil(t, fault)
			require.Equal(t, c.problem, fault.Problem)
		})
	}
}

// recogniser sees the same words on every picture, and remembers the last picture.
type recogniser struct {
	words   []transcript.Word
	other   []transcript.Word // what Again sees
	picture *image.Gray
	again   int // calls
	wait    bool
}

func (r *recogniser) Version() string { return "eye/1" }

func (r *recogniser) Recognise(ctx context.Context, picture *image.Gray) (application.Recognised, error) {
	if r.wait {
		<-ctx.Done()
		return application.Recognised{}, ctx.Err()
	}
	r.picture = picture
	return application.Recognised{Width: float64(picture.Rect.Dx()), Height: float64(picture.Rect.Dy()), Words: r.words}, nil
}

// Again sees what Recognise sees, unless it was given other words.
func (r *recogniser) Again(ctx context.Context, picture *image.Gray, turn int) (application.Recognised, error) {
	r.again++
	seen, err := r.Recognise(ctx, picture)
	if r.other != nil {
		seen.Words = r.other
	}
	return seen, err
}

// shelf is a PDF library whose only file has the given pages.
type shelf struct {
	pages  []application.PDFText
	doubts []application.Doubt
	active bool
	fault  error
}

func (s shelf) Version() string { return "shelf/1" }

func (s shelf) Open(context.Context, []byte, application.Limits) (application.PDFFile, error) {
	if s.fault != nil {
		return nil, s.fault
	}
	return s, nil
}
func (s shelf) Pages() int   { return len(s.pages) }
func (s shelf) Active() bool { return s.active }
func (s shelf) Close() error { return nil }
func (s shelf) Text(_ context.Context, page int) (application.PDFText, error) {
	return s.pages[page], nil
}
func (s shelf) Doubts(context.Context, int, []transcript.Box) ([]application.Doubt, error) {
	return s.doubts, nil
}
func (s shelf) Render(context.Context, int, float64, int) (*image.Gray, error) {
	return image.NewGray(image.Rect(0, 0, 1190, 1684)), nil
}

func words(t *testing.T, pdf application.PDF, eye *recogniser, content []byte) transcript.File {
	t.Helper()
	reader := application.NewDocumentReader(pdf, eye, application.DefaultLimits())
	file, err := reader.Words(context.Background(), application.Document{Content: content})
	require.NoError(t, err)
	return file
}

func picture(w, h int) *image.Gray {
	p := image.NewGray(image.Rect(0, 0, w, h))
	for i := range p.Pix {
		p.Pix[i] = 255
	}
	p.SetGray(0, 0, color.Gray{})
	return p
}

func pngOf(t *testing.T, p image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, png.Encode(&out, p))
	return out.Bytes()
}

func TestDocumentReader_Picture_IsRecognised(t *testing.T) {
	eye := &recogniser{words: []transcript.Word{{Text: "KHS", Confidence: 0.9, Source: transcript.Pixels}}}
	file := words(t, shelf{}, eye, pngOf(t, picture(30, 20)))
	require.Equal(t, application.TypePNG, file.Type)
	require.Equal(t, []transcript.Page{{Number: 1, Width: 30, Height: 20, Words: eye.words}}, file.Pages)
}

func TestDocumentReader_PictureBeyondLimits_IsNotDecoded(t *testing.T) {
	content := pngOf(t, picture(1, 1))
	binary.BigEndian.PutUint32(content[16:], 40_000)
	binary.BigEndian.PutUint32(content[20:], 40_000)
	binary.BigEndian.PutUint32(content[29:], crc32.ChecksumIEEE(content[12:29]))
	file := words(t, shelf{}, &recogniser{}, content)
	require.Equal(t, transcript.TooLargeUnpacked, file.Problem)
	require.Empty(t, file.Pages)
}

func TestDocumentReader_BrokenPicture_IsUnreadable(t *testing.T) {
	whole := pngOf(t, picture(300, 200))
	var compressed bytes.Buffer
	require.NoError(t, jpeg.Encode(&compressed, picture(300, 200), nil))
	for name, content := range map[string][]byte{
		"header only": whole[:12],
		"half a png":  whole[:len(whole)/2],
		"half a jpeg": compressed.Bytes()[:compressed.Len()*3/4],
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, transcript.UnreadableFile, words(t, shelf{}, &recogniser{}, content).Problem)
		})
	}
}

func TestDocumentReader_PhoneHeldSideways_IsTurnedByEXIF(t *testing.T) {
	p := picture(16, 8)
	for y := range 8 {
		for x := range 8 {
			p.SetGray(x, y, color.Gray{}) // the left half is dark
		}
	}
	var out bytes.Buffer
	require.NoError(t, jpeg.Encode(&out, p, nil))
	for orientation, dark := range map[byte]image.Point{1: {0, 0}, 3: {15, 0}, 6: {0, 0}, 8: {0, 15}} {
		exif := []byte{0xff, 0xe1, 0, 34, 'E', 'x', 'i', 'f', 0, 0,
			'M', 'M', 0, '*', 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0}
		content := append(append([]byte{0xff, 0xd8}, exif...), out.Bytes()[2:]...)
		eye := &recogniser{}
		file := words(t, shelf{}, eye, content)
		require.Empty(t, file.Problem, "orientation %d", orientation)
		if orientation >= 5 {
			require.Equal(t, image.Pt(8, 16), eye.picture.Rect.Max)
		}
		require.Less(t, eye.picture.GrayAt(dark.X, dark.Y).Y, byte(64), "orientation %d", orientation)
	}
}

func TestDocumentReader_TransparentPicture_StandsOnWhite(t *testing.T) {
	p := image.NewNRGBA(image.Rect(0, 0, 2, 1))
	p.SetNRGBA(1, 0, color.NRGBA{A: 255})
	eye := &recogniser{}
	words(t, shelf{}, eye, pngOf(t, p))
	require.Equal(t, []byte{255, 0}, eye.picture.Pix)
}

func line(text, hidden string, x float64) transcript.Word {
	return transcript.Word{Text: text, Confidence: 1, Source: transcript.TextLayer, Hidden: hidden,
		Box: transcript.Box{X0: x, Y0: 100, X1: x + 40, Y1: 110}}
}

func TestDocumentReader_PDFWithTextLayer_IsNotRecognised(t *testing.T) {
	layer := []transcript.Word{line(strings.Repeat("x", 100), "", 50), line("C", string(transcript.CoveredText), 200)}
	pdf := shelf{active: true, pages: []application.PDFText{{Width: 595, Height: 842, Words: layer,
		Traces: []transcript.Trace{{Kind: transcript.CoveredText, Text: "C"}}}}}
	eye := &recogniser{}
	file := words(t, pdf, eye, []byte("%PDF-1.4\n"))
	require.Nil(t, eye.picture)
	require.True(t, file.Active)
	require.Equal(t, layer, file.Pages[0].Words)
	require.Equal(t, []transcript.Trace{{Kind: transcript.CoveredText, Page: 1, Text: "C"}}, file.Traces)
}

func TestDocumentReader_SearchableScan_IsReadFromItsPixels(t *testing.T) {
	hidden := string(transcript.InvisibleText)
	seen := func(text string, x float64) transcript.Word { // twice the points of the layer
		return transcript.Word{Text: text, Confidence: 0.95, Source: transcript.Pixels, Box: transcript.Box{X0: 2 * x, Y0: 200, X1: 2*x + 80, Y1: 220}}
	}
	grades := []string{"3", "A/B", "3,50", "10,50"}
	page := func(layer ...string) application.PDFText {
		text := application.PDFText{Width: 595, Height: 842, ImageShare: 1}
		for i, s := range layer {
			text.Words = append(text.Words, line(s, hidden, float64(50+100*i)))
		}
		return text
	}
	for name, c := range map[string]struct {
		layer []string
		kinds []transcript.TraceKind
	}{
		"same":                {grades, nil},
		"read a little wrong": {[]string{"3", "AIB", "3,5O", "10,50"}, nil},
		"says something else": {[]string{"3", "A", "4,00", "12,00"}, []transcript.TraceKind{transcript.LayerMismatch, transcript.LayerMismatch, transcript.LayerMismatch}},
	} {
		t.Run(name, func(t *testing.T) {
			eye := &recogniser{}
			for i, s := range grades {
				eye.words = append(eye.words, seen(s, float64(50+100*i)))
			}
			file := words(t, shelf{pages: []application.PDFText{page(c.layer...)}}, eye, []byte("%PDF-1.4\n"))
			require.Len(t, file.Pages[0].Words, 4)
			require.InDelta(t, 50, file.Pages[0].Words[0].Box.X0, 0.01)
			var kinds []transcript.TraceKind
			for _, trace := range file.Traces {
				kinds = append(kinds, trace.Kind)
			}
			require.Equal(t, c.kinds, kinds)
		})
	}
}

func TestDocumentReader_DrawnOtherThanTheLayerSays_TheRecogniserDecides(t *testing.T) {
	box := transcript.Box{X0: 200, Y0: 100, X1: 240, Y1: 110}
	layer := application.PDFText{Width: 595, Height: 842, Words: []transcript.Word{line(strings.Repeat("x", 100), "", 50)}}
	for name, c := range map[string]struct {
		doubt  application.Doubt
		seen   string
		traces []transcript.Trace
	}{
		"an unusual typeface": {application.Doubt{Box: box, Text: "A/B", Looks: "R/B"}, "A/B", nil},
		"a slip in a name":    {application.Doubt{Box: box, Text: "Wisnu", Looks: "Wlsnu"}, "WISNJ", nil},
		"another grade": {application.Doubt{Box: box, Text: "A", Looks: "C"}, "C",
			[]transcript.Trace{{Kind: transcript.LayerMismatch, Page: 1, Box: box, Text: "A", Detail: "the page shows C"}}},
		"another digit": {application.Doubt{Box: box, Text: "478601", Looks: "478607"}, "478607",
			[]transcript.Trace{{Kind: transcript.LayerMismatch, Page: 1, Box: box, Text: "478601", Detail: "the page shows 478607"}}},
		"not read": {application.Doubt{Box: box, Text: "A", Looks: "C"}, "",
			[]transcript.Trace{{Kind: transcript.LayerMismatch, Page: 1, Box: box, Text: "A", Detail: "the page shows something like C"}}},
		"nothing drawn": {application.Doubt{Box: box, Text: "A", Hidden: transcript.InvisibleText}, "A",
			[]transcript.Trace{{Kind: transcript.InvisibleText, Page: 1, Box: box, Text: "A"}}},
	} {
		t.Run(name, func(t *testing.T) {
			eye := &recogniser{}
			if c.seen != "" {
				eye.words = []transcript.Word{{Text: c.seen, Confidence: 0.95, Source: transcript.Pixels, Box: transcript.Box{X0: 400, Y0: 200, X1: 480, Y1: 220}}}
			}
			pdf := shelf{pages: []application.PDFText{layer}, doubts: []application.Doubt{c.doubt}}
			reader := application.NewDocumentReader(pdf, eye, application.DefaultLimits())
			reading, err := reader.Read(context.Background(), application.Document{Content: []byte("%PDF-1.4\n")})
			require.NoError(t, err)
			require.Equal(t, c.traces, reading.Traces)
			require.Equal(t, transcript.TextLayer, reading.Pages[0].Source)
		})
	}
}

func TestDocumentReader_FaultAndFailure_AreTwoThings(t *testing.T) {
	file := words(t, shelf{fault: &application.FileFault{Problem: transcript.Encrypted, Detail: "locked"}}, &recogniser{}, []byte("%PDF-1.4\n"))
	require.Equal(t, transcript.Encrypted, file.Problem)
	require.Equal(t, "locked", file.Detail)

	broken := errors.New("out of luck")
	reader := application.NewDocumentReader(shelf{fault: broken}, &recogniser{}, application.DefaultLimits())
	_, err := reader.Read(context.Background(), application.Document{Content: []byte("%PDF-1.4\n")})
	require.ErrorIs(t, err, broken)
}

func TestDocumentReader_TooSlow_TimesOut(t *testing.T) {
	limits := application.DefaultLimits()
	limits.Timeout = time.Millisecond
	reader := application.NewDocumentReader(shelf{}, &recogniser{wait: true}, limits)
	_, err := reader.Read(context.Background(), application.Document{Content: pngOf(t, picture(3, 3))})
	var fault *application.ReaderError
	require.ErrorAs(t, err, &fault)
	require.Equal(t, "timeout", fault.Code)
}

// cardWords is a study result as a recogniser sees it; without an average it leaves doubts.
func cardWords(average string) []transcript.Word {
	var out []transcript.Word
	for i, line := range []string{
		"KARTU HASIL STUDI", "Nama : Sari Lestari", "NIM : 13520114",
		"No Kode MataKuliah SKS Nilai Bobot Mutu",
		"1 IF2210 Algoritma 3 A 4,00 12,00", "2 IF2211 Statistika 3 B 3,00 9,00", "3 IF2220 Jaringan 2 A 4,00 8,00",
		"Jumlah SKS : 8", "IPS : 3,63", average,
	} {
		x := 50.0
		for _, text := range strings.Fields(line) {
			out = append(out, transcript.Word{Text: text, Confidence: 1, Source: transcript.Pixels,
				Box: transcript.Box{X0: x, Y0: float64(100 + 30*i), X1: x + 60, Y1: float64(114 + 30*i)}})
			x += 80
		}
	}
	return out
}

func read(t *testing.T, pdf application.PDF, eye *recogniser, content []byte) transcript.Reading {
	t.Helper()
	r, err := application.NewDocumentReader(pdf, eye, application.DefaultLimits()).Read(context.Background(), application.Document{Content: content})
	require.NoError(t, err)
	return r
}

func TestDocumentReader_DoubtAboutPixels_IsSettledByAnotherLook(t *testing.T) {
	scan := shelf{pages: []application.PDFText{{Width: 595, Height: 842, ImageShare: 1}}}
	for name, source := range map[string]struct {
		pdf     application.PDF
		content []byte
	}{
		"picture": {shelf{}, pngOf(t, picture(1000, 800))},
		"pdf":     {scan, []byte("%PDF-1.7")},
	} {
		t.Run(name, func(t *testing.T) {
			eye := &recogniser{words: cardWords(""), other: cardWords("IPK : 3,50")}
			r := read(t, source.pdf, eye, source.content)
			require.Equal(t, 1, eye.again)
			require.NotNil(t, r.IPK)
			require.Equal(t, "3.5", r.IPK.Value.String())
			require.Equal(t, "13520114", r.NIM.Value)
		})
	}
}

func TestDocumentReader_NoDoubtAboutPixels_NoOtherLook(t *testing.T) {
	eye := &recogniser{words: cardWords("IPK : 3,50")}
	r := read(t, shelf{}, eye, pngOf(t, picture(1000, 800)))
	require.NotNil(t, r.IPK)
	require.Zero(t, eye.again, "%+v", r)
}
