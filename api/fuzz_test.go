package api_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"asprak/domain"
)

// answered sends the request to the handler: whatever was sent, the fault is the sender's.
func (h *house) answered(t *testing.T, token, method, path, contentType string, body []byte) *httptest.ResponseRecorder {
	t.Helper()
	request := httptest.NewRequest(method, "/", bytes.NewReader(body))
	var err error
	if request.URL, err = url.ParseRequestURI(path); err != nil {
		t.Skip("no server takes this path")
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", contentType)
	answer := httptest.NewRecorder()
	h.handler.ServeHTTP(answer, request)
	require.Less(t, answer.Code, http.StatusInternalServerError, "%s", answer.Body)
	return answer
}

func FuzzUpload(f *testing.F) {
	h := open(f)
	opening, _ := h.as("dewi", domain.RoleAdmin).publish()
	student := h.as("siti", domain.RoleApplicant)
	id, _ := student.apply(opening)
	for _, parts := range [][]part{
		form("khs", "khs.pdf", "%PDF-1.7"), form("transcript", "", ""), form("khs", "../../\x00<svg>.html", "<html>"), form("", "a", "b"),
		{{name: "file", fileName: "x", content: "%PDF-1.7"}, {name: "kind", content: "khs"}},
		{{name: "kind", content: "khs"}, {name: "kind", content: "khs"}}, {{name: "other", content: "x"}},
	} {
		body, contentType := encoded(f, parts)
		f.Add(contentType, body)
	}
	f.Add("multipart/form-data; boundary=b", []byte("--b\r\nContent-Disposition: form-data; name=kind\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nkh=\r\n--b--"))
	f.Add("multipart/form-data; boundary=\"\"", []byte("--\r\n"))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		h.answered(t, student.token, "POST", "/v1/applications/"+id+"/documents", contentType, body)
	})
}

func FuzzCommand(f *testing.F) {
	h := open(f)
	admin, student := h.as("dewi", domain.RoleAdmin), h.as("siti", domain.RoleApplicant)
	opening, _ := admin.publish()
	id, _ := student.apply(opening)
	document := "/v1/applications/" + id + "/documents/" + id
	commands := []struct {
		path string
		who  caller
	}{
		{"/v1/openings", admin}, {"/v1/openings/" + opening + "/revise", admin}, {"/v1/openings/" + opening + "/reopen", admin},
		{"/v1/openings/" + opening + "/what-if", admin}, {"/v1/applications", student}, {"/v1/applications/" + id + "/resubmit", student},
		{"/v1/applications/" + id + "/waitlist", admin}, {document + "/override", admin}, {document + "/claim", admin},
	}
	for i := range commands {
		for _, body := range []any{
			details(), changed(details(), "reason", "Kuota ditambah."), object{"opening_id": opening, "applicant": siti()}, object{"applicant": siti()},
			object{"outcome": "verified", "reason": "x"}, object{"policy": object{"min_confidence": 0.5}, "requirement": details()["requirement"]},
			object{"closes_at": "9999-12-31T23:59:60Z"},
		} {
			content, _ := encoded(f, body)
			f.Add(uint8(i), content)
		}
	}
	for _, text := range []string{"", "null", "[]", "{}{}", `{"seats":1e400}`, `{"a":` + strings.Repeat("[", 20_000), "{\"title\":\"\\ud800\"}", "\xff"} {
		f.Add(uint8(0), []byte(text))
	}
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		command := commands[int(which)%len(commands)]
		h.answered(t, command.who.token, "POST", command.path, "application/json", body)
	})
}

func FuzzQuery(f *testing.F) {
	h := open(f)
	admin := h.as("dewi", domain.RoleAdmin)
	opening, _ := admin.publish()
	for i := range 3 {
		h.as("siti-"+string(rune('a'+i)), domain.RoleApplicant).apply(opening)
	}
	lists := []string{"/v1/applications", "/v1/openings", "/v1/reviews", "/v1/audit", "/v1/audit/export", "/v1/statistics"}
	for i := range lists {
		for _, query := range []string{"limit=1", "search=siti+rah", "nim=21%2F48", "cursor=WyJhIl0", "from=2026-08-01T09:00:00Z&to=0001-01-01T00:00:00Z", "from=2026-01-01&to=2026-02-01&bucket=week",
			"sort=name&limit=2", "a;b=%zz", "opening_id=" + opening, "search=%25_%00", "format=csv&type=OpeningPublished"} {
			f.Add(uint8(i), query)
		}
	}
	next := admin.get("/v1/applications?limit=1").items()
	require.NotNil(f, next)
	f.Fuzz(func(t *testing.T, which uint8, query string) {
		h.answered(t, admin.token, "GET", lists[int(which)%len(lists)]+"?"+query, "", nil)
	})
}
