package standin_test

import (
	"io"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"asprak/infrastructure/eventstoredb/standin"
)

func TestFault_LostAnswer_LeavesTheWriteBehind(t *testing.T) {
	for name, test := range map[string]struct {
		fault standin.Fault
		want  esdb.ErrorCode
	}{
		"timed out": {standin.Fault{Method: "Append", Times: 1, After: true, Code: codes.Aborted, Message: "Operation timed out"}, esdb.ErrorAborted},
		"cut":       {standin.Fault{Method: "Append", Times: 1, After: true, Cut: true}, esdb.ErrorUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			c := connect(t, s.ConnectionString())
			s.Inject(test.fault)
			event := some("First")
			_, err := c.AppendToStream(patient(t), "s-1", esdb.AppendToStreamOptions{ExpectedRevision: esdb.NoStream{}}, event)
			require.Equal(t, test.want, code(err))
			require.EqualValues(t, 0, write(t, c, "s-1", esdb.NoStream{}, event).NextExpectedVersion, "the retry finds it")
			require.Len(t, read(t, c, "s-1", esdb.ReadStreamOptions{From: esdb.Start{}}), 1)
		})
	}
}

func TestFault_Refusal_LastsAsLongAsItIsSaid(t *testing.T) {
	s := start(t)
	c := connect(t, s.ConnectionString())
	s.Inject(standin.Fault{Method: "Append", Times: 2, Code: codes.ResourceExhausted, Message: "busy"})
	for range 2 {
		_, err := c.AppendToStream(patient(t), "s-1", esdb.AppendToStreamOptions{ExpectedRevision: esdb.NoStream{}}, some("First"))
		require.Equal(t, codes.ResourceExhausted, statusOf(err))
	}
	write(t, c, "s-1", esdb.NoStream{}, some("First"))

	remove := s.Inject(standin.Fault{Code: codes.PermissionDenied, Message: "no", Trailers: []string{"exception", "access-denied"}})
	_, err := drain(c.ReadStream(patient(t), "s-1", esdb.ReadStreamOptions{From: esdb.Start{}}, 10))
	require.Equal(t, esdb.ErrorCodeAccessDenied, code(err))
	remove()
	require.Len(t, read(t, c, "s-1", esdb.ReadStreamOptions{From: esdb.Start{}}), 1)
}

func TestFault_EarlyRefusalOfALargeAppend_IsHardlyToBeTold(t *testing.T) {
	s := start(t)
	c := connect(t, s.ConnectionString())
	s.Inject(standin.Fault{Method: "Append", Early: true, Times: 1, Code: codes.PermissionDenied, Message: "no"})
	events := batch(20)
	for i := range events {
		events[i].Data = make([]byte, 40_000)
	}
	_, err := c.AppendToStream(patient(t), "s-1", esdb.AppendToStreamOptions{ExpectedRevision: esdb.NoStream{}}, events...)
	require.Contains(t, []esdb.ErrorCode{esdb.ErrorCodeUnknown, esdb.ErrorCodeAccessDenied}, code(err))
	if code(err) == esdb.ErrorCodeUnknown {
		require.ErrorIs(t, err, io.EOF)
	}
	write(t, c, "s-1", esdb.NoStream{}, events...)
}

func TestFault_Delay_LetsDeadlinesPass(t *testing.T) {
	s := start(t)
	c := connect(t, s.ConnectionString())
	remove := s.Inject(standin.Fault{Method: "Append", Delay: time.Hour})
	short := 50 * time.Millisecond
	_, err := c.AppendToStream(patient(t), "s-1", esdb.AppendToStreamOptions{ExpectedRevision: esdb.NoStream{}, Deadline: &short}, some("First"))
	require.Equal(t, esdb.ErrorCodeDeadlineExceeded, code(err))
	remove()
	write(t, c, "s-1", esdb.NoStream{}, some("First"))
}

func TestStall_OpenSubscriptions_AreSilentAndNewOnesAreNot(t *testing.T) {
	s := start(t)
	c := connect(t, s.ConnectionString())
	write(t, c, "s-1", esdb.NoStream{}, some("First"))
	subscribe := func() *esdb.Subscription {
		sub, err := c.SubscribeToStream(patient(t), "s-1", esdb.SubscribeToStreamOptions{From: esdb.Revision(0)})
		require.NoError(t, err)
		return sub
	}
	stalled := subscribe()
	require.NotNil(t, stalled.Recv().CaughtUp)
	require.Equal(t, 1, s.StallSubscriptions())
	heard := make(chan *esdb.SubscriptionEvent, 1)
	go func() { heard <- stalled.Recv() }()

	write(t, c, "s-1", esdb.Revision(0), some("Second"))
	fresh := subscribe()
	defer fresh.Close()
	require.EqualValues(t, 1, appeared(t, fresh).OriginalEvent().EventNumber)
	require.Empty(t, heard)
	require.Equal(t, 2, s.Subscriptions(), "it is still open")
	require.NoError(t, stalled.Close())
	require.Equal(t, codes.Canceled, status.Code((<-heard).SubscriptionDropped.Error))
	eventually(t, "the server lets go of it", func() bool { return s.Subscriptions() == 1 })
}

func TestDrop_Connections_EndEverythingAndComeBack(t *testing.T) {
	s := start(t)
	c := connect(t, s.ConnectionString())
	write(t, c, "s-1", esdb.NoStream{}, some("First"))
	group(t, c, "s-1", eager())
	sub, err := c.SubscribeToStream(patient(t), "s-1", esdb.SubscribeToStreamOptions{From: esdb.Start{}})
	require.NoError(t, err)
	appeared(t, sub)
	require.NotNil(t, sub.Recv().CaughtUp)
	consumer := join(t, c, "s-1", 10)
	delivered(t, consumer)

	s.DropConnections()
	require.Equal(t, codes.Unavailable, status.Code(sub.Recv().SubscriptionDropped.Error))
	require.Equal(t, codes.Unavailable, status.Code(consumer.Recv().SubscriptionDropped.Error))
	second := some("Second")
	eventually(t, "writes come back", func() bool {
		_, err := c.AppendToStream(patient(t), "s-1", esdb.AppendToStreamOptions{ExpectedRevision: esdb.Revision(0)}, second)
		return err == nil
	})
	again := delivered(t, join(t, c, "s-1", 10))
	require.EqualValues(t, 0, number(again))
	require.Equal(t, 1, again.RetryCount)
}

func TestDrop_Subscriptions_EndWithTheStatus(t *testing.T) {
	s := start(t)
	c := connect(t, s.ConnectionString())
	sub, err := c.SubscribeToAll(patient(t), esdb.SubscribeToAllOptions{From: esdb.End{}})
	require.NoError(t, err)
	require.NotNil(t, sub.Recv().CaughtUp)
	require.Equal(t, 1, s.DropSubscriptions(codes.Aborted, "Operation timed out"))
	require.Equal(t, codes.Aborted, status.Code(sub.Recv().SubscriptionDropped.Error))
}
