package embedded

import (
	"context"
	"crypto/sha256"
	"database/sql/driver"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/url"
	"path/filepath"

	"github.com/google/uuid"

	"asprak/application"
)

// Contents says what a log holds, so that two can be compared.
type Contents struct {
	Events   int64  `json:"events"`
	Streams  int    `json:"streams"`
	Position int64  `json:"position"` // of the last event
	Digest   string `json:"digest"`   // SHA-256 of all events in order, in hex
}

// Backup is a copy of a log that others may be appending to meanwhile.
type Backup struct {
	source, copy *connection
	check        *check
	held         bool
}

// OpenBackup copies the log in the file at from, with its queues, into a new file. The copy
// holds what was acknowledged before it began; CatchUp takes in what came since. Each record
// is handed to each, whose error ends the backup, as does a log that is not whole.
func OpenBackup(ctx context.Context, from, to string, each func(application.Record) error) (_ *Backup, err error) {
	b := &Backup{check: newCheck(each)}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("embedded: backup: %w", err), b.Close())
		}
	}()
	if from, err = filepath.Abs(from); err != nil {
		return nil, err
	}
	if b.source, err = connect(from, "mode=rw&_mutex=no&_busy_timeout=10000"); err != nil {
		return nil, describe(err, from)
	}
	if err := recognise(b.source, from); err != nil {
		return nil, err
	}
	if err := createFile(to); err != nil {
		return nil, err
	}
	if b.copy, err = connect(to, "mode=rw&_mutex=no&_synchronous=FULL"); err != nil {
		return nil, describe(err, to)
	}
	copying, err := b.copy.raw.Backup("main", b.source.raw, "main")
	if err != nil {
		return nil, err
	}
	_, err = copying.Step(-1)
	if err := errors.Join(err, copying.Finish()); err != nil {
		return nil, err
	}
	// One file, that can be moved.
	if err := b.copy.script("PRAGMA journal_mode = DELETE"); err != nil {
		return nil, err
	}
	attach := (&url.URL{Scheme: "file", Path: from, RawQuery: "mode=ro"}).String()
	if _, err := b.copy.exec("ATTACH ? AS source", attach); err != nil {
		return nil, err
	}
	return b, b.check.walk(ctx, b.copy)
}

// Hold keeps every append to the log waiting until Close: what CatchUp takes in after it is
// all that was ever acknowledged by then.
func (b *Backup) Hold() error {
	if err := b.source.script("BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("embedded: backup: %w", err)
	}
	b.held = true
	return nil
}

// CatchUp takes in what was appended since, and the queues as they stand.
func (b *Backup) CatchUp(ctx context.Context) error {
	if err := b.copy.script("BEGIN"); err != nil {
		return fmt.Errorf("embedded: backup: %w", err)
	}
	_, err := b.copy.exec("INSERT INTO main.events SELECT * FROM source.events WHERE position > ?", b.check.Position)
	for _, table := range []string{"cursors", "deliveries", "parked"} {
		if err == nil {
			err = b.copy.script("DELETE FROM main." + table + "; INSERT INTO main." + table + " SELECT * FROM source." + table)
		}
	}
	if err != nil {
		return errors.Join(fmt.Errorf("embedded: backup: %w", err), b.copy.script("ROLLBACK"))
	}
	if err := b.copy.script("COMMIT"); err != nil {
		return fmt.Errorf("embedded: backup: %w", err)
	}
	return b.check.walk(ctx, b.copy)
}

// Contents is what the copy holds.
func (b *Backup) Contents() Contents { return b.check.contents() }

// Close lets appends go on.
func (b *Backup) Close() error {
	var errs []error
	if b.copy != nil {
		errs = append(errs, b.copy.close())
	}
	if b.held {
		errs = append(errs, b.source.script("ROLLBACK"))
	}
	if b.source != nil {
		errs = append(errs, b.source.close())
	}
	return errors.Join(errs...)
}

// Check tells what the log in the file holds, and fails when it is not whole: when a position
// or a revision of a stream is missing, an event id stands there twice, the file is damaged,
// or each refuses a record.
func Check(ctx context.Context, path string, each func(application.Record) error) (Contents, error) {
	c, err := connect(path, "mode=ro&_mutex=no")
	if err != nil {
		return Contents{}, fmt.Errorf("embedded: %w", describe(err, path))
	}
	defer c.close()
	if err := recognise(c, path); err != nil {
		return Contents{}, fmt.Errorf("embedded: %w", err)
	}
	check := newCheck(each)
	if err := errors.Join(sound(c), check.walk(ctx, c)); err != nil {
		return Contents{}, err
	}
	return check.contents(), nil
}

// sound is an error when SQLite finds its file damaged, or an index that does not fit its table.
func sound(c *connection) error {
	return c.query(func(row []driver.Value) error {
		if row[0] != "ok" {
			return fmt.Errorf("embedded: the file is damaged: %v", row[0])
		}
		return nil
	}, "PRAGMA integrity_check(1)")
}

// check follows a log and finds what is missing in it.
type check struct {
	Contents
	each      func(application.Record) error
	revisions map[string]application.Revision
	ids       map[uuid.UUID]struct{}
	sum       hash.Hash
}

func newCheck(each func(application.Record) error) *check {
	return &check{each: each, revisions: map[string]application.Revision{}, ids: map[uuid.UUID]struct{}{}, sum: sha256.New()}
}

// walk goes on behind the last event that it saw.
func (k *check) walk(ctx context.Context, c *connection) error {
	return c.query(func(row []driver.Value) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		r, err := record(row)
		if err != nil {
			return fmt.Errorf("embedded: position %v: %w", row[0], err)
		}
		return k.take(r)
	}, "SELECT "+recordColumns+" FROM main.events WHERE position > ? ORDER BY position", k.Position)
}

func (k *check) take(r application.Record) error {
	at := int64(r.Position.Commit)
	if at != k.Position+1 {
		return fmt.Errorf("embedded: the log is not whole: position %d follows %d", at, k.Position)
	}
	last, known := k.revisions[r.Stream]
	if !known {
		last = application.NoStream
	}
	if r.Revision != last+1 {
		return fmt.Errorf("embedded: the log is not whole: %s has revision %d behind %d", r.Stream, r.Revision, last)
	}
	if _, twice := k.ids[r.ID]; twice {
		return fmt.Errorf("embedded: the log is not whole: event %s stands there twice", r.ID)
	}
	if err := k.each(r); err != nil {
		return fmt.Errorf("embedded: position %d: %w", at, err)
	}
	k.ids[r.ID], k.revisions[r.Stream], k.Position = struct{}{}, r.Revision, at
	k.Events++
	k.digest([]byte(r.Stream), r.ID[:], []byte(r.Type), binary.BigEndian.AppendUint64(nil, uint64(r.Revision)),
		binary.BigEndian.AppendUint64(nil, uint64(r.RecordedAt.UnixMicro())), r.Metadata, r.Data)
	return nil
}

// digest adds the parts, each behind its length.
func (k *check) digest(parts ...[]byte) {
	var size [8]byte
	for _, p := range parts {
		binary.BigEndian.PutUint64(size[:], uint64(len(p)))
		k.sum.Write(size[:])
		k.sum.Write(p)
	}
}

func (k *check) contents() Contents {
	c := k.Contents
	c.Streams, c.Digest = len(k.revisions), hex.EncodeToString(k.sum.Sum(nil))
	return c
}
