package api_test

import (
	"strconv"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/domain"
)

func TestCommand_SentTwiceWithOneKey_IsAnsweredAsTheFirstTime(t *testing.T) {
	h := open(t)
	admin, applicant := h.as("dewi", domain.RoleAdmin), h.as("siti", domain.RoleApplicant)
	key := header{"Idempotency-Key": "publish-1"}
	body := details()
	first := admin.post("/v1/openings", body, key).is(201)
	second := admin.post("/v1/openings", body, key).is(200)
	require.JSONEq(t, string(first.body), string(second.body))
	require.Equal(t, first.header.Get("Location"), second.header.Get("Location"))
	require.Equal(t, first.header.Get("ETag"), second.header.Get("ETag"))
	require.Equal(t, first.header.Get("Asprak-Position"), second.header.Get("Asprak-Position"))
	admin.post("/v1/openings", changed(body, "seats", 2), key).problem(422, "idempotency_key_reused")
	admin.post("/v1/openings/"+first.text("id")+"/close", nil, header{"Idempotency-Key": "publish-1"}).problem(422, "idempotency_key_reused")
	h.as("eko", domain.RoleAdmin).post("/v1/openings", body, key).is(201) // a key belongs to its caller

	opening := first.text("id")
	submission := object{"opening_id": opening, "applicant": siti()}
	applied := applicant.post("/v1/applications", submission, key).is(201)
	again := applicant.post("/v1/applications", submission, key).is(200)
	require.JSONEq(t, string(applied.body), string(again.body))
	other := changed(submission, "applicant", changed(siti(), "name", "Siti R."))
	applicant.post("/v1/applications", other, key).problem(422, "idempotency_key_reused")
	applicant.post("/v1/applications", other).problem(409, "already_applied")
	require.Len(t, applicant.get("/v1/applications/"+applied.text("id")+"/history").is(200).items(), 1)
}

func TestCommand_TwoSubmissionsAtOnce_MakeOneApplication(t *testing.T) {
	h := open(t)
	opening, _ := h.as("dewi", domain.RoleAdmin).publish()
	applicant := h.as("siti", domain.RoleApplicant)
	answers := make([]answer, 8)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() {
			answers[i] = applicant.post("/v1/applications", object{"opening_id": opening, "applicant": siti()}, header{"Idempotency-Key": strconv.Itoa(i)})
		})
	}
	wg.Wait()
	created := 0
	for _, a := range answers {
		require.Contains(t, []int{200, 201}, a.status, "%s", a.body)
		require.Equal(t, answers[0].text("id"), a.text("id"))
		if a.status == 201 {
			created++
		}
	}
	require.Equal(t, 1, created)
	require.Len(t, applicant.get("/v1/applications/"+answers[0].text("id")+"/history").items(), 1)
}

func TestCommand_StaleRevision_IsRefused(t *testing.T) {
	h := open(t)
	admin := h.as("dewi", domain.RoleAdmin)
	opening, published := admin.publish()
	path := "/v1/openings/" + opening
	require.Equal(t, `"0"`, published.header.Get("ETag"))

	admin.post(path+"/close", nil, header{"If-Match": `"7"`}).problem(412, "revision_mismatch")
	admin.post(path+"/close", nil, header{"If-Match": `W/"0"`}).problem(412, "revision_mismatch")
	closed := admin.post(path+"/close", object{"reason": "Penuh."}, header{"If-Match": published.header.Get("ETag")}).is(200)
	require.Equal(t, `"1"`, closed.header.Get("ETag"))
	require.EqualValues(t, 1, closed.json()["revision"])
	admin.post(path+"/cancel", object{"reason": "Batal."}, header{"If-Match": published.header.Get("ETag")}).problem(412, "revision_mismatch")
	admin.post(path+"/cancel", object{"reason": "Batal."}, header{"If-Match": "*"}).is(200)
}

func TestCommand_OfAnother_IsAsIfNotThere(t *testing.T) {
	h := open(t)
	opening, _ := h.as("dewi", domain.RoleAdmin).publish()
	id, applied := h.as("siti", domain.RoleApplicant).apply(opening)
	other := h.as("budi", domain.RoleApplicant)
	path := "/v1/applications/" + id
	for _, command := range []string{"/withdraw", "/confirm", "/turn-down"} {
		other.post(path+command, nil).problem(404, "application_not_found")
	}
	other.post(path+"/resubmit", object{"applicant": siti()}).problem(404, "application_not_found")
	other.post(path+"/documents", form("khs", "khs.pdf", "%PDF-1.7")).problem(404, "application_not_found")
	for _, query := range []string{"", "?revision=0", "?revision=99", "?at=2026-01-01T00:00:00Z", "/history",
		"/documents/" + uuid.NewString(), "/documents/" + uuid.NewString() + "/content"} {
		other.get(path+query, seen(applied)).problem(404, "application_not_found")
	}
	require.Empty(t, other.get("/v1/applications", seen(applied)).items())
	require.Empty(t, other.get("/v1/applications?applicant_id=siti", seen(applied)).items())
	require.Len(t, h.as("siti", domain.RoleApplicant).get("/v1/applications", seen(applied)).items(), 1)
	for _, role := range []domain.Role{domain.RoleAdmin, domain.RoleLecturer, domain.RoleAuditor} {
		require.Equal(t, id, h.as("staff", role).get(path, seen(applied)).is(200).text("id"))
	}
}

func TestCommand_HostileText_ComesBackAsData(t *testing.T) {
	h := open(t)
	admin := h.as("dewi", domain.RoleAdmin)
	opening, _ := admin.publish()
	for i, name := range []string{
		`Robert'); DROP TABLE applications;--`, `"><script>alert(1)</script>`, `=HYPERLINK("http://example.com")`,
		"\u202Egnp.exe\u202C", "nul \x00 and bell \x07", `{{.}}${7*7}%s%n`, "a\u2028line\u2029b", `back\slash "quote"`,
	} {
		applicant := h.as("person-"+strconv.Itoa(i), domain.RoleApplicant)
		applied := applicant.post("/v1/applications", object{"opening_id": opening, "applicant": changed(siti(), "name", name)}).is(201)
		path := "/v1/applications/" + applied.text("id")
		for _, query := range []string{path, path + "?revision=0", path + "/history"} {
			a := applicant.get(query, seen(applied)).is(200)
			require.Equal(t, "application/json", a.header.Get("Content-Type"))
			require.NotContains(t, string(a.body), "<script", "not even quoted as it is")
			got := a.json()
			if items, ok := got["items"].([]any); ok {
				got = items[0].(object)["data"].(object)
			}
			require.Equal(t, name, got["applicant"].(object)["name"])
		}
		reason := admin.post(path+"/decline", object{"reason": name}).is(200)
		require.Equal(t, name, applicant.get(path, seen(reason)).text("reason"))
	}
}

func TestRequestID_IsTakenWhenHarmless(t *testing.T) {
	anyone := caller{open(t), ""}
	require.Equal(t, "trace-1/a:b", anyone.get("/healthz", header{"X-Request-Id": "trace-1/a:b"}).header.Get("X-Request-Id"))
	for _, bad := range []string{"a b", "<script>", "é", string(make([]byte, 0, 1)) + "x\ty"} {
		made := anyone.wrong("GET", "/healthz", nil, header{"X-Request-Id": bad}).header.Get("X-Request-Id")
		_, err := uuid.Parse(made)
		require.NoError(t, err)
	}
}

func TestRequestID_StandsInTheEvent(t *testing.T) {
	h := open(t)
	opening, _ := h.as("dewi", domain.RoleAdmin).publish()
	applicant := h.as("siti", domain.RoleApplicant)
	a := applicant.post("/v1/applications", object{"opening_id": opening, "applicant": siti()}, header{"X-Request-Id": "trace-7"})
	event := applicant.get("/v1/applications/" + a.text("id") + "/history").items()[0]
	require.Equal(t, "trace-7", event["correlation_id"])
	require.Equal(t, "trace-7", a.header.Get("X-Request-Id"))
	require.Equal(t, object{"id": "siti", "role": "applicant"}, event["actor"])
}
