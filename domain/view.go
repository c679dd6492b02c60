package domain

import (
	"slices"
	"time"

	"github.com/google/uuid"
)

// ViewWindow is how long after a recorded view the same person's further requests for the
// same document belong to it: a reader of PDFs asks for one file many times.
const ViewWindow = 10 * time.Minute

// View is when somebody of the staff last opened a document's content.
type View struct {
	Viewer Actor     `json:"viewer"`
	At     time.Time `json:"at"`
}

// ViewDocument notes that the content is handed out to staff. Applicants who open their own
// documents leave no trace, and neither does the same view within ViewWindow.
type ViewDocument struct {
	DocumentID uuid.UUID
	Viewer     Actor
	At         time.Time
}

func (c ViewDocument) decideApplication(a Application) ([]Event, error) {
	if !a.VisibleTo(c.Viewer) {
		return nil, ApplicationNotFound()
	}
	d, ok := a.Document(c.DocumentID)
	if !ok {
		return nil, DocumentNotFound()
	}
	if c.Viewer.Role == RoleApplicant {
		return nil, nil
	}
	at := plainTime(c.At)
	for _, v := range d.Views {
		// Absolute: another process's clock may be a little ahead.
		if v.Viewer == c.Viewer && at.Sub(v.At).Abs() < ViewWindow {
			return nil, nil
		}
	}
	return []Event{&DocumentViewed{DocumentID: d.ID, Viewer: c.Viewer, ViewedAt: at}}, nil
}

// viewed returns the last view of each viewer; the given slice stays as it is.
func viewed(views []View, v View) []View {
	others := slices.DeleteFunc(slices.Clone(views), func(old View) bool { return old.Viewer == v.Viewer })
	return append(others, v)
}

// OnlyNotes tells whether the event leaves all as it was that a command could rest on: who
// has seen the application before it has seen it as it stands.
func OnlyNotes(e Event) bool {
	switch e.(type) {
	case *DocumentViewed, *ReviewClaimed, *ReviewReleased:
		return true
	}
	return false
}
