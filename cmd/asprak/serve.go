package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"asprak/api"
	"asprak/application"
	"asprak/infrastructure/identity"
	"asprak/infrastructure/keys"
	"asprak/infrastructure/messaging"
	"asprak/infrastructure/tracing"
	"asprak/infrastructure/workers"
	"asprak/projections"
)

// readersGroup is the group of consumers that the reaction's processes join.
const readersGroup = "reaction"

// readTries is how often a document is tried before it is put before a person.
const readTries = 3

// traceGrace is how long the last spans may take to be sent.
const traceGrace = 2 * time.Second

// lastResort is how much longer than its grace a process takes to stop at most.
const lastResort = 10 * time.Second

type serveCmd struct {
	storage        `embed:""`
	blobStorage    `embed:""`
	readerSettings `embed:""`
	judging        `embed:""`
	Roles          roles         `env:"ASPRAK_ROLES" default:"api,projector,reader" help:"What this process does: api serves requests, projector carries the log into the read models (one works, others stand ready), reader reads the documents. Each answers /healthz, /readyz and /metrics."`
	Listen         string        `env:"ASPRAK_LISTEN" default:"127.0.0.1:8080" help:"Address to serve HTTP on."`
	Issuers        string        `env:"ASPRAK_ISSUERS" help:"JSON file of the OpenID Connect issuers whose tokens count besides the local key's."`
	AccountDomains string        `env:"ASPRAK_ACCOUNT_DOMAINS" help:"Domains whose e-mail addresses may register as applicants, with commas: mail.ugm.ac.id is that one, .ugm.ac.id all below it. Nobody checks that the address is theirs. Default: nobody registers."`
	AccountAdmin   string        `env:"ASPRAK_ACCOUNT_ADMIN" default:"admin@localhost" help:"Address of the admin's account that is made, with a password that is printed once, where there is no account."`
	Staff          string        `env:"ASPRAK_STAFF" default:"open" enum:"open,granted" help:"What staff act for to whom nothing was ever granted: open: every opening; granted: none."`
	StaffAdmin     string        `env:"ASPRAK_STAFF_ADMIN" help:"Subject of the admin who is granted everything at the start, unless something was ever granted to or revoked from them: where staff need a grant, somebody has to be the first."`
	Retention      string        `env:"ASPRAK_RETENTION" default:"report" enum:"report,erase" help:"What happens when an opening's retention is over: report: what is due is logged, see GET /v1/retention; erase: its applications are erased."`
	MaxUpload      int64         `env:"ASPRAK_MAX_UPLOAD" default:"10485760" help:"Most bytes of one document."`
	ApplicantRate  int           `env:"ASPRAK_APPLICANT_RATE" default:"100" help:"Requests a second of one applicant, twice as many at once; 0: no limit."`
	AddressRate    int           `env:"ASPRAK_ADDRESS_RATE" default:"2000" help:"Requests a second from one address (IPv6: one /64), twice as many at once; a whole campus or proxy may be one. Not for the machine itself. 0: no limit."`
	MaxUploads     int           `env:"ASPRAK_MAX_UPLOADS" default:"256" help:"Uploads in transfer at once; 0: no limit."`
	MaxUploadsEach int           `env:"ASPRAK_MAX_UPLOADS_EACH" default:"4" help:"Uploads of one applicant in transfer at once; 0: no limit."`
	MaxUnread      int           `env:"ASPRAK_MAX_UNREAD" default:"5000" help:"Documents that wait to be read before further uploads are refused for a while; 0: no limit."`
	MaxUnreadEach  int           `env:"ASPRAK_MAX_UNREAD_EACH" default:"20" help:"The same for those of one applicant; 0: no limit."`
	StopGrace      time.Duration `env:"ASPRAK_STOP_GRACE" default:"20s" help:"How long requests and readings in flight may take to end when the process is told to stop. A reading that takes longer is handed to another reader."`
	LogLevel       string        `env:"ASPRAK_LOG_LEVEL" default:"warn" enum:"debug,info,warn,error" help:"One of ${enum}."`
	LogFormat      string        `env:"ASPRAK_LOG_FORMAT" default:"text" enum:"text,json" help:"One of ${enum}."`
}

// Run serves until ctx ends.
func (c *serveCmd) Run(ctx context.Context, env environment) error {
	logger, err := newLogger(env.stderr, c.LogLevel, c.LogFormat)
	if err != nil {
		return err
	}
	s, err := openServer(ctx, *c, logger)
	if err != nil {
		return err
	}
	// Whatever hangs, the process is gone in time: others take over what it held.
	context.AfterFunc(ctx, func() {
		time.Sleep(c.StopGrace + lastResort)
		logger.Error("the process did not stop in time and is ended")
		os.Exit(1)
	})
	if err := s.begin(ctx, env.stdout); err != nil {
		return errors.Join(err, s.Close())
	}
	return errors.Join(s.Run(ctx), s.Close())
}

// begin makes what a fresh folder needs, and tells of it.
func (s *server) begin(ctx context.Context, out io.Writer) error {
	fresh, err := s.publishSample(ctx)
	if err == nil {
		err = s.grantFirst(ctx)
	}
	if err == nil {
		err = s.welcome(out, fresh)
	}
	if err != nil || !s.config.Roles.api {
		return err
	}
	return s.firstAdmin(ctx, out)
}

// server is one process with the parts of its roles open. Run works until its context ends;
// Close lets go of files and child processes.
type server struct {
	config   serveCmd
	logger   *slog.Logger
	log      eventLog
	views    *projections.Store
	keys     *keys.Ring
	service  *application.Service  // api's and reader's
	tokens   *identity.Tokens      // the same
	accounts *identity.Accounts    // the same
	live     *api.Live             // api's
	pool     *workers.Pool         // reader's
	reaction *application.Reaction // reader's
	listener net.Listener
	http     *http.Server
	appends  *prometheus.HistogramVec
	verdicts *prometheus.CounterVec
	tracer   *tracing.Tracer // nil: off
}

func openServer(ctx context.Context, config serveCmd, logger *slog.Logger) (_ *server, err error) {
	s := &server{config: config, logger: logger, appends: newAppendSeconds(), verdicts: newVerdicts()}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if err := os.MkdirAll(config.Data, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	log, err := config.openLog(ctx, logger)
	if err != nil {
		return nil, err
	}
	if s.tracer, err = tracing.Open(ctx, version); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	s.log = meteredLog{log, s.appends, s.tracer}
	if s.keys, err = keys.Open(ctx, config.keyRing(), config.master()); err != nil {
		return nil, err
	}
	if err := s.openViews(ctx); err != nil {
		return nil, err
	}
	if config.Roles.api || config.Roles.reader {
		if err := s.openService(ctx); err != nil {
			return nil, err
		}
		if err := s.openAccounts(ctx); err != nil {
			return nil, err
		}
	}
	if config.Roles.reader {
		if err := s.openReader(); err != nil {
			return nil, err
		}
	}
	handler, err := s.openHandler()
	if err != nil {
		return nil, err
	}
	if s.listener, err = net.Listen("tcp", config.Listen); err != nil {
		return nil, err
	}
	s.http = api.NewServer(config.Listen, handler)
	s.http.ErrorLog = slog.NewLogLogger(logger.Handler(), slog.LevelDebug)
	return s, nil
}

// openViews begins anew beside a damaged file, as the log has all that it held.
func (s *server) openViews(ctx context.Context) (err error) {
	s.views, err = projections.Open(ctx, s.config.database(), projections.WithLogger(s.logger))
	if errors.Is(err, projections.ErrDamaged) && s.config.Roles.projector {
		aside := fmt.Sprintf("%s.damaged-%d", s.config.views(), time.Now().Unix())
		s.logger.Error("the file of the read models is damaged; they are built anew", "kept", aside, "error", err)
		for _, part := range []string{"", "-wal", "-shm"} {
			if err := os.Rename(s.config.views()+part, aside+part); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		s.views, err = projections.Open(ctx, s.config.database(), projections.WithLogger(s.logger))
	}
	if err != nil || s.config.EventStore != "embedded" {
		return err
	}
	// A log that ends before what the read models have seen of it was cut or replaced; what is
	// acknowledged on it now would be lost with it.
	seen := s.views.Seen()
	head, err := s.log.Head(ctx)
	if err == nil && seen.Compare(head) > 0 {
		err = fmt.Errorf("%s ends at position %s, and the read models have seen %s of it: restore a backup, or remove %s if this log is the right one", s.config.folder.log(), head, seen, s.config.database())
	}
	return err
}

func (s *server) openService(ctx context.Context) error {
	if err := s.config.addOwn(); err != nil {
		return err
	}
	documents, err := s.config.openBlobs(ctx, s.config.folder)
	if err != nil {
		return err
	}
	policy, err := s.config.policy()
	if err != nil {
		return err
	}
	s.service = application.New(s.log, documents, application.Options{
		Logger: s.logger, MaxUpload: s.config.MaxUpload, Policy: policy, Keys: s.keys,
		Backlog: s.views, MaxUnread: application.MaxUnread{All: s.config.MaxUnread, Each: s.config.MaxUnreadEach},
		GrantedOnly: s.config.Staff == "granted", Register: s.views,
	})
	return nil
}

func (s *server) openAccounts(ctx context.Context) error {
	domains, err := identity.ParseDomains(s.config.AccountDomains)
	if err != nil {
		return err
	}
	if s.tokens, err = identity.Open(s.config.key()); err != nil {
		return err
	}
	s.accounts, err = identity.OpenAccounts(ctx, s.config.accountsAt(), s.tokens, domains)
	return err
}

func (s *server) openReader() (err error) {
	if s.pool, err = openPool(s.config.readerSettings, s.logger); err != nil {
		return err
	}
	s.reaction = application.NewReaction(s.service, s.tracer.Reader(s.pool), s.views, s.service.Policy())
	s.reaction.Observe(concluded(s.verdicts))
	s.reaction.EraseAccounts(s.accounts)
	return nil
}

// openHandler is the API, or what every process answers.
func (s *server) openHandler() (http.Handler, error) {
	metrics, err := newMetrics(s)
	if err != nil {
		return nil, err
	}
	options := api.Options{
		Service: s.service, Views: s.views, Ready: s.ready,
		Metrics: metrics, Logger: s.logger, MaxUpload: s.config.MaxUpload,
		Limits: api.Limits{
			ApplicantRate: s.config.ApplicantRate, AddressRate: s.config.AddressRate,
			Uploads: s.config.MaxUploads, UploadsEach: s.config.MaxUploadsEach,
		},
	}
	if s.tracer != nil {
		options.Trace = s.tracer.Request
	}
	if !s.config.Roles.api {
		return api.NewProbes(options)
	}
	s.live = api.NewLive(s.service, s.logger)
	if options.Tokens, err = s.openVerifier(); err != nil {
		return nil, err
	}
	options.Live, options.Accounts = s.live, s.accounts
	return api.New(options)
}

func (s *server) openVerifier() (*identity.Verifier, error) {
	var issuers []identity.IssuerConfig
	if s.config.Issuers != "" {
		file, err := os.Open(s.config.Issuers)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		if issuers, err = identity.ReadIssuers(file); err != nil {
			return nil, err
		}
	}
	return identity.NewVerifier(s.tokens, issuers)
}

// Run works until ctx ends or a part fails for good. Then it takes no new work, and what is
// in flight has the grace to end.
func (s *server) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	// Requests and readings in flight wait for the read models: following ends last.
	following, stop := context.WithCancel(context.WithoutCancel(ctx))
	group.Go(func() error { return s.follow(following) })
	parts := []func(context.Context) error{s.serve}
	if s.config.Roles.api {
		parts = append(parts, s.live.Run)
	}
	if s.config.Roles.reader {
		parts = append(parts, s.react, s.retain)
	}
	var working sync.WaitGroup
	for _, part := range parts {
		working.Add(1)
		group.Go(func() error {
			defer working.Done()
			return part(ctx)
		})
	}
	group.Go(func() error {
		working.Wait()
		stop()
		return nil
	})
	return group.Wait()
}

// follow carries the log into the read models, or watches who does.
func (s *server) follow(ctx context.Context) error {
	if s.config.Roles.projector {
		return s.views.Run(ctx, s.log, application.NewCodec().With(s.keys))
	}
	return s.views.Watch(ctx)
}

// react reads and judges documents, and does what else has to follow events.
func (s *server) react(ctx context.Context) error {
	router, err := messaging.NewRouter(s.log, s.tracer.Reaction(s.reaction), messaging.RouterConfig{
		Group: readersGroup, Parallel: s.pool.Stats().Size, Tries: readTries, Grace: s.config.StopGrace, Logger: s.logger,
	})
	if err != nil {
		return err
	}
	return ended(router.Run(ctx))
}

// retentionPause is between two looks at the openings whose retention may be over.
const retentionPause = time.Hour

// retain ends the retention of openings, or tells that it is over.
func (s *server) retain(ctx context.Context) error {
	for {
		if err := s.endRetention(ctx); err != nil && ctx.Err() == nil {
			s.logger.Error("the end of retention failed; it is tried again", "error", err, "delay", retentionPause)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(retentionPause):
		}
	}
}

func (s *server) endRetention(ctx context.Context) error {
	if s.config.Retention == "erase" {
		erased, err := s.service.EndRetention(ctx)
		if erased > 0 {
			s.logger.Warn("applications were erased, as the retention of their opening is over", "applications", erased)
		}
		return err
	}
	all, err := s.service.Retentions(ctx, time.Now())
	for _, r := range all {
		if r.Due && len(r.Applications) > 0 {
			s.logger.Warn("the retention of an opening is over; ASPRAK_RETENTION=erase erases its applications", "opening", r.OpeningID, "since", r.EndsAt, "applications", len(r.Applications))
		}
	}
	return err
}

// serve answers HTTP; requests that are not done when the grace ends are cut off.
func (s *server) serve(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.StopGrace)
		defer cancel()
		if err := s.http.Shutdown(bounded); err != nil {
			s.logger.Warn("requests in flight are cut off", "error", err)
			return s.http.Close()
		}
		return nil
	})
	return group.Wait()
}

// ended makes the end of the context no error.
func ended(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// Close lets go of what openServer took; Run has ended by then.
func (s *server) Close() error {
	var errs []error
	if s.listener != nil {
		if err := s.listener.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if s.pool != nil {
		errs = append(errs, s.pool.Close())
	}
	if s.views != nil {
		errs = append(errs, s.views.Close())
	}
	if s.accounts != nil {
		errs = append(errs, s.accounts.Close())
	}
	if s.keys != nil {
		errs = append(errs, s.keys.Close())
	}
	if s.log != nil {
		errs = append(errs, s.log.Close())
	}
	// A collector that is away holds nobody up.
	bounded, cancel := context.WithTimeout(context.Background(), traceGrace)
	defer cancel()
	if err := s.tracer.Close(bounded); err != nil {
		s.logger.Warn("the last spans were not sent", "error", err)
	}
	return errors.Join(errs...)
}

// ready says whether the process can do the work of its roles, and why not.
func (s *server) ready(ctx context.Context) api.Readiness {
	r := api.Readiness{Seen: s.views.Seen()}
	head, err := s.log.Head(ctx)
	if err != nil {
		s.logger.Error("the log cannot be read", "error", err)
		r.Problems = append(r.Problems, "the log cannot be read")
	}
	r.Head = head
	for _, model := range s.views.Status() {
		if model.Error != "" {
			r.Problems = append(r.Problems, "read model "+model.Name+" stands still")
		}
	}
	// Who serves requests does so without readers, too: documents wait for them.
	if s.pool != nil && !s.config.Roles.api && s.pool.Stats().Ready == 0 {
		r.Problems = append(r.Problems, "no reader process is ready")
	}
	return r
}

// welcome prints where the server listens, and on a fresh folder how to try it.
func (s *server) welcome(out io.Writer, opening string) error {
	base := "http://" + s.listener.Addr().String()
	_, err := fmt.Fprintf(out, "asprak is listening on %s (data in %s)\n", base, s.config.Data)
	if err != nil || opening == "" {
		return err
	}
	return printTrial(out, base, opening, s.tokens)
}
