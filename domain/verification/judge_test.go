package verification

import (
	"testing"

	"github.com/stretchr/testify/require"

	"asprak/domain/transcript"
)

// scenario is one document with what must come of it.
type scenario struct {
	name        string
	reading     transcript.Reading
	applicant   *Applicant
	requirement *Requirement
	duplicates  []Duplicate
	label       Label
	check       string // the check that decides
	evidence    string // a field that it points at
}

func (s scenario) judge() Verdict {
	applicant, requirement := hasna, asked
	if s.applicant != nil {
		applicant = *s.applicant
	}
	if s.requirement != nil {
		requirement = *s.requirement
	}
	return Judge(s.reading, applicant, requirement, s.duplicates, DefaultPolicy())
}

func asking(f func(*Requirement)) *Requirement {
	r := asked
	f(&r)
	return &r
}

func traced(kind transcript.TraceKind) transcript.Reading {
	return changed(card(), func(r *transcript.Reading) {
		r.Traces = []transcript.Trace{{Kind: kind, Page: 1, Box: r.IPK.Box, Text: "3,10"}}
	})
}

// ofScan is the reading with its first page read from pixels.
func ofScan(r transcript.Reading) transcript.Reading {
	return changed(r, func(r *transcript.Reading) {
		r.Pages = append([]transcript.PageInfo{{Number: 1, Width: 595, Height: 842, Source: transcript.Pixels}}, r.Pages[1:]...)
	})
}

func scenarios() []scenario {
	scan := func(confidence float64) transcript.Reading { return khs(transcript.Pixels, confidence) }
	problem := func(p transcript.FileProblem) transcript.Reading {
		return transcript.Reading{Problem: p, Detail: "said the decoder", Kind: transcript.NotStudyResult}
	}
	other := &Applicant{Name: "Danang Wijayanto", NIM: "21/478601/SV/21085"}
	list := []scenario{
		{name: "born digital", reading: card(), label: Verified},
		{name: "clear scan", reading: scan(0.9), label: Verified},
		{name: "transcript", reading: courses(transcript.TextLayer, 1), requirement: asking(func(r *Requirement) { r.MinIPK = decimal("3.48") }), label: Verified},
		{name: "without weights", reading: unweighted(card()), label: Verified},
		{name: "scripts", reading: changed(card(), func(r *transcript.Reading) { r.Active = true }), label: Review(ActiveContent), check: "scripts", evidence: "file"},
		{name: "study plan", reading: changed(card(), func(r *transcript.Reading) { r.Kind, r.Rows = transcript.NotStudyResult, nil }),
			label: Rejected(NotAStudyResult), check: "kind", evidence: "kind"},
		{name: "no kind at all", reading: changed(card(), func(r *transcript.Reading) { r.Kind = "" }), label: Rejected(NotAStudyResult), check: "kind"},
		{name: "illegible photo", reading: changed(scan(0.5), func(r *transcript.Reading) { r.Kind, r.Rows = transcript.NotStudyResult, nil }),
			label: Review(LowConfidence), check: "kind", evidence: "kind"},
		{name: "photo of a cat", reading: changed(scan(0.2), func(r *transcript.Reading) { r.Kind, r.Rows = transcript.NotStudyResult, nil }),
			label: Rejected(NotAStudyResult), check: "kind"},
		{name: "another person", reading: card(), applicant: other, label: Rejected(IdentityMismatch), check: "identity", evidence: "nim"},
		{name: "another person on a dim scan", reading: scan(0.6), applicant: other, label: Review(LowConfidence), check: "identity", evidence: "name"},
		{name: "another number", reading: card(), applicant: &Applicant{hasna.Name, "20/461488/SV/19779"}, label: Review(IdentityPartial), check: "identity", evidence: "nim"},
		{name: "another name", reading: card(), applicant: &Applicant{"Danang Wijayanto", hasna.NIM}, label: Review(IdentityPartial), check: "identity", evidence: "name"},
		{name: "number not read", reading: changed(card(), func(r *transcript.Reading) { r.NIM = nil }), label: Review(IdentityPartial), check: "identity", evidence: "nim"},
		{name: "name not read, another number", reading: changed(card(), func(r *transcript.Reading) { r.Name = nil }), applicant: other,
			label: Review(LowConfidence), check: "identity"},
		{name: "neither read", reading: changed(card(), func(r *transcript.Reading) { r.Name, r.NIM = nil, nil }), label: Review(LowConfidence), check: "identity"},
		{name: "covered", reading: traced(transcript.CoveredText), label: Review(SuspectedEdit), check: "traces", evidence: "trace:covered_text"},
		{name: "pasted", reading: traced(transcript.PastedImage), label: Review(SuspectedEdit), check: "traces"},
		{name: "later update", reading: traced(transcript.LaterUpdate), label: Review(SuspectedEdit), check: "traces"},
		{name: "invisible", reading: traced(transcript.InvisibleText), label: Review(TextLayerMismatch), check: "traces"},
		{name: "white", reading: traced(transcript.WhiteText), label: Review(TextLayerMismatch), check: "traces", evidence: "trace:white_text"},
		{name: "off the page", reading: traced(transcript.OffPageText), label: Review(TextLayerMismatch), check: "traces"},
		{name: "layer differs from what is drawn", reading: traced(transcript.LayerMismatch), label: Review(TextLayerMismatch), check: "traces", evidence: "trace:layer_mismatch"},
		{name: "layer differs at the IPK", reading: ofScan(traced(transcript.LayerMismatch)), label: Review(TextLayerMismatch), check: "traces"},
		{name: "layer differs where nothing is decided", label: Verified,
			reading: changed(ofScan(traced(transcript.LayerMismatch)), func(r *transcript.Reading) { r.Traces[0].Box = transcript.Box{X0: 500, Y0: 5, X1: 520, Y1: 9} })},
		{name: "layer of a scanner that cannot read", label: Verified,
			reading: changed(ofScan(traced(transcript.LayerMismatch)), func(r *transcript.Reading) { r.Traces[0].Text = "3,b0" })},
		{name: "the same file of another", reading: card(), duplicates: []Duplicate{{"d1", "21/478601/SV/21085", "file"}},
			label: Review(DuplicateDocument), check: "duplicate", evidence: "file"},
		{name: "the same rows of another", reading: card(), duplicates: []Duplicate{{"d1", "21/478601/SV/21085", "rows"}}, label: Review(DuplicateDocument), check: "duplicate"},
		{name: "the same file of the applicant", reading: card(), duplicates: []Duplicate{{"d1", "20461438sv19779", "file"}}, label: Verified},
		{name: "semester too early", reading: card(), requirement: asking(func(r *Requirement) { r.MinSemester = new(4) }),
			label: Rejected(SemesterBelowMin), check: "semester", evidence: "semester"},
		{name: "semester just right", reading: card(), requirement: asking(func(r *Requirement) { r.MinSemester = new(3) }), label: Verified},
		{name: "semester not read", reading: changed(card(), func(r *transcript.Reading) { r.Semester = nil }),
			requirement: asking(func(r *Requirement) { r.MinSemester = new(3) }), label: Review(LowConfidence), check: "semester"},
		{name: "semester dim", reading: changed(card(), func(r *transcript.Reading) { r.Semester.Source, r.Semester.Confidence = transcript.Pixels, 0.4 }),
			requirement: asking(func(r *Requirement) { r.MinSemester = new(4) }), label: Review(LowConfidence), check: "semester"},
		{name: "too few credits", reading: card(), requirement: asking(func(r *Requirement) { r.MinSKS = decimal("55") }),
			label: Rejected(SKSBelowMin), check: "sks", evidence: "cum_sks"},
		{name: "just enough credits", reading: card(), requirement: asking(func(r *Requirement) { r.MinSKS = decimal("54") }), label: Verified},
		{name: "one semester's credits are enough", reading: changed(card(), func(r *transcript.Reading) { r.CumSKS, r.CumPoints = nil, nil }),
			requirement: asking(func(r *Requirement) { r.MinSKS = decimal("10") }), label: Verified},
		{name: "credits so far not printed", reading: changed(card(), func(r *transcript.Reading) { r.CumSKS, r.CumPoints = nil, nil }),
			requirement: asking(func(r *Requirement) { r.MinSKS = decimal("11") }), label: Review(LowConfidence), check: "sks"},
		{name: "too few credits of a transcript", reading: courses(transcript.TextLayer, 1), requirement: asking(func(r *Requirement) { r.MinIPK, r.MinSKS = nil, decimal("11") }),
			label: Rejected(SKSBelowMin), check: "sks", evidence: "total_sks"},
		{name: "no IPK", reading: changed(card(), func(r *transcript.Reading) { r.IPK = nil }), label: Review(IPKMissing), check: "ipk", evidence: "ipk"},
		{name: "no IPK asked", reading: changed(card(), func(r *transcript.Reading) { r.IPK = nil }), requirement: asking(func(r *Requirement) { r.MinIPK = nil }), label: Verified},
		{name: "IPK below", reading: card(), requirement: asking(func(r *Requirement) { r.MinIPK = decimal("3.61") }), label: Rejected(IPKBelowMin), check: "ipk", evidence: "ipk"},
		{name: "IPK equal", reading: card(), requirement: asking(func(r *Requirement) { r.MinIPK = decimal("3.6") }), label: Verified},
		{name: "dim IPK below", reading: changed(scan(0.9), func(r *transcript.Reading) { r.IPK.Confidence, r.CumPoints = 0.4, nil }),
			requirement: asking(func(r *Requirement) { r.MinIPK = decimal("3.61") }), label: Review(LowConfidence), check: "ipk"},
		{name: "dim IPK that the sums confirm", reading: changed(scan(0.9), func(r *transcript.Reading) { r.IPK.Confidence = 0.4 }),
			requirement: asking(func(r *Requirement) { r.MinIPK = decimal("3.61") }), label: Rejected(IPKBelowMin), check: "ipk"},
		{name: "clear IPK below on a scan, as the rows let expect", reading: changed(scan(0.9), func(r *transcript.Reading) { r.CumPoints = nil }),
			requirement: asking(func(r *Requirement) { r.MinIPK = decimal("3.61") }), label: Rejected(IPKBelowMin), check: "ipk"},
		{name: "clear IPK below on a scan, far from the rows", reading: changed(scan(0.9), func(r *transcript.Reading) { r.IPK.Value, r.CumPoints = *decimal("1.6"), nil }),
			requirement: asking(func(r *Requirement) { r.MinIPK = decimal("3.5") }), label: Review(LowConfidence), check: "ipk", evidence: "ipk"},
		{name: "clear IPK below in characters, far from the rows", reading: changed(card(), func(r *transcript.Reading) { r.IPK.Value, r.CumPoints = *decimal("1.6"), nil }),
			requirement: asking(func(r *Requirement) { r.MinIPK = decimal("3.5") }), label: Rejected(IPKBelowMin), check: "ipk"},
		{name: "clear IPK below on a scan without an average of the rows", reading: changed(scan(0.9), func(r *transcript.Reading) { r.IPS, r.CumPoints = nil, nil }),
			requirement: asking(func(r *Requirement) { r.MinIPK = decimal("3.61") }), label: Review(LowConfidence), check: "ipk"},
		{name: "first semester whose averages differ", label: Review(LowConfidence), check: "ipk",
			reading: changed(scan(0.9), func(r *transcript.Reading) {
				r.CumSKS.Value, r.IPK.Value, r.CumPoints = *decimal("10"), *decimal("3.18"), nil
			}),
			requirement: asking(func(r *Requirement) { r.MinIPK = decimal("3.4") })},
		{name: "too few credits on a scan", reading: changed(scan(0.9), func(r *transcript.Reading) { r.CumPoints = nil }),
			requirement: asking(func(r *Requirement) { r.MinSKS = decimal("55") }), label: Rejected(SKSBelowMin), check: "sks"},
		{name: "credits on a scan that leave the earlier terms no average", reading: changed(scan(0.9), func(r *transcript.Reading) { r.CumSKS.Value, r.CumPoints = *decimal("11"), nil }),
			requirement: asking(func(r *Requirement) { r.MinSKS = decimal("55") }), label: Review(LowConfidence), check: "sks", evidence: "cum_sks"},
		{name: "semester too early on a scan", reading: scan(0.9), requirement: asking(func(r *Requirement) { r.MinSemester = new(4) }), label: Review(LowConfidence), check: "semester"},
		{name: "transcript whose IPK is far from its rows", label: Review(LowConfidence), check: "ipk",
			reading: changed(courses(transcript.Pixels, 0.9), func(r *transcript.Reading) {
				r.IPK.Value, r.TotalPoints, r.Rows[0].Grade.Value, r.Rows[0].Weight = *decimal("2.48"), nil, "", nil
			}), requirement: asking(func(r *Requirement) { r.MinIPK = decimal("3") })},
		{name: "transcript whose IPK is that of the rows that were read", label: Rejected(IPKBelowMin), check: "ipk",
			reading: changed(courses(transcript.Pixels, 0.9), func(r *transcript.Reading) {
				r.TotalPoints, r.Rows[1].Grade.Value, r.Rows[1].Weight = nil, "", nil
			}), requirement: asking(func(r *Requirement) { r.MinIPK = decimal("3.5") })},
		{name: "dim IPK that nothing confirms", reading: changed(scan(0.9), func(r *transcript.Reading) { r.IPK.Confidence, r.CumPoints = 0.4, nil }),
			label: Review(LowConfidence), check: "confidence", evidence: "ipk"},
	}
	for _, p := range []transcript.FileProblem{transcript.EmptyFile, transcript.WrongType, transcript.UnreadableFile, transcript.Encrypted,
		transcript.NoPages, transcript.TooManyPages, transcript.TooLargeUnpacked} {
		list = append(list, scenario{name: string(p), reading: problem(p), label: Rejected(string(p)), check: "file", evidence: "file"})
	}
	return append(append(list, courseScenarios()...), arithmeticScenarios()...)
}

func TestJudge_Scenario_GivesLabelCheckAndEvidence(t *testing.T) {
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			v := s.judge()
			require.Equal(t, s.label, v.Label, "%+v", v.Checks)
			require.Equal(t, PolicyVersion, v.Policy)
			for _, c := range v.Checks {
				require.NotEmpty(t, c.Detail, c.Name)
				require.Equal(t, c.Outcome == Pass, c.Reason == "", c.Name)
			}
			if s.label == Verified {
				require.GreaterOrEqual(t, v.Confidence, DefaultPolicy().MinConfidence)
				return
			}
			c := find(v, s.check)
			require.Equal(t, s.label.Reason(), c.Reason, c.Detail)
			if s.evidence != "" {
				var fields []string
				for _, e := range c.Evidence {
					fields = append(fields, e.Field)
				}
				require.Contains(t, fields, s.evidence)
			}
		})
	}
}

func TestLabels_Each_IsGivenByAScenario(t *testing.T) {
	given := map[Label]bool{}
	for _, s := range scenarios() {
		given[s.judge().Label] = true
	}
	for _, l := range Labels() {
		require.True(t, given[l], "no scenario gives %s", l)
		delete(given, l)
	}
	require.Empty(t, given, "labels that Labels does not list")
	require.Len(t, Labels(), 25)
}

func TestJudge_FailingCheck_StillCarriesTheOthers(t *testing.T) {
	v := Judge(card(), Applicant{"Danang Wijayanto", "21/478601/SV/21085"}, *asking(func(r *Requirement) { r.MinIPK = decimal("3.9") }), nil, DefaultPolicy())
	require.Equal(t, Rejected(IdentityMismatch), v.Label)
	var names []string
	for _, c := range v.Checks {
		names = append(names, c.Name)
	}
	require.Equal(t, []string{"file", "scripts", "kind", "identity", "traces", "arithmetic", "duplicate", "course", "grade", "ipk", "confidence"}, names)
	ipk := find(v, "ipk")
	require.Equal(t, Fail, ipk.Outcome)
	require.Equal(t, []Evidence{{Field: "ipk", Page: 1, Box: card().IPK.Box, Read: "3.6", Expected: "3.9"}}, ipk.Evidence)
}

func TestJudge_Duplicate_DoesNotNameTheOtherStudent(t *testing.T) {
	v := Judge(card(), hasna, asked, []Duplicate{{"d1", "21/478601/SV/21085", "file"}}, DefaultPolicy())
	require.Equal(t, []Evidence{{Field: "file", Read: "document d1", Expected: "a document of the applicant's own"}}, find(v, "duplicate").Evidence)
}
