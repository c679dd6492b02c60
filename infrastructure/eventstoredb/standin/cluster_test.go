package standin_test

import (
	"context"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"asprak/infrastructure/eventstoredb/standin"
)

func startCluster(t *testing.T, nodes int) *standin.Cluster {
	t.Helper()
	c, err := standin.NewCluster(nodes, standin.Options{TimeoutCheck: tick})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

func TestCluster_Gossip_TellsStatesAndLife(t *testing.T) {
	cluster := startCluster(t, 3)
	require.NoError(t, cluster.SetLeader(1))
	cluster.Node(2).Stop()
	info, err := gossip.NewGossipClient(dial(t, cluster.Node(0))).Read(patient(t), &shared.Empty{})
	require.NoError(t, err)
	require.Len(t, info.Members, 3)
	require.Equal(t, gossip.MemberInfo_Follower, info.Members[0].State)
	require.Equal(t, gossip.MemberInfo_Leader, info.Members[1].State)
	require.True(t, info.Members[1].IsAlive)
	require.False(t, info.Members[2].IsAlive)
	require.Equal(t, "127.0.0.1", info.Members[1].HttpEndPoint.Address)
}

func TestCluster_ClientWithSeeds_FindsTheLeader(t *testing.T) {
	cluster := startCluster(t, 3)
	require.NoError(t, cluster.SetLeader(2))
	c := connect(t, cluster.ConnectionString())
	write(t, c, "s-1", esdb.NoStream{}, some("First"))
	group(t, c, "s-1", eager())
	require.EqualValues(t, 0, number(delivered(t, join(t, c, "s-1", 10))), "persistent subscriptions are the leader's alone")
}

func TestCluster_Follower_ForwardsWritesAndRedirectsGroups(t *testing.T) {
	cluster := startCluster(t, 2)
	c := connect(t, cluster.Node(1).ConnectionString())
	write(t, c, "s-1", esdb.NoStream{}, some("First"))

	options := esdb.PersistentStreamSubscriptionOptions{Settings: eager(), StartFrom: esdb.Start{}}
	err := c.CreatePersistentSubscription(patient(t), "s-1", "g", options)
	require.Equal(t, esdb.ErrorCodeNotLeader, code(err))
	require.NoError(t, c.CreatePersistentSubscription(patient(t), "s-1", "g", options), "the client has gone over to the leader")
}

func TestCluster_FollowerThatDoesNotForward_RedirectsWrites(t *testing.T) {
	cluster := startCluster(t, 2)
	cluster.SetForwarding(false)
	c := connect(t, cluster.Node(1).ConnectionString())
	_, err := c.AppendToStream(patient(t), "s-1", esdb.AppendToStreamOptions{ExpectedRevision: esdb.NoStream{}}, some("First"))
	require.Equal(t, esdb.ErrorCodeNotLeader, code(err))
	write(t, c, "s-1", esdb.NoStream{}, some("First"))
}

func TestCluster_RequiresLeader_IsHeeded(t *testing.T) {
	cluster := startCluster(t, 2)
	follower := dial(t, cluster.Node(1))
	ctx := metadata.AppendToOutgoingContext(patient(t), "requires-leader", "true")
	var trailer metadata.MD
	raw, err := streams.NewStreamsClient(follower).Append(ctx, grpc.Trailer(&trailer))
	require.NoError(t, err)
	require.NoError(t, raw.Send(header("s-1")))
	_, err = raw.CloseAndRecv()
	require.Equal(t, codes.NotFound, status.Code(err))
	require.Equal(t, []string{"not-leader"}, raw.Trailer().Get("exception"))
	require.Equal(t, cluster.Node(0).Address(), raw.Trailer().Get("leader-endpoint-host")[0]+":"+raw.Trailer().Get("leader-endpoint-port")[0])

	_, err = persistent.NewPersistentSubscriptionsClient(follower).List(patient(t), &persistent.ListReq{}, grpc.Trailer(&trailer))
	require.Equal(t, codes.NotFound, status.Code(err))
	require.Equal(t, []string{"not-leader"}, trailer.Get("exception"))
}

func TestCluster_LeaderChanges_GroupsEndAndCatchUpsGoOn(t *testing.T) {
	cluster := startCluster(t, 2)
	old, next := connect(t, cluster.Node(0).ConnectionString()), connect(t, cluster.Node(1).ConnectionString())
	write(t, old, "s-1", esdb.NoStream{}, batch(2)...)
	group(t, old, "s-1", eager())
	consumer := join(t, old, "s-1", 10)
	first := delivered(t, consumer)
	require.NoError(t, consumer.Ack(first.Event))
	eventually(t, "the first is checkpointed", func() bool { return groupInfo(t, old, "s-1").Stats.LastCheckpointedEventRevision != nil })
	sub, err := old.SubscribeToStream(patient(t), "s-1", esdb.SubscribeToStreamOptions{From: esdb.Revision(1)})
	require.NoError(t, err)
	defer sub.Close()

	require.NoError(t, cluster.SetLeader(1))
	delivered(t, consumer) // was out before
	ended := consumer.Recv().SubscriptionDropped
	require.NotNil(t, ended)
	require.Equal(t, codes.Canceled, status.Code(ended.Error))
	require.EqualValues(t, 1, number(delivered(t, join(t, next, "s-1", 10))), "from the checkpoint on")

	write(t, old, "s-1", esdb.Revision(1), some("Forwarded"))
	require.EqualValues(t, 2, appeared(t, sub).OriginalEvent().EventNumber)
}

func TestCluster_NoLeader_IsNotReadyForWrites(t *testing.T) {
	cluster := startCluster(t, 2)
	c := connect(t, cluster.Node(0).ConnectionString())
	write(t, c, "s-1", esdb.NoStream{}, some("First"))
	require.NoError(t, cluster.SetLeader(-1))
	_, err := c.AppendToStream(patient(t), "s-1", esdb.AppendToStreamOptions{ExpectedRevision: esdb.Revision(0)}, some("Second"))
	require.Equal(t, esdb.ErrorUnavailable, code(err))
	require.Len(t, read(t, c, "s-1", esdb.ReadStreamOptions{From: esdb.Start{}}), 1)
	require.Error(t, cluster.SetLeader(7))
}

func TestCluster_LeaderStops_ClientHealsByAnAppend(t *testing.T) {
	cluster := startCluster(t, 2)
	c := connect(t, cluster.ConnectionString())
	write(t, c, "s-1", esdb.NoStream{}, some("First"))
	cluster.Node(0).Stop()
	require.NoError(t, cluster.SetLeader(1))
	second := some("Second")
	eventually(t, "the client finds the new leader", func() bool {
		_, err := c.AppendToStream(patient(t), "s-1", esdb.AppendToStreamOptions{ExpectedRevision: esdb.Revision(0)}, second)
		return err == nil
	})
	require.NoError(t, cluster.Node(0).Start())
	old := connect(t, cluster.Node(0).ConnectionString())
	require.Len(t, read(t, old, "s-1", esdb.ReadStreamOptions{From: esdb.Start{}}), 2, "at the same address again")
}

func TestCluster_FrozenNode_AnswersFromThePast(t *testing.T) {
	cluster := startCluster(t, 2)
	leader, follower := connect(t, cluster.Node(0).ConnectionString()), connect(t, cluster.Node(1).ConnectionString())
	write(t, leader, "s-1", esdb.NoStream{}, some("First"))
	cluster.Node(1).Freeze(true)
	sub, err := follower.SubscribeToStream(patient(t), "s-1", esdb.SubscribeToStreamOptions{From: esdb.Revision(0)})
	require.NoError(t, err)
	defer sub.Close()
	require.NotNil(t, sub.Recv().CaughtUp)
	write(t, leader, "s-1", esdb.Revision(0), some("Second"))
	require.Len(t, read(t, follower, "s-1", esdb.ReadStreamOptions{From: esdb.Start{}}), 1)
	require.Len(t, read(t, leader, "s-1", esdb.ReadStreamOptions{From: esdb.Start{}}), 2)
	cluster.Node(1).Freeze(false)
	require.EqualValues(t, 1, appeared(t, sub).OriginalEvent().EventNumber)
	require.Len(t, read(t, follower, "s-1", esdb.ReadStreamOptions{From: esdb.Start{}}), 2)
}

func TestNew_ClosedTwice_IsFine(t *testing.T) {
	s, err := standin.New(standin.Options{})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	c := connect(t, s.ConnectionString()+"&maxDiscoverAttempts=1&gossipTimeout=1")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err = c.AppendToStream(ctx, "s-1", esdb.AppendToStreamOptions{}, some("Late"))
	require.Error(t, err)
}
