package transcript

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

var historyColumns = []columnKind{codeColumn, nameColumn, sksColumn, historyColumn, gradeColumn}

// withHistory reads a recognised page with a history of grades on which some words were seen as others.
func withHistory(change map[string]string) Reading {
	p := plan{columns: historyColumns, captions: indonesian, source: Pixels}.draw()
	for from, to := range change {
		at := slices.IndexFunc(p.words, func(w Word) bool { return w.Text == from && w.Box.X0 > 250 && w.Box.Y0 > 150 && w.Box.Y0 < 260 })
		p.words[at].Text = to
	}
	return Read(p.file())
}

func TestRead_History_TellsAnIllegibleGrade(t *testing.T) {
	for _, c := range []struct {
		row      int
		from, as string
	}{{1, "B+", "8t"}, {3, "A-", "#"}, {4, "B", "3"}} {
		g := withHistory(map[string]string{c.from: c.as}).Rows[c.row].Grade
		require.Equal(t, sample[c.row].grade, g.Value, c.as)
		require.Equal(t, Pixels, g.Source)
	}
}

func TestRead_History_RepairsNoLegibleGrade(t *testing.T) {
	r := withHistory(map[string]string{"B+": "A"})
	require.Equal(t, "A", r.Rows[1].Grade.Value)
	require.Equal(t, "B+", r.Rows[1].History.Value)
	require.LessOrEqual(t, r.Rows[1].Grade.Confidence, 0.5)
}

func TestRead_HistoryOfEarlierAttempts_TellsNothing(t *testing.T) {
	r := withHistory(map[string]string{"2022/Gs/B+": "2021/Gs/E", "2022/Gs/A-": "2021/Gs/D", "2022/Gs/C": "2021/Gs/E"})
	for i := range r.Rows {
		require.Nil(t, r.Rows[i].History)
	}
}

func TestHistoryOf_OneAttempt_IsItsLetter(t *testing.T) {
	for text, want := range map[string]string{"2022/Gs/AB": "AB", "2022/Gs/ A-": "A-", "2021/Gs/D 2022/Gp/B": "", "2022/Gs/7": "", "AB": "", "": ""} {
		h := historyOf([]*token{{Word: Word{Text: text}}})
		if want == "" {
			require.Nil(t, h, text)
			continue
		}
		require.Equal(t, want, h.Value, text)
	}
}
