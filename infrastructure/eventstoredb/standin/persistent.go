package standin

import (
	"context"
	"errors"
	"strconv"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
)

// persistentService is served by the leader alone.
type persistentService struct {
	persistent.UnimplementedPersistentSubscriptionsServer
	node *Server
}

func (s *persistentService) groups(ctx context.Context) (*groups, error) {
	if !s.node.leads() {
		return nil, s.node.notLeader(ctx)
	}
	return s.node.cluster.groups, nil
}

func groupAnswer(ctx context.Context, err error) error {
	var refused *groupError
	if errors.As(err, &refused) {
		return refused.status(ctx)
	}
	return answer(ctx, err)
}

// Create makes a group.
func (s *persistentService) Create(ctx context.Context, request *persistent.CreateReq) (*persistent.CreateResp, error) {
	gs, err := s.groups(ctx)
	if err != nil {
		return nil, err
	}
	o := request.GetOptions()
	c := groupConfig{Name: o.GetGroupName(), Settings: createSettings(o.GetSettings())}
	switch option := o.GetStreamOption().(type) {
	case *persistent.CreateReq_Options_Stream:
		c.Stream = string(option.Stream.GetStreamIdentifier().GetStreamName())
		c.Start, err = streamStart(option.Stream.GetRevisionOption())
	case *persistent.CreateReq_Options_All:
		c.Stream = allStream
		if c.Start, err = s.allStart(option.All.GetAllOption()); err != nil {
			return nil, err
		}
		c.Filter, err = groupFilter(option.All.GetFilter())
	default: // clients older than $all groups
		c.Stream = string(o.GetStreamIdentifier().GetStreamName())
		c.Start = "0"
	}
	if err != nil {
		return nil, err
	}
	if err := gs.create(ctx, c); err != nil {
		return nil, groupAnswer(ctx, err)
	}
	return &persistent.CreateResp{}, nil
}

// Update changes a group's settings and start.
func (s *persistentService) Update(ctx context.Context, request *persistent.UpdateReq) (*persistent.UpdateResp, error) {
	gs, err := s.groups(ctx)
	if err != nil {
		return nil, err
	}
	o := request.GetOptions()
	c := groupConfig{Name: o.GetGroupName(), Settings: updateSettings(o.GetSettings())}
	switch option := o.GetStreamOption().(type) {
	case *persistent.UpdateReq_Options_Stream:
		c.Stream = string(option.Stream.GetStreamIdentifier().GetStreamName())
		c.Start, err = streamStart(option.Stream.GetRevisionOption())
	case *persistent.UpdateReq_Options_All:
		c.Stream = allStream
		c.Start, err = s.allStart(option.All.GetAllOption())
	default:
		c.Stream = string(o.GetStreamIdentifier().GetStreamName())
		c.Start = "0"
	}
	if err != nil {
		return nil, err
	}
	if err := gs.update(ctx, c); err != nil {
		return nil, groupAnswer(ctx, err)
	}
	return &persistent.UpdateResp{}, nil
}

// Delete ends a group with its checkpoint and parked messages.
func (s *persistentService) Delete(ctx context.Context, request *persistent.DeleteReq) (*persistent.DeleteResp, error) {
	gs, err := s.groups(ctx)
	if err != nil {
		return nil, err
	}
	o := request.GetOptions()
	if err := gs.delete(ctx, keyOf(o.GetStreamIdentifier(), o.GetAll(), o.GetGroupName())); err != nil {
		return nil, groupAnswer(ctx, err)
	}
	return &persistent.DeleteResp{}, nil
}

// ReplayParked hands parked messages out again.
func (s *persistentService) ReplayParked(ctx context.Context, request *persistent.ReplayParkedReq) (*persistent.ReplayParkedResp, error) {
	gs, err := s.groups(ctx)
	if err != nil {
		return nil, err
	}
	o := request.GetOptions()
	stop := int64(noStop)
	if at, ok := o.GetStopAtOption().(*persistent.ReplayParkedReq_Options_StopAt); ok {
		if stop = at.StopAt; stop < 0 {
			return nil, invalid("stop_at must not be negative")
		}
	}
	key := keyOf(o.GetStreamIdentifier(), o.GetAll(), o.GetGroupName())
	g, err := gs.find(key)
	if err != nil {
		return nil, groupAnswer(ctx, err)
	}
	if !g.do(func() { err = g.replay(ctx, stop) }) {
		err = missing(key)
	}
	if err != nil {
		return nil, groupAnswer(ctx, err)
	}
	return &persistent.ReplayParkedResp{}, nil
}

// RestartSubsystem drops all consumers.
func (s *persistentService) RestartSubsystem(ctx context.Context, _ *shared.Empty) (*shared.Empty, error) {
	gs, err := s.groups(ctx)
	if err != nil {
		return nil, err
	}
	gs.restart()
	return empty, nil
}

// GetInfo tells a group's settings and state.
func (s *persistentService) GetInfo(ctx context.Context, request *persistent.GetInfoReq) (*persistent.GetInfoResp, error) {
	gs, err := s.groups(ctx)
	if err != nil {
		return nil, err
	}
	o := request.GetOptions()
	key := keyOf(o.GetStreamIdentifier(), o.GetAll(), o.GetGroupName())
	g, err := gs.find(key)
	if err != nil {
		return nil, groupAnswer(ctx, err)
	}
	info := g.info()
	if info == nil {
		return nil, groupAnswer(ctx, missing(key))
	}
	return &persistent.GetInfoResp{SubscriptionInfo: info}, nil
}

// List tells all groups, or those of one stream.
func (s *persistentService) List(ctx context.Context, request *persistent.ListReq) (*persistent.ListResp, error) {
	gs, err := s.groups(ctx)
	if err != nil {
		return nil, err
	}
	of := ""
	if option := request.GetOptions().GetListForStream(); option != nil {
		of = keyOf(option.GetStream(), option.GetAll(), "").stream
	}
	response := &persistent.ListResp{}
	for _, g := range gs.list() {
		if of != "" && g.config.Stream != of {
			continue
		}
		if info := g.info(); info != nil {
			response.Subscriptions = append(response.Subscriptions, info)
		}
	}
	if of != "" && len(response.Subscriptions) == 0 {
		return nil, groupAnswer(ctx, missing(groupKey{stream: of}))
	}
	return response, nil
}

// info is nil when the group has ended.
func (g *group) info() (info *persistent.SubscriptionInfo) {
	g.do(func() {
		s := g.config.Settings
		info = &persistent.SubscriptionInfo{
			EventSource:                   g.config.Stream,
			GroupName:                     g.config.Name,
			Status:                        "Live",
			TotalItems:                    g.total,
			LastCheckpointedEventPosition: g.checkpoint,
			ResolveLinkTos:                s.ResolveLinks,
			StartFrom:                     g.config.Start,
			MessageTimeoutMilliseconds:    s.TimeoutMillis,
			ExtraStatistics:               s.ExtraStatistics,
			MaxRetryCount:                 s.MaxRetries,
			LiveBufferSize:                s.LiveBuffer,
			BufferSize:                    s.HistoryBuffer,
			ReadBatchSize:                 s.ReadBatch,
			CheckPointAfterMilliseconds:   s.CheckpointAfter,
			MinCheckPointCount:            s.MinCheckpoint,
			MaxCheckPointCount:            s.MaxCheckpoint,
			ReadBufferCount:               int32(len(g.buffer)),
			RetryBufferCount:              int32(len(g.retrying)),
			TotalInFlightMessages:         int32(len(g.flying)),
			OutstandingMessagesCount:      int32(len(g.flying)),
			NamedConsumerStrategy:         s.Strategy,
			MaxSubscriberCount:            s.MaxSubscribers,
		}
		v := g.store.view()
		info.ParkedMessageCount = int64(len(g.parked(v)))
		if g.config.Stream == allStream {
			if len(v.all) > 0 {
				info.LastKnownEventPosition = positionText(v.all[len(v.all)-1].Position)
			}
		} else if last := v.stream(g.config.Stream).last(); last >= 0 {
			info.LastKnownEventPosition = strconv.FormatInt(last, 10)
		}
		for _, c := range g.consumers {
			info.Connections = append(info.Connections, &persistent.SubscriptionInfo_ConnectionInfo{
				From: c.from, ConnectionName: c.id, TotalItems: c.taken,
				AvailableSlots: int32(c.size - c.flying), InFlightMessages: int32(c.flying),
			})
		}
	})
	return info
}

func keyOf(stream *shared.StreamIdentifier, all *shared.Empty, name string) groupKey {
	if all != nil {
		return groupKey{allStream, name}
	}
	return groupKey{string(stream.GetStreamName()), name}
}
