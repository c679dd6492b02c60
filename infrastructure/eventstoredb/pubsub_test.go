package eventstoredb_test

import (
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/tests"
	"github.com/stretchr/testify/require"

	"asprak/infrastructure/eventstoredb"
	"asprak/infrastructure/messaging"
)

// universal holds one log under all of the suite's tests, as one service holds many topics.
func universal(log *eventstoredb.Log) (tests.PubSubConstructor, tests.ConsumerGroupPubSubConstructor) {
	grouped := func(t *testing.T, group string) (message.Publisher, message.Subscriber) {
		subscriber := messaging.NewSubscriber(log, messaging.SubscriberConfig{
			Group: group, RetryDelay: time.Millisecond, Grace: 20 * time.Millisecond,
		})
		t.Cleanup(func() { require.NoError(t, subscriber.Close()) })
		return messaging.NewPublisher(log), subscriber
	}
	return func(t *testing.T) (message.Publisher, message.Subscriber) { return grouped(t, "suite") }, grouped
}

func TestPubSub_OnEachServer_Universal(t *testing.T) {
	features := tests.Features{
		ConsumerGroups: true,
		Persistent:     true,
		// An acknowledgement is not answered: it can be lost with the connection.
		ExactlyOnceDelivery: false,
		// A persistent subscription promises no order: a refused message comes again behind
		// later ones.
		GuaranteedOrder:                     false,
		GuaranteedOrderWithSingleSubscriber: false,
		// The suite asks for it within one group, where what was acknowledged is done. A new
		// group does get old messages; the contract of the queue tests that.
		NewSubscriberReceivesOldMessages: false,
		// A message comes from a server, perhaps to another process.
		ContextPreserved: false,
		// The tests of failures break connections and change the leader.
		RestartServiceCommand: nil,
	}
	servers(t, func(t *testing.T, url string) {
		plain, grouped := universal(open(t, url, eventstoredb.Options{}))
		tests.TestPubSub(t, features, plain, grouped)
	})
}
