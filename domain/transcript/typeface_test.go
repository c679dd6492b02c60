package transcript

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRead_CellInAnotherType_IsATrace(t *testing.T) {
	const usual = "ABCDEF+LiberationSans"
	for name, c := range map[string]struct {
		font string
		size float64
		want []string
	}{
		"as the others":        {usual, 9, nil},
		"another part of it":   {"UVWXYZ+LiberationSans", 9, nil},
		"bold":                 {"LiberationSans-Bold", 9, nil},
		"a hair larger":        {usual, 9.5, nil},
		"another font":         {"GHIJKL+Arial", 9, []string{"A/B"}},
		"another size":         {usual, 11, []string{"A/B"}},
		"the type of the name": {"LiberationSerif", 9, []string{"A/B"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := plan{columns: usualColumns, captions: indonesian}.draw()
			for i := range p.words {
				p.words[i].Font, p.words[i].Size = usual, 9
			}
			changed := slices.IndexFunc(p.words, func(w Word) bool { return w.Text == "A/B" })
			p.words[changed].Font, p.words[changed].Size = c.font, c.size
			var got []string
			for _, trace := range Read(p.file()).Traces {
				require.Equal(t, ForeignType, trace.Kind)
				require.Equal(t, p.words[changed].Box, trace.Box)
				got = append(got, trace.Text)
			}
			require.Equal(t, c.want, got)
		})
	}
}

func TestRead_ColumnsOfTheirOwnType_AreNoTrace(t *testing.T) {
	p := plan{columns: usualColumns, captions: indonesian}.draw()
	for i, w := range p.words {
		p.words[i].Font, p.words[i].Size = "Courier", 9
		if typeOf(w.Text) == typeGrade {
			p.words[i].Font = "Helvetica"
		}
	}
	require.Empty(t, Read(p.file()).Traces)
}
