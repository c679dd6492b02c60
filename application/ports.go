package application

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/google/uuid"

	"asprak/domain"
	"asprak/domain/transcript"
	"asprak/domain/verification"
)

// Blobs keeps bytes under their hash. Stored bytes are never overwritten.
type Blobs interface {
	// Put streams r to durable storage, hashing on the way. When the storage fails it is
	// ErrBlobsUnavailable, when r does r's error; nothing is kept then.
	Put(ctx context.Context, r io.Reader) (Blob, error)
	// Open returns the bytes; ErrBlobMissing when there are none under the hash,
	// ErrBlobsUnavailable when the storage fails.
	Open(ctx context.Context, sha256 string) (io.ReadCloser, error)
	// Delete removes the bytes; none under the hash is no error. It fails with ErrBlobsUnavailable.
	Delete(ctx context.Context, sha256 string) error
}

// Blob names stored bytes.
type Blob struct {
	SHA256 string // lower-case hex
	Size   int64  // bytes
}

var (
	ErrBlobMissing      = errors.New("blobs: no such blob")
	ErrBlobDamaged      = errors.New("blobs: these are not the bytes that were kept")
	ErrBlobsUnavailable = errors.New("blobs: storage unavailable") // come back later
)

// Reader reads a document: bytes in, reading out. A document that is at fault (empty,
// encrypted, too many pages, ...) is a Reading with a Problem; an error means that the
// reader failed and may succeed another time.
type Reader interface {
	Read(ctx context.Context, document Document) (transcript.Reading, error)
	// Versions names the engine and layout rules that Read uses.
	Versions() domain.Versions
}

// Document is what a Reader reads.
type Document struct {
	Name    string // as uploaded; only its extension is used, to notice a false claim
	Content []byte
}

// ReaderError is a fault of the reader, not of the document.
type ReaderError struct {
	Code string // "timeout", "crashed", "out_of_memory", "unavailable"
	Err  error
}

func (e *ReaderError) Error() string { return "reader: " + e.Code + ": " + e.Err.Error() }
func (e *ReaderError) Unwrap() error { return e.Err }

// Archive answers what the reaction asks of the documents seen so far. Both calls first wait
// (bounded by ctx) until everything up to the position has been taken in, so that of two documents the
// later one in the log sees the earlier one, always.
type Archive interface {
	// Duplicates finds documents of other student numbers, recorded before the position,
	// that have the same bytes or the same course rows (RowsKey; "" matches nothing).
	Duplicates(ctx context.Context, before Position, sha256, rowsKey, nim string) ([]verification.Duplicate, error)
	// Reading returns an earlier reading of the same bytes by the same engine and layout
	// versions, nil when there is none.
	Reading(ctx context.Context, before Position, sha256 string, versions domain.Versions) (*transcript.Reading, error)
}

// Register answers what is held of whom. Each call first waits (bounded by ctx) until everything up to the
// position has been taken in.
type Register interface {
	// ApplicationsOf are those of the applicant, also erased ones.
	ApplicationsOf(ctx context.Context, until Position, applicant string) ([]uuid.UUID, error)
	// ApplicationsTo are those to the opening that are not erased.
	ApplicationsTo(ctx context.Context, until Position, opening uuid.UUID) ([]uuid.UUID, error)
	// Retained are the openings with a retention that ends.
	Retained(ctx context.Context, until Position) ([]uuid.UUID, error)
	// Shared tells whether other applications than this one have a document with these bytes.
	Shared(ctx context.Context, until Position, sha256 string, application uuid.UUID) (bool, error)
}

// Backlog tells of the documents that wait for the machine, as far as the log was taken in:
// those that came a moment ago may not be counted yet.
type Backlog interface {
	// Unread counts them; oldest is since when the first of them waits, zero for none.
	Unread(ctx context.Context) (documents int, oldest time.Time, err error)
	// UnreadOf counts those of the applicant.
	UnreadOf(ctx context.Context, applicant string) (documents int, err error)
}
