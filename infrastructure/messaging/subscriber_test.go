package messaging_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/infrastructure/embedded"
	"asprak/infrastructure/messaging"
)

// record appends an event as the application does, not as a Publisher does.
func record(t *testing.T, log *embedded.Log, kind string) application.Record {
	t.Helper()
	event := application.NewRecord{ID: uuid.New(), Type: kind, Data: []byte(`{"a": 1}`), Metadata: []byte(`{"actor":{"id":"x"}}`)}
	stream := "application-" + event.ID.String()
	_, err := log.Append(t.Context(), stream, application.NoStream, []application.NewRecord{event})
	require.NoError(t, err)
	records, err := log.ReadStream(t.Context(), stream, 0)
	require.NoError(t, err)
	return records[0]
}

func TestSubscriber_EventOfTheApplication_CarriesItsPlace(t *testing.T) {
	log := openLog(t)
	event := record(t, log, "DocumentUploaded")
	messages, err := subscriber(t, log, messaging.SubscriberConfig{Group: "g"}).Subscribe(t.Context(), "DocumentUploaded")
	require.NoError(t, err)
	for attempt := 1; attempt <= 2; attempt++ {
		msg := receive(t, messages)
		require.Equal(t, event.ID.String(), msg.UUID)
		require.Equal(t, string(event.Data), string(msg.Payload))
		require.Equal(t, map[string]string{
			messaging.MetadataEventID:  event.ID.String(),
			messaging.MetadataStream:   event.Stream,
			messaging.MetadataRevision: "0",
			messaging.MetadataPosition: event.Position.String(),
			messaging.MetadataType:     "DocumentUploaded",
			messaging.MetadataAttempt:  strconv.Itoa(attempt),
		}, map[string]string(msg.Metadata))
		d, ok := messaging.DeliveryOf(msg)
		require.True(t, ok)
		require.Equal(t, application.Delivery{Record: event, Attempt: attempt}, d)
		msg.Nack()
	}
}

func TestSubscriber_RefusedAfterPark_IsParked(t *testing.T) {
	log := openLog(t)
	event := record(t, log, "DocumentUploaded")
	messages, err := subscriber(t, log, messaging.SubscriberConfig{Group: "g"}).Subscribe(t.Context(), "DocumentUploaded")
	require.NoError(t, err)
	msg := receive(t, messages)
	messaging.Park(msg, "beyond repair")
	msg.Nack()
	next := record(t, log, "DocumentUploaded")
	msg = receive(t, messages)
	require.Equal(t, next.ID.String(), msg.UUID)
	msg.Ack()
	parked, err := log.Parked(t.Context(), messaging.GroupName("g", "DocumentUploaded"))
	require.NoError(t, err)
	require.Len(t, parked, 1)
	require.Equal(t, event, parked[0].Record)
	require.Equal(t, "beyond repair", parked[0].Reason)
}

func TestSubscriber_WorkLongerThanLease_IsNotDeliveredTwice(t *testing.T) {
	log := openLog(t)
	config := messaging.SubscriberConfig{Group: "g", Lease: 600 * time.Millisecond}
	slow, err := subscriber(t, log, config).Subscribe(t.Context(), "DocumentUploaded")
	require.NoError(t, err)
	record(t, log, "DocumentUploaded")
	msg := receive(t, slow)
	other, err := subscriber(t, log, config).Subscribe(t.Context(), "DocumentUploaded")
	require.NoError(t, err)
	select {
	case <-other:
		require.Fail(t, "delivered to another while it is being worked on")
	case <-time.After(2 * config.Lease):
	}
	require.NoError(t, msg.Context().Err())
	msg.Ack()
}

func TestSubscriber_ClosedWithinGrace_AnswerCounts(t *testing.T) {
	log := openLog(t)
	s := subscriber(t, log, messaging.SubscriberConfig{Group: "g", Grace: 30 * time.Second})
	ctx, cancel := context.WithCancel(t.Context())
	messages, err := s.Subscribe(ctx, "DocumentUploaded")
	require.NoError(t, err)
	record(t, log, "DocumentUploaded")
	msg := receive(t, messages)
	cancel()
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	require.NoError(t, msg.Context().Err())
	msg.Ack()
	require.NoError(t, <-closed)
	_, open := <-messages
	require.False(t, open)
	_, err = s.Subscribe(t.Context(), "DocumentUploaded")
	require.Error(t, err)

	next := record(t, log, "DocumentUploaded")
	again, err := subscriber(t, log, messaging.SubscriberConfig{Group: "g"}).Subscribe(t.Context(), "DocumentUploaded")
	require.NoError(t, err)
	require.Equal(t, next.ID.String(), receive(t, again).UUID)
}

func TestSubscriber_GraceOver_HandsBackUncounted(t *testing.T) {
	log := openLog(t)
	s := subscriber(t, log, messaging.SubscriberConfig{Group: "g", Grace: time.Millisecond})
	messages, err := s.Subscribe(t.Context(), "DocumentUploaded")
	require.NoError(t, err)
	record(t, log, "DocumentUploaded")
	msg := receive(t, messages)
	require.NoError(t, s.Close())
	require.ErrorIs(t, msg.Context().Err(), context.Canceled)
	msg.Nack()
	again, err := subscriber(t, log, messaging.SubscriberConfig{Group: "g"}).Subscribe(t.Context(), "DocumentUploaded")
	require.NoError(t, err)
	d, ok := messaging.DeliveryOf(receive(t, again))
	require.True(t, ok)
	require.Equal(t, 1, d.Attempt)
}

// failing is a queue whose consumers fail once.
type failing struct {
	application.Queue
	failed bool
}

type failingConsumer struct{ application.Consumer }

func (failingConsumer) Next(context.Context) (application.Delivery, error) {
	return application.Delivery{}, errors.New("connection lost")
}

func (f *failing) Consume(ctx context.Context, group application.Group) (application.Consumer, error) {
	c, err := f.Queue.Consume(ctx, group)
	if err == nil && !f.failed {
		f.failed = true
		return failingConsumer{c}, nil
	}
	return c, err
}

func TestSubscriber_ConsumerLost_JoinsAgain(t *testing.T) {
	log := openLog(t)
	event := record(t, log, "DocumentUploaded")
	s := messaging.NewSubscriber(&failing{Queue: log}, messaging.SubscriberConfig{Group: "g"})
	messages, err := s.Subscribe(t.Context(), "DocumentUploaded")
	require.NoError(t, err)
	msg := receive(t, messages)
	require.Equal(t, event.ID.String(), msg.UUID)
	msg.Ack()
	require.NoError(t, s.Close())
}
