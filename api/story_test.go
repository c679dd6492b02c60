package api_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/domain"
	"asprak/domain/transcript"
	"asprak/domain/verification"
)

// shelf is a reader whose readings are known beforehand, by the document's content.
type shelf map[string]transcript.Reading

func (s shelf) Read(_ context.Context, d application.Document) (transcript.Reading, error) {
	return s[string(d.Content)], nil
}

func (s shelf) Versions() domain.Versions {
	return domain.Versions{Engine: "shelf-1", Layout: transcript.LayoutVersion}
}

func field[T any](v T) *transcript.Field[T] {
	return &transcript.Field[T]{Value: v, Confidence: 1, Source: transcript.TextLayer, Page: 1, Box: transcript.Box{X0: 1, Y0: 2, X1: 3, Y1: 4}}
}

// studyResult is a KHS of one course that adds up.
func studyResult(name, nim, grade string, weight transcript.Decimal) transcript.Reading {
	three := transcript.DecimalOf(3)
	return transcript.Reading{
		Type: "application/pdf", Kind: transcript.KHS, Confidence: 1, Layout: transcript.LayoutVersion, Scale: "ugm",
		Pages:      []transcript.PageInfo{{Number: 1, Width: 595, Height: 842, Source: transcript.TextLayer}},
		University: field("Universitas Gadjah Mada"), Name: field(name), NIM: field(nim), Semester: field(3),
		Rows: []transcript.Row{{
			Code: field("SVPL214305"), Name: field("Basis Data"), SKS: field(three), Grade: field(grade),
			Weight: field(weight), Points: field(three.Mul(weight)), Page: 1,
		}},
		TotalSKS: field(three), TotalPoints: field(three.Mul(weight)), CumSKS: field(three), CumPoints: field(three.Mul(weight)),
		IPS: field(weight), IPK: field(weight),
	}
}

// react lets the reaction handle every event that it asks for, in order.
func (h *house) react(reader application.Reader) {
	reaction := application.NewReaction(h.service, reader, h.views, verification.DefaultPolicy())
	h.background(func(ctx context.Context) {
		follower, err := h.log.Follow(ctx, application.Position{}, reaction.Types()...)
		if err != nil {
			h.t.Errorf("follow: %v", err)
			return
		}
		defer follower.Close()
		for {
			records, err := follower.Next(ctx, 10)
			if err != nil {
				return
			}
			for _, r := range records {
				if err := reaction.Handle(ctx, r, 1); err != nil && ctx.Err() == nil {
					h.t.Errorf("%s of %s: %v", r.Type, r.Stream, err)
				}
			}
		}
	})
}

// happened waits for the nth event of the type in the application's stream; a query that is
// sent its answer has seen the event.
func (h *house) happened(application_, eventType string, n int) header {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 20*time.Second)
	defer cancel()
	follower, err := h.log.Follow(ctx, application.Position{}, eventType)
	require.NoError(h.t, err)
	defer follower.Close()
	for {
		records, err := follower.Next(ctx, 10)
		require.NoError(h.t, err, "waiting for %s", eventType)
		for _, r := range records {
			if r.Stream == "application-"+application_ {
				if n--; n == 0 {
					return header{"Asprak-Position": r.Position.String()}
				}
			}
		}
	}
}

// The whole of the API once, each request and answer held against the contract.
// heldName is the name that is held of the caller.
func (h *house) heldName(of caller) any {
	h.t.Helper()
	held := of.get("/v1/me/data").is(200).json()["applications"].([]any)
	return held[0].(object)["application"].(object)["applicant"].(object)["name"]
}

func TestStory_FromOpeningToSeat(t *testing.T) {
	h := open(t)
	h.broadcast()
	unsure := studyResult("Budi Santoso", "21/482852/SV/20007", "A", transcript.DecimalOf(4))
	unsure.IPK = nil
	h.react(shelf{
		"%PDF-1.7 siti":  studyResult("Siti Rahmawati", "21/482851/SV/20006", "A", transcript.DecimalOf(4)),
		"%PDF-1.7 budi":  unsure,
		"%PDF-1.7 empty": {Problem: transcript.NoPages, Detail: "The file has no pages.", Type: "application/pdf", Layout: transcript.LayoutVersion},
	})
	admin, lecturer, auditor := h.as("dewi", domain.RoleAdmin), h.as("pak-joko", domain.RoleLecturer), h.as("audit", domain.RoleAuditor)
	sitiC, budiC := h.as("siti", domain.RoleApplicant), h.as("budi", domain.RoleApplicant)
	budi := object{"name": "Budi Santoso", "nim": "21/482852/SV/20007", "email": "budi@example.ac.id", "programme": "TRPL"}

	// An opening is published and revised.
	opening, published := admin.publish()
	require.Equal(t, "/v1/openings/"+opening, published.header.Get("Location"))
	revised := admin.post("/v1/openings/"+opening+"/revise", changed(changed(details(), "seats", 2), "reason", "Kuota ditambah."),
		header{"If-Match": published.header.Get("ETag")}).is(200)
	row := sitiC.get("/v1/openings/"+opening, seen(revised)).is(200)
	require.Equal(t, `"1"`, row.header.Get("ETag"))
	require.EqualValues(t, 2, row.json()["details"].(object)["seats"])
	require.EqualValues(t, 3.25, row.json()["details"].(object)["requirement"].(object)["min_ipk"])

	// Siti applies; her first file is nothing, her second is good.
	id, applied := sitiC.apply(opening)
	path := "/v1/applications/" + id
	require.Equal(t, path, applied.header.Get("Location"))
	require.Equal(t, "submitted", sitiC.get(path, seen(applied)).text("status"))
	sitiC.post(path+"/documents", form("khs", "kosong.pdf", "%PDF-1.7 empty")).is(202)
	rejected := sitiC.get(path, h.happened(id, "DocumentRejected", 1)).is(200)
	require.Equal(t, "rejected", rejected.text("status"))
	require.Equal(t, "rejected:no_pages", rejected.text("label"))
	uploaded := sitiC.post(path+"/documents", form("khs", "khs siti.pdf", "%PDF-1.7 siti"), header{"X-Request-Id": "upload-siti"}).is(202)
	document := uploaded.header.Get("Location")
	verified := sitiC.get(document, h.happened(id, "DocumentVerified", 1)).is(200)
	require.Equal(t, "verified", verified.text("label"))
	require.Equal(t, "machine", verified.text("decided_by"))
	require.Equal(t, "Siti Rahmawati", verified.json()["reading"].(object)["name"].(object)["value"])
	require.NotEmpty(t, verified.json()["verdict"].(object)["checks"])
	require.Equal(t, "%PDF-1.7 siti", string(auditor.get(document+"/content").is(200).body))
	viewed := sitiC.get(path, h.happened(id, "DocumentViewed", 1)).is(200)
	require.Equal(t, `"7"`, viewed.header.Get("ETag"))
	require.JSONEq(t, string(viewed.body), string(auditor.get(path+"?revision=7").is(200).body))
	require.Equal(t, verified.text("updated_at"), viewed.text("updated_at"), "looking changes nothing")

	// Budi's document has to be looked at: read again, then decided by a person.
	budiID := budiC.post("/v1/applications", object{"opening_id": opening, "applicant": budi}).is(201).text("id")
	budiPath := "/v1/applications/" + budiID
	budiDocument := budiC.post(budiPath+"/documents", form("khs", "khs.pdf", "%PDF-1.7 budi")).is(202).header.Get("Location")
	queue := admin.get("/v1/reviews?reason=ipk_missing&opening_id="+opening, h.happened(budiID, "DocumentReferred", 1)).is(200).items()
	require.Len(t, queue, 1)
	require.Equal(t, budiID, queue[0]["application_id"])
	other := h.as("joko", domain.RoleAdmin)
	claim := admin.post(budiDocument+"/claim", nil).is(200)
	require.Equal(t, budiID, claim.text("id"))
	other.post(budiDocument+"/claim", nil).problem(409, "review_claimed")
	queue = other.get("/v1/reviews?opening_id="+opening, seen(claim)).is(200).items()
	require.Equal(t, "dewi", queue[0]["claimed_by"])
	require.NotEmpty(t, queue[0]["claimed_until"])
	other.post(budiDocument+"/release", nil).problem(409, "review_claimed")
	admin.post(budiDocument+"/release", nil).is(200)
	other.post(budiDocument+"/claim", nil).is(200)
	lecturer.post(budiDocument+"/claim", nil).problem(403, "role_not_allowed")
	admin.post(document+"/claim", nil).problem(409, "document_not_in_review")
	admin.post(budiDocument+"/reread", object{"reason": "Mesin baru."}).is(202)
	h.happened(budiID, "DocumentReferred", 2)
	overridden := admin.post(budiDocument+"/override", object{"outcome": "verified", "reason": "IPK tertera di halaman lain."}).is(200)
	require.Equal(t, budiID, overridden.text("id"))
	require.Equal(t, budiDocument, budiPath+"/documents/"+overridden.text("document_id"))
	decided := budiC.get(budiDocument, seen(overridden)).is(200)
	require.Equal(t, "person", decided.text("decided_by"))
	require.Equal(t, "review:ipk_missing", decided.json()["override"].(object)["before"])
	require.Empty(t, admin.get("/v1/reviews", seen(overridden)).is(200).items())
	today := time.Now().UTC()
	from, to := today.AddDate(0, 0, -1).Format(time.DateOnly), today.AddDate(0, 0, 1).Format(time.DateOnly)
	counted := lecturer.get("/v1/statistics?bucket=month&opening_id="+opening+"&from="+from+"&to="+to, seen(overridden)).is(200).json()
	require.Contains(t, counted["funnel"], object{"step": "verified", "applications": 2.0})
	require.Contains(t, counted["overrides"], object{"before": "review:ipk_missing", "outcome": "verified", "documents": 1.0})
	require.Equal(t, 0.5, counted["straight_through"].(object)["rate"])
	require.NotEmpty(t, counted["buckets"])
	require.Zero(t, counted["queue"].(object)["waiting"])
	sitiC.get("/v1/statistics").problem(403, "role_not_allowed")

	// Seats: one is accepted and confirmed, one waits, is accepted and turns down.
	lecturer.post(path+"/accept", object{"reason": "Nilai terbaik."}).is(202)
	accepted := h.happened(id, "ApplicationAccepted", 1)
	require.Equal(t, "accepted", sitiC.get(path, accepted).text("status"))
	lecturer.post(path+"/accept", object{"reason": "Nilai terbaik."}).is(200)
	confirmed := sitiC.post(path+"/confirm", nil).is(200)
	require.Equal(t, "confirmed", sitiC.get(path, seen(confirmed)).text("status"))
	lecturer.post(budiPath+"/waitlist", nil).is(200)
	lecturer.post(budiPath+"/accept", nil).is(202)
	h.happened(budiID, "ApplicationAccepted", 1)
	turned := budiC.post(budiPath+"/turn-down", object{"reason": "Jadwal bentrok."}).is(200)
	require.Equal(t, "turned_down", budiC.get(budiPath, seen(turned)).text("status"))

	// Two more come, go, come back and are declined.
	for i := range 2 {
		one := h.as("mahasiswa-"+strconv.Itoa(i), domain.RoleApplicant)
		oneID := one.post("/v1/applications", object{"opening_id": opening, "applicant": budi}).is(201).text("id")
		one.post("/v1/applications/"+oneID+"/withdraw", object{"reason": "Salah lowongan."}).is(200)
		one.post("/v1/applications/"+oneID+"/resubmit", object{"applicant": budi}).is(200)
		admin.post("/v1/applications/"+oneID+"/decline", object{"reason": "Kuota penuh."}).is(200)
	}

	// The opening ends, begins again and ends for good.
	admin.post("/v1/openings/"+opening+"/close", nil).is(200)
	admin.post("/v1/openings/"+opening+"/reopen", object{"closes_at": time.Now().Add(2 * time.Hour).Format(time.RFC3339)}).is(200)
	cancelled := admin.post("/v1/openings/"+opening+"/cancel", object{"reason": "Mata kuliah ditiadakan."}).is(200)
	require.Len(t, lecturer.get("/v1/openings?state=cancelled&term=2026/2027-1", seen(cancelled)).is(200).items(), 1)
	require.Empty(t, lecturer.get("/v1/openings?state=open", seen(cancelled)).is(200).items())

	// What was is still there: at each revision, at a time, in the history and in the audit.
	latest := auditor.get(path).is(200)
	last := int(latest.json()["revision"].(float64))
	history := auditor.get(path + "/history").is(200)
	require.Len(t, history.items(), last+1)
	statuses := []any{}
	for revision := range last + 1 {
		then := auditor.get(path + "?revision=" + strconv.Itoa(revision)).is(200)
		require.Equal(t, `"`+strconv.Itoa(revision)+`"`, then.header.Get("ETag"))
		statuses = append(statuses, then.json()["status"])
	}
	require.Equal(t, "submitted", statuses[0])
	require.Equal(t, "verifying", statuses[1])
	require.Equal(t, "confirmed", statuses[last])
	require.JSONEq(t, string(latest.body), string(auditor.get(path+"?revision="+strconv.Itoa(last)).body), "replay and read model tell the same")
	require.JSONEq(t, string(latest.body), string(auditor.get(path+"?at="+time.Now().Add(time.Minute).UTC().Format(time.RFC3339)).body))
	auditor.get(path+"?revision="+strconv.Itoa(last+1)).problem(404, "revision_not_found")
	auditor.get(path+"?at=2020-01-01T00:00:00Z").problem(404, "application_not_found")

	types := []string{}
	for _, e := range history.items() {
		types = append(types, e["type"].(string))
		if e["type"] == "DocumentUploaded" && e["data"].(object)["file_name"] == "khs siti.pdf" {
			require.Equal(t, "upload-siti", e["correlation_id"])
		}
	}
	require.Equal(t, "ApplicationSubmitted DocumentUploaded DocumentRead DocumentRejected DocumentUploaded DocumentRead DocumentVerified DocumentViewed ApplicationAccepted OfferConfirmed", strings.Join(types, " "))

	trail := h.all(auditor, "/v1/audit?stream=application-"+id, "event_id", seen(cancelled))
	require.Len(t, trail, last+1)
	require.Equal(t, history.items()[last]["event_id"], trail[0], "the latest first")
	require.NotEmpty(t, auditor.get("/v1/audit?actor=pak-joko&type=SeatAwarded&from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00Z&limit=5").is(200).items())
	require.NotEmpty(t, admin.get("/v1/audit?correlation_id=upload-siti").is(200).items())

	exported := strings.Split(strings.TrimSuffix(string(auditor.get("/v1/audit/export?stream=application-"+id, seen(cancelled)).is(200).body), "\n"), "\n")
	require.Len(t, exported, last+1)
	require.Contains(t, exported[0], trail[0])

	// The chain leads from the document to the seat, past the one that was rejected.
	chain := []string{}
	for _, link := range auditor.get("/v1/audit/chain/" + history.items()[4]["event_id"].(string)).is(200).items() {
		chain = append(chain, link["type"].(string))
	}
	require.Equal(t, "ApplicationSubmitted DocumentUploaded DocumentRead DocumentVerified DocumentViewed SeatAwarded ApplicationAccepted OfferConfirmed", strings.Join(chain, " "))
	require.Equal(t, "confirmed", auditor.get(path + "/as-seen?actor=siti").is(200).json()["application"].(object)["status"])

	// What if the opening had asked for a later semester?
	later := changed(details()["requirement"].(object), "min_semester", 5)
	whatIf := auditor.post("/v1/openings/"+opening+"/what-if", object{"requirement": later}).is(200)
	require.Len(t, whatIf.items(), 2)
	require.EqualValues(t, 3, whatIf.json()["documents"])
	for _, item := range whatIf.items() {
		document := item["documents"].([]any)[len(item["documents"].([]any))-1].(object)
		require.Equal(t, item["application_id"] == budiID, document["override"] != nil, "a person's decision is shown")
		require.Equal(t, "semester", document["checks"].([]any)[0].(object)["name"])
	}
	require.Empty(t, auditor.post("/v1/openings/"+opening+"/what-if", nil).is(200).items(), "the same rules")

	// Whoever comes late to the stream of events hears what was missed.
	ear := sitiC.listen(applied.position())
	require.Equal(t, "DocumentUploaded", ear.next()["type"])
	ear.close()
	h.agrees(true, ear.request, ear.response, ear.body.Bytes())

	everyone := h.all(lecturer, "/v1/applications?opening_id="+opening, "id", seen(cancelled))
	require.Len(t, everyone, 4)
	require.Len(t, lecturer.get("/v1/applications?state=declined&nim=21%2F482852%2FSV%2F20007").is(200).items(), 2)
	require.Len(t, lecturer.get("/v1/applications?search=Siti").is(200).items(), 1)
	require.Len(t, lecturer.get("/v1/applications?search=rahma").is(200).items(), 1)
	require.Len(t, lecturer.get("/v1/applications?sort=name&verdict=verified&decided_by=person&opening_id="+opening).is(200).items(), 1)
	require.Empty(t, lecturer.get("/v1/applications?course=kimia").is(200).items())

	// From now on the lecturer acts for one opening only, and then for none.
	access := object{"role": "lecturer", "openings": []string{opening}, "reason": "Coordinator."}
	admin.post("/v1/staff/pak-joko/grant", access).is(200)
	require.Len(t, admin.get("/v1/staff", seen(admin.post("/v1/staff/pak-joko/revoke", access).is(200))).is(200).items(), 1)
	require.Equal(t, true, auditor.get("/v1/staff/pak-joko").is(200).json()["known"])
	lecturer.get(path).problem(404, "application_not_found")

	// Budi has all erased that is held of him; Siti, who has the seat, cannot yet.
	require.Equal(t, "Budi Santoso", h.heldName(budiC))
	sitiC.post("/v1/me/erasure", nil).problem(409, "application_confirmed")
	require.Equal(t, "budi", budiC.get("/v1/me/data").is(200).text("subject"))
	budiC.post("/v1/me/erasure", nil).is(202)
	erased := h.happened(budiID, "ApplicationErased", 1)
	require.Equal(t, "turned_down", budiC.get(budiPath, erased).text("status"))
	require.Empty(t, h.heldName(budiC))
	budiC.get(budiDocument+"/content").problem(404, "document_erased")
	admin.post("/v1/people/nobody/erasure", nil).problem(404, "person_not_found")
	admin.post("/v1/people/mahasiswa-0/erasure", nil).is(202)
	dated := admin.post("/v1/openings", changed(details(), "retention_days", 30)).is(201)
	due := auditor.get("/v1/retention?at=2100-01-01T00:00:00Z", seen(dated)).is(200).items()
	require.Equal(t, dated.text("id"), due[0]["opening_id"])
	require.Equal(t, true, due[0]["due"])

	// Whoever has no single sign-on has an account.
	outside := caller{h, ""}
	credentials := object{"email": "tono@mail.ugm.ac.id", "password": "kata sandi yang panjang"}
	account := outside.post("/v1/accounts", credentials).is(201)
	outside.post("/v1/accounts", credentials).problem(409, "email_taken")
	outside.post("/v1/accounts", changed(credentials, "email", "tono@gmail.com")).problem(403, "email_not_allowed")
	outside.post("/v1/sessions", changed(credentials, "password", "another one")).problem(401, "credentials_invalid")
	session := outside.post("/v1/sessions", credentials).is(200)
	tono := caller{h, session.text("access_token")}
	require.Equal(t, account.text("subject"), tono.get("/v1/me").is(200).text("subject"))
	require.Equal(t, "tono@mail.ugm.ac.id", tono.get("/v1/me/data").is(200).json()["account"].(object)["email"])
	tono.post("/v1/applications", object{"opening_id": dated.text("id"), "applicant": budi}).is(201)
	refreshed := outside.post("/v1/sessions/refresh", object{"refresh_token": session.text("refresh_token")}).is(200)
	outside.post("/v1/sessions/end", object{"refresh_token": refreshed.text("refresh_token")}).is(200)
	outside.post("/v1/sessions/refresh", object{"refresh_token": refreshed.text("refresh_token")}).problem(401, "refresh_invalid")
	tono.post("/v1/me/password", object{"old": "kata sandi yang panjang", "new": "kata sandi yang baru"}).is(200)
	admin.post("/v1/me/password", object{"old": "kata sandi yang panjang", "new": "kata sandi yang baru"}).problem(404, "account_not_found")
	for range 5 {
		outside.post("/v1/sessions", credentials).problem(401, "credentials_invalid")
	}
	locked := outside.post("/v1/sessions", credentials)
	locked.problem(429, "too_many_failures")
	require.NotEmpty(t, locked.header.Get("Retry-After"))

	// And the house can be looked after.
	anyone := caller{h, ""}
	require.Equal(t, "ok", anyone.get("/healthz").is(200).text("status"))
	require.Equal(t, true, anyone.get("/readyz").is(200).json()["ready"])
	require.Contains(t, string(anyone.get("/metrics").is(200).body), `asprak_commands_total{command="submitApplication",outcome="recorded"} 5`)
	anyone.get("/openapi.json").is(200)
	anyone.get("/docs").is(200)

	for _, o := range operations(t) {
		require.True(t, h.succeeded[o.id], "%s has no part in the story", o.id)
	}
}
