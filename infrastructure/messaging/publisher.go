package messaging

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"asprak/application"
)

const publishTimeout = 30 * time.Second

var errPublisherClosed = errors.New("messaging: the publisher is closed")

// Publisher appends messages to the log, as events of the type that the topic names, on the
// stream "message-<topic>".
type Publisher struct {
	log    application.Log
	mu     sync.Mutex
	topics map[string]*topic
	closed bool
	active sync.WaitGroup
}

var _ message.Publisher = (*Publisher)(nil)

// NewPublisher publishes to the log.
func NewPublisher(log application.Log) *Publisher {
	return &Publisher{log: log, topics: map[string]*topic{}}
}

// topic groups what is published to one stream at the same time into one append.
type topic struct {
	log     application.Log
	name    string
	writing sync.Mutex
	tail    application.Revision // where the stream is thought to stand
	mu      sync.Mutex
	waiting []*publication
}

type publication struct {
	events []application.NewRecord
	size   int
	err    error
	done   bool // guarded by writing
}

// Publish appends the messages, all or none, and returns when they are durable. A message
// published again with the same UUID and content on the same topic is not stored twice where
// the log can tell.
func (p *Publisher) Publish(name string, messages ...*message.Message) error {
	if len(messages) == 0 {
		return nil
	}
	t, err := p.topic(name)
	if err != nil {
		return err
	}
	defer p.active.Done()
	pub := &publication{}
	for _, msg := range messages {
		event, err := toEvent(name, msg)
		if err != nil {
			return err
		}
		pub.size += len(event.Data) + len(event.Metadata)
		pub.events = append(pub.events, event)
	}
	// The append may carry messages of other callers, so it does not end with one's context.
	ctx, cancel := context.WithTimeout(context.Background(), publishTimeout)
	defer cancel()
	return t.publish(ctx, pub)
}

func (p *Publisher) topic(name string) (*topic, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errPublisherClosed
	}
	if name == "" {
		return nil, errors.New("messaging: a topic needs a name")
	}
	t := p.topics[name]
	if t == nil {
		t = &topic{log: p.log, name: name, tail: application.NoStream}
		p.topics[name] = t
	}
	p.active.Add(1)
	return t, nil
}

// Close waits for what is being published.
func (p *Publisher) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.active.Wait()
	return nil
}

func (t *topic) publish(ctx context.Context, pub *publication) error {
	t.mu.Lock()
	t.waiting = append(t.waiting, pub)
	t.mu.Unlock()

	t.writing.Lock()
	defer t.writing.Unlock()
	for !pub.done {
		group := t.next()
		err := t.append(ctx, group)
		for _, g := range group {
			g.done, g.err = true, err
			if errors.Is(err, application.ErrIDTaken) {
				g.err = t.appendNew(ctx, g)
			}
		}
	}
	return pub.err
}

// next takes as many waiting publications as fit into one append, at least one.
func (t *topic) next() []*publication {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, size := 0, 0
	for n < len(t.waiting) && (n == 0 || size+t.waiting[n].size <= application.MaxAppendBytes) {
		size += t.waiting[n].size
		n++
	}
	group := t.waiting[:n:n]
	t.waiting = t.waiting[n:]
	return group
}

func (t *topic) append(ctx context.Context, group []*publication) error {
	var events []application.NewRecord
	for _, p := range group {
		events = append(events, p.events...)
	}
	return t.appendEvents(ctx, events)
}

// appendNew appends those events of the publication that do not stand in the log yet.
func (t *topic) appendNew(ctx context.Context, pub *publication) error {
	for _, e := range pub.events {
		err := t.appendEvents(ctx, []application.NewRecord{e})
		if err != nil && !errors.Is(err, application.ErrIDTaken) {
			return err
		}
	}
	return nil
}

// appendEvents appends behind the stream's end, however often other publishers move it.
func (t *topic) appendEvents(ctx context.Context, events []application.NewRecord) error {
	stream := "message-" + t.name
	for try := 1; ; try++ {
		appended, err := t.log.Append(ctx, stream, t.tail, events)
		switch {
		case err == nil:
			t.tail = appended.Revision
			return nil
		case errors.Is(err, application.ErrUnknownOutcome):
			// Once more in the same place: the same ids there are a success.
		case errors.Is(err, application.ErrConflict):
			if err := t.readTail(ctx, stream); err != nil {
				return err
			}
		default:
			return err
		}
		if pause(ctx, time.Duration(rand.Int64N(int64(min(try, 20))*int64(time.Millisecond)))) != nil {
			return fmt.Errorf("messaging: publishing to %s: %w", t.name, err)
		}
	}
}

func (t *topic) readTail(ctx context.Context, stream string) error {
	records, err := t.log.ReadStream(ctx, stream, t.tail+1)
	if err != nil {
		return err
	}
	t.tail = application.NoStream
	if len(records) > 0 {
		t.tail = records[len(records)-1].Revision
	}
	return nil
}

// pause waits, or fails with ctx.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
