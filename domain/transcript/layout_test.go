package transcript

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// paper is a page on which the tests print words: ten units high, five wide a letter.
type paper struct {
	words  []Word
	source Source
	slope  float64 // of every line
	unit   float64 // size of a unit on the page
}

const (
	letter = 5.0
	height = 10.0
)

func (p *paper) print(x, y float64, text string) float64 {
	if p.unit == 0 {
		p.unit = 1
	}
	for _, w := range strings.Fields(text) {
		width := letter * float64(len([]rune(w)))
		dy := p.slope * x
		p.words = append(p.words, Word{Text: w, Confidence: 1, Source: cmpSource(p.source),
			Box: Box{X0: x * p.unit, Y0: (y + dy) * p.unit, X1: (x + width) * p.unit, Y1: (y + dy + height) * p.unit}})
		x += width + letter
	}
	return x
}

func cmpSource(s Source) Source {
	if s == "" {
		return TextLayer
	}
	return s
}

func (p *paper) file() File {
	return File{Type: "application/pdf", Pages: []Page{{Number: 1, Width: 600 * p.unit, Height: 840 * p.unit, Words: p.words}}}
}

// course is a row as it should be read.
type course struct {
	code, name, sks, grade, weight, points, class string
}

var sample = []course{
	{"IFA21101", "Dasar Pemrograman", "4", "A", "4.00", "16.00", "A"},
	{"IFA21102", "Matematika Diskrit", "3", "B+", "3.25", "9.75", "B"},
	{"IFA21103", "Praktikum Basis Data", "1", "A/B", "3.50", "3.50", "C"},
	{"IFA21104", "Jaringan Komputer", "3", "A-", "3.75", "11.25", "B"},
	{"UNB21005", "Bahasa Indonesia", "2", "B", "3.00", "6.00", "A"},
	{"IFA21106", "Statistika dan Probabilitas", "3", "C", "2.00", "6.00", "D"},
}

// plan says how the tests print a study result.
type plan struct {
	columns  []columnKind // left to right
	captions map[columnKind]string
	fields   map[fieldKind]string
	comma    bool
	right    bool // numbers at the right edge of their column
	centred  bool // headings centred
	pitch    float64
	wrap     bool // course names in two lines
	upper    bool
	slope    float64
	unit     float64
	source   Source
	courses  []course
}

var widths = map[columnKind]float64{indexColumn: 25, codeColumn: 70, nameColumn: 190, sksColumn: 50, gradeColumn: 55, weightColumn: 60, pointsColumn: 65, classColumn: 45, numberColumn: 55, historyColumn: 80, semesterColumn: 40}

func (c course) cell(k columnKind, i int) string {
	switch k {
	case indexColumn:
		return fmt.Sprint(i + 1)
	case codeColumn:
		return c.code
	case nameColumn:
		return c.name
	case sksColumn:
		return c.sks
	case gradeColumn:
		return c.grade
	case weightColumn:
		return c.weight
	case pointsColumn:
		return c.points
	case classColumn:
		return c.class
	case numberColumn:
		return fmt.Sprintf("%d.%d", 60+i*5, i)
	case historyColumn:
		return "2022/Gs/" + c.grade
	case semesterColumn:
		return "3"
	}
	return ""
}

func (pl plan) field(k fieldKind, otherwise string) string {
	if c, ok := pl.fields[k]; ok {
		return c
	}
	return otherwise
}

func (pl plan) mark(s string) string {
	if pl.comma {
		return strings.ReplaceAll(s, ".", ",")
	}
	return s
}

func (pl plan) draw() *paper {
	p := &paper{source: pl.source, slope: pl.slope, unit: pl.unit}
	if pl.pitch == 0 {
		pl.pitch = 16
	}
	courses := pl.courses
	if courses == nil {
		courses = sample
	}
	p.print(180, 20, "UNIVERSITAS CONTOH NUSANTARA")
	p.print(220, 40, "KARTU HASIL STUDI")
	p.print(150, 55, "Semester Gasal Tahun Akademik 2023/2024")
	p.print(30, 80, pl.field(nameField, "Nama"))
	p.print(150, 80, ": Ni Luh Putu Sekar Arum")
	p.print(30, 95, pl.field(nimField, "NIM"))
	p.print(150, 95, ": 23/512345/TK/56789")
	p.print(30, 110, "Program Studi")
	p.print(150, 110, ": Teknologi Informasi")

	y := 140.0
	at := map[columnKind]float64{}
	x := 30.0
	for _, k := range pl.columns {
		at[k] = x
		text := pl.captions[k]
		width := letter * float64(len(text))
		if pl.centred {
			p.print(x+(widths[k]-10-width)/2, y, text)
		} else if pl.right && k != nameColumn && k != codeColumn && k != indexColumn {
			p.print(x+widths[k]-10-width, y, text)
		} else {
			p.print(x, y, text)
		}
		x += widths[k]
	}
	y += pl.pitch
	for i, c := range courses {
		for _, k := range pl.columns {
			text := pl.mark(c.cell(k, i))
			if pl.upper {
				text = strings.ToUpper(text)
			}
			cx := at[k]
			if k != nameColumn && k != codeColumn && k != indexColumn {
				if pl.right {
					cx += widths[k] - 10 - letter*float64(len(text))
				} else if pl.centred {
					cx += (widths[k] - 10 - letter*float64(len(text))) / 2
				}
			}
			if first, rest, two := strings.Cut(text, " "); k == nameColumn && pl.wrap && two {
				p.print(cx, y, first)
				p.print(cx, y+11, rest)
				continue
			}
			p.print(cx, y, text)
		}
		y += pl.pitch
		if pl.wrap {
			y += 11
		}
	}
	y += 6
	p.print(60, y, "Jumlah")
	var sks, points Decimal
	for _, c := range courses {
		sks += MustDecimal(c.sks)
		points += MustDecimal(c.points)
	}
	for k, text := range map[columnKind]string{sksColumn: sks.String(), pointsColumn: pl.mark(points.String())} {
		x, ok := at[k]
		switch {
		case !ok:
			continue
		case pl.right:
			x += widths[k] - 10 - letter*float64(len(text))
		case pl.centred:
			x += (widths[k] - 10 - letter*float64(len(text))) / 2
		}
		p.print(x, y, text)
	}
	y += 25
	p.print(30, y, pl.field(ipsField, "Indeks Prestasi Semester (IPS)"))
	p.print(220, y, pl.mark(": "+points.Div(sks).Round(2).String()))
	p.print(30, y+15, pl.field(ipkField, "Indeks Prestasi Kumulatif (IPK)"))
	p.print(220, y+15, pl.mark(": 3.41"))
	p.print(30, y+30, pl.field(cumSKSField, "Jumlah SKS Kumulatif"))
	p.print(220, y+30, ": 87")
	p.print(30, y+60, "Keterangan: A=4.00 A-=3.75 A/B=3.50 B+=3.25 B=3.00 C=2.00 D=1.00 E=0")
	p.print(380, y+90, "Kota Contoh, 12 Februari 2024")
	p.print(380, y+105, "Ketua Program Studi,")
	p.print(380, y+150, "Dr. Ir. Bagus Contoh, M.T.")
	p.print(380, y+165, "NIP. 19700101 199501 1 001")
	return p
}

func shown(r Reading, code bool) []string {
	var out []string
	for _, row := range r.Rows {
		line := ""
		if code && row.Code != nil {
			line = row.Code.Value
		}
		if row.Name != nil {
			line += "|" + row.Name.Value
		}
		if row.SKS != nil {
			line += "|" + row.SKS.Value.String()
		}
		if row.Grade != nil {
			line += "|" + row.Grade.Value
		}
		out = append(out, line)
	}
	return out
}

func expected(courses []course, code, upper bool) []string {
	var out []string
	for _, c := range courses {
		line := ""
		if code {
			line = c.code
		}
		name := c.name
		if upper {
			name = strings.ToUpper(name)
		}
		out = append(out, line+"|"+name+"|"+c.sks+"|"+c.grade)
	}
	return out
}

func requirePlan(t *testing.T, pl plan) Reading {
	t.Helper()
	r := Read(pl.draw().file())
	courses := pl.courses
	if courses == nil {
		courses = sample
	}
	hasCode := slices.Contains(pl.columns, codeColumn)
	require.Equal(t, expected(courses, hasCode, pl.upper), shown(r, hasCode))
	require.Equal(t, KHS, r.Kind)
	require.NotNil(t, r.Name)
	require.Equal(t, "Ni Luh Putu Sekar Arum", r.Name.Value)
	require.NotNil(t, r.NIM)
	require.Equal(t, "23/512345/TK/56789", r.NIM.Value)
	require.NotNil(t, r.IPS, "IPS")
	require.NotNil(t, r.IPK, "IPK")
	require.Equal(t, MustDecimal("3.41"), r.IPK.Value)
	require.NotNil(t, r.CumSKS)
	require.Equal(t, DecimalOf(87), r.CumSKS.Value)
	require.NotNil(t, r.TotalSKS)
	require.Equal(t, DecimalOf(16), r.TotalSKS.Value)
	return r
}

var (
	indonesian = map[columnKind]string{indexColumn: "No", codeColumn: "Kode", nameColumn: "Nama Mata Kuliah", sksColumn: "SKS", gradeColumn: "Nilai", weightColumn: "Bobot", pointsColumn: "Mutu", classColumn: "Kelas", numberColumn: "Skor", historyColumn: "Historis Nilai", semesterColumn: "Smt"}
	english    = map[columnKind]string{indexColumn: "No.", codeColumn: "Course Code", nameColumn: "Course Title", sksColumn: "Credits", gradeColumn: "Grade", weightColumn: "Point", pointsColumn: "SKS x N", classColumn: "Class", numberColumn: "Score", historyColumn: "History", semesterColumn: "Sem"}
	letters    = map[columnKind]string{indexColumn: "#", codeColumn: "Kode MK", nameColumn: "Matakuliah", sksColumn: "K", gradeColumn: "HM", weightColumn: "AM", pointsColumn: "K x AM", classColumn: "Kls", numberColumn: "Nilai Angka", historyColumn: "Riwayat Nilai", semesterColumn: "Sem."}
	huruf      = map[columnKind]string{indexColumn: "NO", codeColumn: "KODE MATKUL", nameColumn: "MATA KULIAH", sksColumn: "KREDIT", gradeColumn: "NILAI HURUF", weightColumn: "ANGKA MUTU", pointsColumn: "JUMLAH", classColumn: "KELAS", numberColumn: "NILAI ANGKA", historyColumn: "HISTORI", semesterColumn: "SEM"}
)

func TestRead_OtherLayouts_FindsEveryRow(t *testing.T) {
	usual := []columnKind{indexColumn, codeColumn, nameColumn, sksColumn, gradeColumn, weightColumn, pointsColumn}
	for name, pl := range map[string]plan{
		"Indonesian":            {columns: usual, captions: indonesian},
		"English":               {columns: usual, captions: english},
		"short captions":        {columns: usual, captions: letters},
		"capitals":              {columns: usual, captions: huruf, upper: true},
		"decimal comma":         {columns: usual, captions: indonesian, comma: true},
		"right-aligned":         {columns: usual, captions: indonesian, right: true},
		"centred":               {columns: usual, captions: indonesian, centred: true},
		"no code column":        {columns: []columnKind{indexColumn, nameColumn, sksColumn, gradeColumn, weightColumn}, captions: indonesian},
		"no weights":            {columns: []columnKind{indexColumn, codeColumn, nameColumn, sksColumn, gradeColumn}, captions: english},
		"class before credits":  {columns: []columnKind{indexColumn, codeColumn, nameColumn, classColumn, sksColumn, gradeColumn, weightColumn}, captions: indonesian},
		"class behind grade":    {columns: []columnKind{indexColumn, codeColumn, nameColumn, sksColumn, gradeColumn, classColumn}, captions: indonesian},
		"history before grade":  {columns: []columnKind{codeColumn, nameColumn, sksColumn, historyColumn, gradeColumn}, captions: indonesian},
		"score before letter":   {columns: []columnKind{indexColumn, codeColumn, nameColumn, sksColumn, numberColumn, gradeColumn, weightColumn}, captions: huruf},
		"grade before credits":  {columns: []columnKind{indexColumn, codeColumn, nameColumn, gradeColumn, weightColumn, sksColumn}, captions: indonesian},
		"name before code":      {columns: []columnKind{indexColumn, nameColumn, codeColumn, sksColumn, gradeColumn}, captions: indonesian},
		"semester first":        {columns: []columnKind{semesterColumn, codeColumn, nameColumn, sksColumn, gradeColumn, weightColumn}, captions: indonesian},
		"wrapped names":         {columns: usual, captions: indonesian, wrap: true},
		"sloping print":         {columns: usual, captions: indonesian, slope: 0.012, source: Pixels},
		"pixels":                {columns: usual, captions: indonesian, unit: 2.78, source: Pixels},
		"wide lines":            {columns: usual, captions: english, pitch: 30},
		"other field captions":  {columns: usual, captions: english, fields: map[fieldKind]string{nameField: "Student Name", nimField: "Student ID", ipsField: "Semester GPA", ipkField: "Cumulative GPA", cumSKSField: "Cumulative Credits"}},
		"short field captions":  {columns: usual, captions: indonesian, fields: map[fieldKind]string{nameField: "Nama Mahasiswa", nimField: "No. Mahasiswa", ipsField: "IPS", ipkField: "IPK", cumSKSField: "SKS Kumulatif"}},
		"bilingual captions":    {columns: usual, captions: indonesian, fields: map[fieldKind]string{nameField: "Nama / Name", nimField: "NPM / Student Number", ipsField: "IP Semester / Semester GPA", ipkField: "IPK / Cumulative GPA", cumSKSField: "SKS Kumulatif / Cumulative Credits"}},
		"older spelling of IPK": {columns: usual, captions: indonesian, fields: map[fieldKind]string{ipsField: "Indeks Prestasi", ipkField: "Indeks Prestasi Komulatif"}},
	} {
		t.Run(name, func(t *testing.T) { requirePlan(t, pl) })
	}
}

func TestRead_ShuffledLayouts_FindsEveryRow(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 21))
	sets := []map[columnKind]string{indonesian, english, letters, huruf}
	for i := range 120 {
		pl := plan{captions: sets[rng.IntN(len(sets))], comma: rng.IntN(2) == 0, pitch: 13 + float64(rng.IntN(14))}
		pl.right = rng.IntN(3) == 0
		pl.centred = !pl.right && rng.IntN(2) == 0
		values := []columnKind{sksColumn, gradeColumn}
		for _, k := range []columnKind{weightColumn, pointsColumn, classColumn} {
			if rng.IntN(2) == 0 {
				values = append(values, k)
			}
		}
		rng.Shuffle(len(values), func(a, b int) { values[a], values[b] = values[b], values[a] })
		if rng.IntN(2) == 0 {
			pl.columns = append(pl.columns, indexColumn)
		}
		ids := []columnKind{codeColumn, nameColumn}
		if rng.IntN(5) == 0 {
			ids = []columnKind{nameColumn}
		}
		pl.columns = append(append(pl.columns, ids...), values...)
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Logf("%+v", pl)
			requirePlan(t, pl)
		})
	}
}

func TestRead_SideBySideTables_ReadsBoth(t *testing.T) {
	p := &paper{}
	p.print(200, 20, "TRANSKRIP NILAI SEMENTARA")
	p.print(30, 50, "Nama : Ni Luh Putu Sekar Arum")
	p.print(30, 65, "NIM : 23/512345/TK/56789")
	for side := range 2 {
		x := 20 + 290*float64(side)
		for _, h := range []struct {
			x    float64
			text string
		}{{0, "No"}, {20, "Kode"}, {70, "Mata Kuliah"}, {200, "SKS"}, {225, "Nilai"}, {255, "Bobot"}} {
			p.print(x+h.x, 100, h.text)
		}
		y := 118.0
		for i, c := range sample[3*side : 3*side+3] {
			if side == 1 {
				y += 4
			}
			p.print(x, y, fmt.Sprint(3*side+i+1))
			p.print(x+20, y, c.code)
			first, rest, _ := strings.Cut(c.name, " ")
			p.print(x+70, y-5, first)
			p.print(x+70, y+6, rest)
			p.print(x+205, y, c.sks)
			p.print(x+230, y, c.grade)
			p.print(x+258, y, c.weight)
			y += 24
		}
	}
	p.print(20, 250, "Jumlah SKS yang ditempuh : 16")
	p.print(20, 265, "Indeks Prestasi Kumulatif : 3.28")
	r := Read(p.file())
	require.Equal(t, expected(sample, true, false), shown(r, true))
	require.Equal(t, Transcript, r.Kind)
	require.Equal(t, MustDecimal("3.28"), r.IPK.Value)
	require.Equal(t, "ugm", r.Scale)
}

func TestRead_StackedTerms_LastRunningAverageCounts(t *testing.T) {
	p := &paper{}
	p.print(200, 20, "ACADEMIC HISTORY")
	p.print(30, 40, "Nama / Name : Ni Luh Putu Sekar Arum")
	p.print(30, 55, "NPM / Student Number : 2306512345")
	y := 80.0
	for term := range 2 {
		p.print(30, y, fmt.Sprintf("Tahun Ajaran 2023/2024 Term %d", term+1))
		y += 20
		for _, h := range []struct {
			x        float64
			id, text string
		}{{60, "Kode MK", "Code"}, {150, "Nama Mata Kuliah", "Course Title"}, {340, "SKS", "Credits"}, {420, "Nilai", "Grade"}, {480, "Bobot", "Point"}} {
			p.print(h.x, y, h.id)
			p.print(h.x, y+11, h.text)
		}
		p.print(30, y+5, "No")
		y += 30
		for i, c := range sample[3*term : 3*term+3] {
			p.print(30, y+5, fmt.Sprint(i+1))
			p.print(60, y+5, c.code)
			p.print(150, y, c.name)
			p.print(150, y+11, "English Name")
			p.print(350, y+5, c.sks)
			p.print(430, y+5, c.grade)
			p.print(485, y+5, c.weight)
			y += 28
		}
		p.print(30, y, fmt.Sprintf("SKS Term: 8 IP Term (IPS): 3.%d0 SKS Kumulatif: %d IPK: 3.%d5", term, 8*(term+1), term+3))
		y += 30
	}
	p.print(30, y, "Total SKS yang diperoleh / Total Credits Earned : 16")
	p.print(30, y+15, "Indeks Prestasi Kumulatif / Cumulative GPA : 3.28")
	r := Read(p.file())
	require.Equal(t, expected(sample, true, false), shown(r, true), "the English line of a name is not part of it")
	require.Equal(t, MustDecimal("3.28"), r.IPK.Value)
	require.Equal(t, DecimalOf(16), r.TotalSKS.Value)
	require.Nil(t, r.IPS)
	require.Equal(t, "2306512345", r.NIM.Value)
}

func TestRead_TwoStoreyHeading_JoinsCaptions(t *testing.T) {
	p := plan{captions: indonesian}.draw()
	p.words = slices.DeleteFunc(p.words, func(w Word) bool { return w.Box.Y0 > 120 })
	for _, h := range []struct {
		x, y float64
		text string
	}{{30, 140, "No"}, {55, 140, "Kode"}, {130, 140, "Mata Kuliah"}, {330, 140, "SKS"}, {400, 134, "Nilai"}, {380, 146, "Angka"}, {430, 146, "Huruf"}, {490, 134, "SKS x"}, {490, 146, "Bobot"}} {
		p.print(h.x, h.y, h.text)
	}
	for i, c := range sample {
		y := 165 + 16*float64(i)
		p.print(30, y, fmt.Sprint(i+1))
		p.print(55, y, c.code)
		p.print(130, y, c.name)
		p.print(335, y, c.sks)
		p.print(380, y, c.weight)
		p.print(435, y, c.grade)
		p.print(490, y, c.points)
	}
	r := Read(p.file())
	require.Equal(t, expected(sample, true, false), shown(r, true))
	for i, row := range r.Rows {
		require.NotNil(t, row.Weight, "row %d", i)
		require.NotNil(t, row.Points, "row %d", i)
		require.Equal(t, MustDecimal(sample[i].weight), row.Weight.Value)
		require.Equal(t, MustDecimal(sample[i].points), row.Points.Value)
	}
}

func TestRead_ContinuedPageWithoutHeading_KeepsColumns(t *testing.T) {
	columns := []columnKind{indexColumn, codeColumn, nameColumn, sksColumn, gradeColumn, weightColumn}
	first := plan{columns: columns, captions: indonesian, courses: sample[:3]}.draw()
	first.words = slices.DeleteFunc(first.words, func(w Word) bool { return w.Box.Y0 > 200 })
	second := &paper{}
	for i, c := range sample[3:] {
		x := 30.0
		for _, k := range columns {
			second.print(x, 30+16*float64(i), c.cell(k, i+3))
			x += widths[k]
		}
	}
	second.print(30, 110, "Indeks Prestasi Kumulatif : 3.41")
	file := first.file()
	next := second.file().Pages[0]
	next.Number = 2
	file.Pages = append(file.Pages, next)
	r := Read(file)
	require.Equal(t, expected(sample, true, false), shown(r, true))
	require.Equal(t, 2, r.Rows[5].Page)
	require.Equal(t, 2, r.IPK.Page)
}

func TestRead_Boxes_PointAtTheWords(t *testing.T) {
	pl := plan{columns: []columnKind{codeColumn, nameColumn, sksColumn, gradeColumn}, captions: indonesian, slope: 0.01, source: Pixels}
	p := pl.draw()
	r := Read(p.file())
	require.Len(t, r.Rows, len(sample))
	grade := r.Rows[3].Grade
	at := slices.IndexFunc(p.words, func(w Word) bool { return w.Text == "A-" })
	require.Equal(t, p.words[at].Box, grade.Box)
	require.Equal(t, Pixels, grade.Source)
	require.Equal(t, 1, grade.Page)
	require.False(t, math.IsNaN(r.Confidence))
}

func TestRead_SideBySideTables_TheSameHeadingMeansTheSameInBoth(t *testing.T) {
	r := Read(typed(`
KARTU HASIL STUDI
Nama : Jonathan Contoh
NIM : 13523061

No  Mata Kuliah         Nilai  Jumlah Mutu  SKS    No  Mata Kuliah         Nilai  Jumlah Mutu  SKS
1   Mekanika Fluida     A      8.00         2      4   Kecerdasan Buatan   C      2.00         1
2   Fisika Dasar        A      12.00        3      5   Kimia Organik       C      4.00         2
3   Hukum Perdata       BC     5.00         2

IPS : 3.10`))
	require.Len(t, r.Rows, 5)
	for _, row := range r.Rows {
		require.NotNil(t, row.Points, "no weight is printed, and two small points are none")
		require.Nil(t, row.Weight)
	}
}
