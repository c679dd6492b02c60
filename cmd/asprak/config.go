package main

import (
	"cmp"
	"context"
	"log/slog"
	"path/filepath"

	"asprak/application"
	"asprak/infrastructure/blobs"
	"asprak/infrastructure/embedded"
	"asprak/infrastructure/eventstoredb"
	"asprak/infrastructure/keys"
)

// folder is where the embedded default keeps everything.
type folder struct {
	Data      string `env:"ASPRAK_DATA" default:"data" help:"Folder of the log, the read models, the documents and the local key."`
	TokenKey  string `env:"ASPRAK_TOKEN_KEY" help:"File of the key that signs tokens (32 bytes, readable by nobody else; made when missing). Every api process needs the same one. Default: token.key in the data folder."`
	MasterKey string `env:"ASPRAK_MASTER_KEY" help:"File of the master key, a keyset of Tink as JSON, that wraps the keys of personal values (readable by nobody else; made when missing and none was ever used). Every process needs the same one. Default: master.key in the data folder."`
	MasterKMS string `env:"ASPRAK_MASTER_KMS" help:"Path of a key in the transit engine of HashiCorp Vault or OpenBao, such as transit/keys/asprak, that seals the master key in its file; where the server is and how to log in say VAULT_ADDR, VAULT_TOKEN, .... Default: the file is not sealed."`
}

func (f folder) log() string       { return filepath.Join(f.Data, "log.db") }
func (f folder) views() string     { return filepath.Join(f.Data, "views.db") }
func (f folder) documents() string { return filepath.Join(f.Data, "documents") }
func (f folder) ring() string      { return filepath.Join(f.Data, "keys.db") }
func (f folder) master() keys.Master {
	return keys.Master{File: cmp.Or(f.MasterKey, filepath.Join(f.Data, "master.key")), KMS: f.MasterKMS}
}
func (f folder) accounts() string { return filepath.Join(f.Data, "accounts.db") }
func (f folder) key() string      { return cmp.Or(f.TokenKey, filepath.Join(f.Data, "token.key")) }

// remote is a server that a command speaks to.
type remote struct {
	URL string `env:"ASPRAK_URL" default:"http://127.0.0.1:8080" help:"The running server."`
}

// storage says where the log and the read models are kept.
type storage struct {
	folder     `embed:""`
	EventStore string `name:"eventstore" env:"ASPRAK_EVENTSTORE" default:"embedded" help:"The event log: embedded (in the data folder), or an esdb:// connection string."`
	Database   string `env:"ASPRAK_DATABASE" default:"embedded" help:"The read models: embedded (in the data folder), or a postgres:// connection string."`
}

// database is what projections.Open takes.
func (s storage) database() string {
	if s.Database == "embedded" {
		return s.views()
	}
	return s.Database
}

// accountsAt is what identity.OpenAccounts takes: they stand where the read models do.
func (s storage) accountsAt() string {
	if s.Database == "" || s.Database == "embedded" {
		return s.accounts()
	}
	return s.Database
}

// keyRing is what keys.Open takes: the ring stands where the read models do.
func (s storage) keyRing() string {
	if s.Database == "" || s.Database == "embedded" {
		return s.ring()
	}
	return s.Database
}

// openKeysToRead opens the keys of the log, to look at what it holds.
func (s storage) openKeysToRead(ctx context.Context) (*keys.Ring, error) {
	return keys.OpenToRead(ctx, s.keyRing(), s.master())
}

// eventLog is a log with its queue, of either kind.
type eventLog interface {
	application.Log
	application.Queue
	Close() error
}

// openLogToRead opens the log to look at, be there a server that works with it or not.
func (s storage) openLogToRead(ctx context.Context, logger *slog.Logger) (readLog, error) {
	if s.EventStore != "embedded" {
		return s.openLog(ctx, logger)
	}
	log, err := embedded.OpenReadOnly(ctx, s.log())
	if err != nil {
		return nil, err
	}
	return log, nil
}

type readLog interface {
	application.Log
	Close() error
}

func (s storage) openLog(ctx context.Context, logger *slog.Logger) (eventLog, error) {
	if s.EventStore == "embedded" {
		log, err := embedded.Open(ctx, s.log())
		if err != nil {
			return nil, err // and not a nil *Log that is no nil eventLog
		}
		return log, nil
	}
	log, err := eventstoredb.Open(ctx, s.EventStore, eventstoredb.Options{Logger: logger})
	if err != nil {
		return nil, err
	}
	return log, nil
}

// blobStorage says where the documents are kept.
type blobStorage struct {
	Blobs string `env:"ASPRAK_BLOBS" default:"embedded" help:"The documents: embedded (in the data folder), file:///folder (shared by several processes), or s3://bucket?region=...&endpoint=... (S3-compatible storage)."`
}

func (s blobStorage) openBlobs(ctx context.Context, f folder) (application.Blobs, error) {
	if s.Blobs == "" || s.Blobs == "embedded" {
		return blobs.OpenFolder(f.documents())
	}
	return blobs.Open(ctx, s.Blobs)
}
