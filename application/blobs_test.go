package application_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/domain"
	"asprak/infrastructure/blobs"
)

var errBlobsDown = fmt.Errorf("%w: %w", application.ErrBlobsUnavailable, errors.New("connection refused"))

// away is storage that cannot be reached.
type away struct{}

func (away) Put(context.Context, io.Reader) (application.Blob, error) {
	return application.Blob{}, errBlobsDown
}

func (away) Open(context.Context, string) (io.ReadCloser, error) { return nil, errBlobsDown }

func (away) Delete(context.Context, string) error { return errBlobsDown }

// keeping is the house with its documents elsewhere.
func (h *house) keeping(b application.Blobs) *house {
	other := *h
	other.service = application.New(h.log, b, application.Options{Keys: h.keys, Clock: func() time.Time { return during }})
	return &other
}

func requireAway(t *testing.T, err error) {
	t.Helper()
	var e *domain.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, "documents_unavailable", e.Code)
	require.Equal(t, domain.Unavailable, e.Kind)
	require.ErrorContains(t, err, "connection refused", "the log of the process names the cause")
	require.NotContains(t, e.Message, "refused", "the caller is not told")
}

func TestUpload_StorageUnavailable_ComesBackLaterAndNothingIsRecorded(t *testing.T) {
	h := open(t)
	id := h.submit(siti, h.publish())
	_, err := h.keeping(away{}).service.Upload(h.ctx, by(siti, "upload-1"), id, khs("bytes"))
	requireAway(t, err)
	require.Equal(t, []string{"ApplicationSubmitted"}, h.types("application-"+id.String()))
	require.Equal(t, 1, h.ok(h.service.Upload(h.ctx, by(siti, "upload-1"), id, khs("bytes"))).Recorded)
}

func TestOpenDocument_StorageUnavailable_ComesBackLaterAndIsNoView(t *testing.T) {
	h := open(t)
	id, document, stream := uploaded(h)
	_, _, err := h.keeping(away{}).service.OpenDocument(h.ctx, by(admin), id, document)
	requireAway(t, err)
	require.Len(t, h.types(stream), 2)
}

func TestReaction_WhatItNeedsIsAway_IsNeverGivenUpForThat(t *testing.T) {
	h := open(t)
	_, _, stream := uploaded(h)
	record := h.only("DocumentUploaded")
	err := h.keeping(away{}).reaction(nil).Handle(h.ctx, record, 1)
	require.ErrorIs(t, err, application.ErrBlobsUnavailable)
	views := domain.Errorf(domain.Unavailable, "views_unavailable", "Away.")
	for _, cause := range []error{err, application.ErrUnavailable, fmt.Errorf("archive: %w", views)} {
		require.ErrorIs(t, h.reaction(nil).GiveUp(h.ctx, record, 3, cause), cause)
	}
	require.Equal(t, []string{"ApplicationSubmitted", "DocumentUploaded"}, h.types(stream))
	require.NoError(t, h.reaction(nil).Handle(h.ctx, record, 4), "it is back")
	require.Equal(t, 1, verdicts(h.types(stream)))
}

func TestReaction_SharedFolder_ReadsWhatAnotherProcessTookIn(t *testing.T) {
	h := open(t)
	shared := filepath.Join(t.TempDir(), "shared")
	on := func() *house {
		b, err := blobs.OpenFolder(shared)
		require.NoError(t, err)
		return h.keeping(b)
	}
	_, _, stream := uploaded(on())
	require.NoError(t, on().reaction(nil).Handle(h.ctx, h.only("DocumentUploaded"), 1))
	require.Equal(t, 1, verdicts(h.types(stream)))
}
