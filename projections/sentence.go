package projections

import (
	"fmt"
	"strings"
	"time"

	"asprak/domain"
	"asprak/domain/verification"
)

func who(a domain.Actor) string {
	switch {
	case a.Role == domain.RoleSystem:
		return "The system"
	case a == domain.Actor{}:
		return "Somebody"
	}
	return fmt.Sprintf("%q (%s)", a.ID, a.Role)
}

// Sentence says in words what the actor did with the event, and the reason that was given.
func Sentence(actor domain.Actor, e domain.Event) (sentence, reason string) {
	does, reason := describe(e)
	return who(actor) + " " + does, reason
}

// describe says what the event's actor did, and the reason that was given. Texts of users
// are quoted, which spells out what would not be seen.
func describe(e domain.Event) (does, reason string) {
	switch e := e.(type) {
	case *domain.OpeningPublished:
		return fmt.Sprintf("published the opening %q with %s", e.Details.Title, count(e.Details.Seats, "seat", "seats")), ""
	case *domain.OpeningRevised:
		return fmt.Sprintf("revised the opening %q", e.Details.Title), e.Reason
	case *domain.OpeningClosed:
		return "closed the opening", e.Reason
	case *domain.OpeningReopened:
		return fmt.Sprintf("reopened the opening until %s", e.ClosesAt.Format("2006-01-02 15:04 MST")), e.Reason
	case *domain.OpeningCancelled:
		return "cancelled the opening", e.Reason
	case *domain.SeatAwarded:
		return fmt.Sprintf("awarded a seat to application %s", e.ApplicationID), e.Reason
	case *domain.SeatReleased:
		return fmt.Sprintf("released the seat of application %s", e.ApplicationID), e.Reason

	case *domain.AccessGranted:
		return fmt.Sprintf("granted %q, as %s, %s", e.Subject, e.Role, extentWords(e.Extent)), e.Reason
	case *domain.AccessRevoked:
		return fmt.Sprintf("took from %q, as %s, %s", e.Subject, e.Role, extentWords(e.Extent)), e.Reason

	case *domain.ApplicationSubmitted:
		return fmt.Sprintf("applied to opening %s as %q, %q", e.OpeningID, e.Applicant.Name, e.Applicant.NIM), ""
	case *domain.ApplicationResubmitted:
		return fmt.Sprintf("submitted the application again as %q, %q", e.Applicant.Name, e.Applicant.NIM), ""
	case *domain.ApplicationWithdrawn:
		return "withdrew the application", e.Reason
	case *domain.ApplicationAccepted:
		return "accepted the application", e.Reason
	case *domain.ApplicationDeclined:
		return "declined the application", e.Reason
	case *domain.ApplicationWaitlisted:
		return "put the application on the waiting list", e.Reason
	case *domain.ApplicationErased:
		return fmt.Sprintf("erased what the application told of the person, on the ground %q", string(e.Ground)), ""
	case *domain.ErasureAsked:
		return fmt.Sprintf("asked for %q to be erased: %s", e.Subject, count(len(e.Applications), "application", "applications")), ""
	case *domain.PersonErased:
		return fmt.Sprintf("destroyed the keys of %q: %s, %s", e.Subject, count(len(e.Applications), "application", "applications"), count(e.Documents, "document", "documents")), ""
	case *domain.OfferConfirmed:
		return "confirmed the offer", ""
	case *domain.OfferTurnedDown:
		return "turned the offer down", e.Reason

	case *domain.DocumentUploaded:
		return fmt.Sprintf("uploaded %q (%s, %d bytes) as document %s", e.FileName, e.Kind, e.Size, e.DocumentID), ""
	case *domain.DocumentRereadRequested:
		return fmt.Sprintf("asked for document %s to be read again", e.DocumentID), e.Reason
	case *domain.DocumentRead:
		if e.Reading.Problem != "" {
			return fmt.Sprintf("could not read document %s: %s", e.DocumentID, e.Reading.Problem), ""
		}
		return fmt.Sprintf("read %s in document %s within %d ms", count(len(e.Reading.Rows), "course", "courses"), e.DocumentID, e.Millis), ""
	case *domain.DocumentVerified:
		return fmt.Sprintf("verified document %s", e.DocumentID), ""
	case *domain.DocumentRejected:
		return fmt.Sprintf("rejected document %s: %s", e.DocumentID, because(e.Verdict)), ""
	case *domain.DocumentReferred:
		return fmt.Sprintf("put document %s before a person: %s", e.DocumentID, because(e.Verdict)), ""
	case *domain.DocumentReadingFailed:
		return fmt.Sprintf("gave up reading document %s after %s: %s", e.DocumentID, count(e.Tries, "try", "tries"), e.Code), ""
	case *domain.ReviewClaimed:
		return fmt.Sprintf("took document %s up until %s", e.DocumentID, e.Until.UTC().Format(time.RFC3339)), ""
	case *domain.ReviewReleased:
		return fmt.Sprintf("gave document %s back to the queue", e.DocumentID), ""
	case *domain.DocumentViewed:
		return fmt.Sprintf("opened the content of document %s", e.DocumentID), ""
	case *domain.VerificationOverridden:
		before := e.Before
		if before == "" {
			before = "no verdict"
		}
		return fmt.Sprintf("decided that document %s is %s, over %s", e.DocumentID, e.Outcome, before), e.Reason
	}
	return fmt.Sprintf("recorded %T", e), ""
}

func extentWords(e domain.Extent) string {
	if e.Everything {
		return "everything"
	}
	var words []string
	for _, d := range e.Departments {
		words = append(words, fmt.Sprintf("department %q", d))
	}
	for _, id := range e.Openings {
		words = append(words, "opening "+id.String())
	}
	return strings.Join(words, ", ")
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func because(v verification.Verdict) string { return v.Label.Reason() }
