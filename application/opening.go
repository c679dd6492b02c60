package application

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/google/uuid"

	"asprak/domain"
)

// PublishOpening begins an opening. Its id follows from the command's, so that a repeated
// request with an Idempotency-Key meets the same opening.
func (s *Service) PublishOpening(ctx context.Context, req Request, details domain.OpeningDetails) (Result, error) {
	if err := permit(req.Actor, domain.ActionPublishOpening); err != nil {
		return Result{}, err
	}
	input, err := json.Marshal(details)
	if err != nil {
		return Result{}, domain.Errorf(domain.Invalid, "invalid_details", "The details cannot be stored: %v.", err)
	}
	c := req.call("publish-opening", input)
	id := uuid.NewSHA1(c.id, []byte("opening"))
	if err := s.actsForDepartment(ctx, req.Actor, id, details); err != nil {
		return Result{}, err
	}
	known, err := s.loadOpening(ctx, id)
	if err != nil {
		return Result{}, userError(err)
	}
	return s.writeOpening(ctx, id, known, c, domain.PublishOpening{OpeningID: id, Details: details, Scales: s.scales})
}

// ReviseOpening replaces an opening's details.
func (s *Service) ReviseOpening(ctx context.Context, req Request, id uuid.UUID, details domain.OpeningDetails, reason string) (Result, error) {
	input, err := json.Marshal(details)
	if err != nil {
		return Result{}, domain.Errorf(domain.Invalid, "invalid_details", "The details cannot be stored: %v.", err)
	}
	if err := s.actsForDepartment(ctx, req.Actor, id, details); err != nil {
		return Result{}, err
	}
	return s.changeOpening(ctx, req, id, req.call("revise-opening", id[:], input, []byte(reason)), domain.ActionReviseOpening,
		domain.ReviseOpening{Details: details, Reason: reason, Scales: s.scales})
}

// CloseOpening ends submitting before the window does.
func (s *Service) CloseOpening(ctx context.Context, req Request, id uuid.UUID, reason string) (Result, error) {
	return s.changeOpening(ctx, req, id, req.call("close-opening", id[:], []byte(reason)), domain.ActionCloseOpening, domain.CloseOpening{Reason: reason})
}

// ReopenOpening accepts applications again, until closesAt.
func (s *Service) ReopenOpening(ctx context.Context, req Request, id uuid.UUID, closesAt time.Time, reason string) (Result, error) {
	return s.changeOpening(ctx, req, id, req.call("reopen-opening", id[:], []byte(closesAt.UTC().Format(time.RFC3339Nano)), []byte(reason)), domain.ActionReopenOpening,
		domain.ReopenOpening{ClosesAt: closesAt, Reason: reason, At: s.clock()})
}

// CancelOpening ends an opening for good.
func (s *Service) CancelOpening(ctx context.Context, req Request, id uuid.UUID, reason string) (Result, error) {
	return s.changeOpening(ctx, req, id, req.call("cancel-opening", id[:], []byte(reason)), domain.ActionCancelOpening, domain.CancelOpening{Reason: reason})
}

// changeOpening is an admin's command on an opening that exists.
func (s *Service) changeOpening(ctx context.Context, req Request, id uuid.UUID, c call, action domain.Action, command domain.OpeningCommand) (Result, error) {
	if err := permit(req.Actor, action); err != nil {
		return Result{}, err
	}
	known, err := s.loadOpening(ctx, id)
	if err != nil {
		return Result{}, userError(err)
	}
	acts, err := s.ActsFor(ctx, req.Actor, id)
	if err != nil {
		return Result{}, err
	}
	if !acts || !known.State.Exists() {
		return Result{}, domain.OpeningNotFound()
	}
	return s.writeOpening(ctx, id, known, c, command)
}

// actsForDepartment is nil when the actor would act for the opening with the details: nobody
// gives openings to whom they do not act for.
func (s *Service) actsForDepartment(ctx context.Context, actor domain.Actor, id uuid.UUID, details domain.OpeningDetails) error {
	extent, err := s.Extent(ctx, actor)
	if err != nil || extent.Holds(id, strings.TrimSpace(details.Department)) {
		return err
	}
	denied := domain.Errorf(domain.Denied, "department_not_granted", "You do not act for this department.")
	denied.Field = "department"
	return denied
}

func (s *Service) writeOpening(ctx context.Context, id uuid.UUID, known loaded[domain.Opening], c call, command domain.OpeningCommand) (Result, error) {
	_, done, err := write(ctx, s, openingStream(id), known, c, func(at loaded[domain.Opening]) ([]domain.Event, error) {
		return at.State.Decide(command)
	})
	return result(id, done, err)
}
