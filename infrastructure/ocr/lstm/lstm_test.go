package lstm

import (
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func content(t testing.TB) []byte {
	t.Helper()
	for _, dir := range []string{os.Getenv("TESSDATA_PREFIX"), "/usr/share/tesseract-ocr/5/tessdata", "/usr/share/tessdata"} {
		if content, err := os.ReadFile(dir + "/eng.traineddata"); err == nil {
			return content
		}
	}
	t.Fatal("Tesseract's data for English is not installed")
	return nil
}

func network(t testing.TB) *Network {
	t.Helper()
	n, err := New(content(t))
	require.NoError(t, err)
	return n
}

// noise is a strip of no meaning, for what must hold of any.
func noise(seed uint64, width int) Strip {
	random := rand.New(rand.NewPCG(seed, 1))
	s := Strip{Width: width, Pixels: make([]int8, width*Height)}
	for i := range s.Pixels {
		s.Pixels[i] = int8(random.IntN(255) - 127)
	}
	return s
}

func text(glyphs []Glyph) string {
	var b strings.Builder
	for _, g := range glyphs {
		b.WriteString(g.Text)
	}
	return b.String()
}

func TestNew_ForeignOrCutContent_IsRefused(t *testing.T) {
	whole := content(t)
	for _, size := range []int{0, 1, 100, 1000, len(whole) / 2} {
		_, err := New(whole[:size])
		require.Error(t, err, "%d bytes", size)
	}
	_, err := New([]byte(strings.Repeat("no language data ", 1000)))
	require.Error(t, err)
}

func TestNew_DamagedContent_IsRefusedOrReads(t *testing.T) {
	whole := content(t)
	random := rand.New(rand.NewPCG(7, 7))
	for range 50 {
		damaged := append([]byte(nil), whole...)
		for range 20 {
			damaged[random.IntN(min(len(damaged), 4000))] = byte(random.IntN(256))
		}
		if n, err := New(damaged); err == nil {
			n.Read([]Strip{noise(1, 4*Step)})
		}
	}
}

func TestRead_Probabilities_SumToOne(t *testing.T) {
	n := network(t)
	for _, output := range n.Read([]Strip{noise(1, 40*Step), noise(2, Step), {}}) {
		for step := range output.Steps() {
			sum := float32(0)
			for _, p := range output.step(step) {
				require.GreaterOrEqual(t, p, float32(0))
				sum += p
			}
			require.InDelta(t, 1, sum, 1e-4)
		}
	}
}

func TestRead_ManyStripsAtOnce_AreReadAsEachAlone(t *testing.T) {
	n := network(t)
	var strips []Strip
	for i := range uint64(40) {
		strips = append(strips, noise(i, int(i%7+1)*5*Step))
	}
	together := n.Read(strips)
	for i, s := range strips {
		alone := n.Read([]Strip{s})[0]
		require.Equal(t, s.Width/Step, together[i].Steps())
		require.Equal(t, alone.probabilities, together[i].probabilities, "strip %d", i)
	}
}

func TestRead_Blank_ShowsNothing(t *testing.T) {
	n := network(t)
	s := Strip{Width: 60 * Step, Pixels: make([]int8, 60*Step*Height)}
	for i := range s.Pixels {
		s.Pixels[i] = 127
	}
	require.Empty(t, strings.TrimSpace(text(n.Read([]Strip{s})[0].Glyphs(0, 60, ""))))
}

func TestGlyphs_RestrictedToSigns_HoldsNoOther(t *testing.T) {
	output := network(t).Read([]Strip{noise(3, 100*Step)})[0]
	glyphs := output.Glyphs(0, output.Steps(), "0123456789")
	require.Empty(t, strings.Trim(text(glyphs), "0123456789"))
	for _, g := range glyphs {
		require.LessOrEqual(t, g.From, g.To)
		require.Greater(t, g.Confidence, float32(0))
		require.LessOrEqual(t, g.Confidence, float32(1))
	}
}

// With few steps all texts that the classes can make are countable, so their likelihoods
// must sum to one.
func TestLikelihood_AllTextsOfOneStep_SumToOne(t *testing.T) {
	n := network(t)
	output := n.Read([]Strip{noise(4, 3*Step)})[0]
	for step := range output.Steps() {
		sum := math.Exp(output.Likelihood(step, step+1, ""))
		for text := range n.class {
			if len([]rune(text)) == 1 {
				sum += math.Exp(output.Likelihood(step, step+1, text))
			}
		}
		known := float64(0)
		for c, p := range output.step(step) {
			if c == n.blank || c < len(n.classes) && len([]rune(n.classes[c])) == 1 && n.class[n.classes[c]] == c {
				known += float64(p)
			}
		}
		require.InDelta(t, known, sum, 1e-3)
	}
}

func TestLikelihood_UnknownSign_IsNone(t *testing.T) {
	output := network(t).Read([]Strip{noise(5, 10*Step)})[0]
	require.Equal(t, math.Inf(-1), output.Likelihood(0, 10, "日"))
	require.Equal(t, math.Inf(-1), output.Likelihood(0, 1, "two signs in one step"))
}

func TestRead_EveryInstructionSet_GivesTheSameBits(t *testing.T) {
	n := network(t)
	strips := []Strip{noise(8, 70*Step), noise(9, 31*Step), noise(10, Step)}
	best := n.net.instructions
	want := n.Read(strips)
	for n.net.instructions = 0; n.net.instructions < best; n.net.instructions++ {
		for i, output := range n.Read(strips) {
			require.Equal(t, want[i].probabilities, output.probabilities, "instruction set %d", n.net.instructions)
		}
	}
}
