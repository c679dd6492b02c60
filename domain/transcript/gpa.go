package transcript

// totals are sums over the rows that count: those with a final grade.
type totals struct {
	sks     Decimal // of the rows with weight
	all     Decimal // of all rows
	points  Decimal
	known   bool // every counting row has SKS and weight
	best    Decimal
	bestSKS Decimal // with the best of several attempts at a course only
}

func totalsOf(rows []Row, scale string) totals {
	t := totals{known: len(rows) > 0}
	type attempt struct{ sks, weight Decimal }
	best := map[string]attempt{}
	s, haveScale := ScaleByID(scale)
	for i := range rows {
		r := &rows[i]
		if r.SKS == nil || r.Grade == nil {
			t.known = false
			continue
		}
		t.all += r.SKS.Value
		if pendingGrade(r.Grade.Value) {
			continue
		}
		var weight Decimal
		switch {
		case r.Weight != nil:
			weight = r.Weight.Value
		case haveScale:
			l, ok := s.Letter(r.Grade.Value)
			if !ok {
				t.known = false
				continue
			}
			weight = l.Weight
		default:
			t.known = false
			continue
		}
		t.sks += r.SKS.Value
		t.points += r.SKS.Value.Mul(weight)
		key := ""
		if r.Code != nil {
			key = NormaliseCode(r.Code.Value)
		} else if r.Name != nil {
			key = NormaliseCourse(r.Name.Value)
		}
		if a, ok := best[key]; !ok || weight > a.weight {
			best[key] = attempt{r.SKS.Value, weight}
		}
	}
	for _, a := range best {
		t.best += a.sks.Mul(a.weight)
		t.bestSKS += a.sks
	}
	return t
}

func (t totals) average() Decimal     { return t.points.Div(t.sks).Round(2) }
func (t totals) bestAverage() Decimal { return t.best.Div(t.bestSKS).Round(2) }

var hundredth = MustDecimal("0.01")

func near(a, b Decimal) bool { return (a - b).Abs() <= hundredth }

// settleSums chooses among the totals and averages that the document prints.
func settleSums(r *Reading, found []sighting, under []sumRow) {
	if r.Kind == NotStudyResult {
		return
	}
	t := totalsOf(r.Rows, r.Scale)
	of := func(k fieldKind, qualified bool) []*Field[Decimal] {
		var out []*Field[Decimal]
		for _, s := range found {
			if s.kind == k && (qualified || !s.qualified) {
				out = append(out, s.field)
			}
		}
		return out
	}
	ipk := of(ipkField, true)
	ips := of(ipsField, true)
	bare := of(averageField, false)
	own := t.average()
	if r.Kind == Transcript {
		if len(ipk) == 0 {
			ipk = bare
		}
		// The running average of each term comes first, that of all terms last.
		r.IPK = choose(ipk, t.known, t.bestAverage(), own)
	} else {
		if len(ips) == 0 {
			ips = bare
		} else if len(ipk) == 0 {
			ipk = of(averageField, false)
		}
		r.IPS = choose(ips, t.known, own)
		r.IPK = last(ipk)
	}
	single(r, of, under, t)
}

// missingAverage is the caption that announces the average of the rows, where no number was
// read with any.
func missingAverage(r *Reading, blanks []blank) []Trace {
	average, kind := r.IPS, ipsField
	if r.Kind == Transcript {
		average, kind = r.IPK, ipkField
	}
	if r.Kind == NotStudyResult || average != nil {
		return nil
	}
	for _, b := range blanks {
		if b.kind == kind || b.kind == averageField {
			return []Trace{b.trace}
		}
	}
	return nil
}

func single(r *Reading, of func(fieldKind, bool) []*Field[Decimal], under []sumRow, t totals) {
	if r.Kind == Transcript {
		r.TotalSKS = choose(append(of(totalSKSField, false), of(cumSKSField, false)...), true, t.bestSKS, t.all, t.sks)
		r.TotalPoints = choose(append(of(totalPointsField, false), of(cumPointsField, false)...), true, t.best, t.points)
	} else {
		r.TotalSKS = choose(of(totalSKSField, true), true, t.all, t.sks)
		r.TotalPoints = last(of(totalPointsField, true))
	}
	r.CumSKS = last(of(cumSKSField, true))
	r.CumPoints = last(of(cumPointsField, true))
	defer func() {
		if r.Kind == Transcript && r.CumSKS == nil {
			r.CumSKS = r.TotalSKS
		}
	}()
	if len(under) == 0 {
		return
	}
	if r.Kind == Transcript && len(under) > 1 && r.TotalSKS != nil {
		return
	}
	row := under[len(under)-1]
	if f := numberOf(row.sks); f != nil {
		r.TotalSKS = f
	}
	if f := numberOf(row.points); f != nil {
		r.TotalPoints = f
	}
}

func numberOf(ts []*token) *Field[Decimal] {
	for _, t := range ts {
		if d, ok := parseNumber(t.Text); ok {
			return fieldOf(d, t.Text, []*token{t})
		}
	}
	return nil
}

// choose prefers the last field that agrees with one of the computed values, then the
// last there is.
func choose(fields []*Field[Decimal], known bool, computed ...Decimal) *Field[Decimal] {
	if known {
		for _, want := range computed {
			for i := len(fields) - 1; i >= 0; i-- {
				if want > 0 && near(fields[i].Value, want) {
					return fields[i]
				}
			}
		}
	}
	return last(fields)
}

func last(fields []*Field[Decimal]) *Field[Decimal] {
	if len(fields) == 0 {
		return nil
	}
	return fields[len(fields)-1]
}

// legibility says how surely a document is not a study result: many clear words that are
// about something else say so, a few dim ones say nothing.
func legibility(sheets []*sheet) float64 {
	sum, n := 0.0, 0
	for _, s := range sheets {
		for _, t := range s.tokens {
			sum += unit(t.Confidence)
			n++
		}
	}
	const plenty = 30
	return unit(sum / float64(max(n, plenty)))
}

// confidenceOf joins the confidences of the decisive fields with how well the numbers agree.
func confidenceOf(r *Reading) float64 {
	c := 1.0
	lower := func(f float64, weight float64) { c *= 1 - weight*(1-unit(f)) }
	if r.Name == nil {
		c *= 0.5
	} else {
		lower(r.Name.Confidence, 0.3)
	}
	if r.NIM == nil {
		c *= 0.5
	} else {
		lower(r.NIM.Confidence, 0.3)
	}
	if r.IPK != nil {
		lower(r.IPK.Confidence, 0.4)
	}
	if len(r.Rows) == 0 {
		return c * 0.2
	}
	sum, broken, checked := 0.0, 0, 0
	for i := range r.Rows {
		row := &r.Rows[i]
		sum += unit(row.Grade.Confidence)
		if !row.complete() {
			broken++
		}
		if row.Weight != nil && row.Points != nil && row.SKS != nil {
			checked++
			if row.SKS.Value.Mul(row.Weight.Value) != row.Points.Value {
				broken++
			}
		}
	}
	n := float64(len(r.Rows))
	lower(sum/n, 0.6)
	c *= 1 - 0.6*min(1, float64(broken)/n)
	t := totalsOf(r.Rows, r.Scale)
	agree, asked := 0, 0
	ask := func(ok bool) {
		asked++
		if ok {
			agree++
		}
	}
	if r.TotalSKS != nil {
		ask(r.TotalSKS.Value == t.all || r.TotalSKS.Value == t.sks || r.TotalSKS.Value == t.bestSKS)
	}
	if r.IPS != nil && r.Kind == KHS && t.known {
		ask(near(r.IPS.Value, t.average()))
	}
	if r.IPK != nil && r.Kind == Transcript && t.known {
		ask(near(r.IPK.Value, t.bestAverage()) || near(r.IPK.Value, t.average()))
	}
	switch {
	case asked == 0 && checked == 0:
		c *= 0.8
	case asked > 0:
		c *= 0.6 + 0.4*float64(agree)/float64(asked)
	}
	return unit(c)
}
