package projections

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

// Places makes fresh, empty databases of each kind, for the tests outside of the package.
var Places = map[string]func(testing.TB) string{"sqlite": sqlitePlace, "postgres": postgresPlace}

// Dump is everything that the models hold.
func Dump(t testing.TB, s *Store) map[string][][]any { return dump(t, s) }

// Terminate ends all sessions at the place and says how many there were.
func Terminate(t testing.TB, place string) (ended int) {
	u, err := url.Parse(place)
	require.NoError(t, err)
	require.NoError(t, theServer.Server(t).Admin().Get(&ended, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = $1`, u.Query().Get("application_name")))
	return ended
}

// Crash lets the server lose what it has not written, and begin again.
func Crash(t testing.TB) { require.NoError(t, theServer.Server(t).Crash()) }

// Listening tells whether the store's process hears notices.
func Listening(t testing.TB, s *Store) bool {
	var n int
	require.NoError(t, theServer.Server(t).Admin().Get(&n, `SELECT count(*) FROM pg_stat_activity WHERE query = $1`, `LISTEN "`+s.server.channel+`"`))
	return n > 0
}

// Deafen lets the store listen where nobody speaks.
func Deafen(s *Store) { s.server.channel += "_elsewhere" }

// OnServer tells whether the place is a server's.
func OnServer(place string) bool { return isServer(place) }
