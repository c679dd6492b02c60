package ocr

import (
	"cmp"
	"math"
	"regexp"
	"slices"
	"strings"

	"asprak/infrastructure/ocr/lstm"
)

// What stands in the cells of a study result beside words.
const (
	digits    = "0123456789"
	codeSigns = "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + digits + "-./"
)

var (
	// gradeLike begins as a grade does, and what follows may be a misread sign of one.
	gradeLike = regexp.MustCompile(`^[A-E8][-+=~—_t4f#&]{1,2}$|^[A-E]/[^A-Z]$`)
	// codeLike is of capitals and digits, or of what is taken for them.
	codeLike = regexp.MustCompile(`^[A-Zl|I]{1,6}[A-Za-z|]{0,2}[-./]?[0-9A-Zl|oOIsS]{1,3}[-./]?[0-9OoIlSsB|]{2,8}$`)
	// digitFirst begins as no code of a course does.
	digitFirst = regexp.MustCompile(`^[0-9][A-Z]`)
)

var grades = []string{"A+", "A", "A-", "A/B", "AB", "B+", "B", "B-", "B/C", "BC", "C+", "C", "C-", "C/D", "CD", "D+", "D", "D-", "E"}

const (
	// veto bounds how far one network can speak against a text, as a logarithm: there are signs
	// that it never learnt.
	veto = 8.0
	// unseen is by how much a grade with a minus is less likely where the ink shows none, and
	// one without where it does.
	unseen = 5.0
	// known is by how much a familiar word may be less likely than another.
	known = 10.0
	// foreign is by how much a grade may be less likely than what is no grade but looks like one.
	foreign = 12.0
)

// candidate is a way to read a group: the words of one network, or one word that both may
// not have thought of.
type candidate struct {
	tokens []token
	text   string
	joint  float64 // logarithm of its likelihood, over all networks
}

// settled reads the group as what all networks together find likeliest. Left and right are
// the steps up to its neighbours.
func (g group) settled(in *span, seen []lstm.Output, left, right int) []settledWord {
	all := g.candidates(len(seen))
	isGrade := slices.ContainsFunc(all, func(c candidate) bool { return gradeLike.MatchString(c.text) })
	isCode := slices.ContainsFunc(all, func(c candidate) bool {
		return codeLike.MatchString(c.text) && strings.ContainsAny(c.text, digits)
	})
	if len(all) == 1 && !isGrade && !isCode && least(all[0].tokens) >= sureWord {
		return all[0].words(left, right, 1)
	}
	add := func(by int, glyphs []lstm.Glyph) {
		t := token{by: by, glyphs: glyphs}
		if text := t.text(); !slices.ContainsFunc(all, func(o candidate) bool { return o.text == text }) {
			all = append(all, candidate{tokens: []token{t}, text: text})
		}
	}
	for _, c := range all {
		if word := likeFamiliar(c.text); word != "" {
			add(0, []lstm.Glyph{{Text: word, From: g.from, To: g.to, Confidence: 1}})
		}
	}
	minus := unknown
	if isGrade {
		minus = in.minus(left, right)
		for _, text := range grades {
			add(0, []lstm.Glyph{{Text: text, From: g.from, To: g.to, Confidence: 1}})
		}
	}
	if isCode {
		for by, output := range seen {
			if glyphs := output.Glyphs(left, right, codeSigns); len(glyphs) > 0 {
				add(by, glyphs)
			}
		}
	}
	for _, output := range seen {
		weigh(all, output, left, right)
	}
	for i := range all {
		c := &all[i]
		if isGrade && !slices.Contains(grades, c.text) || isCode && !plainCode(c.text) {
			c.joint -= foreign
		}
		if isFamiliar(c.text) {
			c.joint += known
		}
		if isGrade && minus != unknown && (minus == there) != strings.HasSuffix(c.text, "-") {
			c.joint -= unseen
		}
	}
	best := slices.MaxFunc(all, func(a, b candidate) int { return cmp.Compare(a.joint, b.joint) })
	total := 0.0
	for _, c := range all {
		total += math.Exp(c.joint - best.joint)
	}
	return best.words(left, right, 1/total)
}

// candidates are what the networks read, each text once, from the network that is surest of it.
func (g group) candidates(networks int) []candidate {
	var all []candidate
	for by := range networks {
		var c candidate
		var texts []string
		for _, t := range g.tokens {
			if t.by == by {
				c.tokens = append(c.tokens, t)
				texts = append(texts, t.text())
			}
		}
		c.text = strings.Join(texts, " ")
		at := slices.IndexFunc(all, func(o candidate) bool { return o.text == c.text })
		switch {
		case at < 0:
			all = append(all, c)
		case least(c.tokens) > least(all[at].tokens):
			all[at] = c
		}
	}
	return all
}

// weigh adds to each candidate how likely one network finds it, as a logarithm, against the
// likeliest of them.
func weigh(all []candidate, output lstm.Output, left, right int) {
	likelihoods := make([]float64, len(all))
	for i, c := range all {
		likelihoods[i] = output.Likelihood(left, right, c.text)
	}
	free := slices.Max(likelihoods)
	if math.IsInf(free, -1) {
		return
	}
	for i := range all {
		all[i].joint += max(likelihoods[i]-free, -veto)
	}
}

// plainCode tells whether the word has the signs of a code and does not begin with what is
// nearly always a letter of the department misread ("1F2210").
func plainCode(text string) bool {
	return strings.Trim(text, codeSigns) == "" && !digitFirst.MatchString(text)
}

func least(tokens []token) float64 {
	l := 1.0
	for _, t := range tokens {
		l = min(l, t.least())
	}
	return l
}

// words places the candidate's words between the neighbours of its group.
func (c candidate) words(left, right int, share float64) []settledWord {
	var out []settledWord
	for i, t := range c.tokens {
		end := right
		if i+1 < len(c.tokens) {
			end = (t.to() + c.tokens[i+1].from() + 1) / 2
		}
		out = append(out, settledWord{token: t, left: left, right: end, probability: share * t.least()})
		left = end
	}
	return out
}

// sight is what the ink says of a sign.
type sight int

const (
	unknown sight = iota
	there
	missing
)

// minus tells whether the last piece of ink between two steps is a minus. It is unknown where
// the pieces touch.
func (s *span) minus(left, right int) sight {
	x0, x1 := s.pageX(float64(left*lstm.Step)), s.pageX(float64(right*lstm.Step))
	var last *piece
	for _, p := range s.cell.pieces {
		if m := p.middle(); m >= x0 && m < x1 && (last == nil || p.Max.X > last.Max.X) {
			last = p
		}
	}
	switch {
	case last == nil || float64(last.Dx()) > 1.2*s.line.capital:
		return unknown
	case float64(last.Dx()) > 1.4*last.height() && last.height() < 0.4*s.line.capital:
		return there
	}
	return missing
}
