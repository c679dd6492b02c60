package domain

import (
	"time"

	"github.com/google/uuid"
)

// ClaimWindow is how long a claim holds, so that nobody has to be asked for one that was forgotten.
const ClaimWindow = 30 * time.Minute

// Claim is who has taken a document up that waits for a person, and until when.
type Claim struct {
	By    Actor     `json:"by"`
	Until time.Time `json:"until"`
}

type (
	// ClaimReview takes up a document that waits for a person, so that nobody else does. It
	// forbids no decision. Claiming one's own again records nothing while the claim holds.
	ClaimReview struct {
		DocumentID uuid.UUID
		Claimant   Actor
		At         time.Time
	}
	// ReleaseReview gives one's own claim back before it ends by itself.
	ReleaseReview struct {
		DocumentID uuid.UUID
		Claimant   Actor
		At         time.Time
	}
)

func (c ClaimReview) decideApplication(a Application) ([]Event, error) {
	d, err := a.document(c.DocumentID)
	if err != nil {
		return nil, err
	}
	if status := d.Status(); status != StatusInReview && status != StatusReadingFailed {
		return nil, Errorf(RuleBroken, "document_not_in_review", "The document is %s; it does not wait for a person.", status.words())
	}
	at := plainTime(c.At)
	if d.Claim.holds(at) {
		return nil, d.Claim.refuse(c.Claimant)
	}
	return []Event{&ReviewClaimed{DocumentID: d.ID, Claimant: c.Claimant, Until: at.Add(ClaimWindow)}}, nil
}

func (c ReleaseReview) decideApplication(a Application) ([]Event, error) {
	d, ok := a.Document(c.DocumentID)
	if !ok {
		return nil, DocumentNotFound()
	}
	if !d.Claim.holds(plainTime(c.At)) {
		return nil, nil
	}
	if err := d.Claim.refuse(c.Claimant); err != nil {
		return nil, err
	}
	return []Event{&ReviewReleased{DocumentID: d.ID}}, nil
}

func (c *Claim) holds(at time.Time) bool { return c != nil && at.Before(c.Until) }

// refuse is nil for the claimant.
func (c *Claim) refuse(actor Actor) error {
	if c.By == actor {
		return nil
	}
	return Errorf(Conflict, "review_claimed", "Somebody else has taken this document up.")
}
