package embedded

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"asprak/application"
)

// The test binary, started again with one of these variables, works until it is killed.
const (
	taker    = "EMBEDDED_TEST_TAKER"    // takes a delivery and waits
	appender = "EMBEDDED_TEST_APPENDER" // appends and prints each revision acknowledged
)

func TestMain(m *testing.M) {
	for variable, work := range map[string]func(string) error{taker: takeAndWait, appender: appendForEver} {
		if path := os.Getenv(variable); path != "" {
			fmt.Println(work(path))
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

func appendForEver(path string) error {
	log, err := Open(context.Background(), path)
	if err != nil {
		return err
	}
	for n := application.NoStream; ; n++ {
		appended, err := log.Append(context.Background(), "a", n, event(1000))
		if err != nil {
			return err
		}
		fmt.Println(appended.Revision)
	}
}

var hourGroup = application.Group{Name: "g", Types: []string{"A"}, Lease: time.Hour}

func takeAndWait(path string) error {
	ctx := context.Background()
	log, err := Open(ctx, path)
	if err != nil {
		return err
	}
	c, err := log.Consume(ctx, hourGroup)
	if err != nil {
		return err
	}
	if _, err := c.Next(ctx); err != nil {
		return err
	}
	fmt.Println("taken")
	select {}
}

// start runs this test binary in the role, and returns its lines and what kills it.
func start(t *testing.T, role, path string) (lines *bufio.Scanner, kill func()) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	command := exec.Command(self)
	command.Env = append(os.Environ(), role+"="+path)
	out, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	var once sync.Once
	kill = func() {
		once.Do(func() {
			require.NoError(t, command.Process.Kill())
			_ = command.Wait()
		})
	}
	t.Cleanup(kill)
	return bufio.NewScanner(out), kill
}

// startTaker runs a process that holds a delivery.
func startTaker(t *testing.T, path string) (kill func()) {
	t.Helper()
	lines, kill := start(t, taker, path)
	require.True(t, lines.Scan())
	require.Equal(t, "taken", lines.Text())
	return kill
}

func TestAppend_ProcessKilled_WhatWasAcknowledgedStands(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.db")
	for _, enough := range []int{1, 50, 333} {
		lines, kill := start(t, appender, path)
		acknowledged := -1
		for acknowledged < enough && lines.Scan() {
			var err error
			acknowledged, err = strconv.Atoi(lines.Text())
			require.NoError(t, err)
		}
		kill()
		log, err := Open(t.Context(), path)
		require.NoError(t, err)
		records, err := log.ReadStream(t.Context(), "a", 0)
		require.NoError(t, err)
		require.Greater(t, len(records), acknowledged)
		head, err := log.Head(t.Context())
		require.NoError(t, err)
		require.Equal(t, position(int64(len(records))), head)
		require.NoError(t, log.Close())
		path = filepath.Join(t.TempDir(), "log.db")
	}
}

func TestQueue_ProcessKilled_DeliveryIsFreeAtOnceAndCounted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.db")
	log := openAt(t, path)
	_, err := log.Append(t.Context(), "a", application.NoStream, event(1))
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()

	// While the other process lives, its lease of an hour holds.
	kill := startTaker(t, path)
	c, err := log.Consume(ctx, hourGroup)
	require.NoError(t, err)
	short, stop := context.WithTimeout(ctx, 3*recheck)
	defer stop()
	_, err = c.Next(short)
	require.ErrorIs(t, err, context.DeadlineExceeded)

	// A process that goes on running notices the death.
	kill()
	d, err := c.Next(ctx)
	require.NoError(t, err)
	require.Equal(t, 2, d.Attempt)
	require.NoError(t, c.Retry(ctx, d, 0))
	require.NoError(t, c.Close())
	require.NoError(t, log.Close())

	// A process that starts after the death finds the delivery due.
	startTaker(t, path)()
	log = openAt(t, path)
	c, err = log.Consume(ctx, hourGroup)
	require.NoError(t, err)
	d, err = c.Next(ctx)
	require.NoError(t, err)
	require.Equal(t, 4, d.Attempt)
	require.NoError(t, c.Ack(ctx, d))
}

func TestConsumer_LeaseLost_MayAckButNotParkOrRetry(t *testing.T) {
	log := openAt(t, filepath.Join(t.TempDir(), "log.db"))
	_, err := log.Append(t.Context(), "a", application.NoStream, event(1))
	require.NoError(t, err)
	group := application.Group{Name: "g", Types: []string{"A"}, Lease: time.Millisecond}
	slow, err := log.Consume(t.Context(), group)
	require.NoError(t, err)
	stale, err := slow.Next(t.Context())
	require.NoError(t, err)
	group.Lease = time.Hour
	other, err := log.Consume(t.Context(), group)
	require.NoError(t, err)
	d, err := other.Next(t.Context())
	require.NoError(t, err)
	require.ErrorIs(t, slow.Park(t.Context(), stale, "late"), errLeaseLost)
	require.ErrorIs(t, slow.Retry(t.Context(), stale, 0), errLeaseLost)
	require.ErrorIs(t, slow.Extend(t.Context(), stale), errLeaseLost)
	require.NoError(t, slow.Ack(t.Context(), stale))
	require.NoError(t, other.Ack(t.Context(), d))
	parked, err := log.Parked(t.Context(), "g")
	require.NoError(t, err)
	require.Empty(t, parked)
}

// A type that joins a group later starts at the log's beginning; the others go on.
func TestConsume_GroupGainsAType_ItsOldEventsCome(t *testing.T) {
	log := openAt(t, filepath.Join(t.TempDir(), "log.db"))
	a, b := event(1), event(1)
	b[0].Type = "B"
	_, err := log.Append(t.Context(), "s", application.NoStream, append(b, a...))
	require.NoError(t, err)
	for _, want := range []struct {
		types []string
		event application.NewRecord
	}{{[]string{"A"}, a[0]}, {[]string{"B", "A"}, b[0]}} {
		c, err := log.Consume(t.Context(), application.Group{Name: "g", Types: want.types})
		require.NoError(t, err)
		d, err := c.Next(t.Context())
		require.NoError(t, err)
		require.Equal(t, want.event.ID, d.ID)
		require.NoError(t, c.Ack(t.Context(), d))
	}
}

// What a group has looked through is kept, so that a restart does not look again.
func TestConsume_ManyEventsOfOtherTypes_CursorIsSaved(t *testing.T) {
	log := openAt(t, filepath.Join(t.TempDir(), "log.db"))
	others := manyEvents(saveCursorAfter + 1)
	_, err := log.Append(t.Context(), "s", application.NoStream, others)
	require.NoError(t, err)
	c, err := log.Consume(t.Context(), application.Group{Name: "g", Types: []string{"B"}})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { _, err := c.Next(ctx); ended <- err }()
	require.Eventually(t, func() bool {
		var cursor int64
		require.NoError(t, log.read(t.Context(), func(r *connection) (err error) {
			cursor, _, err = r.number("SELECT position FROM cursors WHERE consumers = 'g'")
			return err
		}))
		return cursor == int64(len(others))
	}, 30*time.Second, 5*time.Millisecond)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)

	wanted := event(1)
	wanted[0].Type = "B"
	_, err = log.Append(t.Context(), "s", application.Revision(len(others)-1), append(manyEvents(searchInWriter+1), wanted...))
	require.NoError(t, err)
	d, err := c.Next(t.Context())
	require.NoError(t, err)
	require.Equal(t, wanted[0].ID, d.ID)
}

func manyEvents(n int) []application.NewRecord {
	var events []application.NewRecord
	for range n {
		events = append(events, event(1)...)
	}
	return events
}
