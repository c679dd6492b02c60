package eventstoredb_test

import (
	"sync"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"asprak/application"
	"asprak/infrastructure/eventstoredb"
	"asprak/infrastructure/eventstoredb/standin"
)

func TestConsume_FurtherType_IsRefused(t *testing.T) {
	log := open(t, serve(t).ConnectionString(), eventstoredb.Options{})
	consume(t, log, application.Group{Name: "g", Types: []string{"A", "B"}})
	_, err := log.Consume(bounded(t), application.Group{Name: "g", Types: []string{"A", "C"}})
	require.ErrorContains(t, err, "C")
	// Fewer are allowed: the rest is passed over.
	consumer := consume(t, log, application.Group{Name: "h", Types: []string{"A", "B"}})
	require.NoError(t, consumer.Close())
	fewer := consume(t, log, application.Group{Name: "h", Types: []string{"B"}})
	a, b := event("A"), event("B")
	appendTo(t, log, "s", application.NoStream, a, b)
	require.Equal(t, b.ID, take(t, fewer).ID)
}

// Close right after Ack loses no acknowledgement.
func TestClose_AfterAck_LosesNone(t *testing.T) {
	log := open(t, serve(t).ConnectionString(), eventstoredb.Options{})
	group := application.Group{Name: "g", Types: []string{"T"}, Limit: 8}
	const rounds = 25
	for i := range rounds {
		written := events("T", 8)
		appendTo(t, log, "s", application.Revision(8*i-1), written...)
		consumer := consume(t, log, group)
		var got []uuid.UUID
		for range 8 {
			d := take(t, consumer)
			got = append(got, d.ID)
			require.NoError(t, consumer.Ack(bounded(t), d))
		}
		require.ElementsMatch(t, idsOf(written), got)
		require.NoError(t, consumer.Close())
	}
}

// A message that waits for its retry takes no place among those that may be in flight.
func TestRetry_Waiting_HoldsUpNoOther(t *testing.T) {
	log := open(t, serve(t).ConnectionString(), eventstoredb.Options{})
	consumer := consume(t, log, application.Group{Name: "g", Types: []string{"T"}, Limit: 1})
	written := events("T", 6)
	appendTo(t, log, "s", application.NoStream, written...)
	for range 5 {
		require.NoError(t, consumer.Retry(bounded(t), take(t, consumer), time.Hour))
	}
	last := take(t, consumer)
	require.Equal(t, written[5].ID, last.ID)
	require.NoError(t, consumer.Ack(bounded(t), last))
	require.NoError(t, consumer.Close())

	// Closing ends the wait.
	consumer = consume(t, log, application.Group{Name: "g", Types: []string{"T"}, Limit: 5})
	var again []uuid.UUID
	for range 5 {
		d := take(t, consumer)
		require.Equal(t, 2, d.Attempt)
		again = append(again, d.ID)
	}
	require.ElementsMatch(t, idsOf(written[:5]), again)
}

func TestAnswer_Late_Fails(t *testing.T) {
	log := open(t, serve(t).ConnectionString(), eventstoredb.Options{})
	consumer := consume(t, log, application.Group{Name: "g", Types: []string{"T"}, Limit: 1, Lease: 50 * time.Millisecond})
	appendTo(t, log, "s", application.NoStream, event("T"))
	first := take(t, consumer)
	second := take(t, consumer) // the lease of the first has ended
	require.Equal(t, 2, second.Attempt)
	require.Error(t, consumer.Ack(bounded(t), first))
	require.NoError(t, consumer.Ack(bounded(t), second))
	require.Error(t, consumer.Ack(bounded(t), second))
}

// Chosen events come back, the others stay as they were: in order, with reason and attempts.
func TestReplay_Chosen_KeepsTheOthers(t *testing.T) {
	log := open(t, serve(t).ConnectionString(), eventstoredb.Options{})
	group := application.Group{Name: "g", Types: []string{"T"}, Limit: 1}
	consumer := consume(t, log, group)
	written := events("T", 6)
	appendTo(t, log, "s", application.NoStream, written...)
	for i := range written {
		require.NoError(t, consumer.Park(bounded(t), take(t, consumer), written[i].ID.String()))
	}
	parked := func(n int) []application.Parked {
		var list []application.Parked
		require.Eventually(t, func() bool {
			var err error
			list, err = log.Parked(bounded(t), "g")
			return err == nil && len(list) == n
		}, patience, 10*time.Millisecond)
		return list
	}
	parked(6)
	for _, step := range []struct{ chosen, left []int }{
		{[]int{1, 4}, []int{0, 2, 3, 5}},
		{[]int{0}, []int{2, 3, 5}}, // the oldest: nothing is put in another order
		{[]int{5}, []int{2, 3}},
	} {
		var ids, again []uuid.UUID
		for _, i := range step.chosen {
			ids = append(ids, written[i].ID)
		}
		n, err := log.Replay(bounded(t), "g", ids...)
		require.NoError(t, err)
		require.Equal(t, len(ids), n)
		for range ids {
			d := take(t, consumer)
			require.Equal(t, 1, d.Attempt)
			require.Equal(t, "s", d.Stream)
			require.NotZero(t, d.Position)
			again = append(again, d.ID)
			require.NoError(t, consumer.Ack(bounded(t), d))
		}
		require.ElementsMatch(t, ids, again)
		list := parked(len(step.left))
		for k, i := range step.left {
			require.Equal(t, written[i].ID, list[k].ID)
			require.Equal(t, written[i].ID.String(), list[k].Reason)
			require.Equal(t, 1, list[k].Attempts)
			require.NotZero(t, list[k].Position)
		}
	}
	n, err := log.Replay(bounded(t), "g", written[0].ID)
	require.NoError(t, err)
	require.Zero(t, n)
}

// Several consumers in several processes lose nothing while connections break, the leader
// changes and consumers come and go.
func TestConsume_UnderFailures_EachEventIsAcknowledged(t *testing.T) {
	cluster, err := standin.NewCluster(3, standin.Options{TimeoutCheck: 20 * time.Millisecond})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cluster.Close()) })
	writer := open(t, cluster.ConnectionString(), eventstoredb.Options{})
	const total, batch = 200, 20
	group := application.Group{Name: "g", Types: []string{"T"}, Limit: 2}

	ctx := bounded(t)
	var mu sync.Mutex
	acked := map[uuid.UUID]bool{}
	finished := make(chan struct{})
	var all sync.WaitGroup
	for i := range 3 {
		log := open(t, cluster.ConnectionString(), eventstoredb.Options{})
		all.Go(func() {
			for round := 0; ; round++ {
				consumer, err := log.Consume(ctx, group)
				if err != nil {
					continue // ends with ctx at the latest
				}
				work(t, consumer, finished, 20*(i+1), func(id uuid.UUID) {
					mu.Lock()
					defer mu.Unlock()
					acked[id] = true
					if len(acked) == total {
						close(finished)
					}
				})
				_ = consumer.Close()
				select {
				case <-finished:
					return
				case <-ctx.Done():
					return
				default:
				}
			}
		})
	}
	for i := range total / batch {
		appendTo(t, writer, "s", application.Revision(batch*i-1), events("T", batch)...)
		switch i % 3 {
		case 0:
			cluster.Node(cluster.Leader()).DropConnections()
		case 1:
			require.NoError(t, cluster.SetLeader((cluster.Leader()+1)%3))
		}
	}
	all.Wait()
	require.NoError(t, ctx.Err())
	require.Len(t, acked, total)
}

// work answers so many deliveries; every tenth is retried first.
func work(t *testing.T, consumer application.Consumer, finished <-chan struct{}, most int, acked func(uuid.UUID)) {
	ctx := bounded(t)
	for range most {
		type next struct {
			d   application.Delivery
			err error
		}
		got := make(chan next, 1)
		go func() {
			d, err := consumer.Next(ctx)
			got <- next{d, err}
		}()
		select {
		case n := <-got:
			if n.err != nil {
				return
			}
			if n.d.Attempt == 1 && n.d.ID[0]%10 == 0 {
				_ = consumer.Retry(ctx, n.d, time.Millisecond)
				continue
			}
			if consumer.Ack(ctx, n.d) == nil {
				acked(n.d.ID)
			}
		case <-finished:
			return
		}
	}
}

// Putting links in another order, interrupted before the old ones were cut off, leaves them twice.
func TestReplay_AfterInterruption_IsExact(t *testing.T) {
	log := open(t, serve(t).ConnectionString(), eventstoredb.Options{})
	consumer := consume(t, log, application.Group{Name: "g", Types: []string{"T"}, Limit: 1})
	written := events("T", 3)
	appendTo(t, log, "s", application.NoStream, written...)
	for range written {
		require.NoError(t, consumer.Park(bounded(t), take(t, consumer), "given up"))
	}
	const stream = "$persistentsubscription-$all::g-parked"
	require.Eventually(t, func() bool { return len(read(t, log, stream)) == 3 }, patience, 10*time.Millisecond)
	var again []application.NewRecord
	for _, i := range []int{1, 0, 2} {
		link := read(t, log, stream)[i]
		again = append(again, application.NewRecord{ID: uuid.New(), Type: link.Type, Data: link.Data, Metadata: link.Metadata})
	}
	appendTo(t, log, stream, 2, again...)
	list, err := log.Parked(bounded(t), "g")
	require.NoError(t, err)
	require.Equal(t, []uuid.UUID{written[1].ID, written[0].ID, written[2].ID}, idsOf(list))

	n, err := log.Replay(bounded(t), "g", written[1].ID)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	d := take(t, consumer)
	require.Equal(t, written[1].ID, d.ID)
	require.NoError(t, consumer.Ack(bounded(t), d))
	marker := event("T")
	appendTo(t, log, "s", 2, marker)
	require.Equal(t, marker.ID, take(t, consumer).ID, "no other was handed out")
}

func TestNext_Refused_Fails(t *testing.T) {
	server := serve(t)
	log := open(t, server.ConnectionString(), eventstoredb.Options{})
	server.Inject(standin.Fault{Method: "PersistentSubscriptions/Read", Code: codes.PermissionDenied})
	// One lane: the client reads the answer to a refused call while gRPC still writes it when
	// the call's context ends at that moment, as it would for others when the test ends.
	_, err := consume(t, log, application.Group{Name: "g", Types: []string{"T"}, Limit: 1}).Next(bounded(t))
	require.ErrorContains(t, err, "PermissionDenied")
}

// A group that was deleted is made again.
func TestNext_GroupDeleted_IsMadeAgain(t *testing.T) {
	server := serve(t)
	log := open(t, server.ConnectionString(), eventstoredb.Options{})
	consumer := consume(t, log, application.Group{Name: "g", Types: []string{"T"}, Limit: 1})
	first, second := event("T"), event("T")
	appendTo(t, log, "s", application.NoStream, first)
	require.NoError(t, consumer.Ack(bounded(t), take(t, consumer)))

	config, err := esdb.ParseConnectionString(server.ConnectionString())
	require.NoError(t, err)
	config.Logger = esdb.NoopLogging()
	client, err := esdb.NewClient(config)
	require.NoError(t, err)
	defer client.Close()
	require.NoError(t, client.DeletePersistentSubscriptionToAll(bounded(t), "g", esdb.DeletePersistentSubscriptionOptions{}))
	appendTo(t, log, "s", 0, second)
	require.Equal(t, first.ID, take(t, consumer).ID, "from the beginning")
}
