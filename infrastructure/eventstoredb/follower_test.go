package eventstoredb_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"asprak/application"
	"asprak/infrastructure/eventstoredb"
	"asprak/infrastructure/eventstoredb/standin"
)

func TestFollow_TypesAreNames_NotExpressions(t *testing.T) {
	log := open(t, serve(t).ConnectionString(), eventstoredb.Options{})
	others := []application.NewRecord{event("AxB"), event("A.B.v2"), event("xA.B"), event("a.b"), event("C")}
	wanted := []application.NewRecord{event("A.B"), event("C|D"), event("A.B")}
	appendTo(t, log, "s", application.NoStream, append(others, wanted...)...)
	require.Equal(t, idsOf(wanted), next(t, follow(t, log, application.Position{}, "A.B", "C|D"), 3))
}

// What the server writes for itself is neither followed nor the head.
func TestFollow_SystemEvents_AreLeftOut(t *testing.T) {
	log := open(t, serve(t).ConnectionString(), eventstoredb.Options{})
	first := event("T")
	appended := appendTo(t, log, "s", application.NoStream, first)
	follower := follow(t, log, application.Position{})
	require.Equal(t, idsOf([]application.NewRecord{first}), next(t, follower, 1))
	for i := range 5 {
		appendTo(t, log, "$$s", application.Revision(i-1), event("$metadata"))
		head, err := log.Head(bounded(t))
		require.NoError(t, err)
		require.Equal(t, appended.Position, head)
	}
	appendTo(t, log, "$own", application.NoStream, event("Plain"))
	appendTo(t, log, "links", application.NoStream, event("$>"))
	consume(t, log, application.Group{Name: "g", Types: []string{"T", "Plain"}}) // is stored, too
	head, err := log.Head(bounded(t))
	require.NoError(t, err)
	require.Equal(t, appended.Position, head)
	last := event("T")
	appended = appendTo(t, log, "s", 0, last)
	require.Equal(t, idsOf([]application.NewRecord{last}), next(t, follower, 1))
	head, err = log.Head(bounded(t))
	require.NoError(t, err)
	require.Equal(t, appended.Position, head)
}

func TestFollow_PositionOfAnotherLog_Fails(t *testing.T) {
	log := open(t, serve(t).ConnectionString(), eventstoredb.Options{})
	at := appendTo(t, log, "s", application.NoStream, event("T")).Position
	_, err := log.Follow(bounded(t), application.Position{Commit: at.Commit + 1, Prepare: at.Prepare + 1})
	require.Error(t, err)
}

// Whatever ends or silences the subscription, every event comes once and in order.
func TestFollow_SubscriptionFails_NothingMissedOrRepeated(t *testing.T) {
	for name, fail := range map[string]func(*standin.Server){
		"connection cut":       func(s *standin.Server) { s.DropConnections() },
		"ended by the server":  func(s *standin.Server) { s.DropSubscriptions(codes.Unavailable, "shutting down") },
		"ended without status": func(s *standin.Server) { s.DropSubscriptions(codes.OK, "") },
		"server timed out":     func(s *standin.Server) { s.DropSubscriptions(codes.Aborted, "Operation timed out") },
		"silent":               func(s *standin.Server) { s.StallSubscriptions() },
		"restarted":            func(s *standin.Server) { s.Stop(); _ = s.Start() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := serve(t)
			log := open(t, server.ConnectionString(), eventstoredb.Options{Watch: 50 * time.Millisecond})
			all, some := follow(t, log, application.Position{}), follow(t, log, application.Position{}, "T")
			for round := range 4 {
				written := events("T", 5)
				stream := fmt.Sprint("s", round)
				appendTo(t, log, stream, application.NoStream, written[:3]...)
				require.Equal(t, idsOf(written[:3]), next(t, all, 3))
				fail(server)
				appendTo(t, log, stream, 2, written[3:]...)
				require.Equal(t, idsOf(written[3:]), next(t, all, 2))
				require.Equal(t, idsOf(written), next(t, some, 5))
			}
		})
	}
}

// A follower that waits while the log grows by what it does not want is not silent.
func TestFollow_NothingForIt_IsLeftAlone(t *testing.T) {
	const watch = 100 * time.Millisecond
	server := serve(t)
	var j journal
	log := open(t, server.ConnectionString(), eventstoredb.Options{Watch: watch, Logger: j.logger()})
	waits := follow(t, log, application.Position{}, "Wanted")
	tail := application.NoStream
	for began := time.Now(); time.Since(began) < 5*watch; {
		tail = appendTo(t, log, "s", tail, event("Other")).Revision
	}
	wanted := event("Wanted")
	appendTo(t, log, "s", tail, wanted)
	require.Equal(t, idsOf([]application.NewRecord{wanted}), next(t, waits, 1))
	require.Zero(t, j.count("opened again"))
}

// A caller that does not come for the events does not make the subscription look silent.
func TestFollow_SlowCaller_IsLeftAlone(t *testing.T) {
	server := serve(t)
	var j journal
	log := open(t, server.ConnectionString(), eventstoredb.Options{Watch: 250 * time.Millisecond, Logger: j.logger()})
	written := events("T", 500)
	appendTo(t, log, "s", application.NoStream, written...)
	slow, watched := follow(t, log, application.Position{}), follow(t, log, application.Position{})
	require.Equal(t, idsOf(written), next(t, watched, 500))
	server.StallSubscriptions()
	last := event("T")
	appendTo(t, log, "s", 499, last)
	require.Equal(t, idsOf([]application.NewRecord{last}), next(t, watched, 1))
	require.Equal(t, 1, j.count("opened again"), "only the silent one")
	require.Equal(t, idsOf(append(written, last)), next(t, slow, 501))
}

// A subscription on a node that lost its lead goes on or is replaced.
func TestFollow_LeaderChanges_NothingMissedOrRepeated(t *testing.T) {
	cluster, err := standin.NewCluster(3, standin.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cluster.Close()) })
	cluster.SetForwarding(false)
	log := open(t, cluster.ConnectionString(), eventstoredb.Options{Watch: 50 * time.Millisecond})
	follower := follow(t, log, application.Position{})
	for i := range 6 {
		require.NoError(t, cluster.SetLeader(i%3))
		written := events("T", 3)
		appendTo(t, log, fmt.Sprint("s", i), application.NoStream, written...)
		require.Equal(t, idsOf(written), next(t, follower, 3))
	}
}
