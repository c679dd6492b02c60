package main

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"asprak/application"
	"asprak/domain/transcript"
	"asprak/infrastructure/tracing"
	"asprak/projections"
)

// newMetrics is what /metrics shows beside the API's own: how far the log and its followers
// are, and how the reader processes fare.
func newMetrics(s *server) (*prometheus.Registry, error) {
	r := prometheus.NewRegistry()
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	counter := func(name, help string, value func() int64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(value()) })
	}
	all := []prometheus.Collector{
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		followers{s.log, s.views}, backlog{s.views}, s.appends, s.verdicts,
		gauge("asprak_projector_leads", "1 while this process is the one that projects.", func() float64 {
			if s.views.Leads() {
				return 1
			}
			return 0
		}),
	}
	if s.config.Roles.api {
		all = append(all, gauge("asprak_event_streams", "Clients that listen to events.", func() float64 { return float64(s.live.Streams()) }))
	}
	if s.pool != nil {
		all = append(all,
			gauge("asprak_readers_ready", "Reader processes that are alive and warm.", func() float64 { return float64(s.pool.Stats().Ready) }),
			gauge("asprak_readers_busy", "Reader processes that are reading.", func() float64 { return float64(s.pool.Stats().Busy) }),
			counter("asprak_reader_documents_total", "Documents read.", func() int64 { return s.pool.Stats().Documents }),
			counter("asprak_reader_starts_total", "Reader processes started.", func() int64 { return s.pool.Stats().Started }),
			counter("asprak_reader_recycled_total", "Reader processes replaced in good health.", func() int64 { return s.pool.Stats().Recycled }),
			counter("asprak_reader_timeouts_total", "Reader processes killed because they were late.", func() int64 { return s.pool.Stats().Timeouts }),
			counter("asprak_reader_crashes_total", "Reader processes that died by themselves.", func() int64 { return s.pool.Stats().Crashed }),
			counter("asprak_reader_out_of_memory_total", "Reader processes killed because they grew too large.", func() int64 { return s.pool.Stats().OutOfMemory }),
		)
	}
	for _, c := range all {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// scrapePatience bounds what one scrape may wait for the log or the read models. What cannot be
// asked is left out: an absent metric is told apart from a number.
const scrapePatience = 2 * time.Second

// followers tell how far the log is, and how far each read model is behind it.
type followers struct {
	log   application.Log
	views *projections.Store
}

var (
	headPosition     = prometheus.NewDesc("asprak_log_head_position", "Position of the last event in the log.", nil, nil)
	viewsPosition    = prometheus.NewDesc("asprak_views_position", "Position that all read models have seen.", nil, nil)
	followerPosition = prometheus.NewDesc("asprak_follower_position", "Position that the follower has handled.", []string{"follower"}, nil)
	followerLag      = prometheus.NewDesc("asprak_follower_lag", "Positions of the log (bytes of it, on EventStoreDB) that the follower is behind the last event.", []string{"follower"}, nil)
	followerFailed   = prometheus.NewDesc("asprak_follower_failed", "1 while the follower stands still for a fault.", []string{"follower"}, nil)
)

func (f followers) Describe(to chan<- *prometheus.Desc) { prometheus.DescribeByCollect(f, to) }

func (f followers) Collect(to chan<- prometheus.Metric) {
	number := func(desc *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	ctx, cancel := context.WithTimeout(context.Background(), scrapePatience)
	defer cancel()
	head, err := f.log.Head(ctx)
	if err == nil {
		number(headPosition, float64(head.Commit))
	}
	number(viewsPosition, float64(f.views.Seen().Commit))
	for _, model := range f.views.Status() {
		number(followerPosition, float64(model.Position.Commit), model.Name)
		if err == nil { // a model may have seen more than the log had a moment ago
			number(followerLag, float64(head.Commit-min(head.Commit, model.Position.Commit)), model.Name)
		}
		failed := 0.0
		if model.Error != "" {
			failed = 1
		}
		number(followerFailed, failed, model.Name)
	}
}

// backlog tells of the documents that wait to be read.
type backlog struct{ views *projections.Store }

var (
	unreadDocuments = prometheus.NewDesc("asprak_unread_documents", "Documents that wait for their reading and verdict.", nil, nil)
	oldestUnread    = prometheus.NewDesc("asprak_oldest_unread_seconds", "How long the longest waiting of them has waited; 0 when none waits.", nil, nil)
)

func (b backlog) Describe(to chan<- *prometheus.Desc) { prometheus.DescribeByCollect(b, to) }

func (b backlog) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapePatience)
	defer cancel()
	documents, oldest, err := b.views.Unread(ctx)
	if err != nil {
		return
	}
	age := 0.0
	if documents > 0 {
		age = max(0, time.Since(oldest).Seconds())
	}
	to <- prometheus.MustNewConstMetric(unreadDocuments, prometheus.GaugeValue, float64(documents))
	to <- prometheus.MustNewConstMetric(oldestUnread, prometheus.GaugeValue, age)
}

// meteredLog times the appends, and traces them.
type meteredLog struct {
	eventLog
	seconds *prometheus.HistogramVec
	tracer  *tracing.Tracer
}

func newAppendSeconds() *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "asprak_append_seconds", Help: "Time until the log has an append, by outcome: done, conflict, unknown, unavailable or failed.",
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
	}, []string{"outcome"})
}

func (l meteredLog) Append(ctx context.Context, stream string, expected application.Revision, events []application.NewRecord) (application.Appended, error) {
	ctx, end := l.tracer.Append(ctx, stream, events)
	began := time.Now()
	appended, err := l.eventLog.Append(ctx, stream, expected, events)
	end(err)
	l.seconds.WithLabelValues(appendOutcome(err)).Observe(time.Since(began).Seconds())
	return appended, err
}

func appendOutcome(err error) string {
	switch {
	case err == nil:
		return "done"
	case errors.Is(err, application.ErrConflict), errors.Is(err, application.ErrIDTaken):
		return "conflict"
	case errors.Is(err, application.ErrUnknownOutcome):
		return "unknown"
	case errors.Is(err, application.ErrUnavailable):
		return "unavailable"
	}
	return "failed"
}

func newVerdicts() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "asprak_verdicts_total", Help: "Documents by what was read of them (text_layer, pixels, both, nothing) and how that ended: the verdict's label, or reading_failed.",
	}, []string{"source", "label"})
}

// concluded counts an end of the reaction to a document.
func concluded(verdicts *prometheus.CounterVec) func(application.Concluded) {
	return func(c application.Concluded) {
		if c.Failure != "" {
			verdicts.WithLabelValues("nothing", "reading_failed").Inc()
			return
		}
		verdicts.WithLabelValues(sourceOf(c.Reading), string(c.Verdict.Label)).Inc()
	}
}

func sourceOf(r transcript.Reading) string {
	seen := map[transcript.Source]bool{}
	for _, page := range r.Pages {
		seen[page.Source] = true
	}
	switch {
	case seen[transcript.TextLayer] && seen[transcript.Pixels]:
		return "both"
	case seen[transcript.TextLayer]:
		return "text_layer"
	case seen[transcript.Pixels]:
		return "pixels"
	}
	return "nothing"
}
