package lstm

import (
	"math"
	"strings"
	"unicode/utf8"
)

// Glyph is a character that was read. From and To are the first and the last step of the
// strip in which the network saw it.
type Glyph struct {
	Text       string
	From, To   int
	Confidence float32 // probability where it is highest
}

// Output is what the network saw in one strip: for each step the probability of each class.
type Output struct {
	network       *Network
	probabilities []float32
}

// Steps is the number of steps.
func (o Output) Steps() int { return len(o.probabilities) / o.network.outputs() }

func (o Output) step(t int) []float32 {
	n := o.network.outputs()
	return o.probabilities[t*n : (t+1)*n]
}

// Glyphs takes the likeliest class of each step from the first up to, not including, the
// last. The same class in neighbouring steps is one character, and the blank parts two of the
// same. Where characters are given, nothing else is read, and confidence is among them.
func (o Output) Glyphs(first, last int, characters string) []Glyph {
	n := o.network
	allowed := n.classesFor(characters)
	var out []Glyph
	before := n.blank
	for t := max(0, first); t < min(last, o.Steps()); t++ {
		step := o.step(t)
		best, share := n.blank, float32(1)
		if allowed == nil {
			for c, p := range step {
				if p > step[best] && c < len(n.classes) {
					best = c
				}
			}
		} else {
			share = step[n.blank]
			for _, c := range allowed {
				share += step[c]
				if step[c] > step[best] {
					best = c
				}
			}
		}
		if best != n.blank {
			if best != before {
				out = append(out, Glyph{Text: n.classes[best], From: t})
			}
			g := &out[len(out)-1]
			g.To = t
			g.Confidence = max(g.Confidence, step[best]/max(share, 1e-9))
		}
		before = best
	}
	return out
}

// classesFor are the classes of the characters; nil when none are given.
func (n *Network) classesFor(characters string) []int {
	if characters == "" {
		return nil
	}
	out := make([]int, 0, len(characters))
	for c, text := range n.classes {
		if c != n.blank && utf8.RuneCountInString(text) == 1 && strings.Contains(characters, text) {
			out = append(out, c)
		}
	}
	return out
}

// Likelihood is the logarithm of the probability that the steps from the first up to, not
// including, the last show the text and nothing else: the sum over all ways to spread its
// characters over the steps (Graves and others, Connectionist Temporal Classification, 2006).
// It is -Inf for a text with characters that the network does not know.
func (o Output) Likelihood(first, last int, text string) float64 {
	n := o.network
	labels := []int{n.blank}
	for _, r := range text {
		c, ok := n.class[string(r)]
		if !ok {
			return math.Inf(-1)
		}
		labels = append(labels, c, n.blank)
	}
	paths, next := make([]float64, len(labels)), make([]float64, len(labels))
	paths[0] = 1
	scale := 0.0
	for t := max(0, first); t < min(last, o.Steps()); t++ {
		step := o.step(t)
		total := 0.0
		for i, c := range labels {
			sum := paths[i]
			if i > 0 {
				sum += paths[i-1]
			}
			if i > 1 && c != n.blank && c != labels[i-2] {
				sum += paths[i-2]
			}
			next[i] = sum * float64(step[c])
			total += next[i]
		}
		if total == 0 {
			return math.Inf(-1)
		}
		for i := range next {
			next[i] /= total
		}
		scale += math.Log(total)
		paths, next = next, paths
	}
	end := paths[len(paths)-1]
	if len(paths) > 1 {
		end += paths[len(paths)-2]
	}
	return scale + math.Log(end)
}
