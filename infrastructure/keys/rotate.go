package keys

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"asprak/infrastructure/sqlitefile"
)

// Rotate gives the ring a new master key: all its keys, which it counts, are wrapped by that, and the old one is
// forgotten. What they sealed stays as it is. No process may have the ring open, as it would go on with the old one: of a
// file this is checked. One that broke off is started again.
func Rotate(ctx context.Context, target string, master Master) (n int, err error) {
	handle, kms, err := master.read(false)
	if err != nil {
		return 0, fmt.Errorf("keys: %w", err)
	}
	r := &Ring{server: isServer(target)}
	if r.server {
		r.db, err = sqlx.ConnectContext(ctx, "postgres", target)
	} else if _, err = os.Stat(target); err == nil {
		r.db, err = sqlitefile.Open(ctx, target, "&_locking_mode=EXCLUSIVE")
	}
	if err != nil {
		return 0, fmt.Errorf("keys: %w", err)
	}
	defer func() { err = errors.Join(err, r.db.Close()) }()
	r.db.SetMaxOpenConns(1)
	both, old, err := succeeded(handle)
	if err != nil {
		return 0, fmt.Errorf("keys: %w", err)
	}
	err = r.change(ctx, func(tx *sqlx.Tx) error {
		if n, err = rewrap(tx, handle, both); err != nil {
			return err
		}
		// From here on the file opens what is wrapped by either, whatever becomes of the transaction.
		return master.write(both, kms, os.Rename)
	})
	if err != nil {
		return 0, fmt.Errorf("keys: %w", err)
	}
	manager := keyset.NewManagerFromHandle(both)
	for _, id := range old {
		if err := manager.Delete(id); err != nil {
			return n, fmt.Errorf("keys: %w", err)
		}
	}
	only, err := manager.Handle()
	if err == nil {
		err = master.write(only, kms, os.Rename)
	}
	if err == nil {
		err = r.wipe(ctx)
	}
	if err != nil {
		return n, fmt.Errorf("keys: %w", err)
	}
	return n, nil
}

// succeeded is the keyset with a new first key, and the ids of those before it.
func succeeded(handle *keyset.Handle) (both *keyset.Handle, old []uint32, err error) {
	for _, key := range handle.KeysetInfo().KeyInfo {
		old = append(old, key.KeyId)
	}
	manager := keyset.NewManagerFromHandle(handle)
	id, err := manager.Add(aead.AES256GCMKeyTemplate())
	if err == nil {
		err = manager.SetPrimary(id)
	}
	if err != nil {
		return nil, nil, err
	}
	both, err = manager.Handle()
	return both, old, err
}

func rewrap(tx *sqlx.Tx, from, to *keyset.Handle) (n int, err error) {
	var opens, wraps tink.AEAD
	if opens, err = aead.New(from); err != nil {
		return 0, err
	}
	if wraps, err = aead.New(to); err != nil {
		return 0, err
	}
	var all []struct {
		ID      []byte `db:"id"`
		Wrapped []byte `db:"wrapped"`
	}
	if err := tx.Select(&all, `SELECT id, wrapped FROM person_keys`); err != nil {
		return 0, err
	}
	for _, row := range all {
		secret, err := opens.Decrypt(row.Wrapped, row.ID)
		if err != nil {
			return 0, fmt.Errorf("key %x: %w", row.ID, err)
		}
		wrapped, err := wraps.Encrypt(secret, row.ID)
		if err != nil {
			return 0, err
		}
		if _, err := tx.Exec(tx.Rebind(`UPDATE person_keys SET wrapped = ? WHERE id = ?`), wrapped, row.ID); err != nil {
			return 0, err
		}
		if [16]byte(row.ID) != [16]byte(uuid.Nil) {
			n++
		}
	}
	return n, nil
}
