package api_test

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/domain"
)

// owned is what belongs to one applicant.
type owned struct{ opening, application, document string }

func (o owned) path(of documented) string {
	id := o.application
	if strings.HasPrefix(of.path, "/v1/openings/") {
		id = o.opening
	}
	return strings.NewReplacer("{id}", id, "{document}", o.document, "{event}", uuid.NewString(), "{subject}", "sri").Replace(of.path)
}

func (h *house) ownedBy(subject, opening string) owned {
	h.t.Helper()
	applicant := h.as(subject, domain.RoleApplicant)
	application, _ := applicant.apply(opening)
	uploaded := applicant.post("/v1/applications/"+application+"/documents", studyResultOf(subject)).is(http.StatusAccepted)
	return owned{opening, application, uploaded.text("document_id")}
}

func studyResultOf(subject string) []part {
	return []part{{"kind", "", "khs"}, {"file", "khs.pdf", "%PDF-1.4 of " + subject}}
}

// bodies are those that the operations need to get as far as the thing that they are about.
func bodies(opening string) map[string]any {
	reason := object{"reason": "as agreed"}
	return map[string]any{
		"publishOpening": details(), "reviseOpening": changed(details(), "reason", "as agreed"), "closeOpening": reason, "cancelOpening": reason,
		"reopenOpening": object{"closes_at": time.Now().Add(time.Hour).Format(time.RFC3339), "reason": "as agreed"}, "whatIf": object{},
		"submitApplication": object{"opening_id": opening, "applicant": siti()}, "resubmitApplication": object{"applicant": siti()},
		"withdrawApplication": reason, "confirmOffer": object{}, "turnDownOffer": reason,
		"acceptApplication": reason, "declineApplication": reason, "waitlistApplication": reason,
		"uploadDocument": studyResultOf("siti"), "rereadDocument": reason,
		"overrideVerification": object{"outcome": "verified", "reason": "as agreed"},
		"grantAccess":          object{"role": "lecturer", "openings": []string{opening}, "reason": "as agreed"},
		"revokeAccess":         object{"role": "lecturer", "openings": []string{opening}, "reason": "as agreed"},
	}
}

// The contract's own table decides what each call must be answered with.
func TestAccess_EveryRouteRoleAndOwner_IsAsTheTableSays(t *testing.T) {
	h := open(t)
	opening, _ := h.as("dewi", domain.RoleAdmin).publish()
	own, foreign := h.ownedBy("siti", opening), h.ownedBy("budi", opening)
	missing := owned{opening, uuid.NewString(), uuid.NewString()}
	h.caughtUp()
	body := bodies(opening)
	forbidden, hidden := 0, 0
	for _, o := range operations(t) {
		if o.access == nil {
			continue
		}
		for _, role := range domain.Roles {
			subject := "dewi"
			if role == domain.RoleApplicant {
				subject = "siti"
			}
			caller := h.as(subject, role)
			try := func(of owned) answer {
				return caller.wrong(o.method, of.path(o), body[o.id], h.caughtUp())
			}
			scope := o.access[string(role)]
			if scope == nil {
				for _, of := range []owned{own, foreign, missing} {
					try(of).problem(http.StatusForbidden, "role_not_allowed")
				}
				forbidden++
				continue
			}
			if !strings.HasPrefix(o.path, "/v1/applications/{id}") {
				require.NotContains(t, []int{401, 403}, try(own).status, "%s as %s", o.id, role)
				continue
			}
			if o.id != "asSeen" { // which asks for parameters first
				require.NotContains(t, []int{400, 401, 403, 404, 415}, try(own).status, "own: %s as %s", o.id, role)
				try(missing).problem(http.StatusNotFound, "application_not_found")
			}
			if scope == "own" {
				seen, none := try(foreign).problem(404, "application_not_found"), try(missing).problem(404, "application_not_found")
				for _, p := range []map[string]any{seen, none} {
					delete(p, "instance")
					delete(p, "request_id")
				}
				require.Equal(t, none, seen, "%s tells that there is one", o.id)
				hidden++
			} else if o.id != "asSeen" {
				require.NotContains(t, []int{400, 401, 403, 404, 415}, try(foreign).status, "%s as %s", o.id, role)
			}
		}
	}
	require.Greater(t, forbidden, 40)
	require.Greater(t, hidden, 8)
}

func TestAccess_Lists_HoldOnlyWhatTheApplicantOwns(t *testing.T) {
	h := open(t)
	opening, _ := h.as("dewi", domain.RoleAdmin).publish()
	own, foreign := h.ownedBy("siti", opening), h.ownedBy("budi", opening)
	for path, want := range map[string][]string{
		"/v1/applications": {own.application}, "/v1/applications?applicant_id=siti": {own.application}, "/v1/applications?applicant_id=budi": {},
	} {
		got := []string{}
		for _, item := range h.as("siti", domain.RoleApplicant).get(path, h.caughtUp()).is(200).items() {
			got = append(got, item["id"].(string))
		}
		require.Equal(t, want, got, path)
	}
	staff := h.as("sri", domain.RoleLecturer).get("/v1/applications", h.caughtUp()).is(200).items()
	require.Len(t, staff, 2)
	require.NotEqual(t, own.application, foreign.application)
}

func TestAccess_TokenThatDoesNotCount_IsRefusedOnEveryRoute(t *testing.T) {
	h := open(t)
	key, err := os.ReadFile(h.key)
	require.NoError(t, err)
	now := time.Now()
	claims := func(changes jwt.MapClaims) jwt.MapClaims {
		c := jwt.MapClaims{"iss": "asprak", "aud": "asprak-api", "sub": "dewi", "role": "admin",
			"iat": now.Add(-2 * time.Hour).Unix(), "nbf": now.Add(-2 * time.Hour).Unix(), "exp": now.Add(time.Hour).Unix()}
		for name, value := range changes {
			c[name] = value
		}
		return c
	}
	sign := func(method jwt.SigningMethod, key any, changes jwt.MapClaims) string {
		token, err := jwt.NewWithClaims(method, claims(changes)).SignedString(key)
		require.NoError(t, err)
		return token
	}
	good := sign(jwt.SigningMethodHS256, key, nil)
	require.Equal(t, 200, caller{h, good}.get("/v1/openings").status, "what the cases change is good")
	head, rest, _ := strings.Cut(good, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	otherHead, otherRest, _ := strings.Cut(sign(jwt.SigningMethodHS256, key, jwt.MapClaims{"sub": "eve"}), ".")
	otherPayload, _, _ := strings.Cut(otherRest, ".")
	require.Equal(t, head, otherHead)
	require.NotEqual(t, payload, otherPayload)

	tokens := map[string]struct{ token, code string }{
		"none":            {"", "token_missing"},
		"expired":         {sign(jwt.SigningMethodHS256, key, jwt.MapClaims{"exp": now.Add(-time.Hour).Unix()}), "token_expired"},
		"foreign key":     {sign(jwt.SigningMethodHS256, []byte(strings.Repeat("f", 32)), nil), "token_invalid"},
		"foreign issuer":  {sign(jwt.SigningMethodHS256, key, jwt.MapClaims{"iss": "https://sso.example.ac.id"}), "token_invalid"},
		"wrong audience":  {sign(jwt.SigningMethodHS256, key, jwt.MapClaims{"aud": "another-api"}), "token_invalid"},
		"none algorithm":  {sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil), "token_invalid"},
		"tampered claims": {head + "." + otherPayload + "." + signature, "token_invalid"},
		"cut signature":   {head + "." + payload + ".", "token_invalid"},
		"role of system":  {sign(jwt.SigningMethodHS256, key, jwt.MapClaims{"role": "system"}), "token_invalid"},
	}
	there := owned{uuid.NewString(), uuid.NewString(), uuid.NewString()}
	for _, o := range operations(t) {
		for name, bad := range tokens {
			a := caller{h, bad.token}.wrong(o.method, there.path(o), nil)
			if o.access == nil {
				require.Contains(t, []int{http.StatusOK, http.StatusBadRequest, http.StatusUnsupportedMediaType}, a.status, "%s asks for a token", o.id)
				continue
			}
			require.Equal(t, http.StatusUnauthorized, a.status, "%s with %s", o.id, name)
			require.Equal(t, bad.code, a.json()["code"], "%s with %s", o.id, name)
		}
	}
}
