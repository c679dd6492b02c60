package projections

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"asprak/application"
	"asprak/domain"
)

var _ application.Register = (*Store)(nil)

const (
	applicationsOfOne = `SELECT id FROM applications WHERE applicant_id = ? ORDER BY created`
	// Who applies has a student number; only that of an erased application is empty.
	applicationsHeld = `SELECT id FROM applications WHERE opening_id = ? AND nim_key <> '' ORDER BY created`
	allOpenings      = `SELECT id, details FROM openings ORDER BY created`
	sharedBytes      = `SELECT count(*) FROM documents WHERE sha256 = ? AND application_id <> ?`
)

// ApplicationsOf implements application.Register.
func (s *Store) ApplicationsOf(ctx context.Context, until application.Position, applicant string) (ids []uuid.UUID, err error) {
	if err := s.Wait(ctx, until); err != nil {
		return nil, err
	}
	return ids, s.selectAll(ctx, &ids, applicationsOfOne, applicant)
}

// ApplicationsTo implements application.Register.
func (s *Store) ApplicationsTo(ctx context.Context, until application.Position, opening uuid.UUID) (ids []uuid.UUID, err error) {
	if err := s.Wait(ctx, until); err != nil {
		return nil, err
	}
	return ids, s.selectAll(ctx, &ids, applicationsHeld, opening.String())
}

// Retained implements application.Register.
func (s *Store) Retained(ctx context.Context, until application.Position) ([]uuid.UUID, error) {
	if err := s.Wait(ctx, until); err != nil {
		return nil, err
	}
	var all []struct {
		ID      uuid.UUID `db:"id"`
		Details string    `db:"details"`
	}
	if err := s.selectAll(ctx, &all, allOpenings); err != nil {
		return nil, err
	}
	var ids []uuid.UUID
	for _, o := range all {
		var details domain.OpeningDetails
		if err := json.Unmarshal([]byte(o.Details), &details); err != nil {
			return nil, fmt.Errorf("projections: opening %s: %w", o.ID, err)
		}
		if details.RetentionDays != nil {
			ids = append(ids, o.ID)
		}
	}
	return ids, nil
}

// Shared implements application.Register.
func (s *Store) Shared(ctx context.Context, until application.Position, sha256 string, id uuid.UUID) (bool, error) {
	if err := s.Wait(ctx, until); err != nil {
		return false, err
	}
	others := 0
	err := s.getOne(ctx, sql.ErrNoRows, &others, sharedBytes, sha256, id.String())
	return others > 0, err
}
