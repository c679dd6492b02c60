package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/sync/singleflight"

	"asprak/domain"
)

// issuerPatience is how long an issuer may take to answer for its document or its keys.
const issuerPatience = 5 * time.Second

// IssuerConfig says whose tokens count besides our own, and as what.
type IssuerConfig struct {
	// Name stands before the subjects of the issuer, with a colon between: two issuers may
	// know different people by one subject.
	Name     string `json:"name"`
	Issuer   string `json:"issuer"`   // URL of OpenID Connect Discovery 1.0, section 4, and the claim iss
	Audience string `json:"audience"` // what the claim aud must hold
	// RoleClaim is the claim, a text or a list of texts, that Roles are looked for in.
	RoleClaim string        `json:"role_claim"`
	Roles     []RoleMapping `json:"roles"` // the first whose value is there counts; none: the token does not
}

// RoleMapping gives the role to whom the claim has the value of.
type RoleMapping struct {
	Value string      `json:"value"`
	Role  domain.Role `json:"role"`
}

var issuerName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

func (c IssuerConfig) check() error {
	u, err := url.Parse(c.Issuer)
	switch {
	case !issuerName.MatchString(c.Name):
		return fmt.Errorf("identity: the issuer's name %q must be 1 to 32 of a-z, 0-9 and -", c.Name)
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Hostname() != "127.0.0.1" && u.Hostname() != "localhost":
		return fmt.Errorf("identity: issuer %s: %q is no https URL", c.Name, c.Issuer)
	case c.Issuer == issuer || c.Audience == "" || c.RoleClaim == "" || len(c.Roles) == 0:
		return fmt.Errorf("identity: issuer %s needs an audience, a role_claim and roles", c.Name)
	}
	for _, m := range c.Roles {
		if m.Value == "" {
			return fmt.Errorf("identity: issuer %s has a role for no value", c.Name)
		}
		if err := checkRole(m.Role); err != nil {
			return err
		}
	}
	return nil
}

// ReadIssuers reads a JSON list of IssuerConfig; a field that is not known is refused.
func ReadIssuers(r io.Reader) ([]IssuerConfig, error) {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	var all []IssuerConfig
	if err := d.Decode(&all); err != nil {
		return nil, fmt.Errorf("identity: issuers: %w", err)
	}
	return all, nil
}

// remote is one issuer. It is asked for its discovery document when its first token comes,
// so that we start without it, and for its keys when a token names one that is not known.
type remote struct {
	config IssuerConfig
	client *http.Client

	asking singleflight.Group
	mu     sync.RWMutex
	found  *discovered
}

type discovered struct {
	keys       oidc.KeySet
	algorithms []string
}

func newRemote(c IssuerConfig) *remote {
	return &remote{config: c, client: &http.Client{Timeout: issuerPatience}}
}

func (r *remote) discover(ctx context.Context) (*discovered, error) {
	r.mu.RLock()
	found := r.found
	r.mu.RUnlock()
	if found != nil {
		return found, nil
	}
	result := r.asking.DoChan("", func() (any, error) {
		// The provider keeps the context for the keys: it must not end with this request.
		provider, err := oidc.NewProvider(oidc.ClientContext(context.Background(), r.client), r.config.Issuer)
		if err != nil {
			return nil, err
		}
		var document struct {
			KeysURL    string   `json:"jwks_uri"`
			Algorithms []string `json:"id_token_signing_alg_values_supported"`
		}
		if err := provider.Claims(&document); err != nil {
			return nil, err
		}
		found := &discovered{
			keys:       oidc.NewRemoteKeySet(oidc.ClientContext(context.Background(), r.client), document.KeysURL),
			algorithms: slices.DeleteFunc(document.Algorithms, func(a string) bool { return !slices.Contains(signedBy, a) }),
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.found = found
		return found, nil
	})
	select {
	case answer := <-result:
		if answer.Err != nil {
			return nil, errIssuer(r.config.Name)
		}
		return answer.Val.(*discovered), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// signedBy are the algorithms with a public key: whoever knows the key can check and not sign.
var signedBy = []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA}

func errIssuer(name string) error {
	return domain.Errorf(domain.Unavailable, "issuer_unavailable", "The issuer %s cannot be asked; try again.", name)
}

// keySet remembers that the issuer could not be asked, which the verifier calls a bad signature.
type keySet struct {
	oidc.KeySet
	away *bool
}

func (k keySet) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := k.KeySet.VerifySignature(ctx, token)
	var unreached *url.Error
	*k.away = errors.As(err, &unreached)
	return payload, err
}

func (r *remote) verify(ctx context.Context, token string, now func() time.Time) (domain.Actor, error) {
	found, err := r.discover(ctx)
	if err != nil {
		return domain.Actor{}, err
	}
	away := false
	verifier := oidc.NewVerifier(r.config.Issuer, keySet{found.keys, &away}, &oidc.Config{
		ClientID: r.config.Audience, SupportedSigningAlgs: found.algorithms, Now: func() time.Time { return now().Add(-leeway) },
	})
	good, err := verifier.Verify(ctx, token)
	var expired *oidc.TokenExpiredError
	switch {
	case away:
		return domain.Actor{}, errIssuer(r.config.Name)
	case errors.As(err, &expired):
		return domain.Actor{}, domain.Errorf(domain.Denied, "token_expired", "The token has expired.")
	case err != nil:
		return domain.Actor{}, errToken()
	}
	claims := map[string]json.RawMessage{}
	if err := good.Claims(&claims); err != nil {
		return domain.Actor{}, errToken()
	}
	actor := domain.Actor{ID: r.config.Name + ":" + good.Subject, Role: r.config.role(claims[r.config.RoleClaim])}
	if good.Subject == "" || checkSubject(actor.ID) != nil || actor.Role == "" {
		return domain.Actor{}, errToken()
	}
	return actor, nil
}

// role is "" when the claim gives none.
func (c IssuerConfig) role(claim json.RawMessage) domain.Role {
	var values []string
	if err := json.Unmarshal(claim, &values); err != nil {
		values = make([]string, 1)
		if err := json.Unmarshal(claim, &values[0]); err != nil {
			return ""
		}
	}
	for _, m := range c.Roles {
		if slices.Contains(values, m.Value) {
			return m.Role
		}
	}
	return ""
}
