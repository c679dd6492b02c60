package application

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"asprak/domain"
)

// Notice tells that an event happened, without anything that a person wrote or is: whoever
// may see the thing itself looks there.
type Notice struct {
	Type          string
	Stream        string
	OpeningID     uuid.UUID // nil where it is not known
	ApplicationID uuid.UUID // nil for an opening's event that is about no application
	DocumentID    uuid.UUID // nil for an event that is about no document
	Revision      Revision
	Position      Position
	OccurredAt    time.Time
	Summary       string // a sentence; "" for an event of a kind that this program does not know

	owner string // id of the applicant whose application it is about
}

// VisibleTo tells whether the actor may be told of the event: applicants of all openings and
// of their own applications.
func (n Notice) VisibleTo(actor domain.Actor) bool {
	_, about := applicationOf(n.Stream)
	return !about || n.Concerns(actor)
}

// Concerns tells whether the actor may know whose application the event is about.
func (n Notice) Concerns(actor domain.Actor) bool {
	return actor.Reaches(domain.ActionStreamEvents, n.owner)
}

// NoticeFollower hands out notices in the order of the log. It is for one goroutine.
type NoticeFollower struct {
	service  *Service
	follower Follower
}

// FollowNotices tells what happens behind the position, as Log.Follow does.
func (s *Service) FollowNotices(ctx context.Context, after Position) (*NoticeFollower, error) {
	follower, err := s.log.Follow(ctx, after)
	if err != nil {
		return nil, err
	}
	return &NoticeFollower{s, follower}, nil
}

// Next waits until there is at least one event and returns up to max of them, and how far
// the log was read: what is neither an opening's nor an application's is left out, so that
// there may be no notice at all.
func (f *NoticeFollower) Next(ctx context.Context, max int) ([]Notice, Position, error) {
	records, err := f.follower.Next(ctx, max)
	if err != nil {
		return nil, Position{}, err
	}
	notices := make([]Notice, 0, len(records))
	for _, r := range records {
		n, ok, err := f.service.notice(ctx, r)
		if err != nil {
			return nil, Position{}, err
		}
		if ok {
			notices = append(notices, n)
		}
	}
	return notices, records[len(records)-1].Position, nil
}

// Close ends the follower; a Next that waits fails.
func (f *NoticeFollower) Close() error { return f.follower.Close() }

func (s *Service) notice(ctx context.Context, r Record) (Notice, bool, error) {
	n := Notice{Type: r.Type, Stream: r.Stream, Revision: r.Revision, Position: r.Position, OccurredAt: r.RecordedAt}
	opening, ofOpening := openingOf(r.Stream)
	application, ofApplication := applicationOf(r.Stream)
	if !ofOpening && !ofApplication {
		return n, false, nil
	}
	n.OpeningID, n.ApplicationID = opening, application
	event, metadata, err := s.impersonal.Decode(r)
	if err == nil {
		n.OccurredAt = metadata.OccurredAt
		n.Summary, n.DocumentID = summary(event)
	}
	switch e := event.(type) {
	case *domain.ApplicationSubmitted:
		s.origins.put(application, origin{e.OpeningID, e.Applicant.ID})
	case *domain.SeatAwarded:
		n.ApplicationID = e.ApplicationID
	case *domain.SeatReleased:
		n.ApplicationID = e.ApplicationID
	}
	if n.ApplicationID == uuid.Nil {
		return n, true, nil
	}
	from, err := s.origin(ctx, n.ApplicationID)
	if err != nil {
		return n, false, err
	}
	n.OpeningID, n.owner = from.opening, from.applicant
	if ofOpening {
		n.OpeningID = opening
	}
	return n, true, nil
}

// origin is what an application keeps all its life.
type origin struct {
	opening   uuid.UUID
	applicant string
}

// origin looks in the application's first event, once; an application that cannot be
// understood is nobody's.
func (s *Service) origin(ctx context.Context, application uuid.UUID) (origin, error) {
	if found, ok := s.origins.get(application); ok {
		return found, nil
	}
	records, err := s.log.ReadStream(ctx, applicationStream(application), 0)
	if err != nil {
		return origin{}, err
	}
	var found origin
	if len(records) > 0 {
		if event, _, err := s.impersonal.Decode(records[0]); err == nil {
			if e, ok := event.(*domain.ApplicationSubmitted); ok {
				found = origin{e.OpeningID, e.Applicant.ID}
			}
		}
	}
	s.origins.put(application, found)
	return found, nil
}

// maxOrigins bounds the memory of the origins, to some 10 MB.
const maxOrigins = 50_000

type origins struct {
	mu sync.Mutex
	of map[uuid.UUID]origin
}

func newOrigins() *origins { return &origins{of: make(map[uuid.UUID]origin)} }

func (o *origins) get(application uuid.UUID) (origin, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	found, ok := o.of[application]
	return found, ok
}

func (o *origins) put(application uuid.UUID, from origin) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.of) >= maxOrigins {
		for any := range o.of {
			delete(o.of, any)
			break
		}
	}
	o.of[application] = from
}

// summary is a sentence that names nobody and quotes nobody, and the document that the event
// is about.
func summary(e domain.Event) (string, uuid.UUID) {
	switch e := e.(type) {
	case *domain.OpeningPublished:
		return "An opening was published.", uuid.Nil
	case *domain.OpeningRevised:
		return "The opening was revised.", uuid.Nil
	case *domain.OpeningClosed:
		return "The opening was closed.", uuid.Nil
	case *domain.OpeningReopened:
		return "The opening was reopened.", uuid.Nil
	case *domain.OpeningCancelled:
		return "The opening was cancelled.", uuid.Nil
	case *domain.SeatAwarded:
		return "A seat was awarded.", uuid.Nil
	case *domain.SeatReleased:
		return "A seat was released.", uuid.Nil
	case *domain.ApplicationSubmitted:
		return "An application was submitted.", uuid.Nil
	case *domain.ApplicationResubmitted:
		return "The application was submitted again.", uuid.Nil
	case *domain.ApplicationWithdrawn:
		return "The application was withdrawn.", uuid.Nil
	case *domain.ApplicationAccepted:
		return "The application was accepted.", uuid.Nil
	case *domain.ApplicationDeclined:
		return "The application was declined.", uuid.Nil
	case *domain.ApplicationWaitlisted:
		return "The application was put on the waiting list.", uuid.Nil
	case *domain.ApplicationErased:
		return "The application was erased.", uuid.Nil
	case *domain.OfferConfirmed:
		return "The offer was confirmed.", uuid.Nil
	case *domain.OfferTurnedDown:
		return "The offer was turned down.", uuid.Nil
	case *domain.DocumentUploaded:
		return "A document was uploaded.", e.DocumentID
	case *domain.DocumentRereadRequested:
		return "The document is read again.", e.DocumentID
	case *domain.DocumentRead:
		return "The document was read.", e.DocumentID
	case *domain.DocumentVerified:
		return "The document was verified.", e.DocumentID
	case *domain.DocumentRejected:
		return fmt.Sprintf("The document was rejected: %s.", e.Verdict.Label.Reason()), e.DocumentID
	case *domain.DocumentReferred:
		return fmt.Sprintf("The document was put before a person: %s.", e.Verdict.Label.Reason()), e.DocumentID
	case *domain.DocumentReadingFailed:
		return "The document could not be read.", e.DocumentID
	case *domain.VerificationOverridden:
		return fmt.Sprintf("A person decided: %s.", e.Outcome), e.DocumentID
	case *domain.ReviewClaimed:
		return "A person has taken the document up.", e.DocumentID
	case *domain.ReviewReleased:
		return "The document waits for a person again.", e.DocumentID
	case *domain.DocumentViewed:
		return "Staff opened the document.", e.DocumentID
	}
	return "", uuid.Nil
}
