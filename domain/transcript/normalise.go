package transcript

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// NormaliseNIM keeps letters and digits, in upper case: student numbers are equal when
// these are equal.
func NormaliseNIM(s string) string { return alphanumeric(s) }

// NormaliseCode is NormaliseNIM for course codes.
func NormaliseCode(s string) string { return alphanumeric(s) }

func alphanumeric(s string) string {
	return strings.Map(func(r rune) rune {
		r = unicode.ToUpper(r)
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, norm.NFKD.String(s))
}

// NormaliseName makes names comparable: NFKD, upper case, apostrophes and full stops
// dropped, every other sign a space, spaces collapsed.
func NormaliseName(s string) string {
	mapped := strings.Map(func(r rune) rune {
		r = unicode.ToUpper(r)
		switch {
		case r >= 'A' && r <= 'Z' || r >= '0' && r <= '9':
			return r
		case strings.ContainsRune("’‘'`´.", r) || unicode.Is(unicode.Mn, r):
			return -1
		}
		return ' '
	}, norm.NFKD.String(s))
	return strings.Join(strings.Fields(mapped), " ")
}

// NormaliseCourse is NormaliseName for course names, with "&" spelled out as "dan".
func NormaliseCourse(s string) string {
	return NormaliseName(strings.ReplaceAll(s, "&", " dan "))
}

// dashes are the signs that print as a minus.
var dashes = strings.NewReplacer("−", "-", "–", "-", "—", "-", "‐", "-", "‑", "-", "‒", "-", "﹣", "-", "－", "-", "➖", "-")

// NormaliseGrade makes letters of a scale comparable: upper case, no blanks, one kind of dash.
func NormaliseGrade(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return unicode.ToUpper(r)
	}, dashes.Replace(s))
}
