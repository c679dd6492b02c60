package transcript

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func own(t *testing.T, text string) Forms {
	t.Helper()
	f, err := LoadForms(strings.NewReader(text))
	require.NoError(t, err)
	return f
}

// typed lays text out as a typewriter does: a word's place is its place in the text.
func typed(text string) File {
	p := paper{}
	for i, line := range strings.Split(text, "\n") {
		for _, at := range regexp.MustCompile(`\S+`).FindAllStringIndex(line, -1) {
			p.print(30+letter*float64(at[0]), 30+16*float64(i), line[at[0]:at[1]])
		}
	}
	return p.file()
}

// TestForms_PageOnUniversities_ItsExampleIsRead goes through the page as a university would.
func TestForms_PageOnUniversities_ItsExampleIsRead(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "university.md"))
	require.NoError(t, err)
	card := regexp.MustCompile("(?s)```text\n(.*?)```").FindSubmatch(page)
	files := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllSubmatch(page, -1)
	require.NotNil(t, card)
	require.Len(t, files, 2)

	r := Read(typed(string(card[1])))
	require.Nil(t, r.Name, "the example needs no files of its own")
	require.Nil(t, r.NIM)
	require.Empty(t, r.Rows)

	defer added.Store(nil)
	defer addedForms.Store(nil)
	scales, err := LoadScales(strings.NewReader(string(files[0][1])))
	require.NoError(t, err)
	AddScales(scales)
	AddForms(own(t, string(files[1][1])))
	r = Read(typed(string(card[1])))
	require.Equal(t, KHS, r.Kind)
	require.Equal(t, "utb", r.Scale)
	require.Equal(t, "Larasati Wiguna", r.Name.Value)
	require.Equal(t, "2023-TI-0147", r.NIM.Value)
	require.Equal(t, []string{
		"TB101|Arsitektur Komputer|3|AA",
		"TB205|Basis Data|3|BA",
		"TB317|Jaringan Komputer|2|BB",
	}, shown(r, true))
	require.Equal(t, []Decimal{DecimalOf(4), MustDecimal("10.8")}, []Decimal{r.Rows[0].Weight.Value, r.Rows[1].Points.Value})
	require.Equal(t, []Decimal{DecimalOf(8), MustDecimal("3.65"), MustDecimal("3.42")}, []Decimal{r.TotalSKS.Value, r.IPS.Value, r.IPK.Value})
}

func TestForms_PageOnUniversities_NamesEveryKind(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "university.md"))
	require.NoError(t, err)
	for name := range columnNames {
		require.Contains(t, string(page), "`"+name+"`")
	}
	for name := range fieldNames {
		require.Contains(t, string(page), "`"+name+"`")
	}
}

func TestAddForms_CaptionOfAnotherMeaning_TakesItsOwn(t *testing.T) {
	defer addedForms.Store(nil)
	before := forms()
	kind, ok := before.columns.find(foldCaption("Jumlah"), false)
	require.True(t, ok)
	require.Equal(t, pointsColumn, kind)
	AddForms(own(t, `{"columns":{"sks":["Jumlah"]},"fields":{"nim":["Nomor"]},"pairs":["Anggota dan Nomor"]}`))
	kind, _ = forms().columns.find(foldCaption("Jumlah"), false)
	require.Equal(t, sksColumn, kind)
	field, _ := forms().fields.find(foldCaption("Nomor"), false)
	require.Equal(t, nimField, field)
	_, ok = forms().pairs.find(foldCaption("Anggota dan Nomor"), false)
	require.True(t, ok)
	for caption, kind := range before.columns.exact {
		if caption != foldCaption("Jumlah") {
			require.Equal(t, kind, forms().columns.exact[caption], caption)
		}
	}
}

func TestAddForms_OtherFiles_AreOtherRules(t *testing.T) {
	defer addedForms.Store(nil)
	require.Equal(t, LayoutVersion, RulesVersion())
	AddForms(own(t, `{"columns":{"sks":["Takaran"]}}`))
	first := RulesVersion()
	require.Contains(t, first, LayoutVersion+"+forms.")
	AddForms(own(t, `{"columns":{"sks":["Takar"]}}`))
	require.NotEqual(t, first, RulesVersion(), "readings by other captions are not taken for these")
	AddForms(own(t, `{"columns":{"sks":["Takaran"]}}`))
	require.Equal(t, first, RulesVersion())
}

func TestAddForms_NumberOfItsForm_IsMended(t *testing.T) {
	defer addedForms.Store(nil)
	AddForms(own(t, `{"nims":[{"university":"Universitas Tanjung Biru","pattern":"9999-AA-9999"}]}`))
	require.Equal(t, []string{"2023-TI-0147"}, mendNIM("2O23-TI-Ol47", "UNIVERSITAS TANJUNG BIRU"))
	require.Contains(t, NIMForms(), NIMForm{University: "Institut Teknologi Bandung", Pattern: "99999999"}, "the built-in forms stay")
}

func TestLoadForms_Wrong_SaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		`[]`:                                 "forms",
		`{}}`:                                "more text",
		`{"colums":{}}`:                      `unknown field "colums"`,
		`{"columns":{"credits":["Takar"]}}`:  `there is no column "credits"`,
		`{"fields":{"gpa":["Rerata"]}}`:      `there is no field "gpa"`,
		`{"columns":{"sks":["Takar","--"]}}`: `caption "--" of column "sks" has no letter or digit`,
		`{"columns":{"sks":["Takar"],"points":["T A K A R"]}}`: `stands under column "points" and "sks"`,
		`{"fields":{"ips":["Rerata"],"ipk":["rerata"]}}`:       `stands under field "ipk" and "ips"`,
		`{"pairs":["/"]}`:                                              "has no letter or digit",
		`{"nims":[{"pattern":"99999999"}]}`:                            "student number 1: no university",
		`{"nims":[{"university":"U","pattern":""}]}`:                   "must have 5 letters and digits",
		`{"nims":[{"university":"U","pattern":"99-99"}]}`:              "must have 5 letters and digits",
		`{"nims":[{"university":"U","pattern":"AAAAAA"}]}`:             "one of them a digit",
		`{"nims":[{"university":"U","pattern":"2023-99-9999"}]}`:       `pattern "2023-99-9999": 9 stands for a digit`,
		`{"nims":[{"university":"U","pattern":"9999999","form":"x"}]}`: "unknown field",
	} {
		_, err := LoadForms(strings.NewReader(text))
		require.ErrorContains(t, err, want, text)
	}
}

func TestLoadForms_OwnFile_ComesBackAsWritten(t *testing.T) {
	raw, err := json.Marshal(builtinForms())
	require.NoError(t, err)
	require.Equal(t, builtinForms(), own(t, string(raw)))
}
