package ocr

import (
	"bytes"
	"image"
	"image/draw"
	"image/jpeg"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"asprak/application"
)

// BenchmarkRecognise reads a scanned page as a first look and as a second.
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
	for name, look := range map[string]func() (application.Recognised, error){
		"first":  func() (application.Recognised, error) { return e.Recognise(b.Context(), picture) },
		"second": func() (application.Recognised, error) { return e.Again(b.Context(), picture, 0) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				seen, err := look()
				require.NoError(b, err)
				require.NotEmpty(b, seen.Words)
			}
		})
	}
}
