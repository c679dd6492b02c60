package api

import (
	"net/http"

	"asprak/projections"
)

// look waits until the read models have seen what the caller has, and says how far the
// answer will have seen.
func (a *api) look(c *call) error {
	if err := a.await(c); err != nil {
		return err
	}
	// Asked before the query: what is seen by now is in its answer.
	c.Writer.Header()[headerPosition] = []string{a.views.Seen().String()}
	return nil
}

// list answers with one page of a read model.
func list[T any](a *api, c *call, query func() (projections.Page[T], error)) error {
	if err := a.look(c); err != nil {
		return err
	}
	page, err := query()
	if err != nil {
		return err
	}
	if page.Items == nil {
		page.Items = []T{}
	}
	return c.json(http.StatusOK, page)
}
