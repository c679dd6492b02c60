package projections

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/domain"
	"asprak/domain/transcript"
	"asprak/domain/verification"
	"asprak/infrastructure/keys"
)

// databases are what every test runs on.
var databases = []struct {
	name string
	// place names a fresh, empty database; open opens it, again and again.
	place func(t testing.TB) string
	open  func(t testing.TB, place string) *Store
	// histories is how many random ones it is tried with, by what each costs (-rapid.checks=600 tries six times as many).
	histories int
}{
	{"sqlite", sqlitePlace, openStore, 500},
	{"postgres", postgresPlace, openStore, 100},
}

func sqlitePlace(t testing.TB) string { return filepath.Join(t.TempDir(), "views.db") }

func openStore(t testing.TB, place string) *Store {
	s, err := Open(context.Background(), place)
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

// onEach runs the test with a fresh store on every database.
func onEach(t *testing.T, test func(t *testing.T, s *Store)) {
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) { test(t, d.open(t, d.place(t))) })
	}
}

var (
	background = context.Background()
	start      = time.Date(2026, 8, 1, 9, 0, 0, 123456789, time.UTC)
	opening1   = uuid.MustParse("11111111-1111-4111-8111-111111111111")
	opening2   = uuid.MustParse("22222222-2222-4222-8222-222222222222")
	admin      = domain.Actor{ID: "admin-1", Role: domain.RoleAdmin}
	system     = domain.Actor{ID: "reader", Role: domain.RoleSystem}
)

func details(title string) domain.OpeningDetails {
	return domain.OpeningDetails{Title: title, Department: "Informatika", Term: "2026/2027-1", Seats: 2,
		OpensAt: start, ClosesAt: start.Add(24 * time.Hour),
		Requirement: verification.Requirement{Course: verification.Course{Codes: []string{"IF101"}}, MinGrade: "B"}}
}

func person(name, nim string) domain.Applicant {
	return domain.Applicant{ID: "person-" + nim, Name: name, NIM: nim, Email: "p@example.org", Programme: "Informatika"}
}

func hash(seed string) string { return strings.Repeat(seed, 64/len(seed)) }

func reading(codes ...string) transcript.Reading {
	r := transcript.Reading{Type: "application/pdf", Kind: transcript.KHS, Confidence: 1, Layout: "l1"}
	for _, code := range codes {
		r.Rows = append(r.Rows, transcript.Row{Code: &transcript.Field[string]{Value: code}, Grade: &transcript.Field[string]{Value: "A"}, Page: 1})
	}
	return r
}

func verdict(label verification.Label) verification.Verdict {
	return verification.Verdict{Label: label, Confidence: 0.5, Policy: "p1", Checks: []verification.Check{{Name: "course", Outcome: verification.Pass}}}
}

// story is a log being written: each event gets its place and the codec's JSON.
type story struct {
	t         testing.TB
	codec     *application.Codec
	records   []application.Record
	revisions map[string]application.Revision
	state     map[uuid.UUID]domain.Application
	openings  map[uuid.UUID]domain.Opening
	ring      application.Keys // nil: nothing is sealed
	keys      map[uuid.UUID]application.Key
}

func newStory(t testing.TB) *story {
	return &story{t: t, codec: application.NewCodec(), revisions: map[string]application.Revision{},
		state: map[uuid.UUID]domain.Application{}, openings: map[uuid.UUID]domain.Opening{}}
}

// sealed is a story whose personal values are sealed, each application's with a key of its own.
func sealed(t testing.TB, ring application.Keys) *story {
	s := newStory(t)
	s.codec, s.ring, s.keys = s.codec.With(ring), ring, map[uuid.UUID]application.Key{}
	return s
}

func aRing(t testing.TB) *keys.Ring {
	folder := t.TempDir()
	ring, err := keys.Open(background, filepath.Join(folder, "keys.db"), keys.Master{File: filepath.Join(folder, "master.key")})
	require.NoError(t, err)
	t.Cleanup(func() { ring.Close() })
	return ring
}

// keyFor is the key of the application that the event is about.
func (s *story) keyFor(stream string, e domain.Event) application.Key {
	kind, id := parseStream(stream)
	if award, ok := e.(*domain.SeatAwarded); ok {
		kind, id = applicationStream, award.ApplicationID
	}
	if s.ring == nil || kind != applicationStream {
		return nil
	}
	if s.keys[id] == nil {
		key, err := s.ring.New(background)
		require.NoError(s.t, err)
		s.keys[id] = key
	}
	return s.keys[id]
}

// forget destroys the keys of the applications that the story erases.
func (s *story) forget() {
	s.t.Helper()
	for id, state := range s.state {
		if state.Erased {
			require.NoError(s.t, s.ring.Destroy(background, s.keys[id].ID()))
		}
	}
}

func openingName(id uuid.UUID) string     { return "opening-" + id.String() }
func applicationName(id uuid.UUID) string { return "application-" + id.String() }
func personName(subject string) string    { return "person-" + domain.PersonID(subject).String() }
func staffName(subject string) string     { return "staff-" + domain.StaffID(subject).String() }

// tell appends the events to the stream in the actor's name.
func (s *story) tell(stream string, actor domain.Actor, events ...domain.Event) {
	s.t.Helper()
	for _, e := range events {
		n := len(s.records) + 1
		m := domain.Metadata{EventID: uuid.NewSHA1(uuid.Nil, fmt.Append(nil, n)), Actor: actor, OccurredAt: start.Add(time.Duration(n) * time.Second),
			CorrelationID: fmt.Sprintf("request-%d", n), CausationID: "cause", Versions: versionsOf(e)}
		r, err := s.codec.Encode(e, m, s.keyFor(stream, e))
		require.NoError(s.t, err)
		s.raw(stream, r.Type, r.Data, r.Metadata)
		switch kind, id := parseStream(stream); kind {
		case applicationStream:
			s.state[id] = s.state[id].Evolve(e)
		case openingStream:
			s.openings[id] = s.openings[id].Evolve(e)
		}
	}
}

func versionsOf(e domain.Event) *domain.Versions {
	switch e.(type) {
	case *domain.DocumentRead:
		return &domain.Versions{Engine: "e1", Layout: "l1"}
	case *domain.DocumentVerified, *domain.DocumentRejected, *domain.DocumentReferred:
		return &domain.Versions{Engine: "e1", Layout: "l1", Policy: "p1"}
	}
	return nil
}

func (s *story) raw(stream, kind string, data, metadata []byte) {
	n := len(s.records) + 1
	s.records = append(s.records, application.Record{Stream: stream, Revision: s.revisions[stream], Position: application.Position{Commit: uint64(10 * n), Prepare: uint64(10*n - 1)},
		ID: uuid.NewSHA1(uuid.Nil, fmt.Append(nil, n)), Type: kind, Data: data, Metadata: metadata, RecordedAt: start.Add(time.Duration(n) * time.Second)})
	s.revisions[stream]++
}

func (s *story) publish(id uuid.UUID, title string) {
	s.tell(openingName(id), admin, &domain.OpeningPublished{OpeningID: id, Details: details(title)})
}

func (s *story) submit(opening uuid.UUID, p domain.Applicant) uuid.UUID {
	id := domain.ApplicationID(opening, p.ID)
	s.tell(applicationName(id), domain.Actor{ID: p.ID, Role: domain.RoleApplicant}, &domain.ApplicationSubmitted{ApplicationID: id, OpeningID: opening, Applicant: p})
	return id
}

func (s *story) upload(app uuid.UUID, sha string) uuid.UUID {
	id := domain.DocumentID(app, sha)
	s.tell(applicationName(app), domain.Actor{ID: s.state[app].Applicant.ID, Role: domain.RoleApplicant},
		&domain.DocumentUploaded{DocumentID: id, Kind: transcript.KHS, SHA256: sha, Size: 10, Type: "application/pdf", FileName: "khs.pdf"})
	return id
}

func (s *story) read(app, document uuid.UUID, r transcript.Reading) {
	d, _ := s.state[app].Document(document)
	s.tell(applicationName(app), system, &domain.DocumentRead{DocumentID: document, Attempt: max(d.Attempt, 1), Reading: r, Millis: 42})
}

// judge records a verdict of the label, with its event.
func (s *story) judge(app, document uuid.UUID, label verification.Label) {
	d, _ := s.state[app].Document(document)
	var e domain.Event
	switch v := verdict(label); label.Outcome() {
	case "verified":
		e = &domain.DocumentVerified{DocumentID: document, Attempt: d.Attempt, Verdict: v}
	case "rejected":
		e = &domain.DocumentRejected{DocumentID: document, Attempt: d.Attempt, Verdict: v}
	default:
		e = &domain.DocumentReferred{DocumentID: document, Attempt: d.Attempt, Verdict: v}
	}
	s.tell(applicationName(app), system, e)
}

// last is the position of the last event told.
func (s *story) last() application.Position { return s.records[len(s.records)-1].Position }

// feed gives the store what it has not seen of the story, as one batch.
func (s *story) feed(to *Store) {
	s.t.Helper()
	require.NoError(s.t, feed(to, s.codec, s.records))
}

func feed(s *Store, codec *application.Codec, records []application.Record) error {
	return s.take(codec, map[string]*sqlx.Stmt{}, records)
}

// dump is everything that the models hold.
func dump(t testing.TB, s *Store) map[string][][]any {
	all := map[string][][]any{}
	tables := []string{"models"}
	for _, p := range s.projectors {
		for _, m := range p.models {
			tables = append(tables, m.tables...)
		}
	}
	for _, table := range tables {
		all[table] = rowsOf(t, s, table)
	}
	return all
}

func rowsOf(t testing.TB, s *Store, table string) (all [][]any) {
	order := "1, 2, 3"
	if strings.HasPrefix(table, "opening_words") { // of two columns
		order = "1, 2"
	}
	rows, err := s.read.Queryx("SELECT * FROM " + table + " ORDER BY " + order)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		row, err := rows.SliceScan()
		require.NoError(t, err)
		all = append(all, row)
	}
	require.NoError(t, rows.Err())
	return all
}
