package standin

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

const (
	linkType      = "$>"
	metadataType  = "$metadata"
	tombstoneType = "$streamDeleted"
	tombstoned    = math.MaxInt64 // revision of a tombstone, and the truncation point of a deleted stream
)

// event is a record of the log. Position is both commit and prepare position.
type event struct {
	Stream      string    `json:"stream"`
	Revision    int64     `json:"revision"`
	ID          uuid.UUID `json:"id"`
	Type        string    `json:"type"`
	ContentType string    `json:"content_type"`
	Data        []byte    `json:"data"`
	Metadata    []byte    `json:"metadata"`
	Created     int64     `json:"created"` // ticks of 100 ns since 1970
	Position    uint64    `json:"position"`
}

// size is what the limit on appends counts.
func (e *event) size() int { return len(e.Data) + len(e.Metadata) + 2*len(e.Type) }

func ticks(t time.Time) int64 { return t.UnixNano() / 100 }

// newEvent is a system event, JSON.
func newEvent(kind string, data, metadata any) *event {
	return &event{ID: uuid.New(), Type: kind, ContentType: "application/json", Data: mustJSON(data), Metadata: mustJSON(metadata)}
}

// newLink points to the event, or, where a link could not be resolved, to where that one does.
func newLink(to resolved, metadata any) *event {
	link := newEvent(linkType, nil, metadata)
	link.ContentType = "application/octet-stream"
	if to.event == nil {
		link.Data = to.link.Data
	} else {
		link.Data = []byte(strconv.FormatInt(to.event.Revision, 10) + "@" + to.event.Stream)
	}
	return link
}

// target is where a link points.
func (e *event) target() (stream string, revision int64, ok bool) {
	number, stream, ok := strings.Cut(string(e.Data), "@")
	revision, err := strconv.ParseInt(number, 10, 64)
	return stream, revision, ok && err == nil
}

func mustJSON(v any) []byte {
	if v == nil {
		return []byte{}
	}
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // only values of this package come here
	}
	return text
}

// streamMetadata is what the server heeds of a stream's metadata.
type streamMetadata struct {
	MaxCount       *int64 `json:"$maxCount"`
	MaxAge         *int64 `json:"$maxAge"` // seconds
	TruncateBefore *int64 `json:"$tb"`
}

func (m streamMetadata) deleted() bool {
	return m.TruncateBefore != nil && *m.TruncateBefore == tombstoned
}

func metastream(stream string) string { return "$$" + stream }

func isMetastream(stream string) bool { return strings.HasPrefix(stream, "$$") }

func isSystem(name string) bool { return strings.HasPrefix(name, "$") }
