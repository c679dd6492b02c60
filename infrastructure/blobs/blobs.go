// Package blobs keeps uploaded bytes in a folder, under their SHA-256. A blob is written
// once and never overwritten. It knows nothing of what the bytes mean.
package blobs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"asprak/application"
)

const (
	temporary = "incoming-" // prefix of files that are still being written
	headSize  = 512
)

// Store is a folder of blobs. It is safe for concurrent use.
type Store struct {
	root string
}

var _ application.Blobs = (*Store)(nil)

// Open uses the folder, made when missing, and removes what dead processes left half
// written. Several processes may share a folder.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("blobs: %w", err)
	}
	left, err := filepath.Glob(filepath.Join(escape(dir), temporary+"*"))
	if err != nil {
		return nil, fmt.Errorf("blobs: %w", err)
	}
	for _, name := range left {
		if err := removeOrphan(name); err != nil {
			return nil, fmt.Errorf("blobs: %w", err)
		}
	}
	return &Store{root: dir}, nil
}

// removeOrphan removes a half-written file unless its writer lives: writers hold a lock,
// which ends with their process.
func removeOrphan(name string) error {
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	switch err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
	case errors.Is(err, unix.EWOULDBLOCK):
		return nil
	case err != nil:
		return err
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// escape keeps a folder's own name from being read as a pattern.
func escape(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

// Put streams r to disk; see application.Blobs. When it returns without an error the bytes
// survive a power cut.
func (s *Store) Put(ctx context.Context, r io.Reader, limit int64) (application.Blob, error) {
	file, err := os.CreateTemp(s.root, temporary+"*")
	if err != nil {
		return application.Blob{}, fmt.Errorf("blobs: %w", err)
	}
	kept := false
	defer func() {
		_ = file.Close()
		if !kept {
			_ = os.Remove(file.Name())
		}
	}()
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil {
		return application.Blob{}, fmt.Errorf("blobs: %w", err)
	}
	in := &intake{sum: sha256.New()}
	size, err := io.Copy(io.MultiWriter(file, in), io.LimitReader(contextReader{ctx, r}, limit+1))
	if err != nil {
		return application.Blob{}, fmt.Errorf("blobs: %w", err)
	}
	if size > limit {
		return application.Blob{}, application.ErrBlobTooLarge
	}
	blob := application.Blob{SHA256: hex.EncodeToString(in.sum.Sum(nil)), Size: size, Head: in.head}
	path, err := s.path(blob.SHA256)
	if err != nil {
		return application.Blob{}, err
	}
	if there, err := os.Stat(path); err == nil && there.Size() == size {
		// Whoever wrote it may not have come to this yet.
		return blob, syncDir(filepath.Dir(path))
	}
	if err := file.Sync(); err != nil {
		return application.Blob{}, fmt.Errorf("blobs: %w", err)
	}
	if err := s.place(file.Name(), path); err != nil {
		return application.Blob{}, fmt.Errorf("blobs: %w", err)
	}
	kept = true
	return blob, nil
}

// place moves a finished file to its name, durably. A file of another size under the name
// can only be damaged, so it is replaced.
func (s *Store) place(from, path string) error {
	dir := filepath.Dir(path)
	switch err := os.Mkdir(dir, 0o700); {
	case err == nil:
		if err := syncDir(s.root); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrExist):
		return err
	}
	if err := os.Rename(from, path); err != nil {
		return err
	}
	return syncDir(dir)
}

// Open returns the bytes under the hash; see application.Blobs.
func (s *Store) Open(_ context.Context, sum string) (io.ReadSeekCloser, error) {
	path, err := s.path(sum)
	if err != nil {
		return nil, application.ErrBlobMissing
	}
	file, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, application.ErrBlobMissing
	case err != nil:
		return nil, fmt.Errorf("blobs: %w", err)
	}
	return file, nil
}

// path is root/ab/cdef...; nothing but a hash becomes part of a path.
func (s *Store) path(sum string) (string, error) {
	if len(sum) != 2*sha256.Size || strings.Trim(sum, "0123456789abcdef") != "" {
		return "", fmt.Errorf("blobs: %q is no SHA-256", sum)
	}
	return filepath.Join(s.root, sum[:2], sum[2:]), nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// intake hashes what passes and keeps the first bytes.
type intake struct {
	sum  hash.Hash
	head []byte
}

func (i *intake) Write(b []byte) (int, error) {
	if room := headSize - len(i.head); room > 0 {
		i.head = append(i.head, b[:min(room, len(b))]...)
	}
	return i.sum.Write(b)
}

// contextReader stops reading when the request has ended.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(b)
}
