package api

import (
	"net/http"
	"time"

	"asprak/application"
	"asprak/domain"
)

type credentialsBody struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

type sessionBody struct {
	AccessToken  string      `json:"access_token"`
	TokenType    string      `json:"token_type"`
	ExpiresIn    int         `json:"expires_in"` // seconds
	RefreshToken string      `json:"refresh_token"`
	Subject      string      `json:"subject"`
	Role         domain.Role `json:"role"`
}

func (a *api) register(c *call) error {
	var body credentialsBody
	if err := c.body(&body, false); err != nil {
		return err
	}
	account, err := a.accounts.Register(c.ctx(), body.Email, body.Password)
	if err != nil {
		return err
	}
	return c.json(http.StatusCreated, account)
}

func (a *api) login(c *call) error {
	var body credentialsBody
	if err := c.body(&body, false); err != nil {
		return err
	}
	session, err := a.accounts.Login(c.ctx(), body.Email, body.Password)
	return c.session(session, err)
}

type refreshBody struct {
	RefreshToken string `json:"refresh_token"`
}

func (a *api) refresh(c *call) error {
	var body refreshBody
	if err := c.body(&body, false); err != nil {
		return err
	}
	session, err := a.accounts.Refresh(c.ctx(), body.RefreshToken)
	return c.session(session, err)
}

func (c *call) session(s application.Session, err error) error {
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, sessionBody{
		AccessToken: s.AccessToken, TokenType: "Bearer", ExpiresIn: int(s.ExpiresIn / time.Second), RefreshToken: s.RefreshToken,
		Subject: s.Account.Subject, Role: s.Account.Role,
	})
}

func (a *api) logout(c *call) error {
	var body refreshBody
	if err := c.body(&body, false); err != nil {
		return err
	}
	if err := a.accounts.Logout(c.ctx(), body.RefreshToken); err != nil {
		return err
	}
	return c.json(http.StatusOK, struct{}{})
}

// meBody is who the caller is here.
type meBody struct {
	Subject string               `json:"subject"`
	Role    domain.Role          `json:"role"`
	Access  *domain.Extent       `json:"access,omitempty"`  // of staff
	Account *application.Account `json:"account,omitempty"` // nil for who comes by a single sign-on, or with a token that was made by hand
}

func (a *api) getMe(c *call) error {
	if _, err := c.parameters(); err != nil {
		return err
	}
	body := meBody{Subject: c.actor.ID, Role: c.actor.Role}
	if c.actor.Role != domain.RoleApplicant {
		body.Access = &c.extent
	}
	var err error
	if body.Account, err = a.account(c); err != nil {
		return err
	}
	return c.json(http.StatusOK, body)
}

// account is the caller's, nil when there is none.
func (a *api) account(c *call) (*application.Account, error) {
	account, found, err := a.accounts.Account(c.ctx(), c.actor.ID)
	if err != nil || !found {
		return nil, err
	}
	return &account, nil
}

func (a *api) changePassword(c *call) error {
	var body struct {
		Old string `json:"old"`
		New string `json:"new"`
	}
	if err := c.body(&body, false); err != nil {
		return err
	}
	if err := a.accounts.ChangePassword(c.ctx(), c.actor.ID, body.Old, body.New); err != nil {
		return err
	}
	return c.json(http.StatusOK, struct{}{})
}
