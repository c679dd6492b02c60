// Package sqlitefile opens small SQLite files that several processes share and that may hold secrets, and copies them. It
// knows nothing of what stands in them.
package sqlitefile

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/mattn/go-sqlite3"
)

const (
	// patience bounds the wait for who has the file.
	patience = 10 * time.Second
	// pause is between two tries at a file that another process has.
	pause = 10 * time.Millisecond
)

// Open opens the file, made where there is none, for its owner only. What is committed is durable, a transaction takes the
// file at once, and what is deleted is overwritten, see Wipe. more are parameters of the driver, as in "&_locking_mode=EXCLUSIVE".
func Open(ctx context.Context, path, more string) (*sqlx.DB, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	return connect(ctx, path, "_journal_mode=WAL&_synchronous=FULL&_busy_timeout=10000&_secure_delete=on&_txlock=immediate"+more)
}

// OpenToRead opens a file of which nothing is changed; nil where there is none.
func OpenToRead(ctx context.Context, path string) (*sqlx.DB, error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return connect(ctx, path, "mode=ro&_busy_timeout=10000")
}

func connect(ctx context.Context, path, parameters string) (*sqlx.DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	db, err := sqlx.Open("sqlite3", (&url.URL{Scheme: "file", Path: path, RawQuery: parameters}).String())
	if err != nil {
		return nil, err
	}
	// SQLite does not wait for another process that just makes the file's journal a WAL.
	for began := time.Now(); ; time.Sleep(pause) {
		err := db.PingContext(ctx)
		if err == nil {
			return db, nil
		}
		var refused sqlite3.Error
		if !errors.As(err, &refused) || refused.Code != sqlite3.ErrBusy || time.Since(began) > patience {
			return nil, errors.Join(err, db.Close())
		}
	}
}

// Wipe empties the write-ahead log, so that the files hold nothing of what was deleted.
func Wipe(ctx context.Context, db *sqlx.DB) error {
	for began := time.Now(); ; {
		var busy, pages, done int
		if err := db.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &pages, &done); err != nil {
			return err
		}
		if busy == 0 {
			return nil
		}
		if time.Since(began) > patience {
			return errors.New("the write-ahead log could not be emptied, as somebody reads the file all the time")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// Copy writes the file as it stands into another, in the place of an older copy: what was deleted is in neither.
func Copy(ctx context.Context, from, to string) (err error) {
	db, err := OpenToRead(ctx, from)
	if err == nil && db == nil {
		err = fmt.Errorf("%s: %w", from, os.ErrNotExist)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	half := to + ".new"
	if err := os.Remove(half); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if _, err := db.ExecContext(ctx, `VACUUM INTO ?`, half); err != nil {
		return err
	}
	if err := os.Chmod(half, 0o600); err != nil {
		return err
	}
	file, err := os.Open(half)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close(), os.Rename(half, to))
}
