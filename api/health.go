package api

import (
	"net/http"

	"asprak/application"
)

// Readiness is how the process stands. It is ready when there are no problems.
type Readiness struct {
	Head     application.Position // of the log
	Seen     application.Position // by the read models
	Problems []string             // why it is not ready; shown to everyone, so no internals
}

type readinessBody struct {
	Ready    bool     `json:"ready"`
	Head     string   `json:"head"`
	Seen     string   `json:"seen"`
	Lag      uint64   `json:"lag"` // in positions of the log
	Problems []string `json:"problems"`
}

func (a *api) health(c *call) error {
	return c.json(http.StatusOK, struct {
		Status string `json:"status"`
	}{"ok"})
}

func (a *api) readiness(c *call) error {
	r := a.ready(c.ctx())
	body := readinessBody{Ready: len(r.Problems) == 0, Head: r.Head.String(), Seen: r.Seen.String(), Problems: r.Problems}
	if r.Head.Commit > r.Seen.Commit {
		body.Lag = r.Head.Commit - r.Seen.Commit
	}
	if body.Ready {
		body.Problems = []string{}
		return c.json(http.StatusOK, body)
	}
	c.Header("Retry-After", "1")
	return c.json(http.StatusServiceUnavailable, body)
}

func (a *api) scrape(c *call) error {
	a.scraper.ServeHTTP(c.Writer, c.Request)
	return nil
}
