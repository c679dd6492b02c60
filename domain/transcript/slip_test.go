package transcript

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRead_ColonSeenAsAStroke_IsNoPartOfTheValue(t *testing.T) {
	for _, seen := range [][2]string{{":", "1"}, {"23/512345/TK/56789", "123/512345/TK/56789"}} {
		p := plan{columns: usualColumns, captions: indonesian, source: Pixels}.draw()
		at := slices.IndexFunc(p.words, func(w Word) bool { return w.Text == "23/512345/TK/56789" })
		if seen[0] == ":" {
			p.words[at-1].Text = seen[1]
		} else {
			p.words[at].Text, p.words[at].Box.X0 = seen[1], p.words[at-1].Box.X0
			p.words = slices.Delete(p.words, at-1, at)
		}
		r := Read(p.file())
		require.Equal(t, "23/512345/TK/56789", r.NIM.Value, seen)
	}
	p := plan{columns: usualColumns, captions: indonesian, source: Pixels}.draw()
	at := slices.IndexFunc(p.words, func(w Word) bool { return w.Text == "87" })
	p.words[at-1].Text = "1"
	require.Equal(t, DecimalOf(87), Read(p.file()).CumSKS.Value)
}

func TestRead_HeadingLost_ColumnsComeFromTheTableBelow(t *testing.T) {
	p := &paper{source: Pixels}
	p.print(200, 20, "TRANSKRIP NILAI SEMENTARA")
	p.print(30, 40, "Nama : Budi Contoh")
	y := 80.0
	for part, courses := range [][]course{sample[:3], sample[3:]} {
		p.print(30, y, []string{"K~de M@ta Kul Svs Nl", ""}[part])
		if part == 1 {
			for x, caption := range map[float64]string{30: "Kode", 110: "Mata Kuliah", 300: "SKS", 350: "Nilai"} {
				p.print(x, y, caption)
			}
		}
		y += 16
		for _, c := range courses {
			for x, cell := range map[float64]string{30: c.code, 110: c.name, 302: c.sks, 355: c.grade} {
				p.print(x, y, cell)
			}
			y += 16
		}
		p.print(30, y, "Total SKS Tahap : 8")
		y += 30
	}
	require.Equal(t, expected(sample, true, false), shown(Read(p.file()), true))
}

func TestRead_RowNumbers_AreNoCredits(t *testing.T) {
	for _, lost := range []string{"No", "N"} {
		p := plan{columns: []columnKind{indexColumn, codeColumn, nameColumn, classColumn, sksColumn, gradeColumn, weightColumn}, captions: indonesian, source: Pixels}.draw()
		for i, w := range p.words {
			if w.Box.Y0 > 135 && w.Box.Y0 < 150 && (w.Text == "No" || w.Text == "SKS" && lost == "No") {
				p.words[i].Text = strings.TrimPrefix("N?", strings.TrimSuffix(lost, "o"))
			}
		}
		require.Equal(t, expected(sample, true, false), shown(Read(p.file()), true), lost)
	}
}

func TestRead_WordOverTwoCells_IsParted(t *testing.T) {
	p := plan{columns: unweightedColumns, captions: indonesian, source: Pixels}.draw()
	at := slices.IndexFunc(p.words, func(w Word) bool { return w.Text == "A-" })
	p.words[at].Text, p.words[at].Box.X0 = "3A-", p.words[at-1].Box.X0
	p.words = slices.Delete(p.words, at-1, at)
	require.Equal(t, expected(sample, true, false), shown(Read(p.file()), true))
}

func TestRead_LetterAndDirt_AreOneGrade(t *testing.T) {
	p := plan{columns: usualColumns, captions: indonesian, source: Pixels}.draw()
	for i := range p.words {
		if w := p.words[i]; (w.Text == "B" || w.Text == "A-") && w.Box.X0 > 300 {
			p.words[i].Text = w.Text[:1]
			p.print(w.Box.X1+3, w.Box.Y0, ".")
		}
	}
	r := Read(p.file())
	require.Equal(t, expected(sample, true, false), shown(r, true), "dirt behind B, the sign of A-: the weights tell")
}

func TestRead_SlopingLinesOfLevelWords_AreStraightened(t *testing.T) {
	p := plan{columns: usualColumns, captions: indonesian, source: Pixels}.draw()
	for i := range p.words {
		// Recognisers box the words of one cell level, although the line slopes.
		cell := float64(int(p.words[i].Box.X0/150)) * 150
		p.words[i].Box.Y0 += 0.03 * cell
		p.words[i].Box.Y1 += 0.03 * cell
	}
	require.Equal(t, expected(sample, true, false), shown(Read(p.file()), true))
}

func TestRead_TypewriterSpaces_PartNoCaption(t *testing.T) {
	p := &paper{source: Pixels}
	mono := func(x, y float64, text string) {
		for _, w := range strings.Fields(text) {
			p.words = append(p.words, Word{Text: w, Confidence: 1, Source: Pixels, Box: Box{X0: x, Y0: y, X1: x + 6*float64(len(w)) - 1, Y1: y + 5}})
			x += 6 * float64(len(w)+1)
		}
	}
	mono(30, 20, "KARTU HASIL STUDI")
	mono(30, 40, "NAMA MAHASISWA : BUDI CONTOH")
	for x, caption := range map[float64]string{30: "KODE", 110: "MATA KULIAH", 300: "SKS", 350: "NILAI"} {
		mono(x, 60, caption)
	}
	for i, c := range sample {
		for x, cell := range map[float64]string{30: c.code, 110: c.name, 306: c.sks, 362: c.grade} {
			mono(x, 75+13*float64(i), cell)
		}
	}
	mono(30, 170, "INDEKS PRESTASI SEMESTER : 3,28")
	mono(30, 183, "INDEKS PRESTASI KUMULATIF : 3,41")
	r := Read(p.file())
	require.NotNil(t, r.IPK)
	require.Equal(t, MustDecimal("3.41"), r.IPK.Value)
	require.Equal(t, MustDecimal("3.28"), r.IPS.Value)
}

func TestMendCodes_MergedOrRunTogether_FollowTheOthers(t *testing.T) {
	read := func(codes ...string) []string {
		rows := make([]Row, len(codes))
		for i, c := range codes {
			rows[i].Code = &Field[string]{Value: c, Confidence: 0.8, Source: Pixels}
		}
		codebookOf(rows).mend(rows)
		out := make([]string, len(rows))
		for i := range rows {
			out[i] = rows[i].Code.Value
			if rows[i].Name != nil {
				out[i] += " " + rows[i].Name.Value
			}
		}
		return out
	}
	require.Equal(t, []string{"EF234301", "EF234302", "EF234405", "EF234406"}, read("EF234301", "EF234302", "YEF234405", "1EF234406"))
	require.Equal(t, []string{"SVPL214501", "SVPL214502", "SVPL214510 PANCASILA"}, read("SVPL214501", "SVPL214502", "SVPL214510PANCASILA"))
	require.Equal(t, []string{"MII212201", "MII212202", "MII212207"}, read("MII212201", "MII212202", "MU212207"))
	require.Equal(t, []string{"EE234101", "EE234102", "EE234103", "EF234101"}, read("EE234101", "EE234102", "EE234103", "EF234101"), "both may be departments")
}

func TestRead_DotBehindASign_IsDirt(t *testing.T) {
	p := plan{columns: unweightedColumns, captions: indonesian, source: Pixels}.draw()
	changed := 0
	for i, w := range p.words {
		if w.Box.X0 > 300 && (w.Text == "A-" || w.Text == "A/B" || w.Text == "B+") {
			p.words[i].Text += "."
			changed++
		}
	}
	require.NotZero(t, changed)
	require.Equal(t, expected(sample, true, false), shown(Read(p.file()), true))
}
