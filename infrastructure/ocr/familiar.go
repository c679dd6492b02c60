package ocr

import "strings"

// familiar are words that nearly every study result prints beside its values. They are short,
// often small and grey, and the values are found by them.
var familiar = func() map[string]bool {
	words := map[string]bool{}
	for word := range strings.FieldsSeq(`
		nama mahasiswa nomor induk program studi jurusan departemen fakultas semester tahun akademik
		kode mata kuliah nilai bobot mutu jumlah total indeks prestasi kumulatif
		name student number faculty department course courses code credits grade points total cumulative`) {
		words[word] = true
	}
	return words
}()

func isFamiliar(text string) bool { return familiar[strings.ToLower(text)] }

// likeFamiliar is the familiar word that differs from the text in one letter, written like
// the text; "" when there is none.
func likeFamiliar(text string) string {
	lower := strings.ToLower(text)
	if len(lower) < 4 {
		return ""
	}
	for word := range familiar {
		if !oneApart(word, lower) {
			continue
		}
		if text == strings.ToUpper(text) {
			return strings.ToUpper(word)
		}
		return strings.ToUpper(word[:1]) + word[1:]
	}
	return ""
}

// oneApart tells whether one inserted, left out or changed letter makes one text of the other.
func oneApart(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) == len(b) {
		return i < len(a) && a[i+1:] == b[i+1:]
	}
	return a[i:] == b[i+1:]
}
