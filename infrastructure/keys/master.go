package keys

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	vault "github.com/hashicorp/vault/api"
	"github.com/tink-crypto/tink-go-hcvault/v2/integration/hcvault"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Master says where the master key is: a keyset of Tink in a file, as JSON.
type Master struct {
	File string
	// KMS is the path of a key in the transit engine of HashiCorp Vault or OpenBao, such as transit/keys/asprak, that the keyset in
	// the file is sealed with; "": it stands there as it is. The server and the token are told by Vault's own variables, VAULT_ADDR,
	// VAULT_TOKEN, VAULT_CACERT, .... It is asked once, at the start.
	KMS string
}

// kmsPatience bounds the wait for the KMS.
const kmsPatience = 10 * time.Second

// open reads the key. Where there is none and it may, it makes one; two processes that start at once end with the same.
func (m Master) open(make bool) (tink.AEAD, error) {
	handle, _, err := m.read(make)
	if err != nil {
		return nil, err
	}
	return aead.New(handle)
}

// read also returns the KMS, nil where there is none.
func (m Master) read(make bool) (*keyset.Handle, tink.AEAD, error) {
	kms, err := m.connect()
	if err != nil {
		return nil, nil, fmt.Errorf("the KMS of the master key: %w", err)
	}
	content, err := readMaster(m.File)
	if errors.Is(err, fs.ErrNotExist) && make {
		if err := m.begin(kms); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, nil, fmt.Errorf("the master key: %w", err)
		}
		content, err = readMaster(m.File)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("the master key: %w", err)
	}
	var handle *keyset.Handle
	if reader := keyset.NewJSONReader(bytes.NewReader(content)); kms != nil {
		handle, err = keyset.Read(reader, kms)
	} else {
		handle, err = insecurecleartextkeyset.Read(reader)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("the master key %s (%s): %w", m.File, map[bool]string{true: "sealed by the KMS", false: "not sealed by a KMS"}[kms != nil], err)
	}
	return handle, kms, nil
}

// connect is nil without a KMS.
func (m Master) connect() (tink.AEAD, error) {
	if m.KMS == "" {
		return nil, nil
	}
	config := vault.DefaultConfig()
	if config.Error != nil {
		return nil, config.Error
	}
	config.Timeout, config.MaxRetries, config.MinRetryWait, config.MaxRetryWait = kmsPatience, 2, 100*time.Millisecond, time.Second
	client, err := vault.NewClient(config)
	if err != nil {
		return nil, err
	}
	return hcvault.NewAEAD("/"+strings.Trim(m.KMS, "/"), client.Logical())
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

// begin makes the first key.
func (m Master) begin(kms tink.AEAD) error {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return err
	}
	return m.write(handle, kms, os.Link)
}

// write writes beside the file and puts it in its place: it is there whole or not at all. With os.Link as place one that
// is there already is never replaced (fs.ErrExist), with os.Rename it is.
func (m Master) write(handle *keyset.Handle, kms tink.AEAD, place func(from, to string) error) error {
	folder := filepath.Dir(m.File)
	f, err := os.CreateTemp(folder, ".master-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // none is there after a rename
	if writer := keyset.NewJSONWriter(f); kms != nil {
		err = handle.Write(writer, kms)
	} else {
		err = insecurecleartextkeyset.Write(handle, writer)
	}
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := place(f.Name(), m.File); err != nil {
		return err
	}
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
