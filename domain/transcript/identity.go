package transcript

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// valueOf returns the words that a caption announces: to its right up to a wide gap or the
// next caption, else right below it.
func valueOf(s *sheet, l *line, from, to int) []*token {
	var out []*token
	ts := l.tokens
	last := ts[to-1].x1
	colon := strings.HasSuffix(ts[to-1].Text, ":")
	for i := to; i < len(ts); i++ {
		t := ts[i]
		text := strings.Trim(t.Text, ":;|")
		if text == "" || text == "=" {
			if len(out) > 0 {
				break
			}
			colon = colon || strings.ContainsAny(t.Text, ":;=")
			last = t.x1
			continue
		}
		if len(out) > 0 && t.x0-last > 1.8*s.h {
			break
		}
		if len(out) == 0 && !colon && !strings.HasPrefix(t.Text, ":") && t.x0-last > 28*s.h {
			break
		}
		if (i > to || !colon) && captionStarts(s, ts, i, last) {
			break
		}
		out = append(out, t)
		last = t.x1
	}
	if len(out) > 0 {
		return out
	}
	return valueBelow(s, l, ts[from:to])
}

// captionStarts reports whether token i opens another caption rather than going on with a
// value: a known caption behind a gap, or one closed by a colon.
func captionStarts(s *sheet, ts []*token, i int, last float64) bool {
	for _, f := range forms().fields.match(ts[i:min(len(ts), i+6)], s.gap) {
		if f.from != 0 {
			break
		}
		next := i + f.to
		closed := strings.HasSuffix(ts[next-1].Text, ":") || next < len(ts) && strings.HasPrefix(ts[next].Text, ":")
		if closed || ts[i].x0-last > 1.2*s.h {
			return true
		}
	}
	return false
}

func valueBelow(s *sheet, l *line, caption []*token) []*token {
	x0 := caption[0].x0
	for i := range s.lines {
		b := &s.lines[i]
		if b.yc <= l.yc+0.5*s.h {
			continue
		}
		if b.yc > l.yc+3.2*s.h {
			return nil
		}
		var out []*token
		for _, t := range b.tokens {
			if len(out) == 0 && (t.x0 < x0-1.5*s.h || t.x0 > x0+3*s.h) {
				continue
			}
			if len(out) > 0 && t.x0-out[len(out)-1].x1 > 1.8*s.h {
				break
			}
			out = append(out, t)
		}
		if len(out) > 0 {
			if len(forms().fields.match(out[:1], s.h)) > 0 {
				return nil
			}
			return out
		}
	}
	return nil
}

// readIdentity fills the reading's fields about person, place and term from one sheet.
// A field that is set already stays: the first page's heading counts.
func readIdentity(r *Reading, s *sheet, tableTop float64) {
	for i := range s.lines {
		l := &s.lines[i]
		if len(l.tokens) > 200 {
			continue
		}
		for _, f := range forms().pairs.match(l.tokens, 1.5*s.h) {
			name, nim := splitPair(valueOf(s, l, f.from, f.to))
			setName(r, name)
			setNIM(r, nim)
		}
		for _, f := range forms().fields.match(l.tokens, s.gap) {
			if l.yc > tableTop && f.kind != nameField && f.kind != nimField {
				continue
			}
			switch f.kind {
			case nameField:
				if r.Name == nil && !inPair(l, f, s) {
					setName(r, valueOf(s, l, f.from, f.to))
				}
			case nimField:
				if r.NIM == nil && !inPair(l, f, s) {
					setNIM(r, valueOf(s, l, f.from, f.to))
				}
			case facultyField:
				if apart(s, l, f.to) {
					setText(&r.Faculty, valueOf(s, l, f.from, f.to))
				}
			case programmeField:
				if apart(s, l, f.to) {
					setText(&r.Programme, valueOf(s, l, f.from, f.to))
				}
			case semesterField:
				if apart(s, l, f.to) || !yearPattern.MatchString(l.text()) {
					setSemester(r, valueOf(s, l, f.from, f.to))
				}
			}
		}
		if l.yc <= tableTop {
			readHeading(r, s, l)
		}
	}
}

// datePattern begins as a day does, which may have as many digits as a student number.
var datePattern = regexp.MustCompile(`^\d{1,2}[-./]\d{1,2}[-./]\d{2}`)

// guessed is how sure a value at most is whose caption was not read: too little for a rejection.
const guessed = 0.7

// guessIdentity finds number and name above the tables where their captions were not legible:
// the one word that has the form of a student number, and the letters right above it or below.
func guessIdentity(r *Reading, s *sheet, tableTop float64) {
	if r.NIM != nil && r.Name != nil {
		return
	}
	var numbers []*token
	at := -1 // line of the number
	for i := range s.lines {
		if l := &s.lines[i]; l.yc < tableTop {
			for _, t := range l.tokens {
				if text := strings.Trim(t.Text, ":"); LooksLikeNIM(text) && fitsForm(text, r.university()) && !datePattern.MatchString(text) && (r.NIM == nil || text == r.NIM.Value) {
					numbers, at = append(numbers, t), i
				}
			}
		}
	}
	if len(numbers) != 1 {
		return
	}
	number := numbers[0]
	if r.NIM == nil {
		if setNIM(r, numbers); r.NIM != nil {
			r.NIM.Confidence = min(r.NIM.Confidence, guessed)
		}
	}
	for _, i := range []int{at - 1, at + 1} {
		if r.Name != nil || i < 0 || i >= len(s.lines) || math.Abs(s.lines[i].yc-number.yc()) > 3*s.h {
			continue
		}
		for _, seg := range segments(&s.lines[i], 1.5*s.h) {
			if math.Abs(seg[0].x0-number.x0) < s.h && len(forms().fields.match(seg, s.gap)) == 0 && !strings.ContainsAny(joinTokens(seg), "0123456789") {
				if setName(r, seg); r.Name != nil {
					r.Name.Confidence = min(r.Name.Confidence, guessed)
				}
			}
		}
	}
}

// apart reports whether a colon or a gap stands behind a caption that ends before token
// to. Otherwise it is part of a phrase ("Fakultas Teknik", "Semester 2 Tahun ...").
func apart(s *sheet, l *line, to int) bool {
	if to >= len(l.tokens) {
		return true
	}
	return strings.HasSuffix(l.tokens[to-1].Text, ":") || strings.HasPrefix(l.tokens[to].Text, ":") || l.tokens[to].x0-l.tokens[to-1].x1 > 1.5*s.h
}

// inPair reports whether the caption belongs to a pair caption on the line.
func inPair(l *line, f found[fieldKind], s *sheet) bool {
	for _, p := range forms().pairs.match(l.tokens, 1.5*s.h) {
		if f.from >= p.from && f.to <= p.to {
			return true
		}
	}
	return false
}

// nimAndI is a number with the "I" of a Balinese name that a recogniser drew to it.
var nimAndI = regexp.MustCompile(`^(.+)/[1Il!|]$`)

// splitPair tells number and name apart in "21/482851/SV/20006 / Nama Lengkap".
func splitPair(ts []*token) (name, nim []*token) {
	for i, t := range ts {
		text := strings.Trim(t.Text, ":/-(),")
		m := nimAndI.FindStringSubmatch(text)
		switch {
		case text == "":
		case nim == nil && m != nil && t.Source == Pixels && LooksLikeNIM(m[1]) && i+1 < len(ts) && balinese(ts[i+1].Text):
			number, initial := *t, *t
			number.Text, initial.Text = m[1], "I"
			name, nim = append(name, &initial), append(nim, &number)
		case nim == nil && LooksLikeNIM(text):
			nim = append(nim, t)
		default:
			name = append(name, t)
		}
	}
	return name, nim
}

func setName(r *Reading, ts []*token) {
	if r.Name != nil || len(ts) == 0 {
		return
	}
	var kept []*token
	var parts []string
	for i, t := range ts {
		text := t.Text
		if t.Source == Pixels {
			text = mendName(strings.Trim(text, ":;|=_()[]{}/\\,~*"), i+1 < len(ts) && balinese(ts[i+1].Text))
			if !strings.ContainsFunc(text, unicode.IsLetter) || len(text) == 1 && text[0] >= 'a' {
				continue
			}
		} else if i == 0 {
			text = strings.TrimLeft(text, ":")
		}
		if text != "" {
			kept, parts = append(kept, t), append(parts, text)
		}
	}
	value := strings.Join(parts, " ")
	if len(NormaliseName(value)) < 2 || typeOf(value) == typeCode || LooksLikeNIM(value) {
		return
	}
	r.Name = fieldOf(value, "", kept)
}

func setNIM(r *Reading, ts []*token) {
	if r.NIM != nil || len(ts) == 0 {
		return
	}
	var kept []*token
	text := ""
	for _, t := range ts {
		part := strings.Trim(t.Text, ":;|=()[]{},~_*\"'")
		if text != "" && !strings.ContainsAny(part, "0123456789/") {
			break
		}
		if part == "" || part == "/" && text == "" {
			continue
		}
		kept, text = append(kept, t), text+part
	}
	text = strings.Trim(text, ".-/")
	if LooksLikeNIM(text) || len(mendNIM(text, "")) > 0 {
		r.NIM = fieldOf(text, "", kept)
	}
}

// mendName gives a recognised word of a name its capital I back. Before says that the next
// word is one that follows the Balinese "I".
func mendName(word string, before bool) string {
	if before && (word == "1" || word == "l" || word == "!") {
		return "I"
	}
	if len(word) > 2 && word[0] == '1' && balinese(word[1:]) {
		return "I " + word[1:]
	}
	if len(word) > 1 && word[0] == 'l' && word[1] >= 'a' && word[1] <= 'z' {
		return "I" + word[1:]
	}
	return word
}

// balinese reports whether a word is a birth-order or caste name that men write behind "I".
func balinese(word string) bool {
	switch strings.ToUpper(word) {
	case "WAYAN", "MADE", "GEDE", "KETUT", "NYOMAN", "KOMANG", "PUTU", "KADEK", "GUSTI", "DEWA", "NENGAH":
		return true
	}
	return false
}

// mendNumberOf undoes look-alikes in a recognised student number when it has none of the
// forms of the document's university and exactly one mended reading has.
func mendNumberOf(f *Field[string], university string) {
	if f == nil || f.Source != Pixels || fitsForm(f.Value, university) {
		return
	}
	if m := mendNIM(f.Value, university); len(m) == 1 {
		f.Text, f.Value = f.Value, m[0]
		f.Confidence *= 0.8
	}
}

func setText(field **Field[string], ts []*token) {
	if *field != nil || len(ts) == 0 {
		return
	}
	text := strings.TrimSpace(strings.Trim(joinTokens(ts), ":;|= "))
	if len(NormaliseName(text)) < 2 {
		return
	}
	*field = fieldOf(text, "", ts)
}

var romans = map[string]int{"I": 1, "II": 2, "III": 3, "IV": 4, "V": 5, "VI": 6, "VII": 7, "VIII": 8, "IX": 9, "X": 10, "XI": 11, "XII": 12, "XIII": 13, "XIV": 14}

func setSemester(r *Reading, ts []*token) {
	if r.Semester != nil || len(ts) == 0 {
		return
	}
	text := strings.ToUpper(strings.Trim(ts[0].Text, ":;|()., "))
	n, ok := romans[text]
	if !ok {
		v, err := strconv.Atoi(text)
		n, ok = v, err == nil && v >= 1 && v <= 14
	}
	if ok {
		r.Semester = fieldOf(n, text, ts[:1])
	}
}

var (
	yearPattern = regexp.MustCompile(`\b((?:19|20)\d\d)\s*[/-]\s*((?:19|20)\d\d)\b`)
	termPattern = regexp.MustCompile(`(?i)\b(gasal|ganjil|genap|pendek|antara|odd|even|short)\b`)
	termNumber  = regexp.MustCompile(`(?i)\b(?:semester|term)\s*:?\s*([1-3])\b`)
)

// readHeading reads university, faculty and term from a line above the table.
func readHeading(r *Reading, s *sheet, l *line) {
	for _, seg := range segments(l, 2.5*s.h) {
		text := joinTokens(seg)
		up := NormaliseName(text)
		first, _, _ := strings.Cut(up, " ")
		switch {
		case r.University == nil && (strings.HasPrefix(up, "UNIVERSITAS ") || strings.HasPrefix(up, "INSTITUT ") || strings.HasPrefix(up, "POLITEKNIK ") ||
			strings.HasPrefix(up, "SEKOLAH TINGGI ") || strings.HasPrefix(up, "STMIK ") || strings.HasPrefix(up, "AKADEMI ") || strings.HasSuffix(up, " UNIVERSITY") || strings.HasPrefix(up, "UNIVERSITY OF ")):
			r.University = fieldOf(text, "", seg)
		case r.Faculty == nil && !strings.Contains(text, ":") && (first == "FAKULTAS" || first == "FACULTY" || first == "SEKOLAH" || first == "SCHOOL"):
			r.Faculty = fieldOf(text, "", seg)
		}
		if m := yearPattern.FindStringSubmatch(text); m != nil {
			a, _ := strconv.Atoi(m[1])
			b, _ := strconv.Atoi(m[2])
			if b == a+1 && r.AcademicYear == nil {
				r.AcademicYear = fieldOf(m[1]+"/"+m[2], "", seg)
				label := termPattern.FindString(text)
				if label == "" {
					if n := termNumber.FindStringSubmatch(text); n != nil {
						label = map[string]string{"1": "Gasal", "2": "Genap", "3": "Pendek"}[n[1]]
					}
				}
				if label != "" {
					label = strings.ToUpper(label[:1]) + strings.ToLower(label[1:])
					r.SemesterLabel = fieldOf(label+" "+m[1]+"/"+m[2], text, seg)
				}
			}
		}
	}
}

// segments splits a line at wide gaps.
func segments(l *line, gap float64) [][]*token {
	var out [][]*token
	start := 0
	for i := 1; i <= len(l.tokens); i++ {
		if i == len(l.tokens) || l.tokens[i].x0-l.tokens[i-1].x1 > gap {
			out = append(out, l.tokens[start:i])
			start = i
		}
	}
	return out
}
