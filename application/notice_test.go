package application_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/domain"
)

// notices returns what is told of all events behind the position, by a service that has seen
// nothing of them yet.
func (h *house) notices(after application.Position) (all []application.Notice) {
	h.t.Helper()
	s := h.on(h.log)
	head, err := s.Head(h.ctx)
	require.NoError(h.t, err)
	follower, err := s.FollowNotices(h.ctx, after)
	require.NoError(h.t, err)
	defer follower.Close()
	for after.Compare(head) < 0 {
		notices, seen, err := follower.Next(h.ctx, 3)
		require.NoError(h.t, err)
		all, after = append(all, notices...), seen
	}
	return all
}

func TestNotices_AreVisibleToWhomTheyConcern(t *testing.T) {
	h := open(t)
	opening := h.publish()
	id := h.verified(siti, opening)
	h.submit(budi, opening)
	h.ok(h.service.Accept(h.ctx, by(admin), id, ""))
	h.settle(nil)
	award := h.only("SeatAwarded")
	for _, n := range h.notices(application.Position{}) {
		require.NotEmpty(t, n.Summary, n.Type)
		require.Equal(t, opening, n.OpeningID)
		require.True(t, n.VisibleTo(admin) && n.VisibleTo(auditor))
		ofSiti := n.ApplicationID == id
		require.Equal(t, ofSiti, n.Concerns(siti), n.Type)
		require.True(t, n.Concerns(admin))
		switch {
		case n.Stream == "opening-"+opening.String():
			require.True(t, n.VisibleTo(siti) && n.VisibleTo(budi), n.Type)
		default:
			require.Equal(t, ofSiti, n.VisibleTo(siti), n.Type)
			require.Equal(t, !ofSiti, n.VisibleTo(budi), n.Type)
		}
	}
	late := h.notices(award.Position)
	require.Len(t, late, 1)
	require.Equal(t, "ApplicationAccepted", late[0].Type)
	require.True(t, late[0].Concerns(siti), "though the submission lies before")
}

func TestNotices_EveryEvent_HasASummary(t *testing.T) {
	h := open(t)
	codec, id := application.NewCodec(), uuid.New()
	n := 0
	for _, types := range [][]domain.EventType{domain.OpeningEventTypes, domain.ApplicationEventTypes} {
		for _, e := range types {
			record, err := codec.Encode(e.New(), domain.Metadata{EventID: uuid.New()}, nil)
			require.NoError(t, err)
			_, err = h.log.Append(h.ctx, "application-"+id.String(), application.Revision(n-1), []application.NewRecord{record})
			require.NoError(t, err)
			n++
		}
	}
	for _, told := range h.notices(application.Position{}) {
		require.NotEmpty(t, told.Summary, told.Type)
	}
}

func TestNotices_WhatIsNotUnderstood_IsStaffsOrNobodys(t *testing.T) {
	h := open(t)
	for stream, typ := range map[string]string{"application-" + uuid.NewString(): "ApplicationPainted", "application-x": "ApplicationSubmitted", "weather-1": "Rained"} {
		_, err := h.log.Append(h.ctx, stream, application.NoStream, []application.NewRecord{{ID: uuid.New(), Type: typ, Data: []byte(`{"applicant":{"id":"siti"}}`), Metadata: []byte("{}")}})
		require.NoError(t, err)
	}
	told := h.notices(application.Position{})
	require.Len(t, told, 1)
	require.Equal(t, "ApplicationPainted", told[0].Type)
	require.Empty(t, told[0].Summary)
	require.False(t, told[0].VisibleTo(siti))
	require.True(t, told[0].VisibleTo(admin))
}
