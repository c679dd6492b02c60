package main

import (
	"fmt"
	"time"

	"asprak/domain"
	"asprak/infrastructure/identity"
)

type tokenCmd struct {
	folder  `embed:""`
	Role    string        `required:"" enum:"applicant,admin,lecturer,auditor" help:"One of ${enum}."`
	Subject string        `required:"" help:"Who the token is for: the applicant's or staff member's id."`
	TTL     time.Duration `default:"12h" help:"How long the token is valid."`
}

// Run prints a token and nothing else, so that it can be pasted into a command.
func (c *tokenCmd) Run(env environment) error {
	keys, err := identity.Open(c.key())
	if err != nil {
		return err
	}
	token, err := keys.Issue(c.Subject, domain.Role(c.Role), c.TTL)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(env.stdout, token)
	return err
}
