package standin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
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
		c.Stream = string(o.GetStreamIdentifier().GetStreamName()) //nolint:staticcheck // the protocol still has it
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
		c.Stream = string(o.GetStreamIdentifier().GetStreamName()) //nolint:staticcheck // the protocol still has it
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

// Read connects a consumer: messages go out, acknowledgements come in.
func (s *persistentService) Read(call persistent.PersistentSubscriptions_ReadServer) error {
	ctx := call.Context()
	gs, err := s.groups(ctx)
	if err != nil {
		return err
	}
	first, err := call.Recv()
	if err != nil {
		return err
	}
	o := first.GetOptions()
	if o == nil {
		return invalid("the first message has options")
	}
	texts := false
	switch o.GetUuidOption().GetContent().(type) {
	case *persistent.ReadReq_Options_UUIDOption_Structured:
	case *persistent.ReadReq_Options_UUIDOption_String_:
		texts = true
	default:
		return invalid("uuid_option is missing")
	}
	key := keyOf(o.GetStreamIdentifier(), o.GetAll(), o.GetGroupName())
	g, err := gs.find(key)
	if err != nil {
		return groupAnswer(ctx, err)
	}
	from := ""
	if p, ok := peer.FromContext(ctx); ok {
		from = p.Addr.String()
	}
	var self *consumer
	leads := true
	if !g.do(func() {
		// Only here can the leader not change in between.
		if leads = s.node.leads(); leads {
			self = g.connect(int(o.GetBufferSize()), from)
		}
	}) {
		return groupAnswer(ctx, missing(key))
	}
	if !leads {
		return s.node.notLeader(ctx)
	}
	if self == nil {
		return groupAnswer(ctx, &groupError{code: codes.FailedPrecondition, reason: "maximum-subscribers-reached", config: g.config,
			message: fmt.Sprintf("group %s on stream %s has all the consumers that it may have", key.name, key.stream)})
	}
	defer g.do(func() { g.disconnect(self) })
	confirmation := &persistent.ReadResp_SubscriptionConfirmation{SubscriptionId: key.stream + "::" + key.name}
	if err := call.Send(&persistent.ReadResp{Content: &persistent.ReadResp_SubscriptionConfirmation_{SubscriptionConfirmation: confirmation}}); err != nil {
		return err
	}
	heard := make(chan error, 1)
	go func() { heard <- g.hear(call) }()
	for {
		select {
		case m := <-self.out:
			if err := call.Send(&persistent.ReadResp{Content: &persistent.ReadResp_Event{Event: m.wire(texts)}}); err != nil {
				return err
			}
		case err := <-self.end:
			return groupAnswer(ctx, err)
		case err := <-heard:
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}

// hear takes acknowledgements until the call ends.
func (g *group) hear(call persistent.PersistentSubscriptions_ReadServer) error {
	for {
		request, err := call.Recv()
		if err != nil {
			return err
		}
		switch content := request.GetContent().(type) {
		case *persistent.ReadReq_Ack_:
			err = g.each(content.Ack.GetIds(), g.ack)
		case *persistent.ReadReq_Nack_:
			reason := content.Nack.GetReason()
			err = g.each(content.Nack.GetIds(), func(id uuid.UUID) {
				switch content.Nack.GetAction() {
				case persistent.ReadReq_Nack_Park:
					if m := g.land(id); m != nil {
						g.park(m, "Client explicitly NAK'ed message.\n"+reason)
					}
				case persistent.ReadReq_Nack_Skip, persistent.ReadReq_Nack_Stop:
					g.ack(id)
				default:
					g.retry(id)
				}
			})
		default:
			err = invalid("options come once")
		}
		if err != nil {
			return err
		}
	}
}

func (g *group) each(wire []*shared.UUID, run func(uuid.UUID)) error {
	var ids []uuid.UUID
	for _, w := range wire {
		id, err := idFromWire(w)
		if err != nil {
			return invalid("%s", err)
		}
		ids = append(ids, id)
	}
	g.do(func() {
		for _, id := range ids {
			run(id)
		}
	})
	return nil
}

func (m *message) wire(texts bool) *persistent.ReadResp_ReadEvent {
	recorded := func(e *event) *persistent.ReadResp_ReadEvent_RecordedEvent {
		if e == nil {
			return nil
		}
		return &persistent.ReadResp_ReadEvent_RecordedEvent{
			Id:               idToWire(e.ID, texts),
			StreamIdentifier: identifier(e.Stream),
			StreamRevision:   uint64(e.Revision),
			PreparePosition:  e.Position,
			CommitPosition:   e.Position,
			Metadata:         e.properties(),
			CustomMetadata:   e.Metadata,
			Data:             e.Data,
		}
	}
	return &persistent.ReadResp_ReadEvent{
		Event:    recorded(m.event),
		Link:     recorded(m.link),
		Position: &persistent.ReadResp_ReadEvent_CommitPosition{CommitPosition: m.original().Position},
		Count:    &persistent.ReadResp_ReadEvent_RetryCount{RetryCount: int32(m.retries)},
	}
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

func streamStart(option any) (string, error) {
	revision := uint64(0)
	switch o := option.(type) {
	case *persistent.CreateReq_StreamOptions_Revision:
		revision = o.Revision
	case *persistent.UpdateReq_StreamOptions_Revision:
		revision = o.Revision
	case *persistent.CreateReq_StreamOptions_End, *persistent.UpdateReq_StreamOptions_End:
		return "-1", nil
	}
	if revision > math.MaxInt64 {
		return "", invalid("%d is not a revision", revision)
	}
	return strconv.FormatUint(revision, 10), nil
}

func (s *persistentService) allStart(option any) (string, error) {
	var commit, prepare uint64
	switch o := option.(type) {
	case *persistent.CreateReq_AllOptions_Position:
		commit, prepare = o.Position.GetCommitPosition(), o.Position.GetPreparePosition()
	case *persistent.UpdateReq_AllOptions_Position:
		commit, prepare = o.Position.GetCommitPosition(), o.Position.GetPreparePosition()
	case *persistent.CreateReq_AllOptions_End, *persistent.UpdateReq_AllOptions_End:
		return "C:-1/P:-1", nil
	}
	if _, err := s.node.view().index(commit, prepare); err != nil {
		return "", err
	}
	return positionText(commit), nil
}

// groupFilter does not look at the checkpoint multiplier: clients send 0 and the real server
// ignores it here.
func groupFilter(wire *persistent.CreateReq_AllOptions_FilterOptions) (*filter, error) {
	if wire == nil {
		return nil, nil
	}
	f := &filter{Window: wire.GetMax(), Interval: wire.GetCheckpointIntervalMultiplier()}
	expression := wire.GetStreamIdentifier()
	if e := wire.GetEventType(); e != nil {
		expression, f.ByType = e, true
	}
	f.Prefixes, f.Regex = expression.GetPrefix(), expression.GetRegex()
	if err := f.compile(); err != nil {
		return nil, invalid("%s", err)
	}
	return f, nil
}

func createSettings(w *persistent.CreateReq_Settings) settings {
	s := settings{
		ResolveLinks: w.GetResolveLinks(), ExtraStatistics: w.GetExtraStatistics(), MaxRetries: w.GetMaxRetryCount(),
		MinCheckpoint: w.GetMinCheckpointCount(), MaxCheckpoint: w.GetMaxCheckpointCount(), MaxSubscribers: w.GetMaxSubscriberCount(),
		LiveBuffer: w.GetLiveBufferSize(), ReadBatch: w.GetReadBatchSize(), HistoryBuffer: w.GetHistoryBufferSize(),
		TimeoutMillis: w.GetMessageTimeoutMs(), CheckpointAfter: w.GetCheckpointAfterMs(), Strategy: w.GetConsumerStrategy(),
	}
	if t, ok := w.GetMessageTimeout().(*persistent.CreateReq_Settings_MessageTimeoutTicks); ok {
		s.TimeoutMillis = millis(t.MessageTimeoutTicks)
	}
	if t, ok := w.GetCheckpointAfter().(*persistent.CreateReq_Settings_CheckpointAfterTicks); ok {
		s.CheckpointAfter = millis(t.CheckpointAfterTicks)
	}
	if s.Strategy == "" {
		s.Strategy = w.GetNamedConsumerStrategy().String() //nolint:staticcheck // older clients send only this
	}
	return s
}

func updateSettings(w *persistent.UpdateReq_Settings) settings {
	s := settings{
		ResolveLinks: w.GetResolveLinks(), ExtraStatistics: w.GetExtraStatistics(), MaxRetries: w.GetMaxRetryCount(),
		MinCheckpoint: w.GetMinCheckpointCount(), MaxCheckpoint: w.GetMaxCheckpointCount(), MaxSubscribers: w.GetMaxSubscriberCount(),
		LiveBuffer: w.GetLiveBufferSize(), ReadBatch: w.GetReadBatchSize(), HistoryBuffer: w.GetHistoryBufferSize(),
		TimeoutMillis: w.GetMessageTimeoutMs(), CheckpointAfter: w.GetCheckpointAfterMs(), Strategy: w.GetNamedConsumerStrategy().String(),
	}
	if t, ok := w.GetMessageTimeout().(*persistent.UpdateReq_Settings_MessageTimeoutTicks); ok {
		s.TimeoutMillis = millis(t.MessageTimeoutTicks)
	}
	if t, ok := w.GetCheckpointAfter().(*persistent.UpdateReq_Settings_CheckpointAfterTicks); ok {
		s.CheckpointAfter = millis(t.CheckpointAfterTicks)
	}
	return s
}

func millis(ticks int64) int32 {
	return int32(min(time.Duration(ticks)*100/time.Millisecond, math.MaxInt32))
}
