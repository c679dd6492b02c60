package ocr

import (
	"bytes"
	"image"
	"image/draw"
	"image/jpeg"
	"os"
	"testing"
	"time"

	"github.com/otiai10/gosseract/v2"
	"github.com/stretchr/testify/require"
)

// BenchmarkRecognise reads a scanned page and reports the milliseconds of preparation and
// of recognition apart.
func BenchmarkRecognise(b *testing.B) {
	content, err := os.ReadFile("../../cmd/asprak/samples/scan.jpg")
	require.NoError(b, err)
	scan, err := jpeg.Decode(bytes.NewReader(content))
	require.NoError(b, err)
	picture := image.NewGray(scan.Bounds())
	draw.Draw(picture, picture.Rect, scan, image.Point{}, draw.Src)
	e, err := New(Options{})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, e.Close()) })
	var prepared, recognised time.Duration
	for b.Loop() {
		start := time.Now()
		page := Normalise(picture)
		scale := pageScale(page)
		page = levelled(page, skew(page), scale)
		RemoveRules(page)
		middle := time.Now()
		words, err := e.read(page, gosseract.PSM_SINGLE_BLOCK)
		require.NoError(b, err)
		require.NotEmpty(b, words)
		prepared += middle.Sub(start)
		recognised += time.Since(middle)
	}
	b.ReportMetric(float64(prepared.Milliseconds())/float64(b.N), "ms-prepare/op")
	b.ReportMetric(float64(recognised.Milliseconds())/float64(b.N), "ms-recognise/op")
}
