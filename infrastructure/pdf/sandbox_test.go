package pdf

import (
	"bytes"
	"context"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"asprak/application"
)

func TestSandbox_AfterAFile_HoldsNothingOfIt(t *testing.T) {
	content, err := os.ReadFile("testdata/khs.pdf")
	require.NoError(t, err)
	s, err := library.take(context.Background())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, library.giveBack(s)) })
	memory := func() []byte { return s.memory.reserved[:s.guest.memory.Size()] }
	before := slices.Clone(memory())
	file := &File{sandbox: s, library: library, parsed: map[int]*page{}}
	require.NoError(t, file.open(content, application.DefaultLimits()))
	_, err = file.Text(context.Background(), 0)
	require.NoError(t, err)
	require.True(t, bytes.Contains(memory(), content))
	require.NoError(t, s.forget())
	require.True(t, bytes.Equal(before, memory()[:len(before)]))
	require.False(t, slices.ContainsFunc(memory()[len(before):], func(b byte) bool { return b != 0 }))
}

func TestSandbox_BrokenCall_IsReplaced(t *testing.T) {
	content := build(sheet{content: at(50, 700, "KHS")})
	for range maxSandboxes + 1 {
		file, err := library.Open(context.Background(), content, application.DefaultLimits())
		require.NoError(t, err)
		file.(*File).call("FPDF_LoadPage", 0xffff0000, 0) // no document stands there: a trap
		_, err = file.Text(context.Background(), 0)
		require.Error(t, err)
		require.NoError(t, file.Close())
	}
	require.Equal(t, []string{"KHS"}, spoken(text(t, content).Words))
}

func TestOpen_FirstFile_MeetsASandboxThatStands(t *testing.T) {
	dir, err := os.UserCacheDir()
	require.NoError(t, err)
	l, err := Open(dir + "/asprak-test-pdfium")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	require.Len(t, l.idle, 1)
}
