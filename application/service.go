package application

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"

	"asprak/domain"
	"asprak/domain/transcript"
	"asprak/domain/verification"
)

// DefaultMaxUpload is how many bytes one document may have when Options do not say.
const DefaultMaxUpload = 10 << 20

// Request is who asks, and how.
type Request struct {
	IdempotencyKey string // the same key and content again is answered as the first time; "" for none
	Actor          domain.Actor
	CorrelationID  string
	IfMatch        *Revision // the revision that the caller has seen; nil when it does not matter
}

// Result is the answer to a command. A satisfied command that recorded nothing is answered
// with where its stream stands.
type Result struct {
	ID       uuid.UUID // opening, application or document the command was about
	Revision Revision  // of the opening or application
	Position Position
	Recorded int // events written by this command; 0: satisfied already or replayed
}

// Options of a Service; the zero value works.
type Options struct {
	Clock     func() time.Time    // default time.Now
	Logger    *slog.Logger        // default: discards
	MaxUpload int64               // bytes of one document; default DefaultMaxUpload
	Scales    []transcript.Scale  // grade scales an opening may name; default transcript.Scales
	Policy    verification.Policy // that documents are judged by; default verification.DefaultPolicy
	// GrantedOnly: staff act for nothing until it was granted to them; else for everything until then.
	GrantedOnly bool
	Keys        Keys    // that what is personal is sealed with; default: it is recorded as it is
	Backlog     Backlog // with MaxUnread; default: uploads are taken without bound
	MaxUnread   MaxUnread
	Register    Register // of what is held; default: nobody is erased, and no retention ends
}

// MaxUnread bounds the documents that wait for the machine; 0 is no bound.
type MaxUnread struct {
	All, Each int // of everybody, and of one applicant
}

// Service is the one write path, and the reads that are answered from the events.
//
// Its commands fail with a *domain.Error that is meant for the caller, or with an error
// that is internal. An applicant who names another's application, or staff what they do not act for, is
// answered as if there were none.
type Service struct {
	log   Log
	blobs Blobs
	codec *Codec
	keys  Keys
	// impersonal leaves sealed what is; nobody whom it serves has to know of it.
	impersonal *Codec
	clock      func() time.Time
	logger     *slog.Logger
	limit      int64
	scales     []transcript.Scale
	policy     verification.Policy
	backlog    Backlog
	unread     MaxUnread
	register   Register
	openings   *cache[domain.Opening]
	origins    *origins
	staff      *staffCache

	grantedOnly bool
}

// New returns a Service over the log and the blobs.
func New(log Log, blobs Blobs, opts Options) *Service {
	s := &Service{log: log, blobs: blobs, codec: NewCodec().With(opts.Keys), keys: opts.Keys, impersonal: NewCodec().With(NoKeys), clock: opts.Clock, logger: opts.Logger, limit: opts.MaxUpload, scales: opts.Scales, policy: opts.Policy,
		backlog: opts.Backlog, unread: opts.MaxUnread, register: opts.Register, openings: newCache[domain.Opening](maxCachedOpenings), origins: newOrigins(),
		staff: newStaffCache(), grantedOnly: opts.GrantedOnly}
	if s.clock == nil {
		s.clock = time.Now
	}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	if s.limit <= 0 {
		s.limit = DefaultMaxUpload
	}
	if s.scales == nil {
		s.scales = transcript.Scales()
	}
	if s.policy.Version == "" {
		s.policy = verification.DefaultPolicy()
	}
	return s
}

// Until bounds a read to an earlier moment; the zero value means now.
type Until struct {
	At       *time.Time // events recorded up to this time
	Revision *Revision  // events up to this revision
}

// Entry is one event of a stream.
type Entry struct {
	Revision   Revision        `json:"revision"`
	Position   Position        `json:"position"`
	Type       string          `json:"type"`
	RecordedAt time.Time       `json:"recorded_at"`
	Event      domain.Event    `json:"event"`
	Metadata   domain.Metadata `json:"metadata"`
}

// DocumentInfo describes a document whose bytes are handed out.
type DocumentInfo struct {
	domain.SubmittedDocument
	ApplicationID uuid.UUID
}

// Head is the position of the last event in the log.
func (s *Service) Head(ctx context.Context) (Position, error) {
	head, err := s.log.Head(ctx)
	if err != nil {
		return Position{}, userError(err)
	}
	return head, nil
}

// Opening returns the opening as it stands now, and its revision.
func (s *Service) Opening(ctx context.Context, id uuid.UUID) (domain.Opening, Revision, error) {
	at, err := s.loadOpening(ctx, id)
	if err != nil {
		return domain.Opening{}, NoStream, userError(err)
	}
	if !at.State.Exists() {
		return domain.Opening{}, NoStream, domain.OpeningNotFound()
	}
	return at.State, at.Revision, nil
}

// Application returns the application as its events tell it, now or at an earlier moment,
// with the revision of the last event counted. Whether the caller may see it is for the caller to
// ask, see domain.Application.VisibleTo.
func (s *Service) Application(ctx context.Context, id uuid.UUID, until Until) (domain.Application, Revision, error) {
	entries, err := s.History(ctx, id)
	if err != nil {
		return domain.Application{}, NoStream, err
	}
	if until.Revision != nil && *until.Revision > entries[len(entries)-1].Revision {
		return domain.Application{}, NoStream, domain.Errorf(domain.NotFound, "revision_not_found", "The application has no revision %d.", *until.Revision)
	}
	var state domain.Application
	revision := NoStream
	for _, e := range entries {
		if until.Revision != nil && e.Revision > *until.Revision || until.At != nil && e.RecordedAt.After(*until.At) {
			break
		}
		state, revision = state.Evolve(e.Event), e.Revision
	}
	if !state.Exists() {
		return domain.Application{}, NoStream, domain.ApplicationNotFound()
	}
	return state, revision, nil
}

// History returns the application's events in order.
func (s *Service) History(ctx context.Context, id uuid.UUID) ([]Entry, error) {
	at, err := load(ctx, s, applicationStream(id), fresh[domain.Application]())
	if err != nil {
		return nil, userError(err)
	}
	if !at.State.Exists() {
		return nil, domain.ApplicationNotFound()
	}
	return at.Entries, nil
}

// OpenDocument hands out the original bytes of a document; the caller closes them. That staff
// open it is recorded first: without the event there are no bytes.
func (s *Service) OpenDocument(ctx context.Context, req Request, applicationID, documentID uuid.UUID) (io.ReadCloser, DocumentInfo, error) {
	at, err := s.visible(ctx, req.Actor, applicationID)
	if err != nil {
		return nil, DocumentInfo{}, err
	}
	d, ok := at.State.Document(documentID)
	if !ok {
		return nil, DocumentInfo{}, domain.DocumentNotFound()
	}
	content, err := s.content(ctx, at, d)
	if err != nil {
		return nil, DocumentInfo{}, userError(err)
	}
	command := domain.ViewDocument{DocumentID: documentID, Viewer: req.Actor, At: s.clock()}
	_, _, err = write(ctx, s, applicationStream(applicationID), at, req.call("view"), func(at loaded[domain.Application]) ([]domain.Event, error) {
		return at.State.Decide(command)
	})
	if err != nil {
		return nil, DocumentInfo{}, errors.Join(userError(err), content.Close())
	}
	return content, DocumentInfo{SubmittedDocument: d, ApplicationID: applicationID}, nil
}

const (
	openingPrefix     = "opening-"
	applicationPrefix = "application-"
	staffPrefix       = "staff-"
	personPrefix      = "person-"
)

func openingStream(id uuid.UUID) string     { return openingPrefix + id.String() }
func applicationStream(id uuid.UUID) string { return applicationPrefix + id.String() }

// applicationOf reads the application's id back from its stream's name.
func applicationOf(stream string) (uuid.UUID, bool) { return idOf(stream, applicationPrefix) }

func openingOf(stream string) (uuid.UUID, bool) { return idOf(stream, openingPrefix) }

func idOf(stream, prefix string) (uuid.UUID, bool) {
	id, ok := strings.CutPrefix(stream, prefix)
	if !ok {
		return uuid.Nil, false
	}
	parsed, err := uuid.Parse(id)
	return parsed, err == nil
}

func (s *Service) loadOpening(ctx context.Context, id uuid.UUID) (loaded[domain.Opening], error) {
	stream := openingStream(id)
	at, err := load(ctx, s, stream, s.openings.get(stream))
	if err == nil && at.Revision != NoStream {
		s.openings.put(stream, at)
	}
	return at, err
}

func (s *Service) loadApplication(ctx context.Context, id uuid.UUID) (loaded[domain.Application], error) {
	return load(ctx, s, applicationStream(id), fresh[domain.Application]())
}

// permit is nil when the actor's role may do the action, be it to own things only.
func permit(actor domain.Actor, action domain.Action) error {
	if domain.ScopeOf(action, actor.Role) != domain.ScopeNone {
		return nil
	}
	return domain.Errorf(domain.Denied, "not_allowed", "Your role may not do this.")
}

// userError turns the ways of failing of the log and the blobs into what a caller can act on.
func userError(err error) error {
	switch {
	case errors.Is(err, ErrBlobsUnavailable):
		away := domain.Errorf(domain.Unavailable, "documents_unavailable", "The documents' storage cannot be reached; try again later, with the same Idempotency-Key.")
		return fmt.Errorf("%w (%w)", away, err)
	case errors.Is(err, ErrKeyDestroyed):
		return domain.ApplicationErasedError()
	case errors.Is(err, ErrKeysUnavailable):
		away := domain.Errorf(domain.Unavailable, "keys_unavailable", "The keys of personal values cannot be reached; try again later, with the same Idempotency-Key.")
		return fmt.Errorf("%w (%w)", away, err)
	case errors.Is(err, ErrUnavailable), errors.Is(err, ErrUnknownOutcome):
		return domain.Errorf(domain.Unavailable, "log_unavailable", "The log cannot be reached; try again later, with the same Idempotency-Key.")
	case errors.Is(err, ErrConflict):
		return domain.Errorf(domain.Conflict, "concurrent_change", "Others changed this at the same moment; try again.")
	case errors.Is(err, ErrIDTaken):
		return keyReused()
	case errors.Is(err, ErrTooLarge):
		return domain.Errorf(domain.TooLarge, "command_too_large", "The command is too large to be recorded.")
	}
	return err
}

func keyReused() error {
	return domain.Errorf(domain.Conflict, "idempotency_key_reused", "The Idempotency-Key was used for another request.")
}
