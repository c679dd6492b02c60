package transcripttest

import (
	"fmt"
	"image"
	"image/draw"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"

	"asprak/domain/transcript"
)

// Tampering makes a file of one page say more than it did, and leaves no number on the page
// that contradicts another: only the file itself can tell. The honest page is what the
// university printed, the forged one what the forger wants to be read.
type Tampering struct {
	Name   string
	Tamper func(honest, forged transcript.Page) []byte
}

// Tamperings are the known ways to change a PDF.
func Tamperings() []Tampering {
	return []Tampering{
		{"patched, old text below", drawn(func(d *difference) string {
			return d.set(d.kept) + d.set(d.old) + d.patches(d.old) + d.set(d.new)
		})},
		{"patched with a picture", drawn(func(d *difference) string {
			return d.set(d.kept) + d.set(d.old) + d.pictures(d.new)
		})},
		{"old text taken out, new in another font", drawn(func(d *difference) string {
			return d.set(d.kept) + Set(d.page, d.new, "G")
		})},
		{"old text taken out, a picture put in", drawn(func(d *difference) string {
			return d.set(d.kept) + d.pictures(d.new)
		})},
		{"changed in an update", func(honest, forged transcript.Page) []byte {
			p := NewPDF()
			content := p.AddPage(honest.Width, honest.Height, Set(honest, honest.Words, "F"), "", "")
			p.Bytes()
			return p.Update(content, Stream("", Set(forged, forged.Words, "F")))
		}},
		{"white text", drawn(func(d *difference) string {
			return d.set(d.kept) + d.set(d.old) + "1 g " + d.set(d.new) + "0 g "
		})},
		{"invisible text", drawn(func(d *difference) string {
			return d.set(d.kept) + d.set(d.old) + "3 Tr " + d.set(d.new) + "0 Tr "
		})},
		{"text clipped away over a picture", drawn(func(d *difference) string {
			return d.set(d.kept) + d.pictures(d.old) + "q 0 0 1 1 re W n " + d.set(d.new) + "Q "
		})},
		{"text below a picture", drawn(func(d *difference) string {
			return d.set(d.kept) + d.set(d.new) + d.pictures(d.old)
		})},
		{"text of no size over a picture", drawn(func(d *difference) string {
			return d.set(d.kept) + d.pictures(d.old) + strings.ReplaceAll(d.set(d.new), fmt.Sprintf("/F %.1f Tf", typeSize), "/F 0.1 Tf")
		})},
		{"text off the page", drawn(func(d *difference) string {
			return d.set(d.kept) + d.set(d.old) + fmt.Sprintf("q 1 0 0 1 %.0f 0 cm ", 2*d.page.Width) + d.set(d.new) + "Q "
		})},
		{"layer switched off, over a picture", drawn(func(d *difference) string {
			d.layer = d.pdf.Add("<< /Type /OCG /Name (x) >>")
			d.pdf.layers = append(d.pdf.layers, d.layer)
			return d.set(d.kept) + d.pictures(d.old) + "/OC /L BDC " + d.set(d.new) + "EMC "
		})},
		{"replacement text", drawn(func(d *difference) string {
			out := d.set(d.kept)
			for i := range d.old {
				out += fmt.Sprintf("/Span << /ActualText (%s) >> BDC ", d.new[i].Text) + d.set(d.old[i:i+1]) + "EMC "
			}
			return out
		})},
		{"font that lies", drawn(func(d *difference) string {
			out := d.set(d.kept)
			for i, w := range d.old {
				out += d.lie(w, d.new[i].Text)
			}
			return out
		})},
	}
}

// difference is what a forger has to change on a page: each old word has a new one at its place.
type difference struct {
	pdf            *PDF
	page           transcript.Page
	kept, old, new []transcript.Word
	fonts          string // entries of the page's fonts
	layer          int    // of optional content, 0 for none
}

// drawn makes the file from a drawing of the page.
func drawn(draw func(*difference) string) func(honest, forged transcript.Page) []byte {
	return func(honest, forged transcript.Page) []byte {
		d := &difference{pdf: NewPDF(), page: honest}
		for i, w := range honest.Words {
			if said := forged.Words[i].Text; said != w.Text {
				d.old = append(d.old, w)
				w.Box.X1 = w.Box.X0 + (w.Box.X1-w.Box.X0)*float64(len(said))/float64(len(w.Text))
				w.Text = said
				d.new = append(d.new, w)
				continue
			}
			d.kept = append(d.kept, w)
		}
		drawing, resources := draw(d), ""
		if d.layer > 0 {
			resources = fmt.Sprintf("/Properties << /L %d 0 R >>", d.layer)
		}
		d.pdf.AddPage(d.page.Width, d.page.Height, drawing, d.fonts, resources)
		return d.pdf.Bytes()
	}
}

func (d *difference) set(words []transcript.Word) string { return Set(d.page, words, "F") }

// patches are white boxes over words.
func (d *difference) patches(words []transcript.Word) string {
	out := "1 g "
	for _, w := range words {
		out += fmt.Sprintf("%.2f %.2f %.2f %.2f re f ", w.Box.X0-1, d.page.Height-w.Box.Y1-1, w.Box.X1-w.Box.X0+2, w.Box.Y1-w.Box.Y0+2)
	}
	return out + "0 g\n"
}

// pictures show words, each at its place on white.
func (d *difference) pictures(words []transcript.Word) string {
	out := ""
	for _, w := range words {
		picture := Picture(w.Text)
		out += fmt.Sprintf("q %.2f 0 0 %.2f %.2f %.2f cm BI /W %d /H %d /BPC 8 /CS /G /F /AHx ID %x> EI Q\n",
			w.Box.X1-w.Box.X0, w.Box.Y1-w.Box.Y0, w.Box.X0, d.page.Height-w.Box.Y1, picture.Rect.Dx(), picture.Rect.Dy(), picture.Pix)
	}
	return out
}

// Picture is a text as black pixels on white.
func Picture(text string) *image.Gray {
	face := basicfont.Face7x13
	picture := image.NewGray(image.Rect(0, 0, face.Advance*len(text), face.Height))
	draw.Draw(picture, picture.Rect, image.White, image.Point{}, draw.Src)
	(&font.Drawer{Dst: picture, Src: image.Black, Face: face, Dot: fixed.P(0, face.Ascent)}).DrawString(text)
	return picture
}

// lie draws a word letter by letter in fonts of which each calls its letter something else.
func (d *difference) lie(w transcript.Word, says string) string {
	out, wide := "", (w.Box.X1-w.Box.X0)/float64(len(w.Text))
	for i := range len(w.Text) {
		means := says[min(i, len(says)):min(i+1, len(says))]
		if i == len(w.Text)-1 {
			means = says[min(i, len(says)):]
		}
		code := ""
		for _, r := range means {
			code += fmt.Sprintf("%04x", r)
		}
		if code == "" {
			code = "200b" // what nobody sees
		}
		cmap := d.pdf.Add(Stream("", fmt.Sprintf("/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def 1 begincodespacerange <00> <ff> endcodespacerange 1 beginbfchar <%02x> <%s> endbfchar endcmap end end", w.Text[i], code)))
		own := d.pdf.Add(fmt.Sprintf("<< /Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding /WinAnsiEncoding /ToUnicode %d 0 R >>", cmap))
		name := fmt.Sprintf("L%d", own)
		d.fonts += fmt.Sprintf("/%s %d 0 R ", name, own)
		letter := w
		letter.Box.X0 += float64(i) * wide
		letter.Box.X1 = letter.Box.X0 + wide
		out += setWord(d.page, letter, name, w.Text[i:i+1])
	}
	return out
}
