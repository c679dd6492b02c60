package identity

import (
	"context"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"asprak/domain"
)

// Verifier verifies tokens of the local key and of the issuers that are configured. It is
// safe for concurrent use.
type Verifier struct {
	local   *Tokens
	remotes map[string]*remote // by the claim iss
	parser  *jwt.Parser
	now     func() time.Time
}

// NewVerifier checks the configuration; no issuer is asked yet.
func NewVerifier(local *Tokens, issuers []IssuerConfig) (*Verifier, error) {
	v := &Verifier{local: local, remotes: map[string]*remote{}, parser: jwt.NewParser(), now: local.now}
	names := map[string]bool{}
	for _, c := range issuers {
		if err := c.check(); err != nil {
			return nil, err
		}
		if names[c.Name] || v.remotes[c.Issuer] != nil {
			return nil, fmt.Errorf("identity: the issuer %s stands there twice", c.Name)
		}
		names[c.Name], v.remotes[c.Issuer] = true, newRemote(c)
	}
	return v, nil
}

// Verify returns who the token was issued for. A token that is not good is a domain.Error
// of kind Denied with code "token_expired" or "token_invalid"; an issuer that cannot be asked is
// one of kind Unavailable with code "issuer_unavailable".
func (v *Verifier) Verify(ctx context.Context, token string) (domain.Actor, error) {
	if len(v.remotes) == 0 {
		return v.local.Verify(token)
	}
	if len(token) > maxToken {
		return domain.Actor{}, errToken()
	}
	var unproven jwt.RegisteredClaims // tells only whom to ask
	if _, _, err := v.parser.ParseUnverified(token, &unproven); err != nil {
		return domain.Actor{}, errToken()
	}
	if r := v.remotes[unproven.Issuer]; r != nil {
		return r.verify(ctx, token, v.now)
	}
	return v.local.Verify(token)
}

func errToken() error {
	return domain.Errorf(domain.Denied, "token_invalid", "The token is not valid here.")
}
