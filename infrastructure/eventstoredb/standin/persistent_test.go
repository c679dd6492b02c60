package standin_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"asprak/infrastructure/eventstoredb/standin"
)

// eager settings: every message is checkpointed at once.
func eager(change ...func(*esdb.PersistentSubscriptionSettings)) *esdb.PersistentSubscriptionSettings {
	s := esdb.SubscriptionSettingsDefault()
	s.CheckpointLowerBound, s.CheckpointUpperBound, s.CheckpointAfter = 1, 1, 1
	for _, f := range change {
		f(&s)
	}
	return &s
}

func group(t *testing.T, c *esdb.Client, stream string, settings *esdb.PersistentSubscriptionSettings) {
	t.Helper()
	require.NoError(t, c.CreatePersistentSubscription(patient(t), stream, "g", esdb.PersistentStreamSubscriptionOptions{Settings: settings, StartFrom: esdb.Start{}}))
}

func join(t *testing.T, c *esdb.Client, stream string, buffer uint32) *esdb.PersistentSubscription {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	sub, err := c.SubscribeToPersistentSubscription(ctx, stream, "g", esdb.SubscribeToPersistentSubscriptionOptions{BufferSize: buffer})
	require.NoError(t, err)
	t.Cleanup(func() { _ = sub.Close() })
	return sub
}

func delivered(t *testing.T, sub *esdb.PersistentSubscription) *esdb.EventAppeared {
	t.Helper()
	e := sub.Recv()
	require.Nil(t, e.SubscriptionDropped, "dropped: %+v", e.SubscriptionDropped)
	return e.EventAppeared
}

func number(e *esdb.EventAppeared) uint64 { return e.Event.OriginalEvent().EventNumber }

func groupInfo(t *testing.T, c *esdb.Client, stream string) *esdb.PersistentSubscriptionInfo {
	t.Helper()
	info, err := c.GetPersistentSubscriptionInfo(patient(t), stream, "g", esdb.GetPersistentSubscriptionOptions{})
	require.NoError(t, err)
	return info
}

func TestGroup_Consumers_ShareTheEventsInTurn(t *testing.T) {
	c := connect(t, start(t).ConnectionString())
	group(t, c, "s-1", eager())
	one, two := join(t, c, "s-1", 10), join(t, c, "s-1", 10)
	write(t, c, "s-1", esdb.NoStream{}, batch(6)...)
	for i := range uint64(3) {
		a, b := delivered(t, one), delivered(t, two)
		require.Equal(t, []uint64{2 * i, 2*i + 1}, []uint64{number(a), number(b)})
		require.NoError(t, one.Ack(a.Event))
		require.NoError(t, two.Ack(b.Event))
	}
	eventually(t, "all is acknowledged and checkpointed", func() bool {
		last := groupInfo(t, c, "s-1").Stats.LastCheckpointedEventRevision
		return last != nil && *last == 5
	})
}

func TestGroup_BufferSize_BoundsWhatIsInFlight(t *testing.T) {
	c := connect(t, start(t).ConnectionString())
	group(t, c, "s-1", eager())
	write(t, c, "s-1", esdb.NoStream{}, batch(9)...)
	sub := join(t, c, "s-1", 2)
	first := delivered(t, sub)
	delivered(t, sub)
	info := groupInfo(t, c, "s-1")
	require.EqualValues(t, 2, info.Stats.TotalInFlightMessages)
	require.EqualValues(t, 0, info.Connections[0].AvailableSlots)
	require.NoError(t, sub.Ack(first.Event))
	require.EqualValues(t, 2, number(delivered(t, sub)))
}

func TestGroup_Nack_RetriesThenParksThenReplays(t *testing.T) {
	c := connect(t, start(t).ConnectionString())
	group(t, c, "s-1", eager(func(s *esdb.PersistentSubscriptionSettings) { s.MaxRetryCount = 2 }))
	write(t, c, "s-1", esdb.NoStream{}, some("Hard"))
	sub := join(t, c, "s-1", 10)
	for retries := range 3 {
		e := delivered(t, sub)
		require.Equal(t, retries, e.RetryCount)
		require.NoError(t, sub.Nack("not yet", esdb.NackActionRetry, e.Event))
	}
	eventually(t, "it is parked", func() bool { return groupInfo(t, c, "s-1").Stats.ParkedMessagesCount == 1 })

	parked := read(t, c, "$persistentsubscription-s-1::g-parked", esdb.ReadStreamOptions{From: esdb.Start{}, ResolveLinkTos: true})
	require.Len(t, parked, 1)
	require.Equal(t, "Hard", parked[0].Event.EventType)
	var about struct{ Reason string }
	require.NoError(t, json.Unmarshal(parked[0].Link.UserMetadata, &about))
	require.Equal(t, "Reached retry count of 2", about.Reason)

	require.NoError(t, c.ReplayParkedMessages(patient(t), "s-1", "g", esdb.ReplayParkedMessagesOptions{}))
	again := delivered(t, sub)
	require.Equal(t, 0, again.RetryCount)
	require.Equal(t, "Hard", again.Event.Event.EventType)
	require.Equal(t, "$persistentsubscription-s-1::g-parked", again.Event.OriginalEvent().StreamID, "a link, though links are not resolved here")
	require.EqualValues(t, 0, groupInfo(t, c, "s-1").Stats.ParkedMessagesCount)
	require.NoError(t, sub.Ack(again.Event))
	eventually(t, "nothing is left", func() bool { return groupInfo(t, c, "s-1").Stats.TotalInFlightMessages == 0 })
}

func TestGroup_NackActions_ParkOrSkip(t *testing.T) {
	c := connect(t, start(t).ConnectionString())
	group(t, c, "s-1", eager())
	write(t, c, "s-1", esdb.NoStream{}, batch(5)...)
	sub := join(t, c, "s-1", 10)
	for _, action := range []esdb.NackAction{esdb.NackActionPark, esdb.NackActionSkip, esdb.NackActionStop, esdb.NackActionPark} {
		require.NoError(t, sub.Nack("because", action, delivered(t, sub).Event))
	}
	unknown := delivered(t, sub)
	require.NoError(t, sub.Nack("because", esdb.NackActionUnknown, unknown.Event))
	again := delivered(t, sub)
	require.Equal(t, number(unknown), number(again), "unknown is retry")
	require.NoError(t, sub.Ack(again.Event))
	eventually(t, "two are parked", func() bool { return groupInfo(t, c, "s-1").Stats.ParkedMessagesCount == 2 })
	parked := read(t, c, "$persistentsubscription-s-1::g-parked", esdb.ReadStreamOptions{From: esdb.Start{}, ResolveLinkTos: true})
	require.EqualValues(t, 0, parked[0].Event.EventNumber)
	require.EqualValues(t, 3, parked[1].Event.EventNumber)
	require.Contains(t, string(parked[1].Link.UserMetadata), "Client explicitly NAK'ed message.\\nbecause")

	require.NoError(t, c.ReplayParkedMessages(patient(t), "s-1", "g", esdb.ReplayParkedMessagesOptions{StopAt: 1}))
	require.EqualValues(t, 0, delivered(t, sub).Event.Event.EventNumber)
	require.EqualValues(t, 1, groupInfo(t, c, "s-1").Stats.ParkedMessagesCount, "it stopped before the second")
}

func TestGroup_ReplayOfALostEvent_PassesItOver(t *testing.T) {
	c := connect(t, start(t).ConnectionString())
	write(t, c, "lost", esdb.NoStream{}, some("Lost"))
	link := some("$>")
	link.ContentType, link.Data = esdb.ContentTypeBinary, []byte("0@lost")
	write(t, c, "links", esdb.NoStream{}, link, some("Kept"))
	group(t, c, "links", eager(func(s *esdb.PersistentSubscriptionSettings) { s.ResolveLinkTos = true }))
	sub := join(t, c, "links", 10)
	for range 2 {
		require.NoError(t, sub.Nack("later", esdb.NackActionPark, delivered(t, sub).Event))
	}
	eventually(t, "both are parked", func() bool { return groupInfo(t, c, "links").Stats.ParkedMessagesCount == 2 })
	_, err := c.DeleteStream(patient(t), "lost", esdb.DeleteStreamOptions{ExpectedRevision: esdb.Any{}})
	require.NoError(t, err)
	require.NoError(t, c.ReplayParkedMessages(patient(t), "links", "g", esdb.ReplayParkedMessagesOptions{}))
	require.Equal(t, "Kept", delivered(t, sub).Event.Event.EventType)
	require.EqualValues(t, 0, groupInfo(t, c, "links").Stats.ParkedMessagesCount)
}

func TestGroup_Timeout_HandsOutAgainAndParksAtTheLimit(t *testing.T) {
	c := connect(t, start(t).ConnectionString())
	group(t, c, "s-1", eager(func(s *esdb.PersistentSubscriptionSettings) { s.MaxRetryCount, s.MessageTimeout = 1, 30 }))
	write(t, c, "s-1", esdb.NoStream{}, some("Slow"))
	sub := join(t, c, "s-1", 10)
	require.Equal(t, 0, delivered(t, sub).RetryCount)
	late := delivered(t, sub)
	require.Equal(t, 1, late.RetryCount)
	eventually(t, "it is parked", func() bool { return groupInfo(t, c, "s-1").Stats.ParkedMessagesCount == 1 })
	require.NoError(t, sub.Ack(late.Event), "too late, and no error")
}

func TestGroup_ConsumerGone_ItsMessagesGoToOthersWithGrownCount(t *testing.T) {
	c := connect(t, start(t).ConnectionString())
	group(t, c, "s-1", eager(func(s *esdb.PersistentSubscriptionSettings) { s.MaxRetryCount = 0 }))
	write(t, c, "s-1", esdb.NoStream{}, batch(3)...)
	one := join(t, c, "s-1", 10)
	for range 3 {
		delivered(t, one)
	}
	require.NoError(t, one.Close())
	two := join(t, c, "s-1", 10)
	for want := range uint64(3) {
		e := delivered(t, two)
		require.Equal(t, want, number(e))
		require.Equal(t, 1, e.RetryCount, "not parked, although the limit is 0")
	}
}

func TestGroup_SameIDTwiceInFlight_TheSecondIsNotTracked(t *testing.T) {
	c := connect(t, start(t).ConnectionString())
	group(t, c, "s-1", eager())
	twin := some("Twin")
	write(t, c, "s-1", esdb.NoStream{}, twin)
	write(t, c, "s-1", esdb.Revision(0), twin)
	sub := join(t, c, "s-1", 10)
	delivered(t, sub)
	delivered(t, sub)
	require.EqualValues(t, 1, groupInfo(t, c, "s-1").Stats.TotalInFlightMessages)
}

func TestGroup_Strategies_ChooseTheConsumer(t *testing.T) {
	c := connect(t, start(t).ConnectionString())
	t.Run("dispatch to single", func(t *testing.T) {
		group(t, c, "s-1", eager(func(s *esdb.PersistentSubscriptionSettings) {
			s.ConsumerStrategyName = esdb.ConsumerStrategyDispatchToSingle
		}))
		one, two := join(t, c, "s-1", 2), join(t, c, "s-1", 2)
		write(t, c, "s-1", esdb.NoStream{}, batch(3)...)
		require.EqualValues(t, 0, number(delivered(t, one)))
		require.EqualValues(t, 1, number(delivered(t, one)))
		require.EqualValues(t, 2, number(delivered(t, two)), "the first is full")
	})
	t.Run("pinned", func(t *testing.T) {
		settings := eager(func(s *esdb.PersistentSubscriptionSettings) { s.ConsumerStrategyName = esdb.ConsumerStrategyPinned })
		group(t, c, "s-2", settings)
		join(t, c, "s-2", 10)
		join(t, c, "s-2", 10)
		write(t, c, "s-2", esdb.NoStream{}, batch(4)...)
		eventually(t, "all of one stream are with one consumer", func() bool {
			info := groupInfo(t, c, "s-2")
			a, b := info.Connections[0].InFlightMessages, info.Connections[1].InFlightMessages
			return a+b == 4 && a*b == 0
		})
	})
}

func TestGroup_OfAll_FiltersAndSkipsItsOwnTraces(t *testing.T) {
	c := connect(t, start(t).ConnectionString())
	settings := eager()
	require.NoError(t, c.CreatePersistentSubscriptionToAll(patient(t), "g", esdb.PersistentAllSubscriptionOptions{
		Settings: settings, StartFrom: esdb.Start{}, Filter: &esdb.SubscriptionFilter{Type: esdb.EventFilterType, Prefixes: []string{"Wanted"}},
	}))
	require.NoError(t, c.CreatePersistentSubscriptionToAll(patient(t), "everything", esdb.PersistentAllSubscriptionOptions{Settings: settings, StartFrom: esdb.End{}}))
	everything, err := c.SubscribeToPersistentSubscriptionToAll(patient(t), "everything", esdb.SubscribeToPersistentSubscriptionOptions{})
	require.NoError(t, err)
	defer everything.Close()
	sub, err := c.SubscribeToPersistentSubscriptionToAll(patient(t), "g", esdb.SubscribeToPersistentSubscriptionOptions{})
	require.NoError(t, err)
	defer sub.Close()
	var last *esdb.WriteResult
	for i := range 3 {
		write(t, c, fmt.Sprintf("s-%d", i), esdb.NoStream{}, some("Other"))
		last = write(t, c, fmt.Sprintf("s-%d", i), esdb.Revision(0), some("Wanted"))
		e := delivered(t, sub)
		require.Equal(t, "Wanted", e.Event.Event.EventType)
		require.NoError(t, sub.Ack(e.Event))
		for _, want := range []string{"Other", "Wanted"} {
			e := delivered(t, everything)
			require.Equal(t, want, e.Event.Event.EventType)
			require.NoError(t, everything.Ack(e.Event))
		}
	}
	last = write(t, c, "s-0", esdb.Revision(1), some("Other"))
	eventually(t, "the checkpoint passes what the filter leaves out", func() bool {
		info, err := c.GetPersistentSubscriptionInfoToAll(patient(t), "g", esdb.GetPersistentSubscriptionOptions{})
		require.NoError(t, err)
		return info.Stats.LastCheckpointedPosition != nil && info.Stats.LastCheckpointedPosition.Commit >= last.CommitPosition
	})
}

func TestGroup_ResolvingLinks_AcksByTheLink(t *testing.T) {
	c := connect(t, start(t).ConnectionString())
	write(t, c, "s-1", esdb.NoStream{}, some("Target"))
	link := some("$>")
	link.ContentType, link.Data = esdb.ContentTypeBinary, []byte("0@s-1")
	write(t, c, "links", esdb.NoStream{}, link)
	group(t, c, "links", eager(func(s *esdb.PersistentSubscriptionSettings) { s.ResolveLinkTos = true }))
	sub := join(t, c, "links", 10)
	e := delivered(t, sub)
	require.Equal(t, "Target", e.Event.Event.EventType)
	require.Equal(t, link.EventID, e.Event.OriginalEvent().EventID)
	require.NoError(t, sub.Ack(e.Event))
	eventually(t, "the acknowledgement counts", func() bool { return groupInfo(t, c, "links").Stats.TotalInFlightMessages == 0 })
}

func TestGroup_Management_HasItsErrors(t *testing.T) {
	c := connect(t, start(t).ConnectionString())
	options := esdb.PersistentStreamSubscriptionOptions{Settings: eager(func(s *esdb.PersistentSubscriptionSettings) { s.MaxSubscriberCount = 1 }), StartFrom: esdb.Start{}}
	ctx := patient(t)
	require.Equal(t, esdb.ErrorCodeResourceNotFound, code(c.UpdatePersistentSubscription(ctx, "s-1", "g", options)))
	require.Equal(t, esdb.ErrorCodeResourceNotFound, code(c.DeletePersistentSubscription(ctx, "s-1", "g", esdb.DeletePersistentSubscriptionOptions{})))
	require.Equal(t, esdb.ErrorCodeResourceNotFound, code(c.ReplayParkedMessages(ctx, "s-1", "g", esdb.ReplayParkedMessagesOptions{})))
	_, err := c.SubscribeToPersistentSubscription(ctx, "s-1", "g", esdb.SubscribeToPersistentSubscriptionOptions{})
	require.Equal(t, esdb.ErrorCodeResourceNotFound, code(err))
	_, err = c.GetPersistentSubscriptionInfo(ctx, "s-1", "g", esdb.GetPersistentSubscriptionOptions{})
	require.Equal(t, esdb.ErrorCodeResourceNotFound, code(err))

	require.NoError(t, c.CreatePersistentSubscription(ctx, "s-1", "g", options))
	require.Equal(t, esdb.ErrorCodeResourceAlreadyExists, code(c.CreatePersistentSubscription(ctx, "s-1", "g", options)))
	greedy := esdb.PersistentStreamSubscriptionOptions{Settings: eager(func(s *esdb.PersistentSubscriptionSettings) { s.ReadBatchSize = 500 })}
	require.ErrorContains(t, c.CreatePersistentSubscription(ctx, "s-2", "g", greedy), "read batch size")

	join(t, c, "s-1", 10)
	_, err = c.SubscribeToPersistentSubscription(ctx, "s-1", "g", esdb.SubscribeToPersistentSubscriptionOptions{})
	require.Equal(t, codes.FailedPrecondition, statusOf(err))

	info := groupInfo(t, c, "s-1")
	require.Equal(t, esdb.Start{}, info.Settings.StartFrom)
	require.Equal(t, options.Settings.MessageTimeout, info.Settings.MessageTimeout)
	require.Equal(t, esdb.ConsumerStrategyRoundRobin, info.Settings.ConsumerStrategyName)
	list, err := c.ListAllPersistentSubscriptions(ctx, esdb.ListPersistentSubscriptionsOptions{})
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, "g", list[0].GroupName)
}

func TestGroup_UpdateDeleteAndRestart_EndTheConsumers(t *testing.T) {
	c := connect(t, start(t).ConnectionString())
	group(t, c, "s-1", eager())
	write(t, c, "s-1", esdb.NoStream{}, batch(2)...)
	ended := func(sub *esdb.PersistentSubscription) codes.Code {
		for {
			if e := sub.Recv(); e.SubscriptionDropped != nil {
				return status.Code(e.SubscriptionDropped.Error)
			}
		}
	}
	sub := join(t, c, "s-1", 10)
	first := delivered(t, sub)
	require.NoError(t, sub.Ack(first.Event))
	eventually(t, "the first is checkpointed", func() bool { return groupInfo(t, c, "s-1").Stats.LastCheckpointedEventRevision != nil })
	require.NoError(t, c.UpdatePersistentSubscription(patient(t), "s-1", "g", esdb.PersistentStreamSubscriptionOptions{
		Settings: eager(func(s *esdb.PersistentSubscriptionSettings) { s.MaxRetryCount = 3 }), StartFrom: esdb.Start{}}))
	require.Equal(t, codes.Canceled, ended(sub))
	require.EqualValues(t, 3, groupInfo(t, c, "s-1").Settings.MaxRetryCount)

	sub = join(t, c, "s-1", 10)
	require.EqualValues(t, 1, number(delivered(t, sub)), "behind the checkpoint")
	require.NoError(t, c.RestartPersistentSubscriptionSubsystem(patient(t), esdb.RestartPersistentSubscriptionSubsystemOptions{}))
	require.Equal(t, codes.Canceled, ended(sub))

	sub = join(t, c, "s-1", 10)
	again := delivered(t, sub)
	require.EqualValues(t, 1, number(again))
	require.Equal(t, 0, again.RetryCount, "retries are forgotten")
	require.NoError(t, c.DeletePersistentSubscription(patient(t), "s-1", "g", esdb.DeletePersistentSubscriptionOptions{}))
	require.Equal(t, codes.NotFound, ended(sub))

	group(t, c, "s-1", eager())
	require.EqualValues(t, 0, number(delivered(t, join(t, c, "s-1", 10))), "a new group of the old name begins anew")
}

func TestGroup_CheckpointBounds_HoldBackTheCheckpoint(t *testing.T) {
	c := connect(t, startWith(t, standin.Options{TimeoutCheck: tick}).ConnectionString())
	group(t, c, "s-1", eager(func(s *esdb.PersistentSubscriptionSettings) {
		s.CheckpointLowerBound, s.CheckpointUpperBound, s.CheckpointAfter = 3, 5, 1_000_000
	}))
	write(t, c, "s-1", esdb.NoStream{}, batch(7)...)
	sub := join(t, c, "s-1", 10)
	held := delivered(t, sub)
	for range 5 {
		require.NoError(t, sub.Ack(delivered(t, sub).Event))
	}
	last := delivered(t, sub)
	eventually(t, "five are acknowledged", func() bool { return groupInfo(t, c, "s-1").Stats.TotalInFlightMessages == 2 })
	require.Nil(t, groupInfo(t, c, "s-1").Stats.LastCheckpointedEventRevision, "the first is still out")
	require.NoError(t, sub.Ack(held.Event))
	eventually(t, "six at once are above the upper bound", func() bool {
		at := groupInfo(t, c, "s-1").Stats.LastCheckpointedEventRevision
		return at != nil && *at == 5
	})
	require.NoError(t, sub.Ack(last.Event))
	eventually(t, "the last is acknowledged", func() bool { return groupInfo(t, c, "s-1").Stats.TotalInFlightMessages == 0 })
	require.EqualValues(t, 5, *groupInfo(t, c, "s-1").Stats.LastCheckpointedEventRevision)
}
