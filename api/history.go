package api

import (
	"net/http"
	"time"

	"github.com/google/uuid"

	"asprak/application"
	"asprak/domain"
)

// eventBody is one event of an application.
type eventBody struct {
	EventID       uuid.UUID            `json:"event_id"`
	Revision      application.Revision `json:"revision"`
	Position      application.Position `json:"position"`
	Type          string               `json:"type"`
	RecordedAt    time.Time            `json:"recorded_at"`
	OccurredAt    time.Time            `json:"occurred_at"`
	Actor         domain.Actor         `json:"actor"`
	CorrelationID string               `json:"correlation_id"`
	CausationID   string               `json:"causation_id"`
	Versions      *domain.Versions     `json:"versions,omitempty"`
	Data          domain.Event         `json:"data"`
}

type historyBody struct {
	Items []eventBody `json:"items"`
}

// getHistory is answered from the log itself.
func (a *api) getHistory(c *call) error {
	if _, err := c.parameters(); err != nil {
		return err
	}
	id, err := identifier("id", c.Param("id"))
	if err != nil {
		return err
	}
	entries, err := a.visible(c, id)
	if err != nil {
		return err
	}
	end := entries[len(entries)-1]
	c.Header("ETag", etag(end.Revision))
	c.Header(headerPosition, end.Position.String())
	return c.json(http.StatusOK, historyBody{historyOf(entries)})
}

func historyOf(entries []application.Entry) []eventBody {
	events := make([]eventBody, len(entries))
	for i, e := range entries {
		events[i] = eventBody{
			EventID: e.Metadata.EventID, Revision: e.Revision, Position: e.Position, Type: e.Type,
			RecordedAt: e.RecordedAt, OccurredAt: e.Metadata.OccurredAt, Actor: e.Metadata.Actor,
			CorrelationID: e.Metadata.CorrelationID, CausationID: e.Metadata.CausationID, Versions: e.Metadata.Versions,
			Data: e.Event,
		}
	}
	return events
}
