package api

import (
	"net/http"

	"asprak/application"
	"asprak/domain"
	"asprak/domain/verification"
	"asprak/projections"
)

// applicantBody is the person as entered; the id is the token's subject.
type applicantBody struct {
	Name      string `json:"name"`
	NIM       string `json:"nim"`
	Email     string `json:"email"`
	Programme string `json:"programme"`
}

func (b applicantBody) applicant() domain.Applicant {
	return domain.Applicant{Name: b.Name, NIM: b.NIM, Email: b.Email, Programme: b.Programme}
}

func (a *api) submitApplication(c *call) error {
	request, _, err := c.command()
	if err != nil {
		return err
	}
	var body struct {
		OpeningID string        `json:"opening_id"`
		Applicant applicantBody `json:"applicant"`
	}
	if err := c.body(&body, false); err != nil {
		return err
	}
	opening, err := identifier("opening_id", body.OpeningID)
	if err != nil {
		return err
	}
	result, err := a.service.Submit(c.ctx(), request, opening, body.Applicant.applicant())
	return c.done(http.StatusCreated, "/v1/applications/"+result.ID.String(), result, err)
}

func (a *api) resubmitApplication(c *call) error {
	request, id, err := c.command()
	if err != nil {
		return err
	}
	var body struct {
		Applicant applicantBody `json:"applicant"`
	}
	if err := c.body(&body, false); err != nil {
		return err
	}
	result, err := a.service.Resubmit(c.ctx(), request, id, body.Applicant.applicant())
	return c.done(http.StatusOK, "", result, err)
}

func (a *api) confirmOffer(c *call) error {
	request, id, err := c.command()
	if err != nil {
		return err
	}
	if err := c.body(&struct{}{}, true); err != nil {
		return err
	}
	result, err := a.service.Confirm(c.ctx(), request, id)
	return c.done(http.StatusOK, "", result, err)
}

func (a *api) listApplications(c *call) error {
	p, err := c.parameters("opening_id", "term", "course", "applicant_id", "state", "programme", "verdict", "decided_by", "nim", "search", "sort", "cursor", "limit")
	if err != nil {
		return err
	}
	query := projections.ApplicationQuery{
		Within: &c.extent,
		Term:   p.text("term"), Course: p.text("course"), ApplicantID: p.text("applicant_id"), Programme: p.text("programme"),
		NIM: p.text("nim"), Search: p.text("search"), Cursor: p.text("cursor"),
	}
	if query.OpeningID, err = p.id("opening_id"); err != nil {
		return err
	}
	if query.State, err = p.choice("state", applicationStates...); err != nil {
		return err
	}
	if query.Verdict, err = p.choice("verdict", labels...); err != nil {
		return err
	}
	if query.DecidedBy, err = p.choice("decided_by", "machine", "person"); err != nil {
		return err
	}
	if query.Sort, err = p.choice("sort", "-submitted", "submitted", "name", "nim"); err != nil {
		return err
	}
	if query.Sort != "" && query.Search != "" {
		return parameterError("invalid_parameter", "sort", "A search has its own order; send either search or sort.")
	}
	if query.Limit, err = p.limit(); err != nil {
		return err
	}
	if c.scope == domain.ScopeOwn {
		if query.ApplicantID != "" && query.ApplicantID != c.actor.ID {
			return list(a, c, func() (projections.Page[projections.ApplicationRow], error) {
				return projections.Page[projections.ApplicationRow]{}, nil
			})
		}
		query.ApplicantID = c.actor.ID
	}
	return list(a, c, func() (projections.Page[projections.ApplicationRow], error) {
		return a.views.Applications(c.ctx(), query)
	})
}

// labels are the machine's, and a person's: those have no reason.
var labels = func() []string {
	all := []string{string(domain.StatusRejected)}
	for _, l := range verification.Labels() {
		all = append(all, string(l))
	}
	return all
}()

var applicationStates = []string{
	string(domain.StatusSubmitted), string(domain.StatusVerifying), string(domain.StatusVerified), string(domain.StatusRejected),
	string(domain.StatusInReview), string(domain.StatusReadingFailed), string(domain.StatusWithdrawn), string(domain.StatusWaitlisted),
	string(domain.StatusAccepted), string(domain.StatusDeclined), string(domain.StatusConfirmed), string(domain.StatusTurnedDown), string(domain.StatusErased),
}

func (a *api) getApplication(c *call) error {
	p, err := c.parameters("at", "revision")
	if err != nil {
		return err
	}
	id, err := identifier("id", c.Param("id"))
	if err != nil {
		return err
	}
	until, err := p.until()
	if err != nil {
		return err
	}
	if until != (application.Until{}) {
		return a.pastApplication(c, id, until)
	}
	return a.presentApplication(c, id)
}
