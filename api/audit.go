package api

import (
	"net/http"

	"asprak/projections"
)

// auditFilters are what the list and the export select by, alike.
var auditFilters = []string{"actor", "type", "stream", "subject", "correlation_id", "from", "to", "cursor"}

func (c *call) auditQuery(p parameters) (projections.AuditQuery, error) {
	query := projections.AuditQuery{
		Within: &c.extent,
		Actor:  p.text("actor"), Type: p.text("type"), Stream: p.text("stream"), Subject: p.text("subject"),
		CorrelationID: p.text("correlation_id"), Cursor: p.text("cursor"),
	}
	var err error
	if query.From, err = p.time("from"); err != nil {
		return query, err
	}
	query.To, err = p.time("to")
	return query, err
}

func (a *api) listAudit(c *call) error {
	p, err := c.parameters(append(auditFilters[:len(auditFilters):len(auditFilters)], "limit")...)
	if err != nil {
		return err
	}
	query, err := c.auditQuery(p)
	if err != nil {
		return err
	}
	if query.Limit, err = p.limit(); err != nil {
		return err
	}
	return list(a, c, func() (projections.Page[projections.AuditRow], error) { return a.views.Audit(c.ctx(), query) })
}

// auditChain walks from an event to its causes and effects.
func (a *api) auditChain(c *call) error {
	if _, err := c.parameters(); err != nil {
		return err
	}
	event, err := identifier("event", c.Param("event"))
	if err != nil {
		return err
	}
	if err := a.look(c); err != nil {
		return err
	}
	chain, err := find(a, c, func() (projections.Chain, error) { return a.views.Chain(c.ctx(), event, &c.extent) })
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, chain)
}
