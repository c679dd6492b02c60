// Package api is the HTTP of the house: it turns requests into commands and queries, and
// their outcomes into JSON or problem details, as openapi.yaml says. It knows use cases and
// read models, and neither log, nor files, nor how a token is made.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"asprak/application"
	"asprak/domain"
	"asprak/projections"
)

// Verifier tells who a bearer token was issued for. An error whose code is "token_expired" or
// "issuer_unavailable" is told to the caller, any other only as an invalid token.
type Verifier interface {
	Verify(ctx context.Context, token string) (domain.Actor, error)
}

// Options of the API. Service, Views, Tokens and Accounts are needed.
type Options struct {
	Service  *application.Service
	Views    *projections.Store
	Tokens   Verifier
	Accounts application.Accounts
	// Live feeds the streams of events and is run by the caller; nil: there are none.
	Live *Live
	// Ready tells how the process stands; nil: always ready.
	Ready func(context.Context) Readiness
	// Metrics takes the API's own metrics and is what /metrics shows; nil: a registry of its own.
	Metrics *prometheus.Registry
	Logger  *slog.Logger // nil: discards
	// MaxUpload is the most bytes of one document; default application.DefaultMaxUpload.
	MaxUpload int64
	Limits    Limits
	Trace     Trace // nil: requests are not traced
}

// Trace begins the trace of a request. The id is what the caller gave it, "" for none; the one
// that is returned stands in the events, the log and the answer.
type Trace func(r *http.Request, operation, id string) (ctx context.Context, correlation string, end func(status int))

type api struct {
	service   *application.Service
	views     *projections.Store
	tokens    Verifier
	accounts  application.Accounts
	live      *Live
	ready     func(context.Context) Readiness
	log       *slog.Logger
	metrics   *metrics
	scraper   http.Handler
	contract  contract
	maxUpload int64
	addresses *meter
	callers   *meter
	uploads   *slots
	trace     Trace
	waitLimit time.Duration
}

// New returns the handler of every path of the contract.
func New(o Options) (http.Handler, error) {
	a, err := newAPI(o)
	if err != nil {
		return nil, err
	}
	return a.engine(), nil
}

// NewProbes returns the handler of a process that serves no API: liveness, readiness and metrics.
// It needs none of the four.
func NewProbes(o Options) (http.Handler, error) {
	a, err := newAPI(o)
	if err != nil {
		return nil, err
	}
	return a.engineOf(a.probes()), nil
}

func newAPI(o Options) (*api, error) {
	if o.Ready == nil {
		o.Ready = func(context.Context) Readiness { return Readiness{} }
	}
	if o.Metrics == nil {
		o.Metrics = prometheus.NewRegistry()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.MaxUpload <= 0 {
		o.MaxUpload = application.DefaultMaxUpload
	}
	if o.Live == nil {
		o.Live = NewLive(o.Service, o.Logger)
	}
	a := &api{
		service: o.Service, views: o.Views, tokens: o.Tokens, accounts: o.Accounts, live: o.Live, ready: o.Ready, log: o.Logger,
		scraper:   promhttp.HandlerFor(o.Metrics, promhttp.HandlerOpts{}),
		maxUpload: o.MaxUpload, waitLimit: waitLimit,
		addresses: newMeter(o.Limits.AddressRate), callers: newMeter(o.Limits.ApplicantRate),
		uploads: newSlots(o.Limits.Uploads, o.Limits.UploadsEach), trace: o.Trace,
	}
	var err error
	if a.metrics, err = newMetrics(o.Metrics, a.uploads); err != nil {
		return nil, err
	}
	a.contract, err = readContract(a.routes())
	return a, err
}

func (a *api) engine() *gin.Engine { return a.engineOf(a.routes()) }

func (a *api) engineOf(routes []route) *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.HandleMethodNotAllowed = true
	e.UseRawPath = true // a subject may hold a slash, sent as %2F
	e.RedirectTrailingSlash = false
	for _, r := range routes {
		e.Handle(r.method, r.path, a.serve(r))
	}
	e.NoRoute(a.serve(route{action: "unknown", public: true, handle: func(*call) error {
		return domain.Errorf(domain.NotFound, "no_such_path", "There is nothing at this path.")
	}}))
	e.NoMethod(a.serve(route{action: "unknown", public: true, handle: func(c *call) error {
		return domain.Errorf(domain.Invalid, "method_not_allowed", "This path takes %s.", c.Writer.Header().Get("Allow"))
	}}))
	return e
}
