package pdf

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/domain/transcript"
)

func stream(entries, content string) string {
	return fmt.Sprintf("<< %s /Length %d >>\nstream\n%s\nendstream", entries, len(content), content)
}

// said is a CMap that says other characters than the font's codes are: pairs of two.
func said(pairs ...string) string {
	var out strings.Builder
	out.WriteString("/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def 1 begincodespacerange <00> <ff> endcodespacerange\n")
	fmt.Fprintf(&out, "%d beginbfchar\n", len(pairs))
	for _, p := range pairs {
		fmt.Fprintf(&out, "<%02x> <%04x>\n", p[0], p[1])
	}
	out.WriteString("endbfchar endcmap end end")
	return out.String()
}

// The grade of every page in these tests stands here, in points from the top.
var cell = transcript.Box{X0: 195, Y0: 125, X1: 240, Y1: 145}

// sightOf reads the page as a reader does: what its objects tell, and what is doubtful about the
// visible words in the cell.
func sightOf(t *testing.T, content []byte) (transcript.Trace, []application.Doubt) {
	t.Helper()
	file, err := library.Open(context.Background(), content, application.DefaultLimits())
	require.NoError(t, err)
	defer file.Close()
	text, err := file.Text(context.Background(), 0)
	require.NoError(t, err)
	doubts, err := file.Doubts(context.Background(), 0, []transcript.Box{cell})
	require.NoError(t, err)
	return append(text.Traces, transcript.Trace{})[0], doubts
}

const (
	fontF     = "/F 3 0 R"
	letterC   = "1 w 214 706 m 211 709 206 708 205 704 c 204 700 209 698 214 701 c S\n"
	blackBox  = "0 g 201 699 8 9 re f\n"
	appearsAs = "/Type /XObject /Subtype /Form /BBox [0 0 40 15] /Resources << /Font << " + fontF + " >> >>"
	annotated = "/Annots [<< /Type /Annot /Rect [195 695 235 710] /F 4 /AP << /N 10 0 R >> "
)

func resources(entries string) string { return " /Resources << " + entries + " >> " }

func TestDoubts_PageShowsOtherThanItsTextSays_NamesThePlace(t *testing.T) {
	grade := at(200, 700, "A")
	overlay := stream(appearsAs, "1 g 0 0 40 15 re f 0 g BT /F 10 Tf 5 5 Td (C) Tj ET")
	for name, c := range map[string]struct {
		sheet sheet
		hides transcript.TraceKind // that nothing is to be seen, "" where it is something else
		trace transcript.TraceKind // of the page's objects, where they tell it all
	}{
		"font that lies": {sheet{content: at(200, 700, "C"), page: resources("/Font << /F 11 0 R >>"),
			objects: []string{stream("", said("CA")), "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode 10 0 R >>"}}, "", ""},
		"font of own drawings that lies": {sheet{content: at(200, 700, "A"), page: resources("/Font << /F 11 0 R >>"),
			objects: []string{stream("", "700 0 d0 100 w 650 600 m 500 800 200 750 150 400 c 100 0 500 -100 650 150 c S"),
				"<< /Type /Font /Subtype /Type3 /FontBBox [0 0 750 750] /FontMatrix [0.001 0 0 0.001 0 0] /CharProcs << /A 10 0 R >> /Encoding << /Type /Encoding /Differences [65 /A] >> /FirstChar 65 /LastChar 65 /Widths [700] /Resources << >> >>"}}, "", ""},
		"replacement text":           {sheet{content: "/Span << /ActualText (A) >> BDC " + at(200, 700, "C") + "EMC"}, "", ""},
		"clipped away":               {sheet{content: "q 0 0 10 10 re W n " + grade + "Q"}, transcript.InvisibleText, ""},
		"clipped away, another seen": {sheet{content: "q 0 0 10 10 re W n " + grade + "Q " + letterC}, "", ""},
		"too small":                  {sheet{content: strings.Replace(grade, "10 Tf", "0.5 Tf", 1) + letterC}, transcript.InvisibleText, ""},
		"layer switched off": {sheet{content: "/OC /L BDC " + grade + "EMC", page: resources("/Font << " + fontF + " >> /Properties << /L 10 0 R >>"),
			objects: []string{"<< /Type /OCG /Name (x) >>"}, catalog: "/OCProperties << /OCGs [10 0 R] /D << /OFF [10 0 R] >> >>"}, transcript.InvisibleText, ""},
		"annotation above":       {sheet{content: grade, page: annotated + "/Subtype /Stamp >>]", objects: []string{overlay}}, "", ""},
		"form field above":       {sheet{content: grade, page: annotated + "/Subtype /Widget /FT /Tx /T (x) >>]", objects: []string{overlay}}, transcript.CoveredText, ""},
		"patch of many corners":  {sheet{content: grade + "1 g 195 695 m 200 694 l 210 694 l 220 694 l 230 694 l 235 695 l 235 710 l 195 710 l f 0 g " + letterC}, "", ""},
		"drawn over":             {sheet{content: grade + strings.Replace(blackBox, "201 699 8 9 re", "201 699 m 205 698 l 207 698 l 208 698 l 209 699 l 209 708 l 201 708 l", 1)}, "", ""},
		"minus drawn behind":     {sheet{content: grade + "1 w 208.5 703 m 212 703 l S"}, "", ""},
		"stroke makes an E of F": {sheet{content: at(200, 700, "F") + "1 w 201 700.5 m 206.5 700.5 l S"}, "", ""},
		"without opacity":        {sheet{content: "/G gs " + grade, page: resources("/Font << " + fontF + " >> /ExtGState << /G << /ca 0 >> >>")}, "", transcript.InvisibleText},
		"picture above":          {sheet{content: grade + "q 40 0 0 15 195 695 cm BI /W 1 /H 1 /BPC 8 /CS /G ID x EI Q"}, "", transcript.CoveredText},
		"patch above":            {sheet{content: grade + "1 g 195 695 40 15 re f 0 g " + letterC}, "", ""},
		"white":                  {sheet{content: "1 g " + grade}, "", transcript.WhiteText},
		"rendering mode 3":       {sheet{content: "3 Tr " + grade + letterC}, "", transcript.InvisibleText},
		"off the page":           {sheet{content: at(-200, 700, "A")}, "", transcript.OffPageText},
		"in the shade of a scan": {sheet{content: blackBox + grade}, "", ""},
		"grey as its ground":     {sheet{content: "0.5 g 195 695 m 200 694 l 210 694 l 220 694 l 230 694 l 235 695 l 235 710 l 195 710 l f 0.52 g " + grade}, transcript.InvisibleText, ""},
	} {
		t.Run(name, func(t *testing.T) {
			trace, doubts := sightOf(t, build(c.sheet))
			if c.trace != "" {
				require.Equal(t, c.trace, trace.Kind)
				return
			}
			require.Empty(t, trace)
			require.Len(t, doubts, 1)
			require.Equal(t, c.hides, doubts[0].Hidden)
			require.GreaterOrEqual(t, doubts[0].Box.X0, cell.X0)
			require.LessOrEqual(t, doubts[0].Box.X1, cell.X1)
		})
	}
}

func TestDoubts_HonestPage_HasNone(t *testing.T) {
	font := func(name string) sheet {
		return sheet{page: resources("/Font << /F 10 0 R >>"), objects: []string{"<< /Type /Font /Subtype /Type1 /BaseFont /" + name + " /Encoding /WinAnsiEncoding >>"}}
	}
	size := func(n string) func(string) string {
		return func(s string) string { return strings.ReplaceAll(s, "10 Tf", n+" Tf") }
	}
	with := func(before, after string) func(string) string {
		return func(s string) string { return before + s + after }
	}
	for name, c := range map[string]struct {
		sheet sheet
		as    func(string) string
	}{
		"plain":           {sheet{}, nil},
		"bold":            {font("Helvetica-Bold"), nil},
		"slanted":         {font("Helvetica-Oblique"), nil},
		"with serifs":     {font("Times-Roman"), nil},
		"bold, slanted":   {font("Times-BoldItalic"), nil},
		"typewriter":      {font("Courier"), nil},
		"unknown font":    {font("Garamond"), nil},
		"small":           {sheet{}, size("6")},
		"large":           {sheet{}, size("16")},
		"narrow":          {sheet{}, with("80 Tz ", "")},
		"spaced":          {sheet{}, with("1.5 Tc ", "")},
		"grey":            {sheet{}, with("0.5 g ", "")},
		"white on blue":   {sheet{}, with("0 0 0.6 rg 150 690 200 24 re f 1 g ", "")},
		"on a zebra":      {sheet{}, with("0.9 g 150 690 200 24 re f 0 g ", "")},
		"between rules":   {sheet{}, with("", "0.5 w 195 695 45 15 re S 198 690 m 198 720 l S")},
		"on a watermark":  {sheet{}, with("0.9 g BT /F 90 Tf 1 0 0 1 150 680 Tm (UGM) Tj ET 0 g ", "")},
		"one more column": {sheet{}, with("", at(245, 700, "3,00")+at(180, 700, "2"))},
	} {
		t.Run(name, func(t *testing.T) {
			for _, said := range []string{"A", "A-", "B+", "B/C", "C", "D", "E", "3,75", "4.00", "12", "68", "K"} {
				s := c.sheet
				s.content = at(202, 700, said)
				if c.as != nil {
					s.content = c.as(s.content)
				}
				trace, doubts := sightOf(t, build(s))
				require.Empty(t, trace)
				assert.Empty(t, doubts, said)
			}
		})
	}
}

// Every grade and digit that is drawn as another one is noticed, in every face of the standard fonts.
func TestDoubts_LyingFont_EveryOtherGradeOrDigitIsNoticed(t *testing.T) {
	for _, font := range []string{"Helvetica", "Times-Bold", "Courier", "Times-Italic"} {
		missed := ""
		for _, kind := range []string{"ABCDE", "0123456789"} {
			for _, shown := range kind {
				for _, claimed := range kind {
					if shown == claimed {
						continue
					}
					_, doubts := sightOf(t, build(sheet{content: at(200, 700, string(shown)), page: resources("/Font << /F 11 0 R >>"),
						objects: []string{stream("", said(string([]rune{shown, claimed}))), "<< /Type /Font /Subtype /Type1 /BaseFont /" + font + " /ToUnicode 10 0 R >>"}}))
					if len(doubts) == 0 {
						missed += fmt.Sprintf("%c as %c, ", shown, claimed)
					}
				}
			}
		}
		assert.Empty(t, missed, font)
	}
}
