package eventstoredb

import (
	"regexp"
	"slices"
	"strings"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
)

// searchWindow is how many events the server looks through before it reports how far it got.
const searchWindow = 512

// isSystem tells what the server wrote for itself: by the stream, as some of its types have
// plain names, or by the type, which for a link is the server's in any stream.
func isSystem(e *esdb.RecordedEvent) bool {
	return strings.HasPrefix(e.StreamID, "$") || strings.HasPrefix(e.EventType, "$")
}

// filterOf lets through exactly the types, or with none named all streams but the system's. A
// server cannot filter by both. It reads .NET expressions; this one means the same in Go.
func filterOf(types []string) *esdb.SubscriptionFilter {
	if len(types) == 0 {
		return &esdb.SubscriptionFilter{Type: esdb.StreamFilterType, Regex: `^[^$]`}
	}
	quoted := make([]string, len(types))
	for i, t := range types {
		quoted[i] = regexp.QuoteMeta(t)
	}
	return &esdb.SubscriptionFilter{Type: esdb.EventFilterType, Regex: `^(` + strings.Join(quoted, "|") + `)$`}
}

// wanted is what is handed on of what passes the filter.
func wanted(types []string, e *esdb.RecordedEvent) bool {
	return !isSystem(e) && (len(types) == 0 || slices.Contains(types, e.EventType))
}
