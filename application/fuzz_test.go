package application

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/jpeg"
	"image/png"
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzSniff(f *testing.F) {
	for _, s := range []string{"", "%PDF-1.7\n", "\xef\xbb\xbf\r\n%PDF-1.4", "<html>%PDF-1.7", "\x89PNG\r\n\x1a\n", "\xff\xd8\xff\xe1", "RIFF\x00\x00\x00\x00WEBP", "II*\x00", "MM\x00*", "PK\x03\x04"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		kind, fault := Sniff(content)
		require.NotEqual(t, kind == "", fault == nil, "a type or a fault")
		require.NotEmpty(t, mediaType(kept{Size: int64(len(content)), Head: content[:min(len(content), 512)]}))
		if kind == TypePDF {
			require.Contains(t, string(content[:min(len(content), headerWindow)]), "%PDF-")
		}
	})
}

func FuzzParsePosition(f *testing.F) {
	for _, s := range []string{"0", "17", "17-16", "17-17", "18446744073709551615", "-", "1-", "+1", "1_0", "", "1-2-3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePosition(s)
		if err != nil {
			return
		}
		again, err := ParsePosition(p.String())
		require.NoError(t, err)
		require.Equal(t, p, again)
	})
}

// FuzzDecodePicture bounds the pixels low, so that what is tried is the parsing.
func FuzzDecodePicture(f *testing.F) {
	const maxPixels = 1 << 14
	picture := image.NewGray(image.Rect(0, 0, 20, 10))
	var asPNG, asJPEG bytes.Buffer
	require.NoError(f, png.Encode(&asPNG, picture))
	require.NoError(f, jpeg.Encode(&asJPEG, picture, nil))
	f.Add(asPNG.Bytes())
	f.Add(asJPEG.Bytes())
	for orientation := range 10 {
		f.Add(turned(asJPEG.Bytes(), uint16(orientation)))
	}
	f.Add([]byte("II*\x00\x08\x00\x00\x00\x00\x00"))
	f.Add([]byte("MM\x00*\xff\xff\xff\xff"))
	f.Add([]byte("RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07\x00"))
	f.Fuzz(func(t *testing.T, content []byte) {
		picture, err := DecodePicture(content, maxPixels)
		var fault *FileFault
		if err != nil {
			require.True(t, errors.As(err, &fault), "%v", err)
			return
		}
		require.LessOrEqual(t, picture.Rect.Dx()*picture.Rect.Dy(), maxPixels)
		require.Len(t, picture.Pix, picture.Rect.Dx()*picture.Rect.Dy())
	})
}

// turned puts an EXIF orientation into a JPEG.
func turned(content []byte, orientation uint16) []byte {
	tiff := append([]byte("Exif\x00\x00II*\x00\x08\x00\x00\x00"), 1, 0, 0x12, 0x01, 3, 0, 1, 0, 0, 0)
	tiff = append(binary.LittleEndian.AppendUint16(tiff, orientation), 0, 0, 0, 0, 0, 0)
	segment := binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(len(tiff)+2))
	return append(append([]byte{0xff, 0xd8}, append(segment, tiff...)...), content[2:]...)
}
