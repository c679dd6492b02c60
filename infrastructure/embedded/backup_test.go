package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/application"
)

func anyRecord(application.Record) error { return nil }

func someEvent() []application.NewRecord {
	return []application.NewRecord{{ID: uuid.New(), Type: "Happened", Data: []byte(`{}`), Metadata: []byte(`{}`)}}
}

func TestBackup_WhileOthersAppend_HoldsAllThatWasAcknowledgedBeforeItsEnd(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	log, err := Open(ctx, filepath.Join(dir, "log.db"))
	require.NoError(t, err)
	defer log.Close()
	var acknowledged atomic.Uint64
	appending, stop := context.WithCancel(ctx)
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			for n := 0; appending.Err() == nil; n++ {
				appended, err := log.Append(ctx, fmt.Sprintf("stream-%d-%d", w, n/5), application.Revision(n%5)-1, someEvent())
				if err != nil {
					t.Errorf("append: %v", err)
					return
				}
				for old := acknowledged.Load(); appended.Position.Commit > old && !acknowledged.CompareAndSwap(old, appended.Position.Commit); old = acknowledged.Load() {
				}
			}
		})
	}
	require.Eventually(t, func() bool { return acknowledged.Load() > 100 }, 20*time.Second, time.Millisecond)

	copied := filepath.Join(dir, "copy", "log.db")
	backup, err := OpenBackup(ctx, filepath.Join(dir, "log.db"), copied, anyRecord)
	require.NoError(t, err)
	before := backup.Contents().Position
	require.Eventually(t, func() bool { return acknowledged.Load() > uint64(before) }, 20*time.Second, time.Millisecond)
	require.NoError(t, backup.CatchUp(ctx))
	require.NoError(t, backup.Hold())
	require.NoError(t, backup.CatchUp(ctx))
	got, until := backup.Contents(), acknowledged.Load()
	require.NoError(t, backup.Close())
	require.Greater(t, got.Position, before)
	require.GreaterOrEqual(t, uint64(got.Position), until, "what is acknowledged while it is held is in it")
	held := acknowledged.Load()
	require.Eventually(t, func() bool { return acknowledged.Load() > held }, 20*time.Second, time.Millisecond, "appends go on")
	stop()
	writers.Wait()

	restored, err := Check(ctx, copied, anyRecord)
	require.NoError(t, err)
	require.Equal(t, got, restored)
	again, err := Open(ctx, copied)
	require.NoError(t, err)
	defer again.Close()
	head, err := again.Head(ctx)
	require.NoError(t, err)
	require.EqualValues(t, got.Position, head.Commit)
}

func TestCheck_LogThatIsNotWhole_IsRefused(t *testing.T) {
	ctx := t.Context()
	for name, harm := range map[string]string{
		"position missing":      "DELETE FROM events WHERE position = 3",
		"first event missing":   "DELETE FROM events WHERE position = 1",
		"revision missing":      "UPDATE events SET revision = 7 WHERE position = 4",
		"revisions out of turn": "UPDATE events SET revision = -1 WHERE position = 4; UPDATE events SET revision = 3 WHERE position = 3; UPDATE events SET revision = 2 WHERE position = 4",
		"changed":               "",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "log.db")
			log, err := Open(ctx, path)
			require.NoError(t, err)
			for n := range 5 {
				_, err := log.Append(ctx, "stream", application.Revision(n)-1, someEvent())
				require.NoError(t, err)
			}
			require.NoError(t, log.Close())
			whole, err := Check(ctx, path, anyRecord)
			require.NoError(t, err)
			require.EqualValues(t, 5, whole.Events)
			c, err := connect(path, "mode=rw")
			require.NoError(t, err)
			if harm == "" {
				require.NoError(t, c.script(`UPDATE events SET data = x'7b7d20' WHERE position = 2`))
			} else {
				require.NoError(t, c.script(harm))
			}
			require.NoError(t, c.close())
			got, err := Check(ctx, path, anyRecord)
			if harm == "" {
				require.NotEqual(t, whole.Digest, got.Digest)
				return
			}
			require.ErrorContains(t, err, "the log is not whole")
		})
	}
}

func TestCheck_DamagedFileOrRecord_IsRefused(t *testing.T) {
	ctx, path := t.Context(), filepath.Join(t.TempDir(), "log.db")
	log, err := Open(ctx, path)
	require.NoError(t, err)
	for n := range 200 {
		_, err := log.Append(ctx, fmt.Sprint("stream-", n), application.NoStream, someEvent())
		require.NoError(t, err)
	}
	require.NoError(t, log.Close())
	refusal := errors.New("what is this")
	_, err = Check(ctx, path, func(application.Record) error { return refusal })
	require.ErrorIs(t, err, refusal)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	for i := len(content) / 2; i < len(content)/2+4096; i++ {
		content[i] ^= 0x5a
	}
	require.NoError(t, os.WriteFile(path, content, 0o600))
	_, err = Check(ctx, path, anyRecord)
	require.Error(t, err)
}
