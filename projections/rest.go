package projections

import (
	"context"
	"time"
)

// A transaction costs much the same whether it holds one event or thirty, so the projector
// rests between two, the longer the faster events come. An event after silence does not wait,
// and nobody who waits for a position waits for the rest to end.
const (
	shortRest = 3 * time.Millisecond
	longRest  = 40 * time.Millisecond

	fewEvents = 8    // in a transaction: not worth a long rest
	fastLog   = 1000 // events a second
)

// restAfter is how long to rest after a transaction of n events that came in the time since
// the one before.
func restAfter(n int, since time.Duration) time.Duration {
	switch {
	case n >= batchSize: // more is there
		return 0
	case n > fewEvents && float64(n) > fastLog*since.Seconds():
		return longRest
	}
	return shortRest
}

// rest ends early when ctx does or somebody waits for the projector.
func (s *Store) rest(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-s.asked:
	case <-timer.C:
	}
}
