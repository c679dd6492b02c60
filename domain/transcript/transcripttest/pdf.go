package transcripttest

import (
	"bytes"
	"fmt"
	"strings"

	"asprak/domain/transcript"
)

// PDF is a file that is made object by object: as honest programs write one, or as forgers do.
type PDF struct {
	objects []string
	kids    []int
	layers  []int // of optional content, switched off
	out     bytes.Buffer
	offsets []int
}

// Objects that every file begins with.
const (
	catalogObject = iota + 1
	pagesObject
	typewriterObject
	sansObject
	firstFree
)

// NewPDF has the standard fonts /F, a typewriter's, and /G, another.
func NewPDF() *PDF {
	p := &PDF{objects: make([]string, firstFree-1)}
	for n, name := range map[int]string{typewriterObject: "Courier", sansObject: "Helvetica"} {
		p.objects[n-1] = fmt.Sprintf("<< /Type /Font /Subtype /Type1 /BaseFont /%s /Encoding /WinAnsiEncoding >>", name)
	}
	return p
}

// Add writes an object and returns its number.
func (p *PDF) Add(object string) int {
	p.objects = append(p.objects, object)
	return len(p.objects)
}

// Stream is an object with data.
func Stream(entries, data string) string {
	return fmt.Sprintf("<< %s /Length %d >>\nstream\n%s\nendstream", entries, len(data), data)
}

// AddPage adds a page that is drawn so, and returns the number of its drawing, for Update. The
// resources are entries of their dictionary beside the standard fonts.
func (p *PDF) AddPage(width, height float64, drawing, fonts, resources string) int {
	content := p.Add(Stream("", drawing))
	p.kids = append(p.kids, p.Add(fmt.Sprintf("<< /Type /Page /Parent %d 0 R /MediaBox [0 0 %.2f %.2f] /Contents %d 0 R /Resources << /Font << /F %d 0 R /G %d 0 R %s >> %s >> >>",
		pagesObject, width, height, content, typewriterObject, sansObject, fonts, resources)))
	return content
}

// Bytes is the file so far.
func (p *PDF) Bytes() []byte {
	kids := ""
	for _, k := range p.kids {
		kids += fmt.Sprintf("%d 0 R ", k)
	}
	off := ""
	for _, l := range p.layers {
		off += fmt.Sprintf("%d 0 R ", l)
	}
	p.objects[catalogObject-1] = fmt.Sprintf("<< /Type /Catalog /Pages %d 0 R /OCProperties << /OCGs [%s] /D << /OFF [%s] >> >> >>", pagesObject, off, off)
	p.objects[pagesObject-1] = fmt.Sprintf("<< /Type /Pages /Count %d /Kids [%s] >>", len(p.kids), kids)
	p.out.WriteString("%PDF-1.6\n")
	for i, o := range p.objects {
		p.offsets = append(p.offsets, p.out.Len())
		fmt.Fprintf(&p.out, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	xref := p.out.Len()
	fmt.Fprintf(&p.out, "xref\n0 %d\n0000000000 65535 f \n", len(p.objects)+1)
	for _, at := range p.offsets {
		fmt.Fprintf(&p.out, "%010d 00000 n \n", at)
	}
	p.trailer(xref, "")
	return p.out.Bytes()
}

// Update appends another version of an object to the file that Bytes made.
func (p *PDF) Update(number int, object string) []byte {
	before := bytes.LastIndex(p.out.Bytes(), []byte("xref\n0 "))
	at := p.out.Len()
	fmt.Fprintf(&p.out, "%d 0 obj\n%s\nendobj\n", number, object)
	xref := p.out.Len()
	fmt.Fprintf(&p.out, "xref\n%d 1\n%010d 00000 n \n", number, at)
	p.trailer(xref, fmt.Sprintf("/Prev %d", before))
	return p.out.Bytes()
}

func (p *PDF) trailer(xref int, entries string) {
	fmt.Fprintf(&p.out, "trailer\n<< /Size %d /Root %d 0 R %s >>\nstartxref\n%d\n%%%%EOF\n", len(p.objects)+1, catalogObject, entries, xref)
}

const (
	typeSize    = 9.0
	letterShare = 0.6 // of the size, as wide as every letter of the typewriter is
)

// Set draws the words of a page, each as wide as its place, in the font named.
func Set(page transcript.Page, words []transcript.Word, font string) string {
	var out strings.Builder
	for _, w := range words {
		out.WriteString(setWord(page, w, font, w.Text))
	}
	return out.String()
}

func setWord(page transcript.Page, w transcript.Word, font, text string) string {
	stretch := 100 * (w.Box.X1 - w.Box.X0) / (letterShare * typeSize * float64(len(text)))
	return fmt.Sprintf("BT /%s %.1f Tf %.2f Tz 1 0 0 1 %.2f %.2f Tm (%s) Tj ET\n", font, typeSize, stretch, w.Box.X0, page.Height-w.Box.Y1+0.2*typeSize, escaped.Replace(text))
}

var escaped = strings.NewReplacer("(", `\(`, ")", `\)`, `\`, `\\`)

// PrintPDF is the file as a university's own program would write it.
func PrintPDF(file transcript.File) []byte {
	p := NewPDF()
	for _, page := range file.Pages {
		p.AddPage(page.Width, page.Height, Set(page, page.Words, "F"), "", "")
	}
	return p.Bytes()
}
