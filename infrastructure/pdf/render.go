package pdf

import (
	"context"
	"fmt"
	"image"
	"math"

	"asprak/domain/transcript"
)

// maxRenderPixels keeps a rendered page and pdfium's own buffers within the sandbox.
const maxRenderPixels = 30_000_000

// Render draws the page in grey; see application.PDFFile.
func (f *File) Render(_ context.Context, i int, dpi float64, maxPixels int) (*image.Gray, error) {
	page, err := f.load(i)
	if err != nil {
		return nil, err
	}
	defer f.unload(i)
	return f.render(page, dpi, maxPixels)
}

const (
	greyBitmap      = 1    // FPDFBitmap_Gray
	withAnnotations = 0x01 // FPDF_ANNOT
	white           = 0xffffffff
)

func (f *File) render(page *page, dpi float64, maxPixels int) (*image.Gray, error) {
	fr := page.frame
	scale := dpi / 72
	if pixels := fr.width * fr.height * scale * scale; pixels > float64(min(maxPixels, maxRenderPixels)) {
		scale *= math.Sqrt(float64(min(maxPixels, maxRenderPixels)) / pixels)
	}
	w, h := max(1, int(fr.width*scale)), max(1, int(fr.height*scale))
	bitmap := f.call("FPDFBitmap_CreateEx", uint64(w), uint64(h), greyBitmap, 0, 0)
	if bitmap == 0 {
		return nil, fmt.Errorf("pdf: no memory for %d x %d pixels: %w", w, h, f.err)
	}
	f.call("FPDFBitmap_FillRect", bitmap, 0, 0, uint64(w), uint64(h), white)
	f.call("FPDF_RenderPageBitmap", bitmap, page.handle, 0, 0, uint64(w), uint64(h), 0, withAnnotations)
	out := f.picture(bitmap, image.Rect(0, 0, w, h))
	f.call("FPDFBitmap_Destroy", bitmap)
	return out, f.err
}

// picture copies a grey bitmap, which shows the given part of the page, out of the sandbox.
func (f *File) picture(bitmap uint64, part image.Rectangle) *image.Gray {
	stride := number(f.call("FPDFBitmap_GetStride", bitmap))
	pixels := f.bytes(f.call("FPDFBitmap_GetBuffer", bitmap), stride*part.Dy())
	out := image.NewGray(part)
	for y := range part.Dy() {
		copy(out.Pix[y*out.Stride:(y+1)*out.Stride], pixels[y*stride:])
	}
	return out
}

// confirm looks at the drawn page where objects alone accuse too quickly: a rectangle that
// is clipped away, or a ground that no rectangle drew. A word said to be covered or
// written in its ground's colour is visible after all when there is ink at its place that
// no visible word accounts for.
func (f *File) confirm(page *page, words []transcript.Word) error {
	var accused []int
	for i, w := range words {
		if w.Hidden == string(transcript.CoveredText) || w.Hidden == string(transcript.WhiteText) {
			accused = append(accused, i)
		}
	}
	if len(accused) == 0 {
		return nil
	}
	picture, err := f.render(page, probeDPI, maxRenderPixels)
	if err != nil {
		return err
	}
	scale := float64(picture.Rect.Dx()) / page.frame.width
	for _, i := range accused {
		if !hasInk(picture, words[i].Box, scale) || sharesPlace(words, i) {
			continue
		}
		words[i].Hidden = ""
	}
	return nil
}

// sharesPlace tells whether a visible word stands where word i does.
func sharesPlace(words []transcript.Word, i int) bool {
	b := words[i].Box
	for _, w := range words {
		if w.Hidden == "" && w.Box.X0 < b.X1 && b.X0 < w.Box.X1 && w.Box.Y0 < b.Y1-(b.Y1-b.Y0)*0.3 && b.Y0+(b.Y1-b.Y0)*0.3 < w.Box.Y1 {
			return true
		}
	}
	return false
}

func hasInk(picture *image.Gray, box transcript.Box, scale float64) bool {
	r := image.Rect(int(box.X0*scale), int(box.Y0*scale), int(box.X1*scale)+1, int(box.Y1*scale)+1)
	// The outer fifth is left out: a neighbour's or a rule's ink reaches into it.
	r = r.Intersect(picture.Rect)
	r.Min.Y, r.Max.Y = r.Min.Y+r.Dy()/5, r.Max.Y-r.Dy()/5
	low, high := byte(255), byte(0)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			v := picture.Pix[y*picture.Stride+x]
			low, high = min(low, v), max(high, v)
		}
	}
	return int(high)-int(low) > inkContrast
}
