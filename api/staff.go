package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"asprak/application"
	"asprak/domain"
	"asprak/projections"
)

// accessBody is what granting and revoking take.
type accessBody struct {
	Role        string   `json:"role"`
	Everything  bool     `json:"everything"`
	Departments []string `json:"departments"`
	Openings    []string `json:"openings"`
	Reason      string   `json:"reason"`
}

func (b accessBody) extent() (domain.Extent, error) {
	e := domain.Extent{Everything: b.Everything, Departments: b.Departments}
	for i, text := range b.Openings {
		id, err := identifier(fmt.Sprintf("openings[%d]", i), text)
		if err != nil {
			return e, err
		}
		e.Openings = append(e.Openings, id)
	}
	return e, nil
}

// changesAccess handles a grant or a revocation.
func changesAccess(do func(context.Context, application.Request, string, domain.Role, domain.Extent, string) (application.Result, error)) func(*call) error {
	return func(c *call) error {
		request, _, err := c.command()
		if err != nil {
			return err
		}
		var body accessBody
		if err := c.body(&body, false); err != nil {
			return err
		}
		extent, err := body.extent()
		if err != nil {
			return err
		}
		result, err := do(c.ctx(), request, c.Param("subject"), domain.Role(body.Role), extent, body.Reason)
		return c.done(http.StatusOK, "", result, err)
	}
}

func (a *api) listStaff(c *call) error {
	p, err := c.parameters("cursor", "limit")
	if err != nil {
		return err
	}
	query := projections.StaffQuery{Cursor: p.text("cursor")}
	if query.Limit, err = p.limit(); err != nil {
		return err
	}
	return list(a, c, func() (projections.Page[projections.StaffRow], error) { return a.views.Staff(c.ctx(), query) })
}

// staffBody is what somebody acted for at a moment.
type staffBody struct {
	Subject string                   `json:"subject"`
	At      time.Time                `json:"at"`
	Known   bool                     `json:"known"`
	Access  []application.RoleAccess `json:"access"`
	History []eventBody              `json:"history"`
}

// getStaff is answered from the log: did they have access at that time?
func (a *api) getStaff(c *call) error {
	p, err := c.parameters("at", "opening_id")
	if err != nil {
		return err
	}
	body := staffBody{Subject: c.Param("subject"), At: time.Now().UTC()}
	at, err := p.time("at")
	if err != nil {
		return err
	}
	if at != nil {
		body.At = *at
	}
	opening := uuid.Nil
	if text, err := p.id("opening_id"); err != nil {
		return err
	} else if text != "" {
		opening = uuid.MustParse(text)
	}
	access, err := a.service.AccessAt(c.ctx(), body.Subject, body.At, opening)
	if err != nil {
		return err
	}
	body.Known, body.Access, body.History = access.Known, access.Roles, historyOf(access.Entries)
	return c.json(http.StatusOK, body)
}
