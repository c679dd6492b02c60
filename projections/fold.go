package projections

import (
	"encoding/json"
	"maps"

	"github.com/google/uuid"

	"asprak/domain"
	"asprak/domain/transcript"
	"asprak/domain/verification"
)

// folded is the state of an application between two events, as its row keeps it: what the
// domain's Evolve needs to go on, without readings and checks.
type folded struct {
	domain.Application
	Concluded map[uuid.UUID]conclusion `json:"concluded,omitempty"` // by document
	Asked     map[uuid.UUID]int64      `json:"asked,omitempty"`     // when the reading under way was asked for, by document
	Reached   reached                  `json:"reached,omitempty"`
}

// conclusion is when the machine ended an attempt.
type conclusion struct {
	At    int64 `json:"at"` // nanoseconds
	Place place `json:"place"`
}

// waits is how a document stands in the queue of reviews.
type waits struct {
	since        conclusion
	claimedBy    string // "": nobody has claimed it
	claimedUntil int64
}

// fold is one application while a batch is applied.
type fold struct {
	id          uuid.UUID
	stored      bool // its row is there
	before      domain.ApplicationStatus
	queued      map[uuid.UUID]waits // in the queue of reviews before the batch
	now         folded
	created     int64 // commit position of its first event
	submittedAt int64
	updatedAt   int64
	place       place
	renamed     bool   // the applicant's data changed
	name        string // normalised, as stored
}

// applications folds the events of each application once, for the models that stand on them. Rows about a whole application are written once for a batch.
type applications struct {
	b       *batch
	folds   map[uuid.UUID]*fold
	touched []*fold // in the order of their first event
	counts  map[counted]int
}

func newApplications(b *batch) applier {
	return &applications{b: b, folds: make(map[uuid.UUID]*fold), counts: make(map[counted]int)}
}

func (a *applications) apply(e event) error {
	f, err := a.load(e)
	if err != nil {
		return err
	}
	f.place = placeOf(e.record)
	if !domain.OnlyNotes(e.event) {
		f.updatedAt = nanos(e.metadata.OccurredAt)
	}
	f.evolve(e)
	if !f.now.Exists() {
		return nil
	}
	a.count(f, e)
	return applyDocument(a.b, f, e)
}

func (a *applications) load(e event) (*fold, error) {
	if f, ok := a.folds[e.id]; ok {
		return f, nil
	}
	f := &fold{id: e.id, created: int64(e.record.Position.Commit), submittedAt: nanos(e.metadata.OccurredAt)}
	if e.record.Revision > 0 {
		var stored struct {
			State       string `db:"state"`
			Created     int64  `db:"created"`
			SubmittedAt int64  `db:"submitted_at"`
			UpdatedAt   int64  `db:"updated_at"`
		}
		found, err := a.b.get(&stored, `SELECT state, created, submitted_at, updated_at FROM applications WHERE id = ?`, e.id.String())
		if err != nil {
			return nil, err
		}
		if found {
			if err := json.Unmarshal([]byte(stored.State), &f.now); err != nil {
				return nil, err
			}
			f.stored, f.submittedAt, f.updatedAt, f.before = true, stored.SubmittedAt, stored.UpdatedAt, f.now.Status
			f.created = stored.Created
			f.queued, f.name = f.now.queue(), transcript.NormaliseName(f.now.Applicant.Name)
		}
	}
	a.folds[e.id] = f
	a.touched = append(a.touched, f)
	return f, nil
}

func (f *fold) evolve(e event) {
	applicant := f.now.Applicant
	f.now.Application = f.now.Evolve(e.event)
	f.renamed = f.renamed || f.now.Applicant != applicant
	if concluded, ok := concludes(e.event); ok {
		f.now.Concluded = maps.Clone(f.now.Concluded)
		if f.now.Concluded == nil {
			f.now.Concluded = make(map[uuid.UUID]conclusion)
		}
		f.now.Concluded[concluded] = conclusion{At: f.updatedAt, Place: f.place}
	}
	// Evolve has cloned the documents that it changed.
	for i, d := range f.now.Documents {
		if d.Reading != nil {
			f.now.Documents[i].Reading = nil
		}
		if d.Verdict != nil && d.Verdict.Checks != nil {
			f.now.Documents[i].Verdict = &verification.Verdict{Label: d.Verdict.Label, Confidence: d.Verdict.Confidence, Policy: d.Verdict.Policy}
		}
	}
}

// concludes names the document whose attempt the event ends.
func concludes(e domain.Event) (uuid.UUID, bool) {
	switch e := e.(type) {
	case *domain.DocumentVerified:
		return e.DocumentID, true
	case *domain.DocumentRejected:
		return e.DocumentID, true
	case *domain.DocumentReferred:
		return e.DocumentID, true
	case *domain.DocumentReadingFailed:
		return e.DocumentID, true
	}
	return uuid.Nil, false
}

func (a *applications) finish() error {
	standings := make(map[standing]int)
	for _, f := range a.touched {
		if !f.now.Exists() {
			continue
		}
		if err := storeApplication(a.b, f, standings); err != nil {
			return err
		}
		if err := storeReviews(a.b, f); err != nil {
			return err
		}
	}
	if err := storeCounts(a.b, standings); err != nil {
		return err
	}
	return storeStatistics(a.b, a.counts)
}

// queue is what waits for a person: while the application is undecided and stands in review
// or by a failed reading, the documents that make it stand there. A better document takes
// the others out of the queue; when it turns out worse they are back, with their old age.
func (s folded) queue() map[uuid.UUID]waits {
	if s.Decision != "" && s.Decision != domain.StatusWaitlisted {
		return nil
	}
	if s.Standing != domain.StatusInReview && s.Standing != domain.StatusReadingFailed {
		return nil
	}
	waiting := make(map[uuid.UUID]waits)
	for _, d := range s.Documents {
		if d.Submission == s.Submission && d.Status() == s.Standing {
			w := waits{since: s.Concluded[d.ID]}
			if d.Claim != nil {
				w.claimedBy, w.claimedUntil = d.Claim.By.ID, nanos(d.Claim.Until)
			}
			waiting[d.ID] = w
		}
	}
	return waiting
}
