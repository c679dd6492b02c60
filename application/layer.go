package application

import (
	"context"
	"regexp"
	"strings"

	"asprak/domain/transcript"
)

const (
	sureLayer = 0.7 // of a word recognised in the pixels, to contradict the layer
	mistakes  = 2   // wrong characters in decisive words that a recogniser's layer may have
)

// layerTraces compares the hidden text of a page that was read from its pixels with what
// the pixels say. An invisible copy of what is seen, with the mistakes of the recogniser
// that made it, is how scanners make a page searchable; an invisible text with other
// grades and sums is written for machines only.
func layerTraces(text PDFText, seen transcript.Page, turn int) []transcript.Trace {
	if turn != 0 {
		return nil
	}
	var traces []transcript.Trace
	differing := 0
	for _, w := range text.Words {
		if w.Hidden == "" || !decisive(w.Text) {
			continue
		}
		if there, ok := seenAt(w.Box, seen.Words); ok && decisive(there) && folded(there) != folded(w.Text) {
			// One wrong character is a slip; several in one short word are another value.
			if n := distance(folded(there), folded(w.Text)); n > 1 {
				differing += n + 1
			} else {
				differing++
			}
			traces = append(traces, transcript.Trace{Kind: transcript.LayerMismatch, Box: w.Box, Text: w.Text, Detail: "the page shows " + there})
		}
	}
	if differing <= mistakes {
		return nil
	}
	return traces
}

// secondLook compares what was read of a page's characters with the drawn page. Letters that do not look
// like what they are said to be are given to the recogniser, which decides: an unusual typeface
// is no lie.
func (r *DocumentReader) secondLook(ctx context.Context, pdf PDFFile, page transcript.PageInfo, reading transcript.Reading) ([]transcript.Trace, error) {
	doubts, err := pdf.Doubts(ctx, page.Number-1, decisivePlaces(reading, page.Number))
	if err != nil || len(doubts) == 0 {
		return nil, err
	}
	picture, err := pdf.Render(ctx, page.Number-1, renderDPI, r.limits.MaxPixels)
	if err != nil {
		return nil, err
	}
	seen, err := r.recogniser.Recognise(ctx, picture)
	if err != nil {
		return nil, err
	}
	var shown []transcript.Word
	if seen.Turn == 0 {
		shown = inPoints(seen, page.Number, page.Width, page.Height).Words
	}
	var traces []transcript.Trace
	for _, d := range doubts {
		trace := transcript.Trace{Kind: transcript.LayerMismatch, Page: page.Number, Box: d.Box, Text: d.Text}
		there, sure := seenAt(d.Box, shown)
		switch {
		case d.Hidden != "":
			trace.Kind = d.Hidden
		case sure && confirms(there, d.Text):
			continue
		case sure:
			trace.Detail = "the page shows " + there
		default:
			trace.Detail = "the page shows something like " + d.Looks
		}
		traces = append(traces, trace)
	}
	return traces, nil
}

// confirms tells whether what the recogniser saw is what the layer says. In words without digits
// of some length it may err once.
func confirms(there, layer string) bool {
	there, layer = strings.ToUpper(folded(there)), strings.ToUpper(folded(layer))
	if len(layer) >= longWord && !strings.ContainsAny(layer, "0123456789") {
		return distance(there, layer) <= 1
	}
	return there == layer
}

const longWord = 5

// decisivePlaces are where on the page stands what a verdict rests on.
func decisivePlaces(r transcript.Reading, page int) []transcript.Box {
	var places []transcript.Box
	for _, row := range r.Rows {
		places = place(places, row.Grade, page)
		places = place(places, row.SKS, page)
		places = place(places, row.Weight, page)
		if row.Code == nil {
			places = place(places, row.Name, page)
		}
		places = place(places, row.Code, page)
	}
	for _, f := range []*transcript.Field[string]{r.Name, r.NIM} {
		places = place(places, f, page)
	}
	for _, f := range []*transcript.Field[transcript.Decimal]{r.IPS, r.IPK, r.TotalSKS, r.CumSKS} {
		places = place(places, f, page)
	}
	return places
}

func place[T any](places []transcript.Box, f *transcript.Field[T], page int) []transcript.Box {
	if f == nil || f.Page != page || f.Source != transcript.TextLayer {
		return places
	}
	return append(places, f.Box)
}

// seenAt is the one word that the pixels surely show at the place.
func seenAt(box transcript.Box, seen []transcript.Word) (string, bool) {
	found := ""
	for _, w := range seen {
		if overlap(box, w.Box) < 0.5 {
			continue
		}
		if found != "" || w.Confidence < sureLayer {
			return "", false
		}
		found = w.Text
	}
	return found, found != ""
}

// decisive words are grades and numbers: what a forger changes.
var decisiveForm = regexp.MustCompile(`^(?:[A-E][+-]?|[A-E]/?[A-E]|\d{1,3}(?:[.,]\d{1,2})?)$`)

func decisive(s string) bool { return decisiveForm.MatchString(s) }

// distance counts the characters in which two short words differ, place by place.
func distance(a, b string) int {
	n := max(len(a), len(b)) - min(len(a), len(b))
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			n++
		}
	}
	return n
}

func folded(s string) string { return fold.Replace(s) }

// fold takes away what recognisers lose most easily.
var fold = strings.NewReplacer(",", "", ".", "", "/", "")

// overlap is the share of the smaller box that lies in the other.
func overlap(a, b transcript.Box) float64 {
	w := min(a.X1, b.X1) - max(a.X0, b.X0)
	h := min(a.Y1, b.Y1) - max(a.Y0, b.Y0)
	if w <= 0 || h <= 0 {
		return 0
	}
	smaller := min((a.X1-a.X0)*(a.Y1-a.Y0), (b.X1-b.X0)*(b.Y1-b.Y0))
	return w * h / max(smaller, 1e-9)
}
