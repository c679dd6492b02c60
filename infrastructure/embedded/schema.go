package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mattn/go-sqlite3"
)

const (
	applicationID = 0x4153504c // "ASPL", in the file's header: tells this log from other SQLite files
	schemaVersion = 1
)

// Positions are row ids that the single writer assigns in commit order, so that a reader who
// sees a position sees every smaller one. The type of an event has no index on purpose: it
// would cost every append, and followers read in order of position anyway.
const schema = `
CREATE TABLE events (
	position    INTEGER PRIMARY KEY,
	stream      TEXT    NOT NULL,
	revision    INTEGER NOT NULL,
	id          BLOB    NOT NULL UNIQUE,
	type        TEXT    NOT NULL,
	recorded_at INTEGER NOT NULL,
	metadata    BLOB    NOT NULL,
	data        BLOB    NOT NULL,
	UNIQUE (stream, revision)
) STRICT;

CREATE TABLE cursors (
	consumers TEXT    NOT NULL,
	type      TEXT    NOT NULL,
	position  INTEGER NOT NULL,
	PRIMARY KEY (consumers, type)
) STRICT, WITHOUT ROWID;

CREATE TABLE deliveries (
	consumers TEXT    NOT NULL,
	position  INTEGER NOT NULL,
	type      TEXT    NOT NULL,
	attempt   INTEGER NOT NULL,
	due       INTEGER NOT NULL,
	owner     INTEGER NOT NULL,
	consumer  INTEGER NOT NULL,
	PRIMARY KEY (consumers, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_due ON deliveries (consumers, due);

CREATE TABLE parked (
	consumers TEXT    NOT NULL,
	position  INTEGER NOT NULL,
	reason    TEXT    NOT NULL,
	attempts  INTEGER NOT NULL,
	parked_at INTEGER NOT NULL,
	PRIMARY KEY (consumers, position)
) STRICT, WITHOUT ROWID;
`

// createFile makes a missing file and its folders durable before anything is written into
// it. A file that exists is not touched: closing it would drop the locks that SQLite holds on
// it for another open log of this process.
func createFile(path string) error {
	folder := filepath.Dir(path)
	if err := makeFolder(folder); err != nil {
		return err
	}
	info, err := os.Stat(path)
	missing := errors.Is(err, fs.ErrNotExist)
	switch {
	case err != nil && !missing:
		return err
	case !missing && !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a file", path)
	case missing || info.Size() == 0:
		// SQLite would take an empty file for a new one.
		if _, err := os.Stat(path + ownersSuffix); err == nil {
			return fmt.Errorf("%s is empty or gone, and a log was kept in it: restore a backup, or remove %s too to begin anew", path, path+ownersSuffix)
		}
	}
	if !missing {
		return nil
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil // another process was first
	}
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close(), syncFolder(folder))
}

func makeFolder(folder string) error {
	if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(folder)
	if err := makeFolder(parent); err != nil {
		return err
	}
	if err := os.Mkdir(folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(parent)
}

func syncFolder(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// migrate brings the file to this schema, or says why it is none of ours.
func migrate(c *connection, path string) (err error) {
	if err := c.script("BEGIN IMMEDIATE"); err != nil {
		return describe(err, path)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.script("ROLLBACK"))
		}
	}()
	id, _, err := c.number("PRAGMA application_id")
	if err != nil {
		return describe(err, path)
	}
	version, _, err := c.number("PRAGMA user_version")
	if err != nil {
		return describe(err, path)
	}
	tables, _, err := c.number("SELECT count(*) FROM sqlite_master")
	if err != nil {
		return describe(err, path)
	}
	switch {
	case id == 0 && version == 0 && tables == 0:
		create := fmt.Sprintf("%s; PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT", schema, applicationID, schemaVersion)
		return c.script(create)
	case id != applicationID:
		return fmt.Errorf("%s is the database of another program", path)
	case version > schemaVersion:
		return fmt.Errorf("%s has schema version %d, written by a newer release; this one knows %d", path, version, schemaVersion)
	case version < schemaVersion:
		return fmt.Errorf("%s has the unknown schema version %d", path, version)
	}
	return c.script("COMMIT")
}

func describe(err error, path string) error {
	switch code, _ := sqliteCode(err); code {
	case sqlite3.ErrNotADB:
		return fmt.Errorf("%s is not an event log: %w", path, err)
	case sqlite3.ErrCorrupt:
		return fmt.Errorf("%s is damaged: %w", path, err)
	case sqlite3.ErrReadonly, sqlite3.ErrCantOpen:
		return fmt.Errorf("%s cannot be written: %w", path, err)
	}
	return fmt.Errorf("%s: %w", path, err)
}
