package transcripttest

import (
	"math/rand/v2"
	"regexp"
	"strings"

	"asprak/domain/transcript"
)

var (
	weight = regexp.MustCompile(`^\d[.,]\d\d$`)
	credit = regexp.MustCompile(`^\d$`)
	sign   = regexp.MustCompile(`^[A-D][+-]$`)
	half   = regexp.MustCompile(`^[A-D]/[B-E]$`)
	code   = regexp.MustCompile(`^\d?[A-Z]{2,4}[-.]?\d{2,}`)
)

// Slips makes of a printed file what a recogniser sees of it: a page that slopes a
// little, every word somewhat uncertain and out of place, and of each hundred words so many
// misread, with lower confidence. It never makes a grade better unnoticed: a lost sign is the
// recogniser's to find, and no reader of words can.
func Slips(r *rand.Rand, file transcript.File, perHundred float64) transcript.File {
	out := file
	out.Pages = nil
	for _, p := range file.Pages {
		slope := 0.01 * (2*r.Float64() - 1)
		words := make([]transcript.Word, 0, len(p.Words))
		for _, w := range p.Words {
			w.Source, w.Confidence = transcript.Pixels, 0.85+0.14*r.Float64()
			dx, dy := r.Float64()-0.5, r.Float64()-0.5+slope*w.Box.X0
			w.Box.X0, w.Box.X1, w.Box.Y0, w.Box.Y1 = w.Box.X0+dx, w.Box.X1+dx, w.Box.Y0+dy, w.Box.Y1+dy
			if maybe(r, perHundred/100) {
				text, kept := misread(r, w.Text)
				if !kept {
					continue
				}
				if text != w.Text {
					w.Text, w.Confidence = text, 0.2+0.4*r.Float64()
				}
			}
			words = append(words, w)
		}
		p.Words = words
		out.Pages = append(out.Pages, p)
	}
	return out
}

func misread(r *rand.Rand, text string) (string, bool) {
	switch {
	case credit.MatchString(text):
		return pick(r, []string{"“" + text, text + "|", "C" + text, "_" + text}), maybe(r, 0.8)
	case weight.MatchString(text):
		return pick(r, []string{strings.NewReplacer(".", "", ",", "").Replace(text), text + "'", "|" + text}), maybe(r, 0.9)
	case sign.MatchString(text):
		return text[:1] + map[byte]string{'+': pick(r, []string{"t", "*"}), '-': pick(r, []string{".", "~", "_"})}[text[1]], true
	case half.MatchString(text):
		return pick(r, []string{strings.Replace(text, "/", "|", 1), strings.Replace(text, "/", "I", 1)}), true
	case text == ":":
		return pick(r, []string{"1", ";", "="}), maybe(r, 0.7)
	case code.MatchString(text):
		return strings.NewReplacer("0", "O", "1", "I").Replace(text), true
	case len(text) > 5 && text[0] > '9':
		at := 1 + r.IntN(len(text)-2)
		return text[:at] + pick(r, []string{"", "n", "e"}) + text[at+1:], true
	}
	return text, true
}
