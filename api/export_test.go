package api_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/domain"
)

var hostile = []string{"=HYPERLINK(\"http://x\")", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r\n=1", "  =1", "＝1", "\u200b=1", "a,b \"c\"\r\nd", "biasa", "'", "\x00", "=cmd|' /C calc'!A0"}

// withdrawn records one event for each reason, in the actor's name, in one stream.
func (h *house) withdrawn(actor string, reasons ...string) (stream string) {
	h.t.Helper()
	stream = "application-" + uuid.NewString()
	codec, records := application.NewCodec(), []application.NewRecord{}
	for _, reason := range reasons {
		m := domain.Metadata{EventID: uuid.New(), Actor: domain.Actor{ID: actor, Role: domain.RoleApplicant}, OccurredAt: time.Now().UTC(), CorrelationID: "request"}
		r, err := codec.Encode(&domain.ApplicationWithdrawn{Reason: reason}, m, nil)
		require.NoError(h.t, err)
		records = append(records, r)
	}
	_, err := h.log.Append(h.t.Context(), stream, application.NoStream, records)
	require.NoError(h.t, err)
	return stream
}

// caughtUp makes a query wait for all that the log holds.
func (h *house) caughtUp() header {
	h.t.Helper()
	head, err := h.log.Head(h.t.Context())
	require.NoError(h.t, err)
	return header{"Asprak-Position": head.String()}
}

func TestExport_CSV_IsSafeInASpreadsheetAndWhole(t *testing.T) {
	h := open(t)
	stream := h.withdrawn("=2+3", hostile...)
	auditor := h.as("agus", domain.RoleAuditor)
	a := auditor.get("/v1/audit/export?format=csv&stream="+stream, h.caughtUp()).is(200)
	require.Equal(t, "text/csv; charset=utf-8; header=present", a.header.Get("Content-Type"))
	require.Equal(t, "attachment; filename=audit.csv", a.header.Get("Content-Disposition"))
	require.True(t, bytes.HasSuffix(a.body, []byte("\"\r\n")))
	require.Equal(t, bytes.Count(a.body, []byte("\n")), bytes.Count(a.body, []byte("\r\n")), "each line ends as RFC 4180 says")

	// encoding/csv reads the line ends inside of a cell as one newline.
	plain := func(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }
	rows, err := csv.NewReader(bytes.NewReader(a.body)).ReadAll()
	require.NoError(t, err)
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	items := auditor.get("/v1/audit?limit=100&stream=" + stream).is(200).items()
	require.Len(t, rows, len(items)+1)
	for i, item := range items {
		row := rows[i+1]
		require.Equal(t, item["position"], row[column["position"]])
		require.Equal(t, item["sentence"], row[column["sentence"]])
		require.Equal(t, "'=2+3", row[column["actor_id"]])
		require.JSONEq(t, string(encode(t, item["data"])), row[column["data"]])
		reason := item["reason"].(string)
		got := row[column["reason"]]
		if got != plain(reason) {
			require.Equal(t, "'"+plain(reason), got)
		}
		for _, cell := range row {
			require.NotRegexp(t, "^[\\s\u200b]*[=+\\-@＝]", cell)
		}
	}
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return b
}

func TestExport_Lines_AreTheListAndGoOnAnywhere(t *testing.T) {
	h := open(t)
	stream := h.withdrawn("siti", strings.Split(strings.Repeat("again ", 449)+"again", " ")...)
	auditor := h.as("agus", domain.RoleAuditor)
	path := "/v1/audit/export?actor=siti&stream=" + stream
	lines := func(a answer) (rows []map[string]any) {
		require.Equal(t, "application/x-ndjson", a.is(200).header.Get("Content-Type"))
		for line := range strings.Lines(string(a.body)) {
			var row map[string]any
			require.NoError(t, json.Unmarshal([]byte(line), &row))
			rows = append(rows, row)
		}
		return rows
	}
	all := lines(auditor.get(path, h.caughtUp()))
	require.Len(t, all, 450)
	require.Equal(t, h.all(auditor, "/v1/audit?actor=siti&stream="+stream, "event_id"), func() (ids []any) {
		for _, row := range all {
			ids = append(ids, row["event_id"])
		}
		return ids
	}())
	for _, broke := range []int{1, 200, 449, 450} {
		rest := lines(auditor.get(path + "&cursor=" + all[broke-1]["cursor"].(string)))
		require.Len(t, rest, 450-broke)
		require.ElementsMatch(t, all[broke:], rest)
	}

	require.Empty(t, lines(auditor.get("/v1/audit/export?actor=nobody")))
	require.Equal(t, 1, strings.Count(string(auditor.get("/v1/audit/export?actor=nobody", header{"Accept": "text/csv"}).is(200).body), "\r\n"))
	require.Equal(t, 450, len(lines(auditor.get("/v1/audit/export?format=ndjson&subject=&type=ApplicationWithdrawn", header{"Accept": "text/csv"}))))
	auditor.wrong("GET", path+"&cursor=x", nil).problem(400, "bad_cursor")
	auditor.wrong("GET", path+"&format=xlsx", nil).problem(400, "invalid_parameter")
	auditor.wrong("GET", path+"&limit=5", nil).problem(400, "unknown_parameter")
	h.as("siti", domain.RoleApplicant).get("/v1/audit/export").problem(403, "role_not_allowed")
	h.as("joko", domain.RoleLecturer).get("/v1/audit/chain/"+uuid.NewString()).problem(403, "role_not_allowed")
	auditor.get("/v1/audit/chain/"+uuid.NewString()).problem(404, "event_not_found")
}

// A client that takes nothing costs no more than a buffer, and the log goes on beside it.
func TestExport_SlowClient_HoldsNobodyUp(t *testing.T) {
	h := open(t)
	long := strings.Repeat("x", 2000)
	for range 20 {
		h.withdrawn("siti", long, long, long, long, long, long, long, long, long, long)
	}
	auditor := h.as("agus", domain.RoleAuditor)
	request, err := http.NewRequestWithContext(t.Context(), "GET", h.url+"/v1/audit/export", nil)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+auditor.token)
	request.Header.Set("Asprak-Position", h.caughtUp()["Asprak-Position"])
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	h.withdrawn("siti", "later")
	require.Len(t, auditor.get("/v1/audit?limit=1", h.caughtUp()).is(200).items(), 1)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, 200, bytes.Count(body, []byte("\n")))
	require.NotContains(t, string(body), "later")
}
