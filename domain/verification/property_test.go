package verification

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"asprak/domain/transcript"
)

// drawCard draws a consistent reading: rows of any grades with the sums that follow.
func drawCard(t *rapid.T) (transcript.Reading, Requirement) {
	source := rapid.SampledFrom([]transcript.Source{transcript.TextLayer, transcript.Pixels}).Draw(t, "source")
	p := &page{source: source, confidence: 1}
	if source == transcript.Pixels {
		p.confidence = rapid.Float64Range(0.85, 1).Draw(t, "confidence")
	}
	kind := rapid.SampledFrom([]transcript.Kind{transcript.KHS, transcript.Transcript}).Draw(t, "kind")
	r := p.reading(kind)
	ugm, _ := transcript.ScaleByID("ugm")
	r.Rows = nil
	for i := range rapid.IntRange(1, 12).Draw(t, "rows") {
		letter := rapid.SampledFrom(ugm.Letters[:14]).Draw(t, "grade").Name
		r.Rows = append(r.Rows, p.row(fmt.Sprintf("AB%04d", 1000+i*37), fmt.Sprintf("Kuliah %c", 'A'+i), fmt.Sprint(rapid.IntRange(1, 6).Draw(t, "sks")), letter))
	}
	s := tallyOf(r.Rows, ugm, -1, "")
	r.TotalSKS, r.TotalPoints = field(p, s.sks), field(p, s.points)
	average := field(p, s.average().Round(2))
	if kind == transcript.Transcript {
		r.IPK = average
	} else {
		r.IPS = average
		sks := transcript.DecimalOf(rapid.IntRange(20, 150).Draw(t, "cum sks"))
		points := sks.Mul(transcript.Decimal(rapid.IntRange(20000, 40000).Draw(t, "cum average"))).Round(2)
		r.CumSKS, r.CumPoints, r.IPK = field(p, sks), field(p, points), field(p, points.Div(sks).Round(2))
	}
	row := rapid.IntRange(0, len(r.Rows)-1).Draw(t, "required")
	requirement := Requirement{
		Course:   Course{Codes: []string{r.Rows[row].Code.Value}, Name: r.Rows[row].Name.Value},
		MinGrade: rapid.SampledFrom(ugm.Letters[:14]).Draw(t, "min grade").Name,
		MinIPK:   decimal(rapid.SampledFrom([]string{"0", "2.75", "3", "3.5"}).Draw(t, "min ipk")),
	}
	return r, requirement
}

func TestJudge_ConsistentReading_IsVerifiedOrBelowAMinimum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, requirement := drawCard(t)
		v := Judge(r, hasna, requirement, nil, DefaultPolicy())
		require.Contains(t, []Label{Verified, Rejected(GradeBelowMin), Rejected(IPKBelowMin)}, v.Label, "%+v", v.Checks)
		ugm, _ := transcript.ScaleByID("ugm")
		enough := false
		for i := range r.Rows {
			if r.Rows[i].Code.Value == requirement.Course.Codes[0] {
				c, _ := ugm.Compare(r.Rows[i].Grade.Value, requirement.MinGrade)
				enough = c >= 0
			}
		}
		require.Equal(t, enough && r.IPK.Value >= *requirement.MinIPK, v.Label == Verified)
	})
}

func TestJudge_RaisedGrade_NeverFallsBelow(t *testing.T) {
	ugm, _ := transcript.ScaleByID("ugm")
	rapid.Check(t, func(t *rapid.T) {
		r, requirement := drawCard(t)
		if Judge(r, hasna, requirement, nil, DefaultPolicy()).Label != Verified {
			t.Skip("not verified before")
		}
		i := rapid.IntRange(0, len(r.Rows)-1).Draw(t, "raised")
		at := slices.IndexFunc(ugm.Letters, func(l transcript.Letter) bool { return l.Name == r.Rows[i].Grade.Value })
		r.Rows[i].Grade.Value = ugm.Letters[rapid.IntRange(0, at).Draw(t, "letter")].Name
		require.NotEqual(t, Rejected(GradeBelowMin), Judge(r, hasna, requirement, nil, DefaultPolicy()).Label)
	})
}

// TestJudge_OneNumberTampered_IsNotVerified changes one number that the arithmetic covers.
func TestJudge_OneNumberTampered_IsNotVerified(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, requirement := drawCard(t)
		requirement.MinGrade, requirement.MinIPK = "E", decimal("0")
		require.Equal(t, Verified, Judge(r, hasna, requirement, nil, DefaultPolicy()).Label)
		i := rapid.IntRange(0, len(r.Rows)-1).Draw(t, "row")
		numbers := []*transcript.Field[transcript.Decimal]{r.Rows[i].Weight, r.Rows[i].Points, r.Rows[i].SKS, r.TotalSKS, r.TotalPoints, r.IPK}
		if r.IPS != nil {
			numbers = append(numbers, r.IPS)
		}
		if n := rapid.IntRange(0, len(numbers)).Draw(t, "which"); n < len(numbers) {
			by := transcript.Decimal(rapid.SampledFrom([]int{-10000, -2500, 300, 2500, 10000}).Draw(t, "by"))
			numbers[n].Value += by
		} else {
			ugm, _ := transcript.ScaleByID("ugm")
			letter := rapid.SampledFrom(ugm.Letters[:14]).Draw(t, "letter").Name
			if letter == r.Rows[i].Grade.Value {
				t.Skip("the same letter")
			}
			r.Rows[i].Grade.Value = letter
		}
		v := Judge(r, hasna, requirement, nil, DefaultPolicy())
		require.Contains(t, []Label{Review(Inconsistent), Review(LowConfidence)}, v.Label, "%+v", v.Checks)
		if len(r.Pages) > 0 && r.Pages[0].Source == transcript.TextLayer && numbersAreSums(r) {
			require.Equal(t, Review(Inconsistent), v.Label, "%+v", v.Checks)
		}
		require.NotEmpty(t, find(v, "arithmetic").Evidence)
	})
}

// numbersAreSums tells that the cumulative numbers may be what they claim: no average is above 4.
func numbersAreSums(r transcript.Reading) bool {
	return r.CumSKS == nil || r.CumPoints.Value.Div(r.CumSKS.Value) <= transcript.DecimalOf(4)
}

func TestJudge_AnyReading_IsDeterministicAndNeverPanics(t *testing.T) {
	known := map[Label]bool{}
	for _, l := range Labels() {
		known[l] = true
	}
	requirements := rapid.Custom(func(t *rapid.T) Requirement {
		r := Requirement{
			Course:   Course{Codes: rapid.SliceOfN(rapid.SampledFrom([]string{"", "A1", "SVPL214308", "😀"}), 0, 3).Draw(t, "codes"), Name: rapid.String().Draw(t, "name")},
			MinGrade: rapid.SampledFrom([]string{"", "A", "A/B", "AB", "E", "T", "?"}).Draw(t, "grade"), Scale: rapid.SampledFrom([]string{"", "ugm", "itb", "x"}).Draw(t, "scale"),
			AcceptPending: rapid.Bool().Draw(t, "pending"), AcceptConverted: rapid.Bool().Draw(t, "converted"),
		}
		if rapid.Bool().Draw(t, "all") {
			r.MinIPK, r.MinSKS, r.MinSemester = decimal("3"), decimal("-5"), new(2)
		}
		return r
	})
	readings := rapid.Custom(anyReading)
	rapid.Check(t, func(t *rapid.T) {
		r, q := readings.Draw(t, "reading"), requirements.Draw(t, "requirement")
		a := Applicant{rapid.String().Draw(t, "name"), rapid.SampledFrom([]string{"", hasna.NIM, "\x00"}).Draw(t, "nim")}
		v := Judge(r, a, q, []Duplicate{{"", "", ""}}, DefaultPolicy())
		require.Equal(t, v, Judge(r, a, q, []Duplicate{{"", "", ""}}, DefaultPolicy()))
		require.True(t, known[v.Label] || r.Problem != "", v.Label)
		require.True(t, v.Confidence >= 0 && v.Confidence <= 1)
		require.NotEmpty(t, v.Checks)
	})
}

func anyReading(t *rapid.T) transcript.Reading {
	confidence := rapid.SampledFrom([]float64{-1, 0, 0.3, 0.9, 1, 7})
	source := rapid.SampledFrom([]transcript.Source{"", transcript.TextLayer, transcript.Pixels, transcript.Arithmetic})
	texts := func(label string, values ...string) *transcript.Field[string] {
		if !rapid.Bool().Draw(t, label+"?") {
			return nil
		}
		return &transcript.Field[string]{Value: rapid.SampledFrom(values).Draw(t, label), Confidence: confidence.Draw(t, "confidence"), Source: source.Draw(t, "source")}
	}
	numbers := func(label string) *transcript.Field[transcript.Decimal] {
		if !rapid.Bool().Draw(t, label+"?") {
			return nil
		}
		v := rapid.OneOf(rapid.Int64Range(-50000, 2000000), rapid.Int64()).Draw(t, label)
		return &transcript.Field[transcript.Decimal]{Value: transcript.Decimal(v), Confidence: confidence.Draw(t, "confidence"), Source: source.Draw(t, "source")}
	}
	r := transcript.Reading{
		Problem: rapid.SampledFrom([]transcript.FileProblem{"", "", "", transcript.EmptyFile, "odd"}).Draw(t, "problem"),
		Active:  rapid.Bool().Draw(t, "active"),
		Kind:    rapid.SampledFrom([]transcript.Kind{transcript.KHS, transcript.Transcript, transcript.NotStudyResult, ""}).Draw(t, "kind"),
		Scale:   rapid.SampledFrom([]string{"", "ugm", "itb", "?"}).Draw(t, "scale"), Confidence: confidence.Draw(t, "confidence"),
		Name: texts("name", "", hasna.Name, "\u202e"), NIM: texts("nim", "", hasna.NIM, "1"), University: texts("university", "ITB", "?"),
		TotalSKS: numbers("total"), TotalPoints: numbers("points"), CumSKS: numbers("cum"), CumPoints: numbers("cum points"), IPS: numbers("ips"), IPK: numbers("ipk"),
	}
	for range rapid.IntRange(0, 2).Draw(t, "traces") {
		r.Traces = append(r.Traces, transcript.Trace{Kind: rapid.SampledFrom([]transcript.TraceKind{transcript.LayerMismatch, transcript.WhiteText, "odd"}).Draw(t, "trace"), Text: "3,75"})
	}
	for range rapid.IntRange(0, 2).Draw(t, "pages") {
		r.Pages = append(r.Pages, transcript.PageInfo{Source: source.Draw(t, "page")})
	}
	for range rapid.IntRange(0, 4).Draw(t, "rows") {
		r.Rows = append(r.Rows, transcript.Row{
			Code: texts("code", "", "A1", "SVPL214308"), Name: texts("course", "", "Jaringan Komputer", "x (konversi)"), SKS: numbers("sks"),
			Grade: texts("grade", "", "A", "A-", "AB", "T", "-", "😀"), Weight: numbers("weight"), Points: numbers("points"),
		})
	}
	return r
}

// What is recorded of a judgement is enough to come to it again: reading and verdict go
// through the JSON that they are kept in.
func TestJudge_FromWhatIsRecorded_ConcludesTheSameAgain(t *testing.T) {
	labels := map[Label]int{}
	rapid.Check(t, func(t *rapid.T) {
		r, requirement := drawCard(t)
		policy := DefaultPolicy()
		policy.MinConfidence = rapid.SampledFrom([]float64{0, 0.75, 1}).Draw(t, "min confidence")
		switch rapid.IntRange(0, 6).Draw(t, "trouble") {
		case 0:
			r.IPK = nil
		case 1:
			r.Name.Value = "Somebody Else"
		case 2:
			r.Rows[0].SKS = nil
		case 3:
			r.Traces = []transcript.Trace{{Kind: transcript.CoveredText, Page: 1, Text: "A"}}
		case 4:
			r.Problem = transcript.Encrypted
		}
		duplicates := rapid.SampledFrom([][]Duplicate{nil, {{"d1", "21/1", "file"}}, {{"d1", "21/1", "rows"}, {"d2", "21/2", "file"}}, {{"d3", hasna.NIM, "file"}}}).Draw(t, "duplicates")
		first := Judge(r, hasna, requirement, duplicates, policy)
		var reading transcript.Reading
		var recorded Verdict
		again(t, r, &reading)
		again(t, first, &recorded)
		require.Equal(t, recorded, Judge(reading, hasna, requirement, recorded.Duplicates(), policy))
		labels[first.Label]++
	})
	require.Greater(t, len(labels), 4, "%v", labels)
}

func again(t require.TestingT, from, to any) {
	text, err := json.Marshal(from)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, to))
}
