package application

import (
	"context"
	"time"

	"asprak/domain"
)

// Accounts are those by which persons log in here, without a single sign-on of their university. They are no events: who logged
// in when concerns no application. The subject of an account's tokens tells nothing of the person.
//
// Its methods fail with a *domain.Error that is meant for the caller, or with an error that is internal.
type Accounts interface {
	// Register makes an account of an applicant. Nobody checks that the address is theirs.
	Register(ctx context.Context, email, password string) (Account, error)
	// Login begins a session.
	Login(ctx context.Context, email, password string) (Session, error)
	// Refresh goes on with a session. Its refresh token is spent by that; one that comes again ends the session.
	Refresh(ctx context.Context, token string) (Session, error)
	// Logout ends a session, if there is one with the refresh token. Its access token ends by itself, soon.
	Logout(ctx context.Context, token string) error
	// Account finds the account of the subject; false where there is none, as of who comes by another way.
	Account(ctx context.Context, subject string) (Account, bool, error)
	// ChangePassword ends all sessions of the account.
	ChangePassword(ctx context.Context, subject, old, fresh string) error
	AccountEraser
}

// AccountEraser ends accounts.
type AccountEraser interface {
	// Erase removes the account of the subject, if there is one, and leaves nothing of it behind.
	Erase(ctx context.Context, subject string) error
}

// Account is one person's, or one program's.
type Account struct {
	Subject   string      `json:"subject"`
	Email     string      `json:"email"`
	Role      domain.Role `json:"role"`
	CreatedAt time.Time   `json:"created_at"`
}

// Session is what a login gives: a bearer token for requests, and one for the next.
type Session struct {
	Account      Account
	AccessToken  string
	ExpiresIn    time.Duration // of the access token
	RefreshToken string
}
