package transcript

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

const (
	fewCells  = 4    // of a column: fewer have no usual type
	sizeSlack = 0.08 // by which sizes of one type may differ
)

// face is the type that a word of a text layer is set in.
type face struct {
	family string
	size   float64
}

func (f face) same(g face) bool {
	return f.family == g.family && math.Abs(f.size-g.size) <= sizeSlack*max(f.size, g.size)
}

// faceOf leaves out what does not make another type: the tag of an embedded part, and weight
// and slope, with which documents mark cells.
func faceOf(t *token) (face, bool) {
	name := t.Font
	if tag, rest, ok := strings.Cut(name, "+"); ok && len(tag) == 6 {
		name = rest
	}
	name, _, _ = strings.Cut(name, ",")
	name, _, _ = strings.Cut(name, "-")
	for _, style := range []string{"MT", "PS", "Bold", "Italic", "Oblique", "Regular"} {
		name = strings.ReplaceAll(name, style, "")
	}
	return face{strings.ToLower(name), t.Size}, name != "" && t.Size > 0
}

// at is where a word stands.
type at struct {
	page int
	box  Box
}

func placeOf[T any](f *Field[T]) at {
	if f == nil {
		return at{}
	}
	return at{f.Page, f.Box}
}

// foreignType finds cells of grades and numbers that are set in another type than the rest of
// their column and than any other column: who changes a cell seldom has the font that the
// document was set in.
func foreignType(rows []Row, sheets []*sheet) []Trace {
	words := map[at]*token{}
	for _, s := range sheets {
		for _, t := range s.tokens {
			words[at{t.page, t.Box}] = t
		}
	}
	var columns [4][]*token
	for i := range rows {
		r := &rows[i]
		for k, place := range []at{placeOf(r.Grade), placeOf(r.SKS), placeOf(r.Weight), placeOf(r.Points)} {
			if t := words[place]; t != nil {
				columns[k] = append(columns[k], t)
			}
		}
	}
	var usual []face
	for _, cells := range columns {
		if f, ok := usualFace(cells); ok {
			usual = append(usual, f)
		}
	}
	var out []Trace
	for _, cells := range columns {
		if _, ok := usualFace(cells); !ok {
			continue
		}
		for _, t := range cells {
			f, ok := faceOf(t)
			if ok && !slices.ContainsFunc(usual, f.same) {
				out = append(out, Trace{Kind: ForeignType, Page: t.page, Box: t.Box, Text: t.Text, Detail: fmt.Sprintf("set in %s, %.1f points", t.Font, t.Size)})
			}
		}
	}
	return out
}

// usualFace is the type of nearly all cells of a column: the one that is left when cells of
// different types cancel each other out, if enough have it.
func usualFace(cells []*token) (face, bool) {
	var usual face
	lead, n := 0, 0
	for _, t := range cells {
		switch f, ok := faceOf(t); {
		case ok && lead <= 0:
			usual, lead = f, 1
		case ok && f.same(usual):
			lead++
		default:
			lead--
		}
	}
	for _, t := range cells {
		if f, ok := faceOf(t); ok && f.same(usual) {
			n++
		}
	}
	return usual, n >= fewCells && n*4 >= len(cells)*3
}
