package api

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	commands *prometheus.CounterVec
}

func newMetrics(registry prometheus.Registerer, uploads *slots) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "asprak_http_requests_total", Help: "Requests by operation and status.",
		}, []string{"operation", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "asprak_http_request_seconds", Help: "Time from the request's header to the end of its answer.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"operation"}),
		commands: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "asprak_commands_total", Help: "Commands by outcome: recorded, unchanged, or the code of the problem.",
		}, []string{"command", "outcome"}),
	}
	transfer := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "asprak_uploads_in_transfer", Help: "Uploads that have a slot.",
	}, func() float64 { return float64(uploads.inUse()) })
	for _, collector := range []prometheus.Collector{m.requests, m.seconds, m.commands, transfer} {
		if err := registry.Register(collector); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) observe(r route, c *call, elapsed time.Duration) {
	m.requests.WithLabelValues(string(r.action), strconv.Itoa(c.Writer.Status())).Inc()
	m.seconds.WithLabelValues(string(r.action)).Observe(elapsed.Seconds())
	if r.method != "POST" {
		return
	}
	outcome := c.outcome
	if outcome == "" {
		outcome = c.code
	}
	m.commands.WithLabelValues(string(r.action), outcome).Inc()
}
