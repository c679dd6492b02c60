package projections

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"asprak/application"
	"asprak/domain"
	"asprak/domain/transcript"
	"asprak/domain/verification"
)

var applicationModel = model{
	name: "applications", version: 1, tables: []string{"applications", "application_counts"},
	schema: []string{
		`CREATE TABLE applications (
			id TEXT PRIMARY KEY,
			opening_id TEXT NOT NULL,
			applicant_id TEXT NOT NULL,
			applicant TEXT NOT NULL,
			name_key TEXT NOT NULL,
			nim_key TEXT NOT NULL,
			status TEXT NOT NULL,
			reason TEXT NOT NULL,
			submission BIGINT NOT NULL,
			document_id TEXT,
			label TEXT NOT NULL,
			decided_by TEXT NOT NULL,
			created BIGINT NOT NULL,
			submitted_at BIGINT NOT NULL,
			updated_at BIGINT NOT NULL,
			revision BIGINT NOT NULL,
			position BIGINT NOT NULL,
			prepare BIGINT NOT NULL,
			state TEXT NOT NULL
		)`,
		`CREATE INDEX applications_created ON applications (created)`,
		`CREATE INDEX applications_status ON applications (status, created)`,
		`CREATE INDEX applications_opening ON applications (opening_id, created)`,
		`CREATE INDEX applications_opening_status ON applications (opening_id, status, created)`,
		`CREATE INDEX applications_applicant ON applications (applicant_id, created)`,
		`CREATE INDEX applications_nim ON applications (nim_key, created)`,
		`CREATE INDEX applications_name ON applications (name_key, created)`,
		`CREATE TABLE application_counts (
			opening_id TEXT NOT NULL,
			status TEXT NOT NULL,
			n BIGINT NOT NULL,
			PRIMARY KEY (opening_id, status)
		)`,
	},
}

const applicationCounts = `SELECT opening_id, status, n FROM application_counts WHERE opening_id IN (?)`

// ApplicationRow is one application as it stands. Revision and Position are those of its last event.
type ApplicationRow struct {
	ID          uuid.UUID                `json:"id"`
	OpeningID   uuid.UUID                `json:"opening_id"`
	ApplicantID string                   `json:"-"`
	Applicant   domain.Applicant         `json:"applicant"`
	Status      domain.ApplicationStatus `json:"status"`
	Reason      string                   `json:"reason,omitempty"` // of the decision, when one was taken
	Submission  int                      `json:"submission"`
	// DocumentID is the document that the application stands by, nil while there is none.
	DocumentID  *uuid.UUID           `json:"document_id,omitempty"`
	Label       verification.Label   `json:"label,omitempty"`      // of that document, "" while it is not judged
	DecidedBy   string               `json:"decided_by,omitempty"` // who gave the label: "machine" or "person"
	SubmittedAt time.Time            `json:"submitted_at"`         // the first time
	UpdatedAt   time.Time            `json:"updated_at"`
	Revision    application.Revision `json:"revision"`
	Position    application.Position `json:"position"`
}

// ApplicationQuery selects applications, the latest submitted first; with Search in the order
// of what is searched. Empty fields do not filter.
type ApplicationQuery struct {
	OpeningID   string
	ApplicantID string
	State       string // a domain.ApplicationStatus
	NIM         string // the whole student number, however separated
	Search      string // the beginning of the student number when there is a digit in it, else of the name
	Cursor      string // Next of the page before
	Limit       int    // 1 to 100; 0: 20
}

// standing is where a number of applications stands.
type standing struct {
	opening uuid.UUID
	status  domain.ApplicationStatus
}

func storeApplication(b *batch, f *fold, counts map[standing]int) error {
	s := f.now
	if f.before != "" {
		counts[standing{s.OpeningID, f.before}]--
	}
	counts[standing{s.OpeningID, s.Status}]++
	state, err := toJSON(s)
	if err != nil {
		return err
	}
	applicant, err := toJSON(s.Applicant)
	if err != nil {
		return err
	}
	var document any
	d, ok := s.StandsBy()
	if ok {
		document = d.ID.String()
	}
	id, label := f.id.String(), string(d.Label())
	nameKey, nim := transcript.NormaliseName(s.Applicant.Name), nimKey(s.Applicant.NIM)
	if !f.stored {
		_, err := b.exec(`INSERT INTO applications (id, opening_id, applicant_id, applicant, name_key, nim_key, status, reason, submission, document_id, label, decided_by,
				created, submitted_at, updated_at, revision, position, prepare, state)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			id, s.OpeningID.String(), s.Applicant.ID, applicant, nameKey, nim, string(s.Status), s.Reason, s.Submission, document, label, d.DecidedBy(),
			f.created, f.submittedAt, f.updatedAt, int64(f.place.Revision), f.place.Commit, f.place.Prepare, state)
		return err
	}
	if f.renamed {
		_, err := b.exec(`UPDATE applications SET applicant = ?, name_key = ?, nim_key = ? WHERE id = ?`, applicant, nameKey, nim, id)
		if err != nil {
			return err
		}
	}
	_, err = b.exec(`UPDATE applications SET status = ?, reason = ?, submission = ?, document_id = ?, label = ?, decided_by = ?,
			updated_at = ?, revision = ?, position = ?, prepare = ?, state = ? WHERE id = ?`,
		string(s.Status), s.Reason, s.Submission, document, label, d.DecidedBy(),
		f.updatedAt, int64(f.place.Revision), f.place.Commit, f.place.Prepare, state, id)
	return err
}

func storeCounts(b *batch, counts map[standing]int) error {
	changed := make([]standing, 0, len(counts))
	for s, n := range counts {
		if n != 0 {
			changed = append(changed, s)
		}
	}
	slices.SortFunc(changed, func(x, y standing) int {
		return cmp.Or(cmp.Compare(x.opening.String(), y.opening.String()), cmp.Compare(x.status, y.status))
	})
	for _, s := range changed {
		_, err := b.exec(`INSERT INTO application_counts (opening_id, status, n) VALUES (?, ?, ?)
			ON CONFLICT (opening_id, status) DO UPDATE SET n = application_counts.n + excluded.n`, s.opening.String(), string(s.status), counts[s])
		if err == nil && counts[s] < 0 {
			_, err = b.exec(`DELETE FROM application_counts WHERE opening_id = ? AND status = ? AND n = 0`, s.opening.String(), string(s.status))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// nimKey is what student numbers are compared by. One without any letter or digit of the
// Latin script is compared as it is.
func nimKey(nim string) string {
	if key := transcript.NormaliseNIM(nim); key != "" {
		return key
	}
	return nim
}

const applicationSelection = `SELECT id, opening_id, applicant_id, applicant, name_key, nim_key, status, reason, submission, document_id, label, decided_by,
	created, submitted_at, updated_at, revision, position, prepare FROM applications`

type storedApplication struct {
	ID          uuid.UUID     `db:"id"`
	OpeningID   uuid.UUID     `db:"opening_id"`
	ApplicantID string        `db:"applicant_id"`
	Applicant   string        `db:"applicant"`
	NameKey     string        `db:"name_key"`
	NIMKey      string        `db:"nim_key"`
	Status      string        `db:"status"`
	Reason      string        `db:"reason"`
	Submission  int           `db:"submission"`
	DocumentID  uuid.NullUUID `db:"document_id"`
	Label       string        `db:"label"`
	DecidedBy   string        `db:"decided_by"`
	Created     int64         `db:"created"`
	SubmittedAt int64         `db:"submitted_at"`
	UpdatedAt   int64         `db:"updated_at"`
	place
}

func (a storedApplication) keys(l list) []any {
	switch l.order[0].column {
	case "name_key":
		return []any{a.NameKey, a.Created}
	case "nim_key":
		return []any{a.NIMKey, a.Created}
	}
	return []any{a.Created}
}

func (a storedApplication) row() (ApplicationRow, error) {
	row := ApplicationRow{ID: a.ID, OpeningID: a.OpeningID, ApplicantID: a.ApplicantID, Status: domain.ApplicationStatus(a.Status), Reason: a.Reason,
		Submission: a.Submission, Label: verification.Label(a.Label), DecidedBy: a.DecidedBy,
		SubmittedAt: moment(a.SubmittedAt), UpdatedAt: moment(a.UpdatedAt), Revision: a.Revision, Position: a.position()}
	if a.DocumentID.Valid {
		row.DocumentID = &a.DocumentID.UUID
	}
	return row, json.Unmarshal([]byte(a.Applicant), &row.Applicant)
}

func (q ApplicationQuery) list() list {
	l := list{selection: applicationSelection, order: []key{{"created", true}}, descending: true, cursor: q.Cursor, limit: q.Limit}
	l.equal("opening_id", q.OpeningID)
	l.equal("applicant_id", q.ApplicantID)
	l.equal("status", q.State)
	if q.NIM != "" {
		l.equal("nim_key", nimKey(q.NIM))
	}
	if q.Search != "" {
		column, prefix := "name_key", transcript.NormaliseName(q.Search)
		if strings.ContainsAny(q.Search, "0123456789") {
			column, prefix = "nim_key", transcript.NormaliseNIM(q.Search)
		}
		l.order, l.descending = []key{{column, false}, {"created", true}}, false
		if prefix == "" {
			l.filter("1 = 0") // nothing begins with what no key can hold
		} else {
			l.filter(column+" >= ? AND "+column+" < ?", prefix, after(prefix))
		}
	}
	return l
}

// after is the first key behind all those that begin with the prefix, of A-Z, 0-9 and blanks.
func after(prefix string) string {
	last := len(prefix) - 1
	return prefix[:last] + string(prefix[last]+1)
}

// Applications lists applications.
func (s *Store) Applications(ctx context.Context, q ApplicationQuery) (Page[ApplicationRow], error) {
	return fetch[storedApplication](ctx, s, q.list())
}

// Application finds one application; domain.NotFound when there is none.
func (s *Store) Application(ctx context.Context, id uuid.UUID) (ApplicationRow, error) {
	var stored storedApplication
	if err := s.getOne(ctx, domain.ApplicationNotFound(), &stored, applicationSelection+` WHERE id = ?`, id.String()); err != nil {
		return ApplicationRow{}, err
	}
	row, err := stored.row()
	if err != nil {
		return row, fmt.Errorf("projections: %w", err)
	}
	return row, nil
}
