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
	name: "applications", version: 4, tables: []string{"applications", "application_names", "application_counts"},
	schema: []string{
		`CREATE TABLE applications (
			id TEXT PRIMARY KEY,
			opening_id TEXT NOT NULL,
			applicant_id TEXT NOT NULL,
			applicant TEXT NOT NULL,
			name_key TEXT NOT NULL,
			nim_key TEXT NOT NULL,
			programme TEXT NOT NULL,
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
		`CREATE INDEX applications_opening_name ON applications (opening_id, name_key, created)`,
		`CREATE INDEX applications_label ON applications (label, created) WHERE label <> ''`,
		`CREATE INDEX applications_programme ON applications (programme, created)`,
		`CREATE INDEX applications_person ON applications (created) WHERE decided_by = 'person'`,
		`CREATE TABLE application_names (
			turn TEXT NOT NULL,
			created BIGINT NOT NULL,
			application_id TEXT NOT NULL,
			shared BIGINT NOT NULL,
			PRIMARY KEY (turn, created)
		)`,
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

// ApplicationQuery selects applications. Empty fields do not filter.
type ApplicationQuery struct {
	Within      *domain.Extent // openings; nil: all
	OpeningID   string
	Term        string // of the opening
	Course      string // words of the opening's title, course names or codes, or their beginnings
	ApplicantID string
	State       string // a domain.ApplicationStatus
	Programme   string // of the applicant, however written
	Verdict     string // the label that the application stands by
	DecidedBy   string // who gave it: "machine" or "person"
	NIM         string // the whole student number, however separated
	Search      string // the beginning of the student number when there is a digit in it, else words of the name or their beginnings, names with the words in this order first
	Sort        string // "-submitted" (the default: the latest first), "submitted", "name" or "nim"; a search has the order of what is searched
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
	nameKey, nim, programme := transcript.NormaliseName(s.Applicant.Name), nimKey(s.Applicant.NIM), transcript.NormaliseName(s.Applicant.Programme)
	if err := storeTurns(b, f, nameKey); err != nil {
		return err
	}
	if !f.stored {
		_, err := b.exec(`INSERT INTO applications (id, opening_id, applicant_id, applicant, name_key, nim_key, programme, status, reason, submission, document_id, label, decided_by,
				created, submitted_at, updated_at, revision, position, prepare, state)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			id, s.OpeningID.String(), s.Applicant.ID, applicant, nameKey, nim, programme, string(s.Status), s.Reason, s.Submission, document, label, d.DecidedBy(),
			f.created, f.submittedAt, f.updatedAt, int64(f.place.Revision), f.place.Commit, f.place.Prepare, state)
		return err
	}
	if f.renamed {
		_, err := b.exec(`UPDATE applications SET applicant = ?, name_key = ?, nim_key = ?, programme = ? WHERE id = ?`, applicant, nameKey, nim, programme, id)
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
	Turn        string        `db:"turn"` // of the name, that was found by a search
	SubmittedAt int64         `db:"submitted_at"`
	UpdatedAt   int64         `db:"updated_at"`
	place
}

func (a storedApplication) keys(l list) []any {
	switch l.order[0].column {
	case "n.turn":
		return []any{a.Turn, a.Created}
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

// lists walk along the index of the search or order, one after the other. openings are those of Term and
// Course, or of Within; nil: these do not filter.
func (q ApplicationQuery) lists(openings []string) []list {
	sought := soughtWords(transcript.NormaliseName(q.Search))
	followed := q.list(openings, func(l *list) { l.searchNames(sought) })
	if len(sought) < 2 || strings.ContainsAny(q.Search, numerals) {
		return []list{followed}
	}
	return []list{followed, q.list(openings, func(l *list) { l.searchScattered(sought) })}
}

// numerals tell a student number from a name.
const numerals = "0123456789"

func (q ApplicationQuery) list(openings []string, searchNames func(*list)) list {
	l := list{selection: applicationSelection, order: []key{{"created", true}}, descending: q.Sort != "submitted", cursor: q.Cursor, limit: q.Limit}
	filter := l.equal // by an index that has the order too
	switch {
	case strings.ContainsAny(q.Search, numerals):
		l.order, l.descending = []key{{"nim_key", false}, {"created", true}}, false
		l.beginning("nim_key", transcript.NormaliseNIM(q.Search))
		filter = l.look
	case q.Search != "":
		searchNames(&l)
		filter = l.look
	case q.Sort == "name":
		l.order, l.descending = []key{{"name_key", false}, {"created", true}}, false
		l.equal("opening_id", q.OpeningID)
		q.OpeningID, filter = "", l.look
	case q.Sort == "nim":
		l.order, l.descending = []key{{"nim_key", false}, {"created", true}}, false
		filter = l.look
	}
	filter("opening_id", q.OpeningID)
	filter("applicant_id", q.ApplicantID)
	filter("status", q.State)
	filter("programme", transcript.NormaliseName(q.Programme))
	if filter("label", q.Verdict); q.Verdict != "" && len(l.order) == 1 {
		l.filter("label <> ''") // as the index has it
	}
	if q.NIM != "" {
		filter("nim_key", nimKey(q.NIM))
	}
	if q.DecidedBy == "person" && len(l.order) == 1 {
		l.filter("decided_by = 'person'") // as the index has it
	} else {
		l.look("decided_by", q.DecidedBy)
	}
	l.tie(q.Term, q.Course)
	l.within(q.Within, "opening_id")
	switch {
	case openings == nil:
	case len(openings) == 0:
		l.filter("1 = 0")
	case len(l.order) == 1 || q.Sort == "name" && q.Search == "":
		l.among("opening_id", openings)
	default:
		l.filter("opening_id || '' IN ("+strings.TrimSuffix(strings.Repeat("?, ", len(openings)), ", ")+")", anys(openings)...)
	}
	return l
}

// after is the first key behind all those that begin with the prefix, of A-Z, 0-9 and blanks.
func after(prefix string) string {
	last := len(prefix) - 1
	return prefix[:last] + string(prefix[last]+1)
}

// Applications lists applications. A Term or Course of more openings than can be walked along is
// refused as too broad.
func (s *Store) Applications(ctx context.Context, q ApplicationQuery) (Page[ApplicationRow], error) {
	var openings []string
	if q.Term != "" || q.Course != "" {
		var err error
		if openings, err = s.openingsOf(ctx, q.Term, q.Course); err != nil {
			return Page[ApplicationRow]{}, err
		}
	} else if limits(q.Within) && q.OpeningID == "" {
		var err error
		if openings, err = s.openingsWithin(ctx, *q.Within); err != nil {
			return Page[ApplicationRow]{}, err
		}
	}
	return fetchInTurn[storedApplication](ctx, s, q.lists(openings))
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
