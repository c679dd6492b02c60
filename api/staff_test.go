package api_test

import (
	"bufio"
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/domain"
)

// departments are two with an opening each, an application and a document of siti's and budi's.
type departments struct {
	mine, foreign owned
	name          string // of the department of mine
}

func (h *house) twoDepartments() departments {
	h.t.Helper()
	admin := h.as("dewi", domain.RoleAdmin)
	other := admin.post("/v1/openings", changed(details(), "department", "Fisika")).is(http.StatusCreated).text("id")
	opening, _ := admin.publish()
	return departments{h.ownedBy("siti", opening), h.ownedBy("budi", other), details()["department"].(string)}
}

func (h *house) grant(subject string, role domain.Role, extent object) answer {
	h.t.Helper()
	return h.changeAccess("grant", subject, role, extent)
}

func (h *house) changeAccess(how, subject string, role domain.Role, extent object) answer {
	h.t.Helper()
	body := changed(extent, "reason", "as agreed")
	body["role"] = string(role)
	return h.as("dewi", domain.RoleAdmin).post("/v1/staff/"+url.PathEscape(subject)+"/"+how, body).is(http.StatusOK)
}

// The contract's own table decides; what lies beyond the grant is as if it were not there.
func TestStaff_EveryRouteRoleAndGrant_ReachesWhatWasGranted(t *testing.T) {
	h := open(t)
	of := h.twoDepartments()
	missing := owned{uuid.NewString(), uuid.NewString(), uuid.NewString()}
	for _, role := range domain.StaffRoles {
		h.grant("rina", role, object{"departments": []string{of.name}})
	}
	h.caughtUp()
	body := bodies(of.mine.opening)
	limited, hidden := 0, 0
	for _, o := range operations(t) {
		for _, role := range domain.StaffRoles {
			caller := h.as("rina", role)
			try := func(of owned) answer { return caller.wrong(o.method, of.path(o), body[o.id], h.caughtUp()) }
			switch scope := o.access[string(role)]; {
			case scope == "all":
				try(of.mine).problem(http.StatusForbidden, "access_limited")
				limited++
			case scope == "granted" && strings.Contains(o.path, "{id}"):
				if o.id != "asSeen" { // which asks for parameters first
					require.NotContains(t, []int{400, 401, 403, 404, 415}, try(of.mine).status, "%s as %s", o.id, role)
					seen, none := try(of.foreign).is(http.StatusNotFound).json(), try(missing).is(http.StatusNotFound).json()
					for _, p := range []map[string]any{seen, none} {
						delete(p, "instance")
						delete(p, "request_id")
					}
					require.Equal(t, none, seen, "%s tells that there is one", o.id)
					hidden++
				}
			}
		}
	}
	require.Equal(t, 9, limited)
	require.Greater(t, hidden, 25)
	caller := h.as("rina", domain.RoleAuditor)
	asSeen := "/as-seen?actor=siti&role=applicant"
	caller.get("/v1/applications/"+of.mine.application+asSeen, h.caughtUp()).is(http.StatusOK)
	caller.get("/v1/applications/"+of.foreign.application+asSeen, h.caughtUp()).problem(http.StatusNotFound, "application_not_found")
}

func TestStaff_Lists_HoldOnlyWhatWasGranted(t *testing.T) {
	h := open(t)
	of := h.twoDepartments()
	h.grant("rina", domain.RoleAdmin, object{"openings": []string{of.mine.opening}})
	rina, dewi := h.as("rina", domain.RoleAdmin), h.as("dewi", domain.RoleAdmin)
	for path, field := range map[string]string{"/v1/openings": "id", "/v1/applications": "opening_id", "/v1/applications?sort=name": "opening_id", "/v1/applications?search=siti": "opening_id"} {
		require.Len(t, dewi.get(path, h.caughtUp()).is(200).items(), 2, path)
		items := rina.get(path, h.caughtUp()).is(200).items()
		require.Len(t, items, 1, path)
		require.Equal(t, of.mine.opening, items[0][field], path)
	}
	for _, item := range rina.get("/v1/audit?limit=100", h.caughtUp()).is(200).items() {
		require.Contains(t, []string{"opening-" + of.mine.opening, "application-" + of.mine.application}, item["stream"])
	}
	exported := string(rina.get("/v1/audit/export", h.caughtUp()).is(200).body)
	require.Contains(t, exported, of.mine.application)
	require.NotContains(t, exported, of.foreign.application)
	first := rina.get("/v1/statistics", h.caughtUp()).is(200).json()["funnel"].([]any)[0].(map[string]any)
	require.EqualValues(t, 1, first["applications"])
	require.Empty(t, rina.get("/v1/reviews", h.caughtUp()).is(200).items())
}

func TestStaff_Openings_ComeIntoNoDepartmentThatWasNotGranted(t *testing.T) {
	h := open(t)
	of := h.twoDepartments()
	h.grant("rina", domain.RoleAdmin, object{"departments": []string{of.name}})
	rina, foreign := h.as("rina", domain.RoleAdmin), changed(details(), "department", "Fisika")
	require.Equal(t, "department", rina.post("/v1/openings", foreign).problem(http.StatusForbidden, "department_not_granted")["field"])
	rina.post("/v1/openings/"+of.mine.opening+"/revise", changed(foreign, "reason", "moved")).problem(http.StatusForbidden, "department_not_granted")
	opening, _ := rina.publish()
	rina.get("/v1/openings/"+opening, h.caughtUp()).is(http.StatusOK)
	// Another admin moves it away: it is gone for rina.
	h.as("dewi", domain.RoleAdmin).post("/v1/openings/"+opening+"/revise", changed(foreign, "reason", "moved")).is(http.StatusOK)
	rina.get("/v1/openings/"+opening, h.caughtUp()).problem(http.StatusNotFound, "opening_not_found")
}

func TestStaff_WithoutAnyGrant_ActForEverything(t *testing.T) {
	h := open(t)
	of := h.twoDepartments()
	sri := h.as("sri", domain.RoleLecturer)
	sri.get("/v1/applications/"+of.mine.application, h.caughtUp()).is(http.StatusOK)
	h.changeAccess("revoke", "sri", domain.RoleLecturer, object{"everything": true})
	sri.get("/v1/applications/"+of.mine.application, h.caughtUp()).problem(http.StatusNotFound, "application_not_found")
	require.Empty(t, sri.get("/v1/applications", h.caughtUp()).is(http.StatusOK).items())
	// What is granted in one role says nothing of another.
	h.grant("sri", domain.RoleAuditor, object{"everything": true})
	sri.get("/v1/applications/"+of.mine.application, h.caughtUp()).problem(http.StatusNotFound, "application_not_found")
	h.as("sri", domain.RoleAuditor).get("/v1/applications/"+of.mine.application, h.caughtUp()).is(http.StatusOK)
}

func TestStaff_AccessAtATime_IsToldFromTheLog(t *testing.T) {
	h := open(t)
	of := h.twoDepartments()
	before := time.Now()
	h.grant("sso:auth0|a/b", domain.RoleLecturer, object{"departments": []string{of.name}})
	during := time.Now()
	h.changeAccess("revoke", "sso:auth0|a/b", domain.RoleLecturer, object{"departments": []string{of.name}})
	auditor := h.as("agus", domain.RoleAuditor)
	at := func(t time.Time, opening string) map[string]any {
		return auditor.get("/v1/staff/" + url.PathEscape("sso:auth0|a/b") + "?opening_id=" + opening + "&at=" + url.QueryEscape(t.Format(time.RFC3339Nano))).is(http.StatusOK).json()
	}
	lecturer := func(told map[string]any) map[string]any { return told["access"].([]any)[1].(map[string]any) }

	told := at(before, of.mine.opening)
	require.Equal(t, false, told["known"])
	require.Equal(t, map[string]any{"role": "lecturer", "everything": true, "acts_for": true}, lecturer(told), "as all staff without a grant")
	told = at(during, of.mine.opening)
	require.Equal(t, map[string]any{"role": "lecturer", "departments": []any{of.name}, "acts_for": true}, lecturer(told))
	require.Equal(t, false, lecturer(at(during, of.foreign.opening))["acts_for"])
	require.Equal(t, "sso:auth0|a/b", told["subject"])
	history := told["history"].([]any)
	require.Len(t, history, 1)
	require.Equal(t, map[string]any{"id": "dewi", "role": "admin"}, history[0].(map[string]any)["actor"])
	told = at(time.Now(), of.mine.opening)
	require.Equal(t, map[string]any{"role": "lecturer", "acts_for": false}, lecturer(told))
	require.Len(t, told["history"], 2)
	require.Equal(t, false, lecturer(at(time.Unix(0, 0), of.mine.opening))["acts_for"], "there was no such opening yet")
	auditor.get("/v1/staff/sri?opening_id="+uuid.NewString()).problem(http.StatusNotFound, "opening_not_found")

	seen := "/v1/applications/" + of.mine.application + "/as-seen?role=lecturer&actor=" + url.QueryEscape("sso:auth0|a/b") + "&at="
	require.Equal(t, true, auditor.get(seen+url.QueryEscape(during.Format(time.RFC3339Nano)), h.caughtUp()).is(http.StatusOK).json()["readable"])
	require.Equal(t, false, auditor.get(seen+url.QueryEscape(time.Now().Format(time.RFC3339Nano)), h.caughtUp()).is(http.StatusOK).json()["readable"])
}

func TestStaff_Grants_AreListedAndAudited(t *testing.T) {
	h := open(t)
	opening, _ := h.as("dewi", domain.RoleAdmin).publish()
	h.grant("sri", domain.RoleLecturer, object{"openings": []string{opening}})
	h.grant("agus", domain.RoleAuditor, object{"everything": true})
	dewi := h.as("dewi", domain.RoleAdmin)
	page := dewi.get("/v1/staff?limit=1", h.caughtUp()).is(http.StatusOK)
	require.Equal(t, "agus", page.items()[0]["subject"])
	rest := dewi.get("/v1/staff?limit=1&cursor=" + page.text("next")).is(http.StatusOK).items()
	require.Len(t, rest, 1)
	require.Equal(t, "sri", rest[0]["subject"])
	require.Equal(t, map[string]any{"lecturer": map[string]any{"openings": []any{opening}}}, rest[0]["access"])
	row := dewi.get("/v1/audit?type=AccessGranted").is(http.StatusOK).items()[1]
	require.Equal(t, `"dewi" (admin) granted "sri", as lecturer, opening `+opening, row["sentence"])
	require.Equal(t, "as agreed", row["reason"])
}

func TestStaff_Changes_AreRefusedToWhoMayNot(t *testing.T) {
	h := open(t)
	dewi := h.as("dewi", domain.RoleAdmin)
	body := object{"role": "lecturer", "everything": true, "reason": "as agreed"}
	dewi.post("/v1/staff/dewi/grant", body).problem(http.StatusConflict, "own_access")
	h.as("sri", domain.RoleLecturer).wrong("POST", "/v1/staff/budi/grant", body).problem(http.StatusForbidden, "role_not_allowed")
	require.Equal(t, "openings", dewi.post("/v1/staff/sri/grant", object{"role": "lecturer", "openings": []string{uuid.NewString()}, "reason": "x"}).problem(http.StatusBadRequest, "invalid_field")["field"])
	require.Equal(t, "openings[0]", dewi.wrong("POST", "/v1/staff/sri/grant", object{"role": "lecturer", "openings": []string{"1"}, "reason": "x"}).problem(http.StatusBadRequest, "invalid_field")["field"])
	require.Equal(t, "role", dewi.wrong("POST", "/v1/staff/sri/grant", object{"role": "applicant", "everything": true, "reason": "x"}).problem(http.StatusBadRequest, "invalid_field")["field"])
	h.grant("rina", domain.RoleAdmin, object{"departments": []string{"Fisika"}})
	h.as("rina", domain.RoleAdmin).post("/v1/staff/sri/grant", body).problem(http.StatusForbidden, "access_limited")
	h.grant("sri", domain.RoleLecturer, object{"everything": true})
	dewi.post("/v1/staff/sri/revoke", object{"role": "lecturer", "departments": []string{"Fisika"}, "reason": "x"}).problem(http.StatusConflict, "access_to_everything")
}

func TestStaff_OpenStream_TellsOfWhatIsGrantedNow(t *testing.T) {
	h := open(t)
	h.broadcast()
	of := h.twoDepartments()
	h.grant("rina", domain.RoleLecturer, object{"departments": []string{of.name}})
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	request, err := http.NewRequestWithContext(ctx, "GET", h.url+"/v1/events", nil)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+h.as("rina", domain.RoleLecturer).token)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	next := func() string {
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				return data
			}
		}
		t.Fatalf("the stream ended: %v", lines.Err())
		return ""
	}
	dewi := h.as("dewi", domain.RoleAdmin)
	withdraw := func(subject string, of owned) {
		h.as(subject, domain.RoleApplicant).post("/v1/applications/"+of.application+"/withdraw", object{}).is(http.StatusOK)
	}
	withdraw("budi", of.foreign)
	withdraw("siti", of.mine)
	require.Contains(t, next(), of.mine.application, "and not that of another department")
	h.changeAccess("revoke", "rina", domain.RoleLecturer, object{"everything": true})
	dewi.post("/v1/openings/"+of.mine.opening+"/close", object{}).is(http.StatusOK)
	h.grant("rina", domain.RoleLecturer, object{"departments": []string{"Fisika"}})
	dewi.post("/v1/openings/"+of.foreign.opening+"/close", object{}).is(http.StatusOK)
	require.Contains(t, next(), of.foreign.opening)
}
