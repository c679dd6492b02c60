package keys

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// openMaster reads the keyset of Tink in the file, as JSON. Where there is none and it may, it
// makes one; two processes that start at once end with the same.
func openMaster(path string, make bool) (tink.AEAD, error) {
	content, err := readMaster(path)
	if errors.Is(err, fs.ErrNotExist) && make {
		if err := writeMaster(path); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		content, err = readMaster(path)
	}
	if err != nil {
		return nil, fmt.Errorf("the master key: %w", err)
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(content)))
	if err != nil {
		return nil, fmt.Errorf("the master key %s: %w", path, err)
	}
	return aead.New(handle)
}

func readMaster(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("others may read %s (mode %04o): set its mode to 0600", path, info.Mode().Perm())
	}
	return os.ReadFile(path)
}

// writeMaster writes beside the path and links into place: the file is there whole or not at
// all, and a key that is there already is never replaced (fs.ErrExist).
func writeMaster(path string) error {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return err
	}
	folder := filepath.Dir(path)
	f, err := os.CreateTemp(folder, ".master-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	err = insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(f))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
