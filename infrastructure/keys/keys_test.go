package keys_test

import (
	"bytes"
	"database/sql"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/infrastructure/keys"
	"asprak/projections/postgrestest"
)

var postgres postgrestest.Shared

func TestMain(m *testing.M) {
	code := m.Run()
	postgres.Stop()
	os.Exit(code)
}

// onBoth runs the test on a ring in a file and on one in PostgreSQL. The function opens the same ring again.
func onBoth(t *testing.T, test func(t *testing.T, open func() *keys.Ring, folder string)) {
	for name, target := range map[string]func(t *testing.T, folder string) string{
		"File":       func(_ *testing.T, folder string) string { return filepath.Join(folder, "keys.db") },
		"PostgreSQL": func(t *testing.T, _ string) string { return postgres.Server(t).Schema(t) },
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			at := target(t, folder)
			test(t, func() *keys.Ring {
				ring, err := keys.Open(t.Context(), at, keys.Master{File: filepath.Join(folder, "master.key")})
				require.NoError(t, err)
				t.Cleanup(func() { ring.Close() })
				return ring
			}, folder)
		})
	}
}

func TestRing_KeyInAnotherProcess_OpensWhatWasSealed(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *keys.Ring, folder string) {
		key, err := open().New(t.Context())
		require.NoError(t, err)
		sealed, err := key.Seal([]byte("Siti Rahma"), []byte("a"))
		require.NoError(t, err)
		require.NotContains(t, string(sealed), "Siti")

		same, err := open().Key(key.ID())
		require.NoError(t, err)
		plain, err := same.Open(sealed, []byte("a"))
		require.NoError(t, err)
		require.Equal(t, "Siti Rahma", string(plain))
		_, err = same.Open(sealed, []byte("b"))
		require.Error(t, err, "it was sealed about another thing")
		_, err = open().Key(uuid.New())
		require.ErrorIs(t, err, application.ErrKeyUnknown)
	})
}

func TestRing_Destroy_ReachesEveryProcessWithinASecond(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *keys.Ring, folder string) {
		one, other := open(), open()
		key, err := one.New(t.Context())
		require.NoError(t, err)
		_, err = other.Key(key.ID())
		require.NoError(t, err)

		require.NoError(t, one.Destroy(t.Context(), key.ID()))
		_, err = one.Key(key.ID())
		require.ErrorIs(t, err, application.ErrKeyDestroyed)
		require.Eventually(t, func() bool {
			_, err = other.Key(key.ID())
			return err != nil
		}, 3*time.Second, 20*time.Millisecond)
		require.ErrorIs(t, err, application.ErrKeyDestroyed)
		_, err = open().Key(key.ID())
		require.ErrorIs(t, err, application.ErrKeyDestroyed)
	})
}

func TestRing_Destroy_LeavesNothingInItsFiles(t *testing.T) {
	folder := t.TempDir()
	ring, err := keys.Open(t.Context(), filepath.Join(folder, "keys.db"), keys.Master{File: filepath.Join(folder, "master.key")})
	require.NoError(t, err)
	defer ring.Close()
	key, err := ring.New(t.Context())
	require.NoError(t, err)
	wrapped := wrappedOf(t, folder, key.ID())
	require.True(t, holds(t, folder, wrapped), "the search finds it while it is there")
	require.NoError(t, ring.Destroy(t.Context(), key.ID()))
	require.False(t, holds(t, folder, wrapped))
}

func TestRing_DestroyManyOfMany_LeavesNoneInItsFiles(t *testing.T) {
	folder := t.TempDir()
	ring, err := keys.Open(t.Context(), filepath.Join(folder, "keys.db"), keys.Master{File: filepath.Join(folder, "master.key")})
	require.NoError(t, err)
	defer ring.Close()
	wrapped := make([][]byte, 700)
	ids := make([]uuid.UUID, len(wrapped))
	for i := range wrapped {
		key, err := ring.New(t.Context())
		require.NoError(t, err)
		ids[i] = key.ID()
	}
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(folder, "keys.db")+"?mode=ro")
	require.NoError(t, err)
	for i, id := range ids {
		require.NoError(t, db.QueryRow(`SELECT wrapped FROM person_keys WHERE id = ?`, id[:]).Scan(&wrapped[i]))
	}
	require.NoError(t, db.Close())
	order := rand.New(rand.NewPCG(1, 1)).Perm(len(ids))[:600]
	for some := range slices.Chunk(order, 20) {
		var gone []uuid.UUID
		for _, i := range some {
			gone = append(gone, ids[i])
		}
		require.NoError(t, ring.Destroy(t.Context(), gone...))
	}
	files := bytes.Join(filesOf(t, folder), nil)
	for i := range ids {
		require.Equal(t, !slices.Contains(order, i), bytes.Contains(files, wrapped[i]), "key %d", i)
	}
}

// wrappedOf is what stands behind the id in the ring's files.
func wrappedOf(t *testing.T, folder string, id uuid.UUID) []byte {
	for _, content := range filesOf(t, folder) {
		// SQLite keeps the columns of a row side by side.
		if i := bytes.Index(content, id[:]); i >= 0 {
			return bytes.Clone(content[i+len(id) : i+len(id)+60])
		}
	}
	require.Fail(t, "the key stands nowhere")
	return nil
}

func holds(t *testing.T, folder string, text []byte) bool {
	for _, content := range filesOf(t, folder) {
		if bytes.Contains(content, text) {
			return true
		}
	}
	return false
}

func filesOf(t *testing.T, folder string) (contents [][]byte) {
	paths, err := filepath.Glob(filepath.Join(folder, "keys.db*"))
	require.NoError(t, err)
	for _, path := range paths {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		contents = append(contents, content)
	}
	return contents
}

func TestRing_NewByMany_GivesEachKeyOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *keys.Ring, folder string) {
		var given sync.Map
		var working sync.WaitGroup
		for range 4 {
			for range 4 {
				working.Go(func() {
					ring := open()
					for range 50 {
						key, err := ring.New(t.Context())
						if err != nil {
							t.Error(err)
							return
						}
						if _, twice := given.LoadOrStore(key.ID(), true); twice {
							t.Errorf("%s was given twice", key.ID())
						}
					}
				})
			}
		}
		working.Wait()
	})
}

func TestOpen_ManyAtOnceOnNothing_AllGetTheSameRing(t *testing.T) {
	for range 20 {
		folder := t.TempDir()
		rings := make([]*keys.Ring, 8)
		var opening sync.WaitGroup
		for i := range rings {
			opening.Go(func() {
				var err error
				if rings[i], err = keys.Open(t.Context(), filepath.Join(folder, "keys.db"), keys.Master{File: filepath.Join(folder, "master.key")}); err != nil {
					t.Error(err)
				}
			})
		}
		opening.Wait()
		if t.Failed() {
			return
		}
		key, err := rings[0].New(t.Context())
		require.NoError(t, err)
		for _, ring := range rings {
			_, err := ring.Key(key.ID())
			require.NoError(t, err)
			require.NoError(t, ring.Close())
		}
	}
}

func TestOpen_MasterKeyOfAnotherRing_IsRefused(t *testing.T) {
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	for _, name := range []string{"one", "other"} {
		ring, err := keys.Open(t.Context(), at(name+".db"), keys.Master{File: at(name + ".key")})
		require.NoError(t, err)
		_, err = ring.New(t.Context())
		require.NoError(t, err)
		defer ring.Close()
	}
	_, err := keys.Open(t.Context(), at("one.db"), keys.Master{File: at("other.key")})
	require.ErrorContains(t, err, "not the master key")
	_, err = keys.Open(t.Context(), at("one.db"), keys.Master{File: at("lost.key")})
	require.ErrorIs(t, err, os.ErrNotExist, "none is made for a ring that has keys")
	require.NoError(t, os.Chmod(at("one.key"), 0o644))
	_, err = keys.Open(t.Context(), at("one.db"), keys.Master{File: at("one.key")})
	require.ErrorContains(t, err, "others may read")
}

func TestRotate_Ring_OpensWithTheNewMasterKeyOnly(t *testing.T) {
	for name, target := range map[string]func(t *testing.T, folder string) string{
		"File":       func(_ *testing.T, folder string) string { return filepath.Join(folder, "keys.db") },
		"PostgreSQL": func(t *testing.T, _ string) string { return postgres.Server(t).Schema(t) },
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			at, master, before := target(t, folder), filepath.Join(folder, "master.key"), filepath.Join(folder, "before.key")
			ring, err := keys.Open(t.Context(), at, keys.Master{File: master})
			require.NoError(t, err)
			key, err := ring.New(t.Context())
			require.NoError(t, err)
			sealed, err := key.Seal([]byte("Siti Rahma"), nil)
			require.NoError(t, err)
			if name == "File" {
				_, err := keys.Rotate(t.Context(), at, keys.Master{File: master})
				require.ErrorContains(t, err, "locked", "somebody has it open")
			}
			require.NoError(t, ring.Close())
			content, err := os.ReadFile(master)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(before, content, 0o600))

			n, err := keys.Rotate(t.Context(), at, keys.Master{File: master})
			require.NoError(t, err)
			require.Equal(t, 1, n)
			_, err = keys.Open(t.Context(), at, keys.Master{File: before})
			require.ErrorContains(t, err, "not the master key")
			ring, err = keys.Open(t.Context(), at, keys.Master{File: master})
			require.NoError(t, err)
			defer ring.Close()
			same, err := ring.Key(key.ID())
			require.NoError(t, err)
			plain, err := same.Open(sealed, nil)
			require.NoError(t, err)
			require.Equal(t, "Siti Rahma", string(plain))
		})
	}
	_, err := keys.Rotate(t.Context(), filepath.Join(t.TempDir(), "none.db"), keys.Master{File: "none.key"})
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestOpenToRead_ChangesNothing(t *testing.T) {
	folder := t.TempDir()
	target, master := filepath.Join(folder, "keys.db"), filepath.Join(folder, "master.key")
	none, err := keys.OpenToRead(t.Context(), target, keys.Master{File: master})
	require.NoError(t, err)
	_, err = none.Key(uuid.New())
	require.ErrorIs(t, err, application.ErrKeyUnknown)
	require.NoError(t, none.Close())
	require.NoFileExists(t, target)

	ring, err := keys.Open(t.Context(), target, keys.Master{File: master})
	require.NoError(t, err)
	defer ring.Close()
	key, err := ring.New(t.Context())
	require.NoError(t, err)
	reading, err := keys.OpenToRead(t.Context(), target, keys.Master{File: master})
	require.NoError(t, err)
	defer reading.Close()
	_, err = reading.Key(key.ID())
	require.NoError(t, err)
	require.ErrorIs(t, reading.Destroy(t.Context(), key.ID()), application.ErrKeysUnavailable)
	_, err = reading.New(t.Context())
	require.ErrorIs(t, err, application.ErrKeysUnavailable)
}
