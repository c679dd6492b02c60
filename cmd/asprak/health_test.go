package main

import (
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"asprak/domain"
	"asprak/infrastructure/identity"
)

func TestHealth_RunningServer_SaysWhetherItIsReady(t *testing.T) {
	p := startProcess(t)
	path, err := program()
	require.NoError(t, err)
	out, err := exec.CommandContext(testContext(t), path, "health", "--url", p.base).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Empty(t, out)
}

func TestHealth_NotReady_FailsAndSaysWhy(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "/readyz", r.URL.Path)
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"ready":false,"problems":["the log cannot be read","read model audit stands still"]}`))
	}))
	at := func(url string) *healthCmd { return &healthCmd{remote{URL: url}} }
	require.EqualError(t, at(web.URL).Run(t.Context()), "not ready: the log cannot be read; read model audit stands still")
	web.Close()
	require.ErrorContains(t, at(web.URL).Run(t.Context()), "connection refused")
	stranger := httptest.NewServer(http.NotFoundHandler())
	defer stranger.Close()
	require.ErrorContains(t, at(stranger.URL).Run(t.Context()), "404")
}

func TestTokenKey_Shared_TokensCountInEveryProcess(t *testing.T) {
	key := filepath.Join(t.TempDir(), "shared.key")
	here, there := folder{Data: t.TempDir(), TokenKey: key}, folder{Data: t.TempDir(), TokenKey: key}
	var out strings.Builder
	require.NoError(t, (&tokenCmd{folder: here, Role: "admin", Subject: "dewi", TTL: time.Hour}).Run(environment{stdout: &out}))
	keys, err := identity.Open(there.key())
	require.NoError(t, err)
	actor, err := keys.Verify(strings.TrimSpace(out.String()))
	require.NoError(t, err)
	require.Equal(t, domain.Actor{ID: "dewi", Role: domain.RoleAdmin}, actor)
	require.NoFileExists(t, filepath.Join(here.Data, "token.key"))
}
