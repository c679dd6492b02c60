package logtest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"asprak/application"
)

// Reopen runs what a durable adapter keeps over a restart. Each call of open closes what the
// call before opened, if any, and opens the same log again.
func Reopen(t *testing.T, open func(t *testing.T) (application.Log, application.Queue)) {
	log, queue := open(t)
	f := newQueueFixture(t, log, queue)
	written := f.publish(4)
	first, err := log.Head(f.ctx)
	require.NoError(t, err)
	f.append(f.stream, application.NoStream, events(f.kind+"Other", 2)...)
	c := f.consume(f.group)
	f.takeAndAck(c, 1)
	parked := f.park(c, "given up")
	retried := f.take(c)
	require.NoError(t, c.Retry(f.ctx, retried, 0))
	inFlight := f.take(c)

	f.log, f.queue = open(t)
	require.Len(t, f.read(f.stream), 2)
	head, err := f.log.Head(f.ctx)
	require.NoError(t, err)
	require.Positive(t, head.Compare(first))
	require.Equal(t, application.Revision(2), f.append(f.stream, 1, events(f.kind+"Other", 1)...).Revision)
	require.Len(t, f.next(f.follow(first, f.kind+"Other"), 3), 3)
	require.Equal(t, ids(written), ids(f.next(f.follow(f.start, f.kind), 4)))

	c = f.consume(f.group)
	again := f.takeAndAck(c, 2)
	require.Contains(t, again, inFlight.ID)
	require.Subset(t, ids(written), again)
	require.NotContains(t, again, parked.ID)
	require.Equal(t, parked.ID, f.parked(1)[0].ID)
	f.requireNothing(c)
}
