package verification

import (
	"testing"

	"github.com/stretchr/testify/require"

	"asprak/domain/transcript"
)

const required = 2 // the row of the required course in card

// regraded is a card whose required row bears the grade, with all sums as they follow.
func regraded(source transcript.Source, confidence float64, grade string) transcript.Reading {
	r := khs(source, confidence)
	p := &page{source: source, confidence: confidence, line: 500}
	r.Rows[required] = p.row("SVPL214308", "Jaringan Komputer", "2", grade)
	ugm, _ := transcript.ScaleByID("ugm")
	t := tallyOf(r.Rows, ugm, -1, "")
	r.TotalSKS, r.TotalPoints, r.IPS = field(p, t.sks), field(p, t.points), field(p, t.average().Round(2))
	return r
}

func courseScenarios() []scenario {
	digital := func(grade string) transcript.Reading { return regraded(transcript.TextLayer, 1, grade) }
	scan := func(grade string) transcript.Reading { return regraded(transcript.Pixels, 0.9, grade) }
	minimum := func(grade, scale string) *Requirement {
		return asking(func(r *Requirement) { r.MinGrade, r.Scale = grade, scale })
	}
	renamed := func(r transcript.Reading, code, name string) transcript.Reading {
		r.Rows[required].Code.Value, r.Rows[required].Name.Value = code, name
		return r
	}
	return []scenario{
		{name: "grade below", reading: digital("B"), label: Rejected(GradeBelowMin), check: "grade", evidence: "rows[2].grade"},
		{name: "grade above", reading: digital("A"), label: Verified},
		{name: "failed course", reading: digital("E"), label: Rejected(GradeBelowMin), check: "grade"},
		{name: "clear grade below on a scan", reading: scan("B"), label: Rejected(GradeBelowMin), check: "grade"},
		{name: "dim grade below that its weight confirms", label: Rejected(GradeBelowMin), check: "grade",
			reading: changed(scan("B"), func(r *transcript.Reading) { r.Rows[required].Grade.Confidence = 0.4 })},
		{name: "dim grade below that nothing confirms", label: Review(LowConfidence), check: "grade", evidence: "rows[2].grade",
			reading: changed(unweighted(scan("B")), func(r *transcript.Reading) { r.Rows[required].Grade.Confidence, r.IPS = 0.4, nil })},
		{name: "clear grade below on a scan that nothing confirms", label: Review(LowConfidence), check: "grade", evidence: "rows[2].grade",
			reading: changed(unweighted(scan("B")), func(r *transcript.Reading) { r.IPS = nil })},
		{name: "clear grade below in characters that nothing confirms", label: Rejected(GradeBelowMin), check: "grade",
			reading: changed(unweighted(digital("B")), func(r *transcript.Reading) { r.IPS = nil })},
		{name: "dim grade that nothing confirms", label: Review(LowConfidence), check: "confidence", evidence: "rows[2].grade",
			reading: changed(unweighted(scan("A")), func(r *transcript.Reading) { r.Rows[required].Grade.Confidence, r.IPS = 0.4, nil })},
		{name: "dim grade that the average confirms", label: Verified,
			reading: changed(unweighted(scan("A")), func(r *transcript.Reading) { r.Rows[required].Grade.Confidence = 0.4 })},
		{name: "average that could not be followed", label: Review(LowConfidence), check: "confidence", evidence: "rows[2].grade",
			reading: changed(unweighted(card()), func(r *transcript.Reading) { r.Rows[0].Grade.Value = "" })},
		{name: "average announced that no number follows", label: Review(LowConfidence), check: "confidence", evidence: "rows[2].grade",
			reading: changed(card(), func(r *transcript.Reading) {
				r.IPS, r.Traces = nil, []transcript.Trace{{Kind: transcript.MissingValue, Page: 1}}
			})},
		{name: "average not announced", reading: changed(card(), func(r *transcript.Reading) { r.IPS = nil }), label: Verified},
		{name: "covered", reading: changed(card(), func(r *transcript.Reading) { r.Rows[required].Grade.Value = "" }), label: Review(GradeUnreadable), check: "grade", evidence: "rows[2].grade"},
		{name: "grade cell not found", reading: changed(card(), func(r *transcript.Reading) { r.Rows[required].Grade = nil }), label: Review(GradeUnreadable), check: "grade"},
		{name: "pending T", reading: digital("T"), label: Review(GradePending), check: "grade", evidence: "rows[2].grade"},
		{name: "pending K", reading: digital("K"), label: Review(GradePending), check: "grade"},
		{name: "pending dash", reading: digital("-"), label: Review(GradePending), check: "grade"},
		{name: "pending accepted", reading: digital("T"), requirement: asking(func(r *Requirement) { r.AcceptPending = true }), label: Verified},
		{name: "converted", reading: renamed(card(), "SVPL214308", "Jaringan Komputer (Konversi)"), label: Review(GradePending), check: "grade"},
		{name: "converted accepted", reading: renamed(card(), "SVPL214308", "Jaringan Komputer (Konversi)"),
			requirement: asking(func(r *Requirement) { r.AcceptConverted = true }), label: Verified},
		{name: "energy conversion is a course", reading: renamed(card(), "TME1", "Konversi Energi"),
			requirement: asking(func(r *Requirement) { r.Course = Course{Name: "Konversi Energi"} }), label: Verified},
		{name: "course missing", reading: renamed(card(), "SVPL214311", "Kalkulus"), label: Rejected(CourseMissing), check: "course", evidence: "rows"},
		{name: "similar name is another course", reading: renamed(card(), "X1", "Praktikum Jaringan Komputer"), label: Rejected(CourseMissing), check: "course"},
		{name: "one of several codes", reading: renamed(card(), "TK-12", "Jarkom"),
			requirement: asking(func(r *Requirement) { r.Course.Codes = []string{"SVPL214308", "tk12"} }), label: Verified},
		{name: "code changed, name the same", reading: renamed(card(), "SVPL999", "JARINGAN  KOMPUTER"), label: Verified},
		{name: "and is dan", reading: renamed(card(), "X1", "Desain & Analisis"),
			requirement: asking(func(r *Requirement) { r.Course = Course{Name: "desain dan analisis"} }), label: Verified},
		{name: "missing on a scan read whole", reading: renamed(khs(transcript.Pixels, 0.9), "SVPL210011", "Kalkulus"), label: Rejected(CourseMissing), check: "course"},
		{name: "missing on a scan that lost a row", label: Review(LowConfidence), check: "arithmetic", evidence: "total_sks",
			reading: changed(khs(transcript.Pixels, 0.9), func(r *transcript.Reading) { r.Rows = append(r.Rows[:required:required], r.Rows[required+1:]...) })},
		{name: "missing on a scan without totals", label: Review(LowConfidence), check: "course",
			reading: changed(renamed(khs(transcript.Pixels, 0.9), "SVPL210011", "Kalkulus"), func(r *transcript.Reading) { r.TotalSKS = nil })},
		{name: "misread name", reading: renamed(khs(transcript.Pixels, 0.9), "SVPLZI4BOB", "Jarinqan Kornputer"), label: Review(LowConfidence), check: "course", evidence: "rows[2]"},
		{name: "no code and half a name left of a row", label: Review(LowConfidence), check: "course", evidence: "rows[2]",
			reading: changed(renamed(khs(transcript.Pixels, 0.9), "", "Komputer and Networks"), func(r *transcript.Reading) { r.Rows[required].Code = nil })},
		{name: "no code and no word left of a row", label: Review(LowConfidence), check: "course", evidence: "rows[2]",
			reading: changed(renamed(khs(transcript.Pixels, 0.9), "", "dan II"), func(r *transcript.Reading) { r.Rows[required].Code = nil })},
		{name: "no code and another course's name", label: Rejected(CourseMissing), check: "course",
			reading: changed(renamed(khs(transcript.Pixels, 0.9), "", "Kalkulus"), func(r *transcript.Reading) { r.Rows[required].Code = nil })},
		{name: "neighbour's code misread as the required one", reading: renamed(khs(transcript.Pixels, 0.9), "SVPL214308", "Sistem Operasi"),
			label: Review(LowConfidence), check: "confidence", evidence: "rows[2].code"},
		{name: "minimum on another scale", reading: digital("B+"), requirement: minimum("AB", "its"), label: Rejected(GradeBelowMin), check: "grade"},
		{name: "minimum on another scale reached", reading: digital("A/B"), requirement: minimum("AB", "its"), label: Verified},
		{name: "minimum spelled the other way", reading: digital("A/B"), requirement: minimum("AB", ""), label: Verified},
		{name: "minimum on an unknown scale", reading: card(), requirement: minimum("B+", "nowhere"), label: Review(LowConfidence), check: "grade"},
		{name: "minimum that no scale has", reading: card(), requirement: minimum("Z", ""), label: Review(LowConfidence), check: "grade"},
	}
}

func TestJudge_SeveralAttempts_TheBestCounts(t *testing.T) {
	again := func(grades ...string) transcript.Reading {
		p := &page{source: transcript.TextLayer, confidence: 1}
		r := p.reading(transcript.Transcript)
		r.Rows = r.Rows[:required]
		for _, g := range grades {
			r.Rows = append(r.Rows, p.row("SVPL214308", "Jaringan Komputer", "2", g))
		}
		ugm, _ := transcript.ScaleByID("ugm")
		s := tallyOf(r.Rows, ugm, -1, "")
		r.TotalSKS, r.IPK = field(p, s.bestSKS), field(p, s.bestAverage().Round(2))
		return r
	}
	requirement := asked
	requirement.MinIPK = nil
	for _, c := range []struct {
		grades []string
		want   Label
	}{
		{[]string{"C", "A"}, Verified},
		{[]string{"A", "C"}, Verified},
		{[]string{"C", "B"}, Rejected(GradeBelowMin)},
		{[]string{"C", "K"}, Review(GradePending)},
		{[]string{"A", "K"}, Verified},
		{[]string{"C", ""}, Review(GradeUnreadable)},
	} {
		require.Equal(t, c.want, Judge(again(c.grades...), hasna, requirement, nil, DefaultPolicy()).Label, c.grades)
	}
	one := again("C", "A")
	one.IPK.Value = transcript.MustDecimal("3.13") // with both attempts
	require.Equal(t, Review(Inconsistent), Judge(one, hasna, requirement, nil, DefaultPolicy()).Label)
}

func TestJudge_ScaleOpen_DecidesWhatAllAgreeOn(t *testing.T) {
	open := changed(unweighted(card()), func(r *transcript.Reading) {
		r.Scale, r.University, r.IPS, r.TotalSKS = "", nil, nil, nil
		for i, g := range []string{"B", "A-", "B+", "A-", "A"} {
			r.Rows[i].Grade.Value = g
		}
	})
	require.Greater(t, len(candidateScales(&open)), 1)
	require.Equal(t, Verified, judged(open).Label)
	low := Judge(open, hasna, *asking(func(r *Requirement) { r.MinGrade = "A" }), nil, DefaultPolicy())
	require.Equal(t, Rejected(GradeBelowMin), low.Label)
	unsure := Judge(open, hasna, *asking(func(r *Requirement) { r.MinGrade, r.Scale = "B+", "uny" }), nil, DefaultPolicy())
	require.Equal(t, Review(LowConfidence), unsure.Label, "B+ is 3.25 at one university and 3.33 at another")
}

func TestJudge_CourseThatLooksAlike_IsFoundOnAScan(t *testing.T) {
	for name, c := range map[string]struct{ code, name string }{
		"code": {"SVPL2143O8", "Jarirgan Kompufer"},
		"name": {"SVPL999001", "JaringanKomputer"},
	} {
		look := func(source transcript.Source) Label {
			r := changed(khs(source, 0.9), func(r *transcript.Reading) {
				r.Rows[required].Code.Value, r.Rows[required].Name.Value = c.code, c.name
			})
			return judged(r).Label
		}
		require.Equal(t, Verified, look(transcript.Pixels), name)
		require.Equal(t, Rejected(CourseMissing), look(transcript.TextLayer), name)
	}
}

func TestJudge_DigitAndWordDiffer_IsAnotherCourse(t *testing.T) {
	other := asking(func(r *Requirement) {
		r.Course, r.MinIPK = Course{Codes: []string{"SVPL214318"}, Name: "Praktikum Struktur Data"}, nil
	})
	look := func(sure float64) Label {
		r := changed(khs(transcript.Pixels, 0.9), func(r *transcript.Reading) {
			r.Rows[required].Name.Value, r.Rows[required].Name.Confidence = "Praktikum Basis Data", sure
		})
		return Judge(r, hasna, *other, nil, DefaultPolicy()).Label
	}
	require.Equal(t, Rejected(CourseMissing), look(0.9))
	require.Equal(t, Review(LowConfidence), look(0.5))
}

func TestJudge_HistoryEndsInAnotherGrade_IsInconsistent(t *testing.T) {
	for grade, want := range map[string]Label{"B+": Verified, "B": Review(Inconsistent)} {
		r := changed(card(), func(r *transcript.Reading) {
			h := *r.Rows[required].Grade
			h.Value = grade
			r.Rows[required].History = &h
		})
		require.Equal(t, want, judged(r).Label)
	}
}

func TestJudge_AlikeNameUnderAnotherCode_IsAnotherCourse(t *testing.T) {
	alike := asking(func(r *Requirement) {
		r.Course, r.MinIPK = Course{Codes: []string{"SVPL214199"}, Name: "Jaringan Komputer I"}, nil
	})
	scan := khs(transcript.Pixels, 0.9)
	require.Equal(t, Rejected(CourseMissing), Judge(scan, hasna, *alike, nil, DefaultPolicy()).Label)
	for name, change := range map[string]func(*transcript.Row){
		"the code was not clear":    func(r *transcript.Row) { r.Code.Confidence = 0.5 },
		"the code is nearly it":     func(r *transcript.Row) { r.Code.Value = "SVPL214198" },
		"the code has another form": func(r *transcript.Row) { r.Code.Value = "JK-308" },
	} {
		r := changed(khs(transcript.Pixels, 0.9), func(r *transcript.Reading) { change(&r.Rows[2]) })
		require.Equal(t, Review(LowConfidence), Judge(r, hasna, *alike, nil, DefaultPolicy()).Label, name)
	}
}
