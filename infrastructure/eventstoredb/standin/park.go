package standin

import (
	"context"
	"time"
)

// park gives the message up: a link to its event goes to the parked stream.
func (g *group) park(m *message, reason string) {
	link := newLink(m.resolved, map[string]any{"added": time.Now().UTC(), "reason": reason, "subscriptionEventNumber": m.original().Revision})
	if _, err := g.store.append(context.Background(), g.config.parkedStream(), anyRevision, []*event{link}); err != nil {
		g.again(m) // the store has ended, and with it all of this
		return
	}
	g.finish(m)
	g.save(false)
}

// parked is the part of the parked stream that waits.
func (g *group) parked(v view) []*event {
	s := v.stream(g.config.parkedStream())
	if s.missing() || s.first > s.last() {
		return nil
	}
	return s.events[s.first:]
}

// replay hands the parked messages out again, up to a revision of the parked stream, and
// hides them there at once: those that wait in memory are lost with the process, and those
// whose event is gone are passed over.
func (g *group) replay(ctx context.Context, stopAt int64) error {
	v := g.store.view()
	end := int64(-1)
	for _, link := range g.parked(v) {
		if link.Revision >= stopAt {
			break
		}
		end = link.Revision
		if found := v.resolve(link, true); found.event != nil {
			g.retrying = append(g.retrying, &message{resolved: found})
		}
	}
	if end < 0 {
		return nil
	}
	return g.store.truncate(context.WithoutCancel(ctx), g.config.parkedStream(), end+1)
}
