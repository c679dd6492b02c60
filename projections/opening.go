package projections

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"asprak/application"
	"asprak/domain"
)

var openingModel = model{
	name: "openings", version: 1, tables: []string{"openings"},
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
	Cursor     string // Next of the page before
	Limit      int    // 1 to 100; 0: 20
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
	_, err = o.b.exec(`UPDATE openings SET status = ?, term = ?, department = ?, details = ?, updated_at = ?, revision = ?, position = ?, prepare = ? WHERE id = ?`,
		string(state.Status), state.Details.Term, state.Details.Department, details, now, int64(at.Revision), at.Commit, at.Prepare, e.id.String())
	return err
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
