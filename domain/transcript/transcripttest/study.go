// Package transcripttest makes study results of layouts that stand in no collection, with
// what they say: words on pages for the reader, and the study they were printed from. All is
// drawn from a seed, so that a failing document comes back. It shares no caption table with
// the reader: its captions are what its authors found on documents, not what is known to be read.
package transcripttest

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"asprak/domain/transcript"
)

// Course is a row as it is printed. A value that a layout has no column for is not shown.
type Course struct {
	Code, Name, English, SKS, Grade, Weight, Points, Class string
}

// Study is one student's results as they are printed. Change a value, and the page says
// that; "" is not printed.
type Study struct {
	Kind                 transcript.Kind
	Scale                transcript.Scale
	University           string
	Name, NIM, Programme string
	Courses              []Course
	TotalSKS             string
	TotalPoints          string
	IPS                  string // of a KHS
	IPK                  string
	CumSKS, CumPoints    string   // of a KHS
	Notes                []string // further lines at the foot
}

var (
	given  = []string{"Anindya", "Bagas", "Citra", "Dimas", "Eka", "Farhan", "Gita", "Hendra", "Intan", "Joko", "Kirana", "Lukman", "Maya", "Nadia", "Oka", "Prita", "Rangga", "Sari", "Tegar", "Wulan"}
	family = []string{"Pratama", "Lestari", "Nugroho", "Siregar", "Wijaya", "Maharani", "Hidayat", "Simanjuntak", "Putri", "Santoso", "Rahmawati", "Kusuma", "Saputra", "Handayani"}
	// Names in two languages; some are long enough to wrap, some end in a number or a Roman one.
	courses = [][2]string{
		{"Kalkulus I", "Calculus I"}, {"Kalkulus II", "Calculus II"}, {"Fisika Dasar 1", "Basic Physics 1"}, {"Fisika Dasar 2", "Basic Physics 2"},
		{"Kimia Organik", "Organic Chemistry"}, {"Praktikum Kimia Organik", "Organic Chemistry Laboratory"}, {"Basis Data", "Databases"}, {"Praktikum Basis Data", "Database Laboratory"},
		{"Jaringan Komputer", "Computer Networks"}, {"Praktikum Jaringan Komputer", "Computer Network Laboratory"}, {"Struktur Data dan Algoritma", "Data Structures and Algorithms"},
		{"Bahasa Indonesia untuk Penulisan Karya Ilmiah", "Indonesian for Scientific Writing"}, {"Pendidikan Pancasila", "Pancasila Education"}, {"Kewarganegaraan", "Civics"},
		{"Statistika dan Probabilitas", "Statistics and Probability"}, {"Ekonomi Teknik", "Engineering Economics"}, {"Mekanika Fluida", "Fluid Mechanics"}, {"Termodinamika", "Thermodynamics"},
		{"Sistem Kendali", "Control Systems"}, {"Praktikum Sistem Kendali", "Control Systems Laboratory"}, {"Menggambar Teknik", "Engineering Drawing"}, {"Hukum Perdata", "Civil Law"},
		{"Akuntansi Keuangan Menengah", "Intermediate Financial Accounting"}, {"Manajemen Pemasaran", "Marketing Management"}, {"Etika Profesi", "Professional Ethics"},
		{"Metodologi Penelitian", "Research Methods"}, {"Mikrobiologi Pangan", "Food Microbiology"}, {"Praktikum Mikrobiologi Pangan", "Food Microbiology Laboratory"},
		{"Ekologi Hutan", "Forest Ecology"}, {"Pemetaan dan Sistem Informasi Geografis", "Mapping and Geographic Information Systems"}, {"Kecerdasan Buatan", "Artificial Intelligence"},
		{"Pengolahan Citra Digital", "Digital Image Processing"}, {"Interaksi Manusia dan Komputer", "Human Computer Interaction"}, {"Bahasa Inggris", "English"}, {"Kewirausahaan", "Entrepreneurship"},
		{"Anatomi Tumbuhan", "Plant Anatomy"}, {"Genetika", "Genetics"}, {"Praktikum Genetika", "Genetics Laboratory"}, {"Teori Graf", "Graph Theory"}, {"Aljabar Linear", "Linear Algebra"},
	}
	programmes = []string{"Teknik Fisika", "Ilmu Komputer", "Akuntansi", "Biologi", "Kehutanan", "Teknologi Pangan"}
	// Forms of course codes: A is a letter of the department, 9 a digit.
	codeForms = []string{"AA9999", "AAA99-9999", "AAAA999999", "AA 9999", "9AA9999", "AAA.999", "AA-9999"}
)

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

func maybe(r *rand.Rand, share float64) bool { return r.Float64() < share }

// NewStudy is a study in which every sum is right. Courses do not repeat.
func NewStudy(r *rand.Rand) Study {
	s := Study{Kind: transcript.KHS, Scale: pick(r, transcript.Scales()), Name: pick(r, given) + " " + pick(r, family), Programme: pick(r, programmes)}
	n := 5 + r.IntN(6)
	if maybe(r, 0.4) {
		s.Kind, n = transcript.Transcript, 14+r.IntN(22)
	}
	s.University = s.Scale.University
	if s.University == "any" {
		s.University = "Universitas " + pick(r, []string{"Bumi Khatulistiwa", "Tanjung Harapan", "Widya Samudra"})
	}
	s.NIM = digits(r, 10)
	for _, f := range transcript.NIMForms() {
		if f.University == s.University {
			s.NIM = fill(r, f.Pattern, "")
			break
		}
	}
	form, department := pick(r, codeForms), string(letters(r, 4))
	for k, i := range r.Perm(len(courses))[:n] {
		c := Course{Name: courses[i][0], English: courses[i][1], SKS: fmt.Sprint(1 + r.IntN(4)), Class: pick(r, []string{"A", "B", "C", "01", "A1"})}
		// The last digits count, so that no two courses share a code.
		c.Code = fill(r, form, department)
		c.Code = c.Code[:len(c.Code)-2] + fmt.Sprintf("%02d", k+1)
		c.setGrade(s.pickLetter(r))
		s.Courses = append(s.Courses, c)
	}
	s.Sum(r)
	return s
}

// pickLetter prefers the better half of the scale, as grades are.
func (s Study) pickLetter(r *rand.Rand) transcript.Letter {
	var graded []transcript.Letter
	for _, l := range s.Scale.Letters {
		if !l.Pending {
			graded = append(graded, l)
		}
	}
	return graded[min(r.IntN(len(graded)), r.IntN(len(graded)))]
}

func (c *Course) setGrade(l transcript.Letter) {
	c.Grade, c.Weight = l.Name, places(l.Weight)
	c.Points = places(transcript.MustDecimal(c.SKS).Mul(l.Weight))
}

// SetGrade changes a course and what its row prints of weight and points, not the sums.
func (s *Study) SetGrade(course int, letter string) {
	if l, ok := s.Scale.Letter(letter); ok {
		s.Courses[course].setGrade(l)
	}
}

// Sum writes the totals and averages that follow from the courses; a KHS has earlier terms.
func (s *Study) Sum(r *rand.Rand) {
	var sks, points transcript.Decimal
	for _, c := range s.Courses {
		l, _ := s.Scale.Letter(c.Grade)
		n := transcript.MustDecimal(c.SKS)
		sks, points = sks+n, points+n.Mul(l.Weight)
	}
	s.TotalSKS, s.TotalPoints = sks.String(), places(points)
	average := places(points.Div(sks).Round(2))
	if s.Kind == transcript.Transcript {
		s.IPK = average
		return
	}
	before := transcript.DecimalOf(18 + r.IntN(60))
	cum := points + before.Mul(transcript.DecimalOf(2)+transcript.MustDecimal(fmt.Sprintf("0.%02d", r.IntN(100)))*2).Round(2)
	s.IPS, s.IPK = average, places(cum.Div(sks+before).Round(2))
	s.CumSKS, s.CumPoints = (sks + before).String(), places(cum)
}

// places writes a number with two decimals, as documents do.
func places(d transcript.Decimal) string {
	whole, part, _ := strings.Cut(d.String(), ".")
	return whole + "." + (part + "00")[:2]
}

func digits(r *rand.Rand, n int) string { return fill(r, strings.Repeat("9", n), "") }

func letters(r *rand.Rand, n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = "ABCDEFGHKMNPRSTUVW"[r.IntN(18)]
	}
	return out
}

// fill writes a form: digits for 9, the department's letters (any without one) for A.
func fill(r *rand.Rand, form, department string) string {
	out, k := []byte(form), 0
	for i, b := range out {
		switch {
		case b == '9':
			out[i] = byte('0' + r.IntN(10))
		case b == 'A' && k < len(department):
			out[i] = department[k]
			k++
		case b == 'A':
			out[i] = letters(r, 1)[0]
		}
	}
	if out[0] == '0' {
		out[0] = '2'
	}
	return string(out)
}
