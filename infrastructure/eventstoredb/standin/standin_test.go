package standin_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"asprak/infrastructure/eventstoredb/standin"
)

const (
	patience = 15 * time.Second
	tick     = 20 * time.Millisecond
)

func start(t *testing.T) *standin.Server {
	t.Helper()
	return startWith(t, standin.Options{TimeoutCheck: tick})
}

func startWith(t *testing.T, options standin.Options) *standin.Server {
	t.Helper()
	s, err := standin.New(options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func connect(t *testing.T, connection string) *esdb.Client {
	t.Helper()
	configuration, err := esdb.ParseConnectionString(connection)
	require.NoError(t, err)
	configuration.Logger = esdb.NoopLogging()
	client, err := esdb.NewClient(configuration)
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// dial is for what the client library would not say.
func dial(t *testing.T, s *standin.Server) *grpc.ClientConn {
	t.Helper()
	c, err := grpc.NewClient(s.Address(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func patient(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func some(kind string) esdb.EventData {
	return esdb.EventData{EventID: uuid.New(), EventType: kind, ContentType: esdb.ContentTypeJson, Data: []byte(`{"kind":"` + kind + `"}`), Metadata: []byte(`{"m":1}`)}
}

func batch(n int) []esdb.EventData {
	var events []esdb.EventData
	for i := range n {
		events = append(events, some(fmt.Sprintf("Kind%d", i)))
	}
	return events
}

func write(t *testing.T, c *esdb.Client, stream string, expected esdb.ExpectedRevision, events ...esdb.EventData) *esdb.WriteResult {
	t.Helper()
	result, err := c.AppendToStream(patient(t), stream, esdb.AppendToStreamOptions{ExpectedRevision: expected}, events...)
	require.NoError(t, err)
	return result
}

// code is the client's code of an error however it was wrapped.
func code(err error) esdb.ErrorCode {
	var known *esdb.Error
	if errors.As(err, &known) {
		return known.Code()
	}
	return -1
}

func drain(stream *esdb.ReadStream, err error) ([]*esdb.ResolvedEvent, error) {
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	var events []*esdb.ResolvedEvent
	for {
		e, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return events, nil
		}
		if err != nil {
			return events, err
		}
		events = append(events, e)
	}
}

func read(t *testing.T, c *esdb.Client, stream string, options esdb.ReadStreamOptions) []*esdb.ResolvedEvent {
	t.Helper()
	events, err := drain(c.ReadStream(patient(t), stream, options, 1000))
	require.NoError(t, err)
	return events
}

func readAll(t *testing.T, c *esdb.Client, options esdb.ReadAllOptions) []*esdb.ResolvedEvent {
	t.Helper()
	events, err := drain(c.ReadAll(patient(t), options, 1000))
	require.NoError(t, err)
	return events
}

// users leaves out the system's events.
func users(events []*esdb.ResolvedEvent) (found []string) {
	for _, e := range events {
		if o := e.OriginalEvent(); !strings.HasPrefix(o.EventType, "$") && !strings.HasPrefix(o.StreamID, "$") {
			found = append(found, fmt.Sprintf("%d@%s", o.EventNumber, o.StreamID))
		}
	}
	return found
}

func revisions(events []*esdb.ResolvedEvent) (found []uint64) {
	for _, e := range events {
		found = append(found, e.OriginalEvent().EventNumber)
	}
	return found
}

// appeared is the next event of a subscription, past everything else that it says.
func appeared(t *testing.T, s *esdb.Subscription) *esdb.ResolvedEvent {
	t.Helper()
	for {
		e := s.Recv()
		require.Nil(t, e.SubscriptionDropped, "dropped: %+v", e.SubscriptionDropped)
		if e.EventAppeared != nil {
			return e.EventAppeared
		}
	}
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	require.Eventually(t, is, patience, 5*time.Millisecond, what)
}
