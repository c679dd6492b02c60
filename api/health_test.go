package api

import (
	"context"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"asprak/application"
)

func TestReadiness_TellsLagAndWhyNot(t *testing.T) {
	now := Readiness{Head: application.Position{Commit: 17, Prepare: 17}, Seen: application.Position{Commit: 12, Prepare: 12}}
	a, err := newAPI(Options{Ready: func(context.Context) Readiness { return now }})
	require.NoError(t, err)
	ask := func() *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		a.engine().ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
		return w
	}
	w := ask()
	require.Equal(t, 200, w.Code)
	require.JSONEq(t, `{"ready":true,"head":"17","seen":"12","lag":5,"problems":[]}`, w.Body.String())

	now.Problems = []string{"The read model audit stands still."}
	w = ask()
	require.Equal(t, 503, w.Code)
	require.Equal(t, "1", w.Header().Get("Retry-After"))
	require.JSONEq(t, `{"ready":false,"head":"17","seen":"12","lag":5,"problems":["The read model audit stands still."]}`, w.Body.String())

	now = Readiness{Head: application.Position{Commit: 17}, Seen: application.Position{Commit: 18}}
	require.JSONEq(t, `{"ready":true,"head":"17-0","seen":"18-0","lag":0,"problems":[]}`, ask().Body.String(), "the head was asked for a moment earlier")
}

func TestProbes_ServeNothingElse(t *testing.T) {
	probes, err := NewProbes(Options{})
	require.NoError(t, err)
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/metrics": 200, "/v1/openings": 404, "/v1/events": 404, "/docs": 404} {
		w := httptest.NewRecorder()
		probes.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		require.Equal(t, want, w.Code, path)
	}
}
