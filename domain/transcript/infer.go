package transcript

import (
	"slices"
	"strings"
)

// Seen is a grade as a document shows it, with its weight where one is printed.
type Seen struct {
	Grade  string
	Weight *Decimal
}

// InferScales returns the scales that every grade (and printed weight) fits, best first:
// those of the named university alone when one of them fits. None fit: none is returned.
// Where the returned scales give a letter different weights, the letter is in doubt.
func InferScales(scales []Scale, seen []Seen, university string) []Scale {
	var fit []Scale
	for _, s := range scales {
		if s.fits(seen) {
			fit = append(fit, s)
		}
	}
	if own := slices.DeleteFunc(slices.Clone(fit), func(s Scale) bool { return !s.of(university) }); len(own) > 0 {
		return own
	}
	return fit
}

func (s Scale) fits(seen []Seen) bool {
	for _, g := range seen {
		l, ok := s.Letter(g.Grade)
		if !ok || g.Weight != nil && !l.Pending && *g.Weight != l.Weight {
			return false
		}
	}
	return true
}

func (s Scale) of(university string) bool {
	return sameUniversity(university, s.University) || slices.ContainsFunc(s.Names, func(n string) bool { return sameUniversity(university, n) })
}

// lettersASlip is how many letters of a university's name bear one that was misread; names that
// differ in a word differ in more.
const lettersASlip = 12

func sameUniversity(a, b string) bool {
	a, b = foldCaption(a), foldCaption(b)
	slips := min(len(a), len(b)) / lettersASlip
	return a != "" && (a == b || editDistance(a, b, slips+1) <= slips)
}

// same reports whether two scales give the same letters the same weights.
func (s Scale) same(other Scale) bool {
	graded := func(ls []Letter) []Letter {
		return slices.DeleteFunc(slices.Clone(ls), func(l Letter) bool { return l.Pending })
	}
	return slices.Equal(graded(s.Letters), graded(other.Letters))
}

// step is a letter without the stroke that some write within half steps.
func step(letter string) string { return strings.ReplaceAll(letter, "/", "") }

// unifyHalves settles whether half steps are written "AB" or "A/B" where a recogniser lost
// or added the stroke: the writing that some scale has for all letters of the document.
func unifyHalves(rows []Row, university string) {
	strokes := map[string]string{"AB": "A/B", "BC": "B/C", "CD": "C/D"}
	plain := map[string]string{"A/B": "AB", "B/C": "BC", "C/D": "CD"}
	own := slices.DeleteFunc(Scales(), func(s Scale) bool { return !s.of(university) })
	fits := func(to map[string]string, scales []Scale) bool {
		letters := seenOf(rows, false)
		for i := range letters {
			if l, ok := to[letters[i].Grade]; ok {
				letters[i].Grade = l
			}
		}
		return len(InferScales(scales, letters, "")) > 0
	}
	among := known().scales
	if len(own) > 0 && (fits(nil, own) || fits(strokes, own) || fits(plain, own)) {
		among = own
	}
	if fits(nil, among) {
		return
	}
	for _, to := range []map[string]string{strokes, plain} {
		if !fits(to, among) {
			continue
		}
		for i := range rows {
			for _, g := range []*Field[string]{rows[i].Grade, rows[i].History} {
				if g == nil || g.Source != Pixels {
					continue
				}
				if l, ok := to[g.Value]; ok {
					g.Value = l
					g.Confidence = min(g.Confidence, 0.7)
				}
			}
		}
		return
	}
}

// agreed is the id of the one scale that is left, or of the first where all are alike.
func agreed(fit []Scale) string {
	if len(fit) == 0 {
		return ""
	}
	for _, s := range fit[1:] {
		if !s.same(fit[0]) {
			return ""
		}
	}
	return fit[0].ID
}
