package main

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"asprak/domain/transcript"
	"asprak/domain/verification"
)

// explainedPages are the pictures that explain writes, read back.
func explainedPages(t *testing.T, content []byte, reading transcript.Reading, checks []verification.Check) []image.Image {
	explain, err := openExplainer(readerLimits{MaxPages: 10, MaxMegapixels: 100}, filepath.Join(t.TempDir(), "new"))
	require.NoError(t, err)
	defer explain.Close()
	names, err := explain.explain(t.Context(), "scans/a.pdf", content, reading, verification.Verdict{Checks: checks})
	require.NoError(t, err)
	var pages []image.Image
	for _, name := range names {
		file, err := os.Open(name)
		require.NoError(t, err)
		defer file.Close()
		page, err := png.Decode(file)
		require.NoError(t, err)
		pages = append(pages, page)
	}
	return pages
}

// count is how many pixels of the colour stand in the place.
func count(page image.Image, place image.Rectangle, c color.RGBA) int {
	n := 0
	for y := place.Min.Y; y < place.Max.Y; y++ {
		for x := place.Min.X; x < place.Max.X; x++ {
			if color.RGBAModel.Convert(page.At(x, y)) == c {
				n++
			}
		}
	}
	return n
}

func TestExplain_ForgedGrade_IsFramedInTheColourOfItsCheck(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("samples", "khs.pdf"))
	require.NoError(t, err)
	reading := oneCourse("Hasna")
	row := &reading.Rows[0]
	row.Grade.Value = "A"
	row.Grade.Box, row.Weight.Box = transcript.Box{X0: 400, Y0: 300, X1: 440, Y1: 320}, transcript.Box{X0: 450, Y0: 300, X1: 490, Y1: 320}
	pages := explainedPages(t, content, reading, ownChecks(reading))
	require.Len(t, pages, 1)
	page, scale := pages[0], sheetWidth/595.0
	around := func(b transcript.Box, x int) image.Rectangle {
		return image.Rect(x+int(b.X0*scale), int(b.Y0*scale), x+int(b.X1*scale), int(b.Y1*scale)).Inset(-3)
	}
	require.Greater(t, count(page, around(row.Weight.Box, 0), outcomeColours[verification.Doubt]), 100, "the weight contradicts")
	require.Zero(t, count(page, around(row.Grade.Box, 0).Inset(-1), outcomeColours[verification.Fail]))
	require.Greater(t, count(page, around(row.Grade.Box, 0), sourceColours[transcript.TextLayer]), 100, "what was read is framed")
	require.NotZero(t, count(page, around(row.Grade.Box, sheetWidth), sourceColours[transcript.TextLayer]), "and written beside")
	list := image.Rect(2*sheetWidth+1, 0, 2*sheetWidth+listWidth, page.Bounds().Dy())
	require.NotZero(t, count(page, list, outcomeColours[verification.Doubt]))
	require.NotZero(t, count(page, list, outcomeColours[verification.Pass]), "the file runs no scripts")
}

func TestExplain_PictureUpsideDown_IsDrawnUpright(t *testing.T) {
	// Upside down: the text of the name stands low and on the right, blank is above.
	lying := image.NewGray(image.Rect(0, 0, 400, 200))
	for i := range lying.Pix {
		lying.Pix[i] = 255
	}
	for x := 300; x < 380; x += 2 {
		for y := 150; y < 160; y++ {
			lying.SetGray(x, y, color.Gray{})
		}
	}
	var content bytes.Buffer
	require.NoError(t, png.Encode(&content, lying))
	name := printed("Hasna")
	name.Source, name.Box = transcript.Pixels, transcript.Box{X0: 20, Y0: 40, X1: 100, Y1: 50}
	reading := transcript.Reading{Type: "image/png", Kind: transcript.KHS, Name: name, Pages: []transcript.PageInfo{{Number: 1, Width: 400, Height: 200, Source: transcript.Pixels}}}
	page := explainedPages(t, content.Bytes(), reading, nil)[0]
	mean := func(place image.Rectangle) int {
		sum := 0
		for y := place.Min.Y; y < place.Max.Y; y++ {
			for x := place.Min.X; x < place.Max.X; x++ {
				sum += int(color.GrayModel.Convert(page.At(x, y)).(color.Gray).Y)
			}
		}
		return sum / (place.Dx() * place.Dy())
	}
	text, blank := placed(name.Box, sheetWidth/400.0).Inset(4), placed(transcript.Box{X0: 300, Y0: 150, X1: 380, Y1: 160}, sheetWidth/400.0).Inset(4)
	require.Less(t, mean(text), mean(blank)-50)
}

func TestExplain_UnreadableFile_HasNoPages(t *testing.T) {
	require.Empty(t, explainedPages(t, []byte("x"), transcript.Reading{Problem: transcript.Encrypted}, nil))
}
