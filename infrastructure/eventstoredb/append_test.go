package eventstoredb_test

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"asprak/application"
	"asprak/infrastructure/eventstoredb"
	"asprak/infrastructure/eventstoredb/standin"
)

func TestAppend_AnswerLost_StandsOnce(t *testing.T) {
	for name, fault := range map[string]standin.Fault{
		"connection lost after the write":  {Cut: true, After: true},
		"connection lost before the write": {Cut: true},
		"node not ready":                   {Code: codes.Unavailable},
		"server timed out":                 {Code: codes.Aborted, After: true},
		"server threw":                     {Code: codes.Unknown, After: true},
		"stream reset":                     {Code: codes.Internal, After: true},
		"answer too late":                  {Delay: 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := serve(t)
			log := open(t, server.ConnectionString(), eventstoredb.Options{Timeout: 4 * time.Second})
			fault.Method, fault.Times = "Append", 1
			server.Inject(fault)
			written := events("T", 3)
			appended := appendTo(t, log, "s", application.NoStream, written...)
			records := read(t, log, "s")
			require.Equal(t, idsOf(written), idsOf(records))
			require.Equal(t, application.Appended{Revision: 2, Position: records[2].Position}, appended)
		})
	}
}

// A server that breaks off an append while it is being sent shows as an end of file without a
// status, whatever its reason: nothing is known then.
func TestAppend_BrokenOffWhileSending_IsRepeated(t *testing.T) {
	server := serve(t)
	log := open(t, server.ConnectionString(), eventstoredb.Options{Timeout: 2 * time.Second})
	big := events("T", 50)
	for i := range big {
		big[i].Data = []byte(`"` + strings.Repeat("x", 18<<10) + `"`)
	}
	server.Inject(standin.Fault{Method: "Append", Code: codes.PermissionDenied, Times: 1})
	appended, err := log.Append(bounded(t), "s", application.NoStream, big)
	if err == nil { // the status was lost
		require.Equal(t, application.Revision(49), appended.Revision)
		require.Equal(t, idsOf(big), idsOf(read(t, log, "s")))
	} else { // the whole append was sent before the refusal came
		require.ErrorContains(t, err, "PermissionDenied")
	}
	require.NotErrorIs(t, err, application.ErrUnavailable)
}

func TestAppend_Failing_TellsHow(t *testing.T) {
	for name, test := range map[string]struct {
		fault standin.Fault
		is    error
	}{
		"never an answer":       {standin.Fault{Code: codes.Unavailable}, application.ErrUnknownOutcome},
		"written, no answer":    {standin.Fault{Code: codes.Aborted, After: true}, application.ErrUnknownOutcome},
		"too large for server":  {standin.Fault{Code: codes.InvalidArgument, Message: "Maximum Append Size of 5 Exceeded."}, application.ErrTooLarge},
		"not allowed":           {standin.Fault{Code: codes.PermissionDenied}, nil},
		"a follower, no leader": {standin.Fault{Code: codes.NotFound, Message: "Leader info available", Trailers: []string{"exception", "not-leader", "leader-endpoint-host", "127.0.0.1", "leader-endpoint-port", "1"}}, application.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := serve(t)
			log := open(t, server.ConnectionString()+"&maxDiscoverAttempts=1", eventstoredb.Options{Timeout: 2 * time.Second})
			test.fault.Method = "Append"
			server.Inject(test.fault)
			_, err := log.Append(bounded(t), "s", application.NoStream, events("T", 1))
			require.Error(t, err)
			for _, kind := range []error{application.ErrUnknownOutcome, application.ErrTooLarge, application.ErrUnavailable, application.ErrConflict} {
				require.Equal(t, kind == test.is, errors.Is(err, kind), "%v: %v", kind, err)
			}
		})
	}
}

// A type name counts twice, and a size that is a byte too large is not sent.
func TestAppend_Size_CountsAsTheServerDoes(t *testing.T) {
	server := serve(t)
	log := open(t, server.ConnectionString(), eventstoredb.Options{})
	e := event(strings.Repeat("T", 1000))
	e.Data = []byte(`"` + strings.Repeat("x", application.MaxAppendBytes-2000-len(e.Metadata)-2) + `"`)
	appendTo(t, log, "s", application.NoStream, e)
	server.Inject(standin.Fault{Method: "Append", Code: codes.Unavailable})
	e.Data = append(e.Data[:len(e.Data)-1], 'x', '"')
	_, err := log.Append(bounded(t), "s", 0, []application.NewRecord{e})
	require.ErrorIs(t, err, application.ErrTooLarge)
}

// A repetition by a process that did not see the first time is answered with the same place.
func TestAppend_RepeatedByAnother_AnswersAsTheFirstTime(t *testing.T) {
	server := serve(t)
	written := events("T", 3)
	first := appendTo(t, open(t, server.ConnectionString(), eventstoredb.Options{}), "s", application.NoStream, written...)
	again := appendTo(t, open(t, server.ConnectionString(), eventstoredb.Options{}), "s", application.NoStream, written...)
	require.Equal(t, first, again)
}

func TestOpen_BadConnectionString_FailsWithoutTheSecret(t *testing.T) {
	for _, url := range []string{
		"esdb://me:secret@host:port:2113", "esdb://me:secret@host:%zz", "http://me:secret@host:2113", "esdb+discover://me:secret@a:1,b:2",
		"esdb://me:secret@host:2113?maxDiscoverAttempts=-1",
	} {
		_, err := eventstoredb.Open(bounded(t), url, eventstoredb.Options{})
		require.Error(t, err, url)
		require.NotContains(t, err.Error(), "secret")
	}
}

func TestOpen_CredentialsWithoutTLS_Warns(t *testing.T) {
	server := serve(t)
	var j journal
	open(t, strings.Replace(server.ConnectionString(), "esdb://", "esdb://me:secret@", 1), eventstoredb.Options{Logger: j.logger()})
	require.Equal(t, 1, j.count("WARN credentials are not sent"))
	require.Positive(t, j.count("DEBUG discovery attempt"), "the client logs here")
	require.Zero(t, j.count("secret"))
}

func TestLog_ServerGone_NobodyIsLeftBlockedAndAllHeals(t *testing.T) {
	server := serve(t)
	log := open(t, server.ConnectionString()+"&maxDiscoverAttempts=2&discoveryInterval=10", eventstoredb.Options{Timeout: time.Second})
	appendTo(t, log, "s", application.NoStream, event("T"))
	server.Stop()
	var all sync.WaitGroup
	errs := make([]error, 40)
	for i := range errs {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(bounded(t), time.Duration(50+50*(i%3))*time.Millisecond)
			if i%4 == 0 {
				cancel()
				ctx, cancel = bounded(t), func() {}
			}
			defer cancel()
			if i%2 == 0 {
				_, errs[i] = log.ReadStream(ctx, "s", 0)
			} else {
				_, errs[i] = log.Append(ctx, "s", 0, events("T", 1))
			}
		})
	}
	all.Wait()
	for _, err := range errs {
		require.Error(t, err)
	}
	_, err := log.Append(bounded(t), "s", 0, events("T", 1))
	require.ErrorIs(t, err, application.ErrUnavailable)
	require.NotErrorIs(t, err, application.ErrUnknownOutcome)
	_, err = log.Head(bounded(t))
	require.ErrorIs(t, err, application.ErrUnavailable)

	require.NoError(t, server.Start())
	require.Len(t, read(t, log, "s"), 1)
	appendTo(t, log, "s", 0, event("T"))
}

// A node that takes connections and says nothing holds up nobody beyond their contexts.
func TestLog_SilentNode_CallsEndWithTheirContexts(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	ctx, cancel := context.WithTimeout(bounded(t), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err = eventstoredb.Open(ctx, "esdb://"+silent.Addr().String()+"?tls=false&gossipTimeout=1&maxDiscoverAttempts=1", eventstoredb.Options{})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Less(t, time.Since(began), 2*time.Second)
}

// Reads alone find the new node: nothing is appended meanwhile.
func TestRead_NodeChanged_Heals(t *testing.T) {
	cluster, err := standin.NewCluster(3, standin.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cluster.Close()) })
	log := open(t, cluster.ConnectionString(), eventstoredb.Options{})
	appendTo(t, log, "s", application.NoStream, event("T"))
	for i := range 2 {
		cluster.Node(i).Stop()
		require.NoError(t, cluster.SetLeader(i+1))
		require.Len(t, read(t, log, "s"), 1)
		_, err := log.Head(bounded(t))
		require.NoError(t, err)
	}
}

func TestAppend_LeaderChanges_GoesToTheNewOne(t *testing.T) {
	for name, forwarding := range map[string]bool{"followers forward": true, "followers refuse": false} {
		t.Run(name, func(t *testing.T) {
			cluster, err := standin.NewCluster(3, standin.Options{})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, cluster.Close()) })
			cluster.SetForwarding(forwarding)
			log := open(t, cluster.ConnectionString(), eventstoredb.Options{})
			for i := range 6 {
				require.NoError(t, cluster.SetLeader(i%3))
				appendTo(t, log, "s", application.Revision(i-1), event("T"))
			}
			require.Len(t, read(t, log, "s"), 6)
		})
	}
}

func TestLog_Closed_Fails(t *testing.T) {
	log := open(t, serve(t).ConnectionString(), eventstoredb.Options{})
	follower := follow(t, log, application.Position{})
	consumer := consume(t, log, application.Group{Name: "g", Types: []string{"T"}})
	waiting := make(chan error, 2)
	go func() { _, err := follower.Next(bounded(t), 1); waiting <- err }()
	go func() { _, err := consumer.Next(bounded(t)); waiting <- err }()
	require.NoError(t, log.Close())
	require.Error(t, <-waiting)
	require.Error(t, <-waiting)
	_, err := log.Append(bounded(t), "s", application.NoStream, events("T", 1))
	require.Error(t, err)
	require.NotErrorIs(t, err, application.ErrUnknownOutcome)
	_, err = log.ReadStream(bounded(t), "s", 0)
	require.Error(t, err)
}

func TestRead_LongStream_ComesWhole(t *testing.T) {
	log := open(t, serve(t).ConnectionString(), eventstoredb.Options{})
	const n, batch = 2000, 500
	for i := range n / batch {
		appendTo(t, log, "s", application.Revision(batch*i-1), events("T", batch)...)
	}
	records := read(t, log, "s")
	require.Len(t, records, n)
	for i, r := range records {
		require.Equal(t, application.Revision(i), r.Revision)
	}
	records, err := log.ReadStream(bounded(t), "s", 999)
	require.NoError(t, err)
	require.Len(t, records, n-999)
	require.Equal(t, application.Revision(999), records[0].Revision)
}

// What was opened and closed is gone, also after clients were replaced.
func TestClose_Everything_LeavesNothingRunning(t *testing.T) {
	server := serve(t)
	use := func() {
		log, err := eventstoredb.Open(bounded(t), server.ConnectionString(), eventstoredb.Options{})
		require.NoError(t, err)
		tail := application.Revision(len(read(t, log, "s")) - 1)
		follower := follow(t, log, application.Position{})
		consumer := consume(t, log, application.Group{Name: "g", Types: []string{"T"}})
		for range 3 {
			tail = appendTo(t, log, "s", tail, event("T")).Revision
			server.DropConnections()
			_ = consumer.Retry(bounded(t), take(t, consumer), time.Hour) // it may have gone back with its connection
		}
		next(t, follower, 3)
		require.NoError(t, log.Close())
	}
	use()
	before := runtime.NumGoroutine()
	for range 3 {
		use()
	}
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before }, patience, 10*time.Millisecond, "%d goroutines before", before)
}
