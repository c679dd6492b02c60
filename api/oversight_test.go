package api_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/domain"
	"asprak/domain/transcript"
)

// recordedAt is when the events of a history were recorded.
func recordedAt(a answer) (times []string) {
	for _, e := range a.is(200).items() {
		times = append(times, e["recorded_at"].(string))
	}
	return times
}

func before(moment string) string {
	t, err := time.Parse(time.RFC3339, moment)
	if err != nil {
		panic(err)
	}
	return t.Add(-time.Microsecond).UTC().Format(time.RFC3339Nano)
}

func TestAsSeen_AtEachMoment_IsWhatThePersonCouldRead(t *testing.T) {
	h := open(t)
	h.react(shelf{"%PDF-1.7 siti": studyResult("Siti Rahmawati", "21/482851/SV/20006", "A", transcript.DecimalOf(4))})
	admin, auditor := h.as("dewi", domain.RoleAdmin), h.as("agus", domain.RoleAuditor)
	sitiC := h.as("siti", domain.RoleApplicant)
	opening, _ := admin.publish()
	id, _ := sitiC.apply(opening)
	path := "/v1/applications/" + id
	document := sitiC.post(path+"/documents", form("khs", "khs.pdf", "%PDF-1.7 siti")).is(202).header.Get("Location")
	h.happened(id, "DocumentVerified", 1)
	admin.get(document + "/content").is(200)
	viewed := h.happened(id, "DocumentViewed", 1)
	times := recordedAt(auditor.get(path + "/history"))
	require.Len(t, times, 5)
	ask := func(query string, headers ...header) answer {
		return auditor.get(path+"/as-seen?"+query, headers...)
	}

	for i, at := range times {
		if i > 0 && times[i-1] == at {
			continue
		}
		a := ask("actor=dewi&at="+at, viewed).is(200)
		require.Equal(t, object{"id": "dewi", "role": "admin"}, a.json()["actor"])
		require.Equal(t, "event", a.text("role_from"))
		then := auditor.get(path + "?at=" + at).is(200)
		require.Equal(t, then.json(), a.json()["application"])
		require.Len(t, a.json()["history"], int(then.json()["revision"].(float64))+1)
		require.Len(t, a.json()["opened"], map[bool]int{i == 4: 1}[true])
	}
	early := ask("actor=dewi&role=admin&at="+before(times[0]), viewed).is(200)
	require.Equal(t, false, early.json()["readable"])
	require.Nil(t, early.json()["application"])
	require.Equal(t, true, ask("actor=siti", viewed).json()["readable"])
	require.Equal(t, true, ask("actor=siti&at=9999-01-01T00:00:00Z", viewed).json()["readable"])
	require.Equal(t, false, ask("actor=budi&role=applicant", viewed).json()["readable"], "another applicant")
	require.Equal(t, "parameter", ask("actor=joko&role=lecturer", viewed).text("role_from"))
	require.Equal(t, "applicant", ask("actor=siti&at=2020-01-01T00:00:00Z", viewed).text("role_from"))

	require.Equal(t, "role", ask("actor=joko", viewed).problem(400, "invalid_parameter")["field"])
	require.Equal(t, "actor", auditor.wrong("GET", path+"/as-seen", nil).problem(400, "invalid_parameter")["field"])
	auditor.wrong("GET", path+"/as-seen?actor=a&role=system", nil).problem(400, "invalid_parameter")
	auditor.get("/v1/applications/"+uuid.NewString()+"/as-seen?actor=dewi&role=admin").problem(404, "application_not_found")
	sitiC.get(path+"/as-seen?actor=siti").problem(403, "role_not_allowed")
	hostile := ask("role=admin&actor=" + url.QueryEscape("'; DROP TABLE audit--\r\nX: y<script>")).is(200)
	require.Equal(t, "'; DROP TABLE audit--\r\nX: y<script>", hostile.json()["actor"].(object)["id"])
}

func TestWhatIf_BadRules_AreNamed(t *testing.T) {
	h := open(t)
	admin := h.as("dewi", domain.RoleAdmin)
	opening, _ := admin.publish()
	path := "/v1/openings/" + opening + "/what-if"
	requirement := details()["requirement"].(object)
	for name, try := range map[string]struct {
		body  object
		code  string
		field string
	}{
		"no such grade":      {object{"requirement": changed(requirement, "min_grade", "Z")}, "invalid_field", "requirement.min_grade"},
		"no grade":           {object{"requirement": changed(requirement, "min_grade", "")}, "invalid_field", "requirement.min_grade"},
		"IPK out of range":   {object{"requirement": changed(requirement, "min_ipk", 5)}, "invalid_field", "requirement.min_ipk"},
		"no course":          {object{"requirement": object{"course": object{}, "min_grade": "B"}}, "invalid_field", "requirement.course"},
		"unknown in policy":  {object{"policy": object{"speed": 1}}, "invalid_field", "policy"},
		"policy no object":   {object{"policy": 7}, "invalid_field", "policy"},
		"share out of range": {object{"policy": object{"clear": 2}}, "invalid_field", "policy"},
		"unknown":            {object{"opening": "x"}, "unknown_field", "opening"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, try.field, admin.in(t).wrong("POST", path, try.body).problem(400, try.code)["field"])
		})
	}
	admin.post("/v1/openings/"+uuid.NewString()+"/what-if", nil).problem(404, "opening_not_found")
	admin.wrong("POST", path+"?cursor=x", nil).problem(400, "bad_cursor")
	h.as("siti", domain.RoleApplicant).post(path, nil).problem(403, "role_not_allowed")
	a := h.as("agus", domain.RoleAuditor).post(path, object{"policy": object{"clear": 0.9}}).is(200)
	require.EqualValues(t, 0.9, a.json()["policy"].(object)["clear"])
	require.EqualValues(t, 0.75, a.json()["policy"].(object)["min_confidence"], "what is left out stays as it is")
	require.Zero(t, a.json()["applications"])
	require.True(t, strings.Contains(string(a.body), `"items":[]`))
}
