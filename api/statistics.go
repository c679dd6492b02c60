package api

import (
	"net/http"
	"time"

	"asprak/projections"
)

// getStatistics counts what happened within a span of days.
func (a *api) getStatistics(c *call) error {
	p, err := c.parameters("opening_id", "from", "to", "bucket")
	if err != nil {
		return err
	}
	query := projections.StatisticsQuery{Within: &c.extent, Now: time.Now()}
	if query.OpeningID, err = p.id("opening_id"); err != nil {
		return err
	}
	if query.From, err = p.day("from"); err != nil {
		return err
	}
	if query.To, err = p.day("to"); err != nil {
		return err
	}
	if query.Bucket, err = p.choice("bucket", "day", "week", "month"); err != nil {
		return err
	}
	if err := a.look(c); err != nil {
		return err
	}
	found, err := a.views.Statistics(c.ctx(), query)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, found)
}
