package projections

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"asprak/application"
	"asprak/domain"
	"asprak/domain/transcript"
	"asprak/domain/verification"
)

// Readings are kept beside the documents, one for each attempt: the archive finds earlier
// ones, and lists need not carry them.
var documentModel = model{
	name: "documents", version: 2, tables: []string{"documents", "readings"},
	schema: []string{
		`CREATE TABLE documents (
			id TEXT PRIMARY KEY,
			application_id TEXT NOT NULL,
			nim TEXT NOT NULL,
			nim_key TEXT NOT NULL,
			kind TEXT NOT NULL,
			type TEXT NOT NULL,
			size BIGINT NOT NULL,
			sha256 TEXT NOT NULL,
			file_name TEXT NOT NULL,
			status TEXT NOT NULL,
			label TEXT NOT NULL,
			decided_by TEXT NOT NULL,
			submission BIGINT NOT NULL,
			attempt BIGINT NOT NULL,
			verdict TEXT,
			opening_revision BIGINT,
			policy TEXT NOT NULL,
			failure TEXT,
			override TEXT,
			first_position BIGINT NOT NULL,
			first_prepare BIGINT NOT NULL,
			uploaded BIGINT NOT NULL,
			uploaded_at BIGINT NOT NULL,
			updated_at BIGINT NOT NULL,
			revision BIGINT NOT NULL,
			position BIGINT NOT NULL,
			prepare BIGINT NOT NULL
		)`,
		`CREATE INDEX documents_application ON documents (application_id, uploaded)`,
		`CREATE INDEX documents_sha256 ON documents (sha256, first_position)`,
		`CREATE INDEX documents_unread ON documents (updated_at) WHERE status = 'verifying'`,
		`CREATE TABLE readings (
			document_id TEXT NOT NULL,
			attempt BIGINT NOT NULL,
			sha256 TEXT NOT NULL,
			rows_key TEXT NOT NULL,
			engine TEXT NOT NULL,
			layout TEXT NOT NULL,
			millis BIGINT NOT NULL,
			reading TEXT NOT NULL,
			position BIGINT NOT NULL,
			prepare BIGINT NOT NULL,
			PRIMARY KEY (document_id, attempt)
		)`,
		`CREATE INDEX readings_rows ON readings (rows_key, position)`,
		`CREATE INDEX readings_sha256 ON readings (sha256, engine, layout, position)`,
	},
}

// DocumentRow is one document as it stands. Reading, Verdict, Failure and Override are those
// of the newest attempt. Revision is the application's, at the last event about the document.
type DocumentRow struct {
	ID              uuid.UUID                `json:"id"`
	ApplicationID   uuid.UUID                `json:"application_id"`
	NIM             string                   `json:"nim"` // of the applicant
	Kind            transcript.Kind          `json:"kind"`
	Type            string                   `json:"type"` // media type by content
	Size            int64                    `json:"size"` // bytes
	SHA256          string                   `json:"sha256"`
	FileName        string                   `json:"file_name"`
	Status          domain.ApplicationStatus `json:"status"`
	Label           verification.Label       `json:"label,omitempty"`      // the conclusion that holds, "" while there is none
	DecidedBy       string                   `json:"decided_by,omitempty"` // who gave the label: "machine" or "person"
	Submission      int                      `json:"submission"`
	Attempt         int                      `json:"attempt"`
	Reading         *transcript.Reading      `json:"reading,omitempty"` // nil in lists, as is Verdict
	RowsKey         string                   `json:"rows_key,omitempty"`
	Millis          int64                    `json:"millis,omitempty"`           // wall time of the reading
	Verdict         *verification.Verdict    `json:"verdict,omitempty"`          // the machine's
	OpeningRevision *int64                   `json:"opening_revision,omitempty"` // the requirements it was judged by
	Versions        *domain.Versions         `json:"versions,omitempty"`         // what produced reading and verdict
	Failure         *domain.ReadingFailure   `json:"failure,omitempty"`
	Override        *domain.Override         `json:"override,omitempty"`
	UploadedAt      time.Time                `json:"uploaded_at"`
	UpdatedAt       time.Time                `json:"updated_at"`
	Revision        application.Revision     `json:"revision"`
	Position        application.Position     `json:"position"`
}

// applyDocument changes the rows of the document that the event is about, if any. The
// application is folded up to the event.
func applyDocument(b *batch, f *fold, e event) error {
	switch ev := e.event.(type) {
	case *domain.ApplicationResubmitted:
		return renameDocuments(b, f)
	case *domain.DocumentUploaded:
		return uploadDocument(b, f, ev)
	case *domain.DocumentRead:
		if err := storeReading(b, f, e, ev); err != nil {
			return err
		}
		return concludeDocument(b, f, ev.DocumentID, "")
	case *domain.DocumentRereadRequested:
		return concludeDocument(b, f, ev.DocumentID, `verdict = NULL, opening_revision = NULL, policy = '', failure = NULL, override = NULL`)
	case *domain.DocumentVerified:
		return judgeDocument(b, f, e, ev.DocumentID, ev.Verdict, ev.OpeningRevision)
	case *domain.DocumentRejected:
		return judgeDocument(b, f, e, ev.DocumentID, ev.Verdict, ev.OpeningRevision)
	case *domain.DocumentReferred:
		return judgeDocument(b, f, e, ev.DocumentID, ev.Verdict, ev.OpeningRevision)
	case *domain.DocumentReadingFailed:
		failure, err := toJSON(domain.ReadingFailure{Code: ev.Code, Tries: ev.Tries})
		if err != nil {
			return err
		}
		return concludeDocument(b, f, ev.DocumentID, `failure = ?`, failure)
	case *domain.VerificationOverridden:
		override, err := toJSON(domain.Override{Outcome: ev.Outcome, Reason: ev.Reason, Before: ev.Before})
		if err != nil {
			return err
		}
		return concludeDocument(b, f, ev.DocumentID, `override = ?`, override)
	case *domain.ApplicationErased:
		return eraseDocuments(b, f)
	}
	return nil
}

// renameDocuments gives all documents the student number as corrected: a person's earlier
// upload under a mistyped number is no other student's.
func renameDocuments(b *batch, f *fold) error {
	nim := f.now.Applicant.NIM
	_, err := b.exec(`UPDATE documents SET nim = ?, nim_key = ? WHERE application_id = ?`, nim, nimKey(nim), f.id.String())
	return err
}

func uploadDocument(b *batch, f *fold, e *domain.DocumentUploaded) error {
	d, ok := f.now.Document(e.DocumentID)
	if !ok {
		return nil
	}
	nim, at := f.now.Applicant.NIM, f.place
	_, err := b.exec(`INSERT INTO documents (id, application_id, nim, nim_key, kind, type, size, sha256, file_name, status, label, decided_by, submission, attempt, policy,
			first_position, first_prepare, uploaded, uploaded_at, updated_at, revision, position, prepare)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', '', ?, ?, '', ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET nim = excluded.nim, nim_key = excluded.nim_key, kind = excluded.kind, type = excluded.type, size = excluded.size,
			file_name = excluded.file_name, status = excluded.status, label = '', decided_by = '', submission = excluded.submission, attempt = excluded.attempt,
			verdict = NULL, opening_revision = NULL, policy = '', failure = NULL, override = NULL,
			uploaded = excluded.uploaded, uploaded_at = excluded.uploaded_at, updated_at = excluded.updated_at,
			revision = excluded.revision, position = excluded.position, prepare = excluded.prepare`,
		d.ID.String(), f.id.String(), nim, nimKey(nim), string(d.Kind), d.Type, d.Size, d.SHA256, d.FileName, string(d.Status()), d.Submission, d.Attempt,
		at.Commit, at.Prepare, at.Commit, f.updatedAt, f.updatedAt, int64(at.Revision), at.Commit, at.Prepare)
	return err
}

func storeReading(b *batch, f *fold, e event, read *domain.DocumentRead) error {
	d, ok := f.now.Document(read.DocumentID)
	if !ok {
		return nil
	}
	reading, err := toJSON(read.Reading)
	if err != nil {
		return err
	}
	var versions domain.Versions
	if e.metadata.Versions != nil {
		versions = *e.metadata.Versions
	}
	_, err = b.exec(`INSERT INTO readings (document_id, attempt, sha256, rows_key, engine, layout, millis, reading, position, prepare) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (document_id, attempt) DO UPDATE SET rows_key = excluded.rows_key, engine = excluded.engine, layout = excluded.layout, millis = excluded.millis,
			reading = excluded.reading, position = excluded.position, prepare = excluded.prepare`,
		d.ID.String(), read.Attempt, d.SHA256, transcript.RowsKey(read.Reading), versions.Engine, versions.Layout, read.Millis, reading, f.place.Commit, f.place.Prepare)
	return err
}

func judgeDocument(b *batch, f *fold, e event, id uuid.UUID, v verification.Verdict, openingRevision int64) error {
	verdict, err := toJSON(v)
	if err != nil {
		return err
	}
	policy := v.Policy
	if e.metadata.Versions != nil && e.metadata.Versions.Policy != "" {
		policy = e.metadata.Versions.Policy
	}
	return concludeDocument(b, f, id, `verdict = ?, opening_revision = ?, policy = ?, failure = NULL`, verdict, openingRevision, policy)
}

// concludeDocument brings a document's row to where the fold has it, and sets what the event
// adds to it.
func concludeDocument(b *batch, f *fold, id uuid.UUID, set string, args ...any) error {
	d, ok := f.now.Document(id)
	if !ok {
		return nil
	}
	if set != "" {
		set = ", " + set
	}
	all := append([]any{string(d.Status()), string(d.Label()), d.DecidedBy(), d.Attempt, f.updatedAt, int64(f.place.Revision), f.place.Commit, f.place.Prepare}, args...)
	_, err := b.exec(`UPDATE documents SET status = ?, label = ?, decided_by = ?, attempt = ?, updated_at = ?, revision = ?, position = ?, prepare = ?`+set+` WHERE id = ?`,
		append(all, id.String())...)
	return err
}

const (
	documentColumns = `SELECT d.id, d.application_id, d.nim, d.kind, d.type, d.size, d.sha256, d.file_name, d.status, d.label, d.decided_by, d.submission, d.attempt,
	d.opening_revision, d.policy, d.failure, d.override, d.uploaded_at, d.updated_at, d.revision, d.position, d.prepare, r.rows_key, r.engine, r.layout, r.millis`
	documentTables = ` FROM documents d LEFT JOIN readings r ON r.document_id = d.id AND r.attempt = d.attempt`
)

type storedDocument struct {
	ID              uuid.UUID      `db:"id"`
	ApplicationID   uuid.UUID      `db:"application_id"`
	NIM             string         `db:"nim"`
	Kind            string         `db:"kind"`
	Type            string         `db:"type"`
	Size            int64          `db:"size"`
	SHA256          string         `db:"sha256"`
	FileName        string         `db:"file_name"`
	Status          string         `db:"status"`
	Label           string         `db:"label"`
	DecidedBy       string         `db:"decided_by"`
	Submission      int            `db:"submission"`
	Attempt         int            `db:"attempt"`
	Verdict         sql.NullString `db:"verdict"`
	OpeningRevision sql.NullInt64  `db:"opening_revision"`
	Policy          string         `db:"policy"`
	Failure         sql.NullString `db:"failure"`
	Override        sql.NullString `db:"override"`
	UploadedAt      int64          `db:"uploaded_at"`
	UpdatedAt       int64          `db:"updated_at"`
	place
	RowsKey sql.NullString `db:"rows_key"`
	Engine  sql.NullString `db:"engine"`
	Layout  sql.NullString `db:"layout"`
	Millis  sql.NullInt64  `db:"millis"`
	Reading sql.NullString `db:"reading"`
}

func (d storedDocument) row() (DocumentRow, error) {
	row := DocumentRow{ID: d.ID, ApplicationID: d.ApplicationID, NIM: d.NIM, Kind: transcript.Kind(d.Kind), Type: d.Type, Size: d.Size, SHA256: d.SHA256,
		FileName: d.FileName, Status: domain.ApplicationStatus(d.Status), Label: verification.Label(d.Label), DecidedBy: d.DecidedBy,
		Submission: d.Submission, Attempt: d.Attempt, RowsKey: d.RowsKey.String, Millis: d.Millis.Int64,
		UploadedAt: moment(d.UploadedAt), UpdatedAt: moment(d.UpdatedAt), Revision: d.Revision, Position: d.position()}
	if d.OpeningRevision.Valid {
		row.OpeningRevision = &d.OpeningRevision.Int64
	}
	if v := (domain.Versions{Engine: d.Engine.String, Layout: d.Layout.String, Policy: d.Policy}); v != (domain.Versions{}) {
		row.Versions = &v
	}
	for _, part := range []struct {
		text sql.NullString
		into any
	}{{d.Verdict, &row.Verdict}, {d.Failure, &row.Failure}, {d.Override, &row.Override}, {d.Reading, &row.Reading}} {
		if part.text.Valid {
			if err := json.Unmarshal([]byte(part.text.String), part.into); err != nil {
				return row, fmt.Errorf("projections: document %s: %w", d.ID, err)
			}
		}
	}
	return row, nil
}

// Documents lists the documents of an application, the latest uploaded last, without their
// readings and verdicts; none when there is no such application.
func (s *Store) Documents(ctx context.Context, applicationID uuid.UUID) ([]DocumentRow, error) {
	var found []storedDocument
	if err := s.selectAll(ctx, &found, documentColumns+documentTables+` WHERE d.application_id = ? ORDER BY d.uploaded`, applicationID.String()); err != nil {
		return nil, err
	}
	rows := make([]DocumentRow, len(found))
	for i, f := range found {
		var err error
		if rows[i], err = f.row(); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// Document finds one document of an application with its reading; domain.NotFound when there is none.
func (s *Store) Document(ctx context.Context, applicationID, documentID uuid.UUID) (DocumentRow, error) {
	var stored storedDocument
	err := s.getOne(ctx, domain.DocumentNotFound(), &stored, documentColumns+`, d.verdict, r.reading`+documentTables+` WHERE d.id = ? AND d.application_id = ?`,
		documentID.String(), applicationID.String())
	if err != nil {
		return DocumentRow{}, err
	}
	return stored.row()
}
