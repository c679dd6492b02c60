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
// when one was not found, or rows show less than others.
func (r *Reading) weakest() float64 {
	if r.Name == nil || r.NIM == nil || r.IPK == nil || len(r.Rows) == 0 {
		return 0
	}
	if n := completeRows(r.Rows); n > 0 && n < len(r.Rows) {
		return 0
	}
	least := min(r.Name.Confidence, r.NIM.Confidence, r.IPK.Confidence)
	for i := range r.Rows {
		least = min(least, r.Rows[i].Grade.Confidence)
	}
	return unit(least)
}

// ReadBoth reads two looks at the same pages, by different means: the clearer of them, with
// what only the other one shows. A value that they show differently loses confidence.
func ReadBoth(file, again File) Reading {
	a, b := gather(file), gather(again)
	first, second := a.settle(nil), b.settle(nil)
	if second.clarity() > first.clarity() {
		a, b, first, second = b, a, second, first
	}
	if second.Kind == NotStudyResult {
		return first
	}
	other := look{reading: &second, rows: b.body.rows}
	if total := either(first.TotalSKS, second.TotalSKS, itself); total != nil {
		other.total = &total.Value
	}
	return a.settle(&other)
}

// look is what another look at the same pages showed.
type look struct {
	reading *Reading
	rows    []Row    // before the numbers around them settled anything
	total   *Decimal // credits that either look shows as the sum
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
