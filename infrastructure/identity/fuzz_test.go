package identity

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/domain"
)

// FuzzVerify has no token that is good: whatever is made of those, none may count.
func FuzzVerify(f *testing.F) {
	tokens := tokensAt(&clock{start})
	verifier, err := NewVerifier(tokens, []IssuerConfig{{Name: "sso", Issuer: "https://127.0.0.1:1", Audience: "asprak", RoleClaim: "groups",
		Roles: []RoleMapping{{Value: "staff", Role: domain.RoleAdmin}}}})
	require.NoError(f, err)
	for _, key := range []string{"another key of just thirty-two B", ""} {
		for _, claims := range []jwt.MapClaims{good(), with("role", "admin"), with("aud", []string{audience}), with("exp", 1e300), with("iss", "https://127.0.0.1:1")} {
			token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(key))
			require.NoError(f, err)
			f.Add(token)
		}
	}
	unsigned, err := jwt.NewWithClaims(jwt.SigningMethodNone, good()).SignedString(jwt.UnsafeAllowNoneSignatureType)
	require.NoError(f, err)
	f.Add(unsigned)
	f.Add("e30.e30.")
	f.Add("..")
	f.Fuzz(func(t *testing.T, token string) {
		for _, verify := range []func(string) (domain.Actor, error){tokens.Verify, func(token string) (domain.Actor, error) { return verifier.Verify(t.Context(), token) }} {
			actor, err := verify(token)
			require.Contains(t, []string{"token_invalid", "token_expired", "issuer_unavailable"}, domain.ErrorCode(err))
			require.Zero(t, actor)
		}
	})
}

func FuzzAddress(f *testing.F) {
	for _, s := range []string{"siti@mail.ugm.ac.id", " SITI@UGM.AC.ID", "a@b@c", "@", "siti@bücher.example", "\"a b\"@x", "siti@xn--", "a\x00@b.c", strings.Repeat("x", 300) + "@b.c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		whole, host, err := address(text)
		if err != nil {
			return
		}
		require.LessOrEqual(t, len(whole), maxAddress)
		require.True(t, strings.HasSuffix(whole, "@"+host))
		again, _, err := address(whole)
		require.NoError(t, err)
		require.Equal(t, whole, again, "an address has one spelling")
	})
}

func FuzzRefreshToken(f *testing.F) {
	id, secret := uuid.New(), strings.Repeat("A", 43)
	for _, s := range []string{"", ".", base64.RawURLEncoding.EncodeToString(id[:]) + "." + secret, "AAAA." + secret, secret} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, token string) {
		id, secret, ok := parseRefresh(token)
		if ok {
			require.Equal(t, token, base64.RawURLEncoding.EncodeToString(id[:])+"."+secret, "a token has one spelling")
		}
	})
}
