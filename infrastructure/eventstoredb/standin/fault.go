package standin

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Fault makes calls go wrong.
type Fault struct {
	// Method is a method's name, such as "Append", or with its service where two have the
	// name: "Streams/Read", "PersistentSubscriptions/Read". Empty: every method but gossip and server features.
	Method string
	// Times is how many calls it meets; 0: all until it is removed.
	Times int
	// Delay is waited before anything else.
	Delay time.Duration
	// Code and Message answer the call; OK: the call is answered as ever.
	Code    codes.Code
	Message string
	// Trailers are pairs of key and value that go with Code.
	Trailers []string
	// After lets the call happen first and loses its answer: the outcome that a client cannot know.
	After bool
	// Early refuses an append before the client has sent all of it: it may then see no more
	// than a broken stream, as with a refusal by the real server's access lists or size limits.
	Early bool
	// Cut breaks all connections of the node in place of an answer.
	Cut bool
}

type faults struct {
	mu     sync.Mutex
	active []*Fault
}

// Inject puts a fault in force until remove is called or it has met its calls.
func (n *Server) Inject(f Fault) (remove func()) {
	active := &f
	n.faults.mu.Lock()
	defer n.faults.mu.Unlock()
	n.faults.active = append(n.faults.active, active)
	return func() { n.faults.remove(active) }
}

func (f *faults) remove(active *Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.active = slices.DeleteFunc(f.active, func(other *Fault) bool { return other == active })
}

// meet is the oldest fault that the method meets.
func (f *faults) meet(method string) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, active := range f.active {
		if active.Method == "" && isDiscovery(method) {
			continue
		}
		if active.Method != "" && !strings.HasSuffix(method, "/"+active.Method) && !strings.HasSuffix(method, "."+active.Method) {
			continue
		}
		if active.Times == 1 {
			f.active = slices.Delete(f.active, i, i+1)
		}
		active.Times--
		met := *active
		return &met
	}
	return nil
}

// apply runs the call, under a fault if it meets one; drain takes what the client still sends.
func (n *Server) apply(ctx context.Context, method string, call func() error, drain func()) error {
	if err := n.admit(ctx, method); err != nil {
		drain()
		return err
	}
	f := n.faults.meet(method)
	if f == nil {
		return call()
	}
	if f.Delay > 0 {
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return status.FromContextError(ctx.Err()).Err()
		}
	}
	if f.Code == codes.OK && !f.Cut {
		return call()
	}
	switch {
	case f.After:
		if err := call(); err != nil {
			return err
		}
	case !f.Early:
		drain()
	}
	if f.Cut {
		n.DropConnections()
		return status.Error(codes.Unavailable, "connection cut")
	}
	return refuse(ctx, f.Code, f.Message, f.Trailers...)
}

func (n *Server) interceptUnary(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (response any, err error) {
	err = n.apply(ctx, info.FullMethod, func() error {
		response, err = handle(ctx, request)
		return err
	}, func() {})
	return response, err
}

func (n *Server) interceptStream(service any, call grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
	appends := info.IsClientStream && !info.IsServerStream
	answer := &lateAnswer{ServerStream: call, late: appends}
	err := n.apply(call.Context(), info.FullMethod, func() error { return handle(service, answer) }, func() {
		for appends && call.RecvMsg(&streams.AppendReq{}) == nil {
		}
	})
	if err != nil {
		return err
	}
	return answer.send()
}

// lateAnswer holds back the one answer of a client's stream until the call has passed, so
// that a fault can still lose it.
type lateAnswer struct {
	grpc.ServerStream
	late bool
	held any
}

func (a *lateAnswer) SendMsg(m any) error {
	if a.late {
		a.held = m
		return nil
	}
	return a.ServerStream.SendMsg(m)
}

func (a *lateAnswer) send() error {
	if a.held == nil {
		return nil
	}
	return a.ServerStream.SendMsg(a.held)
}

// DropConnections breaks every connection of the node; new ones are welcome.
func (n *Server) DropConnections() {
	n.mu.Lock()
	l := n.listener
	n.mu.Unlock()
	l.drop()
}

// StallSubscriptions silences the catch-up subscriptions that are open now and says how many:
// they get neither events nor an end while their connection lives. New ones work.
func (n *Server) StallSubscriptions() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	for s := range n.subscriptions {
		if !s.silent() {
			close(s.stalled)
		}
	}
	return len(n.subscriptions)
}

// DropSubscriptions ends the catch-up subscriptions that are open now with a status and
// says how many.
func (n *Server) DropSubscriptions(code codes.Code, message string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	for s := range n.subscriptions {
		select {
		case s.dropped <- status.Error(code, message):
		default:
		}
	}
	return len(n.subscriptions)
}

// Subscriptions is how many catch-up subscriptions are open.
func (n *Server) Subscriptions() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.subscriptions)
}

// Freeze lets the node answer reads and subscriptions from the log as it stands now, like a
// follower that has lost touch; off lets it catch up.
func (n *Server) Freeze(on bool) {
	v := n.cluster.store.view()
	n.mu.Lock()
	defer n.mu.Unlock()
	if !on {
		if n.frozen != nil {
			close(n.thaw)
		}
		n.frozen = nil
		return
	}
	if n.frozen == nil {
		n.thaw = make(chan struct{})
		v.changed = n.thaw
		n.frozen = &v
	}
}

// listener knows its connections, to break them.
type listener struct {
	net.Listener
	mu          sync.Mutex
	connections map[net.Conn]struct{}
}

func (l *listener) Accept() (net.Conn, error) {
	raw, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &connection{Conn: raw, of: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.connections[c] = struct{}{}
	return c, nil
}

func (l *listener) drop() {
	l.mu.Lock()
	open := make([]net.Conn, 0, len(l.connections))
	for c := range l.connections {
		open = append(open, c)
	}
	l.mu.Unlock()
	for _, c := range open {
		_ = c.Close()
	}
}

type connection struct {
	net.Conn
	of *listener
}

func (c *connection) Close() error {
	c.of.mu.Lock()
	delete(c.of.connections, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}
