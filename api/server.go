package api

import (
	"net/http"
	"time"
)

const (
	headerTimeout = 5 * time.Second
	readTimeout   = 15 * time.Second // for a whole request; an upload gets transferTimeout
	writeTimeout  = 30 * time.Second // for a whole answer; a document's content gets transferTimeout
	idleTimeout   = 90 * time.Second
	maxHeader     = 32 << 10 // bytes

	transferTimeout = 5 * time.Minute
)

// NewServer makes the HTTP server of the handler with a bound on everything that a slow or
// hostile client could hold on to. The caller listens and shuts down.
func NewServer(addr string, handler http.Handler) *http.Server {
	return &http.Server{
		Addr:              addr,
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
	}
}
