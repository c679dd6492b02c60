package transcript

import "slices"

const (
	plainReading = 0.9 // confidence of a reading that another look would not better
	plainValue   = 0.6 // and of each value that a verdict may rest on
)

// Doubtful reports whether another look at the pixels may change what was read: something
// that a study result shows was not found, or not surely, or the numbers do not agree.
func (r *Reading) Doubtful() bool {
	if r.Problem != "" || !slices.ContainsFunc(r.Pages, func(p PageInfo) bool { return p.Source == Pixels }) {
		return false
	}
	return r.Kind == NotStudyResult || r.Confidence < plainReading || r.weakest() < plainValue
}

// weakest is the confidence of the least sure of the values that a verdict may rest on; 0
// when one was not found.
func (r *Reading) weakest() float64 {
	if r.Name == nil || r.NIM == nil || r.IPK == nil || len(r.Rows) == 0 {
		return 0
	}
	least := min(r.Name.Confidence, r.NIM.Confidence, r.IPK.Confidence)
	for i := range r.Rows {
		least = min(least, r.Rows[i].Grade.Confidence)
	}
	return unit(least)
}

// Clearer returns the clearer of two readings of the same pages by different means. Where
// both are sure of different identities or averages, neither is: that value loses its
// confidence.
func Clearer(a, b Reading) Reading {
	if b.clarity() > a.clarity() {
		a, b = b, a
	}
	contest(a.NIM, b.NIM)
	contest(a.IPK, b.IPK)
	contest(a.IPS, b.IPS)
	return a
}

// clarity is the confidence of a reading, lowered for what every study result shows and this
// one does not.
func (r *Reading) clarity() float64 {
	if r.Kind == NotStudyResult {
		return 0
	}
	c := r.Confidence
	for _, missing := range []bool{r.Name == nil, r.NIM == nil, r.IPK == nil, len(r.Rows) == 0} {
		if missing {
			c *= plainReading
		}
	}
	return c
}

func contest[T comparable](f, other *Field[T]) {
	if f == nil || other == nil || f.Value == other.Value || other.Confidence < plainValue {
		return
	}
	f.Confidence = min(f.Confidence, 1-unit(other.Confidence))
}
