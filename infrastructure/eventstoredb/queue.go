package eventstoredb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"

	"asprak/application"
)

const (
	defaultLease = 30 * time.Second
	defaultLimit = 16
	// maxLimit keeps the streams of one consumer, of which a server takes 100 on a connection.
	maxLimit = 32

	// messageTimeout is after what time the server takes a message for lost whose consumer
	// still holds its connection. The server cannot extend it, so the lease is kept by the
	// consumer and this is the end of all leases.
	messageTimeout = 15 * time.Minute
)

// Consume joins the group, a persistent subscription to the whole log, which is made with the
// group's types as its filter when it does not exist yet. The server cannot change a filter:
// a group that is to have a further type is an error, and needs a new name. The user needs to
// be in $ops or $admins.
func (l *Log) Consume(ctx context.Context, group application.Group) (application.Consumer, error) {
	if group.Name == "" || len(group.Types) == 0 {
		return nil, errors.New("eventstoredb: a group needs a name and at least one type")
	}
	if group.Lease <= 0 {
		group.Lease = defaultLease
	}
	if group.Limit <= 0 {
		group.Limit = defaultLimit
	}
	if group.Lease >= messageTimeout || group.Limit > maxLimit {
		return nil, fmt.Errorf("eventstoredb: group %s: a lease is shorter than %s and at most %d deliveries are in flight", group.Name, messageTimeout, maxLimit)
	}
	group.Types = slices.Compact(slices.Sorted(slices.Values(group.Types)))
	if err := l.join(ctx, group); err != nil {
		return nil, fmt.Errorf("eventstoredb: group %s: %w", group.Name, err)
	}
	c := newConsumer(l, group)
	if err := l.enter(c); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// join makes sure that the group exists and gets the types.
func (l *Log) join(ctx context.Context, group application.Group) error {
	types, err := l.typesOf(ctx, group)
	if err != nil {
		return err
	}
	for _, t := range group.Types {
		if !slices.Contains(types, t) {
			return fmt.Errorf("it was made for the types %v, and the server cannot add %s", types, t)
		}
	}
	return l.create(ctx, group.Name, types)
}

// typesOf is what the group was made for, which the server does not tell. It stands in the
// metadata of a stream that never has events; the first consumer writes it.
func (l *Log) typesOf(ctx context.Context, group application.Group) ([]string, error) {
	const key = "asprak-types"
	stream := "$$asprak-group-" + group.Name
	for {
		events, err := l.readEvents(ctx, stream, esdb.ReadStreamOptions{Direction: esdb.Backwards, From: esdb.End{}}, 1)
		if err != nil {
			return nil, err
		}
		if len(events) > 0 {
			stored := map[string][]string{}
			if err := json.Unmarshal(events[0].OriginalEvent().Data, &stored); err != nil {
				return nil, fmt.Errorf("%s: %w", stream, err)
			}
			return stored[key], nil
		}
		data, err := json.Marshal(map[string][]string{key: group.Types})
		if err != nil {
			return nil, err
		}
		_, err = l.Append(ctx, stream, application.NoStream, []application.NewRecord{{ID: uuid.New(), Type: "$metadata", Data: data}})
		if err == nil {
			return group.Types, nil
		}
		if !errors.Is(err, application.ErrConflict) {
			return nil, err
		}
	}
}

func (l *Log) create(ctx context.Context, name string, types []string) error {
	settings := esdb.SubscriptionSettingsDefault()
	settings.MessageTimeout = int32(messageTimeout / time.Millisecond)
	// Who handles a message counts its tries and gives it up; the server would do it unheard.
	settings.MaxRetryCount = 1 << 30
	// A new leader hands out again what is behind the checkpoint; so it is written often.
	settings.CheckpointLowerBound = 1
	settings.CheckpointUpperBound = 100
	settings.CheckpointAfter = 1000
	deadline := l.attempt()
	return l.retry(ctx, func(ctx context.Context) error {
		_, err := call(ctx, l.nodes, deadline, func(ctx context.Context, client *esdb.Client) (struct{}, error) {
			return struct{}{}, client.CreatePersistentSubscriptionToAll(ctx, name, esdb.PersistentAllSubscriptionOptions{
				Settings: &settings, StartFrom: esdb.Start{}, Filter: filterOf(types), MaxSearchWindow: searchWindow, Deadline: &deadline,
			})
		})
		if failed(err, esdb.ErrorCodeResourceAlreadyExists) {
			return nil
		}
		return err
	})
}
