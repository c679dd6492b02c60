package application

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/gabriel-vasile/mimetype"
	"github.com/google/uuid"

	"asprak/domain"
	"asprak/domain/transcript"
)

// Upload is a document as it comes in.
type Upload struct {
	Kind     transcript.Kind
	FileName string
	Content  io.Reader
}

// Upload stores the bytes and adds the document to the actor's application. Nothing that
// was taken in is lost: an empty file or one of the wrong type gets its verdict like any other.
func (s *Service) Upload(ctx context.Context, req Request, applicationID uuid.UUID, upload Upload) (Result, error) {
	if err := permit(req.Actor, domain.ActionUploadDocument); err != nil {
		return Result{}, err
	}
	known, err := s.visible(ctx, req.Actor, applicationID)
	if err != nil {
		return Result{}, err
	}
	if !repeats(known, req) {
		// Refuse before the bytes come in what would be refused after.
		if _, err := known.State.Decide(domain.UploadDocument{Kind: upload.Kind}); err != nil {
			return Result{}, err
		}
		if err := matches(req.IfMatch, known); err != nil {
			return Result{}, err
		}
		if err := s.room(ctx, req.Actor); err != nil {
			return Result{}, err
		}
	}
	key, err := s.applicationKey(ctx, known.Entries)
	if err != nil {
		return Result{}, userError(err)
	}
	document, err := s.keep(ctx, upload.Content, key, applicationID)
	if errors.Is(err, errTooLarge) {
		return Result{}, domain.Errorf(domain.TooLarge, "upload_too_large", "A document may have at most %d bytes.", s.limit)
	}
	if err != nil {
		return Result{}, userError(err)
	}
	id := domain.DocumentID(applicationID, document.SHA256)
	c := req.call("upload", applicationID[:], []byte(document.SHA256), []byte(upload.Kind))
	if key != nil {
		c.key = key.ID()
	}
	after, done, err := write(ctx, s, applicationStream(applicationID), known, c, func(at loaded[domain.Application]) ([]domain.Event, error) {
		if other := keyOf(at.Entries); key != nil && other != uuid.Nil && other != key.ID() {
			return nil, ErrConflict // another upload was the first that is sealed
		}
		return at.State.Decide(domain.UploadDocument{
			DocumentID: id,
			Kind:       upload.Kind,
			SHA256:     document.SHA256,
			Size:       document.Size,
			Type:       mediaType(document),
			FileName:   baseName(upload.FileName),
			Blob:       document.Blob,
		})
	})
	if recorded, _ := after.State.Document(id); recorded.Blob != document.Blob && certain(err) {
		s.drop(ctx, document)
	}
	return result(id, done, err)
}

// certain tells that with this outcome of a write nothing of it was recorded but what its state shows.
func certain(err error) bool {
	var rule *domain.Error
	return err == nil || errors.As(err, &rule) || errors.Is(err, ErrConflict)
}

// room is nil while the applicant may add to the documents that wait to be read.
func (s *Service) room(ctx context.Context, applicant domain.Actor) error {
	if s.backlog == nil {
		return nil
	}
	if s.unread.Each > 0 {
		own, err := s.backlog.UnreadOf(ctx, applicant.ID)
		if err != nil {
			return err
		}
		if own >= s.unread.Each {
			return domain.Errorf(domain.Unavailable, "own_documents_waiting", "%d of your documents wait to be read; nothing was kept. Send the next one when they have their verdicts.", own)
		}
	}
	if s.unread.All > 0 {
		all, _, err := s.backlog.Unread(ctx)
		if err != nil {
			return err
		}
		if all >= s.unread.All {
			return domain.Errorf(domain.Unavailable, "documents_waiting", "Too many documents wait to be read; nothing was kept. Try again later, with the same Idempotency-Key.")
		}
	}
	return nil
}

// Override records a person's decision over the machine's on a document.
func (s *Service) Override(ctx context.Context, req Request, applicationID, documentID uuid.UUID, outcome, reason string) (Result, error) {
	return s.changeDocument(ctx, req, applicationID, documentID,
		req.call("override", applicationID[:], documentID[:], []byte(outcome), []byte(reason)), domain.ActionOverrideVerification,
		domain.OverrideVerification{DocumentID: documentID, Outcome: outcome, Reason: reason})
}

// Reread asks for a fresh reading with today's engine.
func (s *Service) Reread(ctx context.Context, req Request, applicationID, documentID uuid.UUID, reason string) (Result, error) {
	return s.changeDocument(ctx, req, applicationID, documentID,
		req.call("reread", applicationID[:], documentID[:], []byte(reason)), domain.ActionRereadDocument,
		domain.RequestReread{DocumentID: documentID, Reason: reason})
}

// ClaimReview takes up a document that waits for a person.
func (s *Service) ClaimReview(ctx context.Context, req Request, applicationID, documentID uuid.UUID) (Result, error) {
	return s.changeDocument(ctx, req, applicationID, documentID, req.call("claim", applicationID[:], documentID[:]), domain.ActionClaimReview,
		domain.ClaimReview{DocumentID: documentID, Claimant: req.Actor, At: s.clock()})
}

// ReleaseReview gives the actor's claim back.
func (s *Service) ReleaseReview(ctx context.Context, req Request, applicationID, documentID uuid.UUID) (Result, error) {
	return s.changeDocument(ctx, req, applicationID, documentID, req.call("release", applicationID[:], documentID[:]), domain.ActionReleaseReview,
		domain.ReleaseReview{DocumentID: documentID, Claimant: req.Actor, At: s.clock()})
}

func (s *Service) changeDocument(ctx context.Context, req Request, applicationID, documentID uuid.UUID, c call, action domain.Action, command domain.ApplicationCommand) (Result, error) {
	r, err := s.changeApplication(ctx, req, applicationID, c, action, always(command))
	if err != nil {
		return Result{}, err
	}
	r.ID = documentID
	return r, nil
}

// repeats tells whether the request's key has led to events of the stream already.
func repeats(at loaded[domain.Application], req Request) bool {
	if req.IdempotencyKey == "" {
		return false
	}
	id := req.call("").id
	for _, e := range at.Entries {
		if e.Metadata.CommandID == id {
			return true
		}
	}
	return false
}

// mediaType tells the type by content, without parameters.
func mediaType(document kept) string {
	if document.Size == 0 {
		return "application/x-empty"
	}
	t, _, _ := strings.Cut(mimetype.Detect(document.Head).String(), ";")
	return t
}

// baseName drops the folders that some browsers send along.
func baseName(name string) string {
	return name[strings.LastIndexAny(name, `/\`)+1:]
}
