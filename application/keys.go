package application

import (
	"context"
	"errors"
	"io"

	"github.com/google/uuid"
)

// Keys is the ring of the keys by which what is personal in events, and documents, are sealed. Each key serves
// one application, so that it can be erased for itself, and a person has one for each of theirs. Every process on one log has
// the same ring.
type Keys interface {
	// New returns a key that nobody was given before. It is kept already: what is sealed with it
	// can be opened after a crash.
	New(ctx context.Context) (Key, error)
	// Key returns the key of the id. It fails with ErrKeyDestroyed, ErrKeyUnknown or ErrKeysUnavailable.
	Key(id uuid.UUID) (Key, error)
	// Destroy ends the keys for good, also those that the ring does not hold: what they sealed
	// can never be opened again. Other processes know within a second.
	Destroy(ctx context.Context, ids ...uuid.UUID) error
}

// Key seals and opens. What was sealed about one thing does not open as about another.
type Key interface {
	ID() uuid.UUID
	Seal(plain, about []byte) ([]byte, error)
	Open(sealed, about []byte) ([]byte, error)
	// SealTo seals what is written, for OpenFrom; closing it writes the end, and leaves w open.
	SealTo(w io.Writer, about []byte) (io.WriteCloser, error)
	// OpenFrom opens while it reads. What was changed or cut off ends in an error, and nothing of the changed part is handed out.
	OpenFrom(r io.Reader, about []byte) (io.Reader, error)
}

var (
	// ErrKeyDestroyed: the key was there and is gone for good, as was meant.
	ErrKeyDestroyed = errors.New("keys: destroyed")
	// ErrKeyUnknown: the ring never had the key, so it is not the one that belongs to the log.
	ErrKeyUnknown = errors.New("keys: the ring does not belong to this log")
	// ErrKeysUnavailable: the ring cannot be reached; come back later.
	ErrKeysUnavailable = errors.New("keys: unavailable")
)

// NoKeys is for who looks at a log without the persons in it: every key is as if destroyed.
var NoKeys Keys = noKeys{}

type noKeys struct{}

func (noKeys) New(context.Context) (Key, error)            { return nil, ErrKeysUnavailable }
func (noKeys) Key(uuid.UUID) (Key, error)                  { return nil, ErrKeyDestroyed }
func (noKeys) Destroy(context.Context, ...uuid.UUID) error { return ErrKeysUnavailable }
