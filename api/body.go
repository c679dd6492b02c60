package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"asprak/domain"
	"asprak/domain/transcript"
)

// maxBody bounds a JSON body, in bytes.
const maxBody = 64 << 10

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// body decodes the JSON body into v, a pointer to a struct. What v does not name is
// refused. The commands that have only a reason may come without a body.
func (c *call) body(v any, optional bool) error {
	buffer := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(buffer)
	buffer.Reset()
	if _, err := buffer.ReadFrom(http.MaxBytesReader(c.Writer, c.Request.Body, maxBody)); err != nil {
		return bodyError(err)
	}
	if optional && buffer.Len() == 0 {
		return nil
	}
	if !isJSON(c.Request.Header.Get("Content-Type")) {
		return domain.Errorf(domain.Unsupported, "json_needed", "Send the body as application/json in UTF-8.")
	}
	if !utf8.Valid(buffer.Bytes()) {
		return domain.Errorf(domain.Invalid, "invalid_utf8", "The body is not valid UTF-8.")
	}
	if b := bytes.TrimLeft(buffer.Bytes(), " \t\r\n"); len(b) > 0 && b[0] != '{' && json.Valid(b) {
		return domain.Errorf(domain.Invalid, "wrong_type", "The body must be a JSON object.")
	}
	decoder := json.NewDecoder(buffer)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(v); err != nil {
		return bodyError(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return domain.Errorf(domain.Invalid, "invalid_json", "There is something behind the JSON object.")
	}
	return nil
}

func isJSON(contentType string) bool {
	if contentType == "application/json" {
		return true
	}
	media, params, err := mime.ParseMediaType(contentType)
	charset := params["charset"]
	return err == nil && media == "application/json" && (charset == "" || strings.EqualFold(charset, "utf-8"))
}

// bodyError says what was wrong with a body, as far as its sender can mend it.
func bodyError(err error) error {
	var tooLarge *http.MaxBytesError
	var wrongType *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &tooLarge):
		return domain.Errorf(domain.TooLarge, "body_too_large", "The body may have %d bytes.", tooLarge.Limit)
	case errors.As(err, &wrongType):
		e := domain.Errorf(domain.Invalid, "wrong_type", "This must be %s.", jsonName(wrongType.Type.Kind()))
		e.Field = wrongType.Field
		return e
	case errors.As(err, &syntax):
		return domain.Errorf(domain.Invalid, "invalid_json", "The body is not JSON: see byte %d.", syntax.Offset)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return domain.Errorf(domain.Invalid, "invalid_json", "The body ends too early.")
	}
	// encoding/json has no type for this error.
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		e := domain.Errorf(domain.Invalid, "unknown_field", "There is no such field.")
		e.Field = strings.Trim(name, `"`)
		return e
	}
	return domain.Errorf(domain.Invalid, "unreadable_body", "The body could not be read.")
}

// jsonName is what JSON calls a kind of Go.
func jsonName(kind reflect.Kind) string {
	switch kind {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "an array"
	case reflect.Struct:
		return "an object"
	}
	return "a whole number"
}

// number holds a JSON number as it was written, so that it is parsed exactly and a wrong
// one can be named.
type number string

func (n *number) UnmarshalJSON(b []byte) error {
	*n = number(b)
	return nil
}

func (n number) decimal(field string) (*transcript.Decimal, error) {
	if n == "" || n == "null" {
		return nil, nil
	}
	if n[0] != '-' && (n[0] < '0' || n[0] > '9') {
		e := domain.Errorf(domain.Invalid, "wrong_type", "This must be a number.")
		e.Field = field
		return nil, e
	}
	d, err := transcript.ParseDecimal(string(n))
	if err != nil {
		return nil, domain.InvalidField(field, "This must be a plain number with at most four digits behind the point.")
	}
	return &d, nil
}

// instant reads an RFC 3339 time; "" is the zero time.
func instant(field, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if t = t.UTC(); err != nil || t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, domain.InvalidField(field, "This must be a time like 2026-08-01T09:00:00Z (RFC 3339).")
	}
	return t, nil
}

// identifier reads a UUID in its usual form only.
func identifier(field, text string) (uuid.UUID, error) {
	id, err := uuid.Parse(text)
	if err != nil || len(text) != 36 {
		return uuid.UUID{}, domain.InvalidField(field, "This must be a UUID.")
	}
	return id, nil
}
