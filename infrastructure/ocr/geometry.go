package ocr

import (
	"image"
	"math"
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

// levelled turns a picture about its middle so that its lines of type become level, each
// height by its own slope, and scales it, both in one pass.
func levelled(picture *image.Gray, lines slope, scale float64) *image.Gray {
	for scale <= 0.5 {
		picture, scale = halved(picture), scale*2
	}
	w, h := picture.Rect.Dx(), picture.Rect.Dy()
	ow, oh := max(1, int(float64(w)*scale)), max(1, int(float64(h)*scale))
	out := image.NewGray(image.Rect(0, 0, ow, oh))
	sin, cos := math.Sincos(lines.middle)
	sin, cos = sin/scale, cos/scale
	cx, cy := float64(w)/2, float64(h)/2
	// Fixed point, 16 bits of fraction: two additions a pixel.
	stepX := int(cos * 65536)
	for y := range oh {
		dx, dy := -float64(ow)/2, float64(y)-float64(oh)/2
		fall := math.Sin(lines.at(2*dy/float64(oh))) / scale
		stepY := int(fall * 65536)
		sx := int((cx + dx*cos - dy*sin) * 65536)
		sy := int((cy + dx*fall + dy*cos) * 65536)
		row := out.Pix[y*ow : (y+1)*ow]
		endX, endY := sx+(ow-1)*stepX, sy+(ow-1)*stepY
		inside := min(sx, endX) >= 0 && min(sy, endY) >= 0 && max(sx, endX)>>16 < w-1 && max(sy, endY)>>16 < h-1
		for x := range row {
			ix, iy := sx>>16, sy>>16
			if !inside && (ix < 0 || iy < 0 || ix+1 >= w || iy+1 >= h) {
				row[x] = 255
			} else {
				at := iy*picture.Stride + ix
				above, below := picture.Pix[at:at+2:at+2], picture.Pix[at+picture.Stride:at+picture.Stride+2]
				fx, fy := sx&0xffff>>8, sy&0xffff>>8
				top := int(above[0])<<8 + (int(above[1])-int(above[0]))*fx
				bottom := int(below[0])<<8 + (int(below[1])-int(below[0]))*fx
				row[x] = byte((top<<8 + (bottom-top)*fy) >> 16)
			}
			sx += stepX
			sy += stepY
		}
	}
	return out
}

func halved(picture *image.Gray) *image.Gray {
	w, h := picture.Rect.Dx()/2, picture.Rect.Dy()/2
	out := image.NewGray(image.Rect(0, 0, w, h))
	for y := range h {
		above := picture.Pix[2*y*picture.Stride:]
		below := picture.Pix[(2*y+1)*picture.Stride:]
		for x := range w {
			out.Pix[y*w+x] = byte((int(above[2*x]) + int(above[2*x+1]) + int(below[2*x]) + int(below[2*x+1]) + 2) / 4)
		}
	}
	return out
}
