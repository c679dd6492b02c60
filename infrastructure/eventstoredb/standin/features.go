package standin

import (
	"context"
	"net"
	"strconv"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
)

type featuresService struct {
	serverfeatures.UnimplementedServerFeaturesServer
	node *Server
}

// GetSupportedMethods lists what there is, in lower case as clients compare it.
func (s *featuresService) GetSupportedMethods(context.Context, *shared.Empty) (*serverfeatures.SupportedMethods, error) {
	methods := &serverfeatures.SupportedMethods{EventStoreServerVersion: s.node.cluster.options.Version}
	add := func(service string, features []string, names ...string) {
		for _, name := range names {
			methods.Methods = append(methods.Methods, &serverfeatures.SupportedMethod{ServiceName: service, MethodName: name, Features: features})
		}
	}
	add("event_store.client.streams.streams", nil, "read", "append", "batchappend", "delete", "tombstone")
	const subscriptions = "event_store.client.persistent_subscriptions.persistentsubscriptions"
	add(subscriptions, []string{"stream", "all"}, "create", "update", "delete", "read", "getinfo", "replayparked", "list")
	add(subscriptions, nil, "restartsubsystem")
	add("event_store.client.gossip.gossip", nil, "read")
	add("event_store.client.server_features.serverfeatures", nil, "getsupportedmethods")
	return methods, nil
}

type gossipService struct {
	gossip.UnimplementedGossipServer
	node *Server
}

// Read tells all nodes, with their states.
func (s *gossipService) Read(context.Context, *shared.Empty) (*gossip.ClusterInfo, error) {
	info := &gossip.ClusterInfo{}
	for _, n := range s.node.cluster.nodes {
		state := gossip.MemberInfo_Follower
		switch leader := s.node.cluster.Leader(); {
		case leader < 0:
			state = gossip.MemberInfo_Unknown
		case leader == n.number:
			state = gossip.MemberInfo_Leader
		}
		host, port, _ := net.SplitHostPort(n.Address())
		number, _ := strconv.ParseUint(port, 10, 16)
		info.Members = append(info.Members, &gossip.MemberInfo{
			InstanceId:   idToWire(n.id, false),
			TimeStamp:    ticks(time.Now()),
			State:        state,
			IsAlive:      n.running(),
			HttpEndPoint: &gossip.EndPoint{Address: host, Port: uint32(number)},
		})
	}
	return info, nil
}
