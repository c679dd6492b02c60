package blobs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"asprak/application"
)

// takeIn copies r into w, hashing on the way. Only a failure of w is the
// storage's: what breaks off at the sender's end, or with ctx, is returned as it is.
func takeIn(ctx context.Context, w io.Writer, r io.Reader) (application.Blob, error) {
	source := &source{ctx: ctx, r: r}
	sum := sha256.New()
	size, err := io.Copy(io.MultiWriter(w, sum), source)
	switch {
	case source.err != nil:
		return application.Blob{}, fmt.Errorf("blobs: %w", source.err)
	case err != nil:
		return application.Blob{}, unavailable(err)
	}
	return application.Blob{SHA256: hex.EncodeToString(sum.Sum(nil)), Size: size}, nil
}

func unavailable(err error) error {
	return fmt.Errorf("%w: %w", application.ErrBlobsUnavailable, err)
}

// key is ab/cdef..., the same in a folder and in a bucket, so that one can be copied into the other.
func key(sum string) string { return sum[:2] + "/" + sum[2:] }

// isSum tells a hash from all else: nothing else becomes part of a path.
func isSum(sum string) bool {
	return len(sum) == 2*sha256.Size && strings.Trim(sum, "0123456789abcdef") == ""
}

// source stops reading when the request has ended, and remembers why it failed.
type source struct {
	ctx context.Context
	r   io.Reader
	err error
}

func (s *source) Read(b []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		s.err = err
		return 0, err
	}
	n, err := s.r.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}
