package application

import (
	"context"

	"github.com/google/uuid"

	"asprak/domain"
)

// Submit applies to an opening in the name of the actor. The application's id follows from
// opening and actor, so that two submissions at once make one application.
func (s *Service) Submit(ctx context.Context, req Request, openingID uuid.UUID, applicant domain.Applicant) (Result, error) {
	if err := permit(req.Actor, domain.ActionSubmitApplication); err != nil {
		return Result{}, err
	}
	applicant.ID = req.Actor.ID
	id := domain.ApplicationID(openingID, applicant.ID)
	c := req.call("submit", applicantParts(openingID, applicant)...)
	opening, err := s.loadOpening(ctx, openingID)
	if err != nil {
		return Result{}, userError(err)
	}
	now := s.clock()
	known := fresh[domain.Application]()
	if c.fingerprint != "" || opening.State.Accepting(now) != nil {
		// Most applications are new, and the log refuses to begin a stream twice. But by its
		// ids alone it cannot tell a reused key, and a repeated submission is answered even when
		// the opening takes no new one: look before.
		if known, err = s.loadApplication(ctx, id); err != nil {
			return Result{}, userError(err)
		}
	}
	_, done, err := write(ctx, s, applicationStream(id), known, c, func(at loaded[domain.Application]) ([]domain.Event, error) {
		return at.State.Decide(domain.SubmitApplication{ApplicationID: id, Applicant: applicant, Opening: opening.State, At: now})
	})
	return result(id, done, err)
}

// Resubmit takes up a withdrawn or rejected application again, with corrected data.
func (s *Service) Resubmit(ctx context.Context, req Request, id uuid.UUID, applicant domain.Applicant) (Result, error) {
	applicant.ID = req.Actor.ID
	return s.changeApplication(ctx, req, id, req.call("resubmit", applicantParts(id, applicant)...), domain.ActionResubmitApplication,
		func(a domain.Application) (domain.ApplicationCommand, error) {
			opening, err := s.loadOpening(ctx, a.OpeningID)
			return domain.ResubmitApplication{Applicant: applicant, Opening: opening.State, At: s.clock()}, err
		})
}

// Withdraw ends the actor's application.
func (s *Service) Withdraw(ctx context.Context, req Request, id uuid.UUID, reason string) (Result, error) {
	return s.changeApplication(ctx, req, id, req.call("withdraw", id[:], []byte(reason)), domain.ActionWithdrawApplication,
		always(domain.WithdrawApplication{Reason: reason}))
}

// Confirm takes the seat that was offered.
func (s *Service) Confirm(ctx context.Context, req Request, id uuid.UUID) (Result, error) {
	return s.changeApplication(ctx, req, id, req.call("confirm", id[:]), domain.ActionConfirmOffer,
		func(a domain.Application) (domain.ApplicationCommand, error) {
			opening, err := s.loadOpening(ctx, a.OpeningID)
			return domain.ConfirmOffer{Opening: opening.State}, err
		})
}

// TurnDown gives the seat back; the reaction frees it.
func (s *Service) TurnDown(ctx context.Context, req Request, id uuid.UUID, reason string) (Result, error) {
	return s.changeApplication(ctx, req, id, req.call("turn-down", id[:], []byte(reason)), domain.ActionTurnDownOffer,
		always(domain.TurnDownOffer{Reason: reason}))
}

// Decline ends an application by staff; a seat that it held is freed by the reaction.
func (s *Service) Decline(ctx context.Context, req Request, id uuid.UUID, reason string) (Result, error) {
	return s.changeApplication(ctx, req, id, req.call("decline", id[:], []byte(reason)), domain.ActionDeclineApplication,
		always(domain.DeclineApplication{Reason: reason}))
}

// Waitlist keeps a verified application for a seat that may become free.
func (s *Service) Waitlist(ctx context.Context, req Request, id uuid.UUID, reason string) (Result, error) {
	return s.changeApplication(ctx, req, id, req.call("waitlist", id[:], []byte(reason)), domain.ActionWaitlistApplication,
		always(domain.WaitlistApplication{Reason: reason}))
}

// Accept awards a seat to the application, on the opening's stream, where seats are
// counted; the reaction to it records the acceptance. The result's position is that of the
// award, its revision that of the application as it was judged.
func (s *Service) Accept(ctx context.Context, req Request, id uuid.UUID, reason string) (Result, error) {
	if err := permit(req.Actor, domain.ActionAcceptApplication); err != nil {
		return Result{}, err
	}
	application, err := s.visible(ctx, req.Actor, id)
	if err != nil {
		return Result{}, err
	}
	opening, err := s.loadOpening(ctx, application.State.OpeningID)
	if err != nil {
		return Result{}, userError(err)
	}
	c := req.call("accept", id[:], []byte(reason))
	c.request.IfMatch = nil // it speaks of the application
	c.key = keyOf(application.Entries)
	_, done, err := write(ctx, s, openingStream(application.State.OpeningID), opening, c, func(opening loaded[domain.Opening]) ([]domain.Event, error) {
		if application, err = load(ctx, s, applicationStream(id), application); err != nil {
			return nil, err
		}
		if err := matches(req.IfMatch, application); err != nil {
			return nil, err
		}
		events, err := application.State.Decide(domain.AcceptApplication{Reason: reason})
		if err != nil || len(events) == 0 {
			return nil, err
		}
		return opening.State.Decide(domain.AwardSeat{ApplicationID: id, Reason: reason})
	})
	if done.recorded == 0 && application.end().Compare(done.position) > 0 {
		done.position = application.end()
	}
	done.revision = application.Revision
	return result(id, done, err)
}

// changeApplication is a command on an application that exists and that the actor may see.
func (s *Service) changeApplication(ctx context.Context, req Request, id uuid.UUID, c call, action domain.Action, command func(domain.Application) (domain.ApplicationCommand, error)) (Result, error) {
	if err := permit(req.Actor, action); err != nil {
		return Result{}, err
	}
	known, err := s.visible(ctx, req.Actor, id)
	if err != nil {
		return Result{}, err
	}
	_, done, err := write(ctx, s, applicationStream(id), known, c, func(at loaded[domain.Application]) ([]domain.Event, error) {
		wish, err := command(at.State)
		if err != nil {
			return nil, err
		}
		return at.State.Decide(wish)
	})
	return result(id, done, err)
}

func always(command domain.ApplicationCommand) func(domain.Application) (domain.ApplicationCommand, error) {
	return func(domain.Application) (domain.ApplicationCommand, error) { return command, nil }
}

// visible loads an application that the actor may know of.
func (s *Service) visible(ctx context.Context, actor domain.Actor, id uuid.UUID) (loaded[domain.Application], error) {
	at, err := s.loadApplication(ctx, id)
	if err != nil {
		return at, userError(err)
	}
	if !at.State.VisibleTo(actor) {
		return at, domain.ApplicationNotFound()
	}
	acts, err := s.ActsFor(ctx, actor, at.State.OpeningID)
	if err == nil && !acts {
		err = domain.ApplicationNotFound()
	}
	return at, err
}

func result(id uuid.UUID, done outcome, err error) (Result, error) {
	if err != nil {
		return Result{}, userError(err)
	}
	return Result{ID: id, Revision: done.revision, Position: done.position, Recorded: done.recorded}, nil
}

func applicantParts(about uuid.UUID, a domain.Applicant) [][]byte {
	return [][]byte{about[:], []byte(a.Name), []byte(a.NIM), []byte(a.Email), []byte(a.Programme)}
}
