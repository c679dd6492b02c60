package transcript

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden readings anew")

// TestRead_Goldens_StayAsTheyAre compares whole readings of documents with text layers and
// of recognised pages: a difference is a change of the layout rules.
func TestRead_Goldens_StayAsTheyAre(t *testing.T) {
	files, err := filepath.Glob("testdata/*.words.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			b, err := os.ReadFile(name)
			require.NoError(t, err)
			var file File
			require.NoError(t, json.Unmarshal(b, &file))
			got, err := json.MarshalIndent(summaryOf(Read(file)), "", " ")
			require.NoError(t, err)
			golden := strings.TrimSuffix(name, ".words.json") + ".golden.json"
			if *update {
				require.NoError(t, os.WriteFile(golden, append(got, '\n'), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), string(got)+"\n")
		})
	}
}

// summary is a reading without boxes, small enough to be read in a review.
type summary struct {
	Kind                                                                          Kind
	University, Faculty, Programme, Name, NIM, SemesterLabel, AcademicYear, Scale string `json:",omitempty"`
	Semester                                                                      int    `json:",omitempty"`
	Rows                                                                          []string
	TotalSKS, TotalPoints, CumSKS, CumPoints, IPS, IPK                            *Decimal `json:",omitempty"`
	Confident                                                                     bool
}

func summaryOf(r Reading) summary {
	text := func(f *Field[string]) string {
		if f == nil {
			return ""
		}
		return f.Value
	}
	number := func(f *Field[Decimal]) *Decimal {
		if f == nil {
			return nil
		}
		return &f.Value
	}
	s := summary{Kind: r.Kind, University: text(r.University), Faculty: text(r.Faculty), Programme: text(r.Programme), Name: text(r.Name), NIM: text(r.NIM),
		SemesterLabel: text(r.SemesterLabel), AcademicYear: text(r.AcademicYear), Scale: r.Scale, TotalSKS: number(r.TotalSKS), TotalPoints: number(r.TotalPoints),
		CumSKS: number(r.CumSKS), CumPoints: number(r.CumPoints), IPS: number(r.IPS), IPK: number(r.IPK), Confident: r.Confidence > 0.9}
	if r.Semester != nil {
		s.Semester = r.Semester.Value
	}
	for _, row := range r.Rows {
		parts := []string{text(row.Code), text(row.Name)}
		for _, d := range []*Field[Decimal]{row.SKS, row.Weight, row.Points} {
			if d != nil {
				parts = append(parts, d.Value.String())
			} else {
				parts = append(parts, "")
			}
		}
		s.Rows = append(s.Rows, strings.Join(slices.Insert(parts, 3, text(row.Grade)), " | "))
	}
	return s
}

func TestRead_Problem_GivesNothingElse(t *testing.T) {
	r := Read(File{Problem: Encrypted, Detail: "needs a password", Type: "application/pdf"})
	require.Equal(t, Reading{Problem: Encrypted, Detail: "needs a password", Type: "application/pdf", Kind: NotStudyResult, Layout: LayoutVersion}, r)
}

var usualColumns = []columnKind{indexColumn, codeColumn, nameColumn, sksColumn, gradeColumn, weightColumn, pointsColumn}

func TestRead_KindOfDocument_IsToldByTitleAndGrades(t *testing.T) {
	without := func(p *paper, texts ...string) *paper {
		p.words = slices.DeleteFunc(p.words, func(w Word) bool { return slices.Contains(texts, w.Text) })
		return p
	}
	retitle := func(p *paper, from, to string) *paper {
		for i := range p.words {
			if p.words[i].Text == from {
				p.words[i].Text = to
			}
		}
		return p
	}
	study := func() *paper { return plan{columns: usualColumns, captions: indonesian}.draw() }
	schedule := plan{columns: []columnKind{indexColumn, codeColumn, nameColumn, sksColumn, classColumn}, captions: indonesian}.draw()
	invoice := &paper{}
	for i, line := range []string{"INVOICE", "Nama : Ni Luh Putu Sekar Arum", "No Uraian Jumlah", "1 Biaya Kuliah 3 500.000", "2 Wisma 2 250.000", "Total 750.000"} {
		invoice.print(30, 30+20*float64(i), line)
	}
	for name, c := range map[string]struct {
		paper *paper
		want  Kind
	}{
		"study result":             {study(), KHS},
		"untitled study result":    {without(study(), "KARTU", "HASIL", "STUDI"), KHS},
		"transcript":               {retitle(study(), "KARTU", "TRANSKRIP"), Transcript},
		"study plan":               {retitle(schedule, "HASIL", "RENCANA"), NotStudyResult},
		"table without grades":     {schedule, NotStudyResult},
		"invoice":                  {invoice, NotStudyResult},
		"blank page":               {&paper{unit: 1}, NotStudyResult},
		"title on illegible table": {without(study(), "Nama", "Kode", "Nilai", "A", "B", "A-", "A/B", "B+", "C"), KHS},
	} {
		t.Run(name, func(t *testing.T) {
			r := Read(c.paper.file())
			require.Equal(t, c.want, r.Kind)
			if c.want == NotStudyResult {
				require.Empty(t, r.Rows)
				require.Nil(t, r.IPK)
			}
		})
	}
}

func TestRead_HiddenWords_AreNotValues(t *testing.T) {
	p := plan{columns: usualColumns, captions: indonesian}.draw()
	p.print(30, 500, "IPK : 3.99")
	p.print(30, 520, "NIM : 99/999999/XX/99999")
	for i := range p.words {
		if p.words[i].Box.Y0 >= 500 {
			p.words[i].Hidden = string(WhiteText)
		}
	}
	r := Read(p.file())
	require.Equal(t, MustDecimal("3.41"), r.IPK.Value)
	require.Equal(t, "23/512345/TK/56789", r.NIM.Value)
}

func TestRead_CoveredGrade_IsAnEmptyValueWithItsPlace(t *testing.T) {
	p := plan{columns: usualColumns, captions: indonesian}.draw()
	at := slices.IndexFunc(p.words, func(w Word) bool { return w.Text == "A/B" })
	covered := p.words[at].Box
	p.words = slices.Delete(p.words, at, at+1)
	at = slices.IndexFunc(p.words, func(w Word) bool { return w.Text == "3.50" && w.Box.Y0 == covered.Y0 })
	p.words = slices.Delete(p.words, at, at+1)
	r := Read(p.file())
	require.Len(t, r.Rows, len(sample))
	g := r.Rows[2].Grade
	require.NotNil(t, g)
	require.Equal(t, "", g.Value)
	require.LessOrEqual(t, g.Box.X0, covered.X0)
	require.GreaterOrEqual(t, g.Box.X1, covered.X1)
	require.LessOrEqual(t, g.Confidence, 0.5)
}

func TestRead_ForgedGrade_IsNeverRepaired(t *testing.T) {
	for _, source := range []Source{TextLayer, Pixels} {
		p := plan{columns: usualColumns, captions: indonesian, source: source}.draw()
		at := slices.IndexFunc(p.words, func(w Word) bool { return w.Text == "B+" })
		p.words[at].Text = "A"
		r := Read(p.file())
		require.Equal(t, "A", r.Rows[1].Grade.Value)
		require.Equal(t, source, r.Rows[1].Grade.Source)
		require.Equal(t, MustDecimal("3.25"), r.Rows[1].Weight.Value)
	}
}

func TestRead_IllegibleGrade_IsNamedByItsWeight(t *testing.T) {
	p := plan{columns: usualColumns, captions: indonesian, source: Pixels}.draw()
	at := slices.IndexFunc(p.words, func(w Word) bool { return w.Text == "B+" })
	p.words[at].Text = "Be"
	r := Read(p.file())
	g := r.Rows[1].Grade
	require.Equal(t, "B+", g.Value)
	require.Equal(t, "Be", g.Text)
	require.Equal(t, Arithmetic, g.Source)
	require.Less(t, g.Confidence, 0.9)

	p.source, p.words[at].Source = TextLayer, TextLayer
	r = Read(p.file())
	require.NotEqual(t, Arithmetic, r.Rows[1].Grade.Source, "a text layer has no misread letters")
}

func TestRead_IllegibleSign_IsNotRepairedAgainstItsLook(t *testing.T) {
	p := plan{columns: usualColumns, captions: indonesian, source: Pixels}.draw()
	at := slices.IndexFunc(p.words, func(w Word) bool { return w.Text == "B" && w.Box.X0 > 300 })
	p.words[at].Text = "Bt"
	r := Read(p.file())
	g := r.Rows[4].Grade
	require.NotEqual(t, "B", g.Value, "a mark stood behind the letter, although the weight is that of B")
	require.LessOrEqual(t, g.Confidence, 0.5)
}

func TestRead_GradeConfidence_FollowsTheWeight(t *testing.T) {
	draw := func(change func(*Word)) Reading {
		p := plan{columns: usualColumns, captions: indonesian, source: Pixels}.draw()
		for i := range p.words {
			p.words[i].Confidence = 0.8
			change(&p.words[i])
		}
		return Read(p.file())
	}
	agree := draw(func(*Word) {})
	require.InDelta(t, 0.96, agree.Rows[3].Grade.Confidence, 0.001)
	lost := draw(func(w *Word) {
		if w.Text == "A-" {
			w.Text = "A"
		}
	})
	require.Equal(t, "A", lost.Rows[3].Grade.Value)
	require.LessOrEqual(t, lost.Rows[3].Grade.Confidence, 0.5)
	alone := draw(func(w *Word) {
		if w.Text == "3.75" {
			w.Text = "~"
		}
	})
	require.LessOrEqual(t, alone.Rows[3].Grade.Confidence, 0.6)
}

func TestRead_RecognisedSlips_AreMended(t *testing.T) {
	p := plan{columns: usualColumns, captions: indonesian, source: Pixels}.draw()
	change := func(from, to string) {
		at := slices.IndexFunc(p.words, func(w Word) bool { return w.Text == from })
		require.GreaterOrEqual(t, at, 0, from)
		p.words[at].Text = to
	}
	change("A/B", "A|B")
	change("3.75", "375")
	change("IFA21104", "IFA2I1O4")
	change("23/512345/TK/56789", "23/5I2345/TK/56789")
	change("9.75", "975")
	r := Read(p.file())
	require.Equal(t, expected(sample, true, false), shown(r, true))
	require.Equal(t, "IFA2I1O4", r.Rows[3].Code.Text)
	require.Less(t, r.Rows[3].Code.Confidence, 1.0)
	require.Equal(t, MustDecimal("3.75"), r.Rows[3].Weight.Value)
	require.Equal(t, MustDecimal("9.75"), r.Rows[1].Points.Value)
}

func TestRead_MissingCredits_ComeFromPoints(t *testing.T) {
	p := plan{columns: usualColumns, captions: indonesian, source: Pixels}.draw()
	at := slices.IndexFunc(p.words, func(w Word) bool { return w.Text == "4" && w.Box.X0 > 250 })
	p.words = slices.Delete(p.words, at, at+1)
	r := Read(p.file())
	require.Equal(t, DecimalOf(4), r.Rows[0].SKS.Value)
	require.Equal(t, Arithmetic, r.Rows[0].SKS.Source)
}

func TestRead_AveragesOnOneLine_AreToldApart(t *testing.T) {
	for name, c := range map[string]struct {
		lines         []string
		ips, ipk, cum string
	}{
		"portal":            {[]string{"Total SKS 16 IP Semester 3.28 IPK 3.41 SKS Kumulatif 87"}, "3.28", "3.41", "87"},
		"rate and credits":  {[]string{"Nilai rata-rata semester (NR) 3,28", "IPK (87 SKS) 3,41"}, "3.28", "3.41", "87"},
		"IPK first":         {[]string{"IPK : 3.41 IPS : 3.28 SKS Kumulatif : 87"}, "3.28", "3.41", "87"},
		"legend of degrees": {[]string{"IPS : 3.28", "IPK : 3.41", "SKS Kumulatif : 87", "Predikat: IPK 3.51 - 4.00 Dengan Pujian"}, "3.28", "3.41", "87"},
		"no IPK":            {[]string{"Indeks Prestasi Semester : 3.28", "SKS Kumulatif : 87"}, "3.28", "", "87"},
		"last semester's":   {[]string{"IP Semester Lalu : 2.90", "IPS : 3.28", "IPK : 3.41", "SKS Kumulatif : 87"}, "3.28", "3.41", "87"},
	} {
		t.Run(name, func(t *testing.T) {
			p := plan{columns: usualColumns, captions: indonesian}.draw()
			p.words = slices.DeleteFunc(p.words, func(w Word) bool { return w.Box.Y0 > 270 })
			for i, l := range c.lines {
				p.print(30, 290+15*float64(i), l)
			}
			r := Read(p.file())
			for _, f := range []struct {
				want string
				got  *Field[Decimal]
			}{{c.ips, r.IPS}, {c.ipk, r.IPK}, {c.cum, r.CumSKS}} {
				if f.want == "" {
					require.Nil(t, f.got)
					continue
				}
				require.NotNil(t, f.got)
				require.Equal(t, MustDecimal(f.want), f.got.Value)
			}
		})
	}
}

func TestRead_AnnouncedAverageWithoutANumber_IsUnread(t *testing.T) {
	for name, c := range map[string]struct {
		line string
		want bool
	}{
		"number there":    {"Indeks Prestasi Semester : 3.13", false},
		"nothing there":   {"Indeks Prestasi Semester :", true},
		"colon gone":      {"Indeks Prestasi Semester", true},
		"not a number":    {"Indeks Prestasi Semester : ?.#3", true},
		"in a sentence":   {"IPS dihitung dari semua mata kuliah", false},
		"not announced":   {"Dicetak pada hari ini", false},
		"average of what": {"Indeks Prestasi (IP):", true},
	} {
		t.Run(name, func(t *testing.T) {
			p := plan{columns: usualColumns, captions: indonesian}.draw()
			caption := slices.IndexFunc(p.words, func(w Word) bool { return w.Text == "(IPS)" })
			y := p.words[caption].Box.Y0
			p.words = slices.DeleteFunc(p.words, func(w Word) bool { return w.Box.Y0 == y && w.Box.X0 < 300 })
			p.print(30, y, c.line)
			r := Read(p.file())
			require.Equal(t, c.want, slices.ContainsFunc(r.Traces, func(t Trace) bool { return t.Kind == MissingValue && t.Page == 1 && t.Box.Y0 == y }))
			require.Equal(t, name == "number there", r.IPS != nil)
		})
	}
}

func TestRead_Identity_CaptionsAndValues(t *testing.T) {
	for name, c := range map[string]struct {
		lines     []string
		name, nim string
	}{
		"pair":               {[]string{"NIM / Nama : 13523061 / Jonathan Contoh"}, "Jonathan Contoh", "13523061"},
		"pair with slashes":  {[]string{"Nama / NIM : Jonathan Contoh / 21/482851/SV/20006"}, "Jonathan Contoh", "21/482851/SV/20006"},
		"two columns":        {[]string{"Nama Mahasiswa : Jonathan Contoh          NRP : 5025221202", "Dosen Wali : Dr. Lain Orang          Angkatan : 2022"}, "Jonathan Contoh", "5025221202"},
		"hostile":            {[]string{"Nama : Robert'); DROP TABLE students;--", "NPM : 2306512345"}, "Robert'); DROP TABLE students;--", "2306512345"},
		"lecturer is no one": {[]string{"Nama Dosen : Dr. Lain Orang", "NIP : 197001011995011001", "Nama : Jonathan Contoh", "NIM : 13523061"}, "Jonathan Contoh", "13523061"},
	} {
		t.Run(name, func(t *testing.T) {
			p := plan{columns: usualColumns, captions: indonesian}.draw()
			p.words = slices.DeleteFunc(p.words, func(w Word) bool { return w.Box.Y0 > 70 && w.Box.Y0 < 130 })
			for i, l := range c.lines {
				x := 30.0
				for part := range strings.SplitSeq(l, "          ") {
					x = p.print(x, 75+14*float64(i), part) + 40
				}
			}
			r := Read(p.file())
			require.NotNil(t, r.Name)
			require.NotNil(t, r.NIM)
			require.Equal(t, c.name, r.Name.Value)
			require.Equal(t, c.nim, r.NIM.Value)
		})
	}
}

func TestRead_Term_IsReadFromHeadingAndField(t *testing.T) {
	p := plan{columns: usualColumns, captions: indonesian}.draw()
	p.print(330, 80, "Semester")
	p.print(430, 80, ": III (Tiga)")
	r := Read(p.file())
	require.Equal(t, "Gasal 2023/2024", r.SemesterLabel.Value)
	require.Equal(t, "2023/2024", r.AcademicYear.Value)
	require.Equal(t, 3, r.Semester.Value)
	require.Equal(t, "UNIVERSITAS CONTOH NUSANTARA", r.University.Value)
	require.Equal(t, "Teknologi Informasi", r.Programme.Value)
	require.Equal(t, "ugm", r.Scale, "the weights alone leave one scale")
}

func TestRead_Confidence_FallsWithDisagreement(t *testing.T) {
	good := Read(plan{columns: usualColumns, captions: indonesian}.draw().file())
	require.Greater(t, good.Confidence, 0.95)
	p := plan{columns: usualColumns, captions: indonesian}.draw()
	for i := range p.words {
		if p.words[i].Text == "3.00" || p.words[i].Text == "16" {
			p.words[i].Text = "2.00"
		}
	}
	bad := Read(p.file())
	require.Less(t, bad.Confidence, good.Confidence-0.1)
}

func TestRead_TooManyWords_IsBounded(t *testing.T) {
	var p Page
	for i := range 3 * maxWordsPerPage {
		x, y := float64(i%300)*4, float64(i/300)*11
		text := []string{"Nama", "Nilai", "SKS", "3.50", "A", "Kode", "Matakuliah", "IPK"}[i%8]
		p.Words = append(p.Words, Word{Text: text, Box: Box{x, y, x + 3, y + 10}, Source: Pixels})
	}
	r := Read(File{Pages: []Page{p}})
	require.LessOrEqual(t, len(r.Rows), maxWordsPerPage)
}

func FuzzRead(f *testing.F) {
	for _, pl := range []plan{{columns: usualColumns, captions: indonesian}, {columns: usualColumns, captions: english, source: Pixels, slope: 0.02}} {
		b, err := json.Marshal(pl.draw().file())
		require.NoError(f, err)
		f.Add(b)
	}
	f.Add([]byte(`{"pages":[{"number":-1,"width":-3,"words":[{"text":"Nama : \u202e","box":{"x0":1e308,"y0":-1,"x1":2,"y1":9}},{"text":"NIM","box":{"x1":1,"y1":1}}]}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var file File
		if json.Unmarshal(b, &file) != nil {
			return
		}
		r := Read(file)
		if r.Confidence < 0 || r.Confidence > 1 {
			t.Fatalf("confidence %v", r.Confidence)
		}
		if _, err := json.Marshal(r); err != nil {
			t.Fatal(err)
		}
		_ = RowsKey(r)
	})
}
