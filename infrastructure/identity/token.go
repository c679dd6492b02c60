// Package identity issues and verifies bearer tokens (JWT, HS256) with a key that lies in
// the data folder, and verifies those of OpenID Connect issuers. It knows actors and roles, nothing of HTTP and nothing of what a role may do.
package identity

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"

	"asprak/domain"
)

const (
	issuer   = "asprak"
	audience = "asprak-api"

	leeway      = 30 * time.Second // between the clocks of two machines
	maxToken    = 4 << 10          // bytes; ours have about 300
	maxSubject  = 200              // bytes
	maxVerified = 10_000           // tokens remembered
)

// Tokens issues and verifies the tokens of one key. It is safe for concurrent use.
type Tokens struct {
	key    []byte
	parser *jwt.Parser
	now    func() time.Time

	mu       sync.RWMutex
	verified map[[sha256.Size]byte]verified
}

type verified struct {
	actor domain.Actor
	until time.Time
}

type claims struct {
	jwt.RegisteredClaims
	Role domain.Role `json:"role"`
}

// Validate is called by the parser after the signature and the registered claims.
func (c *claims) Validate() error {
	if err := checkSubject(c.Subject); err != nil {
		return err
	}
	return checkRole(c.Role)
}

// Open reads the key file, or creates it (32 random bytes, mode 0600) when there is none.
// A key that others may read is refused.
func Open(path string) (*Tokens, error) {
	key, err := openKey(path)
	if err != nil {
		return nil, err
	}
	return newTokens(key, time.Now), nil
}

func newTokens(key []byte, now func() time.Time) *Tokens {
	return &Tokens{
		key: key,
		now: now,
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
			jwt.WithIssuer(issuer),
			jwt.WithAudience(audience),
			jwt.WithExpirationRequired(),
			jwt.WithNotBeforeRequired(),
			jwt.WithIssuedAt(),
			jwt.WithLeeway(leeway),
			jwt.WithStrictDecoding(),
			jwt.WithTimeFunc(now),
		),
		verified: make(map[[sha256.Size]byte]verified),
	}
}

// Issue makes a token for the subject that is good for ttl. The role is one of applicant,
// admin, lecturer and auditor; RoleSystem belongs to the reactions and gets no token.
func (t *Tokens) Issue(subject string, role domain.Role, ttl time.Duration) (string, error) {
	if err := checkSubject(subject); err != nil {
		return "", err
	}
	if err := checkRole(role); err != nil {
		return "", err
	}
	if ttl < time.Second {
		return "", fmt.Errorf("identity: a token must be good for a second at least, not %s", ttl)
	}
	now := t.now()
	return jwt.NewWithClaims(jwt.SigningMethodHS256, &claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:    issuer,
			Subject:   subject,
			Audience:  jwt.ClaimStrings{audience},
			IssuedAt:  jwt.NewNumericDate(now),
			NotBefore: jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(now.Add(ttl)),
		},
		Role: role,
	}).SignedString(t.key)
}

// Verify returns who the token was issued for. A token that is not good is a domain.Error
// of kind Denied with code "token_expired" or "token_invalid".
func (t *Tokens) Verify(token string) (domain.Actor, error) {
	if len(token) > maxToken {
		return domain.Actor{}, domain.Errorf(domain.Denied, "token_invalid", "The token is too long.")
	}
	sum := sha256.Sum256([]byte(token))
	t.mu.RLock()
	v, ok := t.verified[sum]
	t.mu.RUnlock()
	if ok && t.now().Before(v.until) {
		return v.actor, nil
	}
	var c claims
	_, err := t.parser.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return t.key, nil })
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return domain.Actor{}, domain.Errorf(domain.Denied, "token_expired", "The token has expired.")
	case err != nil:
		return domain.Actor{}, errToken()
	}
	actor := domain.Actor{ID: c.Subject, Role: c.Role}
	t.remember(sum, verified{actor: actor, until: c.ExpiresAt.Time})
	return actor, nil
}

// remember starts anew when it is full: rare, and simpler than counting uses.
func (t *Tokens) remember(sum [sha256.Size]byte, v verified) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.verified) >= maxVerified {
		clear(t.verified)
	}
	t.verified[sum] = v
}

func checkSubject(s string) error {
	if s == "" || len(s) > maxSubject || !utf8.ValidString(s) {
		return fmt.Errorf("identity: a subject has 1 to %d bytes of UTF-8", maxSubject)
	}
	for _, r := range s {
		if !unicode.IsGraphic(r) {
			return errors.New("identity: a subject has no control characters")
		}
	}
	return nil
}

func checkRole(r domain.Role) error {
	switch r {
	case domain.RoleApplicant, domain.RoleAdmin, domain.RoleLecturer, domain.RoleAuditor:
		return nil
	}
	return fmt.Errorf("identity: there are no tokens for the role %q", r)
}
