package standin_test

import (
	"math"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestRead_Stream_BothWaysFromAnywhere(t *testing.T) {
	c := connect(t, start(t).ConnectionString())
	write(t, c, "s-1", esdb.NoStream{}, batch(5)...)
	for name, test := range map[string]struct {
		options esdb.ReadStreamOptions
		want    []uint64
	}{
		"forwards":            {esdb.ReadStreamOptions{From: esdb.Start{}}, []uint64{0, 1, 2, 3, 4}},
		"from a revision":     {esdb.ReadStreamOptions{From: esdb.Revision(3)}, []uint64{3, 4}},
		"from behind the end": {esdb.ReadStreamOptions{From: esdb.Revision(9)}, nil},
		"from the end":        {esdb.ReadStreamOptions{From: esdb.End{}}, nil},
		"backwards":           {esdb.ReadStreamOptions{From: esdb.End{}, Direction: esdb.Backwards}, []uint64{4, 3, 2, 1, 0}},
		"back from":           {esdb.ReadStreamOptions{From: esdb.Revision(1), Direction: esdb.Backwards}, []uint64{1, 0}},
		"back from far":       {esdb.ReadStreamOptions{From: esdb.Revision(99), Direction: esdb.Backwards}, []uint64{4, 3, 2, 1, 0}},
	} {
		require.Equal(t, test.want, revisions(read(t, c, "s-1", test.options)), name)
	}
	limited, err := drain(c.ReadStream(patient(t), "s-1", esdb.ReadStreamOptions{From: esdb.Start{}}, 2))
	require.NoError(t, err)
	require.Equal(t, []uint64{0, 1}, revisions(limited))
	_, err = drain(c.ReadStream(patient(t), "s-2", esdb.ReadStreamOptions{From: esdb.Start{}}, 2))
	require.Equal(t, esdb.ErrorCodeResourceNotFound, code(err))
}

func TestRead_All_IsOneOrderOfEverything(t *testing.T) {
	c := connect(t, start(t).ConnectionString())
	write(t, c, "s-1", esdb.NoStream{}, batch(2)...)
	write(t, c, "s-2", esdb.NoStream{}, batch(1)...)
	middle := write(t, c, "s-1", esdb.Revision(1), some("Third"))
	write(t, c, "s-2", esdb.Revision(0), some("Fourth"))

	all := readAll(t, c, esdb.ReadAllOptions{From: esdb.Start{}})
	require.Equal(t, []string{"0@s-1", "1@s-1", "0@s-2", "2@s-1", "1@s-2"}, users(all))
	require.Greater(t, len(all), 5, "there are system events too")
	for i := 1; i < len(all); i++ {
		require.Less(t, all[i-1].Event.Position.Commit, all[i].Event.Position.Commit)
	}
	at := esdb.Position{Commit: middle.CommitPosition, Prepare: middle.PreparePosition}
	require.Equal(t, []string{"2@s-1", "1@s-2"}, users(readAll(t, c, esdb.ReadAllOptions{From: at})), "forwards from a position takes it in")
	require.Equal(t, []string{"0@s-2", "1@s-1", "0@s-1"}, users(readAll(t, c, esdb.ReadAllOptions{From: at, Direction: esdb.Backwards})), "backwards does not")
	require.Equal(t, "1@s-2", users(readAll(t, c, esdb.ReadAllOptions{From: esdb.End{}, Direction: esdb.Backwards}))[0])
}

func TestRead_AllFromNoRecord_IsAnInvalidArgument(t *testing.T) {
	c := connect(t, start(t).ConnectionString())
	at := write(t, c, "s-1", esdb.NoStream{}, some("First")).CommitPosition
	for _, p := range []esdb.Position{{Commit: at + 1, Prepare: at + 1}, {Commit: at, Prepare: at - 1}, {Commit: at + 1<<40, Prepare: at + 1<<40}} {
		_, err := drain(c.ReadAll(patient(t), esdb.ReadAllOptions{From: p}, 10))
		require.Equal(t, codes.InvalidArgument, statusOf(err), "%v", p)
	}
}

func TestRead_MetadataStream_HoldsOneVersion(t *testing.T) {
	c := connect(t, start(t).ConnectionString())
	write(t, c, "s-1", esdb.NoStream{}, batch(5)...)
	for _, count := range []uint64{1, 2} {
		meta := esdb.StreamMetadata{}
		meta.SetMaxCount(count)
		_, err := c.SetStreamMetadata(patient(t), "s-1", esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}}, meta)
		require.NoError(t, err)
	}
	versions := read(t, c, "$$s-1", esdb.ReadStreamOptions{From: esdb.Start{}})
	require.Equal(t, []uint64{1}, revisions(versions))
	require.Equal(t, "$metadata", versions[0].Event.EventType)
	require.Equal(t, []uint64{3, 4}, revisions(read(t, c, "s-1", esdb.ReadStreamOptions{From: esdb.Start{}})), "$maxCount hides the older ones")
	require.Equal(t, []uint64{4, 3}, revisions(read(t, c, "s-1", esdb.ReadStreamOptions{From: esdb.End{}, Direction: esdb.Backwards})))
}

func TestRead_TruncatedOrExpired_HidesEventsButNotTheStream(t *testing.T) {
	c := connect(t, start(t).ConnectionString())
	write(t, c, "s-1", esdb.NoStream{}, batch(3)...)
	meta := esdb.StreamMetadata{}
	meta.SetTruncateBefore(2)
	_, err := c.SetStreamMetadata(patient(t), "s-1", esdb.AppendToStreamOptions{ExpectedRevision: esdb.NoStream{}}, meta)
	require.NoError(t, err)
	require.Equal(t, []uint64{2}, revisions(read(t, c, "s-1", esdb.ReadStreamOptions{From: esdb.Start{}})))

	old := esdb.StreamMetadata{}
	old.SetMaxAge(time.Second)
	_, err = c.SetStreamMetadata(patient(t), "s-1", esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}}, old)
	require.NoError(t, err)
	eventually(t, "no error and no event", func() bool {
		events, err := drain(c.ReadStream(patient(t), "s-1", esdb.ReadStreamOptions{From: esdb.Start{}}, 10))
		return err == nil && len(events) == 0
	})
}

func TestRead_Links_ResolveWhenAsked(t *testing.T) {
	c := connect(t, start(t).ConnectionString())
	write(t, c, "s-1", esdb.NoStream{}, batch(2)...)
	link := func(to string) esdb.EventData {
		e := some("$>")
		e.ContentType, e.Data = esdb.ContentTypeBinary, []byte(to)
		return e
	}
	write(t, c, "links", esdb.NoStream{}, link("1@s-1"), link("7@s-1"))

	plain := read(t, c, "links", esdb.ReadStreamOptions{From: esdb.Start{}})
	require.Nil(t, plain[0].Link)
	require.Equal(t, "$>", plain[0].Event.EventType)
	found := read(t, c, "links", esdb.ReadStreamOptions{From: esdb.Start{}, ResolveLinkTos: true})
	require.Equal(t, "Kind1", found[0].Event.EventType)
	require.EqualValues(t, 0, found[0].Link.EventNumber)
	require.Equal(t, found[0].Link, found[0].OriginalEvent())
	require.Nil(t, found[1].Event, "there is nothing behind it")
	require.NotNil(t, found[1].Link)

	_, err := c.DeleteStream(patient(t), "s-1", esdb.DeleteStreamOptions{ExpectedRevision: esdb.Any{}})
	require.NoError(t, err)
	require.Nil(t, read(t, c, "links", esdb.ReadStreamOptions{From: esdb.Start{}, ResolveLinkTos: true})[0].Event)
}

func TestRead_Raw_ChecksWhatItIsAsked(t *testing.T) {
	s := start(t)
	write(t, connect(t, s.ConnectionString()), "s-1", esdb.NoStream{}, batch(2)...)
	client := streams.NewStreamsClient(dial(t, s))
	ask := func(change func(*streams.ReadReq_Options)) (*streams.ReadResp, error) {
		o := &streams.ReadReq_Options{
			StreamOption: &streams.ReadReq_Options_All{All: &streams.ReadReq_Options_AllOptions{AllOption: &streams.ReadReq_Options_AllOptions_Start{Start: &shared.Empty{}}}},
			CountOption:  &streams.ReadReq_Options_Count{Count: 100},
			FilterOption: &streams.ReadReq_Options_NoFilter{NoFilter: &shared.Empty{}},
			UuidOption:   &streams.ReadReq_Options_UUIDOption{Content: &streams.ReadReq_Options_UUIDOption_String_{String_: &shared.Empty{}}},
		}
		change(o)
		call, err := client.Read(patient(t), &streams.ReadReq{Options: o})
		require.NoError(t, err)
		return call.Recv()
	}
	filtered := func(f *streams.ReadReq_Options_FilterOptions) func(*streams.ReadReq_Options) {
		return func(o *streams.ReadReq_Options) { o.FilterOption = &streams.ReadReq_Options_Filter{Filter: f} }
	}
	byType := func(prefix ...string) *streams.ReadReq_Options_FilterOptions_EventType {
		return &streams.ReadReq_Options_FilterOptions_EventType{EventType: &streams.ReadReq_Options_FilterOptions_Expression{Prefix: prefix}}
	}
	for name, change := range map[string]func(*streams.ReadReq_Options){
		"no uuid option":   func(o *streams.ReadReq_Options) { o.UuidOption = nil },
		"no stream option": func(o *streams.ReadReq_Options) { o.StreamOption = nil },
		"no count option":  func(o *streams.ReadReq_Options) { o.CountOption = nil },
		"no filter option": func(o *streams.ReadReq_Options) { o.FilterOption = nil },
		"multiplier 0":     filtered(&streams.ReadReq_Options_FilterOptions{Filter: byType("K")}),
		"empty expression": filtered(&streams.ReadReq_Options_FilterOptions{Filter: byType(), CheckpointIntervalMultiplier: 1}),
		"backwards for all": func(o *streams.ReadReq_Options) {
			o.CountOption, o.ReadDirection = &streams.ReadReq_Options_Subscription{}, 1
		},
	} {
		_, err := ask(change)
		require.Equal(t, codes.InvalidArgument, status.Code(err), name)
	}
	first, err := ask(filtered(&streams.ReadReq_Options_FilterOptions{Filter: byType("Kind1"), CheckpointIntervalMultiplier: 1}))
	require.NoError(t, err)
	event := first.GetEvent().GetEvent()
	require.Equal(t, "Kind1", event.GetMetadata()["type"], "a read can be filtered too")
	require.Len(t, event.GetId().GetString_(), 36)
	require.Equal(t, event.GetCommitPosition(), first.GetEvent().GetCommitPosition())
	last, err := ask(func(o *streams.ReadReq_Options) {
		o.ReadDirection = streams.ReadReq_Options_Backwards
		o.StreamOption = &streams.ReadReq_Options_All{All: &streams.ReadReq_Options_AllOptions{AllOption: &streams.ReadReq_Options_AllOptions_Position{
			Position: &streams.ReadReq_Options_Position{CommitPosition: math.MaxUint64, PreparePosition: math.MaxUint64}}}}
	})
	require.NoError(t, err)
	require.Equal(t, "Kind1", last.GetEvent().GetEvent().GetMetadata()["type"], "the largest position is the end")
}
