package api

import (
	"context"
	"errors"
	"net/http"

	"asprak/domain"
)

// problem is the body of every answer that is not a success (RFC 9457).
type problem struct {
	Type      string `json:"type"` // the entry of the readable contract that explains the code
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	Instance  string `json:"instance"` // the path that was asked for
	Code      string `json:"code"`
	Field     string `json:"field,omitempty"`
	RequestID string `json:"request_id"`
}

// statusOfKind and statusOfCode are the one place where errors become HTTP.
var statusOfKind = map[domain.ErrorKind]int{
	domain.Invalid:     http.StatusBadRequest,
	domain.RuleBroken:  http.StatusConflict,
	domain.NotFound:    http.StatusNotFound,
	domain.Denied:      http.StatusForbidden,
	domain.Conflict:    http.StatusConflict,
	domain.TooLarge:    http.StatusRequestEntityTooLarge,
	domain.Unsupported: http.StatusUnsupportedMediaType,
	domain.Unavailable: http.StatusServiceUnavailable,
}

// Codes for which HTTP has a status of its own: RFC 9110, section 15.5.13, for a failed
// If-Match; the Idempotency-Key draft, section 2.7, for a reused key; RFC 9110, section
// 15.5.2, for a token or a password that does not count; RFC 6585, section 4, for too many requests.
var statusOfCode = map[string]int{
	"revision_mismatch":      http.StatusPreconditionFailed,
	"idempotency_key_reused": http.StatusUnprocessableEntity,
	"token_missing":          http.StatusUnauthorized,
	"token_invalid":          http.StatusUnauthorized,
	"token_expired":          http.StatusUnauthorized,
	"credentials_invalid":    http.StatusUnauthorized,
	"refresh_invalid":        http.StatusUnauthorized,
	"method_not_allowed":     http.StatusMethodNotAllowed,
	"too_many_requests":      http.StatusTooManyRequests,
	"too_many_failures":      http.StatusTooManyRequests,
}

var titles = map[int]string{
	http.StatusBadRequest:            "The request is wrong",
	http.StatusUnauthorized:          "No valid token or password",
	http.StatusForbidden:             "Not allowed",
	http.StatusNotFound:              "Not found",
	http.StatusMethodNotAllowed:      "Method not allowed",
	http.StatusConflict:              "In conflict with the present state",
	http.StatusPreconditionFailed:    "Changed in the meantime",
	http.StatusRequestEntityTooLarge: "Too large",
	http.StatusUnsupportedMediaType:  "Kind of content not taken",
	http.StatusUnprocessableEntity:   "Key used for another request",
	http.StatusTooManyRequests:       "Too many requests",
	http.StatusServiceUnavailable:    "Come back later",
	http.StatusInternalServerError:   "Internal error",
}

// problemOf turns an error into what the caller may know of it. Only a *domain.Error
// explains itself; everything else is internal.
func problemOf(err error) problem {
	var e *domain.Error
	switch {
	case errors.As(err, &e):
	case errors.Is(err, context.DeadlineExceeded):
		e = domain.Errorf(domain.Unavailable, "timeout", "This took too long; try again.")
	default:
		return problem{
			Type: typeOf("internal"), Title: titles[http.StatusInternalServerError], Status: http.StatusInternalServerError,
			Detail: "Something went wrong here. The request id finds it in the log.", Code: "internal",
		}
	}
	status, ok := statusOfCode[e.Code]
	if !ok {
		status, ok = statusOfKind[e.Kind]
	}
	if !ok {
		status = http.StatusInternalServerError
	}
	return problem{
		Type: typeOf(e.Code), Title: titles[status], Status: status,
		Detail: e.Message, Code: e.Code, Field: e.Field,
	}
}

func typeOf(code string) string { return "/docs#" + code }
