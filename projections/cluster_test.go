package projections

import (
	"os"
	"testing"

	"asprak/projections/postgrestest"
)

var theServer postgrestest.Shared

func TestMain(m *testing.M) {
	code := m.Run()
	theServer.Stop()
	os.Exit(code)
}

// postgresPlace is the URL of a schema of its own.
func postgresPlace(t testing.TB) string { return theServer.Server(t).Schema(t) }
