package blobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"asprak/application"
)

const temporary = "incoming-" // prefix of files that are still being written

// Folder keeps blobs in a folder of this machine or one that several machines share. It is
// safe for concurrent use.
type Folder struct {
	root string
}

var _ application.Blobs = (*Folder)(nil)

// OpenFolder uses the folder, made when missing, and removes what dead processes left half
// written. Several processes may share a folder.
func OpenFolder(dir string) (*Folder, error) {
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
	return &Folder{root: dir}, nil
}

// removeOrphan removes a half-written file unless its writer lives: writers hold a lock,
// which ends with their process.
func removeOrphan(name string) error {
	file, err := os.OpenFile(name, os.O_RDWR, 0) // over NFS only a writer may lock
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
func (f *Folder) Put(ctx context.Context, r io.Reader) (application.Blob, error) {
	file, err := os.CreateTemp(f.root, temporary+"*")
	if err != nil {
		return application.Blob{}, unavailable(err)
	}
	kept := false
	defer func() {
		_ = file.Close()
		if !kept {
			_ = os.Remove(file.Name())
		}
	}()
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil {
		return application.Blob{}, unavailable(err)
	}
	blob, err := takeIn(ctx, file, r)
	if err != nil {
		return application.Blob{}, err
	}
	path := filepath.Join(f.root, filepath.FromSlash(key(blob.SHA256)))
	if there, err := os.Stat(path); err == nil && there.Size() == blob.Size {
		// Whoever wrote it may not have come to this yet.
		if err := syncDir(filepath.Dir(path)); err != nil {
			return application.Blob{}, unavailable(err)
		}
		return blob, nil
	}
	if err := file.Sync(); err != nil {
		return application.Blob{}, unavailable(err)
	}
	if err := f.place(file.Name(), path); err != nil {
		return application.Blob{}, unavailable(err)
	}
	kept = true
	return blob, nil
}

// place moves a finished file to its name, durably. A file of another size under the name
// can only be damaged, so it is replaced.
func (f *Folder) place(from, path string) error {
	dir := filepath.Dir(path)
	switch err := os.Mkdir(dir, 0o700); {
	case err == nil:
		if err := syncDir(f.root); err != nil {
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
func (f *Folder) Open(_ context.Context, sum string) (io.ReadCloser, error) {
	if !isSum(sum) {
		return nil, application.ErrBlobMissing
	}
	file, err := os.Open(filepath.Join(f.root, filepath.FromSlash(key(sum))))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, application.ErrBlobMissing
	case err != nil:
		return nil, unavailable(err)
	}
	return file, nil
}

// Delete removes the bytes under the hash, durably; see application.Blobs.
func (f *Folder) Delete(_ context.Context, sum string) error {
	if !isSum(sum) {
		return nil
	}
	path := filepath.Join(f.root, filepath.FromSlash(key(sum)))
	switch err := os.Remove(path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return unavailable(err)
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return unavailable(err)
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
