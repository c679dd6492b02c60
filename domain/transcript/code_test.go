package transcript

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func codedRows(source Source, codes ...string) []Row {
	rows := make([]Row, len(codes))
	for i, c := range codes {
		if c != "" {
			rows[i].Code = &Field[string]{Value: c, Source: source, Confidence: 0.5}
		}
	}
	return rows
}

func codesOf(rows []Row) []string {
	out := make([]string, len(rows))
	for i, r := range rows {
		if r.Code != nil {
			out[i] = r.Code.Value
		}
	}
	return out
}

func TestMendCodes_LookAlikes_FollowTheOthers(t *testing.T) {
	for _, c := range []struct {
		name        string
		given, want []string
	}{
		{"digits and letters change places",
			[]string{"IF2110", "IF2120", "1F2I30"}, []string{"IF2110", "IF2120", "IF2130"}},
		{"a letter within the digits of a plain shape",
			[]string{"IF2110", "IF2120", "IF2S30"}, []string{"IF2110", "IF2120", "IF2530"}},
		{"a digit that stands for a letter, though another code is spoilt alike",
			[]string{"FTI201", "FTI202", "FT1204", "FTI205", "FT1206"}, []string{"FTI201", "FTI202", "FTI204", "FTI205", "FTI206"}},
		{"a twin letter",
			[]string{"SVPL21", "SVPL22", "SVPL23", "SUPL24"}, []string{"SVPL21", "SVPL22", "SVPL23", "SVPL24"}},
		{"letters that are merely akin are two departments",
			[]string{"EF1001", "EF1002", "EF1003", "EE1001"}, []string{"EF1001", "EF1002", "EF1003", "EE1001"}},
		{"a code that another row has",
			[]string{"SVPL21", "SVPL22", "SVPL23", "SUPL23"}, []string{"SVPL21", "SVPL22", "SVPL23", "SUPL23"}},
		{"strokes that ran together",
			[]string{"MII2101", "MII2102", "MII2103", "MI2104", "MU2105", "MN2106"}, []string{"MII2101", "MII2102", "MII2103", "MII2104", "MII2105", "MII2106"}},
		{"prefixes of one length without a legible stroke stay two",
			[]string{"KI1101", "KI1102", "KI1103", "KU1104", "KU1105"}, []string{"KI1101", "KI1102", "KI1103", "KU1104", "KU1105"}},
		{"courses of the whole university keep their letters",
			[]string{"UNU1101", "UNU1102", "TIF1101", "TIF1102", "TIF1103", "TIF1104"}, []string{"UNU1101", "UNU1102", "TIF1101", "TIF1102", "TIF1103", "TIF1104"}},
		{"a rule before a code",
			[]string{"CSG6001", "CSG6002", "3CSG6003"}, []string{"CSG6001", "CSG6002", "CSG6003"}},
		{"a rule behind a code",
			[]string{"CSG6001", "CSG6002", "CSG6003I"}, []string{"CSG6001", "CSG6002", "CSG6003"}},
		{"one sign too many within a code",
			[]string{"SVPL2101", "SVPL2102", "SVPL2203", "SVVPL2304"}, []string{"SVPL2101", "SVPL2102", "SVPL2203", "SVPL2304"}},
		{"what is due between its neighbours",
			[]string{"CS1101", "CS1102", "CS11?3", "CS1104"}, []string{"CS1101", "CS1102", "CS1103", "CS1104"}},
		{"shapes that are two in the document",
			[]string{"EL201A", "EL202B", "EL203A", "MA1101", "MA1102", "MA1103"}, []string{"EL201A", "EL202B", "EL203A", "MA1101", "MA1102", "MA1103"}},
	} {
		rows := codedRows(Pixels, c.given...)
		codebookOf(rows).mend(rows)
		require.Equal(t, c.want, codesOf(rows), c.name)
		for i := range rows {
			if c.given[i] != c.want[i] {
				require.Equal(t, c.given[i], rows[i].Code.Text, "what was recognised is kept")
				require.Less(t, rows[i].Code.Confidence, 0.5)
			}
		}
		layer := codedRows(TextLayer, c.given...)
		codebookOf(layer).mend(layer)
		require.Equal(t, c.given, codesOf(layer), "a text layer says what it says")
	}
}

func TestMendCodes_NameReadTogetherWithTheCode_BecomesTheName(t *testing.T) {
	rows := codedRows(Pixels, "IF2110", "IF2120", "IF2130Algoritma")
	codebookOf(rows).mend(rows)
	require.Equal(t, []string{"IF2110", "IF2120", "IF2130"}, codesOf(rows))
	require.Equal(t, "Algoritma", rows[2].Name.Value)
}

func TestMendCodes_CodeTwice_IsTheOneDueWhereTheNamesDiffer(t *testing.T) {
	rows := codedRows(Pixels, "IF2101", "IF2102", "IF2102", "IF2104")
	for i, n := range []string{"Algoritma", "Basis Data", "Jaringan Komputer", "Statistika"} {
		rows[i].Name = &Field[string]{Value: n, Source: Pixels}
	}
	codebookOf(rows).mend(rows)
	require.Equal(t, []string{"IF2101", "IF2102", "IF2103", "IF2104"}, codesOf(rows))

	again := codedRows(Pixels, "IF2101", "IF2102", "IF2102", "IF2104")
	for i, n := range []string{"Algoritma", "Basis Data", "Basis Data", "Statistika"} {
		again[i].Name = &Field[string]{Value: n, Source: Pixels}
	}
	codebookOf(again).mend(again)
	require.Equal(t, []string{"IF2101", "IF2102", "IF2102", "IF2104"}, codesOf(again), "a course taken twice")
}

func TestCodebook_TwoLooks_CountTogether(t *testing.T) {
	first := codedRows(Pixels, "1F2110", "IF2120", "1F2130")
	second := codedRows(Pixels, "IF2110", "IF2120", "IF2130")
	codebookOf(first, second).mend(first)
	require.Equal(t, codesOf(second), codesOf(first))
}

func TestCodebook_TwoLooksDiffer_TheOneThatLooksLikeTheOthersGoesFirst(t *testing.T) {
	first := codedRows(Pixels, "IF2110", "IF2120", "IE?13O")
	second := codedRows(Pixels, "IF2110", "IF2120", "IF2130")
	b := codebookOf(first, second)
	choose := func(i int) string {
		return b.either(first[i].Code, second[i].Code, codesIn(first), codesIn(second)).Value
	}
	require.Equal(t, "IF2130", choose(2))
	require.Equal(t, "IF2120", choose(1))
	require.Nil(t, b.either(nil, nil, nil, nil))
	require.Equal(t, "IF2110", b.either(nil, second[0].Code, nil, nil).Value)
}

// worstCodes are the codes of a page as full as one is read, no two of one shape and prefix.
func worstCodes() []Row {
	rows := make([]Row, maxWordsPerPage/3)
	for i := range rows {
		code := ""
		for n := i + 1; n > 0; n /= 36 {
			code += string("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[n%36])
		}
		code += fmt.Sprintf("%04d", i%97)
		rows[i] = Row{
			Code: &Field[string]{Value: code, Source: Pixels, Confidence: 0.2},
			Name: &Field[string]{Value: fmt.Sprint("Mata Kuliah ", i), Source: Pixels},
		}
	}
	return rows
}

func TestMendCodes_WorstPage_IsBounded(t *testing.T) {
	rows := worstCodes()
	began := time.Now()
	codebookOf(rows).mend(rows)
	require.Less(t, time.Since(began), 2*time.Second)
}

func BenchmarkMendCodes_WorstPage(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		rows := worstCodes()
		b.StartTimer()
		codebookOf(rows).mend(rows)
	}
}

func TestDraftCode_RuleBehindIt_IsNoPartOfIt(t *testing.T) {
	read := func(source Source, texts ...string) string {
		d := draft{cells: map[columnKind][]*token{}}
		for _, text := range texts {
			d.cells[codeColumn] = append(d.cells[codeColumn], &token{Word: Word{Text: text, Source: source, Confidence: 1}, type_: typeOf(text)})
		}
		return d.code().Value
	}
	require.Equal(t, "SVPL214305", read(Pixels, "SVPL214305", "f"))
	require.Equal(t, "SVPL214305 F", read(TextLayer, "SVPL214305", "F"))
	require.Equal(t, "TIF 101 A", read(Pixels, "TIF", "101", "A"))
}
