// Package transcript holds the academic values of a study result (KHS or temporary
// transcript): course rows, grades and their scales, student numbers, exact GPA
// arithmetic; and the step from words on pages to a Reading. It is pure: it knows no
// file format, no recogniser, no clock, and nothing of events or requirements.
package transcript

// Source tells where a value was taken from.
type Source string

const (
	TextLayer  Source = "text_layer" // characters that the PDF itself carries
	Pixels     Source = "pixels"     // recognised from the rendered or photographed page
	Arithmetic Source = "arithmetic" // the one value that the sums around it leave possible
)

// Box is a rectangle on a page, origin at the top left, in the page's own unit
// (see PageInfo.Width).
type Box struct {
	X0 float64 `json:"x0"`
	Y0 float64 `json:"y0"`
	X1 float64 `json:"x1"`
	Y1 float64 `json:"y1"`
}

// Word is one word on a page with the place where it stands.
type Word struct {
	Text       string  `json:"text"`
	Box        Box     `json:"box"`
	Confidence float64 `json:"confidence"` // 0 to 1; 1 for a text layer
	Source     Source  `json:"source"`
	Font       string  `json:"font,omitempty"`   // text layer only
	Size       float64 `json:"size,omitempty"`   // type size in the page's unit; text layer only
	Hidden     string  `json:"hidden,omitempty"` // text layer only: why the eye does not see it (a TraceKind), "" when it does
}

// Page is what was found on one page: the input of Read. Words stand in no particular
// order. Width and Height are in points (1/72 inch) for a PDF and in pixels for an image,
// after the page was turned upright.
type Page struct {
	Number int     `json:"number"` // from 1
	Width  float64 `json:"width"`
	Height float64 `json:"height"`
	Words  []Word  `json:"words"`
}

// File is what the decoders found of a document before any layout is read.
type File struct {
	Problem FileProblem `json:"problem,omitempty"` // set when the file cannot be read at all; Pages is then empty
	Detail  string      `json:"detail,omitempty"`  // what exactly was wrong, for a person
	Type    string      `json:"type"`              // media type by content, e.g. "application/pdf"
	Active  bool        `json:"active,omitempty"`  // a PDF that runs scripts on opening, or carries other files or programs
	Traces  []Trace     `json:"traces,omitempty"`
	Pages   []Page      `json:"pages,omitempty"`
}

// FileProblem is why a file could not be read. Each is the reason of a rejected verdict.
type FileProblem string

const (
	EmptyFile        FileProblem = "empty_file"
	WrongType        FileProblem = "wrong_type"
	UnreadableFile   FileProblem = "unreadable_file"
	Encrypted        FileProblem = "encrypted"
	NoPages          FileProblem = "no_pages"
	TooManyPages     FileProblem = "too_many_pages"
	TooLargeUnpacked FileProblem = "too_large_unpacked"
)

// TraceKind is a sign of editing in the file itself.
type TraceKind string

const (
	CoveredText   TraceKind = "covered_text"   // old text still lies under a patch
	InvisibleText TraceKind = "invisible_text" // text drawn with rendering mode 3 over something else than itself
	WhiteText     TraceKind = "white_text"     // text in the colour of its ground
	OffPageText   TraceKind = "off_page_text"
	LayerMismatch TraceKind = "layer_mismatch" // text layer and pixels disagree at a decisive cell
	PastedImage   TraceKind = "pasted_image"
	LaterUpdate   TraceKind = "later_update"  // the file was changed after it was made
	ForeignType   TraceKind = "foreign_type"  // a cell is set in another type than its column; text layer only
	MissingValue  TraceKind = "missing_value" // a caption announces the average of the rows, and no number was read there
)

// Trace is one sign of editing with its place.
type Trace struct {
	Kind   TraceKind `json:"kind"`
	Page   int       `json:"page"`
	Box    Box       `json:"box"`
	Text   string    `json:"text,omitempty"` // what the hidden or differing text says
	Detail string    `json:"detail,omitempty"`
}

// Field is one value read from a page, with where and how surely it was read.
type Field[T any] struct {
	Value      T       `json:"value"`
	Text       string  `json:"text,omitempty"` // as printed, when that differs from the value
	Confidence float64 `json:"confidence"`     // 0 to 1
	Source     Source  `json:"source"`
	Page       int     `json:"page"`
	Box        Box     `json:"box"`
}

// Kind is the kind of document.
type Kind string

const (
	KHS            Kind = "khs"        // study result card of one semester (Kartu Hasil Studi)
	Transcript     Kind = "transcript" // all semesters so far (Transkrip Nilai Sementara)
	NotStudyResult Kind = "none"
)

// Row is one course on the document. A nil field is not printed (or could not be read).
type Row struct {
	Code     *Field[string]  `json:"code,omitempty"`
	Name     *Field[string]  `json:"name,omitempty"`
	SKS      *Field[Decimal] `json:"sks,omitempty"`
	Grade    *Field[string]  `json:"grade,omitempty"`   // normalised letter, e.g. "A/B"; "" value: the cell is covered
	History  *Field[string]  `json:"history,omitempty"` // letter of the one attempt that the history of a course shows
	Weight   *Field[Decimal] `json:"weight,omitempty"`
	Points   *Field[Decimal] `json:"points,omitempty"`
	Semester *Field[int]     `json:"semester,omitempty"`
	Page     int             `json:"page"`
	Box      Box             `json:"box"`
}

// PageInfo names a page's size, so that a box can be drawn on it.
type PageInfo struct {
	Number int     `json:"number"`
	Width  float64 `json:"width"`
	Height float64 `json:"height"`
	Source Source  `json:"source"`
}

// Reading is what the machine read from one document. Nil fields were not found.
type Reading struct {
	Problem FileProblem `json:"problem,omitempty"` // set: nothing else is
	Detail  string      `json:"detail,omitempty"`
	Type    string      `json:"type"`
	Active  bool        `json:"active,omitempty"`
	Traces  []Trace     `json:"traces,omitempty"`
	Pages   []PageInfo  `json:"pages,omitempty"`

	Kind          Kind            `json:"kind"`
	University    *Field[string]  `json:"university,omitempty"`
	Faculty       *Field[string]  `json:"faculty,omitempty"`
	Programme     *Field[string]  `json:"programme,omitempty"`
	Name          *Field[string]  `json:"name,omitempty"`
	NIM           *Field[string]  `json:"nim,omitempty"`
	SemesterLabel *Field[string]  `json:"semester_label,omitempty"`
	Semester      *Field[int]     `json:"semester,omitempty"`
	AcademicYear  *Field[string]  `json:"academic_year,omitempty"`
	Rows          []Row           `json:"rows,omitempty"`
	TotalSKS      *Field[Decimal] `json:"total_sks,omitempty"` // KHS: this semester; transcript: all
	TotalPoints   *Field[Decimal] `json:"total_points,omitempty"`
	CumSKS        *Field[Decimal] `json:"cum_sks,omitempty"`
	CumPoints     *Field[Decimal] `json:"cum_points,omitempty"`
	IPS           *Field[Decimal] `json:"ips,omitempty"`
	IPK           *Field[Decimal] `json:"ipk,omitempty"`

	Scale      string  `json:"scale,omitempty"` // id of the grade scale that fits, see Scales
	Confidence float64 `json:"confidence"`      // of the whole, 0 to 1
	Layout     string  `json:"layout"`          // what it was read by, RulesVersion
}
