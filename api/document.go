package api

import (
	"context"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"asprak/application"
	"asprak/projections"
)

// namedTypes are the media types that are named as they are; anything else is handed out
// as bytes.
var namedTypes = []string{"application/pdf", "image/jpeg", "image/png", "image/tiff", "image/webp", "image/bmp", "image/gif"}

// previews are the media types that a browser may show when it is asked to, each with the
// policy that it is shown under. Browsers' own viewers of PDF do not start in a sandbox.
var previews = map[string]string{
	"application/pdf": "default-src 'none'; object-src 'self'; frame-ancestors 'none'",
	"image/jpeg":      download,
	"image/png":       download,
	"image/webp":      download,
}

const download = "default-src 'none'; frame-ancestors 'none'; sandbox"

func (c *call) documentPath() (application, document uuid.UUID, err error) {
	if application, err = identifier("id", c.Param("id")); err != nil {
		return
	}
	document, err = identifier("document", c.Param("document"))
	return
}

func (a *api) getDocument(c *call) error {
	if _, err := c.parameters(); err != nil {
		return err
	}
	applicationID, documentID, err := c.documentPath()
	if err != nil {
		return err
	}
	if err := a.look(c); err != nil {
		return err
	}
	if _, err := a.visible(c, applicationID); err != nil {
		return err
	}
	row, err := find(a, c, func() (projections.DocumentRow, error) { return a.views.Document(c.ctx(), applicationID, documentID) })
	if err != nil {
		return err
	}
	c.Header("ETag", etag(row.Revision))
	return c.json(http.StatusOK, row)
}

// getContent hands out what somebody uploaded: never to be run by a browser here, and shown
// only as a picture or PDF that was asked for.
func (a *api) getContent(c *call) error {
	p, err := c.parameters("disposition")
	if err != nil {
		return err
	}
	disposition, err := p.choice("disposition", "attachment", "inline")
	if err != nil {
		return err
	}
	applicationID, documentID, err := c.documentPath()
	if err != nil {
		return err
	}
	request := application.Request{Actor: c.actor, CorrelationID: c.requestID}
	c.transfer() // the storage may have to send the bytes first
	content, info, err := a.service.OpenDocument(c.ctx(), request, applicationID, documentID)
	if err != nil {
		return err
	}
	defer content.Close()
	kind := info.Type
	if !slices.Contains(namedTypes, kind) {
		kind = "application/octet-stream"
	}
	policy, shown := previews[kind]
	if disposition != "inline" || !shown {
		disposition, policy = "attachment", download
	}
	h := c.Writer.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.FormatInt(info.Size, 10))
	h.Set("Content-Disposition", named(disposition, info))
	h.Set("Content-Security-Policy", policy)
	h.Set("ETag", `"`+info.SHA256+`"`)
	c.Status(http.StatusOK)
	_, err = io.CopyN(c.Writer, content, info.Size)
	if c.ctx().Err() != nil {
		return c.ctx().Err()
	}
	return err
}

func named(disposition string, info application.DocumentInfo) string {
	name := info.FileName
	if name == "" {
		name = info.ID.String()
	}
	if v := mime.FormatMediaType(disposition, map[string]string{"filename": name}); v != "" {
		return v
	}
	return disposition
}

func (a *api) overrideVerification(c *call) error {
	request, id, err := c.command()
	if err != nil {
		return err
	}
	document, err := identifier("document", c.Param("document"))
	if err != nil {
		return err
	}
	var body struct {
		Outcome string `json:"outcome"`
		Reason  string `json:"reason"`
	}
	if err := c.body(&body, false); err != nil {
		return err
	}
	result, err := a.service.Override(c.ctx(), request, id, document, body.Outcome, body.Reason)
	return c.doneDocument(http.StatusOK, "", id, result, err)
}

func (a *api) rereadDocument(c *call) error {
	request, id, err := c.command()
	if err != nil {
		return err
	}
	document, err := identifier("document", c.Param("document"))
	if err != nil {
		return err
	}
	var body reasonBody
	if err := c.body(&body, true); err != nil {
		return err
	}
	result, err := a.service.Reread(c.ctx(), request, id, document, body.Reason)
	return c.doneDocument(http.StatusAccepted, "", id, result, err)
}

// aboutDocument handles a command that has no body.
func aboutDocument(do func(ctx context.Context, request application.Request, applicationID, documentID uuid.UUID) (application.Result, error)) func(*call) error {
	return func(c *call) error {
		request, id, err := c.command()
		if err != nil {
			return err
		}
		document, err := identifier("document", c.Param("document"))
		if err != nil {
			return err
		}
		if err := c.body(&struct{}{}, true); err != nil {
			return err
		}
		result, err := do(c.ctx(), request, id, document)
		return c.doneDocument(http.StatusOK, "", id, result, err)
	}
}
