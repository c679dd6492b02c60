package standin_test

import (
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/stretchr/testify/require"

	"asprak/infrastructure/eventstoredb/standin"
)

func TestRestart_EverythingStands(t *testing.T) {
	dir := t.TempDir()
	s, err := standin.New(standin.Options{Dir: dir, TimeoutCheck: tick})
	require.NoError(t, err)
	c := connect(t, s.ConnectionString())
	events := batch(4)
	write(t, c, "s-1", esdb.NoStream{}, events...)
	write(t, c, "gone", esdb.NoStream{}, some("Gone"))
	write(t, c, "ended", esdb.NoStream{}, some("Ended"))
	_, err = c.DeleteStream(patient(t), "gone", esdb.DeleteStreamOptions{ExpectedRevision: esdb.Any{}})
	require.NoError(t, err)
	_, err = c.TombstoneStream(patient(t), "ended", esdb.TombstoneStreamOptions{ExpectedRevision: esdb.Any{}})
	require.NoError(t, err)
	group(t, c, "s-1", eager())
	sub := join(t, c, "s-1", 1)
	require.NoError(t, sub.Ack(delivered(t, sub).Event))
	require.NoError(t, sub.Nack("enough", esdb.NackActionPark, delivered(t, sub).Event))
	require.NoError(t, sub.Nack("again", esdb.NackActionRetry, delivered(t, sub).Event))
	eventually(t, "the second is checkpointed", func() bool {
		at := groupInfo(t, c, "s-1").Stats.LastCheckpointedEventRevision
		return at != nil && *at == 1
	})
	before := readAll(t, c, esdb.ReadAllOptions{From: esdb.Start{}})
	address := s.Address()
	require.NoError(t, s.Close())

	s = startWith(t, standin.Options{Dir: dir, Listen: address, TimeoutCheck: tick})
	require.Equal(t, address, s.Address())
	c = connect(t, s.ConnectionString())
	require.Equal(t, before, readAll(t, c, esdb.ReadAllOptions{From: esdb.Start{}})[:len(before)])
	require.EqualValues(t, 3, write(t, c, "s-1", esdb.NoStream{}, events...).NextExpectedVersion, "a repetition is known")
	require.EqualValues(t, 4, write(t, c, "s-1", esdb.Any{}, events[0]).NextExpectedVersion, "without an exact revision it is not")
	_, err = drain(c.ReadStream(patient(t), "gone", esdb.ReadStreamOptions{From: esdb.Start{}}, 10))
	require.Equal(t, esdb.ErrorCodeResourceNotFound, code(err))
	_, err = drain(c.ReadStream(patient(t), "ended", esdb.ReadStreamOptions{From: esdb.Start{}}, 10))
	require.Equal(t, esdb.ErrorCodeStreamDeleted, code(err))

	sub = join(t, c, "s-1", 10)
	first := delivered(t, sub)
	require.EqualValues(t, 2, number(first), "behind the checkpoint")
	require.Equal(t, 0, first.RetryCount, "its retry was in memory only")
	require.NoError(t, c.ReplayParkedMessages(patient(t), "s-1", "g", esdb.ReplayParkedMessagesOptions{}))
	for e := delivered(t, sub); e.Event.Link == nil; {
		e = delivered(t, sub)
	}
}
