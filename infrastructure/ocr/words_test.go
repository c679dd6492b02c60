package ocr

import (
	"context"
	"image"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"asprak/infrastructure/ocr/lstm"
)

// table draws rows of cells, 200 pixels apart, in type of the size.
func table(t *testing.T, size float64, rows ...[]string) *image.Gray {
	t.Helper()
	parsed, err := opentype.Parse(goregular.TTF)
	require.NoError(t, err)
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: size, DPI: 72})
	require.NoError(t, err)
	p := page(t, 255, 0)
	d := font.Drawer{Dst: p, Src: image.Black, Face: face}
	for i, row := range rows {
		for k, cell := range row {
			d.Dot = fixed.P(100+200*k, 200+int(2*size)*i)
			d.DrawString(cell)
		}
	}
	return p
}

func TestRecognise_CellsOfATable_AreReadWithTheirSigns(t *testing.T) {
	rows := [][]string{
		{"Kode", "Mata Kuliah", "SKS", "Nilai", "Bobot"},
		{"MII21-1201", "Kalkulus", "3", "B+", "3,25"},
		{"IF2210", "Basis Data", "4", "A-", "3,75"},
		{"CSGE601020", "Jaringan", "2", "A/B", "3,50"},
		{"SVPL214101", "Agama", "2", "AB", "3,50"},
		{"EF234101", "Statistika", "3", "D", "1,00"},
		{"UBU60001", "Bahasa", "1", "C+", "2,25"},
	}
	for _, size := range []float64{16, 22, 30} {
		seen, err := engine(t).Recognise(context.Background(), table(t, size, rows...))
		require.NoError(t, err)
		text := said(seen.Words)
		for _, row := range rows {
			for _, cell := range row {
				require.Contains(t, text, cell, "type of %v pixels", size)
			}
		}
	}
}

func TestRecognise_Rules_AreNoWords(t *testing.T) {
	p := table(t, 24, []string{"A", "B"}, []string{"E", "D"}, []string{"KULIAH", "UMUM"})
	for y := 160; y < 320; y += 48 {
		for x := 80; x < 1100; x++ {
			if x%40 < 25 { // dashes
				p.Pix[y*p.Stride+x], p.Pix[(y+1)*p.Stride+x] = 0, 0
			}
		}
	}
	seen, err := engine(t).Recognise(context.Background(), p)
	require.NoError(t, err)
	require.Equal(t, "A B E D KULIAH UMUM", said(seen.Words))
}

func TestLinesOf_TwoColumns_AreCellsOfOneLine(t *testing.T) {
	p := table(t, 24, []string{"Kalkulus", "", "Basis Data"}, []string{"Agama", "", "Sistem"})
	lines, _ := linesOf(p, typeHeightOr(p, 17))
	require.Len(t, lines, 2)
	for _, l := range lines {
		require.Len(t, l.cells, 2)
		require.InDelta(t, 100, l.cells[0].x0, 6)
		require.InDelta(t, 500, l.cells[1].x0, 6)
	}
	require.InDelta(t, 200, lines[0].base, 2)
	require.InDelta(t, 17, lines[0].capital, 2)
}

func typeHeightOr(p *image.Gray, usual float64) float64 {
	if h := typeHeight(p); h > 0 {
		return h
	}
	return usual
}

func TestCurlOf_BentLines_AreMeasured(t *testing.T) {
	flat := page(t, 255, 0, khs...)
	bent := page(t, 255, 255)
	fall := func(x int) int { u := float64(x-600) / 600; return int(30 * u * u) }
	for y := range 1500 {
		for x := range 1200 {
			bent.Pix[(y+fall(x))*bent.Stride+x] = flat.Pix[y*flat.Stride+x]
		}
	}
	_, curl := linesOf(bent, typeHeight(bent))
	const middle = 350 // of the lines
	for _, x := range []int{150, 250, 450} {
		require.InDelta(t, fall(x)-fall(middle), curl.at(float64(x), 500)-curl.at(middle, 500), 3, "at %d", x)
	}
}

func TestCurlOf_LongLinesOnOneSide_TheCellsBesideThemTellTheRest(t *testing.T) {
	rows := make([][]string, 40)
	for i := range rows {
		rows[i] = []string{"MII21-1201", "Kalkulus Lanjut", "", "3", "B", "325"}
	}
	flat := table(t, 16, rows...)
	bent := page(t, 255, 255)
	fall := func(x int) int { u := float64(x-100) / 1000; return int(40 * u * u) }
	for y := range 1500 {
		for x := range 1200 {
			bent.Pix[(y+fall(x))*bent.Stride+x] = flat.Pix[y*flat.Stride+x]
		}
	}
	_, curl := linesOf(bent, 12)
	for _, x := range []int{700, 900, 1100} {
		require.InDelta(t, fall(x)-fall(300), curl.at(float64(x), 800)-curl.at(300, 800), 4, "at %d", x)
	}
	straight := curl.flattened(bent, 12)
	lines, _ := linesOf(straight, 12)
	require.Len(t, lines, len(rows))
	for _, l := range lines {
		require.Len(t, l.cells, 5, "one line holds the row")
	}
}

func TestFlattened_FlatPage_StaysAsItIs(t *testing.T) {
	p := page(t, 255, 0, khs...)
	_, curl := linesOf(p, typeHeight(p))
	require.Same(t, p, curl.flattened(p, typeHeight(p)))
}

func TestDarken_PaleType_BecomesDarkAndPaperStaysWhite(t *testing.T) {
	p := page(t, 255, 170, khs...)
	Darken(p)
	dark := 0
	for _, v := range p.Pix {
		if v < 90 {
			dark++
		}
	}
	require.Greater(t, dark, 5000)
	require.Equal(t, byte(255), p.GrayAt(1100, 1500).Y)
}

func TestSeam_KindsOfSigns(t *testing.T) {
	for _, c := range []struct {
		a, b string
		wide bool
		want bool
	}{
		{"s", "1", false, true}, {"r", "I", false, true}, {"K", ":", false, true}, {":", "3", false, true},
		{"I", "2", false, false}, {"I", "2", true, true}, {"2", "A", true, true}, {"2", "A", false, false},
		{"2", "1", true, false}, {"A", "B", true, false}, {"a", "b", true, false},
	} {
		require.Equal(t, c.want, seam(c.a, c.b, c.wide), "%s%s", c.a, c.b)
	}
}

func TestGrouped_OverlappingTokens_AreOneGroup(t *testing.T) {
	of := func(by, from, to int) token {
		return token{by: by, glyphs: []lstm.Glyph{{Text: "x", From: from, To: to}}}
	}
	groups := grouped([]token{of(0, 0, 5), of(0, 10, 20), of(1, 1, 4), of(1, 9, 12), of(1, 15, 22)})
	require.Len(t, groups, 2)
	require.Len(t, groups[0].tokens, 2)
	require.Equal(t, [2]int{0, 5}, [2]int{groups[0].from, groups[0].to})
	require.Len(t, groups[1].tokens, 3)
	require.Equal(t, [2]int{9, 22}, [2]int{groups[1].from, groups[1].to})
}

func TestSense_FewOrUnsureWords_AreNotPlain(t *testing.T) {
	require.True(t, sense{sure: 40, words: 60}.plain())
	require.False(t, sense{sure: 40, words: 200}.plain())
	require.False(t, sense{sure: 3, words: 3}.plain())
}

func TestLikeFamiliar_OneLetterOff_IsFound(t *testing.T) {
	for text, want := range map[string]string{"Namia": "Nama", "NANA": "NAMA", "Nma": "", "Semeste": "Semester", "Kuliah": "", "Pancasila": ""} {
		require.Equal(t, want, likeFamiliar(text), text)
	}
}
