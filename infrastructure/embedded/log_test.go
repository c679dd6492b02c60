package embedded_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/application/logtest"
	"asprak/infrastructure/embedded"
)

func open(t testing.TB, path string) *embedded.Log {
	t.Helper()
	log, err := embedded.Open(t.Context(), path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	return log
}

func fresh(t testing.TB) *embedded.Log {
	return open(t, filepath.Join(t.TempDir(), "log.db"))
}

func TestLog_Contract(t *testing.T) {
	logtest.Log(t, func(t *testing.T) application.Log { return fresh(t) })
}

func TestQueue_Contract(t *testing.T) {
	logtest.Queue(t, func(t *testing.T) (application.Log, application.Queue) {
		log := fresh(t)
		return log, log
	})
}

func TestLog_Reopened_KeepsEverything(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.db")
	var before *embedded.Log
	logtest.Reopen(t, func(t *testing.T) (application.Log, application.Queue) {
		if before != nil {
			require.NoError(t, before.Close())
		}
		before = open(t, path)
		return before, before
	})
}
