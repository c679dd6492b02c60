package application

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	_ "image/jpeg" // decoders register themselves
	_ "image/png"

	_ "golang.org/x/image/tiff"
	_ "golang.org/x/image/webp"

	"asprak/domain/transcript"
)

// DecodePicture decodes a picture to grey after its header has shown that it stays within
// maxPixels, and turns it as its EXIF orientation asks. The error is a *FileFault.
func DecodePicture(content []byte, maxPixels int) (*image.Gray, error) {
	header, _, err := image.DecodeConfig(bytes.NewReader(content))
	if err != nil {
		return nil, &FileFault{transcript.UnreadableFile, "the picture's header is broken"}
	}
	if header.Width <= 0 || header.Height <= 0 {
		return nil, &FileFault{transcript.UnreadableFile, "the picture has no pixels"}
	}
	if header.Width > maxPixels/header.Height {
		return nil, &FileFault{transcript.TooLargeUnpacked, fmt.Sprintf("the picture has %d x %d pixels", header.Width, header.Height)}
	}
	picture, _, err := image.Decode(bytes.NewReader(content))
	if err != nil {
		return nil, &FileFault{transcript.UnreadableFile, "the picture is cut off or broken"}
	}
	return upright(grey(picture), orientation(content)), nil
}

// grey reduces a picture to brightness, transparent parts on white.
func grey(picture image.Image) *image.Gray {
	b := picture.Bounds()
	w, h := b.Dx(), b.Dy()
	switch p := picture.(type) {
	case *image.Gray:
		if b.Min == (image.Point{}) && p.Stride == w {
			return p
		}
	case *image.YCbCr:
		out := image.NewGray(image.Rect(0, 0, w, h))
		for y := range h {
			from := p.YOffset(b.Min.X, b.Min.Y+y)
			copy(out.Pix[y*w:(y+1)*w], p.Y[from:from+w])
		}
		return out
	case *image.RGBA:
		return greyOf(p.Pix, p.Stride, w, h, true)
	case *image.NRGBA:
		return greyOf(p.Pix, p.Stride, w, h, false)
	}
	out := image.NewGray(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			r, g, bl, a := picture.At(b.Min.X+x, b.Min.Y+y).RGBA()
			white := 0xffff - a
			out.Pix[y*w+x] = color.GrayModel.Convert(color.RGBA64{
				uint16(r + white), uint16(g + white), uint16(bl + white), 0xffff}).(color.Gray).Y
		}
	}
	return out
}

func greyOf(pix []byte, stride, w, h int, premultiplied bool) *image.Gray {
	out := image.NewGray(image.Rect(0, 0, w, h))
	for y := range h {
		row := pix[y*stride : y*stride+4*w]
		for x := range w {
			q := row[4*x : 4*x+4 : 4*x+4]
			// The weights of color.GrayModel, in 1/65536.
			v := (19595*uint32(q[0]) + 38470*uint32(q[1]) + 7471*uint32(q[2]) + 1<<15) >> 16
			if a := uint32(q[3]); a != 255 {
				if !premultiplied {
					v = v * a / 255
				}
				v = min(255, v+255-a)
			}
			out.Pix[y*w+x] = byte(v)
		}
	}
	return out
}

// orientation finds the EXIF orientation (tag 0x0112, values 1 to 8) of a JPEG; 1 when
// there is none.
func orientation(content []byte) int {
	if len(content) < 4 || content[0] != 0xff || content[1] != 0xd8 {
		return 1
	}
	for at := 2; at+4 <= len(content) && content[at] == 0xff; {
		marker, size := content[at+1], int(binary.BigEndian.Uint16(content[at+2:]))
		if marker == 0xda || size < 2 || at+2+size > len(content) {
			return 1
		}
		segment := content[at+4 : at+2+size]
		if marker == 0xe1 && len(segment) >= 14 && string(segment[:6]) == "Exif\x00\x00" {
			return tiffOrientation(segment[6:])
		}
		at += 2 + size
	}
	return 1
}

func tiffOrientation(tiff []byte) int {
	var order binary.ByteOrder = binary.LittleEndian
	if string(tiff[:2]) == "MM" {
		order = binary.BigEndian
	}
	at := int(order.Uint32(tiff[4:]))
	if at < 8 || at+2 > len(tiff) {
		return 1
	}
	for i := range int(order.Uint16(tiff[at:])) {
		entry := at + 2 + 12*i
		if entry+12 > len(tiff) {
			return 1
		}
		if order.Uint16(tiff[entry:]) == 0x0112 {
			if v := int(order.Uint16(tiff[entry+8:])); v >= 1 && v <= 8 {
				return v
			}
		}
	}
	return 1
}

// upright undoes an EXIF orientation.
func upright(picture *image.Gray, orientation int) *image.Gray {
	if orientation == 1 {
		return picture
	}
	w, h := picture.Rect.Dx(), picture.Rect.Dy()
	ow, oh := w, h
	if orientation >= 5 {
		ow, oh = h, w
	}
	// to gives the place of a source pixel in the result.
	to := map[int]func(x, y int) (int, int){
		2: func(x, y int) (int, int) { return w - 1 - x, y },
		3: func(x, y int) (int, int) { return w - 1 - x, h - 1 - y },
		4: func(x, y int) (int, int) { return x, h - 1 - y },
		5: func(x, y int) (int, int) { return y, x },
		6: func(x, y int) (int, int) { return h - 1 - y, x },
		7: func(x, y int) (int, int) { return h - 1 - y, w - 1 - x },
		8: func(x, y int) (int, int) { return y, w - 1 - x },
	}[orientation]
	out := image.NewGray(image.Rect(0, 0, ow, oh))
	for y := range h {
		for x := range w {
			tx, ty := to(x, y)
			out.Pix[ty*ow+tx] = picture.Pix[y*picture.Stride+x]
		}
	}
	return out
}
