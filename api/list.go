package api

import (
	"errors"
	"net/http"

	"asprak/domain"
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

// find looks a single thing up. What is not there may just have been made: it is looked for
// once more when the read models have seen all that the log holds by now.
func find[T any](a *api, c *call, query func() (T, error)) (T, error) {
	seen := a.views.Seen() // before the query: what is committed after it is asked for again
	found, err := query()
	var missing *domain.Error
	if !errors.As(err, &missing) || missing.Kind != domain.NotFound {
		return found, err
	}
	head, failed := a.service.Head(c.ctx())
	if failed != nil {
		return found, failed
	}
	if seen.Compare(head) >= 0 {
		return found, err
	}
	if err := a.awaitPosition(c, head); err != nil {
		return found, err
	}
	return query()
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
