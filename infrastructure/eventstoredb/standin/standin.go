// Package standin is a test double of an EventStoreDB server: gRPC on loopback over the
// protocol's public messages, so that any client of the protocol can be tested where no real
// server is at hand. It follows the behaviour of the 24.x line where a client can see it,
// and can be told to misbehave: stall, drop connections, lose answers, change its leader.
// It keeps everything in memory beside an embedded log that survives a restart. It knows
// nothing of what the events mean, has one user at most and no access lists, and is not
// meant to keep data that matters.
//
// Not modelled: projections ($ce-, $et-), scavenging, access lists.
package standin

import (
	"crypto/tls"
	"fmt"
	"net/url"
	"time"
)

// Options are the knobs of a stand-in; the zero value works.
type Options struct {
	// Dir holds the log. Empty: a temporary folder, removed on Close.
	Dir string
	// Listen is the address of the first node, 127.0.0.1:0 when empty. Further nodes of a
	// cluster take the ports behind it, or any when it is 0.
	Listen string
	// Version is told to clients, "24.6.0" when empty.
	Version string
	// MaxAppendBytes bounds one append, 1 MiB when 0.
	MaxAppendBytes int
	// TimeoutCheck is how often persistent subscriptions look for timed-out messages and due
	// checkpoints, a second when 0.
	TimeoutCheck time.Duration
	// TLS serves with certificates; nil: without. Credentials are sent over TLS only.
	TLS *tls.Config
	// User and Password, where set, are asked for by every call but gossip and server features.
	User, Password string
}

func (o Options) withDefaults() Options {
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	if o.Version == "" {
		o.Version = "24.6.0"
	}
	if o.MaxAppendBytes == 0 {
		o.MaxAppendBytes = 1 << 20
	}
	if o.TimeoutCheck == 0 {
		o.TimeoutCheck = time.Second
	}
	return o
}

// connectionString leaves it to the client to trust the certificate.
func (o Options) connectionString(addresses string) string {
	user := ""
	if o.User != "" {
		user = url.UserPassword(o.User, o.Password).String() + "@"
	}
	return fmt.Sprintf("esdb://%s%s?tls=%t", user, addresses, o.TLS != nil)
}

// New starts a single node.
func New(options Options) (*Server, error) {
	c, err := NewCluster(1, options)
	if err != nil {
		return nil, err
	}
	return c.nodes[0], nil
}
