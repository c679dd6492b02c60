package application

import (
	"context"
	"time"

	"github.com/google/uuid"

	"asprak/domain"
)

// Seen is what an actor could read of an application at a moment: by the roles of today
// and the grants of then, all of it as it stood then, or nothing. Opened are the views of content that the actor left by then.
type Seen struct {
	Readable bool
	State    domain.Application // zero when nothing was readable
	Entries  []Entry            // up to then; none when nothing was readable
	Opened   []domain.DocumentViewed
}

// AsSeen answers for an application that exists by now; before it was submitted nobody could
// read of it.
func (s *Service) AsSeen(ctx context.Context, id uuid.UUID, actor domain.Actor, at time.Time) (Seen, error) {
	entries, err := s.History(ctx, id)
	if err != nil {
		return Seen{}, err
	}
	var seen Seen
	for _, e := range entries {
		if e.RecordedAt.After(at) {
			break
		}
		seen.State, seen.Entries = seen.State.Evolve(e.Event), append(seen.Entries, e)
		if viewed, ok := e.Event.(*domain.DocumentViewed); ok && viewed.Viewer.ID == actor.ID {
			seen.Opened = append(seen.Opened, *viewed)
		}
	}
	if seen.State.VisibleTo(actor) {
		if seen.Readable, err = s.actedFor(ctx, actor, seen.State.OpeningID, at); err != nil {
			return Seen{}, err
		}
	}
	if !seen.Readable {
		seen.State, seen.Entries = domain.Application{}, nil
	}
	return seen, nil
}
