package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/domain"
)

func changed(o object, name string, value any) object {
	c := object{}
	for k, v := range o {
		c[k] = v
	}
	if value == nil {
		delete(c, name)
	} else {
		c[name] = value
	}
	return c
}

func TestProblem_BadBody_NamesCodeAndField(t *testing.T) {
	h := open(t)
	opening, _ := h.as("dewi", domain.RoleAdmin).publish()
	applicant := h.as("siti", domain.RoleApplicant)
	submission := object{"opening_id": opening, "applicant": siti()}
	for name, try := range map[string]struct {
		body   any
		status int
		code   string
		field  string
	}{
		"no body":               {nil, 415, "json_needed", ""},
		"empty body":            {raw{"application/json", ""}, 400, "invalid_json", ""},
		"other type":            {raw{"text/plain", `{}`}, 415, "json_needed", ""},
		"form":                  {raw{"application/x-www-form-urlencoded", "a=b"}, 415, "json_needed", ""},
		"other charset":         {raw{"application/json; charset=latin1", `{}`}, 415, "json_needed", ""},
		"no JSON":               {raw{"application/json", `{"opening_id": x}`}, 400, "invalid_json", ""},
		"cut JSON":              {raw{"application/json", `{"opening_id": "`}, 400, "invalid_json", ""},
		"array":                 {raw{"application/json", `[]`}, 400, "wrong_type", ""},
		"null":                  {raw{"application/json", `null`}, 400, "wrong_type", ""},
		"text":                  {raw{"application/json", `"hello"`}, 400, "wrong_type", ""},
		"trailing object":       {raw{"application/json", `{} {}`}, 400, "invalid_json", ""},
		"trailing bracket":      {raw{"application/json", `{}]`}, 400, "invalid_json", ""},
		"not UTF-8":             {raw{"application/json", "{\"opening_id\": \"\xff\"}"}, 400, "invalid_utf8", ""},
		"too large":             {raw{"application/json", `{"opening_id": "` + strings.Repeat("x", 64<<10) + `"}`}, 413, "body_too_large", ""},
		"unknown field":         {changed(submission, "admin", true), 400, "unknown_field", "admin"},
		"unknown inner field":   {changed(submission, "applicant", changed(siti(), "id", "budi")), 400, "unknown_field", "id"},
		"wrong type":            {changed(submission, "opening_id", 5), 400, "wrong_type", "opening_id"},
		"wrong inner type":      {changed(submission, "applicant", changed(siti(), "nim", 5)), 400, "wrong_type", "applicant.nim"},
		"no opening":            {changed(submission, "opening_id", nil), 400, "invalid_field", "opening_id"},
		"opening is no UUID":    {changed(submission, "opening_id", "5"), 400, "invalid_field", "opening_id"},
		"opening in braces":     {changed(submission, "opening_id", "{"+opening+"}"), 400, "invalid_field", "opening_id"},
		"opening is not there":  {changed(submission, "opening_id", uuid.NewString()), 404, "opening_not_found", ""},
		"no applicant":          {changed(submission, "applicant", nil), 400, "invalid_field", "applicant.name"},
		"blank name":            {changed(submission, "applicant", changed(siti(), "name", "  ")), 400, "invalid_field", "applicant.name"},
		"long name":             {changed(submission, "applicant", changed(siti(), "name", strings.Repeat("é", 201))), 400, "invalid_field", "applicant.name"},
		"student number is not": {changed(submission, "applicant", changed(siti(), "nim", "--")), 400, "invalid_field", "applicant.nim"},
		"address is not":        {changed(submission, "applicant", changed(siti(), "email", "siti")), 400, "invalid_field", "applicant.email"},
	} {
		t.Run(name, func(t *testing.T) {
			p := applicant.in(t).wrong("POST", "/v1/applications", try.body).problem(try.status, try.code)
			if try.field != "" {
				require.Equal(t, try.field, p["field"])
			} else {
				require.NotContains(t, p, "field")
			}
		})
	}
}

func TestProblem_BadOpening_NamesField(t *testing.T) {
	admin := open(t).as("dewi", domain.RoleAdmin)
	requirement := details()["requirement"].(object)
	for name, try := range map[string]struct {
		body  object
		code  string
		field string
	}{
		"no title":          {changed(details(), "title", nil), "invalid_field", "title"},
		"no seats":          {changed(details(), "seats", 0), "invalid_field", "seats"},
		"half a seat":       {changed(details(), "seats", 1.5), "wrong_type", "seats"},
		"time is not":       {changed(details(), "opens_at", "tomorrow"), "invalid_field", "opens_at"},
		"time without zone": {changed(details(), "opens_at", "2026-08-01T00:00:00"), "invalid_field", "opens_at"},
		"year 10000 in UTC": {changed(details(), "closes_at", "9999-12-31T23:59:59-01:00"), "invalid_field", "closes_at"},
		"no end":            {changed(details(), "closes_at", nil), "invalid_field", "closes_at"},
		"ends before":       {changed(details(), "closes_at", "2020-01-01T00:00:00Z"), "invalid_field", "closes_at"},
		"IPK is text":       {changed(details(), "requirement", changed(requirement, "min_ipk", "3,0")), "wrong_type", "requirement.min_ipk"},
		"IPK above 4":       {changed(details(), "requirement", changed(requirement, "min_ipk", 4.5)), "invalid_field", "requirement.min_ipk"},
		"IPK too fine":      {changed(details(), "requirement", changed(requirement, "min_ipk", 3.00001)), "invalid_field", "requirement.min_ipk"},
		"codes are text":    {changed(details(), "requirement", changed(requirement, "course", object{"codes": "A"})), "wrong_type", "requirement.course.codes"},
		"no course":         {changed(details(), "requirement", changed(requirement, "course", nil)), "invalid_field", "requirement.course"},
		"a reason":          {changed(details(), "reason", "x"), "unknown_field", "reason"},
	} {
		t.Run(name, func(t *testing.T) {
			p := admin.in(t).wrong("POST", "/v1/openings", try.body).problem(400, try.code)
			require.Equal(t, try.field, p["field"])
		})
	}
}

func TestProblem_BadHeader_NamesHeader(t *testing.T) {
	h := open(t)
	admin := h.as("dewi", domain.RoleAdmin)
	for name, try := range map[string]struct {
		header header
		field  string
	}{
		"blank in key":      {header{"Idempotency-Key": "a b"}, "Idempotency-Key"},
		"key not ASCII":     {header{"Idempotency-Key": "é"}, "Idempotency-Key"},
		"long key":          {header{"Idempotency-Key": strings.Repeat("k", 256)}, "Idempotency-Key"},
		"bare If-Match":     {header{"If-Match": "4"}, "If-Match"},
		"If-Match with two": {header{"If-Match": `"4", "5"`}, "If-Match"},
		"If-Match negative": {header{"If-Match": `"-1"`}, "If-Match"},
		"If-Match foreign":  {header{"If-Match": `"abc"`}, "If-Match"},
	} {
		t.Run(name, func(t *testing.T) {
			p := admin.in(t).wrong("POST", "/v1/openings", details(), try.header).problem(400, "invalid_header")
			require.Equal(t, try.field, p["field"])
		})
	}
	p := admin.wrong("GET", "/v1/openings", nil, header{"Asprak-Position": "latest"}).problem(400, "invalid_header")
	require.Equal(t, "Asprak-Position", p["field"])
	require.Equal(t, 201, admin.post("/v1/openings", details(), header{"Idempotency-Key": strings.Repeat("~", 255)}).status)
}

func TestProblem_BadQuery_NamesParameter(t *testing.T) {
	h := open(t)
	admin := h.as("dewi", domain.RoleAdmin)
	there := "/v1/applications/" + uuid.NewString()
	for path, want := range map[string]string{
		"/v1/openings?limit=0":                        "limit",
		"/v1/openings?limit=101":                      "limit",
		"/v1/openings?limit=ten":                      "limit",
		"/v1/openings?state=opened":                   "state",
		"/v1/openings?stat=open":                      "stat",
		"/v1/openings?limit=1&limit=2":                "limit",
		"/v1/openings?term=%ff":                       "term",
		"/v1/applications?opening_id=5":               "opening_id",
		"/v1/applications?state=none":                 "state",
		"/v1/applications?verdict=review":             "verdict",
		"/v1/applications?decided_by=me":              "decided_by",
		"/v1/applications?sort=-name":                 "sort",
		"/v1/applications?sort=name&search=siti":      "sort",
		"/v1/audit?from=yesterday":                    "from",
		"/v1/audit?to=2026-08-01":                     "to",
		"/v1/reviews?opening_id=x":                    "opening_id",
		"/v1/statistics?from=2026-08-01T00:00:00Z":    "from",
		"/v1/statistics?bucket=hour":                  "bucket",
		"/v1/statistics?bucket=day":                   "bucket",
		there + "?at=now":                             "at",
		there + "?revision=-1":                        "revision",
		there + "?revision=1&at=2026-08-01T00Z":       "at",
		there + "?revision=1&at=2026-08-01T00:00:00Z": "revision",
	} {
		t.Run(path, func(t *testing.T) {
			a := admin.in(t).wrong("GET", path, nil).is(400)
			require.Equal(t, want, a.json()["field"])
		})
	}
	admin.wrong("GET", "/v1/openings?a=%zz", nil).problem(400, "invalid_query")
	admin.wrong("GET", "/v1/openings?cursor=nonsense", nil).problem(400, "bad_cursor")
}

func TestProblem_UnknownPathAndMethod_AreProblemsToo(t *testing.T) {
	h := open(t)
	anyone := caller{h, ""}
	for _, path := range []string{"/", "/v2/openings", "/v1/openings/", "/v1/openings/a/b", "/v1//openings", "/etc/passwd"} {
		p := anyone.wrong("GET", path, nil).problem(404, "no_such_path")
		require.Equal(t, path, p["instance"])
	}
	a := anyone.wrong("DELETE", "/v1/openings", nil)
	a.problem(405, "method_not_allowed")
	require.ElementsMatch(t, []string{"GET", "POST"}, strings.Split(a.header.Get("Allow"), ", "))
	require.Equal(t, "GET", anyone.wrong("PUT", "/healthz", nil).is(405).header.Get("Allow"))
}

func TestProblem_BadID_IsNamed(t *testing.T) {
	admin := open(t).as("dewi", domain.RoleAdmin)
	there := "/v1/applications/" + uuid.NewString()
	for path, field := range map[string]string{
		"/v1/openings/5": "id", "/v1/applications/5": "id", "/v1/applications/5/history": "id",
		there + "/documents/5": "document", there + "/documents/5/content": "document",
	} {
		require.Equal(t, field, admin.wrong("GET", path, nil).problem(400, "invalid_field")["field"])
	}
	require.Equal(t, "id", admin.wrong("POST", "/v1/openings/5/close", nil).problem(400, "invalid_field")["field"])
	require.Equal(t, "document", admin.wrong("POST", there+"/documents/5/reread", nil).problem(400, "invalid_field")["field"])
}

func TestToken_MissingOrBad_IsChallenged(t *testing.T) {
	h := open(t)
	good := h.as("dewi", domain.RoleAdmin)
	for name, try := range map[string]struct {
		authorization, code, challenge string
	}{
		"none":          {"", "token_missing", `Bearer realm="asprak"`},
		"other scheme":  {"Basic ZGV3aTpkZXdp", "token_invalid", `Bearer realm="asprak", error="invalid_token"`},
		"no token":      {"Bearer", "token_invalid", `Bearer realm="asprak", error="invalid_token"`},
		"nonsense":      {"Bearer nonsense", "token_invalid", `Bearer realm="asprak", error="invalid_token"`},
		"cut":           {"Bearer " + good.token[:len(good.token)-5], "token_invalid", `Bearer realm="asprak", error="invalid_token"`},
		"with a suffix": {"Bearer " + good.token + " x", "token_invalid", `Bearer realm="asprak", error="invalid_token"`},
	} {
		t.Run(name, func(t *testing.T) {
			a := good.in(t).wrong("GET", "/v1/openings", nil, header{"Authorization": try.authorization})
			a.problem(http.StatusUnauthorized, try.code)
			require.Equal(t, try.challenge, a.header.Get("WWW-Authenticate"))
		})
	}
	require.Equal(t, 200, good.get("/v1/openings", header{"Authorization": "bearer " + good.token}).status, "the scheme has no case")
}
