package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"time"

	"github.com/google/uuid"

	"asprak/domain/verification"
)

// caller speaks to a running server as one person.
type caller struct {
	base     string
	token    func() (string, error)
	key      string // the Idempotency-Key; "": a fresh one for each command
	position string // of the log, that an answer must have seen; "": any
}

// answer is what commands answer.
type answer struct {
	ID         string `json:"id"`
	DocumentID string `json:"document_id"`
	Revision   int64  `json:"revision"`
	Position   string `json:"position"`
}

// documentView is the part of a document's answer that the demo shows.
type documentView struct {
	Status  string                `json:"status"`
	Verdict *verification.Verdict `json:"verdict"`
}

func (c *caller) get(ctx context.Context, path string, into any) error {
	return c.do(ctx, http.MethodGet, path, "", nil, into)
}

func (c *caller) post(ctx context.Context, path string, body, into any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return c.do(ctx, http.MethodPost, path, "application/json", bytes.NewReader(raw), into)
}

func (c *caller) upload(ctx context.Context, path, name string, content []byte, into any) error {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	if err := form.WriteField("kind", "khs"); err != nil {
		return err
	}
	part, err := form.CreateFormFile("file", name)
	if err != nil {
		return err
	}
	if _, err := part.Write(content); err != nil {
		return err
	}
	if err := form.Close(); err != nil {
		return err
	}
	return c.do(ctx, http.MethodPost, path, form.FormDataContentType(), &body, into)
}

// awaitVerdict asks for the document until the machine has concluded or given up.
func (c *caller) awaitVerdict(ctx context.Context, application, document string) (documentView, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		var d documentView
		err := c.get(ctx, "/v1/applications/"+application+"/documents/"+document, &d)
		if err == nil && d.Verdict != nil {
			return d, nil
		}
		if err == nil && d.Status == "reading_failed" {
			return d, fmt.Errorf("the document could not be read")
		}
		// A document that was just uploaded may not stand in the read model yet.
		if err != nil && statusOf(err) != http.StatusNotFound {
			return d, err
		}
		select {
		case <-ctx.Done():
			return d, fmt.Errorf("no verdict within a minute: %w", ctx.Err())
		case <-time.After(25 * time.Millisecond):
		}
	}
}

// problemError is a problem+json answer.
type problemError struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
}

func (p *problemError) Error() string {
	return fmt.Sprintf("the server answered %d %s: %s %s", p.Status, p.Code, p.Title, p.Detail)
}

func statusOf(err error) int {
	if p, ok := err.(*problemError); ok {
		return p.Status
	}
	return 0
}

func (c *caller) do(ctx context.Context, method, path, contentType string, body io.Reader, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return err
	}
	token, err := c.token()
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if c.position != "" {
		req.Header.Set("Asprak-Position", c.position)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", contentType)
		req.Header.Set("Idempotency-Key", cmp.Or(c.key, uuid.NewString()))
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("is the server running? %w", err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, 8<<20))
	if err != nil {
		return err
	}
	if res.StatusCode >= 300 {
		p := &problemError{Status: res.StatusCode}
		_ = json.Unmarshal(raw, p) // what is not a problem document is shown by its status alone
		return p
	}
	return json.Unmarshal(raw, into)
}
