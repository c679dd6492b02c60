package standin

import (
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
)

// maxReceiveBytes is what the real server takes in one message.
const maxReceiveBytes = 16<<20 - 16

// keepalivePolicy lets clients ping every 10 seconds also when they are idle. With gRPC's
// default they would be thrown out after half a minute.
var keepalivePolicy = keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}

// Server is one node.
type Server struct {
	cluster *Cluster
	number  int
	id      uuid.UUID
	faults  faults

	mu            sync.Mutex
	address       string
	grpc          *grpc.Server // nil: stopped
	listener      *listener
	ended         chan struct{} // Serve has returned
	subscriptions map[*subscription]struct{}
	frozen        *view
	thaw          chan struct{}
}

func newNode(c *Cluster, number int) *Server {
	return &Server{cluster: c, number: number, id: uuid.New(), subscriptions: map[*subscription]struct{}{}}
}

func nodeAddress(first string, number int) (string, error) {
	host, port, err := net.SplitHostPort(first)
	if err != nil {
		return "", err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return "", fmt.Errorf("standin: %q is not a port", port)
	}
	if n != 0 {
		n += number
	}
	return net.JoinHostPort(host, strconv.Itoa(n)), nil
}

func (n *Server) listen(address string) error {
	raw, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.listener = &listener{Listener: raw, connections: map[net.Conn]struct{}{}}
	n.address = raw.Addr().String()
	options := []grpc.ServerOption{
		grpc.KeepaliveEnforcementPolicy(keepalivePolicy),
		grpc.MaxRecvMsgSize(maxReceiveBytes),
		grpc.UnaryInterceptor(n.interceptUnary),
		grpc.StreamInterceptor(n.interceptStream),
	}
	if config := n.cluster.options.TLS; config != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(config)))
	}
	n.grpc = grpc.NewServer(options...)
	streams.RegisterStreamsServer(n.grpc, &streamsService{node: n})
	persistent.RegisterPersistentSubscriptionsServer(n.grpc, &persistentService{node: n})
	gossip.RegisterGossipServer(n.grpc, &gossipService{node: n})
	serverfeatures.RegisterServerFeaturesServer(n.grpc, &featuresService{node: n})
	n.ended = make(chan struct{})
	go func(server *grpc.Server, l *listener, ended chan struct{}) {
		defer close(ended)
		_ = server.Serve(l) // ends by Stop only
	}(n.grpc, n.listener, n.ended)
	return nil
}

// Address is host and port.
func (n *Server) Address() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.address
}

// ConnectionString leads to this node alone.
func (n *Server) ConnectionString() string { return n.cluster.options.connectionString(n.Address()) }

// Cluster is the cluster that the node belongs to, also when it is its only one.
func (n *Server) Cluster() *Cluster { return n.cluster }

// Stop ends the node at once: its connections break and its port refuses. The store stays.
func (n *Server) Stop() {
	n.mu.Lock()
	server, ended := n.grpc, n.ended
	n.grpc = nil
	n.mu.Unlock()
	if server == nil {
		return
	}
	server.Stop()
	<-ended
}

// Start lets a stopped node listen again at its address.
func (n *Server) Start() error {
	if n.running() {
		return nil
	}
	return n.listen(n.Address())
}

func (n *Server) running() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.grpc != nil
}

// Close stops the whole cluster: for a single node, everything.
func (n *Server) Close() error { return n.cluster.Close() }

// view is the log as this node has it.
func (n *Server) view() view {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.frozen != nil {
		return *n.frozen
	}
	return n.cluster.store.view()
}

func (n *Server) leads() bool { return n.cluster.Leader() == n.number }
