package transcript

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNormaliseName_Writings_BecomeOne(t *testing.T) {
	for text, want := range map[string]string{
		"Hasna Nur'aini  Maharani":  "HASNA NURAINI MAHARANI",
		"HASNA NUR’AINI MAHARANI":   "HASNA NURAINI MAHARANI",
		"Muh. Rizky, S.Kom.":        "MUH RIZKY SKOM",
		"André Müller":              "ANDRE MULLER",
		"Siti-Aminah\tPutri":        "SITI AMINAH PUTRI",
		"\u202eevil\u202c <b>x</b>": "EVIL B X B",
		"":                          "",
	} {
		require.Equal(t, want, NormaliseName(text), text)
	}
}

func TestNormalise_NumbersCodesGradesCourses_BecomeOne(t *testing.T) {
	require.Equal(t, "21482851SV20006", NormaliseNIM("21/482851/sv/20006 "))
	require.Equal(t, "MII211201", NormaliseCode("mii21-1201"))
	for text, want := range map[string]string{"a –": "A-", "A / B": "A/B", "B+": "B+", "−": "-", "ab": "AB"} {
		require.Equal(t, want, NormaliseGrade(text), text)
	}
	require.Equal(t, NormaliseCourse("Analisis dan Desain"), NormaliseCourse("ANALISIS & DESAIN"))
	require.NotEqual(t, NormaliseCourse("Basis Data"), NormaliseCourse("Praktikum Basis Data"))
}

func TestLooksLikeNIM_FormsOfUniversities_AreKnown(t *testing.T) {
	for _, nim := range []string{"21/482851/SV/20006", "2306651242", "13523061", "5025221202", "215150201111045", "24060121140123", "20104244012", "A11.2021.13456"} {
		require.True(t, LooksLikeNIM(nim), nim)
	}
	for _, text := range []string{"Teknik", "2024/2025", "III", "12345", "", "1/2/3/4/5/6/7", "B2021", "MAHASISWA"} {
		require.False(t, LooksLikeNIM(text), text)
	}
	for _, f := range NIMForms() {
		require.True(t, f.Fits(f.Pattern[:0]+sampleOf(f.Pattern)), f)
	}
}

func sampleOf(pattern string) string {
	b := []byte(pattern)
	for i := range b {
		switch b[i] {
		case '9':
			b[i] = '7'
		case 'A':
			b[i] = 'K'
		}
	}
	return string(b)
}

func TestMendNIM_LookAlikes_AreUndoneByForm(t *testing.T) {
	for _, c := range []struct{ text, university, want string }{
		{"2O/46l438/SV/19779", "Universitas Gadjah Mada", "20/461438/SV/19779"},
		{"122/484520/SV/22958", "Universitas Gadjah Mada", "22/484520/SV/22958"},
		{"20146248O/SV/20718", "Universitas Gadjah Mada", "20/462480/SV/20718"},
		{"20/461438/5V/19779", "Universitas Gadjah Mada", "20/461438/SV/19779"},
		{"12306656550", "Universitas Indonesia", "2306656550"},
	} {
		require.Equal(t, []string{c.want}, mendNIM(c.text, c.university), c.text)
	}
	for _, text := range []string{"", "XX/XXXXXX/XX/XXXXX", "20/46143/SV/19779", "🙂🙂🙂🙂🙂🙂🙂🙂"} {
		require.Empty(t, mendNIM(text, "Universitas Gadjah Mada"), text)
	}
}

func TestRowsKey_SameRows_SameKey(t *testing.T) {
	row := func(code, name, grade, sks string) Row {
		r := Row{}
		if code != "" {
			r.Code = &Field[string]{Value: code}
		}
		if name != "" {
			r.Name = &Field[string]{Value: name}
		}
		if grade != "" {
			r.Grade = &Field[string]{Value: grade}
		}
		if sks != "" {
			r.SKS = &Field[Decimal]{Value: MustDecimal(sks)}
		}
		return r
	}
	a := Reading{Rows: []Row{row("MII21-1201", "Algoritma", "A-", "3"), row("MII21-1202", "Praktikum", "B", "1"), row("", "Desain & Analisis", "A", "2")}}
	b := Reading{Rows: []Row{row("", "DESAIN DAN ANALISIS", "A", "2"), row("mii211202", "", "B", "1"), row("MII211201", "Algoritma", "A –", "3")}}
	require.NotEmpty(t, RowsKey(a))
	require.Equal(t, RowsKey(a), RowsKey(b))
	b.Rows[0].Grade = &Field[string]{Value: "B"}
	require.NotEqual(t, RowsKey(a), RowsKey(b))
	require.Empty(t, RowsKey(Reading{Rows: a.Rows[:2]}))
	require.Empty(t, RowsKey(Reading{Rows: append(a.Rows[:2:2], row("X", "", "", "3"))}), "a row without a grade does not count")
}
