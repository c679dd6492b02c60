package projections

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"asprak/application"
	"asprak/domain"
	"asprak/domain/transcript"
)

var openingModel = model{
	name: "openings", version: 2, tables: []string{"openings", "opening_words"},
	schema: []string{
		`CREATE TABLE openings (
			id TEXT PRIMARY KEY,
			status TEXT NOT NULL,
			term TEXT NOT NULL,
			department TEXT NOT NULL,
			details TEXT NOT NULL,
			awarded BIGINT NOT NULL,
			created BIGINT NOT NULL,
			published_at BIGINT NOT NULL,
			updated_at BIGINT NOT NULL,
			revision BIGINT NOT NULL,
			position BIGINT NOT NULL,
			prepare BIGINT NOT NULL
		)`,
		`CREATE INDEX openings_created ON openings (created)`,
		`CREATE INDEX openings_status ON openings (status, created)`,
		`CREATE INDEX openings_term ON openings (term, created)`,
		`CREATE INDEX openings_department ON openings (department, created)`,
		`CREATE TABLE opening_words (
			word TEXT NOT NULL,
			opening_id TEXT NOT NULL,
			PRIMARY KEY (word, opening_id)
		)`,
		`CREATE INDEX opening_words_opening ON opening_words (opening_id)`,
	},
}

// OpeningRow is one opening as it stands. Revision and Position are those of its last event.
type OpeningRow struct {
	ID           uuid.UUID                        `json:"id"`
	Status       domain.OpeningStatus             `json:"status"`
	Details      domain.OpeningDetails            `json:"details"`
	Awarded      int                              `json:"awarded"`      // seats given so far, of Details.Seats
	Applications map[domain.ApplicationStatus]int `json:"applications"` // how many stand where; states without any are left out
	PublishedAt  time.Time                        `json:"published_at"`
	UpdatedAt    time.Time                        `json:"updated_at"`
	Revision     application.Revision             `json:"revision"`
	Position     application.Position             `json:"position"`
}

// OpeningQuery selects openings, the latest published first. Empty fields do not filter.
type OpeningQuery struct {
	State      string // a domain.OpeningStatus
	Term       string
	Department string
	Within     *domain.Extent // nil: all
	Cursor     string         // Next of the page before
	Limit      int            // 1 to 100; 0: 20
}

type openings struct{ b *batch }

func newOpenings(b *batch) applier { return openings{b} }

func (o openings) finish() error { return nil }

func (o openings) apply(e event) error {
	at := placeOf(e.record)
	now := nanos(e.metadata.OccurredAt)
	var seats int
	switch published := e.event.(type) {
	case *domain.OpeningPublished:
		state := domain.Opening{}.Evolve(published)
		details, err := toJSON(state.Details)
		if err != nil {
			return err
		}
		if err := storeOpeningWords(o.b, e.id, state.Details); err != nil {
			return err
		}
		_, err = o.b.exec(`INSERT INTO openings (id, status, term, department, details, awarded, created, published_at, updated_at, revision, position, prepare)
			VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?)`,
			e.id.String(), string(state.Status), state.Details.Term, state.Details.Department, details,
			at.Commit, now, now, int64(at.Revision), at.Commit, at.Prepare)
		return err
	case *domain.SeatAwarded:
		seats = 1
	case *domain.SeatReleased:
		seats = -1
	}
	if seats != 0 {
		_, err := o.b.exec(`UPDATE openings SET awarded = awarded + ?, updated_at = ?, revision = ?, position = ?, prepare = ? WHERE id = ?`,
			seats, now, int64(at.Revision), at.Commit, at.Prepare, e.id.String())
		return err
	}
	var stored struct {
		Status  string `db:"status"`
		Details string `db:"details"`
	}
	found, err := o.b.get(&stored, `SELECT status, details FROM openings WHERE id = ?`, e.id.String())
	if err != nil || !found {
		return err
	}
	state := domain.Opening{ID: e.id, Status: domain.OpeningStatus(stored.Status)}
	if err := json.Unmarshal([]byte(stored.Details), &state.Details); err != nil {
		return err
	}
	state = state.Evolve(e.event)
	details, err := toJSON(state.Details)
	if err != nil {
		return err
	}
	if _, revised := e.event.(*domain.OpeningRevised); revised {
		if err := storeOpeningWords(o.b, e.id, state.Details); err != nil {
			return err
		}
	}
	_, err = o.b.exec(`UPDATE openings SET status = ?, term = ?, department = ?, details = ?, updated_at = ?, revision = ?, position = ?, prepare = ? WHERE id = ?`,
		string(state.Status), state.Details.Term, state.Details.Department, details, now, int64(at.Revision), at.Commit, at.Prepare, e.id.String())
	return err
}

// storeOpeningWords keeps what an opening is found by: its title, and the names and codes of its course.
func storeOpeningWords(b *batch, id uuid.UUID, d domain.OpeningDetails) error {
	if _, err := b.exec(`DELETE FROM opening_words WHERE opening_id = ?`, id.String()); err != nil {
		return err
	}
	text := transcript.NormaliseName(d.Title + " " + d.Requirement.Course.Name)
	for _, code := range d.Requirement.Course.Codes {
		text += " " + transcript.NormaliseCode(code)
	}
	for _, word := range words(text) {
		if _, err := b.exec(`INSERT INTO opening_words (word, opening_id) VALUES (?, ?)`, word, id.String()); err != nil {
			return err
		}
	}
	return nil
}

// maxOpenings bounds the openings whose applications are listed together.
const maxOpenings = 256

const (
	openingsOfTerm = `SELECT id FROM openings WHERE term = ? ORDER BY created DESC`
	openingsOfWord = `SELECT opening_id FROM opening_words WHERE word >= ? AND word < ?`
)

// openingsOf are the ids of the openings of the term and with a word that begins so for each
// word of the course; "" does not filter. So that few statements serve all, "" fills the
// number up to a power of two.
func (s *Store) openingsOf(ctx context.Context, term, course string) ([]string, error) {
	ids := []string{}
	if term != "" {
		if err := s.selectAll(ctx, &ids, openingsOfTerm, term); err != nil {
			return nil, err
		}
	}
	sought := courseWords(course)
	if course != "" && len(sought) == 0 {
		return []string{}, nil // nothing begins with what no word can hold
	}
	for i, word := range sought {
		var found []string
		if err := s.selectAll(ctx, &found, openingsOfWord, word, after(word)); err != nil {
			return nil, err
		}
		if i == 0 && term == "" {
			ids = slices.Compact(slices.Sorted(slices.Values(found)))
			continue
		}
		ids = slices.DeleteFunc(ids, func(id string) bool { return !slices.Contains(found, id) })
	}
	if len(ids) > maxOpenings {
		return nil, domain.Errorf(domain.Invalid, "too_broad", "More than %d openings are meant; name the term or more of the course.", maxOpenings)
	}
	if len(ids) == 0 {
		return []string{}, nil // none, and not all
	}
	return filled(ids), nil
}

// courseWords are what is sought by: a word with a digit is a code, however separated.
func courseWords(course string) (sought []string) {
	for _, word := range strings.Fields(course) {
		if strings.ContainsAny(word, "0123456789") {
			word = transcript.NormaliseCode(word)
		}
		sought = append(sought, strings.Fields(transcript.NormaliseName(word))...)
	}
	return sought
}

const openingSelection = `SELECT id, status, details, awarded, created, published_at, updated_at, revision, position, prepare FROM openings`

type storedOpening struct {
	ID          uuid.UUID `db:"id"`
	Status      string    `db:"status"`
	Details     string    `db:"details"`
	Awarded     int       `db:"awarded"`
	Created     int64     `db:"created"`
	PublishedAt int64     `db:"published_at"`
	UpdatedAt   int64     `db:"updated_at"`
	place
}

func (o storedOpening) keys(list) []any { return []any{o.Created} }

func (o storedOpening) row() (OpeningRow, error) {
	row := OpeningRow{ID: o.ID, Status: domain.OpeningStatus(o.Status), Awarded: o.Awarded, Applications: map[domain.ApplicationStatus]int{},
		PublishedAt: moment(o.PublishedAt), UpdatedAt: moment(o.UpdatedAt), Revision: o.Revision, Position: o.position()}
	return row, json.Unmarshal([]byte(o.Details), &row.Details)
}

func (q OpeningQuery) list() list {
	l := list{selection: openingSelection, order: []key{{"created", true}}, descending: true, cursor: q.Cursor, limit: q.Limit}
	l.equal("status", q.State)
	l.equal("term", q.Term)
	l.equal("department", q.Department)
	l.within(q.Within, "openings.id")
	return l
}

// Openings lists openings.
func (s *Store) Openings(ctx context.Context, q OpeningQuery) (Page[OpeningRow], error) {
	page, err := fetch[storedOpening](ctx, s, q.list())
	if err != nil {
		return page, err
	}
	return page, s.countApplications(ctx, page.Items)
}

// Opening finds one opening; domain.NotFound when there is none.
func (s *Store) Opening(ctx context.Context, id uuid.UUID) (OpeningRow, error) {
	var stored storedOpening
	if err := s.getOne(ctx, domain.OpeningNotFound(), &stored, openingSelection+` WHERE id = ?`, id.String()); err != nil {
		return OpeningRow{}, err
	}
	row, err := stored.row()
	if err != nil {
		return row, fmt.Errorf("projections: %w", err)
	}
	return row, s.countApplications(ctx, []OpeningRow{row})
}

// countApplications fills in how many applications stand where.
func (s *Store) countApplications(ctx context.Context, rows []OpeningRow) error {
	if len(rows) == 0 {
		return nil
	}
	ids := make([]string, len(rows))
	counts := make(map[string]map[domain.ApplicationStatus]int, len(rows))
	for i, r := range rows {
		ids[i] = r.ID.String()
		counts[ids[i]] = r.Applications
	}
	query, args, err := sqlx.In(applicationCounts, ids)
	if err != nil {
		return fmt.Errorf("projections: %w", err)
	}
	var found []struct {
		OpeningID string                   `db:"opening_id"`
		Status    domain.ApplicationStatus `db:"status"`
		N         int                      `db:"n"`
	}
	if err := s.selectAll(ctx, &found, query, args...); err != nil {
		return err
	}
	for _, f := range found {
		counts[f.OpeningID][f.Status] = f.N
	}
	return nil
}
