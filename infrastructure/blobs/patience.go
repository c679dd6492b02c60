package blobs

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/minio/minio-go/v7"
)

// patience bounds what is asked of a server.
type patience struct {
	answer time.Duration // until the answer to one request begins
	tries  int           // requests in all before the storage counts as unavailable
	pause  time.Duration // before the second try; twice as long before each further one
}

var defaultPatience = patience{answer: 10 * time.Second, tries: 3, pause: 200 * time.Millisecond}

// slowest is the least that a transfer has to make, in bytes a second.
const slowest = 256 << 10

var errSlow = errors.New("the storage does not answer in time")

// transport gives up on a server that cannot be connected to or says nothing.
func (p patience) transport(secure bool) (http.RoundTripper, error) {
	transport, err := minio.DefaultTransport(secure)
	if err != nil {
		return nil, err
	}
	transport.DialContext = (&net.Dialer{Timeout: p.answer / 2, KeepAlive: 15 * time.Second}).DialContext
	transport.TLSHandshakeTimeout = p.answer / 2
	transport.ResponseHeaderTimeout = p.answer
	return transport, nil
}

// persist calls f until it succeeds, the server has given an answer that trying again will
// not change, or the tries are used up. Each call has the time for one answer and for so
// many bytes; f may expect more bytes once it knows of them.
func (p patience) persist(ctx context.Context, size int64, f func(ctx context.Context, expect func(size int64)) error) error {
	pause := p.pause
	for try := 1; ; try++ {
		err := p.once(ctx, size, f)
		if err == nil || ctx.Err() != nil || final(err) {
			return err
		}
		if try == p.tries {
			return fmt.Errorf("after %d tries: %w", try, err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
		pause *= 2
	}
}

func (p patience) once(ctx context.Context, size int64, f func(context.Context, func(int64)) error) error {
	bounded, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	late := time.AfterFunc(p.forBytes(size), func() { cancel(errSlow) })
	defer late.Stop()
	err := f(bounded, func(size int64) { late.Reset(p.forBytes(size)) })
	if err != nil && errors.Is(context.Cause(bounded), errSlow) {
		return errSlow
	}
	return err
}

func (p patience) forBytes(size int64) time.Duration {
	return p.answer + time.Duration(size/slowest)*time.Second
}

// final tells an answer that stays the same from a passing fault.
func final(err error) bool {
	var answer minio.ErrorResponse
	if !errors.As(err, &answer) {
		return false
	}
	switch answer.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return false
	}
	return answer.StatusCode >= 400 && answer.StatusCode < 500
}
