package transcript

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func FuzzParseDecimal(f *testing.F) {
	for _, s := range []string{"3", "3.75", "3,75", "-0.0001", "999999999999.9999", "1e9", "1.234.567", ".5", "5.", "٣", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDecimal(s)
		if err != nil {
			require.ErrorIs(t, err, ErrDecimal)
			return
		}
		again, err := ParseDecimal(d.String())
		require.NoError(t, err)
		require.Equal(t, d, again)
		encoded, err := json.Marshal(d)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(encoded, &again))
		require.Equal(t, d, again)
	})
}

func FuzzNIM(f *testing.F) {
	for _, s := range []string{"21/482851/SV/20006", "H1A021059", "1302210O59", "|3021lO059", "2023/2024", "", "\xff/\x00", "NIM : 21"} {
		f.Add(s, "Universitas Gadjah Mada")
	}
	f.Fuzz(func(t *testing.T, s, university string) {
		n := NormaliseNIM(s)
		require.Equal(t, n, NormaliseNIM(n))
		require.Equal(t, fitsForm(s, university), fitsForm(n, university), "separators do not count")
		LooksLikeNIM(s)
		for _, mended := range mendNIM(s, university) {
			require.True(t, fitsForm(mended, university), "%q", mended)
		}
	})
}

func FuzzGrade(f *testing.F) {
	for _, s := range []string{"A", "a-", "A / B", "A/B", "Bt", "K", "−", "", "\xff", "A+++"} {
		f.Add(s, "B")
	}
	f.Fuzz(func(t *testing.T, x, y string) {
		require.Equal(t, NormaliseGrade(x), NormaliseGrade(NormaliseGrade(x)))
		for _, scale := range Scales() {
			letter, known := scale.Letter(x)
			if known {
				again, ok := scale.Letter(letter.Name)
				require.True(t, ok)
				require.Equal(t, letter, again)
			}
			ahead, comparable := scale.Compare(x, y)
			back, _ := scale.Compare(y, x)
			require.Equal(t, ahead, -back)
			if comparable {
				require.True(t, known)
			}
		}
	})
}

// FuzzRead_PrintedText lays text out as a page prints it, a line for a line and a cell at each tab, and
// reads that.
func FuzzRead_PrintedText(f *testing.F) {
	f.Add("KARTU HASIL STUDI\nNama : Siti\tNIM : 21/482851/SV/20006\nKode\tMata Kuliah\tSKS\tNilai\tBobot\tSKS x Bobot\nSVPL214305\tBasis Data\t3\tA\t4,00\t12,00\nJumlah\t\t3\t\t\t12,00\nIPS : 4,00\tIPK : 4,00", 1.0, 12.0)
	f.Add("TRANSKRIP SEMENTARA\nNo\tKode\tMata Kuliah\tK\tN\tKxN\n1\tIF1\tX\t-1\tZ\t99999999999\nTOTAL\t0\nIPK 0/0", 0.3, -1.0)
	f.Add("SKS SKS SKS SKS\nNilai\n:::::\n", math.NaN(), math.Inf(1))
	for _, name := range []string{"two-tables", "scanned", "bilingual-terms"} {
		file := wordsOf(f, name)
		var lines []string
		for _, word := range file.Pages[0].Words {
			lines = append(lines, word.Text)
		}
		f.Add(strings.Join(lines, "\t"), 1.0, 10.0)
	}
	f.Fuzz(func(t *testing.T, text string, confidence, size float64) {
		page := Page{Number: 1, Width: 595, Height: 842}
		for y, line := range strings.Split(text, "\n") {
			for x, cell := range strings.Split(line, "\t") {
				for i, word := range strings.Fields(cell) {
					x0, y0 := 30+80*float64(x)+25*float64(i), 40+14*float64(y)
					page.Words = append(page.Words, Word{Text: word, Box: Box{x0, y0, x0 + 5*float64(len(word)), y0 + size}, Confidence: confidence, Source: Pixels})
				}
			}
		}
		reading := Read(File{Type: "image/png", Pages: []Page{page}})
		again := Read(File{Type: "image/png", Pages: []Page{page}})
		require.False(t, math.IsNaN(reading.Confidence) || reading.Confidence < 0 || reading.Confidence > 1, "confidence %v", reading.Confidence)
		encoded, err := json.Marshal(reading)
		require.NoError(t, err, "a reading becomes an event")
		require.True(t, utf8.Valid(encoded))
		same, err := json.Marshal(again)
		require.NoError(t, err)
		require.Equal(t, string(encoded), string(same), "the same words are read alike")
	})
}

func wordsOf(t testing.TB, name string) File {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".words.json"))
	require.NoError(t, err)
	var file File
	require.NoError(t, json.Unmarshal(b, &file))
	return file
}
