package standin

import (
	"errors"
	"fmt"
	"io"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	rpc "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"
)

// pending is an append of a batch call, as far as it has come in.
type pending struct {
	stream   *shared.StreamIdentifier
	name     string
	expected expectation
	events   []*event
	size     int
}

// BatchAppend takes many appends over one call, each in one or more pieces under an id of
// its own, and answers each when it is done. Failures are answers; they do not end the call.
func (s *streamsService) BatchAppend(call streams.Streams_BatchAppendServer) error {
	ctx := call.Context()
	if err := s.node.writable(ctx); err != nil {
		return err
	}
	open := map[uuid.UUID]*pending{}
	for {
		request, err := call.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		id, err := idFromWire(request.GetCorrelationId())
		if err != nil {
			return invalid("%s", err)
		}
		response, err := s.batch(call, request, open, id)
		if err != nil {
			return err
		}
		if response == nil {
			continue
		}
		delete(open, id)
		response.CorrelationId = request.GetCorrelationId()
		if err := call.Send(response); err != nil {
			return err
		}
	}
}

// batch takes a piece; nil when more of it is to come, or none is awaited.
func (s *streamsService) batch(call streams.Streams_BatchAppendServer, request *streams.BatchAppendReq, open map[uuid.UUID]*pending, id uuid.UUID) (*streams.BatchAppendResp, error) {
	ctx := call.Context()
	if o := request.GetOptions(); o != nil {
		p := &pending{stream: o.GetStreamIdentifier()}
		var err error
		if p.name, err = streamName(p.stream); err != nil {
			return failure(p, err), nil
		}
		if p.expected, err = expectedRevision(o.GetExpectedStreamPosition()); err != nil {
			return failure(p, err), nil
		}
		open[id] = p
	}
	p := open[id]
	if p == nil {
		return nil, nil
	}
	for _, m := range request.GetProposedMessages() {
		e, err := proposed(ctx, m)
		if err != nil {
			return failure(p, err), nil
		}
		p.events = append(p.events, e)
		p.size += e.size()
	}
	if limit := s.node.cluster.options.MaxAppendBytes; p.size > limit {
		return refusal(p, codes.InvalidArgument, "MaximumAppendSizeExceeded", &shared.MaximumAppendSizeExceeded{MaxAppendSize: uint32(limit)}), nil
	}
	if !request.GetIsFinal() {
		return nil, nil
	}
	if err := s.node.writable(ctx); err != nil {
		return nil, err
	}
	done, err := s.node.cluster.store.append(ctx, p.name, p.expected, p.events)
	if err != nil {
		return failure(p, err), nil
	}
	success := &streams.BatchAppendResp_Success{}
	if done.revision < 0 {
		success.CurrentRevisionOption = &streams.BatchAppendResp_Success_NoStream{NoStream: &emptypb.Empty{}}
	} else {
		success.CurrentRevisionOption = &streams.BatchAppendResp_Success_CurrentRevision{CurrentRevision: uint64(done.revision)}
	}
	if done.events == 0 {
		success.PositionOption = &streams.BatchAppendResp_Success_NoPosition{NoPosition: &emptypb.Empty{}}
	} else {
		success.PositionOption = &streams.BatchAppendResp_Success_Position{Position: &shared.AllStreamPosition{CommitPosition: done.position, PreparePosition: done.position}}
	}
	return &streams.BatchAppendResp{StreamIdentifier: p.stream, Result: &streams.BatchAppendResp_Success_{Success: success}}, nil
}

func failure(p *pending, err error) *streams.BatchAppendResp {
	var wrong *wrongRevision
	var gone *streamDeleted
	switch {
	case errors.As(err, &wrong):
		return refusal(p, codes.AlreadyExists, "WrongExpectedVersion", wrongDetails(wrong))
	case errors.As(err, &gone):
		return refusal(p, codes.NotFound, "StreamDeleted", &shared.StreamDeleted{StreamIdentifier: p.stream})
	case errors.Is(err, errClosed):
		return refusal(p, codes.Unknown, "Unknown", &shared.Unknown{})
	}
	return refusal(p, codes.InvalidArgument, "BadRequest", &shared.BadRequest{Message: fmt.Sprint(err)})
}

func refusal(p *pending, code codes.Code, message string, details proto.Message) *streams.BatchAppendResp {
	packed, err := anypb.New(details)
	if err != nil {
		panic(err) // only messages of the protocol come here
	}
	return &streams.BatchAppendResp{StreamIdentifier: p.stream, Result: &streams.BatchAppendResp_Error{
		Error: &rpc.Status{Code: int32(code), Message: message, Details: []*anypb.Any{packed}}}}
}

func wrongDetails(w *wrongRevision) *shared.WrongExpectedVersion {
	m := &shared.WrongExpectedVersion{CurrentStreamRevisionOption: &shared.WrongExpectedVersion_CurrentNoStream{CurrentNoStream: &emptypb.Empty{}}}
	if w.actual >= 0 {
		m.CurrentStreamRevisionOption = &shared.WrongExpectedVersion_CurrentStreamRevision{CurrentStreamRevision: uint64(w.actual)}
	}
	switch w.expected {
	case noStream:
		m.ExpectedStreamPositionOption = &shared.WrongExpectedVersion_ExpectedNoStream{ExpectedNoStream: &emptypb.Empty{}}
	case anyRevision:
		m.ExpectedStreamPositionOption = &shared.WrongExpectedVersion_ExpectedAny{ExpectedAny: &emptypb.Empty{}}
	case streamExists:
		m.ExpectedStreamPositionOption = &shared.WrongExpectedVersion_ExpectedStreamExists{ExpectedStreamExists: &emptypb.Empty{}}
	default:
		m.ExpectedStreamPositionOption = &shared.WrongExpectedVersion_ExpectedStreamPosition{ExpectedStreamPosition: uint64(w.expected)}
	}
	return m
}
