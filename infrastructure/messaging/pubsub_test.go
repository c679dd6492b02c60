package messaging_test

import (
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/tests"
	"github.com/stretchr/testify/require"

	"asprak/infrastructure/embedded"
	"asprak/infrastructure/messaging"
)

func openLog(t *testing.T) *embedded.Log {
	t.Helper()
	log, err := embedded.Open(t.Context(), filepath.Join(t.TempDir(), "log.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	return log
}

// universal holds one log under all of the suite's tests, as one service holds many topics.
func universal(log *embedded.Log) (tests.PubSubConstructor, tests.ConsumerGroupPubSubConstructor) {
	grouped := func(t *testing.T, group string) (message.Publisher, message.Subscriber) {
		return messaging.NewPublisher(log), subscriber(t, log, messaging.SubscriberConfig{
			Group: group, RetryDelay: time.Millisecond, Grace: 20 * time.Millisecond,
		})
	}
	return func(t *testing.T) (message.Publisher, message.Subscriber) { return grouped(t, "suite") }, grouped
}

func TestPubSub_Universal(t *testing.T) {
	plain, grouped := universal(openLog(t))
	tests.TestPubSub(t, tests.Features{
		ConsumerGroups: true,
		Persistent:     true,
		// The queue delivers at least once: an acknowledgement can be lost with the process.
		ExactlyOnceDelivery: false,
		// The queue promises no order: a refused message comes again behind later ones.
		GuaranteedOrder:                     false,
		GuaranteedOrderWithSingleSubscriber: false,
		// The suite asks for it within one group, where what was acknowledged is done. A new
		// group does get old messages; the contract of the queue tests that.
		NewSubscriberReceivesOldMessages: false,
		// A message comes out of a file, perhaps in another process.
		ContextPreserved: false,
		// There is no server to restart; reopening is tested with the log.
		RestartServiceCommand: nil,
	}, plain, grouped)
}

// One subscriber that takes one message at a time does not get the next before it answers,
// and gets messages in order as long as it refuses none.
func TestPubSub_OneSubscriber_IsInOrder(t *testing.T) {
	features := tests.Features{Persistent: true, GuaranteedOrder: true, GuaranteedOrderWithSingleSubscriber: true}
	plain, _ := universal(openLog(t))
	for name, test := range map[string]func(*testing.T, tests.TestContext, tests.PubSubConstructor){
		"InOrder": tests.TestPublishSubscribeInOrder,
		"NoAck":   tests.TestNoAck,
	} {
		t.Run(name, func(t *testing.T) {
			test(t, tests.TestContext{TestID: tests.NewTestID(), Features: features}, plain)
		})
	}
}

func subscriber(t *testing.T, log *embedded.Log, config messaging.SubscriberConfig) *messaging.Subscriber {
	t.Helper()
	s := messaging.NewSubscriber(log, config)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func receive(t *testing.T, messages <-chan *message.Message) *message.Message {
	t.Helper()
	select {
	case msg, open := <-messages:
		require.True(t, open, "the subscription ended")
		return msg
	case <-time.After(30 * time.Second):
		require.Fail(t, "no message came")
		return nil
	}
}

func TestPublisher_AnyContent_ArrivesIntact(t *testing.T) {
	log := openLog(t)
	pub := messaging.NewPublisher(log)
	messages, err := subscriber(t, log, messaging.SubscriberConfig{Group: "g"}).Subscribe(t.Context(), "Any")
	require.NoError(t, err)
	for name, payload := range map[string][]byte{
		"JSON with its spaces": []byte(" {\"b\":1,  \"a\":[1.0, 2e3]}\n"),
		"bytes":                {0, 1, 0xff, 0xfe, '"'},
		"text":                 []byte("x"),
		"JSON string":          []byte(`"eA=="`),
		"empty":                {},
	} {
		for _, uuid := range []string{watermill.NewULID(), "not a uuid: 'ü\"", ""} {
			sent := message.NewMessage(uuid, payload)
			sent.Metadata.Set("event_id", "mine")
			sent.Metadata.Set("ü \"key\"", "<value>\n")
			require.NoError(t, pub.Publish("Any", sent))
			got := receive(t, messages)
			require.True(t, sent.Equals(got), "%s, %q: %v", name, uuid, got)
			got.Ack()
		}
	}
	require.Error(t, pub.Publish("Any", message.NewMessage("\xff", nil)))
	require.NoError(t, pub.Close())
	require.Error(t, pub.Publish("Any", message.NewMessage("1", nil)))
}

func TestPublisher_SameMessageTwice_StandsOnce(t *testing.T) {
	log := openLog(t)
	one, two := message.NewMessage("1", []byte("x")), message.NewMessage("2", []byte("x"))
	other := message.NewMessage("1", []byte("y"))
	require.NoError(t, messaging.NewPublisher(log).Publish("Twice", one))
	require.NoError(t, messaging.NewPublisher(log).Publish("Twice", two, one, other))
	records, err := log.ReadStream(t.Context(), "message-Twice", 0)
	require.NoError(t, err)
	require.Len(t, records, 3)
}

func TestPublisher_TwoOnOneTopic_BothAppend(t *testing.T) {
	log := openLog(t)
	const each = 30
	var all sync.WaitGroup
	for range 4 {
		pub := messaging.NewPublisher(log)
		for range 2 {
			all.Go(func() {
				for range each {
					require.NoError(t, pub.Publish("Race", message.NewMessage(watermill.NewUUID(), []byte("1"))))
				}
			})
		}
	}
	all.Wait()
	records, err := log.ReadStream(t.Context(), "message-Race", 0)
	require.NoError(t, err)
	require.Equal(t, 8*each, len(records))
}
