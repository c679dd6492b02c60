package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"asprak/application"
	"asprak/domain"
)

// call is one request on its way through a handler.
type call struct {
	*gin.Context
	actor     domain.Actor // zero on a route without roles
	scope     domain.Scope // of the actor, on this route
	extent    domain.Extent
	requestID string
	outcome   string // of a command, for the metrics
	code      string // of the problem, for metrics and log
}

func (c *call) ctx() context.Context { return c.Request.Context() }

// The same headers on every answer; shared slices, as nothing appends to them.
var safeHeaders = map[string][]string{
	"X-Content-Type-Options":       {"nosniff"},
	"Content-Security-Policy":      {"default-src 'none'; frame-ancestors 'none'"},
	"Referrer-Policy":              {"no-referrer"},
	"Cross-Origin-Resource-Policy": {"same-origin"},
	"Cache-Control":                {"no-store"},
}

// serve wraps a handler with all that every request gets: request id, headers, recovery,
// token and role, problem details, metrics and the log line.
func (a *api) serve(r route) gin.HandlerFunc {
	return func(g *gin.Context) {
		began := time.Now()
		c := &call{Context: g, requestID: callersID(g.Request.Header)}
		switch {
		case a.trace != nil && !r.public:
			ctx, id, end := a.trace(g.Request, string(r.action), c.requestID)
			c.requestID, g.Request = id, g.Request.WithContext(ctx)
			defer func() { end(c.Writer.Status()) }()
		case c.requestID == "":
			c.requestID = newRequestID()
		}
		h := g.Writer.Header()
		for name, value := range safeHeaders {
			h[name] = value
		}
		h[headerRequestID] = []string{c.requestID}
		if err := a.run(r, c); err != nil {
			a.fail(c, err)
		}
		elapsed := time.Since(began)
		a.metrics.observe(r, c, elapsed)
		a.report(r, c, elapsed)
	}
}

func (a *api) run(r route, c *call) (err error) {
	defer func() {
		p := recover()
		if p == http.ErrAbortHandler {
			panic(p)
		}
		if p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	if !r.public || r.counted {
		if address := addressOf(c.Request.RemoteAddr); address != "" {
			if err := a.addresses.take(address); err != nil { // before the token or the password, whose check costs
				return err
			}
		}
	}
	if !r.public {
		if c.actor, err = a.authenticate(c.ctx(), c.Request.Header); err != nil {
			return err
		}
		if c.scope = domain.ScopeOf(r.action, c.actor.Role); c.scope == domain.ScopeNone {
			return domain.Errorf(domain.Denied, "role_not_allowed", "This is for the role %s.", anyOf(r.roles()))
		}
		if c.actor.Role == domain.RoleApplicant {
			if err := a.callers.take(c.actor.ID); err != nil {
				return err
			}
		}
		if c.extent, err = a.service.Extent(c.ctx(), c.actor); err != nil {
			return err
		}
		if c.scope == domain.ScopeAll && !c.extent.Everything {
			return domain.AccessLimited()
		}
	}
	return r.handle(c)
}

func (a *api) authenticate(ctx context.Context, h http.Header) (domain.Actor, error) {
	values := h["Authorization"]
	if len(values) == 0 {
		return domain.Actor{}, domain.Errorf(domain.Denied, "token_missing", "Send a token: Authorization: Bearer <token>.")
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if len(values) > 1 || !strings.EqualFold(scheme, "Bearer") || token == "" {
		return domain.Actor{}, domain.Errorf(domain.Denied, "token_invalid", "Send one token: Authorization: Bearer <token>.")
	}
	actor, err := a.tokens.Verify(ctx, token)
	switch {
	case err == nil:
		return actor, nil
	case domain.ErrorCode(err) == "token_expired":
		return domain.Actor{}, domain.Errorf(domain.Denied, "token_expired", "The token has expired.")
	case domain.ErrorCode(err) == "issuer_unavailable":
		return domain.Actor{}, err
	}
	return domain.Actor{}, domain.Errorf(domain.Denied, "token_invalid", "The token is not valid here.")
}

// fail answers with the problem. An answer that has begun cannot be taken back: it is cut.
func (a *api) fail(c *call, err error) {
	if c.ctx().Err() != nil && errors.Is(err, context.Canceled) {
		c.code = "client_gone"
		c.Status(499)
		return
	}
	p := problemOf(err)
	p.Instance, p.RequestID = c.Request.URL.Path, c.requestID
	c.code = p.Code
	if p.Status >= 500 {
		a.log.Error("request failed", "request_id", c.requestID, "error", err)
	}
	if c.Writer.Written() {
		panic(http.ErrAbortHandler)
	}
	h := c.Writer.Header()
	for _, name := range []string{"ETag", "Location", "Content-Disposition", headerPosition} {
		h.Del(name)
	}
	switch p.Status {
	case http.StatusUnauthorized:
		challenge := `Bearer realm="asprak"`
		if p.Code == "token_invalid" || p.Code == "token_expired" { // RFC 6750, section 3.1
			challenge += `, error="invalid_token"`
		}
		h.Set("WWW-Authenticate", challenge)
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		h.Set("Retry-After", retryAfter(p.Code))
	}
	write(c, p.Status, "application/problem+json", p)
}

// retryAfter is in seconds. Reading what waits takes longer than what else is short.
func retryAfter(code string) string {
	switch code {
	case "documents_waiting", "own_documents_waiting":
		return "10"
	case "too_many_failures":
		return "60"
	}
	return "1"
}

// report logs a request without anything that its sender wrote except the request id.
func (a *api) report(r route, c *call, elapsed time.Duration) {
	level := slog.LevelDebug
	if status := c.Writer.Status(); status >= 400 && status != 499 {
		level = slog.LevelInfo
	}
	if !a.log.Enabled(c.ctx(), level) {
		return
	}
	a.log.LogAttrs(c.ctx(), level, "request",
		slog.String("request_id", c.requestID), slog.String("operation", string(r.action)), slog.Int("status", c.Writer.Status()),
		slog.String("code", c.code), slog.Int("bytes", c.Writer.Size()), slog.Duration("took", elapsed))
}

// json answers a query.
func (c *call) json(status int, v any) error {
	return write(c, status, "application/json", v)
}

func write(c *call, status int, contentType string, v any) error {
	buffer := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(buffer)
	buffer.Reset()
	if err := json.NewEncoder(buffer).Encode(v); err != nil {
		return err
	}
	h := c.Writer.Header()
	h["Content-Type"] = []string{contentType}
	h["Content-Length"] = []string{strconv.Itoa(buffer.Len())}
	c.Status(status)
	_, err := c.Writer.Write(buffer.Bytes())
	if err != nil {
		return context.Cause(c.ctx())
	}
	return nil
}

// command reads what every command takes: its headers, and the id in its path.
func (c *call) command() (application.Request, uuid.UUID, error) {
	request := application.Request{Actor: c.actor, CorrelationID: c.requestID}
	var err error
	if request.IdempotencyKey, err = idempotencyKey(c.Request.Header); err != nil {
		return request, uuid.Nil, err
	}
	if request.IfMatch, err = ifMatch(c.Request.Header); err != nil {
		return request, uuid.Nil, err
	}
	var id uuid.UUID
	if text, ok := c.Params.Get("id"); ok {
		id, err = identifier("id", text)
	}
	return request, id, err
}

// answered is the body of every command's answer.
type answered struct {
	ID         uuid.UUID            `json:"id"` // of the opening or application
	DocumentID *uuid.UUID           `json:"document_id,omitempty"`
	Revision   application.Revision `json:"revision"`
	Position   application.Position `json:"position"`
}

// done answers a command: with the status when it recorded something, with 200 when there
// was nothing to record, as it was satisfied already or is a repetition.
func (c *call) done(status int, location string, result application.Result, err error) error {
	return c.answer(status, location, answered{ID: result.ID}, result, err)
}

// doneDocument answers a command about a document of the application.
func (c *call) doneDocument(status int, location string, applicationID uuid.UUID, result application.Result, err error) error {
	return c.answer(status, location, answered{ID: applicationID, DocumentID: &result.ID}, result, err)
}

func (c *call) answer(status int, location string, body answered, result application.Result, err error) error {
	if err != nil {
		return err
	}
	body.Revision, body.Position = result.Revision, result.Position
	c.outcome = "recorded"
	if result.Recorded == 0 {
		status, c.outcome = http.StatusOK, "unchanged"
	}
	h := c.Writer.Header()
	h["Etag"] = []string{etag(result.Revision)}
	h[headerPosition] = []string{result.Position.String()}
	if location != "" {
		h["Location"] = []string{location}
	}
	return c.json(status, body)
}

type reasonBody struct {
	Reason string `json:"reason"`
}

// reasoned handles a command that has only a reason.
func reasoned(do func(context.Context, application.Request, uuid.UUID, string) (application.Result, error), status int) func(*call) error {
	return func(c *call) error {
		request, id, err := c.command()
		if err != nil {
			return err
		}
		var body reasonBody
		if err := c.body(&body, true); err != nil {
			return err
		}
		result, err := do(c.ctx(), request, id, body.Reason)
		return c.done(status, "", result, err)
	}
}

// sees hides an application of another applicant, or to an opening that staff do not act for.
func (a *api) sees(c *call, applicant string, opening uuid.UUID) error {
	acts, err := a.service.ActsFor(c.ctx(), c.actor, opening)
	if err != nil {
		return err
	}
	if !acts || c.scope == domain.ScopeOwn && c.actor.ID != applicant {
		return domain.ApplicationNotFound()
	}
	return nil
}

func anyOf(all []domain.Role) string { return strings.Join(names(all), " or ") }

func names(all []domain.Role) []string {
	names := make([]string, len(all))
	for i, r := range all {
		names[i] = string(r)
	}
	return names
}
