package transcript

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestScales_BuiltIn_HaveThePublishedWeights(t *testing.T) {
	for id, want := range map[string]string{
		"ugm":    "A 4, A- 3.75, A/B 3.5, B+ 3.25, B 3, B- 2.75, B/C 2.5, C+ 2.25, C 2, C- 1.75, C/D 1.5, D+ 1.25, D 1, E 0",
		"ui":     "A 4, A- 3.7, B+ 3.3, B 3, B- 2.7, C+ 2.3, C 2, D 1, E 0",
		"itb":    "A 4, AB 3.5, B 3, BC 2.5, C 2, D 1, E 0",
		"its":    "A 4, AB 3.5, B 3, BC 2.5, C 2, D 1, E 0",
		"undip":  "A 4, AB 3.5, B 3, BC 2.5, C 2, CD 1.5, D 1, E 0",
		"ub":     "A 4, B+ 3.5, B 3, C+ 2.5, C 2, D+ 1.5, D 1, E 0",
		"uny":    "A 4, A- 3.67, B+ 3.33, B 3, B- 2.67, C+ 2.33, C 2, D 1, E 0",
		"telkom": "A 4, AB 3.5, B 3, BC 2.5, C 2, D 1, E 0",
		"binus":  "A 4, A- 3.67, B+ 3.33, B 3, B- 2.5, C 2, D 1, E 0",
		"five":   "A 4, B 3, C 2, D 1, E 0",
	} {
		s, ok := ScaleByID(id)
		require.True(t, ok, id)
		var got []string
		for _, l := range s.Letters {
			if !l.Pending {
				got = append(got, l.Name+" "+l.Weight.String())
			}
		}
		require.Equal(t, want, strings.Join(got, ", "), id)
		require.NotEmpty(t, s.Source, id)
		pending, ok := s.Letter("T")
		require.True(t, ok && pending.Pending, id)
	}
	require.Len(t, Scales(), 10)
}

func TestScale_Compare_KnowsOrderAndPending(t *testing.T) {
	s, _ := ScaleByID("ugm")
	for _, c := range []struct {
		a, b string
		want int
	}{{"A", "A-", 1}, {"a –", "A/B", 1}, {"B", "B+", -1}, {"b / c", "B/C", 0}} {
		got, ok := s.Compare(c.a, c.b)
		require.True(t, ok, c)
		require.Equal(t, c.want, got, c)
	}
	for _, pair := range [][2]string{{"T", "B"}, {"A", "K"}, {"AB", "B"}, {"", "B"}} {
		_, ok := s.Compare(pair[0], pair[1])
		require.False(t, ok, pair)
	}
}

func TestLoadScales_OwnScale_IsTaken(t *testing.T) {
	scales, err := LoadScales(strings.NewReader(`[{"id":"own","university":"Universitas Contoh","letters":[{"name":"a","weight":4},{"name":"B","weight":"2,50"},{"name":"T","weight":0,"pending":true}]}]`))
	require.NoError(t, err)
	require.Equal(t, []Letter{{Name: "A", Weight: DecimalOf(4)}, {Name: "B", Weight: MustDecimal("2.5")}, {Name: "T", Pending: true}}, scales[0].Letters)
}

func TestLoadScales_Wrong_SaysWhatIsWrong(t *testing.T) {
	scale := func(letters string) string {
		return `[{"id":"x","university":"U","letters":[` + letters + `]}]`
	}
	for text, want := range map[string]string{
		`{`:   "grade scales",
		`[]]`: "more text",
		`[{"id":"","university":"U","letters":[]}]`:                                                                                          "id",
		`[{"id":"x","university":"","letters":[]}]`:                                                                                          "no university",
		`[{"id":"x","university":"U","letters":[],"colour":1}]`:                                                                              "unknown field",
		scale(`{"name":"A","weight":4}`):                                                                                                     "fewer than two",
		scale(`{"name":"A","weight":4},{"name":"a","weight":3}`):                                                                             `"A" stands twice`,
		scale(`{"name":"A","weight":3},{"name":"B","weight":3}`):                                                                             "does not descend",
		scale(`{"name":"A","weight":5},{"name":"B","weight":3}`):                                                                             "not within 0 to 4",
		scale(`{"name":"A","weight":4},{"name":"B","weight":-1}`):                                                                            "not within 0 to 4",
		scale(`{"name":"","weight":4},{"name":"B","weight":3}`):                                                                              "one to four characters",
		scale(`{"name":"T","weight":1,"pending":true},{"name":"B","weight":3}`):                                                              "pending letter",
		scale(`{"name":"T","weight":0,"pending":true},{"name":"B","weight":3}`):                                                              "behind a pending one",
		`[{"id":"x","university":"U","letters":[{"name":"A","weight":4},{"name":"B","weight":3}]},{"id":"x","university":"U","letters":[]}]`: "stands twice",
	} {
		_, err := LoadScales(strings.NewReader(text))
		require.ErrorContains(t, err, want, text)
	}
}

func seen(pairs ...string) []Seen {
	var out []Seen
	for _, p := range pairs {
		name, weight, printed := strings.Cut(p, "=")
		s := Seen{Grade: name}
		if printed {
			w := MustDecimal(weight)
			s.Weight = &w
		}
		out = append(out, s)
	}
	return out
}

func ids(scales []Scale) []string {
	var out []string
	for _, s := range scales {
		out = append(out, s.ID)
	}
	return out
}

func TestInferScales_Evidence_LeavesWhatFits(t *testing.T) {
	for name, c := range map[string]struct {
		seen       []Seen
		university string
		want       []string
	}{
		"weights decide":                 {seen("A-=3.75", "B+=3.25"), "", []string{"ugm"}},
		"same letters, other weights":    {seen("A-=3.7", "B+=3.3"), "", []string{"ui"}},
		"B+ of Brawijaya":                {seen("A=4", "B+=3.5"), "", []string{"ub"}},
		"letters without weights":        {seen("A-", "B+"), "", []string{"ugm", "ui", "uny", "binus"}},
		"letters and university":         {seen("A-", "B+"), "UNIVERSITAS INDONESIA", []string{"ui"}},
		"university in short":            {seen("AB", "B"), "ITS", []string{"its"}},
		"university with a slip":         {seen("AB", "B"), "INSTITUT TEKNOLGGI SEPULUH NOPSMBER", []string{"its"}},
		"university of another name":     {seen("AB", "B"), "UNIVERSITAS TERBUKA", []string{"itb", "its", "undip", "telkom"}},
		"university without its letters": {seen("AB", "B"), "Universitas Gadjah Mada", []string{"itb", "its", "undip", "telkom"}},
		"contradiction":                  {seen("A=4", "A=3.5"), "", nil},
		"unknown letter":                 {seen("X"), "", nil},
		"pending letters tell nothing":   {seen("T", "A-=3.75"), "", []string{"ugm"}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, ids(InferScales(Scales(), c.seen, c.university)))
		})
	}
}

func TestAgreed_DifferentTables_IsDoubt(t *testing.T) {
	require.Equal(t, "", agreed(InferScales(Scales(), seen("A-", "B+"), "")))
	require.Equal(t, "ui", agreed(InferScales(Scales(), seen("A-", "B+"), "Universitas Indonesia")))
	require.Equal(t, "", agreed(InferScales(Scales(), seen("AB", "CD"), "Institut Teknologi Bandung")[1:]))
}

func TestAddScales_OwnScale_IsKnownEverywhere(t *testing.T) {
	defer added.Store(nil)
	require.Equal(t, LayoutVersion, RulesVersion())
	own, err := LoadScales(strings.NewReader(`[{"id":"unx","university":"Universitas X","letters":[{"name":"A","weight":4},{"name":"Q","weight":2.4},{"name":"F","weight":0}]}]`))
	require.NoError(t, err)
	AddScales(own)
	scale, ok := ScaleByID("unx")
	require.True(t, ok)
	letter, ok := scale.Letter("q")
	require.True(t, ok)
	require.Equal(t, MustDecimal("2.4"), letter.Weight)
	_, ok = ScaleByID("itb")
	require.True(t, ok, "the built-in scales stay")
	require.NotEqual(t, LayoutVersion, RulesVersion(), "readings by other scales are not taken for these")
}
