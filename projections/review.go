package projections

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"asprak/application"
	"asprak/domain"
	"asprak/domain/transcript"
	"asprak/domain/verification"
)

var reviewModel = model{
	name: "reviews", version: 2, tables: []string{"reviews"},
	schema: []string{
		`CREATE TABLE reviews (
			document_id TEXT PRIMARY KEY,
			application_id TEXT NOT NULL,
			opening_id TEXT NOT NULL,
			applicant TEXT NOT NULL,
			kind TEXT NOT NULL,
			file_name TEXT NOT NULL,
			reason TEXT NOT NULL,
			label TEXT NOT NULL,
			failure TEXT NOT NULL,
			since BIGINT NOT NULL,
			claimed_by TEXT NOT NULL,
			claimed_until BIGINT NOT NULL,
			revision BIGINT NOT NULL,
			position BIGINT NOT NULL,
			prepare BIGINT NOT NULL
		)`,
		`CREATE INDEX reviews_position ON reviews (position, prepare)`,
		`CREATE INDEX reviews_opening ON reviews (opening_id, position, prepare)`,
		`CREATE INDEX reviews_reason ON reviews (reason, position, prepare)`,
	},
}

// ReviewRow is one document that waits for a person. Revision and Position are those of the
// event that referred it or gave it up.
type ReviewRow struct {
	DocumentID    uuid.UUID          `json:"document_id"`
	ApplicationID uuid.UUID          `json:"application_id"`
	OpeningID     uuid.UUID          `json:"opening_id"`
	Applicant     domain.Applicant   `json:"applicant"`
	Kind          transcript.Kind    `json:"kind"`
	FileName      string             `json:"file_name"`
	Reason        string             `json:"reason"`            // of the review label; "reading_failed" when the machine gave up
	Label         verification.Label `json:"label,omitempty"`   // "" when the machine gave up
	Failure       string             `json:"failure,omitempty"` // the code, when the machine gave up
	Since         time.Time          `json:"since"`             // its age counts from here
	// ClaimedBy is who has taken it up, which holds until ClaimedUntil; "" when nobody has.
	ClaimedBy    string               `json:"claimed_by,omitempty"`
	ClaimedUntil *time.Time           `json:"claimed_until,omitempty"`
	Revision     application.Revision `json:"revision"`
	Position     application.Position `json:"position"`
}

// ReviewQuery selects what waits for a person, the longest waiting first. Empty fields do not filter.
type ReviewQuery struct {
	Within    *domain.Extent // openings; nil: all
	OpeningID string
	Reason    string
	Cursor    string // Next of the page before
	Limit     int    // 1 to 100; 0: 20
}

// storeReviews brings the entries of the application to where the batch has left it.
func storeReviews(b *batch, f *fold) error {
	queue := f.now.queue()
	for id, was := range f.queued {
		if is, stays := queue[id]; stays && is == was {
			continue
		}
		if _, err := b.exec(`DELETE FROM reviews WHERE document_id = ?`, id.String()); err != nil {
			return err
		}
	}
	for id, is := range queue {
		if was, stayed := f.queued[id]; stayed && is == was {
			continue
		}
		if err := storeReview(b, f, id, is); err != nil {
			return err
		}
	}
	return nil
}

func storeReview(b *batch, f *fold, id uuid.UUID, w waits) error {
	d, _ := f.now.Document(id)
	applicant, err := toJSON(f.now.Applicant)
	if err != nil {
		return err
	}
	label, reason, failure := d.Label(), d.Label().Reason(), ""
	if d.Status() == domain.StatusReadingFailed {
		reason, failure = string(domain.StatusReadingFailed), d.Failure.Code
	}
	_, err = b.exec(`INSERT INTO reviews (document_id, application_id, opening_id, applicant, kind, file_name, reason, label, failure, since, claimed_by, claimed_until, revision, position, prepare)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		id.String(), f.id.String(), f.now.OpeningID.String(), applicant, string(d.Kind), d.FileName, reason, string(label), failure,
		w.since.At, w.claimedBy, w.claimedUntil, int64(w.since.Place.Revision), w.since.Place.Commit, w.since.Place.Prepare)
	return err
}

const reviewSelection = `SELECT document_id, application_id, opening_id, applicant, kind, file_name, reason, label, failure, since, claimed_by, claimed_until, revision, position, prepare FROM reviews`

type storedReview struct {
	DocumentID    uuid.UUID `db:"document_id"`
	ApplicationID uuid.UUID `db:"application_id"`
	OpeningID     uuid.UUID `db:"opening_id"`
	Applicant     string    `db:"applicant"`
	Kind          string    `db:"kind"`
	FileName      string    `db:"file_name"`
	Reason        string    `db:"reason"`
	Label         string    `db:"label"`
	Failure       string    `db:"failure"`
	Since         int64     `db:"since"`
	ClaimedBy     string    `db:"claimed_by"`
	ClaimedUntil  int64     `db:"claimed_until"`
	place
}

func (r storedReview) keys(list) []any { return []any{r.Commit, r.Prepare} }

func (r storedReview) row() (ReviewRow, error) {
	row := ReviewRow{DocumentID: r.DocumentID, ApplicationID: r.ApplicationID, OpeningID: r.OpeningID, Kind: transcript.Kind(r.Kind), FileName: r.FileName,
		Reason: r.Reason, Label: verification.Label(r.Label), Failure: r.Failure, Since: moment(r.Since), Revision: r.Revision, Position: r.position()}
	if r.ClaimedBy != "" {
		until := moment(r.ClaimedUntil)
		row.ClaimedBy, row.ClaimedUntil = r.ClaimedBy, &until
	}
	return row, json.Unmarshal([]byte(r.Applicant), &row.Applicant)
}

func (q ReviewQuery) list() list {
	l := list{selection: reviewSelection, order: []key{{"position", true}, {"prepare", true}}, cursor: q.Cursor, limit: q.Limit}
	l.equal("opening_id", q.OpeningID)
	l.equal("reason", q.Reason)
	l.within(q.Within, "opening_id")
	return l
}

// Reviews lists the queue.
func (s *Store) Reviews(ctx context.Context, q ReviewQuery) (Page[ReviewRow], error) {
	return fetch[storedReview](ctx, s, q.list())
}
