package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"asprak/domain"
)

// served runs one handler behind all that every request gets.
func served(t *testing.T, handle func(*call) error) (*httptest.ResponseRecorder, string, *prometheus.Registry) {
	t.Helper()
	var log bytes.Buffer
	registry := prometheus.NewRegistry()
	a, err := newAPI(Options{Metrics: registry, Logger: slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	require.NoError(t, err)
	e := a.engine()
	e.POST("/try/:name", a.serve(route{method: "POST", action: "try", public: true, handle: handle}))
	w := httptest.NewRecorder()
	request := httptest.NewRequest("POST", "/try/siti?nim=12345", nil)
	request.Header.Set("X-Request-Id", "trace-1")
	e.ServeHTTP(w, request)
	return w, log.String(), registry
}

func TestServe_InternalError_IsLoggedAndNotShown(t *testing.T) {
	for name, handle := range map[string]func(*call) error{
		"error": func(*call) error { return errors.New("disk /var/secret is full") },
		"panic": func(*call) error { panic("disk /var/secret is full") },
		"error behind headers": func(c *call) error {
			c.Header("ETag", `"1"`)
			return errors.New("disk /var/secret is full")
		},
		"encoding": func(c *call) error { return c.json(200, func() {}) },
	} {
		t.Run(name, func(t *testing.T) {
			w, log, _ := served(t, handle)
			require.Equal(t, http.StatusInternalServerError, w.Code)
			require.NotContains(t, w.Body.String(), "secret")
			require.Empty(t, w.Header().Get("ETag"))
			var p problem
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p))
			require.Equal(t, "internal", p.Code)
			require.Equal(t, "trace-1", p.RequestID)
			require.Contains(t, log, `"request_id":"trace-1"`)
			if name != "encoding" {
				require.Contains(t, log, "/var/secret")
			}
		})
	}
}

func TestServe_Log_HasNothingOfThePerson(t *testing.T) {
	_, log, _ := served(t, func(*call) error { return domain.Errorf(domain.RuleBroken, "no_seat_left", "None for Siti.") })
	require.Contains(t, log, `"code":"no_seat_left"`)
	require.NotContains(t, log, "siti")
	require.NotContains(t, log, "Siti")
	require.NotContains(t, log, "12345")
}

func TestServe_AnswerThatBroke_IsCut(t *testing.T) {
	require.PanicsWithValue(t, http.ErrAbortHandler, func() {
		served(t, func(c *call) error {
			c.Status(200)
			fmt.Fprint(c.Writer, "half an ans")
			return errors.New("the other half is lost")
		})
	})
}

func TestServe_CallerGone_IsNoFault(t *testing.T) {
	w, log, _ := served(t, func(c *call) error {
		ctx, cancel := context.WithCancel(c.ctx())
		cancel()
		c.Request = c.Request.WithContext(ctx)
		return ctx.Err()
	})
	require.Zero(t, w.Body.Len())
	require.NotContains(t, log, `"ERROR"`)
}

type refusal struct{ err error }

func (r refusal) Verify(context.Context, string) (domain.Actor, error) { return domain.Actor{}, r.err }

func TestServe_RefusedToken_IsToldOnlyWhenExpired(t *testing.T) {
	for code, err := range map[string]error{
		"token_expired": domain.Errorf(domain.Denied, "token_expired", "Over."),
		"token_invalid": errors.New("signature of key 7 does not fit"),
	} {
		a, broken := newAPI(Options{Tokens: refusal{err}})
		require.NoError(t, broken)
		w, request := httptest.NewRecorder(), httptest.NewRequest("GET", "/v1/openings", nil)
		request.Header.Set("Authorization", "Bearer x")
		a.engine().ServeHTTP(w, request)
		require.Equal(t, http.StatusUnauthorized, w.Code)
		require.Contains(t, w.Body.String(), `"code":"`+code+`"`)
		require.NotContains(t, w.Body.String(), "key 7")
		require.Equal(t, `Bearer realm="asprak", error="invalid_token"`, w.Header().Get("WWW-Authenticate"))
	}
}

func TestProblemOf_EveryKind_HasItsStatus(t *testing.T) {
	for kind, want := range map[domain.ErrorKind]int{
		domain.Invalid: 400, domain.RuleBroken: 409, domain.NotFound: 404, domain.Denied: 403, domain.Conflict: 409,
		domain.TooLarge: 413, domain.Unsupported: 415, domain.Unavailable: 503, "new_kind": 500,
	} {
		p := problemOf(fmt.Errorf("wrapped: %w", domain.Errorf(kind, "some_code", "A sentence.")))
		require.Equal(t, want, p.Status, kind)
		require.Equal(t, "some_code", p.Code)
		require.NotEmpty(t, p.Title)
	}
	require.Equal(t, 412, problemOf(domain.Errorf(domain.Conflict, "revision_mismatch", "")).Status)
	require.Equal(t, 422, problemOf(domain.Errorf(domain.Conflict, "idempotency_key_reused", "")).Status)
	require.Equal(t, 503, problemOf(fmt.Errorf("slow: %w", context.DeadlineExceeded)).Status)
}

func TestServer_HasABoundOnEverything(t *testing.T) {
	s := NewServer("127.0.0.1:0", http.NotFoundHandler())
	for _, bound := range []int64{int64(s.ReadHeaderTimeout), int64(s.ReadTimeout), int64(s.WriteTimeout), int64(s.IdleTimeout), int64(s.MaxHeaderBytes)} {
		require.Positive(t, bound)
	}
}
