package blobs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"asprak/application"
)

func open(t *testing.T) (*Store, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "blobs")
	s, err := Open(dir)
	require.NoError(t, err)
	return s, dir
}

func put(t *testing.T, s *Store, content string) application.Blob {
	t.Helper()
	blob, err := s.Put(context.Background(), strings.NewReader(content), 1<<20)
	require.NoError(t, err)
	return blob
}

func content(t *testing.T, s *Store, sum string) string {
	t.Helper()
	r, err := s.Open(context.Background(), sum)
	require.NoError(t, err)
	defer r.Close()
	b, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(b)
}

// files lists everything in the folder that is no folder.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out = append(out, path)
		}
		return err
	}))
	return out
}

func TestPut_Bytes_ComeBackUnderTheirHash(t *testing.T) {
	s, dir := open(t)
	for _, text := range []string{"", "a", strings.Repeat("kartu hasil studi ", 10_000)} {
		sum := sha256.Sum256([]byte(text))
		blob := put(t, s, text)
		require.Equal(t, hex.EncodeToString(sum[:]), blob.SHA256)
		require.EqualValues(t, len(text), blob.Size)
		require.Equal(t, text[:min(512, len(text))], string(blob.Head))
		require.Equal(t, text, content(t, s, blob.SHA256))
		require.FileExists(t, filepath.Join(dir, blob.SHA256[:2], blob.SHA256[2:]))
	}
}

func TestPut_SameBytesAgain_KeepsTheFirstFile(t *testing.T) {
	s, dir := open(t)
	blob := put(t, s, "same")
	before, err := os.Stat(files(t, dir)[0])
	require.NoError(t, err)
	require.Equal(t, blob, put(t, s, "same"))
	require.Len(t, files(t, dir), 1)
	after, err := os.Stat(files(t, dir)[0])
	require.NoError(t, err)
	require.True(t, os.SameFile(before, after))
}

func TestPut_DamagedFileUnderTheHash_IsHealed(t *testing.T) {
	s, dir := open(t)
	blob := put(t, s, "whole")
	require.NoError(t, os.Truncate(files(t, dir)[0], 2))
	put(t, s, "whole")
	require.Equal(t, "whole", content(t, s, blob.SHA256))
}

func TestPut_AtTheLimit_IsKept_AboveIt_IsNot(t *testing.T) {
	s, dir := open(t)
	_, err := s.Put(context.Background(), strings.NewReader("12345"), 4)
	require.ErrorIs(t, err, application.ErrBlobTooLarge)
	require.Empty(t, files(t, dir))
	_, err = s.Put(context.Background(), strings.NewReader("1234"), 4)
	require.NoError(t, err)
}

func TestPut_UploadBreaksOff_LeavesNothing(t *testing.T) {
	s, dir := open(t)
	broken := errors.New("connection reset")
	_, err := s.Put(context.Background(), io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken)), 100)
	require.ErrorIs(t, err, broken)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = s.Put(ctx, strings.NewReader("late"), 100)
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, files(t, dir))
}

func TestPut_ManyAtOnce_AllAreKept(t *testing.T) {
	s, dir := open(t)
	var group sync.WaitGroup
	for n := range 32 {
		group.Go(func() {
			text := bytes.Repeat([]byte{byte(n % 8)}, 1000)
			if _, err := s.Put(context.Background(), bytes.NewReader(text), 1<<20); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	require.Len(t, files(t, dir), 8)
}

func TestOpen_NoSuchBlob_IsMissing(t *testing.T) {
	s, _ := open(t)
	put(t, s, "there")
	for _, sum := range []string{
		strings.Repeat("0", 64), "", "..", "../../etc/passwd", strings.Repeat("A", 64),
		strings.Repeat("../", 21) + "a", strings.Repeat("0", 63) + "\x00",
	} {
		_, err := s.Open(context.Background(), sum)
		require.ErrorIs(t, err, application.ErrBlobMissing, "%q", sum)
	}
}

func TestOpen_AfterACrash_CleansHalfWrittenFiles(t *testing.T) {
	s, dir := open(t)
	blob := put(t, s, "kept")
	require.NoError(t, os.WriteFile(filepath.Join(dir, temporary+"123"), []byte("half"), 0o600))
	s, err := Open(dir)
	require.NoError(t, err)
	require.Len(t, files(t, dir), 1)
	require.Equal(t, "kept", content(t, s, blob.SHA256))
}

func TestOpen_WhileAnotherUploads_LeavesItsFile(t *testing.T) {
	s, dir := open(t)
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := s.Put(context.Background(), r, 100)
		done <- err
	}()
	_, err := w.Write([]byte("first half "))
	require.NoError(t, err)
	_, err = Open(dir)
	require.NoError(t, err)
	require.Len(t, files(t, dir), 1)
	_, err = w.Write([]byte("second half"))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.NoError(t, <-done)
}
