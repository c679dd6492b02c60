package transcripttest

import (
	"math/rand/v2"
	"slices"
	"strings"
)

// Column is what a column of the printed table holds.
type Column int

// The columns that a layout may print, in any order.
const (
	Index Column = iota
	Code
	Name
	Class
	SKS
	Grade
	Weight
	Points
)

// Layout says how a study is printed.
type Layout struct {
	Columns  []Column
	Captions map[Column]string
	Second   map[Column]string // captions in the other language, on a storey of their own
	Joint    string            // one heading over grade and weight, where they are neighbours
	Fields   map[string]string // captions of the fields, see fieldCaptions
	Letter   float64           // width of a letter
	Even     bool              // all letters have that width
	Comma    bool              // decimal mark
	Upper    bool
	Right    bool    // numbers at the right edge
	Side     bool    // two tables side by side
	Rules    bool    // drawn with signs
	Tiles    bool    // averages below their captions
	Pair     bool    // number and name in one field
	Above    bool    // averages above the table
	SumLine  bool    // totals in a line under the columns
	Wrap     int     // letters after which a course name goes on in the next line; 0: never
	PerPage  int     // courses on a page; 0: all
	Heading  bool    // repeated on every page
	Pitch    float64 // from row to row
}

var columnCaptions = map[Column][][2]string{
	Index:  {{"No", "No"}, {"No.", "No."}, {"#", "#"}, {"Nomor", "Number"}},
	Code:   {{"Kode", "Code"}, {"Kode MK", "Course Code"}, {"Kode Mata Kuliah", "Course Code"}, {"Kode Matkul", "Code"}},
	Name:   {{"Mata Kuliah", "Course"}, {"Nama Mata Kuliah", "Course Title"}, {"Matakuliah", "Subject"}, {"Nama Mata Ajar", "Course Name"}},
	Class:  {{"Kelas", "Class"}, {"Kls", "Section"}},
	SKS:    {{"SKS", "Credits"}, {"Kredit", "Credit"}, {"Jml SKS", "Credit Hours"}, {"K", "Cr"}},
	Grade:  {{"Nilai", "Grade"}, {"Nilai Huruf", "Letter Grade"}, {"Huruf Mutu", "Grade"}, {"HM", "Grade"}},
	Weight: {{"Bobot", "Weight"}, {"Angka Mutu", "Grade Point"}, {"Nilai Bobot", "Point"}, {"AM", "GP"}},
	Points: {{"SKS x Bobot", "Points"}, {"Mutu", "Quality Points"}, {"Jumlah Mutu", "Credit x Point"}, {"K x N", "Points"}},
}

var fieldCaptions = map[string][][2]string{
	"name": {{"Nama", "Name"}, {"Nama Mahasiswa", "Student Name"}, {"Nama Lengkap", "Full Name"}},
	"nim":  {{"NIM", "Student ID"}, {"NPM", "Student Number"}, {"NRP", "Student ID"}, {"Nomor Induk Mahasiswa", "Student Number"}, {"No. Mahasiswa", "Student No"}},
	"ips":  {{"IPS", "Semester GPA"}, {"IP Semester", "Term GPA"}, {"Indeks Prestasi Semester", "Semester GPA"}, {"Indeks Prestasi Semester (IPS)", "SGPA"}},
	"ipk":  {{"IPK", "Cumulative GPA"}, {"Indeks Prestasi Kumulatif", "CGPA"}, {"IP Kumulatif", "Cumulative GPA"}, {"Indeks Prestasi Kumulatif (IPK)", "CGPA"}},
	"sks":  {{"Jumlah SKS", "Total Credits"}, {"Total SKS", "Total Credits"}, {"Total Kredit", "Credits Taken"}},
	"cum":  {{"SKS Kumulatif", "Cumulative Credits"}, {"Jumlah SKS Kumulatif", "Cumulative Credits"}, {"Total SKS Kumulatif", "Cumulative Credits"}},
	"cumP": {{"Jumlah Mutu Kumulatif", "Cumulative Points"}, {"Total Bobot Kumulatif", "Cumulative Points"}},
	"khs":  {{"KARTU HASIL STUDI", "STUDY RESULT CARD"}, {"KARTU HASIL STUDI (KHS)", "STUDY RESULT CARD"}, {"LAPORAN HASIL STUDI", "SEMESTER REPORT"}},
	"all":  {{"TRANSKRIP NILAI SEMENTARA", "ACADEMIC TRANSCRIPT"}, {"DAFTAR NILAI", "ACADEMIC RECORD"}, {"TRANSKRIP AKADEMIK", "ACADEMIC TRANSCRIPT"}},
}

// Plain is the layout that every reader should manage: one table, usual captions.
func Plain() Layout {
	l := Layout{Columns: []Column{Index, Code, Name, SKS, Grade, Weight, Points}, Letter: 5, SumLine: true, Pitch: 16}
	l.name(func(n int) int { return 0 }, 0, true)
	return l
}

// name chooses captions in Indonesian, in English, or in both, by the word given.
func (l *Layout) name(choose func(n int) int, language int, indonesianFields bool) {
	l.Captions, l.Fields = map[Column]string{}, map[string]string{}
	for _, k := range []Column{Index, Code, Name, Class, SKS, Grade, Weight, Points} {
		pair := columnCaptions[k][choose(len(columnCaptions[k]))]
		l.Captions[k] = pair[min(language, 1)]
		if language == 2 {
			if l.Second == nil {
				l.Second = map[Column]string{}
			}
			l.Captions[k], l.Second[k] = pair[0], pair[1]
		}
	}
	for _, k := range []string{"name", "nim", "ips", "ipk", "sks", "cum", "cumP", "khs", "all"} {
		pair := fieldCaptions[k][choose(len(fieldCaptions[k]))]
		switch {
		case language == 2 && k != "khs" && k != "all":
			l.Fields[k] = pair[0] + " / " + pair[1]
		case language == 1 && !indonesianFields:
			l.Fields[k] = pair[1]
		default:
			l.Fields[k] = pair[0]
		}
	}
}

// NewLayout draws one of the layouts that nobody foresaw.
func NewLayout(r *rand.Rand) Layout {
	l := Layout{Letter: 4 + 2*r.Float64(), Even: maybe(r, 0.3), Comma: maybe(r, 0.5), Upper: maybe(r, 0.15), Right: maybe(r, 0.3), Rules: maybe(r, 0.1), Tiles: maybe(r, 0.15), Pair: maybe(r, 0.15),
		Above: maybe(r, 0.15), SumLine: maybe(r, 0.5), Heading: maybe(r, 0.5), Pitch: 14 + 6*r.Float64()}
	language := r.IntN(3)
	l.name(r.IntN, language, language != 1 || maybe(r, 0.3))
	l.Columns = []Column{Name, SKS, Grade}
	for _, k := range []Column{Code, Weight, Points, Class} {
		if maybe(r, map[Column]float64{Code: 0.85, Weight: 0.65, Points: 0.5, Class: 0.3}[k]) {
			l.Columns = append(l.Columns, k)
		}
	}
	r.Shuffle(len(l.Columns), func(i, k int) { l.Columns[i], l.Columns[k] = l.Columns[k], l.Columns[i] })
	if maybe(r, 0.7) {
		l.Columns = slices.Insert(l.Columns, 0, Index)
	}
	g, w := slices.Index(l.Columns, Grade), slices.Index(l.Columns, Weight)
	if w == g+1 && language != 2 && maybe(r, 0.5) {
		l.Joint = []string{"Nilai", "Grade"}[language]
		l.Captions[Grade], l.Captions[Weight] = []string{"Huruf", "Letter"}[language], []string{"Angka", "Point"}[language]
	}
	if maybe(r, 0.3) {
		l.Wrap = 18 + r.IntN(12)
		l.Pitch += 12
	}
	l.Side = maybe(r, 0.2)
	if !l.Side && maybe(r, 0.25) {
		l.PerPage = 8 + r.IntN(12)
	}
	return l
}

// Has reports whether the layout prints the column.
func (l Layout) Has(k Column) bool { return slices.Contains(l.Columns, k) }

func (l Layout) mark(s string) string {
	if l.Comma {
		return strings.ReplaceAll(s, ".", ",")
	}
	return s
}
