package standin_test

import (
	"fmt"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/stretchr/testify/require"
)

func TestSubscribe_Stream_CatchesUpAndGoesOn(t *testing.T) {
	c := connect(t, start(t).ConnectionString())
	write(t, c, "s-1", esdb.NoStream{}, batch(3)...)
	for name, test := range map[string]struct {
		from esdb.StreamPosition
		want []uint64
	}{
		"start":      {esdb.Start{}, []uint64{0, 1, 2}},
		"revision 0": {esdb.Revision(0), []uint64{1, 2}},
		"end":        {esdb.End{}, nil},
	} {
		sub, err := c.SubscribeToStream(patient(t), "s-1", esdb.SubscribeToStreamOptions{From: test.from})
		require.NoError(t, err)
		defer sub.Close()
		for _, want := range test.want {
			e := sub.Recv()
			require.NotNil(t, e.EventAppeared, name)
			require.Equal(t, want, e.EventAppeared.OriginalEvent().EventNumber, name)
		}
		require.NotNil(t, sub.Recv().CaughtUp, name)
		defer func() { require.EqualValues(t, 3, appeared(t, sub).OriginalEvent().EventNumber, name) }()
	}
	write(t, c, "s-1", esdb.Revision(2), some("Live"))
}

func TestSubscribe_MissingStream_WaitsForIt(t *testing.T) {
	c := connect(t, start(t).ConnectionString())
	sub, err := c.SubscribeToStream(patient(t), "s-1", esdb.SubscribeToStreamOptions{From: esdb.Start{}})
	require.NoError(t, err)
	defer sub.Close()
	require.NotNil(t, sub.Recv().CaughtUp)
	write(t, c, "s-1", esdb.NoStream{}, some("First"))
	require.EqualValues(t, 0, appeared(t, sub).OriginalEvent().EventNumber)
}

func TestSubscribe_AllFromAPosition_StartsBehindIt(t *testing.T) {
	c := connect(t, start(t).ConnectionString())
	at := write(t, c, "s-1", esdb.NoStream{}, some("First"))
	write(t, c, "s-1", esdb.Revision(0), some("Second"))
	sub, err := c.SubscribeToAll(patient(t), esdb.SubscribeToAllOptions{From: esdb.Position{Commit: at.CommitPosition, Prepare: at.PreparePosition}})
	require.NoError(t, err)
	defer sub.Close()
	require.Equal(t, "Second", sub.Recv().EventAppeared.Event.EventType)
	require.NotNil(t, sub.Recv().CaughtUp, "without a filter there is no checkpoint")
}

func TestSubscribe_Filters_ByNameAndTypeByPrefixAndRegex(t *testing.T) {
	c := connect(t, start(t).ConnectionString())
	write(t, c, "apple-1", esdb.NoStream{}, some("Grown"))
	write(t, c, "pear-1", esdb.NoStream{}, some("Picked"))
	write(t, c, "plum-1", esdb.NoStream{}, some("Eaten"))
	for name, test := range map[string]struct {
		filter esdb.SubscriptionFilter
		want   []string
	}{
		"stream prefixes": {esdb.SubscriptionFilter{Type: esdb.StreamFilterType, Prefixes: []string{"apple-", "plum-"}}, []string{"Grown", "Eaten"}},
		"stream regex":    {esdb.SubscriptionFilter{Type: esdb.StreamFilterType, Regex: "^p"}, []string{"Picked", "Eaten"}},
		"type prefix":     {esdb.SubscriptionFilter{Type: esdb.EventFilterType, Prefixes: []string{"Pick"}}, []string{"Picked"}},
		"type regex":      {esdb.SubscriptionFilter{Type: esdb.EventFilterType, Regex: "^(Grown|Picked)$"}, []string{"Grown", "Picked"}},
		"no system":       {*esdb.ExcludeSystemEventsFilter(), []string{"Grown", "Picked", "Eaten"}},
	} {
		t.Run(name, func(t *testing.T) {
			sub, err := c.SubscribeToAll(patient(t), esdb.SubscribeToAllOptions{From: esdb.Start{}, Filter: &test.filter})
			require.NoError(t, err)
			defer sub.Close()
			var found []string
			for {
				e := sub.Recv()
				require.Nil(t, e.SubscriptionDropped)
				if e.CaughtUp != nil {
					break
				}
				if e.EventAppeared != nil {
					found = append(found, e.EventAppeared.Event.EventType)
				}
			}
			require.Equal(t, test.want, found)
		})
	}
}

func TestSubscribe_Filtered_TellsHowFarItHasLooked(t *testing.T) {
	c := connect(t, start(t).ConnectionString())
	var last *esdb.WriteResult
	for i := range 10 {
		last = write(t, c, fmt.Sprintf("other-%d", i), esdb.NoStream{}, some("Other"))
	}
	sub, err := c.SubscribeToAll(patient(t), esdb.SubscribeToAllOptions{
		From: esdb.Start{}, MaxSearchWindow: 2, CheckpointInterval: 2,
		Filter: &esdb.SubscriptionFilter{Type: esdb.StreamFilterType, Prefixes: []string{"wanted-"}},
	})
	require.NoError(t, err)
	defer sub.Close()
	next := func() esdb.Position {
		e := sub.Recv()
		require.NotNil(t, e.CheckPointReached, "%+v", e)
		return *e.CheckPointReached
	}
	all := readAll(t, c, esdb.ReadAllOptions{From: esdb.Start{}})
	require.Len(t, all, 11)
	require.Equal(t, all[3].Event.Position, next())
	require.Equal(t, all[7].Event.Position, next())
	require.Equal(t, last.CommitPosition, next().Commit, "one when it goes live")
	require.NotNil(t, sub.Recv().CaughtUp)

	for i := range 3 {
		write(t, c, fmt.Sprintf("more-%d", i), esdb.NoStream{}, some("Other"))
	}
	wanted := write(t, c, "wanted-1", esdb.NoStream{}, some("Wanted"))
	require.Equal(t, "Wanted", sub.Recv().EventAppeared.Event.EventType)
	require.Equal(t, wanted.CommitPosition, next().Commit, "live ones count on")
}

func TestSubscribe_SlowReader_LosesNothing(t *testing.T) {
	c := connect(t, start(t).ConnectionString())
	sub, err := c.SubscribeToStream(patient(t), "s-1", esdb.SubscribeToStreamOptions{From: esdb.Start{}})
	require.NoError(t, err)
	defer sub.Close()
	const batches, size = 20, 50
	for i := range batches {
		expected := esdb.ExpectedRevision(esdb.NoStream{})
		if i > 0 {
			expected = esdb.Revision(uint64(i*size - 1))
		}
		events := batch(size)
		events[0].Data = make([]byte, 100_000)
		write(t, c, "s-1", expected, events...)
	}
	for want := range uint64(batches * size) {
		require.Equal(t, want, appeared(t, sub).OriginalEvent().EventNumber)
	}
}
