package transcripttest

import (
	"math/rand/v2"
	"slices"
	"strings"

	"asprak/domain/transcript"
)

// Forgery changes what a page says and leaves the page itself whole: what only a trace in
// the file could tell is not among them. Course is the one that the forger needs.
type Forgery struct {
	Name string
	// Forge returns the study as it is shown, false where the layout has nothing to change.
	Forge func(r *rand.Rand, l Layout, s Study, course int) (Study, bool)
}

// Forgeries are the known ways to change numbers, letters and names on a page without
// changing all that follows from them.
func Forgeries() []Forgery {
	return []Forgery{
		{"letter", func(r *rand.Rand, l Layout, s Study, course int) (Study, bool) {
			return s.with(course, func(c *Course) { c.Grade = s.better(r, c.Grade) })
		}},
		{"letter and weight", func(r *rand.Rand, l Layout, s Study, course int) (Study, bool) {
			out, ok := s.with(course, func(c *Course) {
				points := c.Points
				s.raise(r, c)
				c.Points = points
			})
			return out, ok && l.Has(Weight)
		}},
		{"letter, weight and points", func(r *rand.Rand, l Layout, s Study, course int) (Study, bool) {
			return s.with(course, func(c *Course) { s.raise(r, c) })
		}},
		{"row and its sums, not the averages", func(r *rand.Rand, l Layout, s Study, course int) (Study, bool) {
			out, ok := s.with(course, func(c *Course) { s.raise(r, c) })
			more := transcript.MustDecimal(out.Courses[course].Points) - transcript.MustDecimal(s.Courses[course].Points)
			out.TotalPoints = places(transcript.MustDecimal(s.TotalPoints) + more)
			return out, ok
		}},
		{"letters of two courses changed round", func(r *rand.Rand, l Layout, s Study, course int) (Study, bool) {
			for k, c := range s.Courses {
				if l.Has(Weight) && s.weigh(c.Grade) > s.weigh(s.Courses[course].Grade) {
					out, _ := s.with(course, func(own *Course) { own.Grade = c.Grade })
					out.Courses[k].Grade = s.Courses[course].Grade
					return out, true
				}
			}
			return s, false
		}},
		{"credits of the course", func(r *rand.Rand, l Layout, s Study, course int) (Study, bool) {
			return s.with(course, func(c *Course) { c.SKS = (transcript.MustDecimal(c.SKS) + transcript.DecimalOf(2)).String() })
		}},
		{"row added", func(r *rand.Rand, l Layout, s Study, course int) (Study, bool) { return s.withRow(r, course), true }},
		{"row added, credits with it", func(r *rand.Rand, l Layout, s Study, course int) (Study, bool) {
			out := s.withRow(r, course)
			more := transcript.MustDecimal(out.Courses[course].SKS)
			out.TotalSKS = (transcript.MustDecimal(s.TotalSKS) + more).String()
			// An average that the new row leaves as it is tells nothing.
			return out, s.average() != out.average()
		}},
		{"row taken out", func(r *rand.Rand, l Layout, s Study, course int) (Study, bool) {
			// The one that the average misses most: another would be taken out for nothing.
			k, most := -1, transcript.Decimal(0)
			for i, c := range s.Courses {
				if d := (s.weigh(c.Grade) - s.average()).Abs().Mul(transcript.MustDecimal(c.SKS)); i != course && d > most {
					k, most = i, d
				}
			}
			if k < 0 {
				return s, false
			}
			s.Courses = slices.Delete(slices.Clone(s.Courses), k, k+1)
			return s, true
		}},
		{"IPK", func(r *rand.Rand, l Layout, s Study, course int) (Study, bool) {
			s.IPK = raised(r, s.IPK)
			return s, s.IPK != ""
		}},
		{"IPS", func(r *rand.Rand, l Layout, s Study, course int) (Study, bool) {
			s.IPS = raised(r, s.IPS)
			return s, s.IPS != ""
		}},
		{"cumulative credits", func(r *rand.Rand, l Layout, s Study, course int) (Study, bool) {
			if s.CumSKS == "" {
				return s, false
			}
			s.CumSKS = (transcript.MustDecimal(s.CumSKS) + transcript.DecimalOf(10+r.IntN(30))).String()
			return s, true
		}},
		{"IPK taken out", func(r *rand.Rand, l Layout, s Study, course int) (Study, bool) {
			s.IPK = ""
			return s, true
		}},
		{"a second IPK", func(r *rand.Rand, l Layout, s Study, course int) (Study, bool) {
			better := raised(r, s.IPK)
			s.Notes = append(slices.Clone(s.Notes), "IPK : "+l.mark(better))
			return s, better != ""
		}},
		{"letter taken out", func(r *rand.Rand, l Layout, s Study, course int) (Study, bool) {
			return s.with(course, func(c *Course) { c.Grade = "" })
		}},
		{"one digit of the number", func(r *rand.Rand, l Layout, s Study, course int) (Study, bool) {
			s.NIM = otherDigit(r, s.NIM)
			return s, true
		}},
		{"two digits of the number changed round", func(r *rand.Rand, l Layout, s Study, course int) (Study, bool) {
			b := []byte(s.NIM)
			for i := len(b) - 1; i > 0; i-- {
				if digit(b[i]) && digit(b[i-1]) && b[i] != b[i-1] {
					b[i], b[i-1] = b[i-1], b[i]
					s.NIM = string(b)
					return s, true
				}
			}
			return s, false
		}},
		{"number of another", func(r *rand.Rand, l Layout, s Study, course int) (Study, bool) {
			own := s.NIM
			s.NIM = fill(r, numberForm(own), "")
			return s, s.NIM != own
		}},
		{"name of another", func(r *rand.Rand, l Layout, s Study, course int) (Study, bool) {
			own := s.Name
			s.Name = pick(r, given) + " " + pick(r, family)
			return s, s.Name != own
		}},
		{"name with words changed round", func(r *rand.Rand, l Layout, s Study, course int) (Study, bool) {
			first, last, _ := strings.Cut(s.Name, " ")
			s.Name = last + " " + first
			return s, true
		}},
		{"name and number of another", func(r *rand.Rand, l Layout, s Study, course int) (Study, bool) {
			own := s.Name
			s.Name, s.NIM = pick(r, given)+" "+pick(r, family), fill(r, numberForm(s.NIM), "")
			return s, s.Name != own
		}},
		{"hostile name", func(r *rand.Rand, l Layout, s Study, course int) (Study, bool) {
			s.Name += pick(r, []string{"'; DROP TABLE--", "<script>alert(1)</script>", "\u202e\u2066", "=HYPERLINK(\"x\")", "%00", "{{7*7}} verified"})
			return s, true
		}},
	}
}

// with is the study with one course changed; false where nothing came of it.
func (s Study) with(course int, change func(*Course)) (Study, bool) {
	before := s.Courses[course]
	s.Courses = slices.Clone(s.Courses)
	change(&s.Courses[course])
	return s, s.Courses[course] != before
}

func (s Study) weigh(letter string) transcript.Decimal {
	l, _ := s.Scale.Letter(letter)
	return l.Weight
}

// better draws one of the letters above; the best stays.
func (s Study) better(r *rand.Rand, letter string) string {
	at := slices.IndexFunc(s.Scale.Letters, func(l transcript.Letter) bool { return l.Name == letter })
	if at <= 0 {
		return letter
	}
	return s.Scale.Letters[r.IntN(at)].Name
}

func (s Study) raise(r *rand.Rand, c *Course) {
	if l, ok := s.Scale.Letter(s.better(r, c.Grade)); ok {
		c.setGrade(l)
	}
}

// withRow has a course more, before the one at the place, with the best letter.
func (s Study) withRow(r *rand.Rand, course int) Study {
	c := s.Courses[course]
	c.Name, c.Code = c.Name+" Lanjut", otherDigit(r, c.Code)
	c.setGrade(s.Scale.Letters[0])
	s.Courses = slices.Insert(slices.Clone(s.Courses), course, c)
	return s
}

// average is what the rows give, with two decimals.
func (s Study) average() transcript.Decimal {
	var sks, points transcript.Decimal
	for _, c := range s.Courses {
		n := transcript.MustDecimal(c.SKS)
		sks, points = sks+n, points+n.Mul(s.weigh(c.Grade))
	}
	return points.Div(sks).Round(2)
}

// Tells reports whether anything that the layout prints of the study contradicts the rest
// by more than averages may be off. What does not cannot be caught by what the page says.
func (l Layout) Tells(s Study) bool {
	const tolerance = 2 // hundredths: an average may be cut off or rounded, and lie one beside that
	for _, c := range s.Courses {
		letter, ok := s.Scale.Letter(c.Grade)
		if !ok {
			return true
		}
		if l.Has(Weight) && c.Weight != places(letter.Weight) || l.Has(Points) && c.Points != places(transcript.MustDecimal(c.SKS).Mul(letter.Weight)) {
			return true
		}
	}
	var sks transcript.Decimal
	for _, c := range s.Courses {
		sks += transcript.MustDecimal(c.SKS)
	}
	printed := s.IPS
	if s.Kind == transcript.Transcript {
		printed = s.IPK
	}
	far := func(printed string, computed transcript.Decimal) bool {
		return printed == "" || (transcript.MustDecimal(printed)-computed.Round(2)).Abs() >= transcript.DecimalOf(tolerance)/100
	}
	return s.TotalSKS != sks.String() || far(printed, s.average()) ||
		s.CumPoints != "" && far(s.IPK, transcript.MustDecimal(s.CumPoints).Div(transcript.MustDecimal(s.CumSKS)))
}

// raised is an average that is better by a little or by much, "" where there is no room.
func raised(r *rand.Rand, average string) string {
	if average == "" {
		return ""
	}
	more := transcript.MustDecimal(average) + transcript.DecimalOf(5+r.IntN(90))/100
	if more > transcript.DecimalOf(4) {
		return ""
	}
	return places(more)
}

func digit(b byte) bool { return b >= '0' && b <= '9' }

func otherDigit(r *rand.Rand, number string) string {
	b := []byte(number)
	for i := r.IntN(len(b)); ; i = (i + 1) % len(b) {
		if digit(b[i]) {
			b[i] = '0' + (b[i]-'0'+byte(1+r.IntN(9)))%10
			return string(b)
		}
	}
}

// numberForm is the form that a number has, as fill writes it.
func numberForm(number string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return '9'
		}
		return r
	}, number)
}
