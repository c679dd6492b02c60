package blobs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"asprak/application"
)

// place is where an adapter keeps its blobs, seen from outside.
type place interface {
	open(t *testing.T) application.Blobs
	// kept lists everything that is kept, by key.
	kept(t *testing.T) []string
	// damage cuts what is kept under the key.
	damage(t *testing.T, key string)
}

// places are all adapters; each passes every test of this file.
var places = map[string]func(t *testing.T) place{
	"folder":     func(t *testing.T) place { return folderPlace(filepath.Join(t.TempDir(), "blobs")) },
	"bucket":     func(t *testing.T) place { return newServer(t) },
	"RealServer": newRealPlace,
}

func onEach(t *testing.T, test func(t *testing.T, at place)) {
	for name, make := range places {
		t.Run(name, func(t *testing.T) { test(t, make(t)) })
	}
}

func put(t *testing.T, s application.Blobs, content string) application.Blob {
	t.Helper()
	blob, err := s.Put(context.Background(), strings.NewReader(content))
	require.NoError(t, err)
	return blob
}

func content(t *testing.T, s application.Blobs, sum string) string {
	t.Helper()
	r, err := s.Open(context.Background(), sum)
	require.NoError(t, err)
	defer r.Close()
	b, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(b)
}

func TestPut_Bytes_ComeBackUnderTheirHash(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		s := at.open(t)
		for _, text := range []string{"", "a", strings.Repeat("kartu hasil studi ", 10_000)} {
			sum := sha256.Sum256([]byte(text))
			blob := put(t, s, text)
			require.Equal(t, hex.EncodeToString(sum[:]), blob.SHA256)
			require.EqualValues(t, len(text), blob.Size)
			require.Equal(t, text, content(t, s, blob.SHA256))
			require.Contains(t, at.kept(t), blob.SHA256[:2]+"/"+blob.SHA256[2:])
		}
	})
}

func TestPut_SameBytesAgain_AreKeptOnce(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		s := at.open(t)
		blob := put(t, s, "same")
		require.Equal(t, blob, put(t, s, "same"))
		require.Len(t, at.kept(t), 1)
	})
}

func TestPut_DamagedUnderTheHash_IsHealed(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		s := at.open(t)
		blob := put(t, s, "whole")
		at.damage(t, at.kept(t)[0])
		put(t, s, "whole")
		require.Equal(t, "whole", content(t, s, blob.SHA256))
	})
}

func TestPut_UploadBreaksOff_LeavesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		s := at.open(t)
		broken := errors.New("connection reset")
		_, err := s.Put(context.Background(), io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken)))
		require.ErrorIs(t, err, broken)
		require.NotErrorIs(t, err, application.ErrBlobsUnavailable, "the sender failed, not the storage")
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, err = s.Put(ctx, strings.NewReader("late"))
		require.ErrorIs(t, err, context.Canceled)
		require.Empty(t, at.kept(t))
	})
}

func TestPut_ManyAtOnce_AllAreKept(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		s := at.open(t)
		var group sync.WaitGroup
		for n := range 32 {
			group.Go(func() {
				text := bytes.Repeat([]byte{byte(n % 8)}, 1000)
				if _, err := s.Put(context.Background(), bytes.NewReader(text)); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		require.Len(t, at.kept(t), 8)
	})
}

func TestOpen_AnotherProcess_SeesTheSameBlobs(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		one, other := at.open(t), at.open(t)
		require.Equal(t, "shared", content(t, other, put(t, one, "shared").SHA256))
	})
}

func TestDelete_Bytes_AreGoneAndNoOthers(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		s := at.open(t)
		gone, stays := put(t, s, "gone"), put(t, s, "stays")
		for range 2 {
			require.NoError(t, s.Delete(t.Context(), gone.SHA256))
		}
		require.NoError(t, s.Delete(t.Context(), "../"+stays.SHA256), "no name of a blob")
		_, err := at.open(t).Open(t.Context(), gone.SHA256)
		require.ErrorIs(t, err, application.ErrBlobMissing)
		require.Len(t, at.kept(t), 1)
		require.Equal(t, "stays", content(t, s, stays.SHA256))
		require.Equal(t, "gone", content(t, s, put(t, s, "gone").SHA256), "it may come again")
	})
}

func TestOpen_NoSuchBlob_IsMissing(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		s := at.open(t)
		put(t, s, "there")
		for _, sum := range []string{
			strings.Repeat("0", 64), "", "..", "../../etc/passwd", strings.Repeat("A", 64),
			strings.Repeat("../", 21) + "a", strings.Repeat("0", 63) + "\x00",
		} {
			_, err := s.Open(context.Background(), sum)
			require.ErrorIs(t, err, application.ErrBlobMissing, "%q", sum)
		}
	})
}

func TestOpen_Location_IsChecked(t *testing.T) {
	dir := t.TempDir()
	_, err := Open(t.Context(), "file://"+dir)
	require.NoError(t, err)
	for location, says := range map[string]string{
		"":                                   "file:///folder or s3://bucket",
		"/var/documents":                     "file:///folder or s3://bucket",
		"gs://bucket":                        "file:///folder or s3://bucket",
		"file://host/folder":                 "file:///absolute/path",
		"file://" + dir + "?mode=0600":       "file:///absolute/path",
		"file://" + dir + "/unmounted":       "the folder must be there",
		"s3://key:secret@bucket":             "credentials do not belong into the URL",
		"s3://key:secret@bucket\x7f":         "invalid control character",
		"s3://bucket?regoin=eu-west-1":       `no parameter "regoin"`,
		"s3://bucket?endpoint=minio:9000":    "http://host:port",
		"s3://bucket?endpoint=http://a:b@c/": "http://host:port",
	} {
		_, err := Open(t.Context(), location)
		require.ErrorContains(t, err, says, location)
		require.NotContains(t, err.Error(), "secret")
	}
}
