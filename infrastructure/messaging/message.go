// Package messaging carries events of the log to handlers by Watermill: a Publisher and a
// Subscriber over application.Log and application.Queue, and a Router that hosts a reaction.
// It knows the ports only, no log's technology, and neither the events nor what is done with them.
package messaging

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"

	"asprak/application"
)

// Metadata of a message that carries an event which no Publisher wrote.
const (
	MetadataEventID  = "event_id"
	MetadataStream   = "stream"
	MetadataRevision = "revision"
	MetadataPosition = "position"
	MetadataType     = "type"
	MetadataAttempt  = "attempt"
)

// namespace of the event ids that Publisher derives.
var namespace = uuid.MustParse("0d9f0c3a-3f0b-5c55-9a53-1f6f2b8f0a6e")

// envelope is the metadata of an event that Publisher wrote.
type envelope struct {
	Message *published `json:"message,omitempty"`
}

type published struct {
	UUID     string            `json:"uuid"`
	Metadata map[string]string `json:"metadata,omitempty"`
	Base64   bool              `json:"base64,omitempty"` // the payload is not JSON and stands in a JSON string
}

// toEvent turns a message into an event. The event's id follows from topic and content, so
// that publishing a message again, after an outcome that was not learned, is the same event.
func toEvent(topic string, msg *message.Message) (application.NewRecord, error) {
	p := published{UUID: msg.UUID, Metadata: msg.Metadata}
	if !utf8.ValidString(msg.UUID) {
		return application.NewRecord{}, fmt.Errorf("messaging: the UUID %q is not UTF-8", msg.UUID)
	}
	for key, value := range msg.Metadata {
		if !utf8.ValidString(key) || !utf8.ValidString(value) {
			return application.NewRecord{}, fmt.Errorf("messaging: metadata %q is not UTF-8", key)
		}
	}
	data := []byte(msg.Payload)
	if !json.Valid(data) {
		p.Base64 = true
		data, _ = json.Marshal(data)
	}
	metadata, err := json.Marshal(envelope{Message: &p})
	if err != nil {
		return application.NewRecord{}, err
	}
	id := uuid.New()
	if msg.UUID != "" {
		content, _ := json.Marshal([][]byte{[]byte(topic), metadata, data})
		id = uuid.NewSHA1(namespace, content)
	}
	return application.NewRecord{ID: id, Type: topic, Data: data, Metadata: metadata}, nil
}

// toMessage turns a delivery into a message: as published, or with the event's place in the
// log as metadata.
func toMessage(d application.Delivery) (*message.Message, error) {
	var e envelope
	if err := json.Unmarshal(d.Metadata, &e); err != nil || e.Message == nil {
		msg := message.NewMessage(d.ID.String(), d.Data)
		msg.Metadata = message.Metadata{
			MetadataEventID:  d.ID.String(),
			MetadataStream:   d.Stream,
			MetadataRevision: strconv.FormatInt(int64(d.Revision), 10),
			MetadataPosition: d.Position.String(),
			MetadataType:     d.Type,
			MetadataAttempt:  strconv.Itoa(d.Attempt),
		}
		return msg, nil
	}
	payload := d.Data
	if e.Message.Base64 {
		payload = nil
		if err := json.Unmarshal(d.Data, &payload); err != nil {
			return nil, fmt.Errorf("messaging: payload of %s: %w", d.ID, err)
		}
	}
	msg := message.NewMessage(e.Message.UUID, payload)
	for key, value := range e.Message.Metadata {
		msg.Metadata.Set(key, value)
	}
	return msg, nil
}

type handlingKey struct{}

// handling is what becomes of one delivery when its message is refused.
type handling struct {
	delivery application.Delivery
	mu       sync.Mutex
	park     bool
	reason   string
	delay    time.Duration
}

func handlingOf(ctx context.Context) *handling {
	h, _ := ctx.Value(handlingKey{}).(*handling)
	return h
}

// DeliveryOf returns the event of a message that a Subscriber of this package delivered.
func DeliveryOf(msg *message.Message) (application.Delivery, bool) {
	h := handlingOf(msg.Context())
	if h == nil {
		return application.Delivery{}, false
	}
	return h.delivery, true
}

// Park says that the message, when refused, is to be given up with the reason.
func Park(msg *message.Message, reason string) {
	if h := handlingOf(msg.Context()); h != nil {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.park, h.reason = true, reason
	}
}

// RetryAfter says how long the message, when refused, is to wait for its next delivery.
func RetryAfter(msg *message.Message, delay time.Duration) {
	if h := handlingOf(msg.Context()); h != nil {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.delay = delay
	}
}

func (h *handling) refused() (park bool, reason string, delay time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.park, h.reason, h.delay
}
