package standin

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
)

const configStream = "$persistentSubscriptionConfig"

// groups are the persistent subscriptions; their settings stand in a system stream.
type groups struct {
	store *store
	tick  time.Duration

	mu    sync.Mutex
	byKey map[groupKey]*group
}

type groupKey struct{ stream, name string }

// groupError is a refusal with the trailers that name the group.
type groupError struct {
	code    codes.Code
	reason  string
	message string
	config  groupConfig
}

func (e *groupError) Error() string { return e.message }

func (e *groupError) status(ctx context.Context) error {
	return refuse(ctx, e.code, e.message, "exception", e.reason, "stream-name", e.config.Stream, "group-name", e.config.Name, "reason", e.message)
}

func missing(key groupKey) error {
	return &groupError{code: codes.NotFound, reason: "persistent-subscription-does-not-exist", config: groupConfig{Stream: key.stream, Name: key.name},
		message: fmt.Sprintf("there is no group %s on stream %s", key.name, key.stream)}
}

func failed(c groupConfig, why string) error {
	return &groupError{code: codes.Internal, reason: "persistent-subscription-failed", config: c,
		message: fmt.Sprintf("group %s on stream %s: %s", c.Name, c.Stream, why)}
}

func newGroups(s *store, tick time.Duration) (*groups, error) {
	gs := &groups{store: s, tick: tick, byKey: map[groupKey]*group{}}
	stream := s.view().stream(configStream)
	if stream.missing() {
		return gs, nil
	}
	var configs []groupConfig
	if err := json.Unmarshal(stream.events[stream.last()].Data, &configs); err != nil {
		return nil, fmt.Errorf("standin: %s: %w", configStream, err)
	}
	for _, c := range configs {
		if c.Filter != nil {
			if err := c.Filter.compile(); err != nil {
				return nil, err
			}
		}
		gs.byKey[groupKey{c.Stream, c.Name}] = startGroup(s, c, tick)
	}
	return gs, nil
}

func (gs *groups) close() {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	for _, g := range gs.byKey {
		g.stop()
	}
}

func (gs *groups) find(key groupKey) (*group, error) {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	if g := gs.byKey[key]; g != nil {
		return g, nil
	}
	return nil, missing(key)
}

func (gs *groups) list() []*group {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	var found []*group
	for _, g := range gs.byKey {
		found = append(found, g)
	}
	slices.SortFunc(found, func(a, b *group) int {
		return strings.Compare(a.config.Stream+"::"+a.config.Name, b.config.Stream+"::"+b.config.Name)
	})
	return found
}

func (gs *groups) create(ctx context.Context, c groupConfig) error {
	if err := c.check(); err != nil {
		return err
	}
	gs.mu.Lock()
	defer gs.mu.Unlock()
	key := groupKey{c.Stream, c.Name}
	if gs.byKey[key] != nil {
		return &groupError{code: codes.AlreadyExists, reason: "persistent-subscription-exists", config: c,
			message: fmt.Sprintf("group %s on stream %s exists already", c.Name, c.Stream)}
	}
	if err := gs.save(ctx, key, &c); err != nil {
		return err
	}
	gs.byKey[key] = startGroup(gs.store, c, gs.tick)
	return nil
}

// update drops the consumers; the group goes on from its checkpoint. The filter stays.
func (gs *groups) update(ctx context.Context, c groupConfig) error {
	if err := c.check(); err != nil {
		return err
	}
	gs.mu.Lock()
	defer gs.mu.Unlock()
	key := groupKey{c.Stream, c.Name}
	old := gs.byKey[key]
	if old == nil {
		return missing(key)
	}
	c.Filter = old.config.Filter
	if err := gs.save(ctx, key, &c); err != nil {
		return err
	}
	old.do(func() { old.drop(dropped(c)) })
	old.stop()
	gs.byKey[key] = startGroup(gs.store, c, gs.tick)
	return nil
}

func (gs *groups) delete(ctx context.Context, key groupKey) error {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	g := gs.byKey[key]
	if g == nil {
		return missing(key)
	}
	if err := gs.save(ctx, key, nil); err != nil {
		return err
	}
	delete(gs.byKey, key)
	g.do(func() { g.drop(missing(key)) })
	g.stop()
	return g.forget(context.WithoutCancel(ctx))
}

// save writes all settings with one group changed, or gone when c is nil.
func (gs *groups) save(ctx context.Context, key groupKey, c *groupConfig) error {
	configs := []groupConfig{}
	for k, g := range gs.byKey {
		if k != key {
			configs = append(configs, g.config)
		}
	}
	if c != nil {
		configs = append(configs, *c)
	}
	// A caller who leaves must not leave the settings and the groups at odds.
	_, err := gs.store.append(context.WithoutCancel(ctx), configStream, anyRevision, []*event{newEvent("PersistentConfig1", configs, nil)})
	return err
}

// restart drops all consumers; all groups go on from their checkpoints.
func (gs *groups) restart() {
	for _, g := range gs.list() {
		g.do(func() {
			g.drop(dropped(g.config))
			g.reset()
		})
	}
}
