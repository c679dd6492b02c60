package main

import (
	"context"
	"fmt"
	"io"

	"asprak/domain"
	"asprak/infrastructure/identity"
)

type accountCmd struct {
	Add   addAccountCmd   `cmd:"" help:"Make an account, of the staff for instance, and print its password, once."`
	Reset resetAccountCmd `cmd:"" help:"Give an account another password, print it once and end its sessions."`
}

type addAccountCmd struct {
	storage `embed:""`
	Email   string `arg:"" help:"The address to log in with."`
	Role    string `required:"" enum:"applicant,admin,lecturer,auditor" help:"One of ${enum}."`
}

// Run works beside a running server.
func (c *addAccountCmd) Run(ctx context.Context, env environment) error {
	accounts, err := openAccounts(ctx, c.storage)
	if err != nil {
		return err
	}
	defer accounts.Close()
	account, password, err := accounts.Add(ctx, c.Email, domain.Role(c.Role))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(env.stdout, "%s is %s and logs in with %s\n", printable(account.Email), account.Subject, password)
	return err
}

type resetAccountCmd struct {
	storage `embed:""`
	Email   string `arg:"" help:"The address of the account."`
}

// Run works beside a running server.
func (c *resetAccountCmd) Run(ctx context.Context, env environment) error {
	accounts, err := openAccounts(ctx, c.storage)
	if err != nil {
		return err
	}
	defer accounts.Close()
	password, err := accounts.Reset(ctx, c.Email)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(env.stdout, password)
	return err
}

func openAccounts(ctx context.Context, s storage) (*identity.Accounts, error) {
	tokens, err := identity.Open(s.key())
	if err != nil {
		return nil, err
	}
	return identity.OpenAccounts(ctx, s.accountsAt(), tokens, nil)
}

// firstAdmin makes the first account, of an admin who acts for everything where staff need a grant, and prints its password.
func (s *server) firstAdmin(ctx context.Context, out io.Writer) error {
	account, password, made, err := s.accounts.FirstAdmin(ctx, s.config.AccountAdmin)
	if err != nil || !made {
		return err
	}
	if s.config.Staff == "granted" {
		if err := s.grantEverything(ctx, account.Subject, "The first admin's account."); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(out, "\nThe first account is an admin's: %s with the password %s\nIt is shown this once; `asprak account reset %[1]s` makes another.\n", account.Email, password)
	return err
}
