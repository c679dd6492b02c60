package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"time"

	"asprak/application"
	"asprak/domain"
	"asprak/infrastructure/blobs"
	"asprak/infrastructure/embedded"
	"asprak/infrastructure/identity"
	"asprak/infrastructure/keys"
)

// manifest is written last: a folder without it is no backup.
type manifest struct {
	MadeAt    time.Time         `json:"made_at"`
	Program   string            `json:"program"`
	Log       embedded.Contents `json:"log"`
	Documents []blobs.Stored    `json:"documents"`
}

const (
	manifestName = "manifest.json"
	backupLog    = "log.db"
	backupBlobs  = "documents"
)

type backupCmd struct {
	storage     `embed:""`
	blobStorage `embed:""`
	Keys        string `help:"File to copy the keys of personal values to, in the place of an older copy; not in a backup's folder."`
	Accounts    string `help:"File to copy the accounts to, likewise."`
	Folder      string `arg:"" help:"Folder to write the backup to; it must not be there yet, or be empty."`
}

// Help is printed with the help of the command.
func (backupCmd) Help() string {
	return `Copies the log and the documents of the data folder, beside a running server or without one. Appends wait only while the
last of them are copied, so that the backup holds every event that was acknowledged before its end. The read models are built anew
from the log. What is personal in the log is sealed, and the keys are not in the backup: whoever is erased later is so in it too.
--keys copies them, to one file that the next copy replaces, and --accounts the accounts; without the keys and master.key a restored log tells of nobody. With the log in EventStoreDB or the documents in S3-compatible storage use the
backups of those.`
}

func (c *backupCmd) Run(ctx context.Context, env environment) (err error) {
	if c.EventStore != "embedded" || c.Blobs != "" && c.Blobs != "embedded" {
		return errors.New("only the log and the documents of the data folder can be backed up here; servers have backups of their own")
	}
	if err := emptyFolder(c.Folder); err != nil {
		return err
	}
	documents := map[string]blobs.Stored{}
	copyDocuments := func() error {
		err := blobs.Copy(ctx, c.documents(), filepath.Join(c.Folder, backupBlobs), documents)
		if errors.Is(err, fs.ErrNotExist) && len(documents) == 0 {
			return nil // nobody has uploaded anything yet
		}
		return err
	}
	// The bulk first, while everybody works.
	if err := copyDocuments(); err != nil {
		return err
	}
	uploads := newUploads()
	backup, err := embedded.OpenBackup(ctx, c.log(), filepath.Join(c.Folder, backupLog), uploads.take)
	if err != nil {
		return err
	}
	// What is held is let go when this process is gone: nothing is acknowledged before that
	// is not in the backup.
	defer func() {
		if err != nil {
			err = errors.Join(err, backup.Close())
		}
	}()
	for _, step := range []func() error{
		func() error { return backup.CatchUp(ctx) }, copyDocuments,
		backup.Hold, func() error { return backup.CatchUp(ctx) }, copyDocuments,
		func() error { return uploads.allIn(documents) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	m := manifest{MadeAt: time.Now().UTC(), Program: version, Log: backup.Contents()}
	for _, d := range documents {
		m.Documents = append(m.Documents, d)
	}
	if err := writeManifest(c.Folder, m); err != nil {
		return err
	}
	if err := copySecrets(ctx, c.ring(), c.Keys, c.accounts(), c.Accounts); err != nil {
		return err
	}
	_, err = fmt.Fprintf(env.stdout, "%d events up to position %d and %d documents are in %s\n", m.Log.Events, m.Log.Position, len(m.Documents), c.Folder)
	return err
}

type restoreCmd struct {
	folder   `embed:""`
	Keys     string `type:"existingfile" help:"Copy of the keys of personal values, by backup --keys; its master key belongs to it."`
	Accounts string `type:"existingfile" help:"Copy of the accounts, by backup --accounts."`
	Backup   string `arg:"" help:"Folder of the backup."`
}

// Help is printed with the help of the command.
func (restoreCmd) Help() string {
	return `Makes a data folder of a backup. The folder must hold neither a log nor read models. Everything is checked against the backup's
manifest: every position, every revision of every stream, that no event id stands there twice, that every event can be understood, the
digest of all of them, and every document. A restore that broke off is started again; a server started before its end finds no log.`
}

func (c *restoreCmd) Run(ctx context.Context, env environment) error {
	m, err := readManifest(c.Backup)
	if err != nil {
		return err
	}
	for _, path := range []string{c.log(), c.views()} {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(err, fmt.Errorf("%s is there already; restore into a folder of its own", path))
		}
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return err
	}
	if err := c.restoreDocuments(ctx, m); err != nil {
		return err
	}
	half := c.log() + ".restoring"
	if err := os.Remove(half); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := blobs.CopyFile(filepath.Join(c.Backup, backupLog), half); err != nil {
		return err
	}
	uploads := newUploads()
	found, err := embedded.Check(ctx, half, uploads.take)
	if err != nil {
		return err
	}
	if found != m.Log {
		return fmt.Errorf("the log is not the one that was backed up: it holds %+v, the manifest says %+v", found, m.Log)
	}
	if err := uploads.allIn(byName(m.Documents)); err != nil {
		return err
	}
	if err := copySecrets(ctx, c.Keys, c.ring(), c.Accounts, c.accounts()); err != nil {
		return err
	}
	if err := os.Rename(half, c.log()); err != nil {
		return err
	}
	if err := syncFolder(c.Data); err != nil {
		return err
	}
	_, err = fmt.Fprintf(env.stdout, "%d events up to position %d and %d documents, made at %s, are in %s; all are whole. The read models are built when a server starts.\n",
		found.Events, found.Position, len(m.Documents), m.MadeAt.Format(time.RFC3339), c.Data)
	return err
}

// copySecrets copies the keys and the accounts, each where both ends are named.
func copySecrets(ctx context.Context, ring, toRing, accounts, toAccounts string) error {
	if ring != "" && toRing != "" {
		if err := keys.Copy(ctx, ring, toRing); err != nil {
			return err
		}
	}
	if accounts != "" && toAccounts != "" {
		return identity.CopyAccounts(ctx, accounts, toAccounts)
	}
	return nil
}

// restoreDocuments copies them beside and puts them in their place when all are there. Those
// that an earlier try has put there stay.
func (c *restoreCmd) restoreDocuments(ctx context.Context, m manifest) error {
	place, half := c.documents(), c.documents()+".restoring"
	if _, err := os.Stat(place); errors.Is(err, fs.ErrNotExist) && len(m.Documents) > 0 {
		if err := errors.Join(os.RemoveAll(half), os.MkdirAll(half, 0o700)); err != nil {
			return err
		}
		if err := blobs.Copy(ctx, filepath.Join(c.Backup, backupBlobs), half, map[string]blobs.Stored{}); err != nil {
			return err
		}
		if err := allThere(half, m); err != nil {
			return err
		}
		return os.Rename(half, place)
	}
	return allThere(place, m)
}

func allThere(folder string, m manifest) error {
	missing, err := blobs.Missing(folder, m.Documents)
	if err == nil && len(missing) > 0 {
		err = fmt.Errorf("%d of %d documents are missing in %s or damaged, %s first", len(missing), len(m.Documents), folder, missing[0])
	}
	return err
}

// uploads collect the documents that the events of a log name, but for those of erased applications.
type uploads struct {
	codec *application.Codec
	named map[upload]application.Position
}

// upload is a document of an application, by its stream and the name of the blob.
type upload struct{ stream, blob string }

func newUploads() uploads {
	return uploads{application.NewCodec().With(application.NoKeys), map[upload]application.Position{}}
}

func (u uploads) take(r application.Record) error {
	event, _, err := u.codec.Decode(r)
	switch e := event.(type) {
	case *domain.DocumentUploaded:
		u.named[upload{r.Stream, e.StoredAs()}] = r.Position
	case *domain.ApplicationErased:
		maps.DeleteFunc(u.named, func(u upload, _ application.Position) bool { return u.stream == r.Stream })
	}
	return err
}

func (u uploads) allIn(documents map[string]blobs.Stored) error {
	for u, position := range u.named {
		if _, there := documents[blobs.NameOf(u.blob)]; !there {
			return fmt.Errorf("the bytes of the document uploaded at position %s are missing", position)
		}
	}
	return nil
}

func byName(all []blobs.Stored) map[string]blobs.Stored {
	named := make(map[string]blobs.Stored, len(all))
	for _, d := range all {
		named[d.Name] = d
	}
	return named
}

func emptyFolder(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	there, err := os.ReadDir(path)
	if err == nil && len(there) > 0 {
		err = fmt.Errorf("%s is not empty", path)
	}
	return err
}

func writeManifest(folder string, m manifest) error {
	content, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	file, err := os.OpenFile(filepath.Join(folder, manifestName), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(append(content, '\n'))
	return errors.Join(err, file.Sync(), file.Close(), syncFolder(folder))
}

func readManifest(folder string) (m manifest, err error) {
	content, err := os.ReadFile(filepath.Join(folder, manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return m, fmt.Errorf("%s is no backup, or one that was not finished: %w", folder, err)
	}
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(content, &m); err != nil {
		return m, fmt.Errorf("%s: %w", manifestName, err)
	}
	return m, nil
}

func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
