package main

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/infrastructure/eventstoredb/standin"
)

// asProgram makes the test binary be the program, so that it can be killed.
const asProgram = "ESDB_STANDIN_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// launch starts the program and returns what its lines end with: connection string last.
func launch(t *testing.T, arguments ...string) (*exec.Cmd, []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	program := exec.CommandContext(ctx, os.Args[0], arguments...)
	program.Env = append(os.Environ(), asProgram+"=1")
	program.Stderr = os.Stderr
	out, err := program.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, program.Start())
	t.Cleanup(func() { _ = program.Process.Kill(); _ = program.Wait() })
	var ends []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		words := strings.Fields(lines.Text())
		ends = append(ends, words[len(words)-1])
		if strings.Contains(lines.Text(), "test double") {
			return program, ends
		}
	}
	t.Fatal("it did not say that it serves")
	return nil, nil
}

func client(t *testing.T, connection string) *esdb.Client {
	t.Helper()
	configuration, err := esdb.ParseConnectionString(connection)
	require.NoError(t, err)
	configuration.Logger = esdb.NoopLogging()
	c, err := esdb.NewClient(configuration)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestProgram_Killed_LosesNothingThatItAcknowledged(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	data := t.TempDir()
	event := esdb.EventData{EventID: uuid.New(), EventType: "Kept", ContentType: esdb.ContentTypeJson, Data: []byte(`{}`)}
	exact := esdb.AppendToStreamOptions{ExpectedRevision: esdb.NoStream{}}
	program, ends := launch(t, "--listen", "127.0.0.1:0", "--data", data)
	first, err := client(t, ends[0]).AppendToStream(ctx, "s-1", exact, event)
	require.NoError(t, err)
	require.NoError(t, program.Process.Kill())
	_ = program.Wait() // killed

	_, ends = launch(t, "--listen", "127.0.0.1:0", "--data", data)
	again, err := client(t, ends[0]).AppendToStream(ctx, "s-1", exact, event)
	require.NoError(t, err)
	require.Equal(t, first, again)
}

func TestProgram_Control_ChangesTheLeaderAndCutsConnections(t *testing.T) {
	program, ends := launch(t, "--listen", "127.0.0.1:0", "--nodes", "3", "--control", "127.0.0.1:0")
	require.Len(t, ends, 2)
	require.Equal(t, 2, strings.Count(ends[1], ","), "three addresses")
	post := func(path string, body string, want int) (state standin.State) {
		response, err := http.Post(ends[0]+path, "application/json", strings.NewReader(body))
		require.NoError(t, err)
		defer response.Body.Close()
		require.Equal(t, want, response.StatusCode)
		if want == http.StatusOK {
			require.NoError(t, json.NewDecoder(response.Body).Decode(&state))
		}
		return state
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	c := client(t, ends[1])
	_, err := c.AppendToStream(ctx, "s-1", esdb.AppendToStreamOptions{}, esdb.EventData{EventID: uuid.New(), EventType: "T"})
	require.NoError(t, err)
	sub, err := c.SubscribeToAll(ctx, esdb.SubscribeToAllOptions{From: esdb.End{}})
	require.NoError(t, err)
	require.NotNil(t, sub.Recv().CaughtUp)

	require.Equal(t, 2, post("/leader?node=2", "", http.StatusOK).Leader)
	post("/leader?node=9", "", http.StatusBadRequest)
	require.False(t, post("/stop?node=1", "", http.StatusOK).Nodes[1].Running)
	require.True(t, post("/start", "", http.StatusOK).Nodes[1].Running)
	post("/stall", "", http.StatusOK)
	post("/fault", `{"Method":"Append","Times":1,"Code":10,"Message":"Operation timed out"}`, http.StatusOK)
	_, err = c.AppendToStream(ctx, "s-1", esdb.AppendToStreamOptions{}, esdb.EventData{EventID: uuid.New(), EventType: "T"})
	require.ErrorContains(t, err, "Operation timed out")
	post("/drop", "", http.StatusOK)
	for sub.Recv().SubscriptionDropped == nil { // the new epoch comes before
	}

	health, err := http.Get(ends[0] + "/health/live")
	require.NoError(t, err)
	require.NoError(t, health.Body.Close())
	require.Equal(t, http.StatusNoContent, health.StatusCode)
	require.NoError(t, program.Process.Signal(os.Interrupt))
	require.NoError(t, program.Wait(), "it ends well when asked")
}
