package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"asprak/application"
	"asprak/domain"
)

const (
	headerRequestID      = "X-Request-Id"
	headerIdempotencyKey = "Idempotency-Key"
	headerPosition       = "Asprak-Position"
	headerLastEventID    = "Last-Event-ID"

	maxIdempotencyKey = 255
	maxRequestID      = 128

	// waitLimit bounds how long a query waits for the position that its caller has seen.
	waitLimit = 2 * time.Second
)

// callersID is the id that the caller gave the request, "" for none that is harmless in a log.
func callersID(h http.Header) string {
	id := h.Get(headerRequestID)
	if len(id) > maxRequestID {
		return ""
	}
	for i := range len(id) {
		c := id[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.:/+=@", c) >= 0) {
			return ""
		}
	}
	return id
}

// newRequestID makes ids that grow with time: every event's row is found by its request's id,
// and an index is cheapest to extend at its end.
func newRequestID() string { return uuid.Must(uuid.NewV7()).String() }

func invalidHeader(name, format string, args ...any) error {
	e := domain.Errorf(domain.Invalid, "invalid_header", format, args...)
	e.Field = name
	return e
}

func idempotencyKey(h http.Header) (string, error) {
	values := h[headerIdempotencyKey]
	if len(values) == 0 {
		return "", nil
	}
	key := values[0]
	if len(values) > 1 || key == "" || len(key) > maxIdempotencyKey {
		return "", invalidHeader(headerIdempotencyKey, "Send one key of 1 to %d characters.", maxIdempotencyKey)
	}
	for i := range len(key) {
		if key[i] <= ' ' || key[i] > '~' {
			return "", invalidHeader(headerIdempotencyKey, "A key has visible ASCII characters only.")
		}
	}
	return key, nil
}

// ifMatch reads the revision that the caller acts on. "*" asks only that the thing is
// there, which every command asks anyway; a weak tag never matches (RFC 9110, 13.1.1).
func ifMatch(h http.Header) (*application.Revision, error) {
	values := h["If-Match"]
	if len(values) == 0 || len(values) == 1 && values[0] == "*" {
		return nil, nil
	}
	tag := values[0]
	if strings.HasPrefix(tag, "W/") {
		return nil, domain.Errorf(domain.Conflict, "revision_mismatch", "A weak tag never matches; send the ETag as it was given.")
	}
	if len(values) > 1 || len(tag) < 3 || tag[0] != '"' || tag[len(tag)-1] != '"' {
		return nil, invalidHeader("If-Match", `Send one ETag as it was given, for example "4".`)
	}
	n, err := strconv.ParseInt(tag[1:len(tag)-1], 10, 64)
	if err != nil || n < 0 {
		return nil, invalidHeader("If-Match", `Send one ETag as it was given, for example "4".`)
	}
	revision := application.Revision(n)
	return &revision, nil
}

func etag(r application.Revision) string { return `"` + strconv.FormatInt(int64(r), 10) + `"` }

// await lets the read models catch up with the position that the caller has seen, for a
// bounded time.
func (a *api) await(c *call) error {
	text := c.Request.Header.Get(headerPosition)
	if text == "" {
		return nil
	}
	position, err := application.ParsePosition(text)
	if err != nil {
		return invalidHeader(headerPosition, "Send a position as it was given.")
	}
	return a.awaitPosition(c, position)
}

func (a *api) awaitPosition(c *call, position application.Position) error {
	ctx, cancel := context.WithTimeout(c.ctx(), a.waitLimit)
	defer cancel()
	err := a.views.Wait(ctx, position)
	if errors.Is(err, context.DeadlineExceeded) && c.ctx().Err() == nil {
		return domain.Errorf(domain.Unavailable, "not_caught_up", "The read models have not reached this position yet.")
	}
	return err
}
