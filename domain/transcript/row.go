package transcript

import (
	"regexp"
	"slices"
	"strings"
)

// maxSKS is the largest number of credits that one course has.
const maxSKS = 40

// row makes the values of a draft. Cells that cannot be read stay nil; a grade cell that
// holds nothing legible has the value "".
func (d *draft) row(bilingual bool) Row {
	d.partMerged()
	r := Row{Page: 0, Box: boxOf(d.tokens())}
	if all := d.tokens(); len(all) > 0 {
		r.Page = all[0].page
	}
	r.Code = d.code()
	r.Name = d.name(bilingual)
	r.SKS = d.credits()
	r.Grade = d.grade()
	r.History = historyOf(d.cells[historyColumn])
	r.Weight = d.number(weightColumn)
	r.Points = d.number(pointsColumn)
	if ts := d.cells[semesterColumn]; len(ts) > 0 {
		one := Reading{}
		setSemester(&one, ts)
		r.Semester = one.Semester
	}
	return r
}

// mergedCells is a number of credits and a grade that a recogniser read as one word ("3A-").
var mergedCells = regexp.MustCompile(`^([1-9])[|\[\]]?([A-E][-+]?|[A-D]/?[B-E])$`)

// partMerged gives each cell its part of a word that lies over two.
func (d *draft) partMerged() {
	sks, grade := d.cells[sksColumn], d.cells[gradeColumn]
	var word *token
	switch {
	case len(sks) == 1 && len(grade) == 0:
		word = sks[0]
	case len(grade) == 1 && len(sks) == 0:
		word = grade[0]
	default:
		return
	}
	m := mergedCells.FindStringSubmatch(word.Text)
	if m == nil || word.Source != Pixels {
		return
	}
	left, right := *word, *word
	middle := word.x0 + (word.x1-word.x0)/2
	left.Text, left.x1, left.Box.X1 = m[1], middle, (word.Box.X0+word.Box.X1)/2
	right.Text, right.x0, right.Box.X0 = m[2], middle, left.Box.X1
	left.type_, right.type_ = typeOf(m[1]), typeOf(m[2])
	d.cells[sksColumn], d.cells[gradeColumn] = []*token{&left}, []*token{&right}
}

func (d *draft) code() *Field[string] {
	ts := withoutIndex(d.cells[codeColumn])
	var kept []*token
	text := ""
	for _, t := range ts {
		part := strings.Trim(t.Text, "|[](){}:;,._")
		if t.Source == Pixels {
			part = strings.ReplaceAll(part, "€", "E") // no code has it
		}
		if NormaliseCode(part) == "" {
			continue
		}
		if text != "" && len(part) > 2 && len(text) > 4 && !strings.ContainsAny(part, "0123456789") {
			continue
		}
		if t.Source == Pixels && len(part) == 1 && strings.Contains("IiLlJjFfTt", part) && strings.HasSuffix(shapeOf(text), "999") {
			continue // a rule
		}
		kept, text = append(kept, t), strings.TrimSpace(text+" "+part)
	}
	if len(NormaliseCode(text)) < 2 {
		return nil
	}
	return fieldOf(text, "", kept)
}

// withoutIndex drops the row's number where the caption of its column was lost.
func withoutIndex(ts []*token) []*token {
	if len(ts) > 1 && ts[0].type_ == typeInt && ts[1].type_ != typeInt && ts[1].x0-ts[0].x1 > 0.8*(ts[0].y1-ts[0].y0) {
		return ts[1:]
	}
	return ts
}

func (d *draft) name(bilingual bool) *Field[string] {
	ts := withoutIndex(d.cells[nameColumn])
	if len(ts) == 0 {
		return nil
	}
	if len(ts) > 1 && isStroke(ts[0]) {
		ts = ts[1:] // a rule: no course's name begins with one
	}
	if bilingual {
		ts = firstHalf(ts)
	}
	var kept []*token
	var parts []string
	for _, t := range ts {
		if part := strings.Trim(t.Text, "|[]{}_~="); part != "" && (t.Source != Pixels || NormaliseCourse(part) != "") {
			kept, parts = append(kept, t), append(parts, part)
		}
	}
	text := strings.Join(parts, " ")
	if len(NormaliseName(text)) < 2 {
		return nil
	}
	return fieldOf(text, "", kept)
}

// firstHalf keeps the upper half of an even number of lines.
func firstHalf(ts []*token) []*token {
	lines := 1
	var starts []int
	for i := 1; i < len(ts); i++ {
		if ts[i].x0 < ts[i-1].x0 {
			lines++
			starts = append(starts, i)
		}
	}
	if lines%2 != 0 {
		return ts
	}
	return ts[:starts[lines/2-1]]
}

func (d *draft) credits() *Field[Decimal] {
	for _, read := range []func(string) (Decimal, bool){parseNumber, mendNumber, digitAmong} {
		for _, t := range d.cells[sksColumn] {
			v, ok := read(t.Text)
			if _, whole := v.Whole(); !ok || v > DecimalOf(maxSKS) || !whole && v > DecimalOf(4) {
				continue
			}
			if _, clean := parseNumber(t.Text); clean {
				return fieldOf(v, "", []*token{t})
			}
			if t.Source == Pixels {
				f := fieldOf(v, t.Text, []*token{t})
				f.Confidence *= 0.6
				return f
			}
		}
	}
	return nil
}

func (d *draft) number(k columnKind) *Field[Decimal] {
	for _, t := range d.cells[k] {
		v, ok := parseNumber(t.Text)
		if ok {
			return fieldOf(v, t.Text, []*token{t})
		}
	}
	ts := d.cells[k]
	if len(ts) == 0 || ts[0].Source != Pixels {
		return nil
	}
	if v, ok := mendNumber(strings.ReplaceAll(joinTokens(ts), " ", "")); ok {
		f := fieldOf(v, joinTokens(ts), ts)
		f.Confidence *= 0.5
		return f
	}
	return nil
}

func (d *draft) grade() *Field[string] {
	ts := d.cells[gradeColumn]
	if len(ts) == 0 {
		if d.empty == nil {
			return nil
		}
		all := d.tokens()
		f := fieldOf("", "", all)
		f.Box, f.Confidence = *d.empty, min(f.Confidence, 0.5)
		return f
	}
	joined := strings.ReplaceAll(joinTokens(ts), " ", "")
	apart := slices.IndexFunc(ts, func(t *token) bool { return t.type_ == typeGrade })
	if m, ok := mendGrade(joined); ok && (len(ts) == 1 || apart < 0 || knownGrade(joined)) {
		return mendedGrade(m, joined, ts)
	} else if ok {
		// A letter and a mark apart from it: a sign or dirt.
		f := mendedGrade(mended{NormaliseGrade(ts[apart].Text), false}, joinTokens(ts), ts)
		f.Text = joinTokens(ts)
		return f
	}
	for i := range ts {
		if m, ok := mendGrade(ts[i].Text); ok {
			f := mendedGrade(m, joined, ts[i:i+1])
			f.Confidence *= 0.7
			return f
		}
	}
	f := fieldOf("", joined, ts)
	f.Confidence = min(f.Confidence, 0.3)
	return f
}

func mendedGrade(m mended, text string, ts []*token) *Field[string] {
	f := fieldOf(m.grade, "", ts)
	if NormaliseGrade(text) != m.grade {
		f.Text = text
		f.Confidence = min(f.Confidence, 0.7)
	}
	if !m.sure {
		f.Confidence = min(f.Confidence, 0.4)
	}
	return f
}

// complete reports whether the row says which course, how many credits, and which grade.
func (r *Row) complete() bool {
	return (r.Code != nil || r.Name != nil) && r.SKS != nil && r.Grade != nil && r.Grade.Value != ""
}

// draftOf reads a course from a line alone, for tables whose heading was not found:
// [number] [code] name, then credits, grade and numbers in any order.
func draftOf(l *line) (draft, bool) {
	ts := slices.DeleteFunc(slices.Clone(l.tokens), func(t *token) bool {
		return strings.Trim(t.Text, "|[](){}_—-=~.,:;'\"") == "" && !pendingGrade(t.Text)
	})
	d := draft{cells: map[columnKind][]*token{}, y: l.yc}
	i := 0
	if i < len(ts) && ts[i].type_ == typeInt {
		d.cells[indexColumn] = ts[i : i+1]
		i++
	}
	if i < len(ts) && looksLikeCode(ts[i].Text) {
		d.cells[codeColumn] = ts[i : i+1]
		i++
	}
	tail := len(ts)
	for tail > i && tailToken(ts[tail-1]) {
		tail--
	}
	// A number right behind the name belongs to it ("Kalkulus 1").
	for tail > i && tail < len(ts) && ts[tail].type_ == typeInt && ts[tail].x0-ts[tail-1].x1 < 0.8*(ts[tail].y1-ts[tail].y0) {
		tail++
	}
	if tail-i < 1 || len(ts)-tail < 2 || tail-i > 14 {
		return draft{}, false
	}
	d.cells[nameColumn] = ts[i:tail]
	for k, t := range ts[tail:] {
		v, number := parseNumber(t.Text)
		_, grade := mendGrade(t.Text)
		switch {
		case t.type_ == typeHistory:
			d.cells[historyColumn] = ts[tail+k : tail+k+1]
		case number && t.type_ == typeInt && v >= DecimalOf(1) && v <= DecimalOf(12) && len(d.cells[sksColumn]) == 0:
			d.cells[sksColumn] = ts[tail+k : tail+k+1]
		case number && v <= DecimalOf(4) && t.type_ == typeDecimal && len(d.cells[weightColumn]) == 0:
			d.cells[weightColumn] = ts[tail+k : tail+k+1]
		case number && t.type_ == typeDecimal:
			d.cells[pointsColumn] = ts[tail+k : tail+k+1]
		case grade && !number:
			d.cells[gradeColumn] = ts[tail+k : tail+k+1]
		}
	}
	computable := len(d.cells[weightColumn]) > 0 && len(d.cells[pointsColumn]) > 0
	if len(d.cells[gradeColumn]) == 0 || len(d.cells[sksColumn]) == 0 && !computable {
		return draft{}, false
	}
	return d, true
}

func looksLikeCode(s string) bool {
	n := NormaliseCode(s)
	if len(n) < 4 || len(n) > 14 {
		return false
	}
	digit := strings.Count(strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return '9'
		}
		return r
	}, n), "9")
	return digit >= 2
}

func tailToken(t *token) bool {
	switch t.type_ {
	case typeInt, typeDecimal, typeGrade, typeHistory:
		return true
	}
	_, ok := mendGrade(t.Text)
	return ok && len(t.Text) <= 4
}
