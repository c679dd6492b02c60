package eventstoredb_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/application/logtest"
	"asprak/infrastructure/eventstoredb"
	"asprak/infrastructure/eventstoredb/standin"
)

// realServer names a server that the contract is to be run against as well.
const realServer = "ASPRAK_ESDB_TEST_URL"

func serve(t testing.TB) *standin.Server {
	t.Helper()
	server, err := standin.New(standin.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	return server
}

func open(t testing.TB, connectionString string, options eventstoredb.Options) *eventstoredb.Log {
	t.Helper()
	log, err := eventstoredb.Open(t.Context(), connectionString, options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	return log
}

// servers runs a test against the stand-in, and against a real server where one is named. By
// the name OnEachServer make test finds those that were left out.
func servers(t *testing.T, test func(t *testing.T, connectionString string)) {
	require.Contains(t, t.Name(), "OnEachServer")
	t.Run("StandIn", func(t *testing.T) { test(t, serve(t).ConnectionString()) })
	t.Run("RealServer", func(t *testing.T) {
		url := os.Getenv(realServer)
		if url == "" {
			t.Skipf("not run against a real server: %s names none (esdb://user:password@host:2113?tls=true)", realServer)
		}
		test(t, url)
	})
}

func TestLog_OnEachServer_KeepsTheContract(t *testing.T) {
	servers(t, func(t *testing.T, url string) {
		log := open(t, url, eventstoredb.Options{})
		logtest.Log(t, func(*testing.T) application.Log { return log })
	})
}

func TestQueue_OnEachServer_KeepsTheContract(t *testing.T) {
	servers(t, func(t *testing.T, url string) {
		log := open(t, url, eventstoredb.Options{})
		logtest.Queue(t, func(*testing.T) (application.Log, application.Queue) { return log, log })
	})
}

func TestLog_ReopenedOnEachServer_KeepsEverything(t *testing.T) {
	servers(t, func(t *testing.T, url string) {
		var before *eventstoredb.Log
		logtest.Reopen(t, func(t *testing.T) (application.Log, application.Queue) {
			if before != nil {
				require.NoError(t, before.Close())
			}
			before = open(t, url, eventstoredb.Options{})
			return before, before
		})
	})
}
