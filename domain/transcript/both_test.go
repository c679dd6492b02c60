package transcript

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// lookAt is what one look at the plan's page shows; change may see some words otherwise.
func lookAt(pl plan, change func(w *Word) bool) File {
	pl.source = Pixels
	p := pl.draw()
	var words []Word
	for _, w := range p.words {
		if change == nil || change(&w) {
			words = append(words, w)
		}
	}
	p.words = words
	return p.file()
}

// number ends the student's number in every plan.
const number = "56789"

// inRow tells whether a word stands in a row of the table, from 0, right of the names.
func inRow(i int, w *Word) bool {
	at := rowTop(i)
	return w.Box.Y0 > at-4 && w.Box.Y0 < at+4 && w.Box.X0 > 250
}

// rowTop is where the words of a row begin in the plan's page.
func rowTop(i int) float64 {
	p := plan{columns: usualColumns, captions: indonesian, source: Pixels}.draw()
	at := slices.IndexFunc(p.words, func(w Word) bool { return w.Text == sample[i].code })
	return p.words[at].Box.Y0
}

// misread sees the text in the row as another, with less confidence; "" is not seen at all.
func misread(row int, text, as string) func(w *Word) bool {
	return func(w *Word) bool {
		if w.Text == text && inRow(row, w) {
			w.Text, w.Confidence = as, 0.7
		}
		return w.Text != ""
	}
}

func TestReadBoth_CellThatOneLookLost_IsTakenFromTheOther(t *testing.T) {
	pl := plan{columns: usualColumns, captions: indonesian}
	whole := Read(lookAt(pl, nil))
	for name, change := range map[string]func(w *Word) bool{
		"grade":   func(w *Word) bool { return !inRow(3, w) || w.Text != sample[3].grade && w.Text != sample[3].weight },
		"code":    func(w *Word) bool { return w.Text != sample[3].code },
		"number":  func(w *Word) bool { return !strings.Contains(w.Text, number) },
		"average": func(w *Word) bool { return w.Text != whole.IPK.Text },
	} {
		lost := lookAt(pl, change)
		one := Read(lost)
		require.True(t, one.NIM == nil || one.IPK == nil || !slices.Equal(shown(whole, true), shown(one, true)), name)
		for _, r := range []Reading{ReadBoth(lost, lookAt(pl, nil)), ReadBoth(lookAt(pl, nil), lost)} {
			require.Equal(t, shown(whole, true), shown(r, true), name)
			require.Equal(t, whole.NIM.Value, r.NIM.Value, name)
			require.Equal(t, whole.IPK.Value, r.IPK.Value, name)
		}
	}
}

func TestReadBoth_RowThatOneLookLost_IsTakenWhereTheCreditsAddUp(t *testing.T) {
	pl := plan{columns: usualColumns, captions: indonesian}
	lost := lookAt(pl, func(w *Word) bool { return w.Box.Y0 < rowTop(2)-4 || w.Box.Y0 > rowTop(2)+4 })
	require.Len(t, Read(lost).Rows, len(sample)-1)
	require.Equal(t, shown(Read(lookAt(pl, nil)), true), shown(ReadBoth(lost, lookAt(pl, nil)), true))

	stranger := Row{Code: &Field[string]{Value: "XYZ99999"}, SKS: &Field[Decimal]{Value: DecimalOf(3)}, Grade: &Field[string]{Value: "A"}}
	rows := Read(lookAt(pl, nil)).Rows
	total := creditsIn(rows)
	require.Len(t, joined(cloned(rows), append(cloned(rows), stranger), &total, codebookOf(rows)), len(rows))
}

func TestReadBoth_GradesDiffer_TheWeightTells(t *testing.T) {
	pl := plan{columns: usualColumns, captions: indonesian}
	r := ReadBoth(lookAt(pl, misread(3, "A-", "A")), lookAt(pl, nil))
	g := r.Rows[3].Grade
	require.Equal(t, "A-", g.Value)
	require.Equal(t, Pixels, g.Source, "one look saw it")

	without := plan{columns: []columnKind{codeColumn, nameColumn, sksColumn, gradeColumn}, captions: indonesian}
	surer := func(w *Word) bool {
		if w.Text == "B" && inRow(4, w) {
			w.Text = "C"
		}
		return w.Box.Y0 < rowTop(len(sample)-1)+10 || w.Text == "" // no sums tell
	}
	bare := func(w *Word) bool { return w.Box.Y0 < rowTop(len(sample)-1)+10 }
	r = ReadBoth(lookAt(without, surer), lookAt(without, bare))
	require.LessOrEqual(t, r.Rows[4].Grade.Confidence, notLegible, "nothing tells which of two letters it is")
}

func TestReadBoth_CoveredGrade_StaysInDoubt(t *testing.T) {
	a, b := &Field[string]{Value: ""}, &Field[string]{Value: "A", Confidence: 1}
	require.LessOrEqual(t, eitherGrade(a, b).Confidence, uncovered)
	require.LessOrEqual(t, eitherGrade(b, a).Confidence, uncovered)
	require.Equal(t, 1.0, eitherGrade(&Field[string]{Text: "#"}, b).Confidence, "something illegible was seen")
}

func TestReadBoth_NumbersDiffer_NeitherIsBelieved(t *testing.T) {
	pl := plan{columns: usualColumns, captions: indonesian}
	other := lookAt(pl, func(w *Word) bool {
		w.Text = strings.Replace(w.Text, number, "56784", 1)
		return true
	})
	one := Read(lookAt(pl, nil)).NIM
	r := ReadBoth(lookAt(pl, nil), other)
	require.NotEqual(t, one.Value, Read(other).NIM.Value)
	require.LessOrEqual(t, r.NIM.Confidence, one.Confidence/2+0.01)
}

func TestReadBoth_PointsDiffer_ThoseThatFollowCount(t *testing.T) {
	pl := plan{columns: usualColumns, captions: indonesian}
	misread := func(from, to string) func(w *Word) bool {
		return func(w *Word) bool {
			if w.Text == from && inRow(3, w) {
				w.Text = to
			}
			return true
		}
	}
	require.Equal(t, MustDecimal("11.25"), ReadBoth(lookAt(pl, misread("11.25", "71.25")), lookAt(pl, nil)).Rows[3].Points.Value)
	require.Equal(t, MustDecimal("3.75"), ReadBoth(lookAt(pl, misread("3.75", "3.15")), lookAt(pl, nil)).Rows[3].Weight.Value)
}

func TestReadBoth_OtherLookTookPointsForCredits_ItsCreditsDoNotCount(t *testing.T) {
	pl := plan{columns: usualColumns, captions: indonesian}
	rows := Read(lookAt(pl, nil)).Rows
	unsure, other := cloned(rows), cloned(rows)
	unsure[2].SKS.Confidence = 0.4
	for i := range other {
		other[i].SKS.Value = other[i].Points.Value
		other[i].SKS.Confidence = 1
	}
	for i, r := range joined(unsure, other, nil, codebookOf(rows)) {
		require.Equal(t, rows[i].SKS.Value, r.SKS.Value, "row %d", i)
	}
}

func TestRead_RemainsOfARuleInTheHeading_DoNotPartIt(t *testing.T) {
	pl := plan{columns: usualColumns, captions: indonesian}
	whole := Read(lookAt(pl, nil))
	f := lookAt(pl, nil)
	for _, w := range f.Pages[0].Words {
		if w.Text == indonesian[gradeColumn] {
			box := Box{X0: w.Box.X0 + 1, X1: w.Box.X1 - 1, Y0: w.Box.Y1 - 1, Y1: w.Box.Y1 + 1}
			f.Pages[0].Words = append(f.Pages[0].Words, Word{Text: "12", Box: box, Confidence: 0.6, Source: Pixels})
		}
	}
	require.Greater(t, len(f.Pages[0].Words), len(lookAt(pl, nil).Pages[0].Words))
	require.Equal(t, shown(whole, true), shown(Read(f), true))
}

func TestPaired_ManyRows_AreNotCompared(t *testing.T) {
	rows := make([]Row, 300)
	require.Empty(t, paired(rows, rows))
}
