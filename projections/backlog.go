package projections

import (
	"context"
	"database/sql"
	"time"

	"asprak/application"
)

var _ application.Backlog = (*Store)(nil)

// The status stands in the text, so that the planner sees that the index of unread documents,
// which is small, holds all that is asked for.
const (
	unreadOfAll = `SELECT count(*) AS documents, min(updated_at) AS oldest FROM documents WHERE status = 'verifying'`
	unreadOfOne = `SELECT count(*) FROM documents d JOIN applications a ON a.id = d.application_id WHERE a.applicant_id = ? AND d.status = 'verifying'`
)

// Unread tells how many documents wait for the machine, and since when the longest waiting
// one does, the zero time when there is none.
func (s *Store) Unread(ctx context.Context) (documents int, oldest time.Time, err error) {
	var found struct {
		Documents int           `db:"documents"`
		Oldest    sql.NullInt64 `db:"oldest"`
	}
	if err := s.getOne(ctx, sql.ErrNoRows, &found, unreadOfAll); err != nil {
		return 0, time.Time{}, err
	}
	if found.Oldest.Valid {
		oldest = moment(found.Oldest.Int64)
	}
	return found.Documents, oldest, nil
}

// UnreadOf tells how many of them are the applicant's.
func (s *Store) UnreadOf(ctx context.Context, applicant string) (documents int, err error) {
	return documents, s.getOne(ctx, sql.ErrNoRows, &documents, unreadOfOne, applicant)
}
