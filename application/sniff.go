package application

import (
	"bytes"
	"encoding/binary"
	"time"

	"asprak/domain/transcript"
)

// Limits bound what a document may cost before anything of it is decoded.
type Limits struct {
	MaxPages      int           // pages of a PDF
	MaxPixels     int           // width times height of an image, or of a rendered page
	MaxPagePoints float64       // longer side of a PDF page, in points
	Timeout       time.Duration // wall clock for one document
}

// DefaultLimits are 10 pages, 100 megapixels, 5 m of page and 30 s.
func DefaultLimits() Limits {
	return Limits{MaxPages: 10, MaxPixels: 100_000_000, MaxPagePoints: 5 / 0.0254 * 72, Timeout: 30 * time.Second}
}

// FileFault says that the document itself is at fault. Decoders return it as an error; a
// Reader turns it into a Reading with a Problem.
type FileFault struct {
	Problem transcript.FileProblem
	Detail  string
}

func (f *FileFault) Error() string { return string(f.Problem) + ": " + f.Detail }

// Media types that a Reader takes.
const (
	TypePDF  = "application/pdf"
	TypePNG  = "image/png"
	TypeJPEG = "image/jpeg"
	TypeWebP = "image/webp"
	TypeTIFF = "image/tiff"
)

// headerWindow is how far into a file viewers look for "%PDF-" (ISO 32000-1, annex H.3.4.1).
const headerWindow = 1024

// Sniff tells the media type by the first bytes. A file name claims nothing: phones and
// messengers rename freely. Whatever is no PDF and no picture is wrong_type, and so is a
// PDF with something else before its header, and whatever is a ZIP archive too: another program would open it as that.
func Sniff(content []byte) (string, *FileFault) {
	if len(content) == 0 {
		return "", &FileFault{transcript.EmptyFile, "the file has no bytes"}
	}
	if isArchive(content) {
		return "", &FileFault{transcript.WrongType, "the file is an archive as well"}
	}
	switch {
	case bytes.HasPrefix(content, []byte("\x89PNG\r\n\x1a\n")):
		return TypePNG, nil
	case bytes.HasPrefix(content, []byte("\xff\xd8\xff")):
		return TypeJPEG, nil
	case len(content) >= 12 && string(content[:4]) == "RIFF" && string(content[8:12]) == "WEBP":
		return TypeWebP, nil
	case bytes.HasPrefix(content, []byte("II*\x00")), bytes.HasPrefix(content, []byte("MM\x00*")):
		return TypeTIFF, nil
	}
	head := content[:min(len(content), headerWindow)]
	switch at := bytes.Index(head, []byte("%PDF-")); {
	case at < 0:
		return "", &FileFault{transcript.WrongType, "neither a PDF nor a picture"}
	case len(bytes.Trim(bytes.TrimPrefix(head[:at], []byte("\xef\xbb\xbf")), "\x00\t\n\f\r ")) > 0:
		return "", &FileFault{transcript.WrongType, "other content stands before the PDF header"}
	}
	return TypePDF, nil
}

// isArchive tells that the file ends as a ZIP archive does, which is opened from its end
// whatever it begins with (APPNOTE.TXT, section 4.3.16).
func isArchive(content []byte) bool {
	const record, longest = 22, 22 + 1<<16
	tail := content[max(0, len(content)-longest):]
	at := bytes.LastIndex(tail, []byte("PK\x05\x06"))
	return at >= 0 && at+record <= len(tail) && at+record+int(binary.LittleEndian.Uint16(tail[at+record-2:])) == len(tail)
}
