package verification

import (
	"cmp"
	"math"
	"slices"
)

// Step is a part of the reliability curve: of the documents that were read with this
// certainty or more, up to the next step, the share was rightly verified.
type Step struct {
	From  float64 `json:"from"`
	Share float64 `json:"share"`
}

// Trial is a judged document of which the right decision is known.
type Trial struct {
	Certainty float64 // of the least sure decisive value, 0 to 1
	Passed    bool    // every check but that of confidence passed
	Verify    bool    // it should be verified
	Fold      int     // the part of the trials that it is held back with
}

// Calibration is what trials teach a policy.
type Calibration struct {
	MinConfidence float64 `json:"min_confidence"`
	Reliability   []Step  `json:"reliability"`
}

// leastThreshold is the certainty below which no document is verified, whatever trials say:
// there its least sure value is rather wrong than right.
const leastThreshold = 0.5

// Calibrate finds the lowest threshold at which no more than the budget, a share of the
// documents that should not be verified, are; and the reliability curve. The threshold lies
// midway between the last document that may not pass and the first that may.
func Calibrate(trials []Trial, budget float64) Calibration {
	passed := passedOf(trials)
	slices.SortStableFunc(passed, func(a, b Trial) int { return cmp.Compare(b.Certainty, a.Certainty) })
	surer := func(than float64) float64 {
		i := slices.IndexFunc(passed, func(t Trial) bool { return t.Certainty <= than })
		if i == 0 {
			return 1
		}
		return passed[i-1].Certainty
	}
	should := 0
	for _, t := range trials {
		if !t.Verify {
			should++
		}
	}
	allowed := int(budget * float64(should))
	threshold := leastThreshold
	for _, t := range passed {
		if t.Verify {
			continue
		}
		if allowed--; allowed < 0 {
			threshold = max(leastThreshold, (t.Certainty+surer(t.Certainty))/2)
			break
		}
	}
	return Calibration{MinConfidence: math.Ceil(threshold*100) / 100, Reliability: reliabilityOf(passed)}
}

func passedOf(trials []Trial) []Trial {
	return slices.DeleteFunc(slices.Clone(trials), func(t Trial) bool { return !t.Passed })
}

// reliabilityOf joins neighbouring trials until their shares ascend (the isotonic regression
// by pooling). Half a trial of each outcome is added to each part, so that a few right ones do
// not make a certainty.
func reliabilityOf(passed []Trial) []Step {
	ts := slices.Clone(passed)
	slices.SortStableFunc(ts, func(a, b Trial) int { return cmp.Compare(a.Certainty, b.Certainty) })
	type part struct {
		from     float64
		right, n float64
	}
	share := func(p part) float64 { return (p.right + 0.5) / (p.n + 1) }
	var parts []part
	for _, t := range ts {
		p := part{from: t.Certainty, n: 1}
		if t.Verify {
			p.right = 1
		}
		parts = append(parts, p)
		for k := len(parts) - 1; k > 0 && (parts[k].from == parts[k-1].from || share(parts[k]) <= share(parts[k-1])); k-- {
			parts[k-1].right, parts[k-1].n = parts[k-1].right+parts[k].right, parts[k-1].n+parts[k].n
			parts = parts[:k]
		}
	}
	var steps []Step
	for _, p := range parts {
		steps = append(steps, Step{From: math.Floor(p.from*1000) / 1000, Share: math.Round(share(p)*1000) / 1000})
	}
	return steps
}

// Expected is the share of documents read with a certainty that was rightly verified; the
// certainty itself where there is no curve.
func Expected(curve []Step, certainty float64) float64 {
	if len(curve) == 0 {
		return certainty
	}
	share := curve[0].Share
	for _, s := range curve {
		if certainty < s.From {
			break
		}
		share = s.Share
	}
	return share
}

// Bin is a part of a reliability curve as it was found on documents held back.
type Bin struct {
	From, To float64 // expected share
	Expected float64 // mean
	Right    int     // of
	All      int
}

// HeldBack is how a calibration did on documents that it did not see.
type HeldBack struct {
	WrongAccepts, ShouldNot int
	RightAccepts, Should    int
	AtMost                  float64 // wrong accepts, as a share, with 95 % certainty
	Error                   float64 // expected calibration error of the confidence
	Bins                    []Bin
}

// Try is how a calibration does on trials that it did not see.
func Try(c Calibration, trials []Trial) HeldBack {
	h := newHeldBack()
	h.try(c, trials)
	return h.summed()
}

// CrossValidate calibrates on all folds but one and tries that one, for each.
func CrossValidate(trials []Trial, budget float64, folds int) HeldBack {
	h := newHeldBack()
	for fold := range folds {
		held := func(t Trial) bool { return t.Fold == fold }
		c := Calibrate(slices.DeleteFunc(slices.Clone(trials), held), budget)
		h.try(c, slices.DeleteFunc(slices.Clone(trials), func(t Trial) bool { return !held(t) }))
	}
	return h.summed()
}

func newHeldBack() HeldBack {
	const bins = 10
	h := HeldBack{Bins: make([]Bin, bins)}
	for i := range h.Bins {
		h.Bins[i].From, h.Bins[i].To = float64(i)/bins, float64(i+1)/bins
	}
	return h
}

func (h *HeldBack) try(c Calibration, trials []Trial) {
	for _, t := range trials {
		accepted := t.Passed && t.Certainty >= c.MinConfidence
		if t.Verify {
			h.Should++
		} else {
			h.ShouldNot++
		}
		switch {
		case accepted && t.Verify:
			h.RightAccepts++
		case accepted:
			h.WrongAccepts++
		}
		if !t.Passed {
			continue
		}
		expected := Expected(c.Reliability, t.Certainty)
		b := &h.Bins[min(int(expected*float64(len(h.Bins))), len(h.Bins)-1)]
		b.Expected += expected
		b.All++
		if t.Verify {
			b.Right++
		}
	}
}

// summed makes means and shares of what was counted.
func (h HeldBack) summed() HeldBack {
	h.Bins = slices.DeleteFunc(h.Bins, func(b Bin) bool { return b.All == 0 })
	all := 0
	for _, b := range h.Bins {
		all += b.All
	}
	for i := range h.Bins {
		b := &h.Bins[i]
		h.Error += math.Abs(b.Expected-float64(b.Right)) / float64(all)
		b.Expected /= float64(b.All)
	}
	h.AtMost = upperBound(h.WrongAccepts, h.ShouldNot)
	return h
}

// upperBound is the share that is exceeded with a probability of 5 % when so many of n were
// seen: the one-sided bound of Clopper and Pearson, found by halving.
func upperBound(seen, n int) float64 {
	if seen >= n {
		return 1
	}
	low, high := float64(seen)/float64(n), 1.0
	for range 60 {
		p := (low + high) / 2
		term := math.Pow(1-p, float64(n)) // of k = 0
		sum := term
		for k := 1; k <= seen; k++ {
			term *= float64(n-k+1) / float64(k) * p / (1 - p)
			sum += term
		}
		if sum > 0.05 {
			low = p
		} else {
			high = p
		}
	}
	return high
}
