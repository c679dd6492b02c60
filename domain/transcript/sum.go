package transcript

import (
	"regexp"
	"slices"
	"strings"
)

// fieldKind is what a caption beside or above a value announces.
type fieldKind int

const (
	unknownField fieldKind = iota
	nameField
	nimField
	facultyField
	programmeField
	universityField
	semesterField
	yearField
	ipsField
	ipkField
	averageField // "IP", "GPA" without saying of what
	totalSKSField
	sksField // "SKS" alone
	cumSKSField
	totalPointsField
	cumPointsField
	otherField // a caption that ends the value before it
)

var fieldCaptions = newCaptions(map[fieldKind]string{
	nameField: `Nama, Nama Mahasiswa, Nama Lengkap, Name, Nama / Name, Student Name, Full Name, Nama Mhs, Nama Mhs., Student's Name, Name of Student, Nama Mahasiswa / Name, Nama Mahasiswa / Student Name, Nama Mahasiswa/i,
		Nama Siswa, Nama Lengkap Mahasiswa, Name / Nama, Nama / Student Name, Nama Lengkap / Full Name`,
	nimField: `NIM, NPM, NRP, No Mahasiswa, Nomor Mahasiswa, No Mhs, NIU, Nomor Induk Mahasiswa, Nomor Pokok Mahasiswa, Student Number, Student ID, Student No, No Induk, Stambuk, No Registrasi, ID Mahasiswa, NBI, No BP, Nomor Induk,
		No Induk Mahasiswa, NPM / Student Number, NIM / Student ID, NIM / Student Number, Student ID Number, Nomor Registrasi Pokok, No Stambuk, NIM / NRP, No Pokok, Nomor Pokok, Registration Number, NIM Mahasiswa, No. Pokok Mahasiswa,
		Nomor Induk Mahasiswa (NIM), NIM / ID, ID Number, NIM / Student No, N.I.M, N.P.M, NRP / Student ID, Nomor Registrasi`,
	facultyField: "Fakultas, Faculty, Fakultas / Faculty, Sekolah / Fakultas, School, Fakultas / Sekolah, Faculty / School, Fak",
	programmeField: `Program Studi, Prodi, Study Program, Program Studi / Study Program, Jurusan, Departemen, Major, Programme, Jenjang / Prodi, Program / Jurusan, Program, Jurusan / Program Studi, Department, Prog Studi, Program Studi / Department,
		Jenjang / Program Studi, Fakultas / Program Studi, Fakultas / Prodi, Program Studi / Major, Bidang Studi, Study Programme, Program of Study, Fakultas / Jurusan, PS, Program Studi / Jenjang`,
	universityField: "Universitas, Perguruan Tinggi, University, Institution",
	semesterField:   "Semester, Smt, Semester / Term, Semester Ke, Semester Saat Ini, Sem, Semester Berjalan",
	yearField: `Tahun Akademik, Tahun Ajaran, Academic Year, T.A., TA, Thn Akademik, Thn Ajaran, Tahun Akademik / Academic Year, Tahun / Semester, Semester / Tahun Akademik, Periode, Periode Akademik, Tahun Akademik / Semester, Academic Term,
		Tahun, Th Akademik, Term, Semester / Tahun, Semester / TA`,
	ipsField: `IPS, IP Semester, Indeks Prestasi Semester, Indeks Prestasi Semester (IPS), IP Term, IP Term (IPS), NR, Nilai rata-rata semester, Semester GPA, GPS, IP Semester Ini, Term GPA, Nilai Rata-rata Semester (NR), Nilai Rata-rata,
		Index Prestasi Semester, Semester Grade Point Average, IP Sem, IP Smt, Indek Prestasi Semester, IP Semester (IPS), Indeks Prestasi Semester / Semester GPA, SGPA, Indeks Prestasi (IPS), Semester GPA (IPS), IPS / Semester GPA, IPS / SGPA,
		Indeks Prestasi Semester Ini, Grade Point Semester, IP Semester / Semester GPA, Indeks Prestasi Sem`,
	ipkField: `IPK, IP Kumulatif, Indeks Prestasi Kumulatif, Cumulative GPA, CGPA, Cumulative Grade Point Average, Indeks Prestasi Komulatif, IP Komulatif, Indeks Prestasi Kumulatif (IPK), Indeks Prestasi Kumulatif / Cumulative GPA, Index Prestasi Kumulatif,
		IPK / GPA, IPK / CGPA, GPA Cumulative, IP Kum, Indek Prestasi Kumulatif, GPA Kumulatif, IPK / Cumulative GPA, IPK Kumulatif, IP Kumulatif (IPK), Cumulative GPA (IPK), Indeks Prestasi Kumulatif / CGPA, Indeks Prestasi Kumulatif / GPA, Cum GPA, Cum. GPA,
		Overall GPA, Cumulative Index, IPKum`,
	averageField: "IP, GPA, Indeks Prestasi, Grade Point Average, Index Prestasi, Indeks Prestasi (IP)",
	totalSKSField: `Jumlah SKS, Total SKS, SKS Semester, Total Credits, SKS Term, Jumlah SKS semester ini, Jumlah Kredit, SKS Diambil, Total SKS yang diperoleh, Total Credits Earned, Total SKS Semester, Total SKS Semester Ini, SKS Semester Ini, Jml SKS,
		Jumlah SKS Semester, Total Kredit, SKS Lulus, Total Credit, Jumlah SKS Diambil, Jumlah SKS yang Diambil, Total SKS Diambil, Credits Taken, Semester Credits, Jumlah SKS / Total Credits, Total SKS / Total Credits, SKS Yang Diambil, SKS Ditempuh, Jumlah SKS yang diperoleh,
		Total SKS / Credits, Credits Earned, Jumlah Kredit Semester, SKS Diperoleh, Total SKS Lulus, Jumlah SKS Lulus, Jumlah Kredit / Total Credits, Jumlah SKS Ditempuh, Total Semester Credits, Term Credits, SKS Lulus Semester, Jumlah SKS yang Ditempuh, SKS Tempuh`,
	sksField: "SKS, Credits, Kredit",
	cumSKSField: `SKS Kumulatif, Jumlah SKS Kumulatif, Total SKS Kumulatif, Cumulative Credits, SKS Tempuh / Lulus, Total SKS Ditempuh, SKS Komulatif, Jumlah SKS Komulatif, Jumlah Kredit Kumulatif, SKS Kum, Kredit Kumulatif, Total Cumulative Credits,
		Jumlah SKS Kumulatif / Cumulative Credits, SKS Kumulatif / Cumulative Credits, Total Kredit Kumulatif, SKS Total, Cumulative Credit, Total Credits Cumulative, Cum Credits, Total SKS Keseluruhan, Jml SKS Kumulatif, SKS Lulus Kumulatif, Jumlah SKS Lulus Kumulatif`,
	totalPointsField: `Jumlah Bobot, Total Bobot, Jumlah Mutu, Total Mutu, Total Points, Total Quality Points, Jumlah Nilai Mutu, Total Nilai, Jumlah Nilai, Quality Points, Jumlah Angka Mutu, Total Angka Mutu, Total Nilai Mutu, Total Grade Points`,
	cumPointsField: `Jumlah Bobot Kumulatif, Total Bobot Kumulatif, Jumlah Mutu Kumulatif, Total Mutu Kumulatif, Cumulative Points, Bobot Kumulatif, Mutu Kumulatif, Cumulative Quality Points, Jumlah Nilai Kumulatif, Cumulative Grade Points,
		Total Nilai Kumulatif, Nilai Mutu Kumulatif, Jumlah Nilai Mutu Kumulatif, Total Angka Mutu Kumulatif, Jumlah Angka Mutu Kumulatif, Total Cumulative Points`,
	otherField: `Nama Mata Kuliah, Nama Dosen, Nama Orang Tua, Nama Wali, Nama Kelas, Dosen PA, Dosen Wali, Pembimbing Akademik, Academic Advisor, Pembimbing Akademik / Academic Advisor, Jenjang, Angkatan, Status, Tempat Tgl Lahir, Tempat Tanggal Lahir, Seleksi,
		Kelas, NIP, NIDN, Alamat, Tempat Lahir, Tanggal Lahir, Predikat, Dosen Pembimbing, Pembimbing, Penasihat Akademik, Dosen Penasihat Akademik, Dosen Pembimbing Akademik, Place of Birth, Date of Birth, Gelar, Degree, Level, Strata, Kurikulum, Nomor, No, Beban SKS,
		Beban SKS Semester Depan, Beban SKS Maks, Maks SKS, Maksimum SKS, Jumlah SKS Maksimum, SKS Maksimum, SKS Wajib, SKS Pilihan, SKS Mengulang, Jumlah Mata Kuliah, Total Mata Kuliah, Advisor, Batas Studi, Masa Studi, Nomor Ijazah, NIK, IPK Minimum, IPK Minimal, IP Semester Lalu, IPK Lalu, IPK Sebelumnya, IPS Lalu, IP Lalu,
		Tanggal, Date, Tanggal Cetak, Printed on, Dicetak pada, Konsentrasi, Peminatan, Judul Skripsi, Jalur Masuk, Jenis Kelamin, Agama, Telp, Telepon, Email, Laman, Kode Prodi, Akreditasi, Tahun Masuk, Lulus, Program Kelas, Sistem Kuliah, Dosen P.A., Ketua Program Studi, Dekan, Wakil Dekan, Tahap,
		Batas SKS, Jatah SKS, Hak SKS, SKS Semester Depan, Maks SKS Semester Depan, Beban Studi, Beban SKS Berikutnya, Maksimal SKS, Target IPK, Foto, Jumlah SKS Maks`,
})

// isSumLine reports whether a line begins like totals or averages below a table.
func isSumLine(ts []*token, h float64) bool {
	words := make([]string, 0, 3)
	for _, t := range ts {
		if t.fold == "" || t.type_ == typeInt || t.type_ == typeDecimal {
			if len(words) > 0 {
				break
			}
			continue
		}
		words = append(words, t.fold)
		if len(words) == 3 {
			break
		}
	}
	if len(words) == 0 {
		return false
	}
	switch words[0] {
	case "JUMIAH", "TOTAI", "JMI", "SUBTOTAI", "TOTAIS", "JUMIAHTOTAI":
		// A course may be called "Total ...": then letters follow that announce no sum.
		if len(words) == 1 {
			return true
		}
		k, ok := fieldCaptions.find(words[0]+words[1], false)
		if ok && isSumField(k) || slices.Contains([]string{"JUMIAH", "TOTAI", "KREDIT", "SKS", "NIIAI", "MUTU", "BOBOT", "CREDITS", "CREDIT", "POINTS"}, words[1]) {
			return true
		}
		return strings.HasPrefix(ts[0].fold, "JUMIAH")
	case "IP", "IPK", "IPS", "GPA", "CGPA", "NR":
		return true
	}
	for _, f := range fieldCaptions.match(ts[:min(len(ts), 5)], 1.3*h) {
		if isSumField(f.kind) && f.kind != sksField {
			return true
		}
	}
	return false
}

// namesField reports whether the captions on a line say what each number is, so that the
// columns above do not.
func namesField(l *line, h float64) bool {
	for _, f := range fieldCaptions.match(l.tokens, 1.3*h) {
		if isSumField(f.kind) && f.kind != sksField {
			return true
		}
	}
	return false
}

func isSumField(k fieldKind) bool {
	return k >= ipsField && k <= cumPointsField
}

// sighting is one caption with its value, somewhere in the document.
type sighting struct {
	kind      fieldKind
	value     Decimal
	field     *Field[Decimal]
	qualified bool // words stand between caption and value ("Total SKS Persiapan")
}

// maxSightings is far more than a page of many short terms holds.
const maxSightings = 500

var averagePattern = regexp.MustCompile(`^[0-4][.,]\d{1,4}$`)

// sightingsOf finds the totals and averages on a sheet.
func sightingsOf(s *sheet) []sighting {
	var out []sighting
	for i := range s.lines {
		if len(out) >= maxSightings {
			break
		}
		ts := s.lines[i].tokens
		marks := fieldCaptions.match(ts, s.gap)
		for m, f := range marks {
			if len(marks) > maxSightings || !isSumField(f.kind) || f.kind == sksField {
				continue
			}
			end := len(ts)
			if m+1 < len(marks) && marks[m+1].kind != sksField {
				end = marks[m+1].from
			} else if m+2 < len(marks) {
				end = marks[m+2].from
			}
			if sg, ok := valueRight(f.kind, ts[f.to:end]); ok {
				out = append(out, sg...)
				continue
			}
			if m+1 < len(marks) && marks[m+1].kind == f.kind && marks[m+1].from == f.to || s.isHeading(i) {
				continue
			}
			if sg, ok := valueNear(s, f.kind, ts[f.from:f.to]); ok {
				out = append(out, sg)
			}
		}
	}
	return out
}

// valueRight reads what stands on the same line behind a caption.
func valueRight(kind fieldKind, ts []*token) ([]sighting, bool) {
	var out []sighting
	between := 0
	average := kind == ipsField || kind == ipkField || kind == averageField
	for i, t := range ts {
		text := strings.Trim(t.Text, ":;=()[]|")
		if text == "" {
			continue
		}
		d, ok := parseNumber(text)
		if !ok && t.Source == Pixels && between == 0 && len(text) <= 5 && strings.ContainsAny(text, "0123456789") {
			d, ok = mendNumber(text)
		}
		switch {
		case ok && average && averagePattern.MatchString(strings.Trim(text, ".,")):
			if i+1 < len(ts) && isRange(ts[i+1:]) {
				return nil, false
			}
			return append(out, sighting{kind, d, fieldOf(d, t.Text, ts[i:i+1]), between > 0}), true
		case ok && average && t.Source == Pixels && len(text) == 3 && !strings.HasPrefix(t.Text, "(") && !(i+1 < len(ts) && ts[i+1].fold == "SKS") && d >= DecimalOf(100) && d <= DecimalOf(400):
			d /= 100
			f := fieldOf(d, t.Text, ts[i:i+1])
			f.Confidence *= 0.5
			return append(out, sighting{kind, d, f, between > 0}), true
		case ok && average && t.Source == Pixels && len(text) == 5 && text[0] == '1' && averagePattern.MatchString(text[1:]):
			// A colon, read as a digit.
			d -= DecimalOf(10)
			f := fieldOf(d, t.Text, ts[i:i+1])
			f.Confidence *= 0.5
			return append(out, sighting{kind, d, f, between > 0}), true
		case ok && average:
			// "IPK (74 SKS)": the credits that the average is over.
			if kind == ipkField && i+1 < len(ts) && ts[i+1].fold == "SKS" {
				out = append(out, sighting{cumSKSField, d, fieldOf(d, t.Text, ts[i:i+1]), false})
			}
		case ok && t.Source == Pixels && d == DecimalOf(1) && i+1 < len(ts) && ts[i+1].type_ == typeInt && ts[i+1].x0-t.x1 < t.y1-t.y0:
			// A colon, read as a digit.
		case ok && d <= DecimalOf(4000):
			return []sighting{{kind, d, fieldOf(d, t.Text, ts[i:i+1]), between > 0}}, true
		case typeOf(text) == typeText && foldCaption(text) != "" && foldCaption(text) != "SKS":
			between++
			if between > 4 {
				return nil, false
			}
		}
	}
	return nil, false
}

// isRange reports whether a number goes on as "- 4,00": a legend of predicates.
func isRange(ts []*token) bool {
	if len(ts) < 2 {
		return false
	}
	sign := NormaliseGrade(ts[0].Text)
	_, number := parseNumber(ts[1].Text)
	return number && (sign == "-" || ts[0].fold == "SD" || ts[0].fold == "TO" || ts[0].fold == "SAMPAI")
}

// valueNear reads what stands right below or above a caption, as on the tiles of a portal.
func valueNear(s *sheet, kind fieldKind, caption []*token) (sighting, bool) {
	x0, x1 := caption[0].x0, caption[len(caption)-1].x1
	y0, y1 := caption[0].y0, caption[0].y1
	var best *token
	var value Decimal
	distance := 4.5 * s.h
	average := kind == ipsField || kind == ipkField || kind == averageField
	for _, t := range s.tokens {
		if min(t.x1, x1)-max(t.x0, x0) < -0.5*s.h {
			continue
		}
		gap := t.y0 - y1
		if t.yc() < (y0+y1)/2 {
			gap = (y0 - t.y1) + 0.5*s.h
		}
		if gap <= -0.5*s.h || gap >= distance {
			continue
		}
		d, ok := parseNumber(t.Text)
		if !ok || average && !averagePattern.MatchString(t.Text) || !average && d > DecimalOf(400) {
			continue
		}
		best, value, distance = t, d, gap
	}
	if best == nil {
		return sighting{}, false
	}
	f := fieldOf(value, best.Text, []*token{best})
	f.Confidence *= 0.95
	return sighting{kind, value, f, false}, true
}
