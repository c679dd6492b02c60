package logtest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/application"
)

// Queue runs the contract of application.Queue over the log that open gives with it.
func Queue(t *testing.T, open func(t *testing.T) (application.Log, application.Queue)) {
	for name, test := range map[string]func(*queueFixture){
		"Consume_NewGroup_StartsAtTheBeginning":       queueFromBeginning,
		"Consume_TwoGroups_EachGetsAll":               queueTwoGroups,
		"Consume_TwoConsumers_ShareWithoutOverlap":    queueShared,
		"Consume_ReturningGroup_GoesOnWhereItStood":   queueGoesOn,
		"Next_Waiting_WakesOnAppend":                  queueWakes,
		"Next_ContextEnded_Fails":                     queueCancelled,
		"Next_LimitInFlight_WaitsForAck":              queueLimit,
		"Retry_WithDelay_ComesAgainNotBefore":         queueRetry,
		"Lease_Expired_GoesToWhoAsks":                 queueLeaseExpires,
		"Extend_BeforeExpiry_KeepsTheDelivery":        queueExtend,
		"Park_Event_IsListedAndNotHandedOutAgain":     queuePark,
		"Replay_Chosen_ComesAgainFromTheFirstAttempt": queueReplayChosen,
		"Replay_All_EmptiesTheList":                   queueReplayAll,
		"Close_InFlight_IsHandedBack":                 queueClose,
		"Consume_ManyAtOnce_NothingIsLost":            queueMany,
	} {
		t.Run(name, func(t *testing.T) {
			log, queue := open(t)
			test(newQueueFixture(t, log, queue))
		})
	}
}

type queueFixture struct {
	*fixture
	queue application.Queue
	group application.Group
}

func newQueueFixture(t *testing.T, log application.Log, queue application.Queue) *queueFixture {
	f := newFixture(t, log)
	return &queueFixture{fixture: f, queue: queue, group: application.Group{
		Name: "group-" + f.stream, Types: []string{f.kind}, Lease: patience, Limit: 10,
	}}
}

func (f *queueFixture) consume(group application.Group) application.Consumer {
	f.Helper()
	consumer, err := f.queue.Consume(f.ctx, group)
	require.NoError(f, err)
	f.Cleanup(func() { consumer.Close() })
	return consumer
}

func (f *queueFixture) publish(n int) []application.NewRecord {
	f.Helper()
	written := events(f.kind, n)
	f.append("message-"+uuid.NewString(), application.NoStream, written...)
	return written
}

func (f *queueFixture) take(c application.Consumer) application.Delivery {
	f.Helper()
	d, err := c.Next(f.ctx)
	require.NoError(f, err)
	return d
}

func (f *queueFixture) takeAndAck(c application.Consumer, n int) []uuid.UUID {
	f.Helper()
	var taken []uuid.UUID
	for range n {
		d := f.take(c)
		require.NoError(f, c.Ack(f.ctx, d))
		taken = append(taken, d.ID)
	}
	return taken
}

// takeEither takes the one delivery that there is and says who got it: an adapter may give it to
// any consumer that has room, also to one that did not ask yet, so both have to ask.
func (f *queueFixture) takeEither(a, b application.Consumer) (d application.Delivery, holder, other application.Consumer) {
	f.Helper()
	ctx, got := context.WithCancel(f.ctx)
	defer got()
	var all sync.WaitGroup
	var mu sync.Mutex
	taken := 0
	for _, pair := range [][2]application.Consumer{{a, b}, {b, a}} {
		all.Go(func() {
			delivery, err := pair[0].Next(ctx)
			if err != nil {
				return
			}
			got()
			mu.Lock()
			defer mu.Unlock()
			taken++
			d, holder, other = delivery, pair[0], pair[1]
		})
	}
	all.Wait()
	require.Equal(f, 1, taken, "one delivery was to come")
	return d, holder, other
}

// requireNothing proves that nothing else stood before a new event: it is the next one.
func (f *queueFixture) requireNothing(c application.Consumer) {
	f.Helper()
	marker := f.publish(1)
	d := f.take(c)
	require.Equal(f, marker[0].ID, d.ID)
	require.NoError(f, c.Ack(f.ctx, d))
}

func (f *queueFixture) requireNothingForEither(a, b application.Consumer) {
	f.Helper()
	marker := f.publish(1)
	d, holder, _ := f.takeEither(a, b)
	require.Equal(f, marker[0].ID, d.ID)
	require.NoError(f, holder.Ack(f.ctx, d))
}

func queueFromBeginning(f *queueFixture) {
	written := f.publish(3)
	f.append("message-"+uuid.NewString(), application.NoStream, events(f.kind+"Other", 2)...)
	c := f.consume(f.group)
	later := f.publish(2)
	deliveries := map[uuid.UUID]application.Delivery{}
	for range 5 {
		d := f.take(c)
		deliveries[d.ID] = d
		require.NoError(f, c.Ack(f.ctx, d))
	}
	for _, r := range append(written, later...) {
		d, ok := deliveries[r.ID]
		require.True(f, ok)
		require.Equal(f, 1, d.Attempt)
		require.Equal(f, f.kind, d.Type)
		require.Equal(f, string(r.Data), string(d.Data))
		require.Equal(f, string(r.Metadata), string(d.Metadata))
		require.Contains(f, ids(f.read(d.Stream)), d.ID)
	}
	f.requireNothing(c)
}

func queueTwoGroups(f *queueFixture) {
	other := f.group
	other.Name += "-other"
	written := ids(f.publish(4))
	require.ElementsMatch(f, written, f.takeAndAck(f.consume(f.group), 4))
	require.ElementsMatch(f, written, f.takeAndAck(f.consume(other), 4))
}

func queueShared(f *queueFixture) {
	f.group.Limit = 1
	written := ids(f.publish(6))
	a, b := f.consume(f.group), f.consume(f.group)
	var taken []uuid.UUID
	for range 3 {
		da, db := f.take(a), f.take(b)
		taken = append(taken, da.ID, db.ID)
		require.NoError(f, a.Ack(f.ctx, da))
		require.NoError(f, b.Ack(f.ctx, db))
	}
	require.ElementsMatch(f, written, taken)
}

func queueGoesOn(f *queueFixture) {
	f.publish(2)
	c := f.consume(f.group)
	f.takeAndAck(c, 2)
	require.NoError(f, c.Close())
	written := ids(f.publish(2))
	require.ElementsMatch(f, written, f.takeAndAck(f.consume(f.group), 2))
}

func queueWakes(f *queueFixture) {
	c := f.consume(f.group)
	got := make(chan uuid.UUID, 1)
	go func() {
		d, _ := c.Next(f.ctx)
		got <- d.ID
	}()
	require.Equal(f, f.publish(1)[0].ID, <-got)
}

func queueCancelled(f *queueFixture) {
	c := f.consume(f.group)
	ctx, cancel := context.WithCancel(f.ctx)
	failed := make(chan error, 1)
	go func() {
		_, err := c.Next(ctx)
		failed <- err
	}()
	cancel()
	require.ErrorIs(f, <-failed, context.Canceled)
	require.Equal(f, ids(f.publish(1)), f.takeAndAck(c, 1))
}

func queueLimit(f *queueFixture) {
	f.group.Limit = 2
	f.publish(3)
	c := f.consume(f.group)
	first := f.take(c)
	f.take(c)
	got := make(chan uuid.UUID, 1)
	ctx, cancel := context.WithTimeout(f.ctx, 100*time.Millisecond)
	defer cancel()
	_, err := c.Next(ctx)
	require.ErrorIs(f, err, context.DeadlineExceeded)
	go func() {
		d, _ := c.Next(f.ctx)
		got <- d.ID
	}()
	require.NoError(f, c.Ack(f.ctx, first))
	require.NotEqual(f, uuid.Nil, <-got)
}

func queueRetry(f *queueFixture) {
	const delay = time.Second
	written := f.publish(1)
	c := f.consume(f.group)
	first := f.take(c)
	require.Equal(f, written[0].ID, first.ID)
	require.Equal(f, 1, first.Attempt)
	given := time.Now()
	require.NoError(f, c.Retry(f.ctx, first, delay))
	f.requireNothing(c)
	second := f.take(c)
	require.GreaterOrEqual(f, time.Since(given), delay)
	require.Equal(f, 2, second.Attempt)
	require.NoError(f, c.Retry(f.ctx, second, 0))
	third := f.take(c)
	require.Equal(f, written[0].ID, third.ID)
	require.Equal(f, 3, third.Attempt)
	require.NoError(f, c.Ack(f.ctx, third))
	f.requireNothing(c)
}

func queueLeaseExpires(f *queueFixture) {
	f.group.Lease = 300 * time.Millisecond
	written := f.publish(1)
	a, b := f.consume(f.group), f.consume(f.group)
	first, _, _ := f.takeEither(a, b)
	second, holder, _ := f.takeEither(a, b)
	require.Equal(f, written[0].ID, second.ID)
	require.Equal(f, first.Attempt+1, second.Attempt)
	require.NoError(f, holder.Ack(f.ctx, second))
	f.requireNothingForEither(a, b)
}

func queueExtend(f *queueFixture) {
	f.group.Lease = 2 * time.Second
	f.publish(1)
	a, b := f.consume(f.group), f.consume(f.group)
	d, holder, other := f.takeEither(a, b)
	done := make(chan error, 1)
	ctx, cancel := context.WithTimeout(f.ctx, 3*f.group.Lease/2)
	defer cancel()
	go func() {
		tick := time.NewTicker(f.group.Lease / 4)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				done <- nil
				return
			case <-tick.C:
				if err := holder.Extend(f.ctx, d); err != nil {
					done <- err
					return
				}
			}
		}
	}()
	_, err := other.Next(ctx)
	require.ErrorIs(f, err, context.DeadlineExceeded, "the delivery went to another")
	require.NoError(f, <-done)
	require.NoError(f, holder.Ack(f.ctx, d))
	f.requireNothingForEither(a, b)
}

func (f *queueFixture) park(c application.Consumer, reason string) application.Delivery {
	f.Helper()
	d := f.take(c)
	require.NoError(f, c.Park(f.ctx, d, reason))
	return d
}

// parked waits until n events of the group are parked: an adapter may park them a moment later.
func (f *queueFixture) parked(n int) []application.Parked {
	f.Helper()
	var parked []application.Parked
	require.Eventually(f, func() bool {
		var err error
		parked, err = f.queue.Parked(f.ctx, f.group.Name)
		return err == nil && len(parked) == n
	}, patience, 10*time.Millisecond)
	return parked
}

func queuePark(f *queueFixture) {
	written := f.publish(1)
	c := f.consume(f.group)
	require.NoError(f, c.Retry(f.ctx, f.take(c), 0))
	f.park(c, "broken: 'ü'\n<b>")
	parked := f.parked(1)[0]
	require.Equal(f, written[0].ID, parked.ID)
	require.Equal(f, f.kind, parked.Type)
	require.Equal(f, string(written[0].Data), string(parked.Data))
	require.Equal(f, "broken: 'ü'\n<b>", parked.Reason)
	require.Equal(f, 2, parked.Attempts)
	require.WithinDuration(f, time.Now(), parked.ParkedAt, time.Minute)
	f.requireNothing(c)
	other, err := f.queue.Parked(f.ctx, f.group.Name+"-other")
	require.NoError(f, err)
	require.Empty(f, other)
}

func queueReplayChosen(f *queueFixture) {
	f.publish(3)
	c := f.consume(f.group)
	f.park(c, "one")
	f.parked(1)
	chosen := f.park(c, "two")
	f.parked(2)
	f.park(c, "three")
	for i, reason := range []string{"one", "two", "three"} {
		require.Equal(f, reason, f.parked(3)[i].Reason, "oldest first")
	}
	n, err := f.queue.Replay(f.ctx, f.group.Name, chosen.ID, uuid.New())
	require.NoError(f, err)
	require.Equal(f, 1, n)
	d := f.take(c)
	require.Equal(f, chosen.ID, d.ID)
	require.Equal(f, 1, d.Attempt)
	require.NoError(f, c.Ack(f.ctx, d))
	f.parked(2)
	f.requireNothing(c)
}

func queueReplayAll(f *queueFixture) {
	written := ids(f.publish(3))
	c := f.consume(f.group)
	for range 3 {
		f.park(c, "given up")
	}
	f.parked(3)
	n, err := f.queue.Replay(f.ctx, f.group.Name)
	require.NoError(f, err)
	require.Equal(f, 3, n)
	require.ElementsMatch(f, written, f.takeAndAck(c, 3))
	f.parked(0)
}

func queueClose(f *queueFixture) {
	written := ids(f.publish(2))
	a := f.consume(f.group)
	f.take(a)
	f.take(a)
	waiting := make(chan error, 1)
	go func() {
		_, err := a.Next(f.ctx)
		waiting <- err
	}()
	require.NoError(f, a.Close())
	require.Error(f, <-waiting)
	require.ElementsMatch(f, written, f.takeAndAck(f.consume(f.group), 2))
}

func queueMany(f *queueFixture) {
	const total, consumers = 120, 4
	written := ids(f.publish(total / 2))
	ctx, done := context.WithCancel(f.ctx)
	defer done()
	var mu sync.Mutex
	acked := map[uuid.UUID]int{}
	errs := make([]error, consumers)
	var all sync.WaitGroup
	for i := range consumers {
		c := f.consume(f.group)
		all.Go(func() {
			for {
				d, err := c.Next(ctx)
				if err != nil {
					return
				}
				if d.Attempt == 1 && d.ID[0]%5 == 0 {
					errs[i] = errors.Join(errs[i], c.Retry(f.ctx, d, time.Millisecond))
					continue
				}
				errs[i] = errors.Join(errs[i], c.Ack(f.ctx, d))
				mu.Lock()
				acked[d.ID]++
				if len(acked) == total {
					done()
				}
				mu.Unlock()
			}
		})
	}
	written = append(written, ids(f.publish(total/2))...)
	all.Wait()
	require.NoError(f, f.ctx.Err())
	require.NoError(f, errors.Join(errs...))
	for _, id := range written {
		require.Equal(f, 1, acked[id])
	}
}
