package pdf

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"regexp"
	"strconv"

	"asprak/application"
	"asprak/domain/transcript"
)

const (
	maxStream = 100 << 20 // bytes a stream may unpack to
	// deflate packs at most 1032 to 1, so a shorter stream cannot exceed maxStream.
	suspectStream = maxStream / 1032
)

var (
	streamStart = regexp.MustCompile(`stream\r?\n`)
	userUnit    = regexp.MustCompile(`/UserUnit\s*([0-9.]+)`)
	imageSide   = regexp.MustCompile(`/(?:Width|Height)\s+(\d+)`)
	scriptName  = regexp.MustCompile(`/(?:JS|JavaScript)\b`)
	openName    = regexp.MustCompile(`/(?:OpenAction|AA)\b`)
	namesScript = regexp.MustCompile(`/JavaScript\s*(?:<<|\d+\s+\d+\s+R)`)
	// What carries another file, starts one, or brings another program's form or player along.
	carrier   = regexp.MustCompile(`/(?:EmbeddedFiles?|FileAttachment|RichMedia|XFA|Launch)\b`)
	hexInName = regexp.MustCompile(`#[0-9A-Fa-f]{2}`)
)

// checkStreams refuses a file with a stream that unpacks beyond reason, before anything
// unpacks it whole.
func checkStreams(content []byte) error {
	for at := 0; ; {
		m := streamStart.FindIndex(content[at:])
		if m == nil {
			return nil
		}
		start := at + m[1]
		head := content[max(at, start-600):start]
		if i := bytes.LastIndex(head, []byte("<<")); i > 0 {
			if j := bytes.LastIndex(head, []byte(" obj")); j >= 0 {
				head = head[j:]
			}
		}
		size := bytes.Index(content[start:], []byte("endstream"))
		if size < 0 {
			return nil
		}
		body := content[start : start+size]
		flates := bytes.Count(head, []byte("/FlateDecode")) + bytes.Count(head, []byte("/Fl "))
		if (flates > 0 && size > suspectStream) || flates > 1 {
			if n := inflatedSize(body, flates); n > maxStream {
				return &application.FileFault{Problem: transcript.TooLargeUnpacked, Detail: "a stream unpacks to more than 100 MB"}
			}
		}
		if err := checkSides(head); err != nil {
			return err
		}
		at = start + size + len("endstream")
	}
}

func checkSides(head []byte) error {
	sides := imageSide.FindAllSubmatch(head, -1)
	if len(sides) != 2 {
		return nil
	}
	w, _ := strconv.ParseFloat(string(sides[0][1]), 64)
	h, _ := strconv.ParseFloat(string(sides[1][1]), 64)
	if limit := float64(application.DefaultLimits().MaxPixels); w*h > limit {
		return &application.FileFault{Problem: transcript.TooLargeUnpacked, Detail: fmt.Sprintf("a picture has %.0f x %.0f pixels", w, h)}
	}
	return nil
}

func inflatedSize(body []byte, times int) int64 {
	var r io.Reader = bytes.NewReader(body)
	for range times {
		// Two bytes of zlib header; the checksum behind the data does not matter here.
		if _, err := io.CopyN(io.Discard, r, 2); err != nil {
			return 0
		}
		r = flate.NewReader(r)
	}
	n, _ := io.CopyN(io.Discard, r, maxStream+1)
	return n
}

// withoutStreams cuts the streams' data out and undoes hexadecimal escapes in names, so
// that names can be searched.
func withoutStreams(content []byte) []byte {
	var out []byte
	for {
		m := streamStart.FindIndex(content)
		if m == nil {
			break
		}
		out = append(out, content[:m[0]]...)
		end := bytes.Index(content[m[1]:], []byte("endstream"))
		if end < 0 {
			content = nil
			break
		}
		content = content[m[1]+end+len("endstream"):]
	}
	out = append(out, content...)
	return hexInName.ReplaceAllFunc(out, func(esc []byte) []byte {
		v, _ := strconv.ParseUint(string(esc[1:]), 16, 8)
		return []byte{byte(v)}
	})
}

// runsScripts tells whether the objects hold a script that a viewer starts by itself: a
// script and an opening or additional action, or a script named for the document.
func runsScripts(objects []byte) bool {
	if !scriptName.Match(objects) {
		return false
	}
	return openName.Match(objects) || namesScript.Match(objects)
}

// carriesMore tells whether the objects hold more than pages: embedded files, programs to
// start, players or forms of another kind.
func carriesMore(objects []byte) bool { return carrier.Match(objects) }

func largestUserUnit(objects []byte) float64 {
	largest := 1.0
	for _, m := range userUnit.FindAllSubmatch(objects, -1) {
		if v, err := strconv.ParseFloat(string(m[1]), 64); err == nil {
			largest = max(largest, v)
		}
	}
	return largest
}
