package transcript

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// NIMForm is how a university writes its student numbers: 9 stands for a digit, A for a
// letter, signs that are neither for themselves.
type NIMForm struct {
	University string `json:"university"`
	Pattern    string `json:"pattern"`
}

// NIMForms returns every form that is known.
func NIMForms() []NIMForm { return slices.Clone(forms().nims) }

// shortestNIM is the least number of letters and digits of a student number; fewer would be found
// everywhere on a page.
const shortestNIM = 5

func (f NIMForm) check() error {
	p := NormaliseNIM(f.Pattern)
	switch {
	case f.University == "":
		return errors.New("no university")
	case strings.Trim(p, "9A") != "":
		return fmt.Errorf("pattern %q: 9 stands for a digit and A for a letter, no other letter or digit for itself", f.Pattern)
	case len(p) < shortestNIM || !strings.Contains(p, "9"):
		return fmt.Errorf("pattern %q must have %d letters and digits at least, one of them a digit", f.Pattern, shortestNIM)
	}
	return nil
}

// Fits reports whether a student number, however separated, has this form.
func (f NIMForm) Fits(nim string) bool {
	n, p := NormaliseNIM(nim), NormaliseNIM(f.Pattern)
	if len(n) != len(p) {
		return false
	}
	for i := range len(n) {
		if (p[i] == '9') != (n[i] >= '0' && n[i] <= '9') {
			return false
		}
	}
	return true
}

// LooksLikeNIM reports whether the text could be a student number of any university: one
// of the known forms, or 6 to 18 letters and digits of which most are digits.
func LooksLikeNIM(s string) bool {
	n := NormaliseNIM(s)
	if len(n) == 8 && yearPattern.MatchString(s) {
		return false
	}
	if fitsForm(s, "") {
		return true
	}
	if len(n) < 6 || len(n) > 18 || strings.Count(s, "/") > 4 {
		return false
	}
	digit := 0
	for i := range len(n) {
		if n[i] >= '0' && n[i] <= '9' {
			digit++
		}
	}
	return digit*2 > len(n) && digit >= 5
}

var (
	toDigit  = map[byte]byte{'O': '0', 'Q': '0', 'D': '0', 'I': '1', 'L': '1', 'Z': '2', 'S': '5', 'G': '6', 'B': '8', 'T': '7', 'A': '4'}
	toLetter = map[byte]byte{'0': 'O', '1': 'I', '2': 'Z', '5': 'S', '6': 'G', '8': 'B', '4': 'A'}
)

// mendByPattern changes look-alikes so that the text gets the pattern's digits and letters
// ('9' and 'A') position by position. Signs other than letters and digits stay.
func mendByPattern(text, pattern string) (string, bool) {
	up := strings.ToUpper(text)
	out := []byte(up)
	k := 0
	for i := range len(up) {
		b := up[i]
		isDigit, isLetter := b >= '0' && b <= '9', b >= 'A' && b <= 'Z'
		if b == '|' || b == '!' {
			b, isLetter = 'I', true
		}
		if !isDigit && !isLetter {
			if b >= 0x80 {
				return "", false
			}
			continue
		}
		if k >= len(pattern) {
			return "", false
		}
		switch {
		case pattern[k] == '9' && isLetter:
			d, ok := toDigit[b]
			if !ok {
				return "", false
			}
			out[i] = d
		case pattern[k] == 'A' && isDigit:
			l, ok := toLetter[b]
			if !ok {
				return "", false
			}
			out[i] = l
		}
		k++
	}
	return string(out), k == len(pattern)
}

// formsOf are the forms of the named university, all forms when it has none here.
func formsOf(university string) []NIMForm {
	all := forms().nims
	own := slices.DeleteFunc(slices.Clone(all), func(f NIMForm) bool { return !sameUniversity(f.University, university) })
	if len(own) > 0 {
		return own
	}
	return all
}

func fitsForm(nim, university string) bool {
	return slices.ContainsFunc(formsOf(university), func(f NIMForm) bool { return f.Fits(nim) })
}

// mendNIM returns the student numbers that a recognised text may stand for, going by the
// forms of the university: look-alikes undone, a separator that was read as a digit put
// back, and a rule or colon before the number that was read as a digit dropped.
func mendNIM(text, university string) []string {
	var out []string
	for _, f := range formsOf(university) {
		for _, t := range []string{text, strings.TrimLeft(text[:min(1, len(text))], "1Il|!:") + text[min(1, len(text)):]} {
			m, ok := f.align(t)
			if ok && f.Fits(m) && !slices.Contains(out, m) {
				out = append(out, m)
			}
			if ok {
				break
			}
		}
	}
	return out
}

// align lays a text on the form, sign by sign.
func (f NIMForm) align(text string) (string, bool) {
	extra := len(NormaliseNIM(text)) - len(NormaliseNIM(f.Pattern))
	if extra < 0 || extra > strings.Count(f.Pattern, "/") || len(text) > 40 {
		return "", false
	}
	var out strings.Builder
	i := 0
	for k := range len(f.Pattern) {
		p := f.Pattern[k]
		if p != '9' && p != 'A' {
			switch {
			case i < len(text) && !alphanumericByte(text[i]):
				i++
			case i < len(text) && extra > 0 && strings.IndexByte("1IlJ7", text[i]) >= 0:
				i++
				extra--
			}
			out.WriteByte(p)
			continue
		}
		for i < len(text) && !alphanumericByte(text[i]) && text[i] != '|' && text[i] != '!' && text[i] != '/' {
			i++
		}
		if i >= len(text) {
			return "", false
		}
		m, ok := mendByPattern(text[i:i+1], string(p))
		if !ok {
			return "", false
		}
		out.WriteString(m)
		i++
	}
	return out.String(), extra == 0 && NormaliseNIM(text[i:]) == ""
}

func alphanumericByte(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z'
}
