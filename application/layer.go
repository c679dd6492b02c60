package application

import (
	"strings"

	"asprak/domain/transcript"
)

// layerTraces compares the hidden text of a page that was read from its pixels with what
// the pixels say. An invisible copy of what is seen is how scanners make a page searchable;
// an invisible text that says something else wants to be read by machines only.
func layerTraces(text PDFText, seen transcript.Page, turn int) []transcript.Trace {
	if turn != 0 {
		return nil
	}
	var traces []transcript.Trace
	for _, w := range text.Words {
		if w.Hidden == "" {
			continue
		}
		if _, ok := contradicted(w, seen.Words); ok {
			traces = append(traces, transcript.Trace{Kind: transcript.LayerMismatch, Box: w.Box, Text: w.Text})
		}
	}
	return traces
}

// contradicted finds what stands in the pixels at the place of a hidden word, when that is
// surely something else.
func contradicted(hidden transcript.Word, seen []transcript.Word) (string, bool) {
	var at []string
	for _, w := range seen {
		if overlap(hidden.Box, w.Box) < 0.5 {
			continue
		}
		if w.Confidence < 0.85 {
			return "", false
		}
		at = append(at, w.Text)
	}
	if len(at) == 0 {
		return "", false
	}
	text := strings.Join(at, " ")
	return text, plain(text) != plain(hidden.Text)
}

func plain(s string) string {
	return strings.ToUpper(strings.Join(strings.Fields(s), ""))
}

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
