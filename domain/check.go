package domain

import (
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of texts, in characters.
const (
	maxText   = 200 // names, titles
	maxToken  = 40  // student numbers, codes, terms
	maxReason = 2_000
	maxEmail  = 254 // RFC 5321
)

// checkText bounds a text. What stands in it is the sender's business: a hostile name is
// kept as data and escaped by whoever shows it.
func checkText(field, value string, max int, required bool) error {
	switch {
	case required && strings.TrimSpace(value) == "":
		return InvalidField(field, "This must not be empty.")
	case !utf8.ValidString(value):
		return InvalidField(field, "This is not valid UTF-8.")
	case utf8.RuneCountInString(value) > max:
		return InvalidField(field, "At most %d characters.", max)
	}
	return nil
}

func checkReason(reason string, required bool) (string, error) {
	reason = strings.TrimSpace(reason)
	return reason, checkText("reason", reason, maxReason, required)
}

func (a Applicant) normalised() Applicant {
	for _, s := range []*string{&a.Name, &a.NIM, &a.Email, &a.Programme} {
		*s = strings.TrimSpace(*s)
	}
	return a
}

func (a Applicant) validate() error {
	for _, f := range []struct {
		field, value string
		max          int
	}{
		{"applicant.id", a.ID, maxText},
		{"applicant.name", a.Name, maxText},
		{"applicant.nim", a.NIM, maxToken},
		{"applicant.email", a.Email, maxEmail},
		{"applicant.programme", a.Programme, maxText},
	} {
		if err := checkText(f.field, f.value, f.max, true); err != nil {
			return err
		}
	}
	if strings.ContainsFunc(a.NIM, invisible) || !strings.ContainsFunc(a.NIM, alphanumeric) {
		return InvalidField("applicant.nim", "This is not a student number.")
	}
	address, err := mail.ParseAddress(a.Email)
	if err != nil || address.Address != a.Email || strings.ContainsFunc(a.Email, invisible) {
		return InvalidField("applicant.email", "This is not an e-mail address.")
	}
	return nil
}

// invisible finds control and format characters (bidi marks among them), which have no
// place in what is compared or sent to.
func invisible(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) }

func alphanumeric(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
