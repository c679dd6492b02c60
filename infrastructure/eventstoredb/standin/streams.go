package standin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc/codes"
)

type streamsService struct {
	streams.UnimplementedStreamsServer
	node *Server
}

var empty = &shared.Empty{}

// Append takes the stream's name and expected revision first, then event by event, and
// refuses a bad or too large one while the client may still be sending.
func (s *streamsService) Append(call streams.Streams_AppendServer) error {
	ctx := call.Context()
	first, err := call.Recv()
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	options := first.GetOptions()
	if options == nil {
		return invalid("the first message of an append has options")
	}
	name, err := streamName(options.GetStreamIdentifier())
	if err != nil {
		return err
	}
	expected, err := expectedRevision(options.GetExpectedStreamRevision())
	if err != nil {
		return err
	}
	var events []*event
	size, limit := 0, s.node.cluster.options.MaxAppendBytes
	for {
		request, err := call.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		message := request.GetProposedMessage()
		if message == nil {
			return invalid("an append has options once and then events")
		}
		e, err := proposed(ctx, message)
		if err != nil {
			return err
		}
		if size += e.size(); size > limit {
			return refuse(ctx, codes.InvalidArgument, fmt.Sprintf("an append holds at most %d bytes", limit),
				"exception", "maximum-append-size-exceeded", "maximum-append-size", fmt.Sprint(limit))
		}
		events = append(events, e)
	}
	if err := s.node.writable(ctx); err != nil {
		return err
	}
	done, err := s.node.cluster.store.append(ctx, name, expected, events)
	var wrong *wrongRevision
	if errors.As(err, &wrong) {
		return call.SendAndClose(wrongResponse(wrong))
	}
	if err != nil {
		return answer(ctx, err)
	}
	return call.SendAndClose(successResponse(done))
}

// proposal is an event as either kind of append brings it.
type proposal interface {
	GetId() *shared.UUID
	GetMetadata() map[string]string
	GetCustomMetadata() []byte
	GetData() []byte
}

func proposed(ctx context.Context, m proposal) (*event, error) {
	id, err := idFromWire(m.GetId())
	if err != nil {
		return nil, invalid("%s", err)
	}
	for _, key := range []string{"type", "content-type"} {
		if m.GetMetadata()[key] == "" {
			return nil, refuse(ctx, codes.InvalidArgument, "metadata has no "+key,
				"exception", "missing-required-metadata-property", "required-metadata-properties", "type,content-type")
		}
	}
	return &event{ID: id, Type: m.GetMetadata()["type"], ContentType: m.GetMetadata()["content-type"], Data: m.GetData(), Metadata: m.GetCustomMetadata()}, nil
}

func successResponse(done written) *streams.AppendResp {
	success := &streams.AppendResp_Success{}
	if done.revision < 0 {
		success.CurrentRevisionOption = &streams.AppendResp_Success_NoStream{NoStream: empty}
	} else {
		success.CurrentRevisionOption = &streams.AppendResp_Success_CurrentRevision{CurrentRevision: uint64(done.revision)}
	}
	if done.events == 0 {
		success.PositionOption = &streams.AppendResp_Success_NoPosition{NoPosition: empty}
	} else {
		success.PositionOption = &streams.AppendResp_Success_Position{Position: &streams.AppendResp_Position{CommitPosition: done.position, PreparePosition: done.position}}
	}
	return &streams.AppendResp{Result: &streams.AppendResp_Success_{Success: success}}
}

func wrongResponse(w *wrongRevision) *streams.AppendResp {
	m := &streams.AppendResp_WrongExpectedVersion{}
	if w.actual < 0 {
		m.CurrentRevisionOption = &streams.AppendResp_WrongExpectedVersion_CurrentNoStream{CurrentNoStream: empty}
		m.CurrentRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_NoStream_20_6_0{NoStream_20_6_0: empty}
	} else {
		m.CurrentRevisionOption = &streams.AppendResp_WrongExpectedVersion_CurrentRevision{CurrentRevision: uint64(w.actual)}
		m.CurrentRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_CurrentRevision_20_6_0{CurrentRevision_20_6_0: uint64(w.actual)}
	}
	switch w.expected {
	case noStream:
		m.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedNoStream{ExpectedNoStream: empty}
		m.ExpectedRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_ExpectedRevision_20_6_0{ExpectedRevision_20_6_0: math.MaxUint64}
	case anyRevision:
		m.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedAny{ExpectedAny: empty}
		m.ExpectedRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_Any_20_6_0{Any_20_6_0: empty}
	case streamExists:
		m.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedStreamExists{ExpectedStreamExists: empty}
		m.ExpectedRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_StreamExists_20_6_0{StreamExists_20_6_0: empty}
	default:
		m.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedRevision{ExpectedRevision: uint64(w.expected)}
		m.ExpectedRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_ExpectedRevision_20_6_0{ExpectedRevision_20_6_0: uint64(w.expected)}
	}
	return &streams.AppendResp{Result: &streams.AppendResp_WrongExpectedVersion_{WrongExpectedVersion: m}}
}

// Delete hides the stream's events; a later append goes on behind them.
func (s *streamsService) Delete(ctx context.Context, request *streams.DeleteReq) (*streams.DeleteResp, error) {
	options := request.GetOptions()
	position, err := s.remove(ctx, options.GetStreamIdentifier(), options.GetExpectedStreamRevision(), false)
	if err != nil {
		return nil, err
	}
	return &streams.DeleteResp{PositionOption: &streams.DeleteResp_Position_{Position: &streams.DeleteResp_Position{CommitPosition: position, PreparePosition: position}}}, nil
}

// Tombstone ends the stream for good.
func (s *streamsService) Tombstone(ctx context.Context, request *streams.TombstoneReq) (*streams.TombstoneResp, error) {
	options := request.GetOptions()
	position, err := s.remove(ctx, options.GetStreamIdentifier(), options.GetExpectedStreamRevision(), true)
	if err != nil {
		return nil, err
	}
	return &streams.TombstoneResp{PositionOption: &streams.TombstoneResp_Position_{Position: &streams.TombstoneResp_Position{CommitPosition: position, PreparePosition: position}}}, nil
}

func (s *streamsService) remove(ctx context.Context, stream *shared.StreamIdentifier, revision any, forGood bool) (uint64, error) {
	if err := s.node.writable(ctx); err != nil {
		return 0, err
	}
	name, err := streamName(stream)
	if err != nil {
		return 0, err
	}
	expected, err := expectedRevision(revision)
	if err != nil {
		return 0, err
	}
	position, err := s.node.cluster.store.remove(ctx, name, expected, forGood)
	return position, answer(ctx, err)
}

func streamName(stream *shared.StreamIdentifier) (string, error) {
	name := string(stream.GetStreamName())
	if name == "" || name == "$all" || name == "$$" {
		return "", invalid("%q is not the name of a stream", name)
	}
	return name, nil
}

func expectedRevision(option any) (expectation, error) {
	exact := uint64(0)
	switch o := option.(type) {
	case *streams.AppendReq_Options_NoStream, *streams.DeleteReq_Options_NoStream, *streams.TombstoneReq_Options_NoStream, *streams.BatchAppendReq_Options_NoStream:
		return noStream, nil
	case *streams.AppendReq_Options_Any, *streams.DeleteReq_Options_Any, *streams.TombstoneReq_Options_Any, *streams.BatchAppendReq_Options_Any:
		return anyRevision, nil
	case *streams.AppendReq_Options_StreamExists, *streams.DeleteReq_Options_StreamExists, *streams.TombstoneReq_Options_StreamExists, *streams.BatchAppendReq_Options_StreamExists:
		return streamExists, nil
	case *streams.AppendReq_Options_Revision:
		exact = o.Revision
	case *streams.DeleteReq_Options_Revision:
		exact = o.Revision
	case *streams.TombstoneReq_Options_Revision:
		exact = o.Revision
	case *streams.BatchAppendReq_Options_StreamPosition:
		exact = o.StreamPosition
	default:
		return 0, invalid("an expected revision is missing")
	}
	if exact > math.MaxInt64 {
		return 0, invalid("%d is not a revision", exact)
	}
	return expectation(exact), nil
}
