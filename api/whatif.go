package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"asprak/application"
	"asprak/domain"
	"asprak/domain/verification"
	"asprak/projections"
)

// maxRejudged bounds the applications of one answer; further ones come by cursor.
const maxRejudged = 1000

type whatIfBody struct {
	OpeningID    uuid.UUID                `json:"opening_id"`
	Requirement  verification.Requirement `json:"requirement"`
	Policy       verification.Policy      `json:"policy"`
	Applications int                      `json:"applications"` // looked at
	Documents    int                      `json:"documents"`    // judged again
	Items        []application.Rejudged   `json:"items"`        // those that would change
	Next         string                   `json:"next,omitempty"`
}

// whatIf judges an opening's recorded readings by other rules. It is a question, and a POST
// only because it has a body.
func (a *api) whatIf(c *call) error {
	c.outcome = "unchanged"
	p, err := c.parameters("cursor")
	if err != nil {
		return err
	}
	id, err := identifier("id", c.Param("id"))
	if err != nil {
		return err
	}
	var body struct {
		Requirement *requirementBody `json:"requirement"`
		Policy      json.RawMessage  `json:"policy"`
	}
	if err := c.body(&body, true); err != nil {
		return err
	}
	answer := whatIfBody{OpeningID: id, Policy: a.service.Policy(), Items: []application.Rejudged{}}
	if body.Policy != nil && string(body.Policy) != "null" {
		if answer.Policy, err = answer.Policy.With(bytes.NewReader(body.Policy)); err != nil {
			return domain.InvalidField("policy", "This is no policy: %s.", strings.TrimPrefix(err.Error(), "verification: policy: "))
		}
	}
	if err := a.look(c); err != nil {
		return err
	}
	opening, _, err := a.service.Opening(c.ctx(), id)
	if err != nil {
		return err
	}
	if !c.extent.Holds(id, opening.Details.Department) {
		return domain.OpeningNotFound()
	}
	answer.Requirement = opening.Details.Requirement
	if body.Requirement != nil {
		asked, err := body.Requirement.requirement()
		if err != nil {
			return err
		}
		if answer.Requirement, err = a.service.CheckRequirement(asked); err != nil {
			return err
		}
	}
	if err := a.rejudge(c, &answer, p.text("cursor")); err != nil {
		return err
	}
	return c.json(http.StatusOK, answer)
}

func (a *api) rejudge(c *call, answer *whatIfBody, cursor string) error {
	rules := application.Rules{Requirement: &answer.Requirement, Policy: answer.Policy}
	for answer.Applications < maxRejudged {
		page, err := a.views.Applications(c.ctx(), projections.ApplicationQuery{OpeningID: answer.OpeningID.String(), Cursor: cursor, Limit: maxLimit})
		if err != nil {
			return err
		}
		for _, row := range page.Items {
			r, err := a.service.WhatIf(c.ctx(), row.ID, rules)
			if err != nil {
				return err
			}
			answer.Applications++
			answer.Documents += len(r.Documents)
			if r.Changed() {
				answer.Items = append(answer.Items, r)
			}
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	answer.Next = cursor
	return nil
}
