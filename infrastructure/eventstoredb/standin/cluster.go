package standin

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
)

// Cluster is some nodes over one store. The first one leads until SetLeader says otherwise.
type Cluster struct {
	options   Options
	temporary string
	store     *store
	groups    *groups
	nodes     []*Server
	close     sync.Once
	closed    error

	mu      sync.RWMutex
	leader  int // -1: none
	forward bool
}

// NewCluster starts the nodes.
func NewCluster(nodes int, options Options) (_ *Cluster, err error) {
	if nodes < 1 {
		return nil, errors.New("standin: a cluster has at least one node")
	}
	c := &Cluster{options: options.withDefaults(), forward: true}
	if c.options.Dir == "" {
		if c.temporary, err = os.MkdirTemp("", "standin-"); err != nil {
			return nil, err
		}
		c.options.Dir = c.temporary
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Close())
		}
	}()
	if c.store, err = openStore(c.options.Dir); err != nil {
		return nil, err
	}
	if err := c.elect(); err != nil {
		return nil, err
	}
	if c.groups, err = newGroups(c.store, c.options.TimeoutCheck); err != nil {
		return nil, err
	}
	for i := range nodes {
		n := newNode(c, i)
		address, err := nodeAddress(c.options.Listen, i)
		if err != nil {
			return nil, err
		}
		if err := n.listen(address); err != nil {
			return nil, err
		}
		c.nodes = append(c.nodes, n)
	}
	return c, nil
}

// elect records a new epoch, as a leader does when it begins.
func (c *Cluster) elect() error {
	_, err := c.store.append(context.Background(), "$epoch-information", anyRevision, []*event{newEvent("$epoch-information", struct{}{}, nil)})
	return err
}

// Node is the node by its number from 0.
func (c *Cluster) Node(i int) *Server { return c.nodes[i] }

// Nodes is how many there are.
func (c *Cluster) Nodes() int { return len(c.nodes) }

// ConnectionString names all nodes, for a client that finds the leader by gossip.
func (c *Cluster) ConnectionString() string {
	var addresses []string
	for _, n := range c.nodes {
		addresses = append(addresses, n.Address())
	}
	return c.options.connectionString(strings.Join(addresses, ","))
}

// Leader is the leading node's number, -1 when there is none.
func (c *Cluster) Leader() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.leader
}

// SetLeader makes another node lead, -1 none. Persistent subscriptions end and go on from
// their checkpoints on the new leader; catch-up subscriptions go on where they are; the
// memory of recent event ids is lost.
func (c *Cluster) SetLeader(i int) error {
	if i < -1 || i >= len(c.nodes) {
		return errors.New("standin: no such node")
	}
	c.mu.Lock()
	same := c.leader == i
	c.leader = i
	c.mu.Unlock()
	if same {
		return nil
	}
	c.groups.restart()
	c.store.forget()
	if i < 0 {
		return nil
	}
	return c.elect()
}

// SetForwarding says whether followers pass writes on to the leader, as they do at first,
// or answer that they are not the leader.
func (c *Cluster) SetForwarding(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forward = on
}

// Close stops all nodes and, if it was temporary, removes the folder.
func (c *Cluster) Close() error {
	c.close.Do(func() {
		for _, n := range c.nodes {
			n.Stop()
		}
		if c.groups != nil {
			c.groups.close()
		}
		if c.store != nil {
			c.closed = c.store.close()
		}
		if c.temporary != "" {
			c.closed = errors.Join(c.closed, os.RemoveAll(c.temporary))
		}
	})
	return c.closed
}

func (c *Cluster) leading() *Server {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.leader < 0 {
		return nil
	}
	return c.nodes[c.leader]
}

func (c *Cluster) forwards() bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.forward
}
