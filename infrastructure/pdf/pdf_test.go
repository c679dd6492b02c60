package pdf

import (
	"bytes"
	"compress/zlib"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/domain/transcript"
)

var library *Library

func TestMain(m *testing.M) {
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	if library, err = Open(dir + "/asprak-test-pdfium"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = library.Close()
	os.Exit(code)
}

// sheet describes a one-font PDF to be made by build.
type sheet struct {
	page    string // further entries of each page's dictionary
	content string // drawing operators
	pages   int
	catalog string // further entries of the catalogue
	objects []string
}

const a4 = "/MediaBox [0 0 595 842]"

// build writes the PDF. Own objects are numbered from 10.
func build(p sheet) []byte {
	if p.pages == 0 {
		p.pages = 1
	}
	if !strings.Contains(p.page, "MediaBox") {
		p.page += a4
	}
	kids := strings.Repeat("5 0 R ", p.pages)
	objects := map[int]string{
		1: "<< /Type /Catalog /Pages 2 0 R " + p.catalog + " >>",
		2: fmt.Sprintf("<< /Type /Pages /Count %d /Kids [%s] >>", p.pages, kids),
		3: "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
		4: fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(p.content), p.content),
		5: "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F 3 0 R >> >> " + p.page + " >>",
	}
	for i, o := range p.objects {
		objects[10+i] = o
	}
	var out bytes.Buffer
	out.WriteString("%PDF-1.6\n")
	offsets := make([]int, 10+len(p.objects))
	for n := range offsets {
		if o, ok := objects[n]; ok {
			offsets[n] = out.Len()
			fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", n, o)
		}
	}
	xref := out.Len()
	fmt.Fprintf(&out, "xref\n0 %d\n", len(offsets))
	for n, at := range offsets {
		if at == 0 {
			fmt.Fprintf(&out, "%010d %05d f \n", 0, 65535*min(1, 1-min(n, 1)))
			continue
		}
		fmt.Fprintf(&out, "%010d 00000 n \n", at)
	}
	fmt.Fprintf(&out, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(offsets), xref)
	return out.Bytes()
}

func at(x, y int, text string) string {
	return fmt.Sprintf("BT /F 10 Tf 1 0 0 1 %d %d Tm (%s) Tj ET\n", x, y, text)
}

func open(t *testing.T, content []byte) application.PDFFile {
	t.Helper()
	file, err := library.Open(context.Background(), content, application.DefaultLimits())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, file.Close()) })
	return file
}

func text(t *testing.T, content []byte) application.PDFText {
	t.Helper()
	out, err := open(t, content).Text(context.Background(), 0)
	require.NoError(t, err)
	return out
}

func find(t *testing.T, text application.PDFText, want string) transcript.Word {
	t.Helper()
	for _, w := range text.Words {
		if w.Text == want {
			return w
		}
	}
	require.Failf(t, "no such word", "%q among %v", want, spoken(text.Words))
	return transcript.Word{}
}

func spoken(words []transcript.Word) []string {
	var out []string
	for _, w := range words {
		out = append(out, w.Text)
	}
	return out
}

func TestOpen_DocumentAtFault_SaysWhatIsWrong(t *testing.T) {
	encrypted, err := os.ReadFile("testdata/encrypted.pdf")
	require.NoError(t, err)
	khs, err := os.ReadFile("testdata/khs.pdf")
	require.NoError(t, err)
	for name, c := range map[string]struct {
		content []byte
		problem transcript.FileProblem
	}{
		"user password": {encrypted, transcript.Encrypted},
		"cut off":       {khs[:len(khs)/3], transcript.UnreadableFile},
		"no pages":      {[]byte(strings.ReplaceAll(string(build(sheet{})), "/Count 1 /Kids [5 0 R ]", "/Count 0 /Kids []      ")), transcript.NoPages},
		"eleven pages":  {build(sheet{pages: 11}), transcript.TooManyPages},
		"long page":     {build(sheet{page: "/MediaBox [0 0 595 14400]"}), transcript.TooLargeUnpacked},
		"long by unit":  {build(sheet{page: a4 + " /UserUnit 20"}), transcript.TooLargeUnpacked},
		"packed bomb":   {build(sheet{objects: []string{bomb()}}), transcript.TooLargeUnpacked},
		"huge picture":  {build(sheet{objects: []string{"<< /Subtype /Image /Width 20000 /Height 20000 /Length 1 >>\nstream\nx\nendstream"}}), transcript.TooLargeUnpacked},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := library.Open(context.Background(), c.content, application.DefaultLimits())
			var fault *application.FileFault
			require.ErrorAs(t, err, &fault)
			require.Equal(t, c.problem, fault.Problem, fault.Detail)
		})
	}
}

func bomb() string {
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	zeros := make([]byte, 1<<20)
	for range maxStream/len(zeros) + 1 {
		_, _ = w.Write(zeros)
	}
	_ = w.Close()
	return fmt.Sprintf("<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream", packed.Len(), packed.String())
}

func TestOpen_Scripts_AreNoticed(t *testing.T) {
	for name, c := range map[string]struct {
		sheet  sheet
		active bool
	}{
		"none":              {sheet{}, false},
		"opening action":    {sheet{catalog: "/OpenAction << /S /JavaScript /JS (app.alert\\(1\\)) >>"}, true},
		"escaped name":      {sheet{catalog: "/OpenAction << /S /Java#53cript /J#53 (1) >>"}, true},
		"named script":      {sheet{catalog: "/Names << /JavaScript << /Names [(a) 10 0 R] >> >>", objects: []string{"<< /S /JavaScript /JS (1) >>"}}, true},
		"on opening a page": {sheet{page: "/AA << /O << /S /JavaScript /JS (1) >> >>"}, true},
		"opening at a page": {sheet{catalog: "/OpenAction [5 0 R /Fit]"}, false},
		"word in the text":  {sheet{content: at(50, 700, "/OpenAction /JavaScript")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.active, open(t, build(c.sheet)).Active())
		})
	}
}

func TestText_KHS_GivesWordsWithBoxes(t *testing.T) {
	content, err := os.ReadFile("testdata/khs.pdf")
	require.NoError(t, err)
	out := text(t, content)
	require.InDelta(t, 842, out.Height, 1)
	require.Greater(t, len(out.Words), 100)
	require.Empty(t, out.Traces)
	require.Zero(t, out.ImageShare)
	for _, w := range out.Words {
		require.Empty(t, w.Hidden, w.Text)
		require.Less(t, w.Box.X0, w.Box.X1, w.Text)
		require.Less(t, w.Box.Y0, w.Box.Y1, w.Text)
	}
}

func TestText_Words_PartAtBlanksAndGaps(t *testing.T) {
	out := text(t, build(sheet{content: at(50, 700, "Basis Data") + at(200, 700, "A-") + at(215, 700, "3,75") + at(50, 680, "B")}))
	require.ElementsMatch(t, []string{"Basis", "Data", "A-", "3,75", "B"}, spoken(out.Words))
	w := find(t, out, "Basis")
	require.InDelta(t, 50, w.Box.X0, 2)
	require.InDelta(t, 842-700, w.Box.Y1, 4)
	require.InDelta(t, 10, w.Size, 0.01)
}

func TestText_TurnedAndCroppedPage_IsUpright(t *testing.T) {
	for turn, want := range map[int]struct {
		matrix string // under which type stands upright once the page is turned
		x0, y1 float64
	}{
		0:   {"1 0 0 1", 100, 142},
		90:  {"0 1 -1 0", 650, 100},
		180: {"-1 0 0 -1", 445, 650},
		270: {"0 -1 1 0", 142, 445},
	} {
		t.Run(fmt.Sprint(turn), func(t *testing.T) {
			out := text(t, build(sheet{
				page:    fmt.Sprintf("/MediaBox [0 0 595 842] /CropBox [0 50 545 842] /Rotate %d", turn),
				content: fmt.Sprintf("BT /F 10 Tf %s 100 700 Tm (KHS) Tj ET", want.matrix),
			}))
			w := find(t, out, "KHS")
			require.InDelta(t, want.x0, w.Box.X0, 3)
			require.InDelta(t, want.y1, w.Box.Y1, 4)
			require.Empty(t, w.Hidden)
		})
	}
}

func TestText_HiddenWords_AreToldWithTheirKind(t *testing.T) {
	patch := func(rgb string) string { return rgb + " rg 195 695 40 15 re f 0 0 0 rg\n" }
	for name, c := range map[string]struct {
		content string
		hidden  map[string]transcript.TraceKind // word to kind; every other word is visible
	}{
		"visible":           {at(200, 700, "A"), nil},
		"patch above":       {at(200, 700, "C") + patch("1 1 1") + at(215, 700, "A"), map[string]transcript.TraceKind{"C": transcript.CoveredText}},
		"patch below":       {patch("0.9 0.9 0.9") + at(200, 700, "B"), nil},
		"white":             {"1 1 1 rg " + at(200, 700, "3,81") + "0 0 0 rg " + at(50, 600, "IPK"), map[string]transcript.TraceKind{"3,81": transcript.WhiteText}},
		"white on blue":     {patch("0 0 0.6") + "1 1 1 rg " + at(200, 700, "SKS"), nil},
		"rendering mode 3":  {"3 Tr " + at(200, 700, "4,00") + "0 Tr " + at(50, 600, "IPK"), map[string]transcript.TraceKind{"4,00": transcript.InvisibleText}},
		"off the page":      {at(-300, 700, "lulus") + at(50, 600, "IPK"), map[string]transcript.TraceKind{"lulus": transcript.OffPageText}},
		"clipped-off patch": {at(200, 700, "A") + "q 0 0 10 10 re W n " + patch("1 1 1") + "Q", nil},
	} {
		t.Run(name, func(t *testing.T) {
			out := text(t, build(sheet{content: c.content}))
			require.NotEmpty(t, out.Words)
			for _, w := range out.Words {
				require.Equal(t, string(c.hidden[w.Text]), w.Hidden, w.Text)
			}
			require.Len(t, out.Traces, len(c.hidden))
			for _, trace := range out.Traces {
				require.Equal(t, c.hidden[trace.Text], trace.Kind)
			}
		})
	}
}

// updated appends a revision in which the page has other drawing operators or entries.
func updated(p sheet, content, page string) []byte {
	before := build(p)
	out := bytes.NewBuffer(before)
	old := bytes.LastIndex(before, []byte("xref\n0 "))
	stream := out.Len()
	fmt.Fprintf(out, "4 0 obj\n<< /Length %d >>\nstream\n%s\nendstream\nendobj\n", len(content), content)
	entry := out.Len()
	fmt.Fprintf(out, "5 0 obj\n<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F 3 0 R >> >> %s %s >>\nendobj\n", a4, page)
	xref := out.Len()
	fmt.Fprintf(out, "xref\n4 2\n%010d 00000 n \n%010d 00000 n \ntrailer\n<< /Size 10 /Root 1 0 R /Prev %d >>\nstartxref\n%d\n%%%%EOF\n", stream, entry, old, xref)
	return out.Bytes()
}

func TestText_ChangedLater_TellsWhatStoodThereBefore(t *testing.T) {
	first := at(50, 700, "Basis Data") + at(200, 700, "C") + at(50, 680, "IPK 2.85")
	for name, c := range map[string]struct {
		content, page string
		texts         []string // of the traces
	}{
		"another grade":    {strings.Replace(first, "(C)", "(A)", 1), "", []string{"C", "A"}},
		"a row more":       {first + at(50, 660, "Kalkulus Lanjut") + at(200, 660, "A"), "", []string{"A"}},
		"a row less":       {at(50, 700, "Basis Data") + at(200, 700, "C"), "", []string{"IPK", "2.85"}},
		"moved by a hair":  {strings.Replace(first, "200 700", "201 700", 1), "", nil},
		"saved once more":  {first, "", nil},
		"signed":           {first, "/Annots [<< /Type /Annot /Subtype /Stamp /Rect [400 100 500 150] >>]", nil},
		"signed in words":  {first + at(400, 100, "Ditandatangani secara elektronik"), "", nil},
		"patched, as seen": {first + "1 g 195 695 20 15 re f 0 g " + at(200, 700, "A"), "", []string{"C", "A"}},
	} {
		t.Run(name, func(t *testing.T) {
			var texts []string
			for _, trace := range text(t, updated(sheet{content: first}, c.content, c.page)).Traces {
				if trace.Kind == transcript.LaterUpdate {
					texts = append(texts, trace.Text)
				}
			}
			require.Equal(t, c.texts, texts)
		})
	}
}

func TestText_LineRunsOverTheEdge_IsNoTrace(t *testing.T) {
	out := text(t, build(sheet{content: at(500, 700, "Dosen Pembimbing Akademik Dr. Ir.")}))
	require.Empty(t, out.Traces)
}

func TestRender_Page_ShowsTypeWithinThePixelBound(t *testing.T) {
	file := open(t, build(sheet{content: at(50, 700, "KARTU HASIL STUDI")}))
	picture, err := file.Render(context.Background(), 0, 100, 1<<30)
	require.NoError(t, err)
	require.InDelta(t, 595*100/72, picture.Rect.Dx(), 2)
	require.InDelta(t, 842*100/72, picture.Rect.Dy(), 2)
	require.True(t, hasInk(picture, transcript.Box{X0: 50, Y0: 130, X1: 150, Y1: 145}, 100.0/72))
	require.False(t, hasInk(picture, transcript.Box{X0: 50, Y0: 330, X1: 150, Y1: 345}, 100.0/72))
	small, err := file.Render(context.Background(), 0, 600, 10_000)
	require.NoError(t, err)
	require.LessOrEqual(t, small.Rect.Dx()*small.Rect.Dy(), 10_000)
}

func TestOpen_EveryPrefixOfAFile_FailsOrOpensButNeverHangs(t *testing.T) {
	content, err := os.ReadFile("testdata/khs.pdf")
	require.NoError(t, err)
	for n := 0; n < len(content); n += 97 {
		file, err := library.Open(context.Background(), content[:n], application.DefaultLimits())
		if err == nil {
			_ = file.Close()
			continue
		}
		var fault *application.FileFault
		require.ErrorAs(t, err, &fault, "prefix of %d bytes", n)
	}
}
