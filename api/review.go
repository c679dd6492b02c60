package api

import "asprak/projections"

// listReviews is the queue of what waits for a person.
func (a *api) listReviews(c *call) error {
	p, err := c.parameters("opening_id", "reason", "cursor", "limit")
	if err != nil {
		return err
	}
	query := projections.ReviewQuery{Within: &c.extent, Reason: p.text("reason"), Cursor: p.text("cursor")}
	if query.OpeningID, err = p.id("opening_id"); err != nil {
		return err
	}
	if query.Limit, err = p.limit(); err != nil {
		return err
	}
	return list(a, c, func() (projections.Page[projections.ReviewRow], error) { return a.views.Reviews(c.ctx(), query) })
}
