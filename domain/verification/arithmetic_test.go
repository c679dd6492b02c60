package verification

import (
	"testing"

	"github.com/stretchr/testify/require"

	"asprak/domain/transcript"
)

func arithmeticScenarios() []scenario {
	edit := func(f func(*transcript.Reading)) transcript.Reading { return changed(card(), f) }
	dim := func(f func(*transcript.Reading)) transcript.Reading { return changed(khs(transcript.Pixels, 0.4), f) }
	value := transcript.MustDecimal
	return []scenario{
		{name: "edited grade", reading: edit(func(r *transcript.Reading) { r.Rows[required].Grade.Value = "A" }), label: Review(Inconsistent), check: "arithmetic", evidence: "rows[2].weight"},
		{name: "edited grade without weights", reading: unweighted(edit(func(r *transcript.Reading) { r.Rows[required].Grade.Value = "A" })),
			label: Review(Inconsistent), check: "arithmetic", evidence: "ips"},
		{name: "edited grade and weight", label: Review(Inconsistent), check: "arithmetic", evidence: "rows[2].points",
			reading: edit(func(r *transcript.Reading) {
				r.Rows[required].Grade.Value, r.Rows[required].Weight.Value = "A", value("4")
			})},
		{name: "edited grade, weight and points", label: Review(Inconsistent), check: "arithmetic", evidence: "total_points",
			reading: edit(func(r *transcript.Reading) {
				r.Rows[required].Grade.Value, r.Rows[required].Weight.Value, r.Rows[required].Points.Value = "A", value("4"), value("8")
			})},
		{name: "edited IPK", reading: edit(func(r *transcript.Reading) { r.IPK.Value = value("3.9") }), label: Review(Inconsistent), check: "arithmetic", evidence: "ipk"},
		{name: "edited IPK of a transcript", reading: changed(courses(transcript.TextLayer, 1), func(r *transcript.Reading) { r.IPK.Value = value("3.9") }),
			label: Review(Inconsistent), check: "arithmetic", evidence: "ipk"},
		{name: "average within the tolerance", reading: edit(func(r *transcript.Reading) { r.IPS.Value = value("3.47") }), label: Verified},
		{name: "average beyond the tolerance", reading: edit(func(r *transcript.Reading) { r.IPS.Value = value("3.46") }), label: Review(Inconsistent), check: "arithmetic"},
		{name: "row inserted", label: Review(Inconsistent), check: "arithmetic", evidence: "total_sks",
			reading: edit(func(r *transcript.Reading) {
				p := &page{source: transcript.TextLayer, confidence: 1, line: 600}
				r.Rows = append(r.Rows, p.row("SVPL214399", "Kalkulus", "2", "A"))
			})},
		{name: "row removed", reading: edit(func(r *transcript.Reading) { r.Rows = r.Rows[:4] }), label: Review(Inconsistent), check: "arithmetic"},
		{name: "letter of another scale", reading: edit(func(r *transcript.Reading) { r.Rows[0].Grade.Value = "BC" }), label: Review(Inconsistent), check: "arithmetic", evidence: "rows[0].grade"},
		{name: "dim numbers contradict", reading: dim(func(r *transcript.Reading) { r.Rows[0].Weight.Value = value("3.25") }), label: Review(LowConfidence), check: "arithmetic", evidence: "rows[0].weight"},
		{name: "sums that are no sums", reading: edit(func(r *transcript.Reading) { r.CumSKS.Value = value("1") }), label: Review(LowConfidence), check: "arithmetic"},
		{name: "total counts the pending course", label: Review(GradePending), check: "grade",
			reading: changed(regraded(transcript.TextLayer, 1, "T"), func(r *transcript.Reading) { r.TotalSKS.Value = value("10") })},
		{name: "total leaves out a grade that was not read", label: Review(GradeUnreadable), check: "grade",
			reading: changed(regraded(transcript.TextLayer, 1, "T"), func(r *transcript.Reading) { r.Rows[required].Grade.Value = "" })},
	}
}

func TestJudge_ForgedWithUnreadRowBeside_IsNotVerified(t *testing.T) {
	r := changed(unweighted(khs(transcript.Pixels, 0.95)), func(r *transcript.Reading) {
		r.Rows[required].Grade.Value = "A"
		r.Rows[0].SKS = nil
	})
	require.Equal(t, Review(LowConfidence), judged(r).Label, "the average cannot be followed, so the edit does not show")
}

func TestJudge_LongTranscript_AverageConfirmsNoSingleGrade(t *testing.T) {
	p := &page{source: transcript.Pixels, confidence: 0.95}
	r := p.reading(transcript.Transcript)
	for i := range 60 {
		r.Rows = append(r.Rows, p.row("XX"+string(rune('A'+i/26))+string(rune('A'+i%26)), "Kuliah", "3", "A"))
	}
	ugm, _ := transcript.ScaleByID("ugm")
	s := tallyOf(r.Rows, ugm, -1, "")
	r.TotalSKS, r.IPK = field(p, s.sks), field(p, s.average().Round(2))
	r = unweighted(r)
	require.Equal(t, Verified, judged(r).Label)
	r.Rows[required].Grade.Confidence = 0.5
	require.Equal(t, Review(LowConfidence), judged(r).Label, "the neighbouring letter gives the same average")
}

func TestJudge_GradeReadByTheAverage_LeavesTheAverageNoWitness(t *testing.T) {
	r := changed(unweighted(khs(transcript.Pixels, 0.95)), func(r *transcript.Reading) {
		r.Rows[0].Grade.Source, r.Rows[0].Grade.Confidence = transcript.Arithmetic, 0.7
	})
	v := judged(r)
	require.Equal(t, Review(LowConfidence), v.Label, "an edited letter may have been made up for")
	require.Equal(t, "confidence", v.Checks[len(v.Checks)-1].Name)

	r = changed(khs(transcript.Pixels, 0.95), func(r *transcript.Reading) {
		r.Rows[0].Grade.Source, r.Rows[0].Grade.Confidence = transcript.Arithmetic, 0.85
	})
	require.Equal(t, Verified, judged(r).Label, "its own weight named it")
}

func TestJudge_CreditsReadByTheTotal_DoNotShowThatNoRowIsMissing(t *testing.T) {
	r := changed(unweighted(khs(transcript.Pixels, 0.95)), func(r *transcript.Reading) {
		r.Rows[0].SKS.Source = transcript.Arithmetic
		r.Rows[required].Code.Value, r.Rows[required].Name.Value = "SVPL214399", "Sesuatu yang Lain"
	})
	require.Equal(t, Review(LowConfidence), judged(r).Label)
}

func TestJudge_ConfirmedFailure_OutweighsSumsThatWereMisread(t *testing.T) {
	dim := func(f func(*transcript.Reading)) transcript.Reading {
		return changed(khs(transcript.Pixels, 0.95), func(r *transcript.Reading) {
			r.Rows[0].Weight.Value, r.Rows[0].Weight.Confidence = transcript.MustDecimal("3.25"), 0.3
			f(r)
		})
	}
	below := func(asked Requirement, grade string) Requirement {
		asked.MinGrade = grade
		return asked
	}
	require.Equal(t, Review(LowConfidence), judged(dim(func(*transcript.Reading) {})).Label)
	v := Judge(dim(func(*transcript.Reading) {}), hasna, below(asked, "A"), nil, DefaultPolicy())
	require.Equal(t, Rejected(GradeBelowMin), v.Label)
	require.Equal(t, Doubt, find(v, "arithmetic").Outcome)
	v = Judge(dim(func(r *transcript.Reading) { r.Rows[required].Weight = nil }), hasna, below(asked, "A"), nil, DefaultPolicy())
	require.Equal(t, Rejected(GradeBelowMin), v.Label, "the points say the same as the weight")
	v = Judge(dim(func(r *transcript.Reading) { r.Rows[required].Weight, r.Rows[required].Points, r.IPS = nil, nil, nil }), hasna, below(asked, "A"), nil, DefaultPolicy())
	require.Equal(t, Review(LowConfidence), v.Label, "nothing confirms the grade")
	require.Equal(t, Review(Inconsistent), Judge(changed(khs(transcript.Pixels, 0.95), func(r *transcript.Reading) { r.Rows[0].Weight.Value = transcript.MustDecimal("3.25") }),
		hasna, below(asked, "A"), nil, DefaultPolicy()).Label, "a legible contradiction is the document's")
}

func TestJudge_CreditsReadByTheTotal_LeaveTheAverageOneWitness(t *testing.T) {
	scan := func(lost int, grade string) Label {
		r := unweighted(courses(transcript.Pixels, 0.9))
		for i := range lost {
			r.Rows[i].SKS.Source = transcript.Arithmetic
		}
		r.Rows[required].Grade.Value, r.Rows[required].Grade.Confidence = grade, 0.6
		lower := asking(func(q *Requirement) { q.MinIPK = nil })
		return Judge(r, hasna, *lower, nil, DefaultPolicy()).Label
	}
	require.Equal(t, Verified, scan(1, "B+"), "of one row the printed total tells the credits, and the average is left")
	require.NotEqual(t, Verified, scan(2, "B+"), "of two rows total and average tell them together")
	require.NotEqual(t, Verified, scan(1, "A"), "a grade that was raised does not give the average")
}
