package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"asprak/domain"
)

// sso is an OpenID Connect issuer: its discovery document, its keys and what it signs.
type sso struct {
	*httptest.Server
	mu     sync.Mutex
	keys   map[string]crypto.Signer // by key id, those it publishes
	asked  map[string]int           // requests by path
	broken bool
}

func openSSO(t *testing.T) *sso {
	s := &sso{keys: map[string]crypto.Signer{}, asked: map[string]int{}}
	s.Server = httptest.NewServer(http.HandlerFunc(s.answer))
	t.Cleanup(s.Close)
	return s
}

func (s *sso) answer(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[r.URL.Path]++
	if s.broken {
		panic(http.ErrAbortHandler)
	}
	var body any
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		body = map[string]any{
			"issuer": s.URL, "jwks_uri": s.URL + "/keys", "authorization_endpoint": s.URL + "/authorize", "token_endpoint": s.URL + "/token",
			"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
			"id_token_signing_alg_values_supported": []string{"RS256", "ES256", "HS256", "none"},
		}
	case "/keys":
		var set jose.JSONWebKeySet
		for id, key := range s.keys {
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.Public(), KeyID: id, Use: "sig"})
		}
		body = set
	default:
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(body); err != nil {
		panic(err)
	}
}

func (s *sso) publish(keys map[string]crypto.Signer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = keys
}

func (s *sso) fail(broken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = broken
}

func (s *sso) config() IssuerConfig {
	return IssuerConfig{Name: "sso", Issuer: s.URL, Audience: "asprak-web", RoleClaim: "groups",
		Roles: []RoleMapping{{"lab-staff", domain.RoleAdmin}, {"dosen", domain.RoleLecturer}, {"mahasiswa", domain.RoleApplicant}}}
}

func (s *sso) claims() jwt.MapClaims {
	return jwt.MapClaims{"iss": s.URL, "aud": "asprak-web", "sub": "siti", "groups": []string{"mahasiswa"},
		"iat": start.Unix(), "exp": start.Add(time.Hour).Unix()}
}

func sealed(t *testing.T, method jwt.SigningMethod, id string, key any, c jwt.MapClaims) string {
	token := jwt.NewWithClaims(method, c)
	token.Header["kid"] = id
	text, err := token.SignedString(key)
	require.NoError(t, err)
	return text
}

func rsaKey(t *testing.T) *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	return key
}

func verifierOf(t *testing.T, c *clock, issuers ...IssuerConfig) *Verifier {
	v, err := NewVerifier(tokensAt(c), issuers)
	require.NoError(t, err)
	return v
}

func TestVerifier_TokenOfIssuer_IsMappedByItsClaim(t *testing.T) {
	issuer, key := openSSO(t), rsaKey(t)
	elliptic, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	issuer.publish(map[string]crypto.Signer{"one": key, "two": elliptic})
	v := verifierOf(t, &clock{start}, issuer.config())
	for name, try := range map[string]struct {
		groups any
		role   domain.Role
	}{
		"student":            {[]string{"mahasiswa"}, domain.RoleApplicant},
		"one text":           {"dosen", domain.RoleLecturer},
		"first mapping wins": {[]string{"mahasiswa", "lab-staff"}, domain.RoleAdmin},
	} {
		t.Run(name, func(t *testing.T) {
			c := issuer.claims()
			c["groups"] = try.groups
			for _, token := range []string{sealed(t, jwt.SigningMethodRS256, "one", key, c), sealed(t, jwt.SigningMethodES256, "two", elliptic, c)} {
				actor, err := v.Verify(t.Context(), token)
				require.NoError(t, err)
				require.Equal(t, domain.Actor{ID: "sso:siti", Role: try.role}, actor)
			}
		})
	}
	require.Equal(t, 1, issuer.asked["/.well-known/openid-configuration"])
	local, err := v.local.Issue("siti", domain.RoleAuditor, time.Hour)
	require.NoError(t, err)
	actor, err := v.Verify(t.Context(), local)
	require.NoError(t, err)
	require.Equal(t, domain.Actor{ID: "siti", Role: domain.RoleAuditor}, actor)
}

func TestVerifier_TokenThatIssuerDidNotGive_IsRefused(t *testing.T) {
	issuer, other, key := openSSO(t), openSSO(t), rsaKey(t)
	issuer.publish(map[string]crypto.Signer{"one": key})
	v := verifierOf(t, &clock{start}, issuer.config())
	changed := func(name string, value any) jwt.MapClaims {
		c := issuer.claims()
		if c[name] = value; value == nil {
			delete(c, name)
		}
		return c
	}
	rs256 := func(c jwt.MapClaims) string { return sealed(t, jwt.SigningMethodRS256, "one", key, c) }
	good := strings.Split(rs256(issuer.claims()), ".")
	_, err := v.Verify(t.Context(), strings.Join(good, "."))
	require.NoError(t, err, "what the cases change is good")
	admin := strings.Split(rs256(changed("groups", "lab-staff")), ".")
	for name, try := range map[string]struct{ token, code string }{
		"expired":             {rs256(changed("exp", start.Add(-time.Minute).Unix())), "token_expired"},
		"no expiry":           {rs256(changed("exp", nil)), "token_expired"},
		"wrong audience":      {rs256(changed("aud", "another")), "token_invalid"},
		"foreign issuer":      {rs256(changed("iss", other.URL)), "token_invalid"},
		"names us as issuer":  {rs256(changed("iss", "asprak")), "token_invalid"},
		"key of nobody":       {sealed(t, jwt.SigningMethodRS256, "one", rsaKey(t), issuer.claims()), "token_invalid"},
		"algorithm none":      {sealed(t, jwt.SigningMethodNone, "one", jwt.UnsafeAllowNoneSignatureType, issuer.claims()), "token_invalid"},
		"HMAC by local key":   {sealed(t, jwt.SigningMethodHS256, "one", v.local.key, issuer.claims()), "token_invalid"},
		"HMAC by public key":  {sealed(t, jwt.SigningMethodHS256, "one", key.PublicKey.N.Bytes(), issuer.claims()), "token_invalid"},
		"RS512 not announced": {sealed(t, jwt.SigningMethodRS512, "one", key, issuer.claims()), "token_invalid"},
		"tampered":            {good[0] + "." + admin[1] + "." + good[2], "token_invalid"},
		"no subject":          {rs256(changed("sub", nil)), "token_invalid"},
		"no role":             {rs256(changed("groups", nil)), "token_invalid"},
		"role of nobody":      {rs256(changed("groups", []string{"alumni"})), "token_invalid"},
		"role is a number":    {rs256(changed("groups", 5)), "token_invalid"},
		"no token":            {"siti", "token_invalid"},
		"too long":            {strings.Repeat("a", maxToken+1), "token_invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := v.Verify(t.Context(), try.token)
			require.Equal(t, try.code, domain.ErrorCode(err))
		})
	}
	require.Empty(t, other.asked, "whom nobody configured is asked nothing")
}

// answersInTime waits for the code: the key set keeps what its last request found only a moment
// after the one who waited for it has gone on.
func answersInTime(t *testing.T, v *Verifier, token, code string) {
	require.Eventually(t, func() bool {
		_, err := v.Verify(t.Context(), token)
		return domain.ErrorCode(err) == code
	}, 5*time.Second, time.Millisecond, code)
}

func TestVerifier_KeysRotate_OldOnesStopAndNewOnesCount(t *testing.T) {
	issuer, before, after := openSSO(t), rsaKey(t), rsaKey(t)
	issuer.publish(map[string]crypto.Signer{"before": before})
	v := verifierOf(t, &clock{start}, issuer.config())
	old := sealed(t, jwt.SigningMethodRS256, "before", before, issuer.claims())
	_, err := v.Verify(t.Context(), old)
	require.NoError(t, err)

	issuer.publish(map[string]crypto.Signer{"after": after})
	answersInTime(t, v, sealed(t, jwt.SigningMethodRS256, "after", after, issuer.claims()), "")
	answersInTime(t, v, old, "token_invalid")
}

func TestVerifier_IssuerAway_IsNotTheTokensFault(t *testing.T) {
	issuer, key, next := openSSO(t), rsaKey(t), rsaKey(t)
	issuer.publish(map[string]crypto.Signer{"one": key})
	v := verifierOf(t, &clock{start}, issuer.config())
	token := sealed(t, jwt.SigningMethodRS256, "one", key, issuer.claims())

	issuer.fail(true)
	_, err := v.Verify(t.Context(), token)
	require.Equal(t, "issuer_unavailable", domain.ErrorCode(err), "before its document was read")
	issuer.fail(false)
	_, err = v.Verify(t.Context(), token)
	require.NoError(t, err)
	issuer.fail(true)
	_, err = v.Verify(t.Context(), token)
	require.NoError(t, err, "its key is known")
	answersInTime(t, v, sealed(t, jwt.SigningMethodRS256, "next", next, issuer.claims()), "issuer_unavailable")
}

func TestNewVerifier_UnfitIssuer_IsRefused(t *testing.T) {
	fit := (&sso{Server: &httptest.Server{URL: "https://sso.example.ac.id"}}).config()
	for name, change := range map[string]func(*IssuerConfig){
		"no name":     func(c *IssuerConfig) { c.Name = "" },
		"colon":       func(c *IssuerConfig) { c.Name = "a:b" },
		"plain http":  func(c *IssuerConfig) { c.Issuer = "http://sso.example.ac.id" },
		"no audience": func(c *IssuerConfig) { c.Audience = "" },
		"no claim":    func(c *IssuerConfig) { c.RoleClaim = "" },
		"no roles":    func(c *IssuerConfig) { c.Roles = nil },
		"system":      func(c *IssuerConfig) { c.Roles = []RoleMapping{{"bot", domain.RoleSystem}} },
		"empty value": func(c *IssuerConfig) { c.Roles = []RoleMapping{{"", domain.RoleAdmin}} },
	} {
		t.Run(name, func(t *testing.T) {
			c := fit
			change(&c)
			_, err := NewVerifier(tokensAt(&clock{start}), []IssuerConfig{c})
			require.Error(t, err)
		})
	}
	_, err := NewVerifier(tokensAt(&clock{start}), []IssuerConfig{fit, fit})
	require.Error(t, err)
	_, err = ReadIssuers(strings.NewReader(`[{"name": "sso", "audiense": "x"}]`))
	require.Error(t, err)
}
