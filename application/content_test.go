package application_test

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/domain"
)

// files are the paths and contents of what the blob store keeps.
func (h *house) files() map[string][]byte {
	h.t.Helper()
	found := map[string][]byte{}
	require.NoError(h.t, filepath.WalkDir(h.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			found[path], err = os.ReadFile(path)
		}
		return err
	}))
	return found
}

func TestUpload_Document_LiesThereSealed(t *testing.T) {
	h := open(t)
	id, document, _ := uploaded(h)
	files := h.files()
	require.Len(t, files, 1)
	for _, content := range files {
		require.False(t, bytes.Contains(content, []byte("bytes")))
	}
	require.Equal(t, "bytes", h.opened(siti, id, document))
	d, _ := h.application(id).Document(document)
	require.EqualValues(t, len("bytes"), d.Size)
	require.Equal(t, domain.DocumentID(id, d.SHA256), document, "the id follows from what came in")
	h.settle(nil)
	require.Equal(t, 1, h.reader.reads)
}

func TestUpload_Same_KeepsOneBlob(t *testing.T) {
	h := open(t)
	id, _, _ := uploaded(h)
	h.ok(h.service.Upload(h.ctx, by(siti, "k"), id, khs("other")))
	require.Len(t, h.files(), 2)
	require.Zero(t, h.ok(h.service.Upload(h.ctx, by(siti), id, khs("bytes"))).Recorded)
	require.Zero(t, h.ok(h.service.Upload(h.ctx, by(siti, "k"), id, khs("other"))).Recorded)
	r, err := h.service.Upload(h.ctx, by(siti, "k"), id, khs("a third"))
	h.refused("idempotency_key_reused", r, err)
	require.Len(t, h.files(), 2, "what was not recorded is not kept")
}

func TestUpload_BrokenOffOrTooLarge_KeepsNothing(t *testing.T) {
	h := open(t)
	id := h.submit(siti, h.publish())
	upload := khs("")
	upload.Content = io.MultiReader(bytes.NewReader(make([]byte, 500)), iotest.ErrReader(errBroken))
	_, err := h.service.Upload(h.ctx, by(siti), id, upload)
	require.ErrorIs(t, err, errBroken)
	upload.Content = bytes.NewReader(make([]byte, 1001))
	r, err := h.service.Upload(h.ctx, by(siti), id, upload)
	h.refused("upload_too_large", r, err)
	require.Empty(t, h.files())
	upload.Content = bytes.NewReader(make([]byte, 1000))
	h.ok(h.service.Upload(h.ctx, by(siti), id, upload))
	require.Len(t, h.files(), 1)
}

func TestUpload_OutcomeUnknown_KeepsTheBytes(t *testing.T) {
	h := open(t)
	id := h.submit(siti, h.publish())
	lost := &troubled{Log: h.log, after: func() error { return application.ErrUnknownOutcome }}
	s := application.New(lost, h.blobs, application.Options{Keys: h.keys})
	_, err := s.Upload(h.ctx, by(siti), id, khs("bytes"))
	require.Equal(t, "log_unavailable", domain.ErrorCode(err))
	document := h.application(id).Documents[0].ID
	require.Equal(t, "bytes", h.opened(siti, id, document))
}

func TestReaction_SealedBytesWereChanged_IsGivenUpAsDamaged(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"flipped": func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"cut off": func(b []byte) []byte { return b[:len(b)-1] },
		"empty":   func([]byte) []byte { return nil },
	} {
		h := open(t)
		id, document, stream := uploaded(h)
		for path, content := range h.files() {
			require.NoError(t, os.WriteFile(path, damage(content), 0o600))
		}
		record := h.only("DocumentUploaded")
		err := h.reaction(nil).Handle(h.ctx, record, 1)
		var fault *application.ReaderError
		require.ErrorAs(t, err, &fault, name)
		require.Equal(t, "bytes_damaged", fault.Code, name)
		require.NoError(t, h.reaction(nil).GiveUp(h.ctx, record, 3, err))
		require.Contains(t, h.types(stream), "DocumentReadingFailed", name)
		content, _, err := h.service.OpenDocument(h.ctx, by(siti), id, document)
		if err == nil {
			_, err = io.ReadAll(content)
		}
		require.ErrorIs(t, err, application.ErrBlobDamaged, name)
	}
}

// A log from before documents were sealed.
func TestDocuments_FromBeforeTheyWereSealed_AreReadAndErased(t *testing.T) {
	h := open(t)
	plain := application.New(h.log, h.blobs, application.Options{Clock: func() time.Time { return during }, Register: register{h}})
	opening := h.ok(plain.PublishOpening(h.ctx, by(admin), details())).ID
	id := h.ok(plain.Submit(h.ctx, by(siti), opening, applicant())).ID
	document := h.ok(plain.Upload(h.ctx, by(siti), id, khs("bytes"))).ID
	for _, content := range h.files() {
		require.Equal(t, "bytes", string(content))
	}
	require.Equal(t, "bytes", h.opened(siti, id, document))
	sealed := h.ok(h.service.Upload(h.ctx, by(siti), id, khs("sealed"))).ID
	require.Equal(t, "sealed", h.opened(siti, id, sealed))
	h.settle(nil)
	require.Equal(t, 2, h.reader.reads)
	h.ok(h.service.AskErasure(h.ctx, by(siti), siti.ID))
	h.settle(nil)
	require.Empty(t, h.files())
}

func TestUpload_AnotherWasTheFirstThatIsSealed_IsTriedAgain(t *testing.T) {
	h := open(t)
	plain := application.New(h.log, h.blobs, application.Options{Clock: func() time.Time { return during }})
	opening := h.ok(plain.PublishOpening(h.ctx, by(admin), details())).ID
	id := h.ok(plain.Submit(h.ctx, by(siti), opening, applicant())).ID
	var second uuid.UUID
	racing := &troubled{Log: h.log, before: func() error {
		if second == uuid.Nil {
			second = h.ok(h.service.Upload(h.ctx, by(siti), id, khs("second"))).ID
		}
		return nil
	}}
	first := application.New(racing, h.blobs, application.Options{Keys: h.keys, Clock: func() time.Time { return during }})
	_, err := first.Upload(h.ctx, by(siti), id, khs("first"))
	require.Equal(t, "concurrent_change", domain.ErrorCode(err), "it was sealed with a key of its own")
	require.Len(t, h.files(), 1)
	document := h.ok(first.Upload(h.ctx, by(siti), id, khs("first"))).ID
	require.Equal(t, "first", h.opened(siti, id, document))
	require.Equal(t, "second", h.opened(siti, id, second))
}
