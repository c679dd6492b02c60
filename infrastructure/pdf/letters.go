package pdf

import (
	"fmt"
	"image"
	"strings"
)

// alphabet is the characters that grades, numbers and names are made of, in kinds: a character is
// weighed against those of its own kind, for nobody takes a digit for a letter of a grade.
var alphabet = []string{"ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz", "0123456789", ".,-+/"}

// alike are characters of one kind that are the same but for their size, or in some fonts.
var alike = map[rune]string{'.': ".,", ',': ".,", 'I': "IJ", 'l': "lij", 'i': "lij", 'j': "lij"}

var specimenFonts = []string{"Helvetica", "Helvetica-Bold", "Helvetica-Oblique", "Times-Roman", "Times-Bold", "Times-Italic", "Courier", "Courier-Bold", "Courier-Oblique"}

const (
	specimenSize  = 10
	specimenStep  = 15
	specimenScale = 3
)

// letters are the shapes that characters have in the standard fonts.
type letters map[rune][]glyph

// specimen is a page with the alphabet in every font. pdfium finds its objects without a table.
func specimen() []byte {
	var content, fonts strings.Builder
	row := strings.Join(alphabet, "")
	for i, font := range specimenFonts {
		fmt.Fprintf(&fonts, "/F%d << /Type /Font /Subtype /Type1 /BaseFont /%s >> ", i, font)
		for j, r := range row {
			fmt.Fprintf(&content, "BT /F%d %d Tf %d %d Td (%c) Tj ET\n", i, specimenSize, 10+specimenStep*j, 20+20*i, r)
		}
	}
	var out strings.Builder
	out.WriteString("%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Count 1 /Kids [3 0 R] >>\nendobj\n")
	fmt.Fprintf(&out, "3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Contents 4 0 R /Resources << /Font << %s >> >> >>\nendobj\n",
		20+specimenStep*len(row), 40+20*len(specimenFonts), fonts.String())
	fmt.Fprintf(&out, "4 0 obj\n<< /Length %d >>\nstream\n%sendstream\nendobj\ntrailer\n<< /Root 1 0 R >>\n", content.Len(), content.String())
	return []byte(out.String())
}

// add takes the shapes from the drawn specimen.
func (l letters) add(picture *image.Gray, runs []run) {
	for _, r := range runs {
		w, ok := newWindow(picture, pixels(r.box(), specimenScale))
		if !ok {
			continue
		}
		if g, ok := w.glyph(r.cell(0, specimenScale), r[0].size*specimenScale); ok {
			l[r[0].r] = append(l[r[0].r], g)
		}
	}
}

const (
	sure  = 0.92 // likeness from which a character is what it is said to be
	rival = 0.08 // by which another character is more like it: it is that one
	odd   = 0.30 // likeness below which it is hardly the character, whatever else it is
)

// look is what a character was found to look like.
type look struct {
	other    rune // that it is rather than what it is said to be, 0 for none in particular
	doubtful bool
}

// looks compares a glyph with the character that it is said to be, and with all others of its kind.
func (l letters) looks(g *glyph, said rune) look {
	if len(l[said]) == 0 {
		return look{} // no shape to compare with
	}
	claimed := -1.0
	for _, r := range same(said) {
		claimed = max(claimed, g.likest(l[r]))
	}
	if claimed >= sure {
		return look{}
	}
	best, other := claimed+rival, rune(0)
	for _, kind := range alphabet {
		if !strings.ContainsRune(kind, said) {
			continue
		}
		for _, r := range kind {
			if v := g.likest(l[r]); v > best {
				best, other = v, r
			}
		}
	}
	return look{other, other != 0 || claimed < odd}
}

func same(r rune) string {
	if group, ok := alike[r]; ok {
		return group
	}
	return string(r)
}
