package ocr

import (
	"context"
	"image"
	"image/color"
	"image/draw"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"asprak/domain/transcript"
)

// TestMain starts itself again where Tesseract would run with many threads.
func TestMain(m *testing.M) {
	if os.Getenv(threadLimit) == "1" {
		os.Exit(m.Run())
	}
	again := exec.Command(os.Args[0], os.Args[1:]...)
	again.Env = append(os.Environ(), threadLimit+"=1")
	again.Stdin, again.Stdout, again.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := again.Run(); err != nil {
		os.Exit(1)
	}
}

// page draws lines of type, 30 pixels high, 60 apart, on a ground.
func page(t *testing.T, ground, ink uint8, lines ...string) *image.Gray {
	t.Helper()
	parsed, err := opentype.Parse(goregular.TTF)
	require.NoError(t, err)
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: 30, DPI: 72})
	require.NoError(t, err)
	p := image.NewGray(image.Rect(0, 0, 1200, 1600))
	for i := range p.Pix {
		p.Pix[i] = ground
	}
	d := font.Drawer{Dst: p, Src: image.NewUniform(color.Gray{Y: ink}), Face: face}
	for i, s := range lines {
		d.Dot = fixed.P(120, 200+60*i)
		d.DrawString(s)
	}
	return p
}

var khs = []string{
	"KARTU HASIL STUDI", "Universitas Contoh Indonesia", "Nama Mahasiswa Rahmawati Lestari",
	"Praktikum Basis Data", "Struktur Data dan Algoritma", "Jaringan Komputer Lanjut",
	"Rekayasa Perangkat Lunak", "Matematika Diskrit", "Bahasa Indonesia", "Kewarganegaraan",
	"Pemrograman Berorientasi Objek", "Indeks Prestasi Kumulatif",
}

func engine(t *testing.T) *Engine {
	t.Helper()
	e, err := New(Options{RecycleAfter: 2})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	return e
}

func said(words []transcript.Word) string {
	var out []string
	for _, w := range words {
		out = append(out, w.Text)
	}
	return strings.Join(out, " ")
}

func TestRecognise_PageInEveryPosition_IsReadUpright(t *testing.T) {
	e := engine(t)
	upright := page(t, 255, 0, khs...)
	for _, turned := range []int{0, 90, 180, 270} {
		seen, err := e.Recognise(context.Background(), Turn(upright, turned))
		require.NoError(t, err)
		require.Equal(t, (360-turned)%360, seen.Turn)
		require.Equal(t, [2]float64{1200, 1600}, [2]float64{seen.Width, seen.Height})
		text := said(seen.Words)
		for _, line := range khs {
			require.Contains(t, text, line, "turned by %d", turned)
		}
		for _, w := range seen.Words {
			if w.Text == "KARTU" {
				require.InDelta(t, 120, w.Box.X0, 8)
				require.InDelta(t, 200, w.Box.Y1, 8)
				require.Greater(t, w.Confidence, 0.5)
				require.Equal(t, transcript.Pixels, w.Source)
			}
		}
	}
}

func TestRecognise_SkewedAndShadedPage_IsRead(t *testing.T) {
	e := engine(t)
	p := levelled(page(t, 230, 20, khs...), slope{middle: 0.035}, 1)
	for y := range p.Rect.Dy() {
		for x := range p.Rect.Dx() {
			p.Pix[y*p.Stride+x] = byte(float64(p.Pix[y*p.Stride+x]) * (1 - 0.5*float64(x)/1200))
		}
	}
	seen, err := e.Recognise(context.Background(), p)
	require.NoError(t, err)
	require.Contains(t, said(seen.Words), "Praktikum Basis Data")
}

func TestRecognise_BlankPage_HasNoWords(t *testing.T) {
	seen, err := engine(t).Recognise(context.Background(), page(t, 250, 0))
	require.NoError(t, err)
	require.Empty(t, seen.Words)
}

func TestRecognise_TinyPicture_IsHarmless(t *testing.T) {
	for _, size := range []image.Point{{1, 1}, {3, 200}, {200, 2}} {
		_, err := engine(t).Recognise(context.Background(), image.NewGray(image.Rectangle{Max: size}))
		require.NoError(t, err)
	}
}

func TestRecognise_CallerGone_Stops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := engine(t).Recognise(ctx, page(t, 255, 0, khs...))
	require.ErrorIs(t, err, context.Canceled)
}

func TestNew_ThreadsNotLimited_IsRefused(t *testing.T) {
	t.Setenv(threadLimit, "")
	_, err := New(Options{})
	require.ErrorContains(t, err, threadLimit)
}

func TestNew_UnknownLanguage_IsRefused(t *testing.T) {
	_, err := New(Options{Languages: []string{"xx"}})
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestNormalise_LightTypeOnADarkBar_BecomesDarkOnLight(t *testing.T) {
	p := page(t, 240, 0)
	for y := 320; y < 400; y++ {
		for x := 96; x < 1100; x++ {
			p.Pix[y*p.Stride+x] = 80
		}
	}
	for y := 350; y < 370; y++ {
		for x := 400; x < 404; x++ {
			p.Pix[y*p.Stride+x] = 255
		}
	}
	flat := Normalise(p)
	require.Less(t, flat.GrayAt(402, 360).Y, byte(60))
	require.Greater(t, flat.GrayAt(500, 360).Y, byte(200))
	require.Greater(t, flat.GrayAt(500, 800).Y, byte(240))
}

func TestNormalise_BoldType_StaysDarkOnLight(t *testing.T) {
	parsed, err := opentype.Parse(gobold.TTF)
	require.NoError(t, err)
	for size := 18; size <= 24; size += 2 {
		face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: float64(size), DPI: 72})
		require.NoError(t, err)
		p := image.NewGray(image.Rect(0, 0, 640, 320))
		for i := range p.Pix {
			p.Pix[i] = 240
		}
		bar := image.Rect(20, 150, 620, 190)
		draw.Draw(p, bar, image.NewUniform(color.Gray{Y: 60}), image.Point{}, draw.Src)
		d := font.Drawer{Dst: p, Src: image.NewUniform(color.Gray{Y: 10}), Face: face}
		below := 190 + size
		for fat := range 3 {
			d.Dot = fixed.P(30+fat, 60)
			d.DrawString("MAHAMERU BERMEGAH")
			for x := 40; x < 600; x += 90 {
				d.Dot = fixed.P(x+fat, below)
				d.DrawString("BE")
			}
		}
		flat := Normalise(p)
		for y := range p.Rect.Dy() {
			for x := range p.Rect.Dx() {
				if (y < bar.Min.Y || y >= bar.Max.Y) && p.GrayAt(x, y).Y < 60 {
					require.Less(t, flat.GrayAt(x, y).Y, uint8(ink), "type of size %d, at %d,%d", size, x, y)
				}
			}
		}
	}
}

func TestSheet_DeepShadowOnACorner_BelongsToItAndTheDeskDoesNot(t *testing.T) {
	p := page(t, 90, 0)
	for y := 100; y < 1500; y++ {
		for x := 150 + y/20; x < 1080; x++ { // no side is upright
			p.Pix[y*p.Stride+x] = 230
		}
	}
	for y := range 1600 {
		for x := range 1200 {
			deep := min(1, max(0, float64(y-x-300)/240)) // the lower left, behind a soft edge
			at := y*p.Stride + x
			p.Pix[at] = byte(float64(p.Pix[at]) * (1 - 0.62*deep))
		}
	}
	g := measure(p)
	sheet := g.sheet()
	at := func(x, y int) bool { return sheet[y/block*g.w+x/block] }
	require.Less(t, float64(p.GrayAt(300, 1400).Y), deskShare*230, "darker than a desk may be")
	require.True(t, at(300, 1400))
	require.True(t, at(1000, 200))
	require.False(t, at(40, 1400))
	require.False(t, at(1150, 200))
}

func TestSkew_LeaningLines_AreMeasured(t *testing.T) {
	for _, radians := range []float64{-0.05, -0.01, 0, 0.02, 0.06} {
		// levelled takes a fall out; the opposite angle puts one in.
		p := levelled(page(t, 255, 0, khs...), slope{middle: -radians}, 1)
		require.InDelta(t, radians, skew(p).middle, 0.006)
	}
}

func TestRemoveRules_Table_LosesRulesAndKeepsLetters(t *testing.T) {
	p := page(t, 255, 0, "A B C D")
	ink := func() (n int) {
		for _, v := range p.Pix {
			if v < 128 {
				n++
			}
		}
		return n
	}
	letters := ink()
	for x := 100; x < 1100; x++ {
		for d := range 3 {
			p.Pix[(150+d)*p.Stride+x] = 0
			p.Pix[(220+d)*p.Stride+x] = 0
		}
	}
	for y := 120; y < 420; y++ {
		p.Pix[y*p.Stride+110], p.Pix[y*p.Stride+111] = 0, 0
	}
	RemoveRules(p, 22)
	require.InDelta(t, letters, ink(), float64(letters)/20)
	require.Equal(t, byte(255), p.GrayAt(110, 151).Y, "where rules cross")
}

func TestTurn_FourTimes_IsTheSame(t *testing.T) {
	p := image.NewGray(image.Rect(0, 0, 3, 2))
	copy(p.Pix, []byte{1, 2, 3, 4, 5, 6})
	require.Equal(t, []byte{4, 1, 5, 2, 6, 3}, Turn(p, 90).Pix)
	require.Equal(t, Turn(p, 180).Pix, Turn(Turn(p, 90), 90).Pix)
	require.Equal(t, Turn(p, 270).Pix, Turn(Turn(p, 180), 90).Pix)
	require.Equal(t, p.Pix, Turn(Turn(p, 270), 90).Pix)
}

func TestFullest_TypeInOneCorner_IsThePartWithIt(t *testing.T) {
	p := page(t, 255, 0)
	small := page(t, 255, 0, khs...)
	for y := range 500 {
		copy(p.Pix[(1100+y)*p.Stride+600:(1100+y)*p.Stride+1200], small.Pix[(150+y)*small.Stride+100:(150+y)*small.Stride+700])
	}
	part := fullest(p)
	require.Equal(t, image.Rect(0, 0, 400, 400), part.Rect)
	found := 0
	pieces(part, ink, func(box image.Rectangle) {
		if character(box) {
			found++
		}
	})
	require.Greater(t, found, 50)
}

func TestRecognise_FewWordsHeadDown_AreReadUpright(t *testing.T) {
	seen, err := engine(t).Recognise(context.Background(), Turn(page(t, 255, 0, khs[:5]...), 180))
	require.NoError(t, err)
	require.Equal(t, 180, seen.Turn)
	require.Contains(t, said(seen.Words), khs[3])
}

func TestRecognise_SameBytes_SameWords(t *testing.T) {
	e := engine(t)
	first, err := e.Recognise(context.Background(), page(t, 255, 0, khs...))
	require.NoError(t, err)
	again, err := e.Recognise(context.Background(), page(t, 255, 0, khs...))
	require.NoError(t, err)
	require.Equal(t, first, again)
}

func TestAgain_SameBytes_SameWords(t *testing.T) {
	e := engine(t)
	p := Turn(page(t, 255, 0, khs...), 90)
	first, err := e.Again(context.Background(), p, 270)
	require.NoError(t, err)
	require.Contains(t, said(first.Words), khs[3])
	require.Equal(t, [2]float64{1200, 1600}, [2]float64{first.Width, first.Height})
	for range 3 { // across a recycled engine too
		again, err := e.Again(context.Background(), p, 270)
		require.NoError(t, err)
		require.Equal(t, first, again)
	}
}

func TestRemoveRules_BrokenRule_LosesItsPartsToo(t *testing.T) {
	p := page(t, 255, 0)
	for x := 100; x < 1100; x++ {
		if x%50 >= 2 { // breaks of two pixels
			p.Pix[1500*p.Stride+x] = 0
		}
		p.Pix[x*p.Stride+600] = 0
	}
	RemoveRules(p, 22)
	require.Equal(t, byte(255), slices.Min(p.Pix))
}
