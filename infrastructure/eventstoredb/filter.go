package eventstoredb

import (
	"regexp"
	"slices"
	"strings"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
)

// searchWindow is how many events the server looks through before it reports how far it got.
const searchWindow = 512

// filterOf lets exactly the types through, and with none named all but the system's. It is
// for the server, so it says what a .NET and a Go expression both understand.
func filterOf(types []string) *esdb.SubscriptionFilter {
	if len(types) == 0 {
		return esdb.ExcludeSystemEventsFilter()
	}
	quoted := make([]string, len(types))
	for i, t := range types {
		quoted[i] = regexp.QuoteMeta(t)
	}
	return &esdb.SubscriptionFilter{Type: esdb.EventFilterType, Regex: `^(` + strings.Join(quoted, "|") + `)$`}
}

// wanted is filterOf on this side.
func wanted(types []string, kind string) bool {
	if len(types) == 0 {
		return !isSystem(kind)
	}
	return slices.Contains(types, kind)
}
