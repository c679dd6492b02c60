package transcript

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRead_CaptionsAboveValues_AreRead(t *testing.T) {
	p := plan{columns: []columnKind{indexColumn, codeColumn, nameColumn, sksColumn, gradeColumn}, captions: english}.draw()
	p.words = slices.DeleteFunc(p.words, func(w Word) bool { return w.Box.Y0 > 70 && w.Box.Y0 < 130 || w.Box.Y0 > 260 })
	for i, pair := range [][2]string{{"Student Name", "Jonathan Contoh"}, {"Student ID", "2306512345"}, {"Study Program", "Computer Science"}} {
		p.print(30+190*float64(i), 75, pair[0])
		p.print(30+190*float64(i), 88, pair[1])
	}
	for i, pair := range [][2]string{{"Semester GPA", "3.28"}, {"Cumulative GPA", "3.41"}, {"Cumulative Credits", "87"}} {
		p.print(30+150*float64(i), 300, pair[0])
		p.print(30+150*float64(i), 315, pair[1])
	}
	r := Read(p.file())
	require.Equal(t, "Jonathan Contoh", r.Name.Value)
	require.Equal(t, "2306512345", r.NIM.Value)
	require.Equal(t, "Computer Science", r.Programme.Value)
	require.Equal(t, MustDecimal("3.28"), r.IPS.Value)
	require.Equal(t, MustDecimal("3.41"), r.IPK.Value)
	require.Equal(t, DecimalOf(87), r.CumSKS.Value)
}

func TestRead_ValuesAboveCaptions_AreRead(t *testing.T) {
	p := plan{columns: usualColumns, captions: indonesian}.draw()
	p.words = slices.DeleteFunc(p.words, func(w Word) bool { return w.Box.Y0 > 260 })
	for i, pair := range [][2]string{{"IPS", "3.28"}, {"IPK", "3.41"}, {"SKS Kumulatif", "87"}} {
		p.print(30+150*float64(i), 300, pair[1])
		p.print(30+150*float64(i), 315, pair[0])
	}
	r := Read(p.file())
	require.Equal(t, MustDecimal("3.28"), r.IPS.Value)
	require.Equal(t, MustDecimal("3.41"), r.IPK.Value)
	require.Equal(t, DecimalOf(87), r.CumSKS.Value)
}

func TestRead_NoHeading_RowsComeFromTheLines(t *testing.T) {
	p := plan{columns: usualColumns, captions: indonesian}.draw()
	p.words = slices.DeleteFunc(p.words, func(w Word) bool { return w.Box.Y0 > 135 && w.Box.Y0 < 150 })
	require.Equal(t, expected(sample, true, false), shown(Read(p.file()), true))
}

func TestRead_LostCaption_ColumnIsFoundByContent(t *testing.T) {
	for _, lost := range []string{"SKS", "Nilai", "Kode", "Bobot", "No"} {
		p := plan{columns: usualColumns, captions: indonesian}.draw()
		p.words = slices.DeleteFunc(p.words, func(w Word) bool { return w.Text == lost && w.Box.Y0 > 135 && w.Box.Y0 < 150 })
		require.Equal(t, expected(sample, lost != "Kode", false), shown(Read(p.file()), lost != "Kode"), lost)
	}
}

func TestRead_TypewriterRules_AreNoText(t *testing.T) {
	p := &paper{}
	for i, l := range []string{"UNIVERSITAS CONTOH", "KARTU HASIL STUDI", "NAMA : BUDI CONTOH", "N I M : 2010114001", "+----+----------+--------+-----+", "| NO | KODE | MATA KULIAH | SKS | NILAI |", "+----+----------+--------+-----+"} {
		p.print(30, 20+12*float64(i), l)
	}
	for i, c := range sample {
		for _, cell := range []struct {
			x    float64
			text string
		}{{30, "|"}, {40, fmt.Sprint(i + 1)}, {55, "|"}, {65, c.code}, {115, "|"}, {125, strings.ToUpper(c.name)}, {300, "|"}, {310, c.sks}, {330, "|"}, {345, c.grade}, {370, "|"}} {
			p.print(cell.x, 110+12*float64(i), cell.text)
		}
	}
	p.print(30, 190, "+----+----------+")
	p.print(30, 205, "| TOTAL SKS : 16 | IP : 3,28 |")
	p.print(30, 220, "| IPK : 3,41 |")
	r := Read(p.file())
	require.Equal(t, expected(sample, true, true), shown(r, true))
	require.Equal(t, "BUDI CONTOH", r.Name.Value)
	require.Equal(t, "2010114001", r.NIM.Value)
	require.Equal(t, MustDecimal("3.28"), r.IPS.Value)
	require.Equal(t, MustDecimal("3.41"), r.IPK.Value)
}

func TestRead_SumsBetweenSections_DoNotEndTheTable(t *testing.T) {
	p := &paper{}
	p.print(200, 20, "DAFTAR NILAI MAHASISWA")
	p.print(30, 40, "N a m a")
	p.print(150, 40, ": Budi Contoh")
	p.print(30, 55, "No. Induk Mahasiswa")
	p.print(150, 55, ": H071211001")
	for _, h := range []struct {
		x    float64
		text string
	}{{30, "No"}, {50, "Kode"}, {110, "Mata Kuliah"}, {280, "SKS"}, {310, "Nilai"}, {350, "Angka"}, {390, "SKS x Angka"}, {460, "Ket"}} {
		p.print(h.x, 100, h.text)
	}
	y := 115.0
	for i, c := range sample {
		if i%3 == 0 {
			p.print(110, y, fmt.Sprintf("SEMESTER %d", i/3+1))
			y += 14
		}
		for _, cell := range []struct {
			x    float64
			text string
		}{{30, fmt.Sprint(i + 1)}, {50, c.code}, {110, c.name}, {285, c.sks}, {315, c.grade}, {350, c.weight}, {395, c.points}, {460, "Lulus"}} {
			p.print(cell.x, y, cell.text)
		}
		y += 14
		if i%3 == 2 {
			p.print(110, y, "Jumlah")
			p.print(285, y, "8")
			y += 14
		}
	}
	p.print(30, y+20, "Total Kredit : 16")
	p.print(30, y+34, "Indeks Prestasi Kumulatif : 3.28")
	r := Read(p.file())
	require.Equal(t, Transcript, r.Kind)
	require.Equal(t, expected(sample, true, false), shown(r, true))
	require.Equal(t, "H071211001", r.NIM.Value)
	require.Equal(t, DecimalOf(16), r.TotalSKS.Value)
	require.Equal(t, MustDecimal("3.28"), r.IPK.Value)
}

func TestRead_HalfSteps_FollowTheScale(t *testing.T) {
	courses := slices.Clone(sample)
	courses[2].grade = "AB"
	pl := plan{columns: []columnKind{codeColumn, nameColumn, sksColumn, gradeColumn}, captions: indonesian, courses: courses, source: Pixels}
	r := Read(pl.draw().file())
	require.Equal(t, "A/B", r.Rows[2].Grade.Value, "no scale has A- and AB")
	pl.source = TextLayer
	require.Equal(t, "AB", Read(pl.draw().file()).Rows[2].Grade.Value)
}

func TestRead_NotAStudyResult_ConfidenceIsLegibility(t *testing.T) {
	clear := &paper{}
	for i := range 8 {
		clear.print(30, 30+15*float64(i), "Biaya kuliah tetap semester ini dibayar tunai")
	}
	r := Read(clear.file())
	require.Equal(t, NotStudyResult, r.Kind)
	require.Equal(t, 1.0, r.Confidence)

	dim := clear.file()
	for i := range dim.Pages[0].Words {
		dim.Pages[0].Words[i].Confidence = 0.3
	}
	require.Less(t, Read(dim).Confidence, 0.4)

	few := &paper{}
	few.print(30, 30, "se dibayar 3 A")
	r = Read(few.file())
	require.Equal(t, NotStudyResult, r.Kind, "a single line that looks like a course is none")
	require.Less(t, r.Confidence, 0.2)
}

func TestRead_CaptionsOfThePersonLost_NumberAndNameAreFoundByForm(t *testing.T) {
	without := func(captions ...string) Reading {
		p := plan{columns: usualColumns, captions: indonesian, source: Pixels}.draw()
		p.words = slices.DeleteFunc(p.words, func(w Word) bool { return w.Box.Y0 < 135 && slices.Contains(captions, strings.Trim(w.Text, ": ")) })
		return Read(p.file())
	}
	whole := without()
	for _, r := range []Reading{without("NIM", "Nama", "Mahasiswa", ""), without("NIM", ""), without("Nama", "Mahasiswa", "")} {
		require.Equal(t, whole.NIM.Value, r.NIM.Value)
		require.Equal(t, whole.Name.Value, r.Name.Value)
		require.LessOrEqual(t, min(r.NIM.Confidence, r.Name.Confidence), guessed, "no rejection rests on it")
	}
}

// printCells prints the texts at the places, all on one line.
func (p *paper) printCells(y float64, at []float64, texts ...string) {
	for i, text := range texts {
		p.print(at[i], y, text)
	}
}

func TestRead_TwoHalves_LendOneAnotherTheirCaptions(t *testing.T) {
	p := &paper{source: Pixels}
	p.print(200, 20, "KARTU HASIL STUDI")
	left, right := []float64{20, 75, 220, 245, 275}, []float64{320, 375, 520, 545, 575}
	p.printCells(100, left, "Kode", "Mata Kuliah", "SKS", "Nilai", "Bobot")
	p.printCells(100, right, "Kode", "Mata Kuliah", "Qxz", "Vwqx", "Bobot")
	for i := range sample[:3] {
		for half, at := range [][]float64{left, right} {
			c := sample[3*half+i]
			p.printCells(115+14*float64(i), at, c.code, c.name, c.sks, c.grade, c.weight)
		}
	}
	require.Equal(t, expected(sample, true, false), shown(Read(p.file()), true))
}

func TestRead_RulesRecognisedAsStrokes_AreNoCaptions(t *testing.T) {
	p := &paper{source: Pixels}
	p.print(200, 20, "KARTU HASIL STUDI")
	at := []float64{20, 80, 250, 300, 350}
	p.printCells(100, at, "Kode", "Mata Kuliah", "SKS", "Nilai", "Bobot")
	for _, x := range at {
		p.print(x-8, 100, "|")
		p.print(x-16, 100, "I")
		p.print(x-24, 100, "l")
	}
	for i, c := range sample {
		p.printCells(115+14*float64(i), at, c.code, c.name, c.sks, c.grade, c.weight)
	}
	require.Equal(t, expected(sample, true, false), shown(Read(p.file()), true))
}

func TestRead_CodesUnderAMisreadCaption_AreFoundByContent(t *testing.T) {
	p := &paper{source: Pixels}
	p.print(200, 20, "KARTU HASIL STUDI")
	at := []float64{20, 60, 130, 300, 350}
	p.printCells(100, at, "Kode", "Qxzwv", "Mata Kuliah", "SKS", "Nilai")
	for i, c := range sample {
		p.printCells(115+14*float64(i), at, fmt.Sprint(i+1), c.code, c.name, c.sks, c.grade)
	}
	require.Equal(t, expected(sample, true, false), shown(Read(p.file()), true))
}

func TestRead_MisreadCaptionBetweenTwoStoreys_DoesNotPartThem(t *testing.T) {
	p := &paper{source: Pixels}
	p.print(200, 20, "KARTU HASIL STUDI")
	at := []float64{20, 80, 250, 300, 350, 420}
	p.printCells(100, at[:3], "Kode", "Mata Kuliah", "SKS")
	p.print(at[5], 109, "Qxzwv")
	p.printCells(118, at[3:5], "Nilai", "Bobot")
	for i, c := range sample {
		p.printCells(135+14*float64(i), at, c.code, c.name, c.sks, c.grade, c.weight, "2023")
	}
	require.Equal(t, expected(sample, true, false), shown(Read(p.file()), true))
}

func TestRead_RuleBesideACell_IsNoPartOfIt(t *testing.T) {
	for _, rows := range []int{1, len(sample)} {
		p := &paper{source: Pixels}
		p.print(200, 20, "KARTU HASIL STUDI")
		at := []float64{20, 110, 280, 320}
		p.printCells(100, at, "Kode MK", "Mata Kuliah", "SKS", "Nilai")
		for i, c := range sample {
			y := 115 + 14*float64(i)
			p.printCells(y, at, c.code, c.name, c.sks, c.grade)
			if i < rows {
				p.print(at[0]+letter*float64(len(c.code)+1), y, "I")
			}
		}
		require.Equal(t, expected(sample, true, false), shown(Read(p.file()), true), "strokes in %d rows", rows)
	}
}
