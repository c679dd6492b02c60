package transcript

import (
	"regexp"
	"slices"
	"strings"
)

// fieldKind is what a caption beside or above a value announces.
type fieldKind int

const (
	unknownField fieldKind = iota
	nameField
	nimField
	facultyField
	programmeField
	universityField
	semesterField
	yearField
	ipsField
	ipkField
	averageField // "IP", "GPA" without saying of what
	totalSKSField
	sksField // "SKS" alone
	cumSKSField
	totalPointsField
	cumPointsField
	otherField // a caption that ends the value before it
)

// isSumLine reports whether a line begins like totals or averages below a table.
func isSumLine(ts []*token, h float64) bool {
	words := make([]string, 0, 3)
	for _, t := range ts {
		if t.fold == "" || t.type_ == typeInt || t.type_ == typeDecimal {
			if len(words) > 0 {
				break
			}
			continue
		}
		words = append(words, t.fold)
		if len(words) == 3 {
			break
		}
	}
	if len(words) == 0 {
		return false
	}
	switch words[0] {
	case "JUMIAH", "TOTAI", "JMI", "SUBTOTAI", "TOTAIS", "JUMIAHTOTAI":
		// A course may be called "Total ...": then letters follow that announce no sum.
		if len(words) == 1 {
			return true
		}
		k, ok := forms().fields.find(words[0]+words[1], false)
		if ok && isSumField(k) || slices.Contains([]string{"JUMIAH", "TOTAI", "KREDIT", "SKS", "NIIAI", "MUTU", "BOBOT", "CREDITS", "CREDIT", "POINTS"}, words[1]) {
			return true
		}
		return strings.HasPrefix(ts[0].fold, "JUMIAH")
	case "IP", "IPK", "IPS", "GPA", "CGPA", "NR":
		return true
	}
	for _, f := range forms().fields.match(ts[:min(len(ts), 5)], 1.3*h) {
		if isSumField(f.kind) && f.kind != sksField {
			return true
		}
	}
	return false
}

// namesField reports whether the captions on a line say what each number is, so that the
// columns above do not.
func namesField(l *line, h float64) bool {
	for _, f := range forms().fields.match(l.tokens, 1.3*h) {
		if isSumField(f.kind) && f.kind != sksField {
			return true
		}
	}
	return false
}

func isSumField(k fieldKind) bool {
	return k >= ipsField && k <= cumPointsField
}

// sighting is one caption with its value, somewhere in the document.
type sighting struct {
	kind      fieldKind
	value     Decimal
	field     *Field[Decimal]
	qualified bool // words stand between caption and value ("Total SKS Persiapan")
}

// maxSightings is far more than a page of many short terms holds.
const maxSightings = 500

var averagePattern = regexp.MustCompile(`^[0-4][.,]\d{1,4}$`)

// printsAverage reports whether a word, but for marks around it, is a grade point average.
func printsAverage(text string) bool {
	return averagePattern.MatchString(strings.Trim(text, ".,:;=()[]|'"))
}

// blank is a caption with which no number was read.
type blank struct {
	kind  fieldKind
	trace Trace
}

// sightingsOf finds the totals and averages on a sheet, and the captions that announce one
// where none was read.
func sightingsOf(s *sheet) (out []sighting, blanks []blank) {
	for i := range s.lines {
		if len(out) >= maxSightings {
			break
		}
		ts := s.lines[i].tokens
		marks := forms().fields.match(ts, s.gap)
		for m, f := range marks {
			if len(marks) > maxSightings || !isSumField(f.kind) || f.kind == sksField {
				continue
			}
			end := len(ts)
			if m+1 < len(marks) && marks[m+1].kind != sksField {
				end = marks[m+1].from
			} else if m+2 < len(marks) {
				end = marks[m+2].from
			}
			if sg, ok := valueRight(f.kind, ts[f.to:end]); ok {
				out = append(out, sg...)
				continue
			}
			if m+1 < len(marks) && marks[m+1].kind == f.kind && marks[m+1].from == f.to || s.isHeading(i) {
				continue
			}
			if sg, ok := valueNear(s, f.kind, ts[f.from:f.to]); ok {
				out = append(out, sg)
			} else if announces(ts, f.to) {
				box := boxOf(ts[f.from:f.to])
				blanks = append(blanks, blank{f.kind, Trace{Kind: MissingValue, Page: s.info.Number, Box: box, Text: joinTokens(ts[f.from:f.to])}})
			}
		}
	}
	return out, blanks
}

// announces reports whether a value is due behind a caption: it ends in a colon, or its line
// ends there.
func announces(ts []*token, to int) bool {
	return to == len(ts) || strings.HasSuffix(ts[to-1].Text, ":") || strings.HasPrefix(ts[to].Text, ":")
}

// valueRight reads what stands on the same line behind a caption.
func valueRight(kind fieldKind, ts []*token) ([]sighting, bool) {
	var out []sighting
	between := 0
	average := kind == ipsField || kind == ipkField || kind == averageField
	for i, t := range ts {
		text := strings.Trim(t.Text, ":;=()[]|")
		if text == "" {
			continue
		}
		d, ok := parseNumber(text)
		if !ok && t.Source == Pixels && between == 0 && len(text) <= 5 && strings.ContainsAny(text, "0123456789") {
			d, ok = mendNumber(text)
		}
		switch {
		case ok && average && printsAverage(text):
			if i+1 < len(ts) && isRange(ts[i+1:]) {
				return nil, false
			}
			return append(out, sighting{kind, d, fieldOf(d, t.Text, ts[i:i+1]), between > 0}), true
		case ok && average && t.Source == Pixels && len(text) == 3 && !strings.HasPrefix(t.Text, "(") && !(i+1 < len(ts) && ts[i+1].fold == "SKS") && d >= DecimalOf(100) && d <= DecimalOf(400):
			d /= 100
			f := fieldOf(d, t.Text, ts[i:i+1])
			f.Confidence *= 0.5
			return append(out, sighting{kind, d, f, between > 0}), true
		case ok && average && t.Source == Pixels && len(text) == 5 && text[0] == '1' && averagePattern.MatchString(text[1:]):
			// A colon, read as a digit.
			d -= DecimalOf(10)
			f := fieldOf(d, t.Text, ts[i:i+1])
			f.Confidence *= 0.5
			return append(out, sighting{kind, d, f, between > 0}), true
		case ok && average:
			// "IPK (74 SKS)": the credits that the average is over.
			if kind == ipkField && i+1 < len(ts) && ts[i+1].fold == "SKS" {
				out = append(out, sighting{cumSKSField, d, fieldOf(d, t.Text, ts[i:i+1]), false})
			}
		case ok && t.Source == Pixels && d == DecimalOf(1) && i+1 < len(ts) && ts[i+1].type_ == typeInt && ts[i+1].x0-t.x1 < t.y1-t.y0:
			// A colon, read as a digit.
		case ok && d <= DecimalOf(4000):
			return []sighting{{kind, d, fieldOf(d, t.Text, ts[i:i+1]), between > 0}}, true
		case typeOf(text) == typeText && foldCaption(text) != "" && foldCaption(text) != "SKS":
			between++
			if between > 4 {
				return nil, false
			}
		}
	}
	return nil, false
}

// isRange reports whether a number goes on as "- 4,00": a legend of predicates.
func isRange(ts []*token) bool {
	if len(ts) < 2 {
		return false
	}
	sign := NormaliseGrade(ts[0].Text)
	_, number := parseNumber(ts[1].Text)
	return number && (sign == "-" || ts[0].fold == "SD" || ts[0].fold == "TO" || ts[0].fold == "SAMPAI")
}

// valueNear reads what stands right below or above a caption, as on the tiles of a portal.
func valueNear(s *sheet, kind fieldKind, caption []*token) (sighting, bool) {
	x0, x1 := caption[0].x0, caption[len(caption)-1].x1
	y0, y1 := caption[0].y0, caption[0].y1
	var best *token
	var value Decimal
	distance := 4.5 * s.h
	average := kind == ipsField || kind == ipkField || kind == averageField
	for _, t := range s.tokens {
		if min(t.x1, x1)-max(t.x0, x0) < -0.5*s.h {
			continue
		}
		gap := t.y0 - y1
		if t.yc() < (y0+y1)/2 {
			gap = (y0 - t.y1) + 0.5*s.h
		}
		if gap <= -0.5*s.h || gap >= distance {
			continue
		}
		d, ok := parseNumber(t.Text)
		if !ok || average && !printsAverage(t.Text) || !average && d > DecimalOf(400) {
			continue
		}
		best, value, distance = t, d, gap
	}
	if best == nil {
		return sighting{}, false
	}
	f := fieldOf(value, best.Text, []*token{best})
	f.Confidence *= 0.95
	return sighting{kind, value, f, false}, true
}
