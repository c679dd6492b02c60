package application

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/google/uuid"

	"asprak/domain"
)

// headSize is how much of a document tells its type.
const headSize = 512

// kept names a document's bytes as they came in, and the blob that has them.
type kept struct {
	SHA256 string // lower-case hex, of the bytes as they came in
	Size   int64  // of the same, in bytes
	Head   []byte // the first of them
	Blob   string // name of the sealed bytes; "" where they lie there as they are
}

// errTooLarge: more bytes came in than one document may have.
var errTooLarge = errors.New("application: the document is too large")

// keep stores what comes in, sealed with the key where there is one: the same bytes are then another blob each
// time. It fails with errTooLarge, as reading r does or as Blobs.Put does; nothing is kept then.
func (s *Service) keep(ctx context.Context, r io.Reader, key Key, application uuid.UUID) (kept, error) {
	plain := &measured{r: r, limit: s.limit, sum: sha256.New()}
	if key == nil {
		_, err := s.blobs.Put(ctx, plain)
		return plain.kept(""), err
	}
	out, in := io.Pipe()
	sealing := make(chan struct{})
	go func() {
		defer close(sealing)
		in.CloseWithError(sealContent(in, plain, key, application))
	}()
	blob, err := s.blobs.Put(ctx, out)
	// The sender is not read from any more when this returns.
	out.CloseWithError(io.ErrClosedPipe)
	<-sealing
	return plain.kept(blob.SHA256), err
}

func sealContent(w io.Writer, plain io.Reader, key Key, application uuid.UUID) error {
	sealed, err := key.SealTo(w, aboutDocuments(application))
	if err != nil {
		return err
	}
	if _, err := io.Copy(sealed, plain); err != nil {
		return err
	}
	return sealed.Close()
}

// drop removes the blob of a document that was not recorded. One that stays by mistake is sealed, and of no use to
// anybody once its application is erased.
func (s *Service) drop(ctx context.Context, k kept) {
	if k.Blob == "" { // others may have the same bytes
		return
	}
	if err := s.blobs.Delete(context.WithoutCancel(ctx), k.Blob); err != nil {
		s.logger.WarnContext(ctx, "the bytes of an upload that was not recorded stay", "blob", k.Blob, "error", err)
	}
}

// measured tells of the bytes that are read through it, and refuses more than the limit.
type measured struct {
	r     io.Reader
	limit int64
	sum   hash.Hash
	size  int64
	head  []byte
}

func (m *measured) Read(b []byte) (int, error) {
	n, err := m.r.Read(b)
	m.sum.Write(b[:n])
	m.size += int64(n)
	if room := headSize - len(m.head); room > 0 {
		m.head = append(m.head, b[:min(room, n)]...)
	}
	if m.size > m.limit {
		return n, errTooLarge
	}
	return n, err
}

func (m *measured) kept(blob string) kept {
	return kept{SHA256: hex.EncodeToString(m.sum.Sum(nil)), Size: m.size, Head: m.head, Blob: blob}
}

// aboutDocuments is what the documents of an application are sealed about: those of one do not open as another's.
func aboutDocuments(application uuid.UUID) []byte {
	return append([]byte("documents "), application[:]...)
}

// content opens the bytes of a document as they came in. It fails as Blobs.Open does, with ErrKeysUnavailable, and of
// an erased application as if there were none; reading fails with ErrBlobDamaged where the sealed bytes were changed.
func (s *Service) content(ctx context.Context, at loaded[domain.Application], d domain.SubmittedDocument) (io.ReadCloser, error) {
	if at.State.Erased {
		return nil, domain.Errorf(domain.NotFound, "document_erased", "The document is erased.")
	}
	if d.Blob == "" {
		return s.blobs.Open(ctx, d.SHA256)
	}
	key, err := s.sealedWith(at.Entries)
	if err != nil {
		return nil, err
	}
	blob, err := s.blobs.Open(ctx, d.Blob)
	if err != nil {
		return nil, err
	}
	plain, err := key.OpenFrom(blob, aboutDocuments(at.State.ID))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrBlobDamaged, err), blob.Close())
	}
	return &opened{plain, blob}, nil
}

// bytesOf is content in one piece.
func (s *Service) bytesOf(ctx context.Context, at loaded[domain.Application], d domain.SubmittedDocument) ([]byte, error) {
	content, err := s.content(ctx, at, d)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	return io.ReadAll(content)
}

// sealedWith is the key of the application with the entries.
func (s *Service) sealedWith(entries []Entry) (Key, error) {
	if s.keys == nil {
		return nil, ErrKeyUnknown
	}
	return s.keys.Key(keyOf(entries))
}

// opened reads what is sealed in a blob.
type opened struct {
	plain io.Reader
	blob  io.ReadCloser
}

func (o *opened) Read(b []byte) (int, error) {
	n, err := o.plain.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w: %w", ErrBlobDamaged, err)
	}
	return n, err
}

func (o *opened) Close() error { return o.blob.Close() }
