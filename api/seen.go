package api

import (
	"net/http"
	"time"

	"github.com/google/uuid"

	"asprak/application"
	"asprak/domain"
)

// How the role of an actor at a moment is known.
const (
	roleGiven     = "parameter"
	roleOfEvent   = "event"     // of the last that the actor caused by then
	roleOfSubject = "applicant" // the application is the actor's own
)

type seenBody struct {
	Actor       domain.Actor     `json:"actor"`
	RoleFrom    string           `json:"role_from"`
	At          time.Time        `json:"at"`
	Readable    bool             `json:"readable"`
	Application *applicationBody `json:"application,omitempty"`
	History     []eventBody      `json:"history,omitempty"`
	Opened      []openedBody     `json:"opened"`
}

type openedBody struct {
	DocumentID uuid.UUID `json:"document_id"`
	ViewedAt   time.Time `json:"viewed_at"`
}

// asSeen tells what somebody could read of the application at a moment.
func (a *api) asSeen(c *call) error {
	p, err := c.parameters("actor", "role", "at")
	if err != nil {
		return err
	}
	id, err := identifier("id", c.Param("id"))
	if err != nil {
		return err
	}
	body := seenBody{Actor: domain.Actor{ID: p.text("actor")}, At: time.Now().UTC()}
	if body.Actor.ID == "" {
		return parameterError("invalid_parameter", "actor", "Say who: the subject of their token.")
	}
	at, err := p.time("at")
	if err != nil {
		return err
	}
	if at != nil {
		body.At = *at
	}
	role, err := p.choice("role", names(domain.Roles)...)
	if err != nil {
		return err
	}
	if _, err := a.visible(c, id); err != nil {
		return err
	}
	if err := a.look(c); err != nil {
		return err
	}
	if body.Actor.Role, body.RoleFrom, err = a.roleAt(c, id, body.Actor.ID, domain.Role(role), body.At); err != nil {
		return err
	}
	seen, err := a.service.AsSeen(c.ctx(), id, body.Actor, body.At)
	if err != nil {
		return err
	}
	body.Readable, body.Opened = seen.Readable, make([]openedBody, len(seen.Opened))
	for i, o := range seen.Opened {
		body.Opened[i] = openedBody{o.DocumentID, o.ViewedAt}
	}
	if seen.Readable {
		application := bodyOf(seen.State, seen.Entries)
		body.Application, body.History = &application, historyOf(seen.Entries)
	}
	return c.json(http.StatusOK, body)
}

// roleAt is the role that the actor had: as given, or of the last event that they caused by
// then; whoever caused none is known only as the application's own applicant.
func (a *api) roleAt(c *call, id uuid.UUID, actor string, given domain.Role, at time.Time) (domain.Role, string, error) {
	if given != "" {
		return given, roleGiven, nil
	}
	role, err := a.views.RoleAt(c.ctx(), actor, at)
	if err != nil || role != "" {
		return role, roleOfEvent, err
	}
	state, _, err := a.service.Application(c.ctx(), id, application.Until{})
	if err != nil {
		return "", "", err
	}
	if state.Applicant.ID == actor {
		return domain.RoleApplicant, roleOfSubject, nil
	}
	return "", "", parameterError("invalid_parameter", "role", "No event tells which role this actor had by then; say which.")
}
