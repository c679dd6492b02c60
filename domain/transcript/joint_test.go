package transcript

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var unweightedColumns = []columnKind{indexColumn, codeColumn, nameColumn, sksColumn, gradeColumn}

// slip draws a recognised page without weights on which some words were seen as others.
func slip(change map[string]string) Reading {
	p := plan{columns: unweightedColumns, captions: indonesian, source: Pixels}.draw()
	for from, to := range change {
		at := slices.IndexFunc(p.words, func(w Word) bool { return w.Text == from && w.Box.X0 > 250 && w.Box.Y0 > 150 && w.Box.Y0 < 260 })
		p.words[at].Text = to
		if to == "" {
			p.words = slices.Delete(p.words, at, at+1)
		}
	}
	return Read(p.file())
}

func TestRead_DoubtfulGrade_IsNamedByTheAverageWhenOneLetterIsLeft(t *testing.T) {
	r := slip(map[string]string{"A-": "A~"})
	require.Equal(t, "A-", r.Rows[3].Grade.Value)

	r = slip(map[string]string{"B+": "Be"})
	g := r.Rows[1].Grade
	require.Equal(t, "B+", g.Value, "B- or B+ by its look, B+ by the printed average")
	require.Equal(t, Arithmetic, g.Source)
	require.LessOrEqual(t, g.Confidence, 0.7)
}

// TestResolve_ScalesThatAgreeOnALetter_SettleIt has letters that four universities use; one of
// them has a letter more, which no row shows.
func TestResolve_ScalesThatAgreeOnALetter_SettleIt(t *testing.T) {
	row := func(sks int, grade string) Row {
		return Row{SKS: &Field[Decimal]{Value: DecimalOf(sks), Confidence: 1, Source: Pixels}, Grade: &Field[string]{Value: grade, Confidence: 1, Source: Pixels}}
	}
	rows := []Row{row(3, "AB"), row(4, "B"), row(3, "A+")}
	rows[2].Grade.Text, rows[2].Grade.Confidence = "AF", 0.4
	fit := scalesOf(rows, "")
	require.Greater(t, len(different(fit)), 1)
	sks, average, other := DecimalOf(10), MustDecimal("3.3"), MustDecimal("3.45")
	resolve(rows, fit, printedSums{sks: &sks, average: &other})
	require.Equal(t, "A+", rows[2].Grade.Value, "no letter gives this average")
	resolve(rows, fit, printedSums{sks: &sks, average: &average})
	require.Equal(t, "AB", rows[2].Grade.Value)
	require.Equal(t, Arithmetic, rows[2].Grade.Source)
}

func TestRead_UnseenGrade_IsNotNamedByTheAverage(t *testing.T) {
	for _, seen := range []string{"", "#@"} {
		r := slip(map[string]string{"B+": seen})
		require.Equal(t, "", r.Rows[1].Grade.Value, "a grade that was covered would be named as well: %q", seen)
	}
}

func TestRead_ForgedGradeBesideADoubtfulOne_IsNotMadeUpFor(t *testing.T) {
	r := slip(map[string]string{"B+": "Be", "C": "A"})
	require.Equal(t, "A", r.Rows[5].Grade.Value)
	require.NotEqual(t, Arithmetic, r.Rows[1].Grade.Source, "no reading of the rest gives the printed average")
}

func TestRead_DoubtfulCredits_AreReadTogether(t *testing.T) {
	r := slip(map[string]string{"4": "|4]", "1": "1:", "2": "°2"})
	require.Equal(t, expected(sample, true, false), shown(r, true))

	r = slip(map[string]string{"4": "47", "2": ""})
	require.Equal(t, expected(sample, true, false), shown(r, true), "of 4 or 7 and any number, only 4 and 2 add up to the printed total")
	require.Equal(t, Arithmetic, r.Rows[4].SKS.Source)
}

func TestResolve_TwoWaysToAddUp_SettleNothing(t *testing.T) {
	row := func(code string) Row {
		return Row{Code: &Field[string]{Value: code}, Grade: &Field[string]{Value: "B", Confidence: 0.9, Source: Pixels}}
	}
	rows := []Row{row("AB1001"), row("AB1002")}
	total, average := DecimalOf(3), DecimalOf(3)
	resolve(rows, Scales()[:1], printedSums{sks: &total, average: &average})
	require.Nil(t, rows[0].SKS)
	require.Nil(t, rows[1].SKS)
}

// worstPage is a transcript on which every cell of credits and every grade is in doubt.
func worstPage(n int) ([]Row, printedSums) {
	rows := make([]Row, n)
	var sks, points Decimal
	for i := range rows {
		doubt := func(text string) *Field[string] {
			return &Field[string]{Text: text, Confidence: 0.2, Source: Pixels, Page: 1}
		}
		rows[i] = Row{Code: doubt(""), Grade: doubt("B?")}
		rows[i].Code.Value = fmt.Sprintf("CD%04d", i)
		n := DecimalOf(1 + i%6)
		sks, points = sks+n, points+n.Mul(MustDecimal([]string{"3.25", "2.75"}[i%2]))
	}
	average := points.Div(sks).Round(2)
	return rows, printedSums{sks: &sks, average: &average}
}

func TestResolve_WorstPage_IsBounded(t *testing.T) {
	for _, n := range []int{10, 60, 400} {
		rows, printed := worstPage(n)
		began := time.Now()
		resolve(rows, Scales()[:1], printed)
		require.Less(t, time.Since(began), 2*time.Second, "%d rows", n)
	}
}

func BenchmarkResolve_WorstPage(b *testing.B) {
	for b.Loop() {
		rows, printed := worstPage(60)
		resolve(rows, Scales()[:1], printed)
	}
}
