package main

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
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
		gauge("asprak_log_head_position", "Position of the last event in the log.", func() float64 {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			head, err := s.log.Head(ctx)
			if err != nil {
				return -1
			}
			return float64(head.Commit)
		}),
		gauge("asprak_views_position", "Position that the read models have seen.", func() float64 { return float64(s.views.Seen().Commit) }),
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
