package domain

import (
	"errors"
	"fmt"
)

// ErrorKind says which way a request failed. There is one kind per way of failing, so that
// a caller can tell "mend your input" from "someone was first" from "come back later".
type ErrorKind string

const (
	Invalid     ErrorKind = "invalid"     // the input itself is wrong
	RuleBroken  ErrorKind = "rule_broken" // the input is fine, the state forbids it
	NotFound    ErrorKind = "not_found"   // there is none, or the caller may not know of it
	Denied      ErrorKind = "denied"      // the caller is known and may not
	Conflict    ErrorKind = "conflict"    // someone was first: stale If-Match, reused Idempotency-Key, lost race
	TooLarge    ErrorKind = "too_large"
	Unsupported ErrorKind = "unsupported" // a kind of content that is not taken
	Unavailable ErrorKind = "unavailable" // come back later
)

// Error is the one error type that crosses rooms. Code is stable and part of the API;
// Message is a sentence for a person. Any other error is internal and never shown.
type Error struct {
	Kind    ErrorKind
	Code    string
	Message string
	Field   string // JSON path of the input that is wrong, when one is
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Errorf makes an Error.
func Errorf(kind ErrorKind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Message: fmt.Sprintf(format, args...)}
}

// InvalidField makes an Invalid error that names the input's field.
func InvalidField(field, format string, args ...any) *Error {
	return &Error{Kind: Invalid, Code: "invalid_field", Message: fmt.Sprintf(format, args...), Field: field}
}

// ErrorCode returns the code of the Error inside err, "" when there is none.
func ErrorCode(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
