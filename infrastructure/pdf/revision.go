package pdf

import (
	"bytes"
	"context"
	"math"
	"slices"
	"strings"

	"asprak/domain/transcript"
)

const (
	maxRevisions = 4   // earlier ones looked at: the first, which the university made, and the next
	maxChanges   = 8   // told of on a page
	samePlace    = 2.0 // points by which a word may move and be the same
)

var endOfFile = []byte("%%EOF")

// earlier opens the file as it was before changes were appended, which is how editors and
// signing programs save: its bytes up to each earlier end. What a cut leaves of a file that was
// not appended to, as of one that is arranged for the web, does not open or has no pages.
func (f *File) earlier(at uint64, content []byte) []uint64 {
	var out []uint64
	for end := 0; len(out) < maxRevisions; {
		i := bytes.Index(content[end:], endOfFile)
		if i < 0 {
			break
		}
		end += i + len(endOfFile)
		if len(bytes.TrimSpace(content[end:])) == 0 {
			break
		}
		document := f.call("FPDF_LoadMemDocument64", at, uint64(end), 0)
		if document != 0 && number(f.call("FPDF_GetPageCount", document)) > 0 {
			out = append(out, document)
		}
	}
	return out
}

// wordsBefore are those of a page of an earlier revision.
func (f *File) wordsBefore(ctx context.Context, revision uint64, i int) ([]transcript.Word, error) {
	handle := f.call("FPDF_LoadPage", revision, uint64(i))
	if handle == 0 {
		return nil, f.err
	}
	defer f.call("FPDF_ClosePage", handle)
	fr := f.frame(handle)
	chars, err := f.chars(ctx, handle, fr, f.objects(handle, fr))
	return words(chars), err
}

// changes tells of the words that a page showed in an earlier revision and shows no longer, and
// of grades and numbers that it shows only since. A signature that was added changes neither.
func (f *File) changes(ctx context.Context, i int, now []transcript.Word) ([]transcript.Trace, error) {
	var out []transcript.Trace
	now = slices.DeleteFunc(slices.Clone(now), func(w transcript.Word) bool { return w.Hidden != "" })
	for _, r := range f.revisions {
		before, err := f.wordsBefore(ctx, r, i)
		if err != nil {
			return nil, err
		}
		if len(before) == 0 {
			continue // a page that was not there, or is a picture
		}
		for _, w := range missing(before, now) {
			out = append(out, transcript.Trace{Kind: transcript.LaterUpdate, Box: w.Box, Text: w.Text, Detail: "stood here before the file was changed"})
		}
		for _, w := range missing(now, before) {
			if tells(w.Text) {
				out = append(out, transcript.Trace{Kind: transcript.LaterUpdate, Box: w.Box, Text: w.Text, Detail: "stands here since the file was changed"})
			}
		}
		if len(out) > 0 {
			break
		}
	}
	return out[:min(len(out), maxChanges)], nil
}

// tells reports whether a word may be a grade, a number or a code.
func tells(text string) bool {
	return len(text) <= 3 || strings.ContainsAny(text, "0123456789")
}

// missing are the words that do not stand among the others at their place.
func missing(words, others []transcript.Word) []transcript.Word {
	type place struct {
		text string
		x, y int
	}
	key := func(w transcript.Word, dx, dy int) place {
		return place{w.Text, int(math.Floor(w.Box.X0/samePlace)) + dx, int(math.Floor(w.Box.Y1/samePlace)) + dy}
	}
	there := map[place]bool{}
	for _, w := range others {
		for dx := -1; dx <= 1; dx++ {
			for dy := -1; dy <= 1; dy++ {
				there[key(w, dx, dy)] = true
			}
		}
	}
	var out []transcript.Word
	for _, w := range words {
		if !there[key(w, 0, 0)] {
			out = append(out, w)
		}
	}
	return out
}
