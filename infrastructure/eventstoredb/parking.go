package eventstoredb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"

	"asprak/application"
)

// The server keeps what a group gave up as links in a stream of the group. A link's metadata
// has the reason that the consumer gave, behind words of the server's own.
func parkedStream(group string) string { return "$persistentsubscription-$all::" + group + "-parked" }

// reasonOf puts the number of attempts before the reason: the server does not keep it.
func reasonOf(attempts int, reason string) string {
	return "attempt " + strconv.Itoa(attempts) + ": " + reason
}

var attemptsAndReason = regexp.MustCompile(`(?s)(?:^|\n)attempt (\d+): (.*)$`)

type parkedLink struct {
	revision application.Revision
	link     *esdb.RecordedEvent
	parked   application.Parked
}

// Parked lists what the group gave up, oldest first. An event that the server parked by
// itself has no attempts.
func (l *Log) Parked(ctx context.Context, group string) ([]application.Parked, error) {
	links, _, err := l.parkedLinks(ctx, group)
	if err != nil {
		return nil, err
	}
	var parked []application.Parked
	for _, link := range links {
		p := link.parked
		if p.Record, err = l.placed(ctx, p.Record); err != nil {
			return nil, err
		}
		parked = append(parked, p)
	}
	return parked, nil
}

// parkedLinks has each event once, by its last link, and says whether any had several: putting
// links in another order may have been interrupted.
func (l *Log) parkedLinks(ctx context.Context, group string) (links []parkedLink, repeated bool, err error) {
	events, err := l.readEvents(ctx, parkedStream(group), esdb.ReadStreamOptions{From: esdb.Start{}, ResolveLinkTos: true}, math.MaxInt64)
	last := map[string]uint64{}
	for _, e := range events {
		if e.Link != nil {
			last[string(e.Link.Data)] = e.Link.EventNumber
		}
	}
	for _, e := range events {
		switch {
		case e.Link == nil:
		case last[string(e.Link.Data)] == e.Link.EventNumber:
			links = append(links, toParked(e))
		default:
			repeated = true
		}
	}
	return links, repeated, err
}

func toParked(e *esdb.ResolvedEvent) parkedLink {
	link := parkedLink{revision: application.Revision(e.Link.EventNumber), link: e.Link}
	if e.Event != nil {
		link.parked.Record = record(e.Event)
	} else { // the event is gone
		revision, stream, _ := strings.Cut(string(e.Link.Data), "@")
		n, _ := strconv.ParseInt(revision, 10, 64)
		link.parked.Record = application.Record{Stream: stream, Revision: application.Revision(n), Position: positionOf(e.Link)}
	}
	link.parked.ParkedAt = e.Link.CreatedDate.UTC()
	var metadata struct {
		Reason string `json:"reason"`
	}
	if err := json.Unmarshal(e.Link.UserMetadata, &metadata); err != nil {
		link.parked.Reason = string(e.Link.UserMetadata)
		return link
	}
	link.parked.Reason = metadata.Reason
	if m := attemptsAndReason.FindStringSubmatch(metadata.Reason); m != nil {
		link.parked.Attempts, _ = strconv.Atoi(m[1])
		link.parked.Reason = m[2]
	}
	return link
}

// placed fills in the position of an event that came through a link, where the server does
// not tell it.
func (l *Log) placed(ctx context.Context, r application.Record) (application.Record, error) {
	if r.Position != (application.Position{}) || r.Stream == "" {
		return r, nil
	}
	position, err := l.placeOf(ctx, r.Stream, r.Revision)
	r.Position = position
	return r, err
}

// Replay hands parked events out again, as if for the first time, and says how many. The
// server only replays from the oldest on, so chosen events are first put before the others.
// That needs a user in $admins; all can be replayed by one in $ops.
func (l *Log) Replay(ctx context.Context, group string, ids ...uuid.UUID) (int, error) {
	for {
		links, repeated, err := l.parkedLinks(ctx, group)
		if err != nil {
			return 0, err
		}
		chosen := links
		if len(ids) > 0 {
			chosen = slices.DeleteFunc(slices.Clone(links), func(link parkedLink) bool { return !slices.Contains(ids, link.parked.ID) })
		}
		if len(chosen) == 0 {
			return 0, nil
		}
		stop := chosen[len(chosen)-1].revision + 1
		if repeated || chosen[len(chosen)-1].revision != links[len(chosen)-1].revision { // others stand before them
			stop, err = l.reorder(ctx, group, chosen, links)
			if errors.Is(err, application.ErrConflict) { // another was parked meanwhile
				continue
			}
			if err != nil {
				return 0, fmt.Errorf("eventstoredb: group %s: putting the chosen events first: %w", group, err)
			}
		}
		if err := l.replay(ctx, group, stop); err != nil {
			return 0, fmt.Errorf("eventstoredb: group %s: replaying: %w", group, err)
		}
		return len(chosen), nil
	}
}

// replay hands out what is parked before the revision of the parked stream.
func (l *Log) replay(ctx context.Context, group string, stop application.Revision) error {
	deadline := l.attempt()
	return l.retry(ctx, func(ctx context.Context) error {
		_, err := call(ctx, l.nodes, deadline, func(ctx context.Context, client *esdb.Client) (struct{}, error) {
			return struct{}{}, client.ReplayParkedMessagesToAll(ctx, group, esdb.ReplayParkedMessagesOptions{StopAt: int(stop), Deadline: &deadline})
		})
		return err
	})
}

// reorder writes all links anew, the chosen ones first, cuts off the old ones, and returns the
// revision behind the chosen. What is interrupted between the two has links twice, which is
// harmless.
func (l *Log) reorder(ctx context.Context, group string, chosen, links []parkedLink) (application.Revision, error) {
	stream := parkedStream(group)
	var anew []application.NewRecord
	take := func(link parkedLink) {
		anew = append(anew, application.NewRecord{ID: uuid.New(), Type: link.link.EventType, Data: link.link.Data, Metadata: link.link.UserMetadata})
	}
	for _, link := range chosen {
		take(link)
	}
	for _, link := range links {
		if !slices.ContainsFunc(chosen, func(c parkedLink) bool { return c.revision == link.revision }) {
			take(link)
		}
	}
	tail := links[len(links)-1].revision
	if _, err := l.Append(ctx, stream, tail, anew); err != nil {
		return 0, err
	}
	if err := l.truncate(ctx, stream, tail+1); err != nil {
		return 0, err
	}
	return tail + 1 + application.Revision(len(chosen)), nil
}

// truncate hides the stream's events before the revision. The rest of its metadata, such as
// who may read it, is kept.
func (l *Log) truncate(ctx context.Context, stream string, before application.Revision) error {
	for {
		events, err := l.readEvents(ctx, "$$"+stream, esdb.ReadStreamOptions{Direction: esdb.Backwards, From: esdb.End{}}, 1)
		if err != nil {
			return err
		}
		metadata, expected := map[string]json.RawMessage{}, application.NoStream
		if len(events) > 0 {
			expected = application.Revision(events[0].OriginalEvent().EventNumber)
			if err := json.Unmarshal(events[0].OriginalEvent().Data, &metadata); err != nil {
				return fmt.Errorf("metadata of %s: %w", stream, err)
			}
		}
		var old application.Revision
		if json.Unmarshal(metadata["$tb"], &old) == nil && old >= before {
			return nil
		}
		metadata["$tb"] = json.RawMessage(strconv.FormatInt(int64(before), 10))
		data, err := json.Marshal(metadata)
		if err != nil {
			return err
		}
		_, err = l.Append(ctx, "$$"+stream, expected, []application.NewRecord{{ID: uuid.New(), Type: "$metadata", Data: data}})
		if !errors.Is(err, application.ErrConflict) {
			return err
		}
	}
}
