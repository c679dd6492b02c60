package standin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"google.golang.org/grpc/codes"
)

// State is what Control tells of a cluster.
type State struct {
	Leader int         `json:"leader"` // -1: none
	Events int         `json:"events"`
	Nodes  []NodeState `json:"nodes"`
}

// NodeState is a node of State.
type NodeState struct {
	Address       string `json:"address"`
	Running       bool   `json:"running"`
	Subscriptions int    `json:"subscriptions"` // catch-up ones
}

// State is how the cluster stands.
func (c *Cluster) State() State {
	state := State{Leader: c.Leader(), Events: len(c.store.view().all)}
	for _, n := range c.nodes {
		state.Nodes = append(state.Nodes, NodeState{n.Address(), n.running(), n.Subscriptions()})
	}
	return state
}

// Control misbehaves on demand over HTTP, for stand-ins in processes of their own:
//
//	GET  /health/live          204 while any node runs
//	GET  /state                State
//	POST /leader?node=1        another leader, -1 for none
//	POST /stop?node=1, /start  a node's end and beginning; without node: of all
//	POST /drop, /stall, /end   connections broken, subscriptions silenced, subscriptions ended
//	POST /fault                Fault as JSON, Code by its number
func (c *Cluster) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health/live", func(w http.ResponseWriter, r *http.Request) {
		for _, n := range c.nodes {
			if n.running() {
				w.WriteHeader(http.StatusNoContent)
				return
			}
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	mux.HandleFunc("GET /state", func(w http.ResponseWriter, r *http.Request) { c.tell(w, nil) })
	mux.HandleFunc("POST /leader", func(w http.ResponseWriter, r *http.Request) {
		i, err := strconv.Atoi(r.FormValue("node"))
		if err == nil {
			err = c.SetLeader(i)
		}
		c.tell(w, err)
	})
	each := func(path string, run func(*Server) error) {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			nodes, err := c.choose(r.FormValue("node"))
			for _, n := range nodes {
				if err == nil {
					err = run(n)
				}
			}
			c.tell(w, err)
		})
	}
	each("/stop", func(n *Server) error { n.Stop(); return nil })
	each("/start", (*Server).Start)
	each("/drop", func(n *Server) error { n.DropConnections(); return nil })
	each("/stall", func(n *Server) error { n.StallSubscriptions(); return nil })
	each("/end", func(n *Server) error { n.DropSubscriptions(codes.Unavailable, "ended on demand"); return nil })
	mux.HandleFunc("POST /fault", func(w http.ResponseWriter, r *http.Request) {
		var f Fault
		err := json.NewDecoder(r.Body).Decode(&f)
		if err == nil {
			for _, n := range c.nodes {
				n.Inject(f)
			}
		}
		c.tell(w, err)
	})
	return mux
}

func (c *Cluster) choose(node string) ([]*Server, error) {
	if node == "" {
		return c.nodes, nil
	}
	i, err := strconv.Atoi(node)
	if err != nil || i < 0 || i >= len(c.nodes) {
		return nil, fmt.Errorf("there is no node %q", node)
	}
	return c.nodes[i : i+1], nil
}

func (c *Cluster) tell(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(c.State()) // a caller who has left misses nothing
}
