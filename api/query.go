package api

import (
	"net/url"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"asprak/application"
	"asprak/domain"
)

const (
	defaultLimit = 20
	maxLimit     = 100
	maxParameter = 512 // bytes
)

// parameters are the query parameters of a request, each once and each known.
type parameters struct{ values url.Values }

// parameters refuses what the operation does not name: a misspelt filter would otherwise
// answer with everything.
func (c *call) parameters(known ...string) (parameters, error) {
	values, err := url.ParseQuery(c.Request.URL.RawQuery)
	if err != nil {
		return parameters{}, domain.Errorf(domain.Invalid, "invalid_query", "The query string is malformed.")
	}
	for name, vs := range values {
		switch {
		case !slices.Contains(known, name):
			return parameters{}, parameterError("unknown_parameter", name, "There is no such query parameter.")
		case len(vs) > 1:
			return parameters{}, parameterError("invalid_parameter", name, "Send this once.")
		case len(vs[0]) > maxParameter || !utf8.ValidString(vs[0]):
			return parameters{}, parameterError("invalid_parameter", name, "Send at most 512 bytes of UTF-8.")
		}
	}
	return parameters{values}, nil
}

func parameterError(code, name, message string) error {
	return &domain.Error{Kind: domain.Invalid, Code: code, Message: message, Field: name}
}

func (p parameters) text(name string) string { return p.values.Get(name) }

func (p parameters) limit() (int, error) {
	text := p.text("limit")
	if text == "" {
		return defaultLimit, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxLimit {
		return 0, parameterError("invalid_parameter", "limit", "The limit is 1 to 100.")
	}
	return n, nil
}

// id returns the UUID in its canonical spelling, "" when there is none.
func (p parameters) id(name string) (string, error) {
	if p.text(name) == "" {
		return "", nil
	}
	id, err := identifier(name, p.text(name))
	if err != nil {
		return "", parameterError("invalid_parameter", name, "This must be a UUID.")
	}
	return id.String(), nil
}

func (p parameters) choice(name string, choices ...string) (string, error) {
	text := p.text(name)
	if text != "" && !slices.Contains(choices, text) {
		return "", parameterError("invalid_parameter", name, "There is no such value.")
	}
	return text, nil
}

// time returns nil when there is none.
func (p parameters) time(name string) (*time.Time, error) {
	if p.text(name) == "" {
		return nil, nil
	}
	t, err := instant(name, p.text(name))
	if err != nil {
		return nil, parameterError("invalid_parameter", name, "This must be a time like 2026-08-01T09:00:00Z (RFC 3339).")
	}
	return &t, nil
}

// day returns nil when there is none.
func (p parameters) day(name string) (*time.Time, error) {
	if p.text(name) == "" {
		return nil, nil
	}
	t, err := time.Parse(time.DateOnly, p.text(name))
	if err != nil {
		return nil, parameterError("invalid_parameter", name, "This must be a day like 2026-08-01.")
	}
	return &t, nil
}

// until reads at and revision, of which only one may be given.
func (p parameters) until() (application.Until, error) {
	at, err := p.time("at")
	if err != nil {
		return application.Until{}, err
	}
	until := application.Until{At: at}
	if text := p.text("revision"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			return until, parameterError("invalid_parameter", "revision", "A revision is a number from 0.")
		}
		if at != nil {
			return until, parameterError("invalid_parameter", "revision", "Send either at or revision.")
		}
		revision := application.Revision(n)
		until.Revision = &revision
	}
	return until, nil
}
