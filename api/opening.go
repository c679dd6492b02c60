package api

import (
	"net/http"

	"asprak/domain"
	"asprak/domain/verification"
	"asprak/projections"
)

// openingBody is what publishing takes, and revising with a reason.
type openingBody struct {
	Title       string          `json:"title"`
	Description string          `json:"description"`
	Department  string          `json:"department"`
	Term        string          `json:"term"`
	Seats       int             `json:"seats"`
	OpensAt     string          `json:"opens_at"`
	ClosesAt    string          `json:"closes_at"`
	Requirement requirementBody `json:"requirement"`

	RetentionDays *int `json:"retention_days"`
}

type requirementBody struct {
	Course struct {
		Codes []string `json:"codes"`
		Name  string   `json:"name"`
	} `json:"course"`
	MinGrade        string `json:"min_grade"`
	Scale           string `json:"scale"`
	MinIPK          number `json:"min_ipk"`
	MinSKS          number `json:"min_sks"`
	MinSemester     *int   `json:"min_semester"`
	AcceptPending   bool   `json:"accept_pending"`
	AcceptConverted bool   `json:"accept_converted"`
}

func (b openingBody) details() (domain.OpeningDetails, error) {
	d := domain.OpeningDetails{Title: b.Title, Description: b.Description, Department: b.Department, Term: b.Term, Seats: b.Seats, RetentionDays: b.RetentionDays}
	var err error
	if d.OpensAt, err = instant("opens_at", b.OpensAt); err != nil {
		return d, err
	}
	if d.ClosesAt, err = instant("closes_at", b.ClosesAt); err != nil {
		return d, err
	}
	d.Requirement, err = b.Requirement.requirement()
	return d, err
}

func (b requirementBody) requirement() (verification.Requirement, error) {
	r := verification.Requirement{
		Course:   verification.Course{Codes: b.Course.Codes, Name: b.Course.Name},
		MinGrade: b.MinGrade, Scale: b.Scale, MinSemester: b.MinSemester,
		AcceptPending: b.AcceptPending, AcceptConverted: b.AcceptConverted,
	}
	var err error
	if r.MinIPK, err = b.MinIPK.decimal("requirement.min_ipk"); err != nil {
		return r, err
	}
	r.MinSKS, err = b.MinSKS.decimal("requirement.min_sks")
	return r, err
}

func (a *api) publishOpening(c *call) error {
	request, _, err := c.command()
	if err != nil {
		return err
	}
	var body openingBody
	if err := c.body(&body, false); err != nil {
		return err
	}
	details, err := body.details()
	if err != nil {
		return err
	}
	result, err := a.service.PublishOpening(c.ctx(), request, details)
	return c.done(http.StatusCreated, "/v1/openings/"+result.ID.String(), result, err)
}

func (a *api) reviseOpening(c *call) error {
	request, id, err := c.command()
	if err != nil {
		return err
	}
	var body struct {
		openingBody
		Reason string `json:"reason"`
	}
	if err := c.body(&body, false); err != nil {
		return err
	}
	details, err := body.details()
	if err != nil {
		return err
	}
	result, err := a.service.ReviseOpening(c.ctx(), request, id, details, body.Reason)
	return c.done(http.StatusOK, "", result, err)
}

func (a *api) reopenOpening(c *call) error {
	request, id, err := c.command()
	if err != nil {
		return err
	}
	var body struct {
		ClosesAt string `json:"closes_at"`
		Reason   string `json:"reason"`
	}
	if err := c.body(&body, false); err != nil {
		return err
	}
	closesAt, err := instant("closes_at", body.ClosesAt)
	if err != nil {
		return err
	}
	result, err := a.service.ReopenOpening(c.ctx(), request, id, closesAt, body.Reason)
	return c.done(http.StatusOK, "", result, err)
}

func (a *api) listOpenings(c *call) error {
	p, err := c.parameters("state", "term", "department", "cursor", "limit")
	if err != nil {
		return err
	}
	query := projections.OpeningQuery{Within: &c.extent, Term: p.text("term"), Department: p.text("department"), Cursor: p.text("cursor")}
	if query.State, err = p.choice("state", string(domain.StatusOpen), string(domain.StatusClosed), string(domain.StatusCancelled)); err != nil {
		return err
	}
	if query.Limit, err = p.limit(); err != nil {
		return err
	}
	return list(a, c, func() (projections.Page[projections.OpeningRow], error) { return a.views.Openings(c.ctx(), query) })
}

func (a *api) getOpening(c *call) error {
	if _, err := c.parameters(); err != nil {
		return err
	}
	id, err := identifier("id", c.Param("id"))
	if err != nil {
		return err
	}
	if err := a.look(c); err != nil {
		return err
	}
	row, err := find(a, c, func() (projections.OpeningRow, error) { return a.views.Opening(c.ctx(), id) })
	if err != nil {
		return err
	}
	if !c.extent.Holds(row.ID, row.Details.Department) {
		return domain.OpeningNotFound()
	}
	c.Header("ETag", etag(row.Revision))
	return c.json(http.StatusOK, row)
}
