package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/domain"
	"asprak/domain/transcript"
	"asprak/domain/verification"
	"asprak/infrastructure/embedded"
)

// replayHouse is a data folder whose log is being worked with.
type replayHouse struct {
	t           *testing.T
	folder      folder
	log         *embedded.Log
	opening, id uuid.UUID
	entries     []application.Entry
}

func newReplayHouse(t *testing.T) *replayHouse {
	t.Helper()
	h := &replayHouse{t: t, folder: folder{Data: t.TempDir()}}
	var err error
	h.log, err = embedded.Open(t.Context(), h.folder.log())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, h.log.Close()) })
	s := application.New(h.log, nil, application.Options{})
	requirement := verification.Requirement{Course: verification.Course{Codes: []string{"TI2101"}}, MinGrade: "B"}
	opening, err := s.PublishOpening(t.Context(), application.Request{Actor: domain.Actor{ID: "dewi", Role: domain.RoleAdmin}}, domain.OpeningDetails{
		Title: "Basis Data", Department: "TI", Term: "2026/2027-1", Seats: 1, OpensAt: time.Now().Add(-time.Hour), ClosesAt: time.Now().Add(time.Hour), Requirement: requirement,
	})
	require.NoError(t, err)
	siti := application.Request{Actor: domain.Actor{ID: "siti", Role: domain.RoleApplicant}, CorrelationID: "apply-1"}
	person := domain.Applicant{Name: "Siti \x1b[31mRahma", NIM: "21/482851/SV/20006", Email: "siti@example.ac.id", Programme: "TI"}
	submitted, err := s.Submit(t.Context(), siti, opening.ID, person)
	require.NoError(t, err)
	h.opening, h.id = opening.ID, submitted.ID

	document := domain.DocumentID(h.id, "aa")
	field := func(v string) *transcript.Field[string] {
		return &transcript.Field[string]{Value: v, Confidence: 1, Source: transcript.TextLayer, Page: 1}
	}
	number := func(v string) *transcript.Field[transcript.Decimal] {
		return &transcript.Field[transcript.Decimal]{Value: transcript.MustDecimal(v), Confidence: 1, Source: transcript.TextLayer, Page: 1}
	}
	reading := transcript.Reading{Type: "application/pdf", Kind: transcript.Transcript, Scale: "ugm", Confidence: 1, University: field("Universitas Gadjah Mada"),
		Name: field(person.Name), NIM: field(person.NIM), IPK: number("3.25"),
		Rows: []transcript.Row{{Code: field("TI2101"), Name: field("Basis Data"), SKS: number("3"), Grade: field("B+"), Weight: number("3.25"), Points: number("9.75"), Page: 1}}}
	verdict := verification.Judge(reading, verification.Applicant{Name: person.Name, NIM: person.NIM}, requirement, nil, verification.DefaultPolicy())
	require.Equal(t, verification.Verified, verdict.Label)
	codec := application.NewCodec()
	for i, e := range []domain.Event{
		&domain.DocumentUploaded{DocumentID: document, Kind: transcript.Transcript, SHA256: "aa", Size: 1, Type: "application/pdf", FileName: "khs\x1b]0;x\x07\u202e.pdf"},
		&domain.DocumentRead{DocumentID: document, Attempt: 1, Reading: reading},
		&domain.DocumentVerified{DocumentID: document, Attempt: 1, Verdict: verdict},
	} {
		m := domain.Metadata{EventID: uuid.New(), Actor: domain.Actor{ID: "asprak", Role: domain.RoleSystem}, OccurredAt: time.Now().UTC(), Versions: &domain.Versions{Engine: "e1", Policy: "1"}}
		r, err := codec.Encode(e, m, nil)
		require.NoError(t, err)
		_, err = h.log.Append(t.Context(), "application-"+h.id.String(), application.Revision(i), []application.NewRecord{r})
		require.NoError(t, err)
	}
	h.entries, err = s.History(t.Context(), h.id)
	require.NoError(t, err)
	return h
}

func (h *replayHouse) file(content string) string {
	path := filepath.Join(h.t.TempDir(), "file.json")
	require.NoError(h.t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// run replays with the log in use, and writes nothing to it.
func (h *replayHouse) run(c replayCmd) (out, told string, err error) {
	h.t.Helper()
	c.storage = storage{folder: h.folder, EventStore: "embedded"}
	before, failed := h.log.Head(h.t.Context())
	require.NoError(h.t, failed)
	var stdout, stderr bytes.Buffer
	err = c.Run(h.t.Context(), environment{&stdout, &stderr})
	after, failed := h.log.Head(h.t.Context())
	require.NoError(h.t, failed)
	require.Equal(h.t, before, after)
	return stdout.String(), stderr.String(), err
}

func (h *replayHouse) ok(c replayCmd) string {
	h.t.Helper()
	out, _, err := h.run(c)
	require.NoError(h.t, err)
	for _, r := range out {
		require.False(h.t, !c.JSON && (r < ' ' && r != '\n' || r == '\u202e'), "a terminal would obey %q", r)
	}
	return out
}

func TestReplay_Timeline_HasTheStateAfterEachEvent(t *testing.T) {
	h := newReplayHouse(t)
	out := h.ok(replayCmd{ID: h.id})
	var states []string
	for line := range strings.Lines(out) {
		if _, state, ok := strings.Cut(line, "state   "); ok {
			states = append(states, strings.TrimSpace(state))
		}
	}
	name := `"khs\\u001b]0;x\\u0007\\u202e.pdf" attempt 1: `
	require.Equal(t, []string{"submitted", "submitted -> verifying; " + name + "verifying", "verifying; " + name + "verifying", "verifying -> verified; " + name + "verified by machine"}, states)
	require.Contains(t, out, `"siti" (applicant) applied to opening `+h.opening.String())
	require.Contains(t, out, "request apply-1")
	require.Contains(t, out, "by engine e1, layout -, policy 1")

	lines := strings.Split(strings.TrimSpace(h.ok(replayCmd{ID: h.id, JSON: true})), "\n")
	require.Len(t, lines, 4)
	var last struct {
		Revision int
		Type     string
		State    domain.Application
	}
	require.NoError(t, json.Unmarshal([]byte(lines[3]), &last))
	require.Equal(t, 3, last.Revision)
	require.Equal(t, "DocumentVerified", last.Type)
	require.Equal(t, domain.StatusVerified, last.State.Status)
}

func TestReplay_Moment_CutsTheTimeline(t *testing.T) {
	h := newReplayHouse(t)
	steps := func(c replayCmd) int { return strings.Count(h.ok(c), "state   ") }
	one, far := int64(1), int64(4)
	require.Equal(t, 2, steps(replayCmd{ID: h.id, Until: &one}))
	at := h.entries[2].RecordedAt
	require.Equal(t, 3, steps(replayCmd{ID: h.id, At: at.Format(time.RFC3339Nano)}))
	require.Equal(t, 2, steps(replayCmd{ID: h.id, At: at.Add(-time.Microsecond).Format(time.RFC3339Nano)}))
	require.Equal(t, 4, steps(replayCmd{ID: h.id, At: "9999-01-01T00:00:00Z"}))
	for want, c := range map[string]replayCmd{
		"no such application at": {ID: h.id, At: "2020-01-01T00:00:00Z"},
		"is no time":             {ID: h.id, At: "yesterday"},
		"revisions 0 to 3":       {ID: h.id, Until: &far},
		"application_not_found":  {ID: uuid.New()},
		"name an application":    {},
		"not like 2..5":          {ID: h.id, Diff: "2-5"},
		"the revisions 0 to 3":   {ID: h.id, Diff: "0..4"},
	} {
		_, _, err := h.run(c)
		require.ErrorContains(t, err, want)
	}

	require.Equal(t, "standing: \"submitted\" -> \"verifying\"\nstatus: \"submitted\" -> \"verifying\"\n", onlyStatus(h.ok(replayCmd{ID: h.id, Diff: "0..1"})))
	require.Equal(t, "standing: \"verified\" -> \"submitted\"\nstatus: \"verified\" -> \"submitted\"\n", onlyStatus(h.ok(replayCmd{ID: h.id, Diff: "3..0"})))
	require.Empty(t, h.ok(replayCmd{ID: h.id, Diff: "2..2"}))
	var change changedField
	require.NoError(t, json.Unmarshal([]byte(strings.SplitN(h.ok(replayCmd{ID: h.id, Diff: "0..1", JSON: true}), "\n", 2)[0]), &change))
	require.Equal(t, "documents[0].attempt", change.Path)
	require.EqualValues(t, 1, change.After)
}

func onlyStatus(diff string) (out string) {
	for line := range strings.Lines(diff) {
		if strings.HasPrefix(line, "sta") {
			out += line
		}
	}
	return out
}

func TestReplay_OtherRules_TellWhoWouldChange(t *testing.T) {
	h := newReplayHouse(t)
	strict := h.file(`{"course": {"codes": ["TI2101"]}, "min_grade": "B", "min_ipk": 3.5}`)
	same := h.file(`{}`)
	for _, id := range []uuid.UUID{uuid.Nil, h.opening, h.id} {
		out := h.ok(replayCmd{ID: id, Requirement: strict})
		require.Contains(t, out, h.id.String())
		require.Contains(t, out, "verified -> rejected\n")
		require.Contains(t, out, "verified -> rejected:ipk_below_min")
		require.Contains(t, out, "        ipk: not asked -> fail (")
		out, told, err := h.run(replayCmd{ID: id, Policy: same})
		require.NoError(t, err)
		require.Empty(t, out, "the same rules")
		require.Equal(t, "1 applications, 1 documents judged again; 0 would change\n", told)
	}
	var r application.Rejudged
	require.NoError(t, json.Unmarshal([]byte(h.ok(replayCmd{Requirement: strict, Policy: same, JSON: true})), &r))
	require.Equal(t, domain.StatusRejected, r.After)
	for want, c := range map[string]replayCmd{
		"neither an application nor an opening": {ID: uuid.New(), Policy: same},
		"no such final grade":                   {Requirement: h.file(`{"course": {"name": "x"}, "min_grade": "Z"}`)},
		"unknown field":                         {Requirement: h.file(`{"min_gpa": 3}`)},
		"not within 0 to 1":                     {Policy: h.file(`{"clear": 7}`)},
	} {
		_, _, err := h.run(c)
		require.ErrorContains(t, err, want)
	}
}

func TestReplay_NoLog_SaysSoAndMakesNone(t *testing.T) {
	dir := t.TempDir()
	c := replayCmd{ID: uuid.New(), storage: storage{folder: folder{Data: dir}, EventStore: "embedded"}}
	require.ErrorIs(t, c.Run(t.Context(), environment{&bytes.Buffer{}, &bytes.Buffer{}}), os.ErrNotExist)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries)
}
