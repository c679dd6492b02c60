package blobs

import (
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"asprak/application"
)

// folderPlace is a folder by its path.
type folderPlace string

func (p folderPlace) open(t *testing.T) application.Blobs {
	t.Helper()
	f, err := OpenFolder(string(p))
	require.NoError(t, err)
	return f
}

func (p folderPlace) kept(t *testing.T) []string {
	t.Helper()
	var out []string
	require.NoError(t, fs.WalkDir(os.DirFS(string(p)), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out = append(out, path)
		}
		return err
	}))
	return out
}

func (p folderPlace) damage(t *testing.T, key string) {
	t.Helper()
	require.NoError(t, os.Truncate(filepath.Join(string(p), key), 2))
}

func TestFolder_SameBytesAgain_KeepsTheFirstFile(t *testing.T) {
	at := folderPlace(t.TempDir())
	f := at.open(t)
	put(t, f, "same")
	before, err := os.Stat(filepath.Join(string(at), at.kept(t)[0]))
	require.NoError(t, err)
	put(t, f, "same")
	after, err := os.Stat(filepath.Join(string(at), at.kept(t)[0]))
	require.NoError(t, err)
	require.True(t, os.SameFile(before, after))
}

func TestFolder_ShareGone_IsUnavailable(t *testing.T) {
	at := folderPlace(filepath.Join(t.TempDir(), "share"))
	f := at.open(t)
	require.NoError(t, os.Rename(string(at), string(at)+"-gone"))
	_, err := f.Put(t.Context(), strings.NewReader("late"))
	require.ErrorIs(t, err, application.ErrBlobsUnavailable)
	require.NoError(t, os.Rename(string(at)+"-gone", string(at)))
	put(t, f, "late")
}

func TestOpenFolder_AfterACrash_CleansHalfWrittenFiles(t *testing.T) {
	at := folderPlace(t.TempDir())
	blob := put(t, at.open(t), "kept")
	require.NoError(t, os.WriteFile(filepath.Join(string(at), temporary+"123"), []byte("half"), 0o600))
	f := at.open(t)
	require.Len(t, at.kept(t), 1)
	require.Equal(t, "kept", content(t, f, blob.SHA256))
}

func TestOpenFolder_WhileAnotherUploads_LeavesItsFile(t *testing.T) {
	at := folderPlace(t.TempDir())
	f := at.open(t)
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := f.Put(context.Background(), r)
		done <- err
	}()
	_, err := w.Write([]byte("first half "))
	require.NoError(t, err)
	at.open(t)
	require.Len(t, at.kept(t), 1)
	_, err = w.Write([]byte("second half"))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.NoError(t, <-done)
}
