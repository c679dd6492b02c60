package api

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"strings"
	"time"

	"asprak/application"
	"asprak/domain"
	"asprak/domain/transcript"
)

const (
	// envelope is what the multipart form may have besides the document, in bytes.
	envelope = 64 << 10
	maxKind  = 64 // bytes of the field kind
)

// uploadDocument takes the parts kind and file in either order. With kind first the
// document streams straight into the store; otherwise it waits in a temporary file.
func (a *api) uploadDocument(c *call) error {
	request, id, err := c.command()
	if err != nil {
		return err
	}
	limit := a.maxUpload + envelope
	if c.Request.ContentLength > limit {
		return a.tooLarge()
	}
	media, params, err := mime.ParseMediaType(c.Request.Header.Get("Content-Type"))
	if err != nil || media != "multipart/form-data" || params["boundary"] == "" {
		return domain.Errorf(domain.Unsupported, "multipart_needed", "Send a multipart/form-data form with the parts kind and file.")
	}
	giveBack, err := a.uploads.take(c.actor.ID)
	if err != nil {
		return err
	}
	defer giveBack()
	c.transfer()
	form := &form{api: a, reader: multipart.NewReader(http.MaxBytesReader(c.Writer, c.Request.Body, limit), params["boundary"])}
	defer form.close()
	upload, err := form.read()
	if err != nil {
		return err
	}
	result, err := a.service.Upload(c.ctx(), request, id, upload)
	if err != nil && form.content.err != nil {
		err = a.transferError(form.content.err)
	}
	return c.doneDocument(http.StatusAccepted, "/v1/applications/"+id.String()+"/documents/"+result.ID.String(), id, result, err)
}

// transfer gives the connection the time that a large body needs.
func (c *call) transfer() {
	control, deadline := http.NewResponseController(c.Writer), time.Now().Add(transferTimeout)
	// A writer without deadlines has none to extend.
	_ = control.SetReadDeadline(deadline)
	_ = control.SetWriteDeadline(deadline)
}

// form reads the parts of an upload.
type form struct {
	api     *api
	reader  *multipart.Reader
	spool   *os.File // the document, when it came before its kind
	content watched
}

func (f *form) read() (application.Upload, error) {
	var upload application.Upload
	for {
		part, err := f.reader.NextPart()
		if errors.Is(err, io.EOF) {
			return upload, missingPart(upload)
		}
		if err != nil {
			return upload, f.api.transferError(err)
		}
		switch name := part.FormName(); {
		case name == "kind" && upload.Kind == "":
			if upload.Kind, err = f.api.kind(part); err != nil {
				return upload, err
			}
			if f.spool != nil {
				return upload, nil
			}
		case name == "file" && f.spool == nil:
			upload.FileName = strings.ToValidUTF8(part.FileName(), "\uFFFD")
			if upload.Kind != "" {
				f.content.r = part
				upload.Content = &f.content
				return upload, nil
			}
			if err := f.wait(part); err != nil {
				return upload, err
			}
			f.content.r = f.spool
			upload.Content = &f.content
		case name == "kind" || name == "file":
			return upload, partError("invalid_part", name, "Send this part once.")
		default:
			return upload, partError("unknown_part", name, "There is no such part: send kind and file.")
		}
	}
}

// wait keeps the document until its kind is known.
func (f *form) wait(part io.Reader) error {
	spool, err := os.CreateTemp("", "asprak-upload-*")
	if err != nil {
		return err
	}
	f.spool = spool
	if err := os.Remove(spool.Name()); err != nil { // it lives as long as it is open
		return err
	}
	source := &watched{r: io.LimitReader(part, f.api.maxUpload+1)}
	n, err := io.Copy(spool, source)
	switch {
	case source.err != nil:
		return f.api.transferError(source.err)
	case err != nil:
		return err
	case n > f.api.maxUpload:
		return f.api.tooLarge()
	}
	_, err = spool.Seek(0, io.SeekStart)
	return err
}

func (f *form) close() {
	if f.spool != nil {
		f.spool.Close()
	}
}

func (a *api) kind(part io.Reader) (transcript.Kind, error) {
	text, err := io.ReadAll(io.LimitReader(part, maxKind+1))
	if err != nil {
		return "", a.transferError(err)
	}
	switch kind := transcript.Kind(text); kind {
	case transcript.KHS, transcript.Transcript:
		return kind, nil
	}
	return "", domain.InvalidField("kind", "The kind is %q or %q.", transcript.KHS, transcript.Transcript)
}

func (a *api) tooLarge() error {
	return domain.Errorf(domain.TooLarge, "upload_too_large", "A document may have at most %d bytes.", a.maxUpload)
}

// transferError is for a body that could not be read to its end.
func (a *api) transferError(err error) error {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return a.tooLarge()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return domain.Errorf(domain.Invalid, "upload_too_slow", "The upload did not arrive within %s.", transferTimeout)
	}
	return domain.Errorf(domain.Invalid, "upload_broken", "The multipart form is malformed or ends too early.")
}

func missingPart(upload application.Upload) error {
	if upload.Content == nil {
		return partError("missing_part", "file", "The part file is missing.")
	}
	return partError("missing_part", "kind", "The part kind is missing.")
}

func partError(code, name, message string) error {
	return &domain.Error{Kind: domain.Invalid, Code: code, Message: message, Field: name}
}

// watched remembers that its source failed, whatever becomes of the error on the way: what
// breaks off at the sender's end is not our fault.
type watched struct {
	r   io.Reader
	err error
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		w.err = err
	}
	return n, err
}
