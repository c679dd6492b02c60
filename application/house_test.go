package application_test

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/domain"
	"asprak/domain/transcript"
	"asprak/domain/verification"
	"asprak/infrastructure/blobs"
	"asprak/infrastructure/embedded"
	"asprak/infrastructure/keys"
)

// house is the write path on the log and the blobs that a user gets.
type house struct {
	t       *testing.T
	ctx     context.Context
	log     application.Log
	keys    application.Keys
	blobs   application.Blobs
	dir     string // of the blobs
	service *application.Service
	reader  *reader
	now     time.Time
	handled application.Position
}

var (
	opens  = time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)
	closes = time.Date(2026, 8, 15, 17, 0, 0, 0, time.UTC)
	during = opens.Add(24 * time.Hour)

	admin   = domain.Actor{ID: "dewi", Role: domain.RoleAdmin}
	siti    = domain.Actor{ID: "siti", Role: domain.RoleApplicant}
	budi    = domain.Actor{ID: "budi", Role: domain.RoleApplicant}
	auditor = domain.Actor{ID: "agus", Role: domain.RoleAuditor}
)

func open(t *testing.T) *house {
	t.Helper()
	dir, ctx := t.TempDir(), t.Context()
	log, err := embedded.Open(ctx, filepath.Join(dir, "log.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	store, err := blobs.OpenFolder(filepath.Join(dir, "blobs"))
	require.NoError(t, err)
	ring, err := keys.Open(ctx, filepath.Join(dir, "keys.db"), keys.Master{File: filepath.Join(dir, "master.key")})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ring.Close()) })
	h := &house{t: t, ctx: ctx, log: log, keys: ring, blobs: store, dir: filepath.Join(dir, "blobs"), reader: &reader{}, now: during}
	h.service = application.New(log, store, application.Options{Keys: ring, Clock: func() time.Time { return h.now }, MaxUpload: 1000, Register: register{h}})
	return h
}

// register looks into the log itself.
type register struct{ h *house }

func (r register) applications(of func(*domain.ApplicationSubmitted) bool) (ids []uuid.UUID, err error) {
	codec := application.NewCodec().With(application.NoKeys)
	for _, record := range r.h.since(application.Position{}, "ApplicationSubmitted") {
		event, _, err := codec.Decode(record)
		if err != nil {
			return nil, err
		}
		if submitted := event.(*domain.ApplicationSubmitted); of(submitted) {
			ids = append(ids, submitted.ApplicationID)
		}
	}
	return ids, nil
}

func (r register) ApplicationsOf(_ context.Context, _ application.Position, applicant string) ([]uuid.UUID, error) {
	return r.applications(func(e *domain.ApplicationSubmitted) bool { return e.Applicant.ID == applicant })
}

func (r register) ApplicationsTo(_ context.Context, _ application.Position, opening uuid.UUID) ([]uuid.UUID, error) {
	return r.applications(func(e *domain.ApplicationSubmitted) bool {
		return e.OpeningID == opening && !r.h.application(e.ApplicationID).Erased
	})
}

func (r register) Retained(context.Context, application.Position) (ids []uuid.UUID, err error) {
	for _, record := range r.h.since(application.Position{}, "OpeningPublished") {
		ids = append(ids, uuid.MustParse(strings.TrimPrefix(record.Stream, "opening-")))
	}
	return ids, nil
}

func (r register) Shared(context.Context, application.Position, string, uuid.UUID) (bool, error) {
	return false, nil
}

// reader finds a small study result in every document, or fails as told.
type reader struct {
	mu      sync.Mutex
	reads   int
	err     error
	rows    int
	reading *transcript.Reading // in place of the small one
}

func (r *reader) Versions() domain.Versions {
	return domain.Versions{Engine: "test-1", Layout: transcript.LayoutVersion}
}

func (r *reader) Read(_ context.Context, d application.Document) (transcript.Reading, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reads++
	if r.reading != nil {
		return *r.reading, r.err
	}
	reading := transcript.Reading{Type: "application/pdf", Kind: transcript.KHS, Layout: transcript.LayoutVersion,
		Name: field("Siti Rahma"), NIM: field("21/482851/SV/20006")}
	for range r.rows {
		reading.Rows = append(reading.Rows, transcript.Row{Name: field(strings.Repeat("x", 1000))})
	}
	return reading, r.err
}

func field(value string) *transcript.Field[string] {
	return &transcript.Field[string]{Value: value, Confidence: 1, Source: transcript.TextLayer, Page: 1}
}

func details() domain.OpeningDetails {
	return domain.OpeningDetails{
		Title: "Asisten Praktikum Basis Data", Department: "Teknologi Informasi", Term: "2026/2027-1", Seats: 1, OpensAt: opens, ClosesAt: closes,
		Requirement: verification.Requirement{Course: verification.Course{Codes: []string{"TI2101"}, Name: "Basis Data"}, MinGrade: "B"},
	}
}

func applicant() domain.Applicant {
	return domain.Applicant{Name: "Siti Rahma", NIM: "21/482851/SV/20006", Email: "siti@example.ac.id", Programme: "Teknologi Informasi"}
}

func by(actor domain.Actor, key ...string) application.Request {
	r := application.Request{Actor: actor, CorrelationID: "request-1"}
	if len(key) > 0 {
		r.IdempotencyKey = key[0]
	}
	return r
}

func khs(content string) application.Upload {
	return application.Upload{Kind: transcript.KHS, FileName: `C:\files\khs.pdf`, Content: strings.NewReader(content)}
}

// ok takes the result of a command that has to succeed.
func (h *house) ok(r application.Result, err error) application.Result {
	h.t.Helper()
	require.NoError(h.t, err)
	return r
}

func (h *house) refused(code string, r application.Result, err error) {
	h.t.Helper()
	require.Equal(h.t, code, domain.ErrorCode(err), "%v", err)
	require.Zero(h.t, r)
}

func (h *house) publish() uuid.UUID {
	return h.ok(h.service.PublishOpening(h.ctx, by(admin), details())).ID
}

func (h *house) submit(actor domain.Actor, opening uuid.UUID) uuid.UUID {
	return h.ok(h.service.Submit(h.ctx, by(actor), opening, applicant())).ID
}

// verified is an application whose document a person found good.
func (h *house) verified(actor domain.Actor, opening uuid.UUID) uuid.UUID {
	id := h.submit(actor, opening)
	document := h.ok(h.service.Upload(h.ctx, by(actor), id, khs("of "+actor.ID))).ID
	h.settle(nil)
	h.ok(h.service.Override(h.ctx, by(admin), id, document, "verified", "seen"))
	return id
}

func (h *house) reaction(archive application.Archive) *application.Reaction {
	return application.NewReaction(h.service, h.reader, archive, verification.DefaultPolicy())
}

// settle lets the reaction handle all that has happened and what follows from it.
func (h *house) settle(archive application.Archive) {
	h.t.Helper()
	for {
		records := h.since(h.handled, h.reaction(nil).Types()...)
		if len(records) == 0 {
			return
		}
		for _, r := range records {
			require.NoError(h.t, h.reaction(archive).Handle(h.ctx, r, 1))
			h.handled = r.Position
		}
	}
}

// since returns the records behind the position, of the types named (none: all).
func (h *house) since(after application.Position, types ...string) []application.Record {
	h.t.Helper()
	head, err := h.log.Head(h.ctx)
	require.NoError(h.t, err)
	follower, err := h.log.Follow(h.ctx, after)
	require.NoError(h.t, err)
	defer follower.Close()
	var found []application.Record
	for at := after; at.Compare(head) < 0; {
		records, err := follower.Next(h.ctx, 100)
		require.NoError(h.t, err)
		for _, r := range records {
			at = r.Position
			for _, typ := range types {
				if r.Type == typ {
					found = append(found, r)
				}
			}
			if len(types) == 0 {
				found = append(found, r)
			}
		}
	}
	return found
}

func (h *house) only(typ string) application.Record {
	h.t.Helper()
	records := h.since(application.Position{}, typ)
	require.Len(h.t, records, 1, typ)
	return records[0]
}

func (h *house) types(stream string) []string {
	h.t.Helper()
	records, err := h.log.ReadStream(h.ctx, stream, 0)
	require.NoError(h.t, err)
	var types []string
	for _, r := range records {
		types = append(types, r.Type)
	}
	return types
}

func (h *house) application(id uuid.UUID) domain.Application {
	h.t.Helper()
	a, _, err := h.service.Application(h.ctx, id, application.Until{})
	require.NoError(h.t, err)
	return a
}

func (h *house) opening(id uuid.UUID) domain.Opening {
	h.t.Helper()
	o, _, err := h.service.Opening(h.ctx, id)
	require.NoError(h.t, err)
	return o
}

func content(t *testing.T, r io.ReadCloser) string {
	t.Helper()
	defer r.Close()
	b, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(b)
}

// count says how often each type of event occurs.
func count(types []string) map[string]int {
	n := map[string]int{}
	for _, t := range types {
		n[t]++
	}
	return n
}

var errBroken = fmt.Errorf("broken")
