package ocr

import (
	"image"
	"math"

	"golang.org/x/image/draw"
)

// Turn turns a picture clockwise by 0, 90, 180 or 270 degrees.
func Turn(picture *image.Gray, degrees int) *image.Gray {
	w, h := picture.Rect.Dx(), picture.Rect.Dy()
	if degrees == 0 {
		return picture
	}
	ow, oh := w, h
	if degrees != 180 {
		ow, oh = h, w
	}
	out := image.NewGray(image.Rect(0, 0, ow, oh))
	for y := range h {
		row := picture.Pix[y*picture.Stride : y*picture.Stride+w]
		for x, v := range row {
			switch degrees {
			case 90:
				out.Pix[x*ow+h-1-y] = v
			case 180:
				out.Pix[(h-1-y)*ow+w-1-x] = v
			default:
				out.Pix[(w-1-x)*ow+y] = v
			}
		}
	}
	return out
}

// rotate turns a picture by a small angle about its middle, on a canvas of the same size,
// so that lines falling by the angle to the right become level.
func rotate(picture *image.Gray, radians float64) *image.Gray {
	if math.Abs(radians) < 0.0005 {
		out := *picture
		out.Pix = append([]byte(nil), picture.Pix...)
		return &out
	}
	w, h := picture.Rect.Dx(), picture.Rect.Dy()
	out := image.NewGray(image.Rect(0, 0, w, h))
	sin, cos := math.Sincos(radians)
	cx, cy := float64(w)/2, float64(h)/2
	for y := range h {
		dy := float64(y) - cy
		// Fixed point, 16 bits of fraction: two additions a pixel.
		sx := int((cx-cx*cos-dy*sin)*65536) + 0
		sy := int((cy-cx*sin+dy*cos)*65536) + 0
		stepX, stepY := int(cos*65536), int(sin*65536)
		row := out.Pix[y*w : (y+1)*w]
		for x := range row {
			ix, iy := sx>>16, sy>>16
			if ix < 0 || iy < 0 || ix+1 >= w || iy+1 >= h {
				row[x] = 255
			} else {
				p := iy*picture.Stride + ix
				fx, fy := sx&0xffff>>8, sy&0xffff>>8
				top := int(picture.Pix[p])*(256-fx) + int(picture.Pix[p+1])*fx
				bottom := int(picture.Pix[p+picture.Stride])*(256-fx) + int(picture.Pix[p+picture.Stride+1])*fx
				row[x] = byte((top*(256-fy) + bottom*fy) >> 16)
			}
			sx += stepX
			sy += stepY
		}
	}
	return out
}

func resize(picture *image.Gray, scale float64) *image.Gray {
	if math.Abs(scale-1) < 0.05 {
		return picture
	}
	w, h := picture.Rect.Dx(), picture.Rect.Dy()
	out := image.NewGray(image.Rect(0, 0, max(1, int(float64(w)*scale)), max(1, int(float64(h)*scale))))
	draw.BiLinear.Scale(out, out.Rect, picture, picture.Rect, draw.Src, nil)
	return out
}
