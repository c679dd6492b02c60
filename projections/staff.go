package projections

import (
	"context"
	"encoding/json"
	"time"

	"asprak/application"
	"asprak/domain"
)

var staffModel = model{
	name: "staff", version: 1, tables: []string{"staff"},
	schema: []string{
		`CREATE TABLE staff (
			id TEXT PRIMARY KEY,
			subject TEXT NOT NULL,
			access TEXT NOT NULL,
			updated_by TEXT NOT NULL,
			updated_at BIGINT NOT NULL,
			revision BIGINT NOT NULL,
			position BIGINT NOT NULL,
			prepare BIGINT NOT NULL
		)`,
		`CREATE INDEX staff_subject ON staff (subject)`,
	},
}

// StaffRow is one member of the staff to whom something was granted, by the subject of their
// tokens. Revision and Position are those of the last grant or revocation.
type StaffRow struct {
	Subject   string                        `json:"subject"`
	Access    map[domain.Role]domain.Extent `json:"access"` // roles to which nothing was ever granted are left out
	UpdatedBy domain.Actor                  `json:"updated_by"`
	UpdatedAt time.Time                     `json:"updated_at"`
	Revision  application.Revision          `json:"revision"`
	Position  application.Position          `json:"position"`
}

// StaffQuery selects members of the staff, by subject.
type StaffQuery struct {
	Cursor string // Next of the page before
	Limit  int    // 1 to 100; 0: 20
}

type staff struct{ b *batch }

func newStaff(b *batch) applier { return staff{b} }

func (s staff) finish() error { return nil }

func (s staff) apply(e event) error {
	var state domain.Staff
	var stored struct {
		Subject string `db:"subject"`
		Access  string `db:"access"`
	}
	found, err := s.b.get(&stored, `SELECT subject, access FROM staff WHERE id = ?`, e.id.String())
	if err != nil {
		return err
	}
	if found {
		state.Subject = stored.Subject
		if err := json.Unmarshal([]byte(stored.Access), &state.Access); err != nil {
			return err
		}
	}
	state = state.Evolve(e.event)
	access, err := toJSON(state.Access)
	if err != nil {
		return err
	}
	by, err := toJSON(e.metadata.Actor)
	if err != nil {
		return err
	}
	at := placeOf(e.record)
	_, err = s.b.exec(`INSERT INTO staff (id, subject, access, updated_by, updated_at, revision, position, prepare) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET access = excluded.access, updated_by = excluded.updated_by, updated_at = excluded.updated_at,
			revision = excluded.revision, position = excluded.position, prepare = excluded.prepare`,
		e.id.String(), state.Subject, access, by, nanos(e.metadata.OccurredAt), int64(at.Revision), at.Commit, at.Prepare)
	return err
}

const staffSelection = `SELECT subject, access, updated_by, updated_at, revision, position, prepare FROM staff`

type storedStaff struct {
	Subject   string `db:"subject"`
	Access    string `db:"access"`
	UpdatedBy string `db:"updated_by"`
	UpdatedAt int64  `db:"updated_at"`
	place
}

func (s storedStaff) keys(list) []any { return []any{s.Subject} }

func (s storedStaff) row() (StaffRow, error) {
	row := StaffRow{Subject: s.Subject, UpdatedAt: moment(s.UpdatedAt), Revision: s.Revision, Position: s.position()}
	if err := json.Unmarshal([]byte(s.UpdatedBy), &row.UpdatedBy); err != nil {
		return row, err
	}
	return row, json.Unmarshal([]byte(s.Access), &row.Access)
}

func (q StaffQuery) list() list {
	return list{selection: staffSelection, order: []key{{"subject", false}}, cursor: q.Cursor, limit: q.Limit}
}

// Staff lists those to whom something was granted.
func (s *Store) Staff(ctx context.Context, q StaffQuery) (Page[StaffRow], error) {
	return fetch[storedStaff](ctx, s, q.list())
}
