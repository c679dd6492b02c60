package verification

import (
	"slices"
	"strings"

	"asprak/domain/transcript"
)

// candidateScales are the scales that the document may use: the one that the reading
// settled on, or else all that its letters leave possible.
func candidateScales(r *transcript.Reading) []transcript.Scale {
	if s, ok := transcript.ScaleByID(r.Scale); ok {
		return []transcript.Scale{s}
	}
	var seen []transcript.Seen
	for i := range r.Rows {
		if g := r.Rows[i].Grade; g != nil && g.Value != "" {
			seen = append(seen, transcript.Seen{Grade: g.Value})
		}
	}
	if len(seen) == 0 {
		return nil
	}
	university := ""
	if r.University != nil {
		university = r.University.Value
	}
	all := transcript.Scales()
	if fit := transcript.InferScales(all, seen, university); len(fit) > 0 {
		return fit
	}
	// A letter that no scale of the university has is a finding, not another scale.
	if own := transcript.InferScales(all, nil, university); len(own) < len(all) {
		return own
	}
	return nil
}

// weights are what the candidate scales give the letter, each once. A letter that none of
// them knows has none.
func weights(scales []transcript.Scale, letter string) []transcript.Decimal {
	var out []transcript.Decimal
	for _, s := range scales {
		l, ok := findLetter(s, letter)
		if !ok || l.Pending || slices.Contains(out, l.Weight) {
			continue
		}
		out = append(out, l.Weight)
	}
	return out
}

// findLetter takes "A/B" and "AB" for the same step, which universities write one way or the other.
func findLetter(s transcript.Scale, letter string) (transcript.Letter, bool) {
	if l, ok := s.Letter(letter); ok {
		return l, true
	}
	name := transcript.NormaliseGrade(letter)
	if slash := strings.ReplaceAll(name, "/", ""); slash != name {
		return s.Letter(slash)
	}
	if len(name) == 2 && name[1] >= 'A' && name[1] <= 'Z' {
		return s.Letter(name[:1] + "/" + name[1:])
	}
	return transcript.Letter{}, false
}

// pendingGrade tells whether a cell says that there is no final grade yet.
func pendingGrade(scales []transcript.Scale, grade string) bool {
	if len(scales) == 0 {
		scales = transcript.Scales()
	}
	for _, s := range scales {
		if l, ok := s.Letter(grade); ok && l.Pending {
			return true
		}
	}
	return false
}

// ranked is the answer of comparing a grade with the minimum.
type ranked int

const (
	unknown ranked = iota
	below
	enough
)

// compareGrades asks whether a grade of the document is at least the minimum, which is a letter
// of the requirement's scale or, without one, of the document's own. Where the scale of either
// is open, every possibility must say the same.
func compareGrades(own []transcript.Scale, grade string, required string, scaleID string) ranked {
	if scaleID == "" {
		if transcript.NormaliseGrade(grade) == transcript.NormaliseGrade(required) {
			return enough
		}
		if r := unanimous(own, grade, own, required, true); r != unknown {
			return r
		}
		return unanimous(own, grade, transcript.Scales(), required, false)
	}
	s, ok := transcript.ScaleByID(scaleID)
	if !ok {
		return unknown
	}
	return unanimous(own, grade, []transcript.Scale{s}, required, false)
}

// unanimous compares under every pair of scales, or of a scale with itself.
func unanimous(own []transcript.Scale, grade string, theirs []transcript.Scale, required string, same bool) ranked {
	answer := unknown
	for _, a := range own {
		g, ok := findLetter(a, grade)
		if !ok || g.Pending {
			return unknown
		}
		for _, b := range theirs {
			if same && a.ID != b.ID {
				continue
			}
			m, ok := findLetter(b, required)
			if !ok || m.Pending {
				if same {
					return unknown
				}
				continue
			}
			now := enough
			if g.Weight < m.Weight {
				now = below
			}
			if answer != unknown && answer != now {
				return unknown
			}
			answer = now
		}
	}
	return answer
}
