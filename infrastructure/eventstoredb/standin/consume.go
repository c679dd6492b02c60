package standin

import (
	"errors"
	"fmt"
	"io"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
)

// Read connects a consumer: messages go out, acknowledgements come in.
func (s *persistentService) Read(call persistent.PersistentSubscriptions_ReadServer) error {
	ctx := call.Context()
	gs, err := s.groups(ctx)
	if err != nil {
		return err
	}
	first, err := call.Recv()
	if err != nil && !errors.Is(err, io.EOF) {
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
