package projections

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"asprak/application"
	"asprak/domain"
)

// The key begins with the time, so that every filter and every span of time is a walk along
// one index.
var auditModel = model{
	name: "audit", version: 2, tables: []string{"audit"},
	schema: []string{
		`CREATE TABLE audit (
			occurred_at BIGINT NOT NULL,
			position BIGINT NOT NULL,
			prepare BIGINT NOT NULL,
			stream TEXT NOT NULL,
			revision BIGINT NOT NULL,
			event_id TEXT NOT NULL,
			type TEXT NOT NULL,
			known BIGINT NOT NULL,
			actor_id TEXT NOT NULL,
			actor_role TEXT NOT NULL,
			recorded_at BIGINT NOT NULL,
			correlation_id TEXT NOT NULL,
			causation_id TEXT NOT NULL,
			versions TEXT,
			sentence TEXT NOT NULL,
			reason TEXT NOT NULL,
			was TEXT,
			became TEXT,
			data TEXT NOT NULL,
			PRIMARY KEY (occurred_at, position, prepare)
		)`,
		`CREATE INDEX audit_event ON audit (event_id)`,
		`CREATE INDEX audit_actor ON audit (actor_id, occurred_at, position, prepare)`,
		`CREATE INDEX audit_type ON audit (type, occurred_at, position, prepare)`,
		`CREATE INDEX audit_stream ON audit (stream, occurred_at, position, prepare)`,
		`CREATE INDEX audit_correlation ON audit (correlation_id, occurred_at, position, prepare)`,
	},
}

// AuditRow is one event of the log: who did what, when, why, and what changed.
type AuditRow struct {
	Position      application.Position `json:"position"`
	Stream        string               `json:"stream"`
	Revision      application.Revision `json:"revision"`
	EventID       uuid.UUID            `json:"event_id"`
	Type          string               `json:"type"`
	Known         bool                 `json:"known"` // false: this program does not understand the event; Data is as it stands in the log
	Actor         domain.Actor         `json:"actor"`
	OccurredAt    time.Time            `json:"occurred_at"`
	RecordedAt    time.Time            `json:"recorded_at"`
	CorrelationID string               `json:"correlation_id"`
	CausationID   string               `json:"causation_id"`
	Versions      *domain.Versions     `json:"versions,omitempty"`
	Sentence      string               `json:"sentence"`         // texts of users stand in it quoted, without control and format characters
	Reason        string               `json:"reason,omitempty"` // as given
	Before        json.RawMessage      `json:"before,omitempty"` // an object of what changed, as it was
	After         json.RawMessage      `json:"after,omitempty"`  // and as it became
	Data          json.RawMessage      `json:"data"`
}

// AuditQuery selects events, the latest first by the time they tell, then by position. Empty
// fields do not filter.
type AuditQuery struct {
	Within        *domain.Extent // events of openings and their applications; nil: all
	Actor         string         // id
	Type          string
	Stream        string
	CorrelationID string
	Subject       string     // id of an applicant: events of their applications
	From, To      *time.Time // both inclusive
	Cursor        string     // Next of the page before
	Limit         int        // 1 to 100; 0: 20
}

// auditRows go into one statement on a server, where most of a statement's cost is the way
// there and back. SQLite is quicker with one at a time.
const auditRows = 16

var (
	insertOne  = insertAudit(1)
	insertMany = insertAudit(auditRows)
)

func insertAudit(rows int) string {
	const values = `(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	return `INSERT INTO audit (occurred_at, position, prepare, stream, revision, event_id, type, known, actor_id, actor_role, recorded_at,
		correlation_id, causation_id, versions, sentence, reason, was, became, data)
		VALUES ` + strings.TrimSuffix(strings.Repeat(values+", ", rows), ", ")
}

// audit holds rows back until there are enough for one statement.
type audit struct {
	b    *batch
	rows [][]any
}

func newAudit(b *batch) applier { return &audit{b: b} }

func (a *audit) finish() error { return a.flush() }

func (a *audit) flush() error {
	for len(a.rows) > 0 {
		query, values, n := insertOne, a.rows[0], 1
		if len(a.rows) >= auditRows {
			query, values, n = insertMany, slices.Concat(a.rows[:auditRows]...), auditRows
		}
		if _, err := a.b.exec(query, values...); err != nil {
			return err
		}
		a.rows = a.rows[n:]
	}
	return nil
}

func (a *audit) apply(e event) error {
	r, m := e.record, e.metadata
	known := e.err == nil && !e.foreign()
	if e.err != nil {
		// What can be read of the metadata is shown; the rest stays empty.
		_ = json.Unmarshal(r.Metadata, &m)
	}
	if m.OccurredAt.IsZero() {
		m.OccurredAt = r.RecordedAt
	}
	var versions, was, became any
	if m.Versions != nil {
		text, err := toJSON(m.Versions)
		if err != nil {
			return err
		}
		versions = text
	}
	does, reason := "recorded an event of a kind that this program does not know", ""
	switch {
	case known:
		if _, erased := e.event.(*domain.ApplicationErased); erased {
			if err := a.erase(e); err != nil {
				return err
			}
		}
		if award, ok := e.event.(*domain.SeatAwarded); ok {
			if err := a.eraseLate(&e, award); err != nil {
				return err
			}
		}
		does, reason = describe(e.event)
		before, after, err := a.changes(e)
		if err != nil {
			return err
		}
		was, became = before, after
		a.remember(e)
	case !e.foreign():
		does = "recorded an event that this program cannot read"
	}
	data := string(r.Data)
	switch {
	case known && m.Key != uuid.Nil:
		// As it was before it was sealed.
		text, err := toJSON(e.event)
		if err != nil {
			return err
		}
		data = text
	case !known && !json.Valid(r.Data):
		text, err := toJSON(data)
		if err != nil {
			return err
		}
		data = text
	}
	at := placeOf(r)
	a.rows = append(a.rows, []any{
		nanos(m.OccurredAt), at.Commit, at.Prepare, r.Stream, int64(at.Revision), r.ID.String(), r.Type, flag(known), m.Actor.ID, string(m.Actor.Role), nanos(r.RecordedAt),
		m.CorrelationID, m.CausationID, versions, who(m.Actor) + " " + does, reason, was, became, data,
	})
	if !a.b.far || len(a.rows) == auditRows {
		return a.flush()
	}
	return nil
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

const auditSelection = `SELECT occurred_at, position, prepare, stream, revision, event_id, type, known, actor_id, actor_role, recorded_at,
	correlation_id, causation_id, versions, sentence, reason, was, became, data FROM audit`

type storedAudit struct {
	OccurredAt int64 `db:"occurred_at"`
	place
	Stream        string         `db:"stream"`
	EventID       uuid.UUID      `db:"event_id"`
	Type          string         `db:"type"`
	Known         bool           `db:"known"`
	ActorID       string         `db:"actor_id"`
	ActorRole     string         `db:"actor_role"`
	RecordedAt    int64          `db:"recorded_at"`
	CorrelationID string         `db:"correlation_id"`
	CausationID   string         `db:"causation_id"`
	Versions      sql.NullString `db:"versions"`
	Sentence      string         `db:"sentence"`
	Reason        string         `db:"reason"`
	Was           sql.NullString `db:"was"`
	Became        sql.NullString `db:"became"`
	Data          string         `db:"data"`
}

func (a storedAudit) keys(list) []any { return []any{a.OccurredAt, a.Commit, a.Prepare} }

func (a storedAudit) row() (AuditRow, error) {
	row := AuditRow{Position: a.position(), Stream: a.Stream, Revision: a.Revision, EventID: a.EventID, Type: a.Type, Known: a.Known,
		Actor: domain.Actor{ID: a.ActorID, Role: domain.Role(a.ActorRole)}, OccurredAt: moment(a.OccurredAt), RecordedAt: moment(a.RecordedAt),
		CorrelationID: a.CorrelationID, CausationID: a.CausationID, Sentence: a.Sentence, Reason: a.Reason, Data: json.RawMessage(a.Data)}
	if a.Was.Valid {
		row.Before = json.RawMessage(a.Was.String)
	}
	if a.Became.Valid {
		row.After = json.RawMessage(a.Became.String)
	}
	if a.Versions.Valid {
		if err := json.Unmarshal([]byte(a.Versions.String), &row.Versions); err != nil {
			return row, fmt.Errorf("versions at %s: %w", row.Position, err)
		}
	}
	return row, nil
}

func (q AuditQuery) list() list {
	l := list{selection: auditSelection, order: []key{{"occurred_at", true}, {"position", true}, {"prepare", true}}, descending: true, cursor: q.Cursor, limit: q.Limit}
	l.equal("actor_id", q.Actor)
	l.equal("type", q.Type)
	l.equal("stream", q.Stream)
	l.equal("correlation_id", q.CorrelationID)
	if q.Subject != "" {
		l.filter(ofSubject, q.Subject)
	}
	if q.From != nil {
		l.filter("occurred_at >= ?", nanos(*q.From))
	}
	if q.To != nil {
		l.filter("occurred_at <= ?", nanos(*q.To))
	}
	l.withinStream(q.Within)
	return l
}

// A person has few applications and these have few events: they are sorted.
const ofSubject = `stream IN (SELECT 'application-' || id FROM applications WHERE applicant_id = ?)`

const roleAt = `SELECT actor_role FROM audit WHERE actor_id = ? AND occurred_at <= ? ORDER BY occurred_at DESC, position DESC, prepare DESC LIMIT 1`

// RoleAt is the role in which the actor caused their last event by then, "" when there is none.
func (s *Store) RoleAt(ctx context.Context, actor string, at time.Time) (domain.Role, error) {
	var roles []domain.Role
	if err := s.selectAll(ctx, &roles, roleAt, actor, nanos(at)); err != nil || len(roles) == 0 {
		return "", err
	}
	return roles[0], nil
}

// Audit lists the events of the log.
func (s *Store) Audit(ctx context.Context, q AuditQuery) (Page[AuditRow], error) {
	return fetch[storedAudit](ctx, s, q.list())
}
