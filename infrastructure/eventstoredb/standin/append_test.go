package standin_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"asprak/infrastructure/eventstoredb/standin"
)

func TestAppend_ExactRevisions_GrowTheStream(t *testing.T) {
	c := connect(t, start(t).ConnectionString())
	first := write(t, c, "s-1", esdb.NoStream{}, batch(2)...)
	require.EqualValues(t, 1, first.NextExpectedVersion)
	second := write(t, c, "s-1", esdb.Revision(1), some("Third"))
	require.EqualValues(t, 2, second.NextExpectedVersion)
	require.Greater(t, second.CommitPosition, first.CommitPosition+1, "positions are sparse")

	events := read(t, c, "s-1", esdb.ReadStreamOptions{From: esdb.Start{}})
	require.Equal(t, []uint64{0, 1, 2}, revisions(events))
	last := events[2].Event
	require.Equal(t, "Third", last.EventType)
	require.Equal(t, "application/json", last.ContentType)
	require.JSONEq(t, `{"kind":"Third"}`, string(last.Data))
	require.JSONEq(t, `{"m":1}`, string(last.UserMetadata))
	require.Equal(t, esdb.Position{Commit: second.CommitPosition, Prepare: second.PreparePosition}, last.Position)
	require.False(t, last.CreatedDate.IsZero())
}

func TestAppend_WrongRevision_IsAMessageWithBothRevisions(t *testing.T) {
	c := connect(t, start(t).ConnectionString())
	write(t, c, "s-1", esdb.NoStream{}, batch(2)...)
	cases := map[string]struct {
		stream   string
		expected esdb.ExpectedRevision
		text     string
	}{
		"no stream":     {"s-1", esdb.NoStream{}, "expecting 'no_stream' but got '1'"},
		"behind":        {"s-1", esdb.Revision(0), "expecting '0' but got '1'"},
		"ahead":         {"s-1", esdb.Revision(7), "expecting '7' but got '1'"},
		"missing":       {"s-2", esdb.Revision(0), "expecting '0' but got 'no_stream'"},
		"stream exists": {"s-2", esdb.StreamExists{}, "expecting 'stream_exists' but got 'no_stream'"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := c.AppendToStream(patient(t), test.stream, esdb.AppendToStreamOptions{ExpectedRevision: test.expected}, some("Late"))
			require.Equal(t, esdb.ErrorCodeWrongExpectedVersion, code(err))
			require.ErrorContains(t, err, test.text)
		})
	}
	require.Len(t, read(t, c, "s-1", esdb.ReadStreamOptions{From: esdb.Start{}}), 2)
}

func TestAppend_Repeated_AnswersAsTheFirstTime(t *testing.T) {
	c := connect(t, start(t).ConnectionString())
	events := batch(3)
	first := write(t, c, "s-1", esdb.NoStream{}, events...)
	write(t, c, "s-1", esdb.Revision(2), some("Later"))
	require.Equal(t, first, write(t, c, "s-1", esdb.NoStream{}, events...))
	require.Len(t, read(t, c, "s-1", esdb.ReadStreamOptions{From: esdb.Start{}}), 4)
}

func TestAppend_RepeatedInPart_IsAConflictUnlessItIsAPrefix(t *testing.T) {
	c := connect(t, start(t).ConnectionString())
	events := batch(3)
	write(t, c, "s-1", esdb.NoStream{}, events...)
	for name, again := range map[string][]esdb.EventData{
		"longer":    append(append([]esdb.EventData{}, events...), some("More")),
		"different": {events[0], some("Other"), events[2]},
		"shifted":   {events[1]},
	} {
		_, err := c.AppendToStream(patient(t), "s-1", esdb.AppendToStreamOptions{ExpectedRevision: esdb.NoStream{}}, again...)
		require.Equal(t, esdb.ErrorCodeWrongExpectedVersion, code(err), name)
	}
	require.EqualValues(t, 1, write(t, c, "s-1", esdb.NoStream{}, events[:2]...).NextExpectedVersion)
	require.EqualValues(t, 2, write(t, c, "s-1", esdb.Revision(0), events[1:]...).NextExpectedVersion)
	require.Len(t, read(t, c, "s-1", esdb.ReadStreamOptions{From: esdb.Start{}}), 3)
}

func TestAppend_ExpectedIsCurrent_TheSameIDMayStandTwice(t *testing.T) {
	c := connect(t, start(t).ConnectionString())
	event := some("Twice")
	write(t, c, "s-1", esdb.NoStream{}, event)
	require.EqualValues(t, 1, write(t, c, "s-1", esdb.Revision(0), event).NextExpectedVersion)
}

func TestAppend_AnyRevision_KnowsOnlyRecentIDs(t *testing.T) {
	for name, expected := range map[string]esdb.ExpectedRevision{"any": esdb.Any{}, "stream exists": esdb.StreamExists{}} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			c := connect(t, s.ConnectionString())
			events := batch(2)
			write(t, c, "s-1", esdb.NoStream{}, some("Zeroth"))
			first := write(t, c, "s-1", expected, events...)
			require.Equal(t, first, write(t, c, "s-1", expected, events...))

			_, err := c.AppendToStream(patient(t), "s-1", esdb.AppendToStreamOptions{ExpectedRevision: expected}, events[0], some("New"))
			require.Equal(t, esdb.ErrorCodeWrongExpectedVersion, code(err), "a known first and an unknown second")
			require.EqualValues(t, 0, write(t, c, "s-2", esdb.Any{}, events[0]).NextExpectedVersion, "ids are known by stream")

			require.NoError(t, s.Cluster().SetLeader(-1))
			require.NoError(t, s.Cluster().SetLeader(0))
			require.EqualValues(t, 4, write(t, c, "s-1", expected, events...).NextExpectedVersion, "a new leader knows none and writes again")
		})
	}
}

func TestAppend_TooLarge_IsRefusedWhole(t *testing.T) {
	s := startWith(t, standin.Options{MaxAppendBytes: 4096})
	c := connect(t, s.ConnectionString())
	fits := some("Big")
	fits.Data = bytes.Repeat([]byte("x"), 4096-len(fits.Metadata)-2*len(fits.EventType))
	write(t, c, "s-1", esdb.NoStream{}, fits)

	raw, err := streams.NewStreamsClient(dial(t, s)).Append(patient(t))
	require.NoError(t, err)
	require.NoError(t, raw.Send(header("s-2")))
	require.NoError(t, raw.Send(proposal(4000)))
	require.NoError(t, raw.Send(proposal(4000)))
	_, err = raw.CloseAndRecv()
	require.Equal(t, codes.InvalidArgument, status.Code(err))
	require.Equal(t, []string{"maximum-append-size-exceeded"}, raw.Trailer().Get("exception"))
	require.Equal(t, []string{"4096"}, raw.Trailer().Get("maximum-append-size"))
	_, err = drain(c.ReadStream(patient(t), "s-2", esdb.ReadStreamOptions{From: esdb.Start{}}, 10))
	require.Equal(t, esdb.ErrorCodeResourceNotFound, code(err))
}

func TestAppend_OfTheRealLimit_SurvivesTheJournal(t *testing.T) {
	dir := t.TempDir()
	s, err := standin.New(standin.Options{Dir: dir})
	require.NoError(t, err)
	big := some("Big")
	big.Data = []byte(strings.Repeat("x", 1<<20-200))
	write(t, connect(t, s.ConnectionString()), "s-1", esdb.NoStream{}, big)
	require.NoError(t, s.Close())
	s = startWith(t, standin.Options{Dir: dir})
	events := read(t, connect(t, s.ConnectionString()), "s-1", esdb.ReadStreamOptions{From: esdb.Start{}})
	require.Len(t, events, 1)
	require.Equal(t, big.Data, events[0].Event.Data)
}

func TestAppend_Malformed_IsAnInvalidArgument(t *testing.T) {
	client := streams.NewStreamsClient(dial(t, start(t)))
	unnamed := proposal(1)
	delete(unnamed.GetProposedMessage().Metadata, "type")
	anonymous := proposal(1)
	anonymous.GetProposedMessage().Id = nil
	for name, messages := range map[string][]*streams.AppendReq{
		"nothing":      nil,
		"no options":   {proposal(1)},
		"no stream":    {header("")},
		"$all":         {header("$all")},
		"two options":  {header("s-1"), header("s-1")},
		"without type": {header("s-1"), unnamed},
		"without id":   {header("s-1"), anonymous},
	} {
		t.Run(name, func(t *testing.T) {
			raw, err := client.Append(patient(t))
			require.NoError(t, err)
			for _, m := range messages {
				require.NoError(t, raw.Send(m))
			}
			_, err = raw.CloseAndRecv()
			require.Equal(t, codes.InvalidArgument, status.Code(err), "%v", err)
		})
	}
}

func TestAppend_Nothing_TellsWhereTheStreamStands(t *testing.T) {
	c := connect(t, start(t).ConnectionString())
	write(t, c, "s-1", esdb.NoStream{}, batch(3)...)
	require.EqualValues(t, 2, write(t, c, "s-1", esdb.Revision(2)).NextExpectedVersion)
	_, err := c.AppendToStream(patient(t), "s-1", esdb.AppendToStreamOptions{ExpectedRevision: esdb.Revision(1)})
	require.Equal(t, esdb.ErrorCodeWrongExpectedVersion, code(err))
}

func TestAppend_Racing_OneWins(t *testing.T) {
	c := connect(t, start(t).ConnectionString())
	const writers = 16
	won := make(chan bool, writers)
	ctx := patient(t)
	for range writers {
		go func() {
			_, err := c.AppendToStream(ctx, "s-1", esdb.AppendToStreamOptions{ExpectedRevision: esdb.NoStream{}}, some("Raced"))
			won <- err == nil
		}()
	}
	winners := 0
	for range writers {
		if <-won {
			winners++
		}
	}
	require.Equal(t, 1, winners)
	require.Len(t, read(t, c, "s-1", esdb.ReadStreamOptions{From: esdb.Start{}}), 1)
}

func TestDelete_Softly_HidesAndGoesOn(t *testing.T) {
	c := connect(t, start(t).ConnectionString())
	write(t, c, "s-1", esdb.NoStream{}, batch(3)...)
	_, err := c.DeleteStream(patient(t), "s-1", esdb.DeleteStreamOptions{ExpectedRevision: esdb.Revision(2)})
	require.NoError(t, err)
	_, err = drain(c.ReadStream(patient(t), "s-1", esdb.ReadStreamOptions{From: esdb.Start{}}, 10))
	require.Equal(t, esdb.ErrorCodeResourceNotFound, code(err))
	require.Equal(t, []string{"0@s-1", "1@s-1", "2@s-1"}, users(readAll(t, c, esdb.ReadAllOptions{From: esdb.Start{}})), "they stay in $all")

	_, err = c.AppendToStream(patient(t), "s-1", esdb.AppendToStreamOptions{ExpectedRevision: esdb.StreamExists{}}, some("Late"))
	require.Equal(t, esdb.ErrorCodeStreamDeleted, code(err))
	require.EqualValues(t, 3, write(t, c, "s-1", esdb.NoStream{}, some("Again")).NextExpectedVersion)
	require.Equal(t, []uint64{3}, revisions(read(t, c, "s-1", esdb.ReadStreamOptions{From: esdb.Start{}})))
}

func TestDelete_WrongRevision_IsAFailedPreconditionWithTrailers(t *testing.T) {
	s := start(t)
	c := connect(t, s.ConnectionString())
	write(t, c, "s-1", esdb.NoStream{}, batch(3)...)
	_, err := c.DeleteStream(patient(t), "s-1", esdb.DeleteStreamOptions{ExpectedRevision: esdb.Revision(1)})
	require.Equal(t, esdb.ErrorCodeUnknown, code(err))
	require.Equal(t, codes.FailedPrecondition, statusOf(err))

	var trailer metadata.MD
	_, err = streams.NewStreamsClient(dial(t, s)).Tombstone(patient(t), &streams.TombstoneReq{Options: &streams.TombstoneReq_Options{
		StreamIdentifier:       &shared.StreamIdentifier{StreamName: []byte("s-1")},
		ExpectedStreamRevision: &streams.TombstoneReq_Options_NoStream{NoStream: &shared.Empty{}},
	}}, grpc.Trailer(&trailer))
	require.Equal(t, codes.FailedPrecondition, status.Code(err))
	require.Equal(t, []string{"wrong-expected-version"}, trailer.Get("exception"))
	require.Equal(t, []string{"2"}, trailer.Get("actual-version"))
}

func TestTombstone_EndsTheStreamForGood(t *testing.T) {
	c := connect(t, start(t).ConnectionString())
	write(t, c, "s-1", esdb.NoStream{}, batch(2)...)
	sub, err := c.SubscribeToStream(patient(t), "s-1", esdb.SubscribeToStreamOptions{From: esdb.Start{}})
	require.NoError(t, err)
	defer sub.Close()
	appeared(t, sub)
	appeared(t, sub)
	_, err = c.TombstoneStream(patient(t), "s-1", esdb.TombstoneStreamOptions{ExpectedRevision: esdb.Any{}})
	require.NoError(t, err)

	_, err = drain(c.ReadStream(patient(t), "s-1", esdb.ReadStreamOptions{From: esdb.Start{}}, 10))
	require.Equal(t, esdb.ErrorCodeStreamDeleted, code(err))
	for _, expected := range []esdb.ExpectedRevision{esdb.Any{}, esdb.NoStream{}, esdb.Revision(1)} {
		_, err = c.AppendToStream(patient(t), "s-1", esdb.AppendToStreamOptions{ExpectedRevision: expected}, some("Late"))
		require.Equal(t, esdb.ErrorCodeStreamDeleted, code(err))
	}
	ended := sub.Recv()
	for ended.SubscriptionDropped == nil {
		ended = sub.Recv()
	}
	require.Equal(t, codes.FailedPrecondition, status.Code(ended.SubscriptionDropped.Error))
	all := readAll(t, c, esdb.ReadAllOptions{From: esdb.End{}, Direction: esdb.Backwards})
	require.Equal(t, "$streamDeleted", all[0].Event.EventType)
}

func header(stream string) *streams.AppendReq {
	return &streams.AppendReq{Content: &streams.AppendReq_Options_{Options: &streams.AppendReq_Options{
		StreamIdentifier:       &shared.StreamIdentifier{StreamName: []byte(stream)},
		ExpectedStreamRevision: &streams.AppendReq_Options_Any{Any: &shared.Empty{}},
	}}}
}

func proposal(size int) *streams.AppendReq {
	return &streams.AppendReq{Content: &streams.AppendReq_ProposedMessage_{ProposedMessage: &streams.AppendReq_ProposedMessage{
		Id:       &shared.UUID{Value: &shared.UUID_String_{String_: uuid.NewString()}},
		Metadata: map[string]string{"type": "T", "content-type": "application/json"},
		Data:     bytes.Repeat([]byte("x"), size),
	}}}
}

// statusOf is the status that the client wrapped.
func statusOf(err error) codes.Code {
	s, _ := status.FromError(err)
	return s.Code()
}

func TestBatchAppend_ManyOverOneCall_AreAnsweredEach(t *testing.T) {
	s := startWith(t, standin.Options{MaxAppendBytes: 4096})
	call, err := streams.NewStreamsClient(dial(t, s)).BatchAppend(patient(t))
	require.NoError(t, err)
	ask := func(id string, options *streams.BatchAppendReq_Options, final bool, sizes ...int) {
		m := &streams.BatchAppendReq{CorrelationId: &shared.UUID{Value: &shared.UUID_String_{String_: id}}, Options: options, IsFinal: final}
		for _, size := range sizes {
			p := proposal(size).GetProposedMessage()
			m.ProposedMessages = append(m.ProposedMessages, &streams.BatchAppendReq_ProposedMessage{Id: p.Id, Metadata: p.Metadata, Data: p.Data})
		}
		require.NoError(t, call.Send(m))
	}
	heard := func(id string) *streams.BatchAppendResp {
		response, err := call.Recv()
		require.NoError(t, err)
		require.Equal(t, id, response.GetCorrelationId().GetString_())
		return response
	}
	fresh := func(stream string) *streams.BatchAppendReq_Options {
		return &streams.BatchAppendReq_Options{StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte(stream)},
			ExpectedStreamPosition: &streams.BatchAppendReq_Options_NoStream{NoStream: &emptypb.Empty{}}}
	}
	one, two := uuid.NewString(), uuid.NewString()
	ask(one, fresh("s-1"), false, 10, 10)
	ask(two, fresh("s-2"), true, 10)
	ask(one, nil, true, 10)
	require.EqualValues(t, 0, heard(two).GetSuccess().GetCurrentRevision())
	first := heard(one).GetSuccess()
	require.EqualValues(t, 2, first.GetCurrentRevision())
	require.NotZero(t, first.GetPosition().GetCommitPosition())

	ask(two, fresh("s-1"), true, 10)
	refused := heard(two).GetError()
	require.Equal(t, codes.AlreadyExists, codes.Code(refused.GetCode()))
	var wrong shared.WrongExpectedVersion
	require.NoError(t, refused.GetDetails()[0].UnmarshalTo(&wrong))
	require.EqualValues(t, 2, wrong.GetCurrentStreamRevision())
	require.NotNil(t, wrong.GetExpectedNoStream())

	ask(one, fresh("s-3"), true, 4000, 4000)
	require.Equal(t, "MaximumAppendSizeExceeded", heard(one).GetError().GetMessage())
	ask(one, fresh("$all"), true, 10)
	require.Equal(t, "BadRequest", heard(one).GetError().GetMessage())
	require.NoError(t, call.CloseSend())
	_, err = call.Recv()
	require.ErrorIs(t, err, io.EOF)
}
