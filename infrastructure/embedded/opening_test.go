package embedded_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/infrastructure/embedded"
)

func TestOpen_FreshOrEmptyFile_MakesALog(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "a", "b %20?#ü", "log.db")
	empty := filepath.Join(t.TempDir(), "log.db")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	for _, path := range []string{missing, empty} {
		log := open(t, path)
		head, err := log.Head(t.Context())
		require.NoError(t, err)
		require.Zero(t, head)
		require.FileExists(t, path)
	}
}

func TestOpen_NotALog_SaysWhatItIs(t *testing.T) {
	change := func(statement string) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			require.NoError(t, open(t, path).Close())
			db, err := sql.Open("sqlite3", path)
			require.NoError(t, err)
			_, err = db.Exec(statement)
			require.NoError(t, err)
			require.NoError(t, db.Close())
		}
	}
	for says, prepare := range map[string]func(*testing.T, string){
		"is not an event log": func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("not a database", 100)), 0o600))
		},
		"of another program": change("PRAGMA application_id = 1"),
		"newer release":      change("PRAGMA user_version = 99"),
		"is not a file":      func(t *testing.T, path string) { require.NoError(t, os.Mkdir(path, 0o700)) },
		"not a directory":    nil,
	} {
		t.Run(says, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "log.db")
			if prepare != nil {
				prepare(t, path)
			} else {
				require.NoError(t, os.WriteFile(path, nil, 0o600))
				path = filepath.Join(path, "log.db")
			}
			_, err := embedded.Open(t.Context(), path)
			require.ErrorContains(t, err, says)
			require.ErrorContains(t, err, path)
		})
	}
}

func TestOpen_ForeignDatabase_IsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.db")
	db, err := sql.Open("sqlite3", path)
	require.NoError(t, err)
	_, err = db.Exec("CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)")
	require.NoError(t, err)
	_, err = embedded.Open(t.Context(), path)
	require.ErrorContains(t, err, "another program")
	var mode string
	require.NoError(t, db.QueryRow("PRAGMA journal_mode").Scan(&mode))
	require.Equal(t, "delete", mode)
	var tables int
	require.NoError(t, db.QueryRow("SELECT count(*) FROM sqlite_master").Scan(&tables))
	require.Equal(t, 1, tables)
	require.NoError(t, db.Close())
}

func TestFollow_PositionOfAnotherLog_Fails(t *testing.T) {
	_, err := fresh(t).Follow(t.Context(), application.Position{Commit: 9, Prepare: 9})
	require.ErrorContains(t, err, "behind the end of the log")
}

func TestAppend_IDOfAnotherEvent_IsRefusedWithoutItsMates(t *testing.T) {
	log := fresh(t)
	event := func() application.NewRecord { return application.NewRecord{ID: uuid.New(), Type: "A"} }
	taken := event()
	_, err := log.Append(t.Context(), "a", application.NoStream, []application.NewRecord{taken})
	require.NoError(t, err)
	_, err = log.Append(t.Context(), "b", application.NoStream, []application.NewRecord{event(), taken})
	require.ErrorIs(t, err, application.ErrIDTaken)
	_, err = log.Append(t.Context(), "a", 0, []application.NewRecord{taken})
	require.ErrorIs(t, err, application.ErrIDTaken)
	twice := event()
	_, err = log.Append(t.Context(), "c", application.NoStream, []application.NewRecord{twice, twice})
	require.ErrorIs(t, err, application.ErrIDTaken)

	appended, err := log.Append(t.Context(), "b", application.NoStream, []application.NewRecord{event()})
	require.NoError(t, err)
	require.Equal(t, application.Position{Commit: 2, Prepare: 2}, appended.Position)
	for stream, n := range map[string]int{"a": 1, "b": 1, "c": 0} {
		records, err := log.ReadStream(t.Context(), stream, 0)
		require.NoError(t, err)
		require.Len(t, records, n)
	}
}

func TestOpen_ManyAtOnce_AllShareOneLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.db")
	const many = 6
	logs, errs := make([]*embedded.Log, many), make([]error, many)
	var all sync.WaitGroup
	for i := range many {
		all.Go(func() { logs[i], errs[i] = embedded.Open(t.Context(), path) })
	}
	all.Wait()
	require.NoError(t, errors.Join(errs...))
	for i, log := range logs {
		_, err := log.Append(t.Context(), "a", application.Revision(i-1), []application.NewRecord{{ID: uuid.New(), Type: "A"}})
		require.NoError(t, err)
	}
	for _, log := range logs {
		require.NoError(t, log.Close())
	}
}
