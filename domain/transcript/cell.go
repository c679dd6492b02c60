package transcript

import (
	"regexp"
	"strings"
)

// cellType is what a word looks like by itself.
type cellType int

const (
	typeText cellType = iota
	typeInt
	typeDecimal
	typeGrade
	typeCode
	typeHistory
)

var (
	intPattern     = regexp.MustCompile(`^\d{1,3}\.?$`)
	decimalPattern = regexp.MustCompile(`^\d{1,3}[.,]\d{1,4}$`)
	// The halves of a code with a space: a department in capitals and its number.
	departmentPattern = regexp.MustCompile(`^[A-Z]{2,5}$`)
	courseNoPattern   = regexp.MustCompile(`^\d{3,6}[A-Z]?$`)

	historyPattern = regexp.MustCompile(`(?i)^(19|20)\d\d/\S+/\S+$`)
	codePattern    = regexp.MustCompile(`^[A-Z]{1,6}[-. /]?\d[A-Z0-9]*([-./]?[A-Z0-9]+)*$|^\d{2,6}[A-Z]{1,6}[-./]?\d*[A-Z]?$|^\d[A-Z]{2,6}[-./]?\d{2,6}[A-Z]?$|^\d{5,12}$|^[A-Z]{2,6}(-[A-Z0-9]+)+$`)
)

func typeOf(text string) cellType {
	s := strings.Trim(text, "|[]")
	switch {
	case knownGrade(s):
		return typeGrade
	case intPattern.MatchString(s):
		return typeInt
	case decimalPattern.MatchString(s):
		return typeDecimal
	case historyPattern.MatchString(s):
		return typeHistory
	case len(s) >= 4 && strings.ContainsAny(s, "0123456789") && codePattern.MatchString(strings.ToUpper(s)):
		return typeCode
	}
	return typeText
}

func knownGrade(s string) bool {
	pending, ok := known().letters[NormaliseGrade(s)]
	return ok && !pending
}

func pendingGrade(s string) bool { return known().letters[NormaliseGrade(s)] }

// mended is a grade cell made out of what a recogniser saw. Sure is false where another
// grade would look nearly the same.
type mended struct {
	grade string
	sure  bool
}

var gradeLookAlikes = strings.NewReplacer("8", "B", "4", "A", "€", "C", "(", "C", "|", "/", "\\", "/", "!", "/", "&", "B", "¢", "C", "Ä", "A", "À", "A", "Å", "A", "Â", "A", "Á", "A", "Ã", "A", "©", "C")

var slashGrade = regexp.MustCompile(`^([ABCD])[/I1L7]([ABCDE])$`)
var signGrade = regexp.MustCompile(`^([ABCD])([TF*¥4#£XH]|ET)$`)
var minusGrade = regexp.MustCompile(`^([ABCD])([_~=E.:»>,'"]|—|--)$`)

// mendGrade reads a grade cell that is not a letter of any scale as it stands.
func mendGrade(text string) (mended, bool) {
	s := NormaliseGrade(strings.Trim(text, "|[](){}"))
	if knownGrade(s) || pendingGrade(s) {
		return mended{s, true}, true
	}
	if t := strings.TrimRight(s, ".,:;'\""); t != s && len(t) > 1 && knownGrade(t) {
		return mended{t, true}, true // behind a sign no other follows: dirt
	}
	u := strings.ToUpper(gradeLookAlikes.Replace(s))
	if m := slashGrade.FindStringSubmatch(u); m != nil && knownGrade(m[1]+"/"+m[2]) {
		return mended{m[1] + "/" + m[2], true}, true
	}
	if knownGrade(u) {
		return mended{u, false}, true
	}
	if m := signGrade.FindStringSubmatch(strings.ToUpper(s)); m != nil && knownGrade(m[1]+"+") {
		return mended{m[1] + "+", false}, true
	}
	if m := minusGrade.FindStringSubmatch(u); m != nil && knownGrade(m[1]+"-") {
		return mended{m[1] + "-", false}, true
	}
	return mended{}, false
}

// parseNumber reads a number in a cell, with the signs around it that rules and
// recognisers leave.
func parseNumber(text string) (Decimal, bool) {
	s := strings.Trim(text, "|[](){}:;=*_ ")
	s = strings.TrimRight(strings.TrimLeft(s, ".,-"), ".,")
	if s == "" || s[0] < '0' || s[0] > '9' {
		return 0, false
	}
	d, err := ParseDecimal(s)
	return d, err == nil && d >= 0
}

var digitLookAlikes = strings.NewReplacer("O", "0", "o", "0", "I", "1", "l", "1", "|", "1", "i", "1", "S", "5", "s", "5", "B", "8", "Z", "2", "z", "2", "?", "7", "q", "9", "g", "9", "b", "6", "G", "6", "A", "4")

// mendNumber is parseNumber after undoing the usual misreadings of digits.
func mendNumber(text string) (Decimal, bool) {
	if d, ok := parseNumber(text); ok {
		return d, true
	}
	return parseNumber(digitLookAlikes.Replace(text))
}

// digitAmong finds the one digit of a short word whose other signs are none ("C2", "3.|").
func digitAmong(text string) (Decimal, bool) {
	digit, n := rune(0), 0
	for _, r := range text {
		if r >= '0' && r <= '9' {
			digit = r
			n++
		}
	}
	if n != 1 || len([]rune(text)) > 3 {
		return 0, false
	}
	return DecimalOf(int(digit - '0')), true
}
