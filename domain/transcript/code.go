package transcript

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// What a document's codes have in common is sought among so many of their shapes and prefixes.
const (
	mostShapes   = 4
	mostPrefixes = 12
)

// maxCode is the length of a code, in letters and digits, up to which look-alikes are undone.
const maxCode = 24

// codebook is what the codes of a document have in common, over all looks at its pages: their
// shapes, and the letters they begin with. A university writes its codes in few of either.
type codebook struct {
	shapes   map[string]int // codes of a shape, see shapeOf
	usual    []string       // shapes of more than one code, the most frequent first
	prefixes map[string]int // codes that begin with these letters
	known    []string       // prefixes of more than one code, the most frequent first
	looks    map[string]int // looks that show a code
}

func codebookOf(looks ...[]Row) *codebook {
	b := &codebook{shapes: map[string]int{}, prefixes: map[string]int{}, looks: map[string]int{}}
	for _, rows := range looks {
		for code, n := range codesIn(rows) {
			b.shapes[shapeOf(code)] += n
			b.looks[code]++
		}
	}
	b.usual = frequent(b.shapes, mostShapes)
	b.usual = slices.DeleteFunc(b.usual, func(shape string) bool { return strings.Count(shape, "9") < 2 })
	for _, rows := range looks {
		for i := range rows {
			if c := rows[i].Code; c != nil {
				code, _ := b.byShape(c.Value)
				b.prefixes[codePrefix(code)]++
			}
		}
	}
	delete(b.prefixes, "")
	b.known = frequent(b.prefixes, mostPrefixes)
	return b
}

// frequent are the keys that count more than one, the most frequent first, so many at most.
func frequent(count map[string]int, most int) []string {
	keys := slices.SortedFunc(maps.Keys(count), func(a, b string) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b))
	})
	keys = keys[:min(len(keys), most)]
	return slices.DeleteFunc(keys, func(k string) bool { return count[k] < 2 })
}

// shapeOf writes a code's letters as A and its digits as 9.
func shapeOf(code string) string {
	n := []byte(NormaliseCode(code))
	for i, c := range n {
		if n[i] = 'A'; c <= '9' {
			n[i] = '9'
		}
	}
	return string(n)
}

// plain reports whether a shape is one of a few letters and then digits, as most codes are.
func plain(shape string) bool {
	letters := strings.Count(shape, "A")
	return letters > 0 && letters <= 4 && strings.HasSuffix(shape, "999") && !strings.Contains(shape, "9A")
}

func codePrefix(code string) string {
	n := NormaliseCode(code)
	return n[:len(n)-len(strings.TrimLeft(n, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))]
}

// mend undoes look-alikes in the recognised codes of one look: first digits and letters by a usual
// shape, then letters by a known prefix, then digits by the codes above and below.
func (b *codebook) mend(rows []Row) {
	for i := range rows {
		c := rows[i].Code
		if c == nil || c.Source != Pixels {
			continue
		}
		code, rest := b.byShape(c.Value)
		c.mend(code)
		if rest != "" && rows[i].Name == nil {
			rows[i].Name = &Field[string]{Value: rest, Confidence: c.Confidence, Source: c.Source, Page: c.Page, Box: c.Box}
		}
	}
	taken := codesIn(rows)
	for i := range rows {
		c := rows[i].Code
		if c == nil || c.Source != Pixels {
			continue
		}
		if m := b.byPrefix(c); m != "" && taken[NormaliseCode(m)] == 0 {
			c.mend(m)
		}
	}
	b.mendSequence(rows)
}

// mend puts a mended code in place of what was recognised.
func (f *Field[T]) mend(v T) {
	s, text := any(f.Value).(string)
	if text && s == any(v).(string) {
		return
	}
	if text && f.Text == "" {
		f.Text = s
	}
	f.Value = v
	f.Confidence *= 0.8
}

// byShape gives a code a usual shape, if it can be that misread, and what was read together with it.
func (b *codebook) byShape(text string) (code, rest string) {
	own := shapeOf(text)
	if len(own) > maxCode {
		return text, ""
	}
	for _, shape := range b.usual {
		if shape == own || !b.goesBefore(shape, own) {
			continue
		}
		m, ok := mendByPattern(text, shape)
		// Digits within the letters are letters, but a letter within the digits may be one.
		if ok && (b.shapes[shape] > b.shapes[own] || !strings.Contains(own, "9A") || digitsBehind(m) == digitsBehind(text)) && (b.known == nil || b.isKnown(m) || differing(m, text) <= 2) {
			return m, ""
		}
	}
	for _, shape := range b.usual {
		if b.shapes[shape] < 4*b.shapes[own] && slices.Contains(b.usual, own) {
			break
		}
		if m, ok := b.withoutOne(text, shape); ok {
			return m, ""
		}
		if m, rest, ok := cutCode(text, shape); ok {
			return m, rest
		}
	}
	return text, ""
}

// goesBefore reports whether a code of a usual shape is likelier than one of its own: more of them
// are there, where plain ones count twice and are not taken for others.
func (b *codebook) goesBefore(usual, own string) bool {
	if plain(own) {
		return plain(usual) && b.shapes[usual] > b.shapes[own]
	}
	return b.shapes[usual] > b.shapes[own] || plain(usual) && 2*b.shapes[usual] > b.shapes[own]
}

func (b *codebook) isKnown(code string) bool { return slices.Contains(b.known, codePrefix(code)) }

// fits reports whether a code looks like the others of the document.
func (b *codebook) fits(code string) bool {
	return slices.Contains(b.usual, shapeOf(code)) && (b.isKnown(code) || codePrefix(code) == "")
}

// digitsBehind is the number that a code ends with.
func digitsBehind(code string) string {
	n := NormaliseCode(code)
	return n[len(strings.TrimRight(n, "0123456789")):]
}

// differing counts the signs in which two texts of one length differ.
func differing(a, b string) int {
	n := 0
	for i := range min(len(a), len(b)) {
		if a[i]&^0x20 != b[i]&^0x20 {
			n++
		}
	}
	return n
}

// cutCode takes from a recognised code what was read together with it: a sign of a rule or
// of the row's number before it, or the course's name behind it.
func cutCode(text, shape string) (code, rest string, ok bool) {
	n := NormaliseCode(text)
	switch {
	case len(n) == len(shape)+1 && shapeOf(n[1:]) == shape:
		return strings.TrimLeft(strings.TrimSpace(text[strings.IndexByte(strings.ToUpper(text), n[0])+1:]), "-. "), "", true
	case len(n) == len(shape)+1 && shapeOf(n[:len(shape)]) == shape && n[len(shape)] > '9':
		return strings.TrimRight(text[:strings.LastIndexByte(strings.ToUpper(text), n[len(shape)])], "-. "), "", true
	case len(n) > len(shape)+3 && len(n) == len(text) && shapeOf(n[:len(shape)]) == shape && shape[len(shape)-1] == '9' && n[len(shape)] > '9':
		return text[:len(shape)], text[len(shape):], true
	}
	return "", "", false
}

// withoutOne drops the one sign without which the text is a code of the shape with a known prefix.
func (b *codebook) withoutOne(text, shape string) (string, bool) {
	n := NormaliseCode(text)
	if len(n) != len(shape)+1 {
		return "", false
	}
	found := ""
	for i := range n {
		m, ok := mendByPattern(n[:i]+n[i+1:], shape)
		if !ok || !b.isKnown(m) || m == found {
			continue
		}
		if found != "" {
			return "", false
		}
		found = m
	}
	return found, found != ""
}

// byPrefix is the code with the likeliest of the known prefixes that its own may be misread from, ""
// where there is none.
func (b *codebook) byPrefix(c *Field[string]) string {
	own, shape := codePrefix(c.Value), shapeOf(c.Value)
	if own == "" || !strings.HasPrefix(strings.ToUpper(c.Value), own) {
		return ""
	}
	legible := b.looks[NormaliseCode(c.Value)] > 1 || c.Text == "" && c.Confidence >= plainReading
	for _, p := range b.known {
		if p == own || !b.misread(own, p, legible) {
			continue
		}
		if slices.Contains(b.usual, strings.Repeat("A", len(p))+shape[len(own):]) {
			return p + c.Value[len(own):]
		}
	}
	return ""
}

// misread reports whether own may be the prefix p misread: by one twin letter, by strokes that ran
// together or apart (MI, MU or MIN for MII), or, of a long one that is not legible, by any letter.
func (b *codebook) misread(own, p string, legible bool) bool {
	often, rarely := b.prefixes[p], b.prefixes[own]
	switch {
	case len(own) == len(p) && twins1(own, p) && (often >= 3*rarely || often >= rarely && strings.ContainsAny(own, "VW")):
		return true
	case strokes(own) == strokes(p) && len(own) < len(p) && (own[0] == p[0] || often >= 3*rarely):
		return true
	case legible:
		return false
	case strokes(own) == strokes(p) && len(own) == len(p) && len(own) > 2 && often >= rarely && (own[0] == p[0] || often >= 3*rarely):
		return true
	}
	return len(p) >= 4 && often >= 5*rarely && editDistance(own, p, 2) < 2
}

// twins are letters that a recogniser takes for one another. Letters that merely look
// akin (E and F) are not here: EE and EF may both be departments.
var twins = []string{"UVW", "IL", "OQ"}

func twin(a, b byte) bool {
	return slices.ContainsFunc(twins, func(s string) bool { return strings.IndexByte(s, a) >= 0 && strings.IndexByte(s, b) >= 0 })
}

// twins1 reports whether the words differ in exactly one place, by twin letters.
func twins1(a, b string) bool {
	differ := 0
	for i := range len(a) {
		if a[i] == b[i] {
			continue
		}
		if !twin(a[i], b[i]) {
			return false
		}
		differ++
	}
	return differ == 1
}

// strokes folds runs of letters that are made of upright strokes into one.
func strokes(prefix string) string {
	var out []byte
	for i := range len(prefix) {
		b := prefix[i]
		if strings.IndexByte("ILUHNM", b) >= 0 {
			b = 'I'
			if n := len(out); n > 0 && out[n-1] == 'I' {
				continue
			}
		}
		out = append(out, b)
	}
	return string(out)
}

// mendSequence reads a code that does not look like the others, or that a row with another name has,
// as the one that is due between its neighbours, if it is nearly that.
func (b *codebook) mendSequence(rows []Row) {
	names := map[string]*Field[string]{} // of the first row with a code
	double := map[string]bool{}          // codes that rows with unlike names have
	codes := make([]string, len(rows))
	for i := range rows {
		if rows[i].Code == nil {
			continue
		}
		codes[i] = NormaliseCode(rows[i].Code.Value)
		if first, taken := names[codes[i]]; !taken {
			names[codes[i]] = rows[i].Name
		} else if likeText(first, rows[i].Name, NormaliseCourse) < leastAlike {
			double[codes[i]] = true
		}
	}
	for i := range rows {
		c := rows[i].Code
		strange := !slices.Contains(b.usual, shapeOf(codes[i]))
		if c == nil || c.Source != Pixels || !strange && !double[codes[i]] {
			continue
		}
		var due []string
		if i > 0 && b.fits(codes[i-1]) {
			due = append(due, following(codes[i-1], 1))
		}
		if i+1 < len(rows) && b.fits(codes[i+1]) {
			due = append(due, following(codes[i+1], -1))
		}
		if slices.Contains(due, codes[i]) {
			continue
		}
		due = slices.DeleteFunc(due, func(d string) bool {
			_, taken := names[d]
			return taken || !b.fits(d)
		})
		reach := 1
		if strange {
			reach = len(codes[i]) / 3
		}
		if len(due) == 2 && due[0] != due[1] {
			slices.SortStableFunc(due, func(x, y string) int {
				return cmp.Compare(editDistance(codes[i], x, maxCaption), editDistance(codes[i], y, maxCaption))
			})
			if editDistance(codes[i], due[0], maxCaption) == editDistance(codes[i], due[1], maxCaption) {
				continue
			}
		}
		if len(due) > 0 && editDistance(codes[i], due[0], reach+1) <= reach {
			c.mend(due[0])
			codes[i] = due[0]
			names[due[0]] = rows[i].Name
		}
	}
}

// following is the code that many numbers further, "" where the number would have another length.
func following(code string, by int) string {
	digits := digitsBehind(code)
	digits = digits[max(0, len(digits)-9):]
	n, err := strconv.Atoi(digits)
	if err != nil {
		return ""
	}
	next := strconv.Itoa(n + by)
	if n+by < 0 || len(next) > len(digits) {
		return ""
	}
	return code[:len(code)-len(digits)] + strings.Repeat("0", len(digits)-len(next)) + next
}

// either is either for the codes of a row in two looks: that which looks like the others of the document
// goes first, unless the other look shows it in another row.
func (b *codebook) either(first, second *Field[string], inFirst, inSecond map[string]int) *Field[string] {
	if first == nil || second == nil || b.fits(first.Value) == b.fits(second.Value) {
		return either(first, second, NormaliseCode)
	}
	shown := inSecond
	if b.fits(second.Value) {
		first, second, shown = second, first, inFirst
	}
	if shown[NormaliseCode(first.Value)] > 0 {
		return either(first, second, NormaliseCode)
	}
	return first
}

// codesIn counts the codes of rows.
func codesIn(rows []Row) map[string]int {
	count := map[string]int{}
	for i := range rows {
		if c := rows[i].Code; c != nil {
			count[NormaliseCode(c.Value)]++
		}
	}
	return count
}
