package application

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"asprak/domain"
)

// AskErasure has all erased that is held of the subject: of the actor themselves, or by an admin who acts for
// everything. It is refused whole while one of the applications cannot be erased. The reaction does it and
// ends with the certificate.
func (s *Service) AskErasure(ctx context.Context, req Request, subject string) (Result, error) {
	action := domain.ActionErasePerson
	if req.Actor.Role == domain.RoleApplicant && subject == req.Actor.ID {
		action = domain.ActionEraseMe
	}
	if err := s.permitForAll(ctx, req.Actor, action); err != nil {
		return Result{}, err
	}
	ids, err := s.held(ctx, subject)
	if err != nil {
		return Result{}, userError(err)
	}
	var applications []uuid.UUID
	for _, id := range ids {
		at, err := s.loadApplication(ctx, id)
		if err != nil {
			return Result{}, userError(err)
		}
		events, err := at.State.Decide(domain.EraseApplication{Ground: domain.ErasureRequested})
		if err != nil {
			return Result{}, err
		}
		if len(events) > 0 {
			applications = append(applications, id)
		}
	}
	stream := personStream(subject)
	known, err := load(ctx, s, stream, fresh[domain.Person]())
	if err != nil {
		return Result{}, userError(err)
	}
	if len(ids) == 0 && known.Revision == NoStream && action == domain.ActionErasePerson {
		return Result{}, domain.Errorf(domain.NotFound, "person_not_found", "Nothing is held of a person with this subject.")
	}
	_, done, err := write(ctx, s, stream, known, req.call("erase", []byte(subject)), func(at loaded[domain.Person]) ([]domain.Event, error) {
		return at.State.Decide(domain.AskErasure{Subject: subject, Applications: applications})
	})
	return result(domain.PersonID(subject), done, err)
}

// permitForAll is permit, of staff only those who act for everything.
func (s *Service) permitForAll(ctx context.Context, actor domain.Actor, action domain.Action) error {
	if err := permit(actor, action); err != nil {
		return err
	}
	if domain.ScopeOf(action, actor.Role) == domain.ScopeOwn {
		return nil
	}
	extent, err := s.Extent(ctx, actor)
	if err == nil && !extent.Everything {
		err = domain.AccessLimited()
	}
	return err
}

func (s *Service) held(ctx context.Context, subject string) ([]uuid.UUID, error) {
	if s.register == nil {
		return nil, errors.New("application: there is no register of what is held")
	}
	head, err := s.log.Head(ctx)
	if err != nil {
		return nil, err
	}
	return s.register.ApplicationsOf(ctx, head, subject)
}

// Held is all that is held of a person, with how it was processed.
type Held struct {
	Applications []HeldApplication
	Grants       []Entry // of access, to staff
	Erasures     []Entry // those that were asked for and certified
}

// HeldApplication is one of a person's applications with all its events: who did what with it, who of the staff
// looked at its documents, and by which versions it was judged.
type HeldApplication struct {
	State   domain.Application
	Entries []Entry
}

// HeldOf is all that is held of the actor.
func (s *Service) HeldOf(ctx context.Context, actor domain.Actor) (Held, error) {
	if err := permit(actor, domain.ActionGetMyData); err != nil {
		return Held{}, err
	}
	ids, err := s.held(ctx, actor.ID)
	if err != nil {
		return Held{}, userError(err)
	}
	var held Held
	for _, id := range ids {
		at, err := s.loadApplication(ctx, id)
		if err != nil {
			return Held{}, userError(err)
		}
		held.Applications = append(held.Applications, HeldApplication{at.State, at.Entries})
	}
	staff, err := s.loadStaff(ctx, actor.ID)
	if err != nil {
		return Held{}, userError(err)
	}
	person, err := load(ctx, s, personStream(actor.ID), fresh[domain.Person]())
	held.Grants, held.Erasures = staff.Entries, person.Entries
	return held, userError(err)
}

// Retention is an opening whose applications do not stay for ever.
type Retention struct {
	OpeningID    uuid.UUID   `json:"opening_id"`
	Title        string      `json:"title"`
	EndsAt       time.Time   `json:"ends_at"`
	Due          bool        `json:"due"`
	Applications []uuid.UUID `json:"applications"` // that are not erased yet
}

// Retentions tells what the end of retention takes at the time, and erases nothing.
func (s *Service) Retentions(ctx context.Context, at time.Time) ([]Retention, error) {
	if s.register == nil {
		return nil, errors.New("application: there is no register of what is held")
	}
	head, err := s.log.Head(ctx)
	if err != nil {
		return nil, userError(err)
	}
	openings, err := s.register.Retained(ctx, head)
	if err != nil {
		return nil, userError(err)
	}
	all := []Retention{}
	for _, id := range openings {
		opening, _, err := s.Opening(ctx, id)
		if err != nil {
			return nil, err
		}
		ends, ok := opening.RetentionEnds()
		if !ok {
			continue
		}
		applications, err := s.register.ApplicationsTo(ctx, head, id)
		if err != nil {
			return nil, userError(err)
		}
		all = append(all, Retention{id, opening.Details.Title, ends, !at.Before(ends), append([]uuid.UUID{}, applications...)})
	}
	return all, nil
}

// EndRetention erases the applications of the openings whose retention is over, and says how many. A second
// process that does so at once finds it done.
func (s *Service) EndRetention(ctx context.Context) (erased int, err error) {
	all, err := s.Retentions(ctx, s.clock())
	if err != nil {
		return 0, err
	}
	for _, retention := range all {
		if !retention.Due {
			continue
		}
		for _, id := range retention.Applications {
			c := call{
				id: uuid.NewSHA1(id, []byte(domain.RetentionOver)), causation: retention.OpeningID.String(),
				request: Request{Actor: domain.Actor{ID: "asprak", Role: domain.RoleSystem}, CorrelationID: "retention-" + retention.OpeningID.String()},
			}
			n, err := s.eraseApplication(ctx, id, c, domain.RetentionOver)
			if err != nil {
				return erased, err
			}
			erased += n
		}
	}
	return erased, nil
}

// eraseApplication records that the application is erased, and returns the number of events.
func (s *Service) eraseApplication(ctx context.Context, id uuid.UUID, c call, ground domain.ErasureGround) (int, error) {
	at, err := s.loadApplication(ctx, id)
	if err != nil {
		return 0, err
	}
	_, done, err := write(ctx, s, applicationStream(id), at, c, func(at loaded[domain.Application]) ([]domain.Event, error) {
		return at.State.Decide(domain.EraseApplication{Ground: ground})
	})
	return done.recorded, err
}

// erasePerson does what was asked for. What a rule keeps by now, such as an offer that was confirmed meanwhile, is
// not in the certificate.
func (r *Reaction) erasePerson(ctx context.Context, stream string, trigger Entry, asked *domain.ErasureAsked) error {
	certificate := domain.CertifyErasure{Applications: []uuid.UUID{}}
	for _, id := range asked.Applications {
		_, err := r.service.eraseApplication(ctx, id, reactionCall(trigger, "erase "+id.String(), nil), domain.ErasureRequested)
		var rule *domain.Error
		if errors.As(err, &rule) && rule.Kind == domain.RuleBroken {
			continue
		}
		if err != nil {
			return err
		}
		documents, err := r.forget(ctx, id)
		if err != nil {
			return err
		}
		certificate.Applications = append(certificate.Applications, id)
		certificate.Documents += documents
	}
	if r.accounts != nil {
		if err := r.accounts.Erase(ctx, asked.Subject); err != nil {
			return err
		}
	}
	known, err := load(ctx, r.service, stream, fresh[domain.Person]())
	if err != nil {
		return err
	}
	_, _, err = write(ctx, r.service, stream, known, reactionCall(trigger, "certify", nil), func(at loaded[domain.Person]) ([]domain.Event, error) {
		return at.State.Decide(certificate)
	})
	return err
}

// erased ends what an erased application still had: its key, its documents, and the seat of one who had not
// confirmed it.
func (r *Reaction) erased(ctx context.Context, stream string, trigger Entry) error {
	id, ok := applicationOf(stream)
	if !ok {
		return fmt.Errorf("%s is not an application", stream)
	}
	if _, err := r.forget(ctx, id); err != nil {
		return err
	}
	at, err := r.service.loadApplication(ctx, id)
	if err != nil || at.State.Decision == domain.StatusConfirmed {
		return err
	}
	return r.release(ctx, stream, trigger)
}

// forget destroys the key of an erased application and deletes its documents, which it counts. It can be repeated.
func (r *Reaction) forget(ctx context.Context, id uuid.UUID) (documents int, err error) {
	s := r.service
	at, err := s.loadApplication(ctx, id)
	if err != nil {
		return 0, err
	}
	// The key first: without it the documents are of no use to anybody, wherever copies of them are.
	if key := keyOf(at.Entries); s.keys != nil && key != uuid.Nil {
		if err := s.keys.Destroy(ctx, key); err != nil {
			return 0, err
		}
	}
	gone := make(map[string]bool)
	for _, e := range at.Entries {
		uploaded, ok := e.Event.(*domain.DocumentUploaded)
		if !ok || gone[uploaded.StoredAs()] {
			continue
		}
		if uploaded.Blob == "" {
			// Before documents were sealed the same bytes lay there once for all who had sent them.
			shared, err := s.sharedBytes(ctx, e.Position, uploaded.SHA256, id)
			if err != nil {
				return documents, err
			}
			if shared {
				continue
			}
		}
		if err := s.blobs.Delete(ctx, uploaded.StoredAs()); err != nil {
			return documents, err
		}
		gone[uploaded.StoredAs()] = true
		documents++
	}
	return documents, nil
}

func (s *Service) sharedBytes(ctx context.Context, until Position, sha256 string, application uuid.UUID) (bool, error) {
	if s.register == nil {
		return true, nil
	}
	return s.register.Shared(ctx, until, sha256, application)
}

func personStream(subject string) string { return personPrefix + domain.PersonID(subject).String() }
