// Package keys keeps the keys by which what is personal is sealed: in an SQLite file, or in a
// PostgreSQL database that several processes share, each wrapped by a master key that stands elsewhere. The cryptography
// is Tink's. It knows nothing of what is sealed.
package keys

import (
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	_ "github.com/lib/pq" // the driver "postgres"
	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	streaming "github.com/tink-crypto/tink-go/v2/streamingaead/subtle"
	"github.com/tink-crypto/tink-go/v2/tink"

	"asprak/application"
	"asprak/infrastructure/sqlitefile"
)

const (
	// fresh is how long a destruction by another process may go unseen.
	fresh = time.Second
	// maxKnown bounds the memory of the keys at hand, to some 10 MB.
	maxKnown = 10_000
	// reserve is how many keys are made at once, with one wait for the disk.
	reserve = 256
	// patience bounds a look into the ring.
	patience = 10 * time.Second
)

// Ring is a key ring in a database. It is safe for concurrent use.
type Ring struct {
	db       *sqlx.DB
	server   bool // PostgreSQL
	reading  bool // only
	master   tink.AEAD
	selected *sqlx.Stmt

	mu        sync.Mutex
	known     map[uuid.UUID]*key // nil: destroyed
	destroyed int                // how many were when the ring was last looked at
	looked    time.Time

	making sync.Mutex
	spare  []*key // kept already, and given to nobody
}

var _ application.Keys = (*Ring)(nil)

// schema: BLOB is named BYTEA on a server.
var schema = []string{
	`CREATE TABLE IF NOT EXISTS person_keys (id BLOB PRIMARY KEY, wrapped BLOB NOT NULL)`,
	`CREATE TABLE IF NOT EXISTS destroyed_keys (id BLOB PRIMARY KEY)`,
}

// Open opens the ring at the target: the path of an SQLite file, made where there is none, or the
// postgres:// URL of a database. The master key is made where there is none and the ring is new; one by
// which the ring's keys cannot be opened is refused.
func Open(ctx context.Context, target string, master Master) (*Ring, error) {
	return open(ctx, target, master, false)
}

// OpenToRead opens a ring of which nothing is changed. Where there is no file it is one that knows no key.
func OpenToRead(ctx context.Context, target string, master Master) (*Ring, error) {
	return open(ctx, target, master, true)
}

func open(ctx context.Context, target string, master Master, reading bool) (ring *Ring, err error) {
	r := &Ring{server: isServer(target), reading: reading, known: make(map[uuid.UUID]*key)}
	defer func() {
		if err != nil {
			ring, err = nil, errors.Join(fmt.Errorf("keys: %w", err), r.Close())
		}
	}()
	switch {
	case r.server:
		r.db, err = sqlx.ConnectContext(ctx, "postgres", target)
	case reading:
		r.db, err = sqlitefile.OpenToRead(ctx, target)
	default:
		r.db, err = sqlitefile.Open(ctx, target, "")
	}
	if err != nil || r.db == nil {
		return r, err
	}
	if !reading {
		if err := r.change(ctx, r.makeTables); err != nil {
			return r, err
		}
	}
	if err := r.openMaster(ctx, master); err != nil {
		return r, err
	}
	r.selected, err = r.db.PreparexContext(ctx, r.db.Rebind(`SELECT wrapped FROM person_keys WHERE id = ?`))
	return r, err
}

func isServer(target string) bool {
	return strings.HasPrefix(target, "postgres://") || strings.HasPrefix(target, "postgresql://")
}

func (r *Ring) makeTables(tx *sqlx.Tx) error {
	if r.server {
		// Several processes may start at once.
		if _, err := tx.Exec(`SELECT pg_advisory_xact_lock(hashtext('asprak keys'))`); err != nil {
			return err
		}
	}
	for _, statement := range schema {
		if r.server {
			statement = strings.ReplaceAll(statement, "BLOB", "BYTEA")
		}
		if _, err := tx.Exec(statement); err != nil {
			return err
		}
	}
	return nil
}

// openMaster reads the master key, and with the first process on a ring leaves a key there by which
// the others know that theirs is the same.
func (r *Ring) openMaster(ctx context.Context, master Master) error {
	var wrapped [][]byte
	const query = `SELECT wrapped FROM person_keys WHERE id = ?`
	if err := r.db.SelectContext(ctx, &wrapped, r.db.Rebind(query), uuid.Nil[:]); err != nil {
		return err
	}
	var err error
	if r.master, err = master.open(len(wrapped) == 0 && !r.reading); err != nil {
		return err
	}
	if len(wrapped) == 0 && !r.reading {
		mine, err := r.master.Encrypt(make([]byte, secretSize), uuid.Nil[:])
		if err != nil {
			return err
		}
		if _, err := r.db.ExecContext(ctx, r.db.Rebind(`INSERT INTO person_keys (id, wrapped) VALUES (?, ?) ON CONFLICT (id) DO NOTHING`), uuid.Nil[:], mine); err != nil {
			return err
		}
		if err := r.db.SelectContext(ctx, &wrapped, r.db.Rebind(query), uuid.Nil[:]); err != nil {
			return err
		}
	}
	for _, w := range wrapped {
		if _, err := r.unwrap(uuid.Nil, w); err != nil {
			return fmt.Errorf("%s is not the master key of the ring: %w", master.File, err)
		}
	}
	return nil
}

// Close lets go of the ring, and drops the keys that were made and given to nobody.
func (r *Ring) Close() error {
	if r.db == nil {
		return nil
	}
	r.making.Lock()
	defer r.making.Unlock()
	var errs []error
	if len(r.spare) > 0 {
		errs = append(errs, r.change(context.Background(), func(tx *sqlx.Tx) error {
			for _, k := range r.spare {
				if _, err := tx.Exec(tx.Rebind(`DELETE FROM person_keys WHERE id = ?`), k.id[:]); err != nil {
					return err
				}
			}
			return nil
		}))
		r.spare = nil
	}
	if r.selected != nil {
		errs = append(errs, r.selected.Close())
	}
	return errors.Join(append(errs, r.db.Close())...)
}

// New implements application.Keys.
func (r *Ring) New(ctx context.Context) (application.Key, error) {
	if r.db == nil || r.reading {
		return nil, fmt.Errorf("%w: opened for reading only", application.ErrKeysUnavailable)
	}
	r.making.Lock()
	defer r.making.Unlock()
	if len(r.spare) == 0 {
		if err := r.make(ctx); err != nil {
			return nil, fmt.Errorf("%w: %w", application.ErrKeysUnavailable, err)
		}
	}
	last := len(r.spare) - 1
	k := r.spare[last]
	r.spare = r.spare[:last]
	r.remember(k.id, k, -1)
	return k, nil
}

// make fills the reserve. What a crash leaves of it in the ring is never given to anybody.
func (r *Ring) make(ctx context.Context) error {
	made := make([]*key, 0, reserve)
	err := r.change(ctx, func(tx *sqlx.Tx) error {
		insert, err := tx.Preparex(tx.Rebind(`INSERT INTO person_keys (id, wrapped) VALUES (?, ?)`))
		if err != nil {
			return err
		}
		defer insert.Close()
		for range reserve {
			// In the order of time, so that the index grows at its end.
			id, err := uuid.NewV7()
			if err != nil {
				return err
			}
			secret := make([]byte, secretSize)
			if _, err := rand.Read(secret); err != nil {
				return err
			}
			wrapped, err := r.master.Encrypt(secret, id[:])
			if err != nil {
				return err
			}
			if _, err := insert.Exec(id[:], wrapped); err != nil {
				return err
			}
			k, err := newKey(id, secret)
			if err != nil {
				return err
			}
			made = append(made, k)
		}
		return nil
	})
	if err == nil {
		r.spare = made
	}
	return err
}

func (r *Ring) change(ctx context.Context, change func(*sqlx.Tx) error) error {
	tx, err := r.db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := change(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// Key implements application.Keys.
func (r *Ring) Key(id uuid.UUID) (application.Key, error) {
	if r.db == nil {
		return nil, fmt.Errorf("%w: there is no ring, and it has no key %s", application.ErrKeyUnknown, id)
	}
	k, found, as, err := r.atHand(id)
	if err == nil && !found {
		if k, err = r.read(id); err == nil {
			r.remember(id, k, as)
		}
	}
	if err != nil {
		return nil, err
	}
	if k == nil {
		return nil, application.ErrKeyDestroyed
	}
	return k, nil
}

// atHand forgets every key when one was destroyed since the last look. It also returns how many
// were destroyed by then.
func (r *Ring) atHand(id uuid.UUID) (*key, bool, int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := time.Now(); now.Sub(r.looked) >= fresh {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		destroyed := 0
		if err := r.db.GetContext(ctx, &destroyed, `SELECT COUNT(*) FROM destroyed_keys`); err != nil {
			return nil, false, 0, fmt.Errorf("%w: %w", application.ErrKeysUnavailable, err)
		}
		if destroyed != r.destroyed {
			clear(r.known)
			r.destroyed = destroyed
		}
		r.looked = now
	}
	k, found := r.known[id]
	return k, found, r.destroyed, nil
}

// read returns nil for a key that was destroyed.
func (r *Ring) read(id uuid.UUID) (*key, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var wrapped []byte
	err := r.selected.GetContext(ctx, &wrapped, id[:])
	if errors.Is(err, sql.ErrNoRows) {
		gone := 0
		if err := r.db.GetContext(ctx, &gone, r.db.Rebind(`SELECT COUNT(*) FROM destroyed_keys WHERE id = ?`), id[:]); err != nil {
			return nil, fmt.Errorf("%w: %w", application.ErrKeysUnavailable, err)
		}
		if gone == 0 {
			return nil, fmt.Errorf("%w: it has no key %s", application.ErrKeyUnknown, id)
		}
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", application.ErrKeysUnavailable, err)
	}
	k, err := r.unwrap(id, wrapped)
	if err != nil {
		return nil, fmt.Errorf("%w: key %s: %w", application.ErrKeyUnknown, id, err)
	}
	return k, nil
}

func (r *Ring) unwrap(id uuid.UUID, wrapped []byte) (*key, error) {
	secret, err := r.master.Decrypt(wrapped, id[:])
	if err != nil {
		return nil, err
	}
	return newKey(id, secret)
}

// remember keeps what was read at hand, unless a key was destroyed meanwhile: it may have been this one.
// -1 is for what was not read.
func (r *Ring) remember(id uuid.UUID, k *key, as int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if was, ok := r.known[id]; as >= 0 && as != r.destroyed || ok && was == nil {
		return
	}
	if len(r.known) >= maxKnown {
		for any := range r.known {
			delete(r.known, any)
			break
		}
	}
	r.known[id] = k
}

// Destroy implements application.Keys. The file holds nothing of the keys afterwards, nor does its write-ahead
// log. A server keeps what was deleted, wrapped, until it vacuums the table and its own write-ahead log has passed on.
func (r *Ring) Destroy(ctx context.Context, ids ...uuid.UUID) error {
	if r.db == nil || r.reading {
		return fmt.Errorf("%w: opened for reading only", application.ErrKeysUnavailable)
	}
	err := r.change(ctx, func(tx *sqlx.Tx) error {
		for _, id := range ids {
			for _, statement := range []string{`DELETE FROM person_keys WHERE id = ?`, `INSERT INTO destroyed_keys (id) VALUES (?) ON CONFLICT (id) DO NOTHING`} {
				if _, err := tx.Exec(tx.Rebind(statement), id[:]); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%w: %w", application.ErrKeysUnavailable, err)
	}
	for _, id := range ids {
		r.remember(id, nil, -1)
	}
	return r.wipe(ctx)
}

// wipe leaves nothing of what was deleted behind.
func (r *Ring) wipe(ctx context.Context) error {
	if r.server {
		_, err := r.db.ExecContext(ctx, `VACUUM person_keys`)
		return err
	}
	return sqlitefile.Wipe(ctx, r.db)
}

// Copy writes the ring in the file as it stands into another file, in the place of an older copy: what was
// destroyed is in neither. Without the master key it is of no use.
func Copy(ctx context.Context, from, to string) error {
	if err := sqlitefile.Copy(ctx, from, to); err != nil {
		return fmt.Errorf("keys: copy: %w", err)
	}
	return nil
}

// secretSize is that of a key of AES-256.
const secretSize = 32

// key seals texts with AES-256-GCM and a random nonce, some tens in its life, and streams, piece by
// piece, with a key that follows from the secret and a random salt.
type key struct {
	id     uuid.UUID
	secret []byte
	aead   *subtle.AESGCM
}

func newKey(id uuid.UUID, secret []byte) (*key, error) {
	aead, err := subtle.NewAESGCM(secret)
	return &key{id, secret, aead}, err
}

func (k *key) ID() uuid.UUID { return k.id }

func (k *key) Seal(plain, about []byte) ([]byte, error) { return k.aead.Encrypt(plain, about) }

func (k *key) Open(sealed, about []byte) ([]byte, error) { return k.aead.Decrypt(sealed, about) }

func (k *key) SealTo(w io.Writer, about []byte) (io.WriteCloser, error) {
	streams, err := k.streams()
	if err != nil {
		return nil, err
	}
	return streams.NewEncryptingWriter(w, about)
}

func (k *key) OpenFrom(r io.Reader, about []byte) (io.Reader, error) {
	streams, err := k.streams()
	if err != nil {
		return nil, err
	}
	return streams.NewDecryptingReader(r, about)
}

// pieceSize is how much of a stream is sealed at once, and has to be at hand.
const pieceSize = 64 << 10

// streams have a key of their own: the secret itself is that of the texts.
func (k *key) streams() (*streaming.AESGCMHKDF, error) {
	own, err := hkdf.Expand(sha256.New, k.secret, "asprak documents", secretSize)
	if err != nil {
		return nil, err
	}
	return streaming.NewAESGCMHKDF(own, "SHA256", secretSize, pieceSize, 0)
}
