// Package projections holds the read models: SQL tables that follow the log, and the queries
// that the API answers from. It knows the domain's events and the log's port, but neither
// where the log stands nor HTTP.
package projections

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"asprak/application"
	"asprak/domain"
	"asprak/domain/transcript"
	"asprak/domain/verification"
)

// Page is one page of a list, and the cursor of the next one.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
}

// Store keeps the read models in a database.
type Store struct{}

// ModelStatus is how far a read model has come.
type ModelStatus struct {
	Name     string
	Version  int
	Position application.Position
	Skipped  int64  // events of unknown types that were passed over
	Error    string // why it stands still, "" when it does not
}

var errNotThere = errors.New("projections: the tables are not there")

func Open(ctx context.Context, path string) (*Store, error) { return &Store{}, nil }
func (s *Store) Close() error                               { return nil }
func (s *Store) Run(ctx context.Context, log application.Log, codec *application.Codec) error {
	return errNotThere
}
func (s *Store) Seen() application.Position                                    { return application.Position{} }
func (s *Store) Wait(ctx context.Context, position application.Position) error { return errNotThere }
func (s *Store) Status() []ModelStatus                                         { return nil }

func (s *Store) Openings(ctx context.Context, q OpeningQuery) (Page[OpeningRow], error) {
	return Page[OpeningRow]{}, errNotThere
}
func (s *Store) Opening(ctx context.Context, id uuid.UUID) (OpeningRow, error) {
	return OpeningRow{}, errNotThere
}
func (s *Store) Applications(ctx context.Context, q ApplicationQuery) (Page[ApplicationRow], error) {
	return Page[ApplicationRow]{}, errNotThere
}
func (s *Store) Application(ctx context.Context, id uuid.UUID) (ApplicationRow, error) {
	return ApplicationRow{}, errNotThere
}
func (s *Store) Documents(ctx context.Context, applicationID uuid.UUID) ([]DocumentRow, error) {
	return nil, errNotThere
}
func (s *Store) Document(ctx context.Context, applicationID, documentID uuid.UUID) (DocumentRow, error) {
	return DocumentRow{}, errNotThere
}
func (s *Store) Reviews(ctx context.Context, q ReviewQuery) (Page[ReviewRow], error) {
	return Page[ReviewRow]{}, errNotThere
}
func (s *Store) Audit(ctx context.Context, q AuditQuery) (Page[AuditRow], error) {
	return Page[AuditRow]{}, errNotThere
}

func (s *Store) Duplicates(ctx context.Context, before application.Position, sha256, rowsKey, nim string) ([]verification.Duplicate, error) {
	return nil, errNotThere
}
func (s *Store) Reading(ctx context.Context, before application.Position, sha256 string, versions domain.Versions) (*transcript.Reading, error) {
	return nil, errNotThere
}

var _ application.Archive = (*Store)(nil)
