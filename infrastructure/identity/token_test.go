package identity

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"asprak/domain"
)

var start = time.Date(2026, 8, 1, 9, 0, 0, 0, time.UTC)

type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func tokensAt(c *clock) *Tokens { return newTokens([]byte(strings.Repeat("k", keySize)), c.now) }

func good() jwt.MapClaims {
	return jwt.MapClaims{
		"iss": issuer, "aud": audience, "sub": "siti", "role": "applicant",
		"iat": start.Unix(), "nbf": start.Unix(), "exp": start.Add(time.Hour).Unix(),
	}
}

func with(name string, value any) jwt.MapClaims {
	c := good()
	if value == nil {
		delete(c, name)
	} else {
		c[name] = value
	}
	return c
}

func TestTokens_IssuedToken_VerifiesForEveryRole(t *testing.T) {
	tokens := tokensAt(&clock{start})
	for _, role := range []domain.Role{domain.RoleApplicant, domain.RoleAdmin, domain.RoleLecturer, domain.RoleAuditor} {
		token, err := tokens.Issue("siti", role, time.Hour)
		require.NoError(t, err)
		for range 2 { // the second time remembered
			actor, err := tokens.Verify(token)
			require.NoError(t, err)
			require.Equal(t, domain.Actor{ID: "siti", Role: role}, actor)
		}
	}
}

func TestTokens_Issue_RefusesWhatMayNotBe(t *testing.T) {
	tokens := tokensAt(&clock{start})
	for name, try := range map[string]struct {
		subject string
		role    domain.Role
		ttl     time.Duration
	}{
		"system":            {"reader", domain.RoleSystem, time.Hour},
		"unknown role":      {"siti", "root", time.Hour},
		"no role":           {"siti", "", time.Hour},
		"no subject":        {"", domain.RoleAdmin, time.Hour},
		"long subject":      {strings.Repeat("s", maxSubject+1), domain.RoleAdmin, time.Hour},
		"control character": {"si\nti", domain.RoleAdmin, time.Hour},
		"broken text":       {"si\xffti", domain.RoleAdmin, time.Hour},
		"no time":           {"siti", domain.RoleAdmin, 0},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tokens.Issue(try.subject, try.role, try.ttl)
			require.Error(t, err)
		})
	}
}

func TestTokens_Verify_RefusesWhatIsNotOurs(t *testing.T) {
	tokens := tokensAt(&clock{start})
	hs256 := func(c jwt.MapClaims) string {
		s, err := jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString(tokens.key)
		require.NoError(t, err)
		return s
	}
	sign := func(m jwt.SigningMethod, key any) string {
		s, err := jwt.NewWithClaims(m, good()).SignedString(key)
		require.NoError(t, err)
		return s
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	parts := strings.Split(hs256(good()), ".")
	forged := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil,
		`{"iss":%q,"aud":%q,"sub":"siti","role":"admin","iat":%d,"nbf":%d,"exp":%d}`,
		issuer, audience, start.Unix(), start.Unix(), start.Add(time.Hour).Unix()))

	_, err = tokens.Verify(hs256(good()))
	require.NoError(t, err, "the claims that the cases change are good ones")

	for name, token := range map[string]string{
		"empty":              "",
		"no token":           "siti",
		"too long":           strings.Repeat("a", maxToken+1),
		"algorithm none":     sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType),
		"algorithm HS512":    sign(jwt.SigningMethodHS512, tokens.key),
		"algorithm RS256":    sign(jwt.SigningMethodRS256, rsaKey),
		"other key":          sign(jwt.SigningMethodHS256, []byte(strings.Repeat("x", keySize))),
		"changed claims":     parts[0] + "." + forged + "." + parts[2],
		"changed signature":  parts[0] + "." + parts[1] + "." + flip(parts[2]),
		"no signature":       parts[0] + "." + parts[1] + ".",
		"wrong issuer":       hs256(with("iss", "another")),
		"no issuer":          hs256(with("iss", nil)),
		"wrong audience":     hs256(with("aud", "another")),
		"no audience":        hs256(with("aud", nil)),
		"no expiry":          hs256(with("exp", nil)),
		"no not-before":      hs256(with("nbf", nil)),
		"not yet good":       hs256(with("nbf", start.Add(time.Minute).Unix())),
		"issued in future":   hs256(with("iat", start.Add(time.Minute).Unix())),
		"no subject":         hs256(with("sub", nil)),
		"empty subject":      hs256(with("sub", "")),
		"no role":            hs256(with("role", nil)),
		"unknown role":       hs256(with("role", "root")),
		"role of the system": hs256(with("role", "system")),
		"role is a list":     hs256(with("role", []string{"admin"})),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tokens.Verify(token)
			require.Equal(t, "token_invalid", domain.ErrorCode(err))
		})
	}
}

func TestTokens_Expired_IsRefusedThoughRemembered(t *testing.T) {
	c := &clock{start}
	tokens := tokensAt(c)
	token, err := tokens.Issue("siti", domain.RoleAdmin, time.Minute)
	require.NoError(t, err)
	_, err = tokens.Verify(token)
	require.NoError(t, err)

	c.t = start.Add(time.Minute + leeway - time.Second)
	_, err = tokens.Verify(token)
	require.NoError(t, err, "within the leeway")

	c.t = start.Add(time.Minute + leeway)
	_, err = tokens.Verify(token)
	require.Equal(t, "token_expired", domain.ErrorCode(err))
}

func TestTokens_ManyTokens_AreForgottenNotKept(t *testing.T) {
	tokens := tokensAt(&clock{start})
	for i := range maxVerified + 1 {
		tokens.remember([32]byte{byte(i), byte(i >> 8)}, verified{until: start})
	}
	require.Len(t, tokens.verified, 1)
}

func TestOpen_TwoAtOnce_ShareOneKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "token.key")
	opened := make([]*Tokens, 8)
	var wg sync.WaitGroup
	for i := range opened {
		wg.Go(func() {
			tokens, err := Open(path)
			if err == nil {
				opened[i] = tokens
			}
		})
	}
	wg.Wait()
	require.NotNil(t, opened[0])
	token, err := opened[0].Issue("siti", domain.RoleAdmin, time.Hour)
	require.NoError(t, err)
	for _, tokens := range opened {
		require.NotNil(t, tokens)
		_, err := tokens.Verify(token)
		require.NoError(t, err)
	}
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.EqualValues(t, keySize, info.Size())
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, left, 1, "no temporary file stays")
}

func TestOpen_UnfitKey_IsRefusedAndKept(t *testing.T) {
	dir := t.TempDir()
	short, readable := filepath.Join(dir, "short"), filepath.Join(dir, "readable")
	require.NoError(t, os.WriteFile(short, []byte("short"), 0o600))
	require.NoError(t, os.WriteFile(readable, make([]byte, keySize), 0o600))
	require.NoError(t, os.Chmod(readable, 0o644))
	for _, path := range []string{short, readable} {
		before, err := os.ReadFile(path)
		require.NoError(t, err)
		_, err = Open(path)
		require.Error(t, err)
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, before, after)
	}
}

func flip(signature string) string {
	first := byte('A')
	if signature[0] == 'A' {
		first = 'B'
	}
	return string(first) + signature[1:]
}
