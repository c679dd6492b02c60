package api

import "asprak/projections"

func (a *api) listAudit(c *call) error {
	p, err := c.parameters("actor", "type", "stream", "correlation_id", "from", "to", "cursor", "limit")
	if err != nil {
		return err
	}
	query := projections.AuditQuery{
		Actor: p.text("actor"), Type: p.text("type"), Stream: p.text("stream"),
		CorrelationID: p.text("correlation_id"), Cursor: p.text("cursor"),
	}
	if query.From, err = p.time("from"); err != nil {
		return err
	}
	if query.To, err = p.time("to"); err != nil {
		return err
	}
	if query.Limit, err = p.limit(); err != nil {
		return err
	}
	return list(a, c, func() (projections.Page[projections.AuditRow], error) { return a.views.Audit(c.ctx(), query) })
}
