package transcript

import (
	"fmt"
	"slices"
)

// completeIdentity takes from another look what this one did not find.
func (r *Reading) completeIdentity(other *Reading) {
	r.Name = either(r.Name, other.Name, NormaliseName)
	r.NIM = either(r.NIM, other.NIM, NormaliseNIM)
	r.University = either(r.University, other.University, foldCaption)
	r.Faculty = either(r.Faculty, other.Faculty, foldCaption)
	r.Programme = either(r.Programme, other.Programme, foldCaption)
	r.SemesterLabel = either(r.SemesterLabel, other.SemesterLabel, foldCaption)
	r.AcademicYear = either(r.AcademicYear, other.AcademicYear, foldCaption)
	r.Semester = either(r.Semester, other.Semester, itself)
}

// completeSums is completeIdentity for credits and averages. A total that only the other look
// shows counts where the rows bear it out.
func (r *Reading) completeSums(other *Reading) {
	if t := totalsOf(r.Rows, r.Scale); r.TotalSKS != nil || other.TotalSKS != nil && slices.Contains([]Decimal{t.all, t.sks, t.bestSKS}, other.TotalSKS.Value) {
		r.TotalSKS = either(r.TotalSKS, other.TotalSKS, itself)
	}
	r.CumSKS = either(r.CumSKS, other.CumSKS, itself)
	r.IPS = either(r.IPS, other.IPS, itself)
	r.IPK = either(r.IPK, other.IPK, itself)
}

func itself[T any](v T) T { return v }

// either is the first of two sightings of one value, or the second where the first was not
// plain and that one is surer. Where they differ it is less sure by how sure the other is.
func either[T any, K comparable](a, b *Field[T], key func(T) K) *Field[T] {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	same := key(a.Value) == key(b.Value)
	if unit(b.Confidence) > unit(a.Confidence) && (same || a.Confidence < plainValue) {
		a, b = b, a
	}
	if same {
		return a
	}
	f := *a
	f.Confidence *= 1 - unit(b.Confidence)/2
	return &f
}

func cloned(rows []Row) []Row {
	out := slices.Clone(rows)
	for i := range out {
		r := &out[i]
		r.Code, r.Name, r.Grade, r.History = copied(r.Code), copied(r.Name), copied(r.Grade), copied(r.History)
		r.SKS, r.Weight, r.Points, r.Semester = copied(r.SKS), copied(r.Weight), copied(r.Points), copied(r.Semester)
	}
	return out
}

func copied[T any](f *Field[T]) *Field[T] {
	if f == nil {
		return nil
	}
	c := *f
	return &c
}

// joined completes the rows with those that another look showed. A row that only one of them
// shows is a course where with it the credits add up to the total; an incomplete one is none.
func joined(rows, other []Row, total *Decimal, codes *codebook) []Row {
	if len(rows) == 0 {
		return other
	}
	printed := func(is func(*Row) bool) bool {
		n := 0
		for i := range rows {
			if is(&rows[i]) {
				n++
			}
		}
		return 2*n >= len(rows)
	}
	weights := printed(func(r *Row) bool { return r.Weight != nil })
	points := printed(func(r *Row) bool { return r.Points != nil })
	pairs := paired(rows, other)
	credits := sameColumn(rows, other, pairs)
	inRows, inOther := codesIn(rows), codesIn(other)
	for _, p := range pairs {
		a, b := &rows[p[0]], &other[p[1]]
		a.Code = codes.either(a.Code, b.Code, inRows, inOther)
		a.Name = either(a.Name, b.Name, NormaliseCourse)
		if credits {
			a.SKS = either(a.SKS, b.SKS, itself)
		}
		a.Grade = eitherGrade(a.Grade, b.Grade)
		a.History = either(a.History, b.History, itself)
		a.Semester = either(a.Semester, b.Semester, itself)
		if weights {
			a.Weight = eitherNumber(a.Weight, b.Weight, func(v Decimal) bool {
				return a.SKS != nil && a.Points != nil && a.SKS.Value.Mul(v) == a.Points.Value
			})
		}
		if points {
			a.Points = eitherNumber(a.Points, b.Points, func(v Decimal) bool {
				return a.SKS != nil && a.Weight != nil && a.SKS.Value.Mul(a.Weight.Value) == v
			})
		}
	}
	var both, all []Row
	pairs = append(pairs, [2]int{len(rows), len(other)})
	i, j := 0, 0
	for _, p := range pairs {
		for ; i < p[0]; i++ {
			if rows[i].complete() || j < p[1] {
				both, all = append(both, rows[i]), append(all, rows[i])
			}
		}
		for ; j < p[1]; j++ {
			if other[j].complete() {
				all = append(all, other[j])
			}
		}
		if i < len(rows) {
			both, all = append(both, rows[i]), append(all, rows[i])
		}
		i, j = i+1, j+1
	}
	if total != nil && creditsIn(all) == *total {
		return all
	}
	return both
}

// sameColumn reports whether both looks found the credits in the same column: they agree on
// most of those that both read plainly.
func sameColumn(rows, other []Row, pairs [][2]int) bool {
	same, differ := 0, 0
	for _, p := range pairs {
		a, b := rows[p[0]].SKS, other[p[1]].SKS
		switch {
		case a == nil || b == nil || min(a.Confidence, b.Confidence) < plainValue:
		case a.Value == b.Value:
			same++
		default:
			differ++
		}
	}
	return same >= differ
}

func creditsIn(rows []Row) Decimal {
	var sum Decimal
	for i := range rows {
		if rows[i].SKS != nil {
			sum += rows[i].SKS.Value
		}
	}
	return sum
}

// eitherNumber is either for numbers of a row: where two looks differ, the one that follows
// from the numbers beside it goes before.
func eitherNumber(a, b *Field[Decimal], follows func(Decimal) bool) *Field[Decimal] {
	if a != nil && b != nil && !follows(a.Value) && follows(b.Value) {
		a, b = b, a
	}
	return either(a, b, itself)
}

// uncovered is how sure a grade can be of which one look saw nothing: the cell may be covered.
const uncovered = 0.5

// eitherGrade is either for grades: what was legible goes before what was not, and what two
// looks see differently is not legible.
func eitherGrade(a, b *Field[string]) *Field[string] {
	if a == nil || b == nil || step(a.Value) == step(b.Value) {
		return either(a, b, step)
	}
	switch {
	case a.Value == "":
		a, b = b, a
		fallthrough
	case b.Value == "":
		if b.Text != "" {
			return a
		}
		f := *a
		f.Confidence = min(f.Confidence, uncovered)
		return &f
	}
	if unit(b.Confidence) > unit(a.Confidence) {
		a, b = b, a
	}
	if b.Confidence < notLegible {
		return a
	}
	f := *a
	f.Text, f.Confidence = a.asSeen()+"|"+b.asSeen(), min(f.Confidence, notLegible)
	return &f
}

func (f *Field[T]) asSeen() string {
	if f.Text != "" {
		return f.Text
	}
	return fmt.Sprint(f.Value)
}

// mostPairs bounds what paired compares: 200 rows with as many, more than ten pages hold.
const mostPairs = 40_000

// paired tells which rows of two looks are one, in their order: those that have most in common.
func paired(a, b []Row) [][2]int {
	if len(a)*len(b) > mostPairs {
		return nil
	}
	// most[i][j] is the greatest likeness of what follows row i of a and row j of b.
	most := make([][]float64, len(a)+1)
	for i := range most {
		most[i] = make([]float64, len(b)+1)
	}
	alike := make([][]float64, len(a))
	for i := len(a) - 1; i >= 0; i-- {
		alike[i] = make([]float64, len(b))
		for j := len(b) - 1; j >= 0; j-- {
			alike[i][j] = a[i].alike(&b[j])
			most[i][j] = max(most[i+1][j], most[i][j+1], most[i+1][j+1]+alike[i][j])
		}
	}
	var out [][2]int
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case alike[i][j] > 0 && most[i][j] == most[i+1][j+1]+alike[i][j]:
			out = append(out, [2]int{i, j})
			i, j = i+1, j+1
		case most[i][j] == most[i+1][j]:
			i++
		default:
			j++
		}
	}
	return out
}

// leastAlike is the share of signs that two looks at one text have in common at least.
const leastAlike = 0.6

// alike is how much speaks for two rows being one course, 0 where neither code nor name does.
func (r *Row) alike(o *Row) float64 {
	code, name := likeText(r.Code, o.Code, NormaliseCode), likeText(r.Name, o.Name, NormaliseCourse)
	if r.Page != o.Page || max(code, name) < leastAlike {
		return 0
	}
	s := code + name
	if r.SKS != nil && o.SKS != nil && r.SKS.Value == o.SKS.Value {
		s += sameCell
	}
	if r.Grade != nil && o.Grade != nil && r.Grade.Value == o.Grade.Value {
		s += sameCell
	}
	return s
}

// sameCell is what an equal cell adds to the likeness of two rows, of which many are equal.
const sameCell = 0.2

// likeText is 1 for equal texts and less for each sign that differs.
func likeText(a, b *Field[string], key func(string) string) float64 {
	if a == nil || b == nil {
		return 0
	}
	x, y := key(a.Value), key(b.Value)
	x, y = x[:min(len(x), maxCaption)], y[:min(len(y), maxCaption)]
	n := max(len(x), len(y))
	if n == 0 {
		return 0
	}
	return 1 - float64(editDistance(x, y, n))/float64(n)
}
