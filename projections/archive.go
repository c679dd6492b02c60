package projections

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"asprak/application"
	"asprak/domain"
	"asprak/domain/transcript"
	"asprak/domain/verification"
)

var _ application.Archive = (*Store)(nil)

// maxDuplicates bounds how many earlier documents one verdict names, for each way of being the same.
const maxDuplicates = 20

const (
	sameFile = `SELECT id, nim FROM documents
		WHERE sha256 = ? AND nim_key <> ? AND (first_position, first_prepare) < (?, ?) ORDER BY first_position LIMIT ?`
	sameRows = `SELECT d.id, d.nim FROM readings r JOIN documents d ON d.id = r.document_id
		WHERE r.rows_key = ? AND d.nim_key <> ? AND (r.position, r.prepare) < (?, ?) ORDER BY r.position LIMIT ?`
	earlierReading = `SELECT reading FROM readings
		WHERE sha256 = ? AND engine = ? AND layout = ? AND (position, prepare) < (?, ?) ORDER BY position DESC LIMIT 1`
)

// documents waits until the documents have been taken in up to the position.
func (s *Store) documents(ctx context.Context, position application.Position) error {
	for _, p := range s.projectors {
		if p.fills(documentModel.name) {
			return s.wait(ctx, position, p)
		}
	}
	return errors.New("projections: no model of documents")
}

func (p *projector) fills(model string) bool {
	for _, m := range p.models {
		if m.name == model {
			return true
		}
	}
	return false
}

// Duplicates implements application.Archive. A student number is the applicant's as it
// stands by now; of a document that is the same in both ways the file is named. At most 20
// are named for each way, the earliest.
func (s *Store) Duplicates(ctx context.Context, before application.Position, sha256, rowsKey, nim string) ([]verification.Duplicate, error) {
	if err := s.documents(ctx, before); err != nil {
		return nil, err
	}
	var duplicates []verification.Duplicate
	seen := make(map[string]bool)
	for _, way := range []struct{ same, query, value string }{{"file", sameFile, sha256}, {"rows", sameRows, rowsKey}} {
		if way.value == "" {
			continue
		}
		var found []struct {
			ID  string `db:"id"`
			NIM string `db:"nim"`
		}
		if err := s.selectAll(ctx, &found, way.query, way.value, nimKey(nim), int64(before.Commit), int64(before.Prepare), maxDuplicates); err != nil {
			return nil, err
		}
		for _, f := range found {
			if !seen[f.ID] {
				seen[f.ID] = true
				duplicates = append(duplicates, verification.Duplicate{DocumentID: f.ID, NIM: f.NIM, Same: way.same})
			}
		}
	}
	return duplicates, nil
}

// Reading implements application.Archive.
func (s *Store) Reading(ctx context.Context, before application.Position, sha256 string, versions domain.Versions) (*transcript.Reading, error) {
	if err := s.documents(ctx, before); err != nil {
		return nil, err
	}
	var text string
	err := s.getOne(ctx, sql.ErrNoRows, &text, earlierReading, sha256, versions.Engine, versions.Layout, int64(before.Commit), int64(before.Prepare))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	reading := new(transcript.Reading)
	if err := json.Unmarshal([]byte(text), reading); err != nil {
		return nil, fmt.Errorf("projections: reading: %w", err)
	}
	return reading, nil
}
