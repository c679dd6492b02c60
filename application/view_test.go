package application_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/domain"
	"asprak/infrastructure/blobs"
)

// opened takes the bytes that the actor is handed.
func (h *house) opened(actor domain.Actor, id, document uuid.UUID) string {
	h.t.Helper()
	bytes, _, err := h.service.OpenDocument(h.ctx, by(actor), id, document)
	require.NoError(h.t, err)
	return content(h.t, bytes)
}

func TestOpenDocument_ByStaff_IsAnEventOnceAWindow(t *testing.T) {
	h := open(t)
	id, document, stream := uploaded(h)
	require.Equal(t, "bytes", h.opened(siti, id, document))
	require.Len(t, h.types(stream), 2, "her own document")
	for range 3 {
		require.Equal(t, "bytes", h.opened(admin, id, document))
	}
	require.Equal(t, "bytes", h.opened(auditor, id, document))
	require.Equal(t, []string{"DocumentViewed", "DocumentViewed"}, h.types(stream)[2:])
	h.now = h.now.Add(domain.ViewWindow)
	h.opened(admin, id, document)
	require.Len(t, h.types(stream), 5)
	entries, err := h.service.History(h.ctx, id)
	require.NoError(t, err)
	require.Equal(t, &domain.DocumentViewed{DocumentID: document, Viewer: admin, ViewedAt: during}, entries[2].Event)
	require.Equal(t, admin, entries[2].Metadata.Actor)
	require.Equal(t, "request-1", entries[2].Metadata.CorrelationID)

	_, _, err = h.service.OpenDocument(h.ctx, by(budi), id, document)
	require.Equal(t, "application_not_found", domain.ErrorCode(err))
}

func TestOpenDocument_ViewCannotBeRecorded_NothingIsHandedOut(t *testing.T) {
	h := open(t)
	id, document, stream := uploaded(h)
	broken := &troubled{Log: h.log, before: func() error { return application.ErrUnavailable }}
	s := application.New(broken, h.blobs, application.Options{Keys: h.keys, Clock: func() time.Time { return during }})
	bytes, _, err := s.OpenDocument(h.ctx, by(admin), id, document)
	require.Equal(t, "log_unavailable", domain.ErrorCode(err))
	require.Nil(t, bytes)

	empty, err := blobs.OpenFolder(filepath.Join(t.TempDir(), "blobs"))
	require.NoError(t, err)
	_, _, err = application.New(h.log, empty, application.Options{Keys: h.keys}).OpenDocument(h.ctx, by(admin), id, document)
	require.ErrorIs(t, err, application.ErrBlobMissing)
	require.Len(t, h.types(stream), 2, "what was not handed out was not seen")
}

func TestIfMatch_FromBeforeAView_StillHolds(t *testing.T) {
	h := open(t)
	id, document, _ := uploaded(h)
	h.settle(nil)
	entries, err := h.service.History(h.ctx, id)
	require.NoError(t, err)
	asSeen := entries[len(entries)-1].Revision
	h.opened(admin, id, document)
	h.opened(auditor, id, document)
	request := by(admin)
	for _, wrong := range []application.Revision{asSeen - 1, asSeen + 3, -5} {
		request.IfMatch = &wrong
		r, err := h.service.Override(h.ctx, request, id, document, "rejected", "seen")
		h.refused("revision_mismatch", r, err)
	}
	request.IfMatch = &asSeen
	require.Equal(t, 1, h.ok(h.service.Override(h.ctx, request, id, document, "rejected", "seen")).Recorded)
	h.opened(admin, id, document)
	r, err := h.service.Override(h.ctx, request, id, document, "verified", "again")
	h.refused("revision_mismatch", r, err)
}
