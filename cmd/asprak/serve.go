package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"asprak/api"
	"asprak/application"
	"asprak/infrastructure/identity"
	"asprak/infrastructure/messaging"
	"asprak/infrastructure/workers"
	"asprak/projections"
)

// readersGroup is the group of consumers that the reaction's processes join.
const readersGroup = "reaction"

// readTries is how often a document is tried before it is put before a person.
const readTries = 3

// shutdown bounds how long requests and readings in flight may take to end.
const shutdown = 20 * time.Second

type serveCmd struct {
	storage        `embed:""`
	blobStorage    `embed:""`
	readerSettings `embed:""`
	judging        `embed:""`
	Listen         string `env:"ASPRAK_LISTEN" default:"127.0.0.1:8080" help:"Address to serve HTTP on."`
	MaxUpload      int64  `env:"ASPRAK_MAX_UPLOAD" default:"10485760" help:"Most bytes of one document."`
	LogLevel       string `env:"ASPRAK_LOG_LEVEL" default:"warn" enum:"debug,info,warn,error" help:"One of ${enum}."`
	LogFormat      string `env:"ASPRAK_LOG_FORMAT" default:"text" enum:"text,json" help:"One of ${enum}."`
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
	fresh, err := s.publishSample(ctx)
	if err != nil {
		return errors.Join(err, s.Close())
	}
	if err := s.welcome(env.stdout, fresh); err != nil {
		return errors.Join(err, s.Close())
	}
	return errors.Join(s.Run(ctx), s.Close())
}

// server is one process with all its parts open. Run works until its context ends; Close
// lets go of files and child processes.
type server struct {
	config   serveCmd
	logger   *slog.Logger
	log      eventLog
	views    *projections.Store
	pool     *workers.Pool
	tokens   *identity.Tokens
	service  *application.Service
	reaction *application.Reaction
	live     *api.Live
	listener net.Listener
	http     *http.Server
}

func openServer(ctx context.Context, config serveCmd, logger *slog.Logger) (_ *server, err error) {
	s := &server{config: config, logger: logger}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if err := os.MkdirAll(config.Data, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if s.tokens, err = identity.Open(config.key()); err != nil {
		return nil, err
	}
	if s.log, err = config.openLog(ctx, logger); err != nil {
		return nil, err
	}
	documents, err := config.openBlobs(ctx, config.folder)
	if err != nil {
		return nil, err
	}
	if s.views, err = projections.Open(ctx, config.database(), projections.WithLogger(logger)); err != nil {
		return nil, err
	}
	if s.pool, err = openPool(config.readerSettings, logger); err != nil {
		return nil, err
	}
	s.service = application.New(s.log, documents, application.Options{Logger: logger, MaxUpload: config.MaxUpload})
	policy, err := config.policy()
	if err != nil {
		return nil, err
	}
	s.reaction = application.NewReaction(s.service, s.pool, s.views, policy)
	metrics, err := newMetrics(s)
	if err != nil {
		return nil, err
	}
	s.live = api.NewLive(s.service, logger)
	handler, err := api.New(api.Options{
		Service: s.service, Views: s.views, Tokens: s.tokens, Live: s.live, Ready: s.ready,
		Metrics: metrics, Logger: logger, MaxUpload: config.MaxUpload,
	})
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

// Run serves, projects and reacts until ctx ends or one of the three fails for good.
func (s *server) Run(ctx context.Context) error {
	router, err := messaging.NewRouter(s.log, s.reaction, messaging.RouterConfig{
		Group: readersGroup, Parallel: s.pool.Stats().Size, Tries: readTries, Logger: s.logger,
	})
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return ended(s.views.Run(ctx, s.log, application.NewCodec())) })
	group.Go(func() error { return ended(router.Run(ctx)) })
	group.Go(func() error { return s.live.Run(ctx) })
	group.Go(func() error {
		if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdown)
		defer cancel()
		return s.http.Shutdown(bounded)
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
	if s.log != nil {
		errs = append(errs, s.log.Close())
	}
	return errors.Join(errs...)
}

// ready says whether the process can do its work, and why not.
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
