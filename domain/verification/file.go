package verification

import (
	"cmp"
	"fmt"
	"strings"

	"asprak/domain/transcript"
)

var problems = map[transcript.FileProblem]string{
	transcript.EmptyFile:        "The file is empty.",
	transcript.WrongType:        "The file is neither a PDF nor a picture.",
	transcript.UnreadableFile:   "The file is cut off or broken.",
	transcript.Encrypted:        "The file asks for a password.",
	transcript.NoPages:          "The file has no pages.",
	transcript.TooManyPages:     "The file has too many pages.",
	transcript.TooLargeUnpacked: "The file unpacks to an unreasonable size.",
}

func (j *judge) checkFile() {
	p := j.reading.Problem
	if p == "" {
		j.pass("file", "The file could be opened.", Evidence{Field: "type", Read: j.reading.Type})
		return
	}
	j.fail("file", string(p), cmp.Or(problems[p], "The file cannot be read."), Evidence{Field: "file", Read: cmp.Or(j.reading.Detail, string(p))})
}

func (j *judge) checkScripts() {
	if j.reading.Active {
		j.doubt("scripts", ActiveContent, "The PDF runs scripts when it is opened.", Evidence{Field: "file", Read: "scripts on opening", Expected: "none"})
		return
	}
	j.pass("scripts", "The file runs no scripts.")
}

// checkKind rejects what is plainly something else. A picture on which little was legible
// is not plainly anything.
func (j *judge) checkKind() {
	const name = "kind"
	r := j.reading
	e := Evidence{Field: "kind", Read: cmp.Or(string(r.Kind), string(transcript.NotStudyResult)), Expected: "khs or transcript"}
	if len(r.Pages) > 0 {
		e.Page, e.Box = r.Pages[0].Number, transcript.Box{X1: r.Pages[0].Width, Y1: r.Pages[0].Height}
	}
	switch {
	case r.Kind == transcript.KHS || r.Kind == transcript.Transcript:
		e.Box = transcript.Box{}
		j.pass(name, "The document is a study result with grades.", e)
	case j.fromPixels() && share(r.Confidence) >= j.policy.Noise && share(r.Confidence) < j.policy.MinConfidence:
		j.rests(share(r.Confidence), e)
		j.doubt(name, LowConfidence, "Too little of the page was legible to say what it is.", e)
	default:
		j.fail(name, NotAStudyResult, "This is no study result with grades.", e)
	}
}

func (j *judge) fromPixels() bool {
	for _, p := range j.reading.Pages {
		if p.Source != transcript.TextLayer {
			return true
		}
	}
	return false
}

// layerTraces are the traces of text that only machines see; all others are of edits.
var layerTraces = map[transcript.TraceKind]bool{
	transcript.InvisibleText: true, transcript.WhiteText: true, transcript.OffPageText: true, transcript.LayerMismatch: true,
}

var traceWords = map[transcript.TraceKind]string{
	transcript.CoveredText:   "other text lies under what the eye sees",
	transcript.PastedImage:   "a picture was pasted over the page",
	transcript.ForeignType:   "a cell is set in another type than its column",
	transcript.LaterUpdate:   "the file was changed after it was made",
	transcript.InvisibleText: "it holds invisible text",
	transcript.WhiteText:     "it holds text in the colour of its ground",
	transcript.OffPageText:   "it holds text outside the page",
	transcript.LayerMismatch: "its text layer says something else than the page shows",
}

func (j *judge) checkTraces() {
	const name = "traces"
	reason := ""
	var evidence []Evidence
	first := transcript.TraceKind("")
	for _, t := range j.reading.Traces {
		if isMissing(t) {
			continue // the arithmetic lacks it
		}
		if t.Kind == transcript.LayerMismatch && !j.readFrom(t.Page, transcript.TextLayer) && !j.decisive(t) {
			continue
		}
		kind := SuspectedEdit
		if layerTraces[t.Kind] {
			kind = TextLayerMismatch
		}
		if reason == "" || reason == TextLayerMismatch && kind == SuspectedEdit {
			reason, first = kind, t.Kind
		}
		evidence = append(evidence, Evidence{Field: "trace:" + string(t.Kind), Page: t.Page, Box: t.Box, Read: t.Text, Expected: t.Detail})
	}
	if reason == "" {
		j.pass(name, "The file shows no traces of editing.")
		return
	}
	j.doubt(name, reason, fmt.Sprintf("The file shows traces of editing: %s.", cmp.Or(traceWords[first], "an unknown sign")), evidence...)
}

func isMissing(t transcript.Trace) bool { return t.Kind == transcript.MissingValue }

// readFrom tells what the page was read from. On one read from its text layer only decisive words are
// compared with what is drawn, and each by two eyes.
func (j *judge) readFrom(page int, source transcript.Source) bool {
	for _, p := range j.reading.Pages {
		if p.Number == page {
			return p.Source == source
		}
	}
	return false
}

// decisive tells whether a text layer says another legible value than the pixels where the
// reading took one. Elsewhere, and in shapes that are no value, scanners' own recognition errs
// all the time.
func (j *judge) decisive(t transcript.Trace) bool {
	hidden := strings.Trim(transcript.NormaliseGrade(t.Text), ":;|()")
	found := false
	grade := func(f *transcript.Field[string]) {
		if at(t, f) && clear(j, f) {
			found = found || transcript.NormaliseGrade(f.Value) != hidden && len(weights(j.scales, hidden)) > 0
		}
	}
	number := func(f *transcript.Field[transcript.Decimal]) {
		if at(t, f) && clear(j, f) {
			d, err := transcript.ParseDecimal(hidden)
			found = found || err == nil && d != f.Value
		}
	}
	r := j.reading
	for i := range r.Rows {
		grade(r.Rows[i].Grade)
	}
	for _, f := range []*transcript.Field[transcript.Decimal]{r.IPS, r.IPK, r.CumSKS, r.CumPoints} {
		number(f)
	}
	if at(t, r.NIM) && clear(j, r.NIM) && transcript.LooksLikeNIM(t.Text) {
		found = found || transcript.NormaliseNIM(t.Text) != transcript.NormaliseNIM(r.NIM.Value)
	}
	return found
}

// at tells whether a trace lies on a field.
func at[T any](t transcript.Trace, f *transcript.Field[T]) bool {
	return f != nil && f.Page == t.Page && overlaps(f.Box, t.Box)
}

func overlaps(a, b transcript.Box) bool {
	w := min(a.X1, b.X1) - max(a.X0, b.X0)
	h := min(a.Y1, b.Y1) - max(a.Y0, b.Y0)
	return w > 0 && h > 0.5*min(a.Y1-a.Y0, b.Y1-b.Y0)
}

func (j *judge) checkDuplicates(duplicates []Duplicate) {
	const name = duplicateCheck
	own := transcript.NormaliseNIM(j.applicant.NIM)
	// The other student is not named: applicants see the evidence of their own documents.
	var evidence []Evidence
	for _, d := range duplicates {
		if transcript.NormaliseNIM(d.NIM) == own {
			continue
		}
		evidence = append(evidence, Evidence{Field: d.Same, Read: duplicateOf + d.DocumentID, Expected: "a document of the applicant's own"})
	}
	if len(evidence) > 0 {
		j.doubt(name, DuplicateDocument, fmt.Sprintf("The same %s came under another student number before.", duplicateWord(evidence[0].Field)), evidence...)
		return
	}
	j.pass(name, "No other student sent the same document.")
}

const (
	duplicateCheck = "duplicate"
	duplicateOf    = "document " // in evidence, before the id
)

// Duplicates are those that the verdict was told of, as its evidence keeps them: with them the
// same rules conclude the same again. Whose they were is not kept.
func (v Verdict) Duplicates() []Duplicate {
	var duplicates []Duplicate
	for _, c := range v.Checks {
		if c.Name != duplicateCheck || c.Outcome == Pass {
			continue
		}
		for _, e := range c.Evidence {
			if id, ok := strings.CutPrefix(e.Read, duplicateOf); ok {
				duplicates = append(duplicates, Duplicate{DocumentID: id, NIM: "another", Same: e.Field})
			}
		}
	}
	return duplicates
}

func duplicateWord(same string) string {
	if same == "rows" {
		return "course results"
	}
	return "file"
}
