package verification

import (
	"fmt"

	"asprak/domain/transcript"
)

// tally is what the course rows add up to under one scale. Rows without a final grade do
// not count; of several attempts at a course the best counts in best and bestSKS.
type tally struct {
	graded  bool // every row has SKS and a grade that the scale knows
	counted bool // every row has SKS
	all     transcript.Decimal
	open    transcript.Decimal // credits of rows without a legible grade; part of sks and bestSKS
	sks     transcript.Decimal
	points  transcript.Decimal
	bestSKS transcript.Decimal
	best    transcript.Decimal
}

func (t tally) average() transcript.Decimal     { return t.points.Div(t.sks) }
func (t tally) bestAverage() transcript.Decimal { return t.best.Div(t.bestSKS) }

// least is the smallest sum of credits that a document may print for the rows that were read.
func (t tally) least(kind transcript.Kind) transcript.Decimal {
	if kind == transcript.Transcript {
		return min(t.sks-t.open, t.bestSKS-t.open)
	}
	return t.sks - t.open
}

// tallyOf adds the rows up. The grade of row changed is taken as letter; -1 changes none.
func tallyOf(rows []transcript.Row, scale transcript.Scale, changed int, letter string) tally {
	type attempt struct{ sks, weight transcript.Decimal }
	t := tally{graded: len(rows) > 0, counted: len(rows) > 0}
	best := map[string]attempt{}
	for i := range rows {
		r := &rows[i]
		grade := ""
		if r.Grade != nil {
			grade = r.Grade.Value
		}
		if i == changed {
			grade = letter
		}
		if r.SKS == nil {
			t.counted, t.graded = false, false
			continue
		}
		t.all += r.SKS.Value
		l, ok := scale.Letter(grade)
		switch {
		case !ok:
			t.graded = false
			t.open += r.SKS.Value
			t.sks += r.SKS.Value
			t.bestSKS += r.SKS.Value
			continue
		case l.Pending:
			continue
		}
		t.sks += r.SKS.Value
		t.points += r.SKS.Value.Mul(l.Weight)
		key := courseKey(r, i)
		if a, ok := best[key]; !ok || l.Weight > a.weight {
			best[key] = attempt{r.SKS.Value, l.Weight}
		}
	}
	for _, a := range best {
		t.bestSKS += a.sks
		t.best += a.sks.Mul(a.weight)
	}
	return t
}

// courseKey tells the courses of a document apart; a row without code and name is its own.
func courseKey(r *transcript.Row, i int) string {
	switch {
	case r.Code != nil && transcript.NormaliseCode(r.Code.Value) != "":
		return "c" + transcript.NormaliseCode(r.Code.Value)
	case r.Name != nil && transcript.NormaliseCourse(r.Name.Value) != "":
		return "n" + transcript.NormaliseCourse(r.Name.Value)
	}
	return fmt.Sprint("r", i)
}
