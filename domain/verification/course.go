package verification

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"asprak/domain/transcript"
)

// misread is the likeness from which a course read from pixels may be the one asked for.
const misread = 0.8

// converted marks a course that was earned elsewhere.
var converted = regexp.MustCompile(`(?i)[(\[]\s*(konversi|ekuivalensi|ekivalensi|alih kredit|transfer( kredit)?|credit transfer|converted)\s*[)\]]`)

// checkCourse finds the required course and compares its grade.
func (j *judge) checkCourse() {
	const name = "course"
	rows, found := j.findCourse()
	wanted := j.requirement.Course.describe()
	if !found {
		if near := j.nearCourse(); near >= 0 {
			j.doubt(name, LowConfidence, fmt.Sprintf("A row may be %s, but was not clearly read.", wanted), j.rowEvidence(near, wanted))
			return
		}
		if !j.rowsWhole() {
			j.doubt(name, LowConfidence, fmt.Sprintf("%s was not found, but some rows were not clearly read.", wanted), Evidence{Field: "rows", Expected: wanted})
			return
		}
		j.fail(name, CourseMissing, fmt.Sprintf("%s is not on the page.", wanted), Evidence{Field: "rows", Read: fmt.Sprintf("%d courses", len(j.reading.Rows)), Expected: wanted})
		return
	}
	evidence := make([]Evidence, 0, len(rows))
	for _, i := range rows {
		evidence = append(evidence, j.rowEvidence(i, wanted))
	}
	j.pass(name, fmt.Sprintf("%s is on the page.", wanted), evidence...)
	j.checkGrade(rows)
}

func (c Course) describe() string {
	code := strings.Join(c.Codes, " or ")
	if code == "" || c.Name == "" {
		return code + c.Name
	}
	return code + " " + c.Name
}

// findCourse finds the rows of the required course: by code, or, where none of the codes
// stands on the page, by the full name.
func (j *judge) findCourse() ([]int, bool) {
	var byCode, byLook, byName []int
	name := transcript.NormaliseCourse(j.requirement.Course.Name)
	for i := range j.reading.Rows {
		r := &j.reading.Rows[i]
		if r.Code != nil && j.isRequiredCode(r.Code.Value) {
			byCode = append(byCode, i)
		} else if r.Code != nil && r.Code.Source == transcript.Pixels && j.looksRequired(r.Code.Value) {
			byLook = append(byLook, i)
		}
		if r.Name != nil && name != "" {
			read := transcript.NormaliseCourse(converted.ReplaceAllString(r.Name.Value, ""))
			if read == name || r.Name.Source == transcript.Pixels && looks(read) == looks(name) {
				byName = append(byName, i)
			}
		}
	}
	if len(byCode) == 0 {
		byCode = byLook
	}
	if len(byCode) > 0 {
		for _, i := range byCode {
			j.restsOnCode(i, byName)
		}
		return byCode, true
	}
	for _, i := range byName {
		f := j.reading.Rows[i].Name
		j.rests(matched(f.Confidence), evidenceOf(fmt.Sprintf("rows[%d].name", i), f, j.requirement.Course.Name))
	}
	return byName, len(byName) > 0
}

// looks is what a text in capitals looks like to a recogniser, which also loses spaces.
func looks(text string) string { return lookAlikes.Replace(strings.ReplaceAll(text, " ", "")) }

func (j *judge) looksRequired(code string) bool {
	code = looks(transcript.NormaliseCode(code))
	return code != "" && slices.ContainsFunc(j.requirement.Course.Codes, func(c string) bool { return looks(transcript.NormaliseCode(c)) == code })
}

func (j *judge) isRequiredCode(code string) bool {
	code = transcript.NormaliseCode(code)
	return code != "" && slices.ContainsFunc(j.requirement.Course.Codes, func(c string) bool { return transcript.NormaliseCode(c) == code })
}

// restsOnCode doubts a code from pixels under which another course's name stands: one
// misread digit makes it another course.
func (j *judge) restsOnCode(i int, byName []int) {
	r := &j.reading.Rows[i]
	e := evidenceOf(fmt.Sprintf("rows[%d].code", i), r.Code, strings.Join(j.requirement.Course.Codes, " or "))
	certain := matched(r.Code.Confidence)
	if r.Code.Source != transcript.TextLayer {
		name := transcript.NormaliseCourse(j.requirement.Course.Name)
		switch {
		case slices.Contains(byName, i):
			certain = max(certain, 0.95)
		case len(byName) > 0:
			certain = 0.3
		case r.Name != nil && name != "" && likeness(transcript.NormaliseCourse(r.Name.Value), name) < strange && !strings.Contains(transcript.NormaliseCourse(r.Name.Value), name):
			certain = 0.3
		}
	}
	j.rests(certain, e)
}

// nearCourse is a row read from pixels that may be the required course misread, or -1.
func (j *judge) nearCourse() int {
	name := transcript.NormaliseCourse(j.requirement.Course.Name)
	best, most := -1, 0.0
	for i := range j.reading.Rows {
		r := &j.reading.Rows[i]
		like := 0.0
		if r.Code != nil && clear(j, r.Code) && !slices.ContainsFunc(j.requirement.Course.Codes, func(c string) bool {
			return likeness(transcript.NormaliseCode(r.Code.Value), transcript.NormaliseCode(c)) >= misread
		}) && len(j.requirement.Course.Codes) > 0 && j.printsCode(r) {
			continue // clearly another code, however alike the names
		}
		if r.Code != nil && clear(j, r.Code) && j.printsCode(r) && r.Name != nil && clear(j, r.Name) && otherWords(r.Name.Value, j.requirement.Course.Name) {
			continue // one sign of the code may be misread, but not a word of the name as well
		}
		if r.Code == nil && r.Name != nil && r.Name.Source != transcript.TextLayer && mayBeRestOf(r.Name.Value, j.requirement.Course.Name) {
			like = misread
		}
		if r.Name != nil && r.Name.Source != transcript.TextLayer && name != "" {
			like = max(like, likeness(transcript.NormaliseCourse(r.Name.Value), name))
		}
		if r.Code != nil && r.Code.Source != transcript.TextLayer {
			for _, c := range j.requirement.Course.Codes {
				l := likeness(transcript.NormaliseCode(r.Code.Value), transcript.NormaliseCode(c))
				// The neighbouring code is another course when another name stands beside it.
				if name == "" || r.Name == nil || likeness(transcript.NormaliseCourse(r.Name.Value), name) >= strange {
					like = max(like, l)
				}
			}
		}
		if like >= misread && like > most {
			best, most = i, like
		}
	}
	return best
}

// mayBeRestOf tells whether what was read of a name may be what is left of the asked one after
// words were lost: they have a word in common, or none was read.
func mayBeRestOf(read, asked string) bool {
	words := longWords(read)
	return len(words) == 0 || slices.ContainsFunc(words, func(w string) bool { return slices.Contains(longWords(asked), w) })
}

// otherWords tells whether each of two names has a foreign word.
func otherWords(a, b string) bool { return foreignWord(a, b) && foreignWord(b, a) }

// foreignWord tells whether a name has a word that is no misreading of one in the other.
func foreignWord(name, other string) bool {
	among := longWords(other)
	return slices.ContainsFunc(longWords(name), func(w string) bool {
		return !slices.ContainsFunc(among, func(o string) bool { return likeness(w, o) >= strange })
	})
}

// longWords are those that tell courses apart: of four letters or more.
func longWords(name string) []string {
	return slices.DeleteFunc(strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return !unicode.IsLetter(r) }),
		func(w string) bool { return utf8.RuneCountInString(w) < 4 })
}

// printsCode tells whether a code is written as the required ones are: as many letters and digits.
func (j *judge) printsCode(r *transcript.Row) bool {
	form := func(code string) string {
		return strings.Map(func(c rune) rune {
			if c >= '0' && c <= '9' {
				return '9'
			}
			return 'A'
		}, transcript.NormaliseCode(code))
	}
	return slices.ContainsFunc(j.requirement.Course.Codes, func(c string) bool { return form(c) == form(r.Code.Value) })
}

// rowsWhole tells whether the machine surely saw every row: a text layer, or clearly read
// rows that add up to the printed credits.
func (j *judge) rowsWhole() bool {
	if len(j.reading.Rows) == 0 {
		return false
	}
	for i := range j.reading.Rows {
		r := &j.reading.Rows[i]
		if r.Code == nil && r.Name == nil {
			return false
		}
	}
	return !j.fromPixels() || j.sums.whole
}

func (j *judge) rowEvidence(i int, wanted string) Evidence {
	r := &j.reading.Rows[i]
	var read []string
	if r.Code != nil {
		read = append(read, r.Code.Value)
	}
	if r.Name != nil {
		read = append(read, r.Name.Value)
	}
	return Evidence{Field: fmt.Sprintf("rows[%d]", i), Page: r.Page, Box: r.Box, Read: strings.Join(read, " "), Expected: wanted}
}

// checkGrade judges the attempts at the required course: the best counts.
func (j *judge) checkGrade(rows []int) {
	const name = "grade"
	required := j.requirement
	want := required.MinGrade + " or better"
	var covered, pending, elsewhere, open, failed []Evidence
	best, certain := -1, -1.0
	failedClearly, allConfirmed := true, true
	for _, i := range rows {
		r := &j.reading.Rows[i]
		e := evidenceOf(fmt.Sprintf("rows[%d].grade", i), r.Grade, want)
		if r.Grade == nil {
			e.Page, e.Box = r.Page, r.Box
		}
		switch {
		case r.Grade == nil || r.Grade.Value == "":
			covered = append(covered, e)
			continue
		case pendingGrade(j.scales, r.Grade.Value):
			if required.AcceptPending {
				if c := share(r.Grade.Confidence); c > certain {
					best, certain = i, c
				}
			} else {
				pending = append(pending, e)
			}
			continue
		case !required.AcceptConverted && j.converted(r):
			elsewhere = append(elsewhere, e)
			continue
		}
		c, confirmed := j.certaintyOfGrade(i)
		switch compareGrades(j.scales, r.Grade.Value, required.MinGrade, required.Scale) {
		case enough:
			if c > certain {
				best, certain = i, c
			}
		case below:
			failed = append(failed, e)
			failedClearly = failedClearly && (confirmed || settled(j, r.Grade))
			allConfirmed = allConfirmed && confirmed && clear(j, r.Grade)
		default:
			open = append(open, e)
		}
	}
	if best >= 0 {
		f := j.reading.Rows[best].Grade
		e := evidenceOf(fmt.Sprintf("rows[%d].grade", best), f, want)
		j.rests(certain, e)
		j.pass(name, fmt.Sprintf("The grade %s is enough.", f.Value), e)
		return
	}
	switch {
	case len(covered) > 0:
		j.doubt(name, GradeUnreadable, "The required grade is covered or cannot be read.", covered...)
	case len(pending) > 0:
		j.doubt(name, GradePending, "There is no final grade yet.", pending...)
	case len(elsewhere) > 0:
		j.doubt(name, GradePending, "The grade was converted from elsewhere, and this opening asks for one of its own.", elsewhere...)
	case len(open) > 0:
		j.doubt(name, LowConfidence, "The grade cannot be compared with the minimum: its scale is not known for sure.", open...)
	case !failedClearly:
		j.doubt(name, LowConfidence, "The grade seems below the minimum, but was not clearly read.", failed...)
	default:
		j.fail(name, GradeBelowMin, fmt.Sprintf("The grade %s is below %s.", failed[0].Read, required.MinGrade), failed...)
		j.confirmed[name] = allConfirmed && j.sums.whole // with every row found, no better attempt was missed
	}
}

func (j *judge) converted(r *transcript.Row) bool {
	return r.Name != nil && converted.MatchString(r.Name.Value) || r.Code != nil && converted.MatchString(r.Code.Value)
}

// certaintyOfGrade is how surely the grade of a row is what stands there, and whether
// another number on the page confirms it.
func (j *judge) certaintyOfGrade(i int) (float64, bool) {
	r := &j.reading.Rows[i]
	c := share(r.Grade.Confidence)
	if r.Grade.Source == transcript.Arithmetic {
		// Its weight is no second witness: the letter was made from it.
		return c, false
	}
	known := weights(j.scales, r.Grade.Value)
	byWeight := r.Weight != nil && r.Weight.Source != transcript.Arithmetic && slices.Contains(known, r.Weight.Value)
	byAverage := j.averageTells(i)
	byPoints := r.Weight == nil && r.Points != nil && r.SKS != nil && len(known) == 1 && r.Points.Value == r.SKS.Value.Mul(known[0])
	byHistory := r.History != nil && slices.Equal(weights(j.scales, r.History.Value), known) && share(r.History.Confidence) >= j.policy.Clear
	confirmed := byWeight && share(r.Weight.Confidence) >= j.policy.Clear || byAverage || byHistory || byPoints && share(r.Points.Confidence) >= j.policy.Clear
	switch {
	case j.sums.printed && !j.sums.average:
		// The page prints an average that could not be followed: an edited row would not show.
		return min(c, 0.5), confirmed
	case confirmed:
		return max(c, 0.95), true
	}
	return c, false
}

// averageTells reports whether the average of the rows follows from this grade and from no
// other letter in its place.
func (j *judge) averageTells(i int) bool {
	r := j.reading
	printed, of := r.IPS, tally.average
	if r.Kind == transcript.Transcript {
		printed, of = r.IPK, tally.bestAverage
	}
	if printed == nil || !j.sums.average {
		return false
	}
	for k, s := range j.scales {
		if t := j.sums.tallies[k]; !t.graded || t.sks == 0 || !j.near(printed.Value, of(t)) {
			continue
		}
		for _, l := range s.Letters {
			if l.Pending || l.Name == transcript.NormaliseGrade(r.Rows[i].Grade.Value) {
				continue
			}
			if t := tallyOf(r.Rows, s, i, l.Name); printed.Value == of(t).Round(2) {
				return false
			}
		}
	}
	return true
}
