package standin

import (
	"math"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
)

// subscription is a catch-up subscription under way.
type subscription struct {
	stalled chan struct{} // closed: no event, no end
	dropped chan error
}

func (n *Server) enter() (*subscription, func()) {
	s := &subscription{stalled: make(chan struct{}), dropped: make(chan error, 1)}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.subscriptions[s] = struct{}{}
	return s, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.subscriptions, s)
	}
}

// subscribe hands out what there is behind the place, then what comes, until the call ends.
func (r *reading) subscribe() error {
	ctx := r.call.Context()
	self, leave := r.node.enter()
	defer leave()
	v := r.node.view()
	next, err := r.follow(v)
	if err != nil {
		return err
	}
	if err := r.confirm(); err != nil {
		return err
	}
	for live := false; ; v = r.node.view() {
		if err := next(v, self); err != nil {
			return answer(ctx, err)
		}
		if !live && !self.silent() {
			live = true
			if err := r.caughtUp(); err != nil {
				return err
			}
		}
		select {
		case <-v.changed:
			continue
		case <-self.stalled:
		case err := <-self.dropped:
			return err
		case <-ctx.Done():
		}
		// Stalled or ended: either way nothing more is sent.
		<-ctx.Done()
		return answer(ctx, ctx.Err())
	}
}

func (s *subscription) silent() bool {
	select {
	case <-s.stalled:
		return true
	default:
		return false
	}
}

// follow returns what sends the news of a view.
func (r *reading) follow(v view) (func(view, *subscription) error, error) {
	if r.stream != "" {
		return r.followStream(v)
	}
	return r.followAll(v)
}

func (r *reading) followStream(v view) (func(view, *subscription) error, error) {
	s := v.stream(r.stream)
	if s.tombstone {
		return nil, answer(r.call.Context(), &streamDeleted{r.stream})
	}
	next := int64(0)
	switch option := r.options.GetStream().GetRevisionOption().(type) {
	case *streams.ReadReq_Options_StreamOptions_Revision:
		next = int64(min(option.Revision, math.MaxInt64-1)) + 1
	case *streams.ReadReq_Options_StreamOptions_Start:
	case *streams.ReadReq_Options_StreamOptions_End:
		next = s.last() + 1
	default:
		return nil, invalid("revision_option is missing")
	}
	return func(v view, self *subscription) error {
		s := v.stream(r.stream)
		for next = max(next, min(s.first, s.last()+1)); next <= s.last() && !self.silent(); next++ {
			if err := r.send(v, s.events[next]); err != nil {
				return err
			}
		}
		if s.tombstone {
			return &streamDeleted{r.stream}
		}
		return nil
	}, nil
}

func (r *reading) followAll(v view) (func(view, *subscription) error, error) {
	next, err := r.place(v)
	if err != nil {
		return nil, err
	}
	if p := r.options.GetAll().GetPosition(); p != nil && next < len(v.all) && v.all[next].Position == p.GetCommitPosition() {
		next++
	}
	looked, told, live := uint32(0), uint64(0), false
	return func(v view, self *subscription) error {
		for ; next < len(v.all) && !self.silent(); next++ {
			e := v.all[next]
			if r.filter.takes(e) {
				if err := r.send(v, e); err != nil {
					return err
				}
			}
			if looked++; r.filter != nil && looked >= r.filter.Window*r.filter.Interval {
				looked, told = 0, e.Position
				if err := r.checkpoint(e.Position); err != nil {
					return err
				}
			}
		}
		if live || r.filter == nil {
			return nil
		}
		live = true
		if next == 0 || v.all[next-1].Position == told {
			return nil
		}
		looked = 0
		return r.checkpoint(v.all[next-1].Position)
	}, nil
}
