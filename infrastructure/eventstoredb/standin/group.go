package standin

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
)

const (
	allStream        = "$all"
	groupPrefix      = "$persistentsubscription-"
	checkpointType   = "$SubscriptionCheckpoint"
	roundRobin       = "RoundRobin"
	dispatchToSingle = "DispatchToSingle"
	pinned           = "Pinned"
)

// message is an event on its way through a group.
type message struct {
	resolved
	number   int // of the events looked at
	retries  int
	done     bool
	consumer *consumer // who has it
	due      time.Time // zero: never
}

// consumer is one connection to a group.
type consumer struct {
	id     string
	from   string
	size   int // in flight at most
	flying int
	taken  int64
	out    chan *message
	end    chan error
}

func (c *consumer) ready() bool { return c.flying < c.size && len(c.out) < cap(c.out) }

// group runs one persistent subscription. What is not yet checkpointed is in memory alone, as
// with the real server: after a restart it is handed out again, with its retries forgotten.
type group struct {
	store *store
	tick  time.Duration
	inbox chan func()
	quit  chan struct{}
	ended chan struct{}

	// The rest belongs to run.
	config     groupConfig
	consumers  []*consumer
	turn       int
	next       uint64 // revision, or index in $all
	buffer     []*message
	retrying   []*message
	flying     map[uuid.UUID]*message
	window     []*message // read and unfinished, in order
	looked     int        // events, those that the filter left out too
	counted    int        // how many were looked at and finished at the last checkpoint
	checkpoint string     // "" without one
	saved      time.Time
	total      int64
}

func startGroup(s *store, config groupConfig, tick time.Duration) *group {
	g := &group{store: s, config: config, tick: tick, inbox: make(chan func()), quit: make(chan struct{}), ended: make(chan struct{})}
	g.reset()
	go g.run()
	return g
}

func (g *group) run() {
	defer close(g.ended)
	ticker := time.NewTicker(g.tick)
	defer ticker.Stop()
	for {
		v := g.store.view()
		g.fill(v)
		g.push()
		select {
		case f := <-g.inbox:
			f()
		case <-v.changed:
		case <-ticker.C:
			g.expire(time.Now())
			g.save(true)
		case <-g.quit:
			return
		}
	}
}

// do runs f among the group's own steps; false when the group has ended.
func (g *group) do(f func()) bool {
	done := make(chan struct{})
	select {
	case g.inbox <- func() { f(); close(done) }:
		<-done
		return true
	case <-g.ended:
		return false
	}
}

func (g *group) stop() {
	close(g.quit)
	<-g.ended
}

// reset goes back to the checkpoint.
func (g *group) reset() {
	g.buffer, g.retrying, g.window = nil, nil, nil
	g.flying = map[uuid.UUID]*message{}
	g.looked, g.counted, g.checkpoint, g.saved = 0, 0, "", time.Now()
	v := g.store.view()
	if s := v.stream(g.config.checkpointStream()); !s.missing() {
		// Only this program writes there.
		_ = json.Unmarshal(s.events[s.last()].Data, &g.checkpoint)
	}
	if g.checkpoint != "" {
		g.next = g.place(v, g.checkpoint) + 1
	} else {
		g.next = g.place(v, g.config.Start)
	}
}

// place is where a position text leads.
func (g *group) place(v view, text string) uint64 {
	if strings.HasSuffix(text, "-1") {
		if g.config.Stream == allStream {
			return uint64(len(v.all))
		}
		return uint64(v.stream(g.config.Stream).last() + 1)
	}
	if g.config.Stream == allStream {
		commit, _, _ := strings.Cut(strings.TrimPrefix(text, "C:"), "/")
		position, _ := strconv.ParseUint(commit, 10, 64)
		index, _ := v.seek(position)
		return uint64(index)
	}
	revision, _ := strconv.ParseUint(text, 10, 64)
	return revision
}

// text is the position text of a place.
func (g *group) text(v view, place uint64) string {
	if g.config.Stream == allStream {
		return positionText(v.all[place].Position)
	}
	return strconv.FormatUint(place, 10)
}

// fill reads ahead as far as the buffer has room.
func (g *group) fill(v view) {
	room := int(g.config.Settings.HistoryBuffer) - len(g.buffer)
	take := func(e *event) {
		g.looked++
		m := &message{resolved: v.resolve(e, g.config.Settings.ResolveLinks), number: g.looked}
		g.buffer = append(g.buffer, m)
		g.window = append(g.window, m)
		room--
	}
	if g.config.Stream == allStream {
		for ; room > 0 && g.next < uint64(len(v.all)); g.next++ {
			switch e := v.all[g.next]; {
			case strings.HasPrefix(e.Stream, groupPrefix):
				// The groups' own traces would give them work for ever.
			case g.config.Filter.takes(e):
				take(e)
			default:
				g.looked++
			}
		}
	} else {
		s := v.stream(g.config.Stream)
		if !s.tombstone && !s.deleted {
			for g.next = max(g.next, uint64(min(s.first, s.last()+1))); room > 0 && int64(g.next) <= s.last(); g.next++ {
				take(s.events[g.next])
			}
		}
	}
}

// push hands out what the consumers have room for, retries first.
func (g *group) push() {
	g.retrying = slices.DeleteFunc(g.retrying, g.deliver)
	g.buffer = slices.DeleteFunc(g.buffer, g.deliver)
}

func (g *group) deliver(m *message) bool {
	c := g.choose(m)
	if c == nil {
		return false
	}
	id := m.original().ID
	if other := g.flying[id]; other != nil {
		// The second of two messages with one id is handed out and not tracked.
		g.finish(m)
	} else {
		g.flying[id] = m
		m.consumer = c
		c.flying++
		m.due = time.Time{}
		if t := g.config.Settings.TimeoutMillis; t > 0 {
			m.due = time.Now().Add(time.Duration(t) * time.Millisecond)
		}
	}
	c.taken++
	g.total++
	sent := *m // the consumer's goroutine reads it while retries may grow here
	c.out <- &sent
	return true
}

func (g *group) choose(m *message) *consumer {
	if len(g.consumers) == 0 {
		return nil
	}
	switch g.config.Settings.Strategy {
	case dispatchToSingle:
		if i := slices.IndexFunc(g.consumers, (*consumer).ready); i >= 0 {
			return g.consumers[i]
		}
		return nil
	case pinned:
		h := fnv.New32a()
		_, _ = h.Write([]byte(m.original().Stream))
		if c := g.consumers[h.Sum32()%uint32(len(g.consumers))]; c.ready() {
			return c
		}
		return nil
	}
	for i := range g.consumers {
		at := (g.turn + i) % len(g.consumers)
		if g.consumers[at].ready() {
			g.turn = at + 1
			return g.consumers[at]
		}
	}
	return nil
}

// land takes the message back from its consumer; nil when it is not out there.
func (g *group) land(id uuid.UUID) *message {
	m := g.flying[id]
	if m == nil {
		return nil
	}
	delete(g.flying, id)
	m.consumer.flying--
	m.consumer = nil
	return m
}

func (g *group) ack(id uuid.UUID) {
	if m := g.land(id); m != nil {
		g.finish(m)
		g.save(false)
	}
}

// retry hands the message out again, or parks it when that was often enough.
func (g *group) retry(id uuid.UUID) {
	m := g.land(id)
	if m == nil {
		return
	}
	if m.retries >= int(g.config.Settings.MaxRetries) {
		g.park(m, fmt.Sprintf("Reached retry count of %d", g.config.Settings.MaxRetries))
		return
	}
	g.again(m)
}

func (g *group) again(m *message) {
	m.retries++
	g.retrying = append(g.retrying, m)
}

func (g *group) finish(m *message) {
	m.done = true
	for len(g.window) > 0 && g.window[0].done {
		g.window = g.window[1:]
	}
}

// finished is how many events were looked at and need no more work, and the place behind them.
func (g *group) finished(v view) (count int, place uint64) {
	if len(g.window) == 0 {
		return g.looked, g.next
	}
	oldest := g.window[0]
	if g.config.Stream != allStream {
		return oldest.number - 1, uint64(oldest.original().Revision)
	}
	index, _ := v.seek(oldest.original().Position)
	return oldest.number - 1, uint64(index)
}

// save writes the checkpoint when enough was finished: by the upper bound at once, by the
// lower bound when the time has come. Events that the filter leaves out count as finished.
func (g *group) save(timed bool) {
	s, v := g.config.Settings, g.store.view()
	done, place := g.finished(v)
	since := done - g.counted
	due := since >= int(s.MaxCheckpoint)
	if timed && since >= max(1, int(s.MinCheckpoint)) {
		due = due || time.Since(g.saved) >= time.Duration(s.CheckpointAfter)*time.Millisecond
	}
	if !due || place == 0 {
		return
	}
	text := g.text(v, place-1)
	e := newEvent(checkpointType, text, nil)
	if _, err := g.store.append(context.Background(), g.config.checkpointStream(), anyRevision, []*event{e}); err != nil {
		return // the store has ended
	}
	g.checkpoint, g.counted, g.saved = text, done, time.Now()
}

// expire takes back what was out for too long.
func (g *group) expire(now time.Time) {
	for _, m := range g.inFlight(func(m *message) bool { return !m.due.IsZero() && m.due.Before(now) }) {
		g.retry(m.original().ID)
	}
}

func (g *group) inFlight(which func(*message) bool) []*message {
	var found []*message
	for _, m := range g.flying {
		if which(m) {
			found = append(found, m)
		}
	}
	slices.SortFunc(found, func(a, b *message) int {
		return int(int64(a.original().Position) - int64(b.original().Position))
	})
	return found
}

// connect adds a consumer; nil when there are as many as may be.
func (g *group) connect(size int, from string) *consumer {
	if most := int(g.config.Settings.MaxSubscribers); most > 0 && len(g.consumers) >= most {
		return nil
	}
	size = max(1, size)
	c := &consumer{id: uuid.NewString(), from: from, size: size, out: make(chan *message, size+16), end: make(chan error, 1)}
	g.consumers = append(g.consumers, c)
	return c
}

// disconnect hands its messages to others. Their retries grow, and no number of them parks.
func (g *group) disconnect(c *consumer) {
	i := slices.Index(g.consumers, c)
	if i < 0 {
		return
	}
	g.consumers = slices.Delete(g.consumers, i, i+1)
	for _, m := range g.inFlight(func(m *message) bool { return m.consumer == c }) {
		g.again(g.land(m.original().ID))
	}
}

// drop ends all consumers.
func (g *group) drop(reason error) {
	for _, c := range g.consumers {
		c.end <- reason
	}
	g.consumers = nil
}

// forget deletes the group's streams.
func (g *group) forget(ctx context.Context) error {
	for _, name := range []string{g.config.checkpointStream(), g.config.parkedStream()} {
		if g.store.view().stream(name).missing() {
			continue
		}
		if _, err := g.store.remove(ctx, name, anyRevision, false); err != nil {
			return err
		}
	}
	return nil
}

// dropped is the status that a consumer sees when its group begins anew.
func dropped(c groupConfig) error {
	return &groupError{code: codes.Canceled, reason: "persistent-subscription-dropped", config: c,
		message: fmt.Sprintf("group %s on stream %s was dropped", c.Name, c.Stream)}
}

const noStop = math.MaxInt64
