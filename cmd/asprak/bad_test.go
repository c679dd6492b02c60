package main

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"asprak/cmd/asprak/samples"
	"asprak/domain"
	"asprak/domain/verification"
)

func TestServe_BadFiles_GetTheirLabels(t *testing.T) {
	p := startProcess(t)
	ctx := testContext(t)
	set, err := samples.Load()
	require.NoError(t, err)
	var opening answer
	require.NoError(t, p.as(domain.RoleAdmin, "admin").post(ctx, "/v1/openings", sampleOpening("Praktikum", set.Requirement), &opening))
	khs, scan := sampleContent(t, "khs.pdf"), sampleContent(t, "scan.jpg")
	encrypted, err := os.ReadFile(filepath.Join("..", "..", "infrastructure", "pdf", "testdata", "encrypted.pdf"))
	require.NoError(t, err)
	page := "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>"

	for _, bad := range []struct {
		name    string
		content []byte
		label   verification.Label
	}{
		{"empty.pdf", nil, "rejected:empty_file"},
		{"archive.pdf", zipped(t), "rejected:wrong_type"},
		{"page.pdf", []byte("<!DOCTYPE html><html><body>%PDF-1.7</body></html>"), "rejected:wrong_type"},
		{"polyglot.pdf", append([]byte("<html><script>alert(1)</script></html>\n"), khs...), "rejected:wrong_type"},
		{"archive-behind.pdf", append(khs[:len(khs):len(khs)], zipped(t)...), "rejected:wrong_type"},
		{"archive-behind.jpg", append(scan[:len(scan):len(scan)], zipped(t)...), "rejected:wrong_type"},
		{"attachment.pdf", withCatalogue(khs, "/Names << /EmbeddedFiles << /Names [(a.exe) 99 0 R] >> >>"), "review:active_content"},
		{"hidden-attachment.pdf", withCatalogue(khs, "/Names << /Embedded#46iles << /Names [(a.exe) 99 0 R] >> >>"), "review:active_content"},
		{"script.pdf", withCatalogue(khs, "/OpenAction << /S /JavaScript /JS (app.alert(1)) >>"), "review:active_content"},
		{"launch.pdf", withCatalogue(khs, "/OpenAction << /S /Launch /F (cmd.exe) >>"), "review:active_content"},
		{"form.pdf", withCatalogue(khs, "/AcroForm << /XFA 99 0 R >>"), "review:active_content"},
		{"noise.pdf", bytes.Repeat([]byte{0x13, 0xfe, 0x77, 0x00}, 500), "rejected:wrong_type"},
		{"cut.pdf", khs[:len(khs)*45/100], "rejected:unreadable_file"},
		{"cut.jpg", scan[:len(scan)*38/100], "rejected:unreadable_file"},
		{"encrypted.pdf", encrypted, "rejected:encrypted"},
		{"nopages.pdf", pdfOf("<< /Type /Pages /Kids [] /Count 0 >>"), "rejected:no_pages"},
		{"pages.pdf", pdfOf("<< /Type /Pages /Kids ["+strings.Repeat("3 0 R ", 500)+"] /Count 500 >>", page), "rejected:too_many_pages"},
		{"huge.pdf", pdfOf("<< /Type /Pages /Kids [3 0 R] /Count 1 >>", "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 14400 14400] /UserUnit 5 >>"), "rejected:too_large_unpacked"},
		{"bomb.png", pngHeader(20_000, 20_000), "rejected:too_large_unpacked"},
		{"blank.png", blankPage(t), "rejected:not_a_study_result"},
	} {
		t.Run(bad.name, func(t *testing.T) {
			student := p.as(domain.RoleApplicant, "student-"+bad.name)
			var submitted, uploaded answer
			require.NoError(t, student.post(ctx, "/v1/applications", map[string]any{"opening_id": opening.ID, "applicant": map[string]any{
				"name": "Hasna Nur'aini Maharani", "nim": "20/461438/SV/19779", "email": "s@example.ac.id", "programme": "TRPL"}}, &submitted))
			require.NoError(t, student.upload(ctx, "/v1/applications/"+submitted.ID+"/documents", bad.name, bad.content, &uploaded))
			document, err := student.awaitVerdict(ctx, submitted.ID, uploaded.DocumentID)
			require.NoError(t, err, "%s", p.log)
			require.Equal(t, bad.label, document.Verdict.Label)
		})
	}

	t.Run("too large", func(t *testing.T) {
		student := p.as(domain.RoleApplicant, "student-large")
		var submitted, uploaded answer
		require.NoError(t, student.post(ctx, "/v1/applications", map[string]any{"opening_id": opening.ID, "applicant": map[string]any{
			"name": "Hasna", "nim": "20/461438/SV/19779", "email": "s@example.ac.id", "programme": "TRPL"}}, &submitted))
		err := student.upload(ctx, "/v1/applications/"+submitted.ID+"/documents", "large.pdf", append(khs, make([]byte, 10<<20)...), &uploaded)
		require.Equal(t, http.StatusRequestEntityTooLarge, statusOf(err), "%v", err)
		require.Contains(t, err.Error(), "upload_too_large")
	})
}

func sampleContent(t *testing.T, file string) []byte {
	t.Helper()
	content, err := samples.Content(file)
	require.NoError(t, err)
	return content
}

func zipped(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	f, err := w.Create("khs.txt")
	require.NoError(t, err)
	_, err = f.Write([]byte("KARTU HASIL STUDI"))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

// withCatalogue changes a PDF as an editor does, behind its end: the catalogue gets more entries.
func withCatalogue(content []byte, more string) []byte {
	object := regexp.MustCompile(`(?s)(\d+) 0 obj\s*<<([^<>]*/Type\s*/Catalog[^<>]*)>>`).FindSubmatch(content)
	previous := regexp.MustCompile(`startxref\s+(\d+)`).FindAllSubmatch(content, -1)
	size := regexp.MustCompile(`/Size (\d+)`).FindSubmatch(content)
	if object == nil || previous == nil || size == nil {
		panic("this PDF's catalogue cannot be found")
	}
	out := bytes.NewBuffer(bytes.Clone(content))
	out.WriteString("\n")
	at := out.Len()
	fmt.Fprintf(out, "%s 0 obj\n<<%s%s>>\nendobj\n", object[1], object[2], more)
	start := out.Len()
	fmt.Fprintf(out, "xref\n%s 1\n%010d 00000 n \ntrailer\n<< /Size %s /Root %s 0 R /Prev %s >>\nstartxref\n%d\n%%%%EOF\n",
		object[1], at, size[1], object[1], previous[len(previous)-1][1], start)
	return out.Bytes()
}

// pdfOf is a PDF of a catalogue and these objects, numbered from 2: the page tree first.
func pdfOf(objects ...string) []byte {
	var out bytes.Buffer
	out.WriteString("%PDF-1.7\n")
	offsets := []int{}
	for i, body := range append([]string{"<< /Type /Catalog /Pages 2 0 R >>"}, objects...) {
		offsets = append(offsets, out.Len())
		fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", i+1, body)
	}
	start := out.Len()
	fmt.Fprintf(&out, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, offset := range offsets {
		fmt.Fprintf(&out, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&out, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(offsets)+1, start)
	return out.Bytes()
}

// pngHeader claims a picture of that size and carries next to nothing.
func pngHeader(w, h uint32) []byte {
	out := bytes.NewBufferString("\x89PNG\r\n\x1a\n")
	chunk := func(kind string, data []byte) {
		binary.Write(out, binary.BigEndian, uint32(len(data)))
		body := append([]byte(kind), data...)
		out.Write(body)
		binary.Write(out, binary.BigEndian, crc32.ChecksumIEEE(body))
	}
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
	chunk("IHDR", append(head, 1, 0, 0, 0, 0))
	chunk("IDAT", []byte{0x78, 0x9c, 0x63, 0x00, 0x00, 0x00, 0x01, 0x00, 0x01})
	chunk("IEND", nil)
	return out.Bytes()
}

func blankPage(t *testing.T) []byte {
	t.Helper()
	page := image.NewGray(image.Rect(0, 0, 800, 1100))
	draw.Draw(page, page.Rect, image.NewUniform(color.White), image.Point{}, draw.Src)
	var out bytes.Buffer
	require.NoError(t, png.Encode(&out, page))
	return out.Bytes()
}
