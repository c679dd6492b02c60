package api

import (
	"net/http"
	"time"

	"asprak/application"
)

// personBody is all that is held of a person.
type personBody struct {
	Subject      string               `json:"subject"`
	At           time.Time            `json:"at"`
	Account      *application.Account `json:"account,omitempty"`
	Applications []heldBody           `json:"applications"`
	Grants       []eventBody          `json:"grants"`
	Erasures     []eventBody          `json:"erasures"`
}

type heldBody struct {
	Application applicationBody `json:"application"`
	History     []eventBody     `json:"history"`
}

// getMyData is answered from the log itself, up to date.
func (a *api) getMyData(c *call) error {
	if _, err := c.parameters(); err != nil {
		return err
	}
	held, err := a.service.HeldOf(c.ctx(), c.actor)
	if err != nil {
		return err
	}
	body := personBody{Subject: c.actor.ID, At: time.Now().UTC(), Applications: make([]heldBody, len(held.Applications)),
		Grants: historyOf(held.Grants), Erasures: historyOf(held.Erasures)}
	for i, h := range held.Applications {
		body.Applications[i] = heldBody{bodyOf(h.State, h.Entries), historyOf(h.Entries)}
	}
	if body.Account, err = a.account(c); err != nil {
		return err
	}
	c.Header("Content-Disposition", `attachment; filename="my-data.json"`)
	return c.json(http.StatusOK, body)
}

func (a *api) eraseMe(c *call) error { return a.erase(c, c.actor.ID) }

func (a *api) erasePerson(c *call) error { return a.erase(c, c.Param("subject")) }

func (a *api) erase(c *call, subject string) error {
	request, _, err := c.command()
	if err != nil {
		return err
	}
	if err := c.body(&struct{}{}, true); err != nil {
		return err
	}
	result, err := a.service.AskErasure(c.ctx(), request, subject)
	return c.done(http.StatusAccepted, "", result, err)
}

type retentionsBody struct {
	At    time.Time               `json:"at"`
	Items []application.Retention `json:"items"`
}

// listRetentions is the trial run of the end of retention, now or at another time.
func (a *api) listRetentions(c *call) error {
	p, err := c.parameters("at")
	if err != nil {
		return err
	}
	body := retentionsBody{At: time.Now().UTC()}
	at, err := p.time("at")
	if err != nil {
		return err
	}
	if at != nil {
		body.At = *at
	}
	if body.Items, err = a.service.Retentions(c.ctx(), body.At); err != nil {
		return err
	}
	return c.json(http.StatusOK, body)
}
