package blobs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Stored is one file of a folder of blobs, as its bytes stand on the disk.
type Stored struct {
	Name   string `json:"name"` // below the folder, with /
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"` // of the bytes on the disk
}

// NameOf is where the bytes of the hash stand below a folder of blobs.
func NameOf(sum string) string { return key(sum) }

// Copy copies what stands in one folder of blobs and is not yet known into another, durably,
// while others may put more into the first; what they have not finished is left out.
func Copy(ctx context.Context, from, to string, known map[string]Stored) error {
	folders := map[string]bool{to: true}
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), temporary) {
			if errors.Is(err, fs.ErrNotExist) && strings.HasPrefix(filepath.Base(path), temporary) {
				return nil
			}
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if _, there := known[filepath.ToSlash(name)]; there {
			return nil
		}
		target := filepath.Join(to, name)
		if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
			return err
		}
		folders[filepath.Dir(target)] = true
		stored, err := CopyFile(path, target)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it was deleted meanwhile
		}
		stored.Name = filepath.ToSlash(name)
		known[stored.Name] = stored
		return err
	})
	for folder := range folders {
		if err == nil {
			err = syncDir(folder)
		}
	}
	if err != nil {
		return fmt.Errorf("blobs: copy: %w", err)
	}
	return nil
}

// Missing names those of the files that do not stand in the folder as they are told.
func Missing(folder string, files []Stored) (names []string, err error) {
	for _, want := range files {
		file, err := os.Open(filepath.Join(folder, filepath.FromSlash(want.Name)))
		if errors.Is(err, fs.ErrNotExist) {
			names = append(names, want.Name)
			continue
		}
		if err != nil {
			return nil, err
		}
		sum := sha256.New()
		size, err := io.Copy(sum, file)
		if err := errors.Join(err, file.Close()); err != nil {
			return nil, err
		}
		if size != want.Size || hex.EncodeToString(sum.Sum(nil)) != want.SHA256 {
			names = append(names, want.Name)
		}
	}
	return names, nil
}

// CopyFile makes a new file with the bytes of another, durably, and tells what they are.
func CopyFile(from, to string) (Stored, error) {
	source, err := os.Open(from)
	if err != nil {
		return Stored{}, err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return Stored{}, err
	}
	sum := sha256.New()
	size, err := io.Copy(io.MultiWriter(target, sum), source)
	if err := errors.Join(err, target.Sync(), target.Close()); err != nil {
		return Stored{}, err
	}
	return Stored{Size: size, SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
}
