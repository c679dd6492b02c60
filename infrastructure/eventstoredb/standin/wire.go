package standin

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// refuse ends a call with a status and the trailers that clients know the reason by.
func refuse(ctx context.Context, code codes.Code, message string, trailers ...string) error {
	if len(trailers) > 0 {
		// It fails only after the call has ended.
		_ = grpc.SetTrailer(ctx, metadata.Pairs(trailers...))
	}
	return status.Error(code, message)
}

func invalid(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, format, args...)
}

// answer turns an error of the store into the server's answer.
func answer(ctx context.Context, err error) error {
	var wrong *wrongRevision
	var gone *streamDeleted
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong):
		return refuse(ctx, codes.FailedPrecondition, wrong.Error(), "exception", "wrong-expected-version",
			"stream-name", wrong.stream, "expected-version", strconv.FormatInt(int64(wrong.expected), 10), "actual-version", strconv.FormatInt(wrong.actual, 10))
	case errors.As(err, &gone):
		return refuse(ctx, codes.FailedPrecondition, gone.Error(), "exception", "stream-deleted", "stream-name", gone.stream)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return status.FromContextError(err).Err()
	case errors.Is(err, errClosed):
		return status.Error(codes.Unavailable, "the server is shutting down")
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	return status.Error(codes.Unavailable, err.Error())
}

// notLeader names the leader; without one the node is not ready.
func (n *Server) notLeader(ctx context.Context) error {
	leader := n.cluster.leading()
	if leader == nil {
		return status.Error(codes.Unavailable, "the server is not ready: no node leads")
	}
	host, port, _ := net.SplitHostPort(leader.Address())
	return refuse(ctx, codes.NotFound, "this node does not lead", "exception", "not-leader", "leader-endpoint-host", host, "leader-endpoint-port", port)
}

// writable says whether this node takes a write, itself or for the leader.
func (n *Server) writable(ctx context.Context) error {
	if n.leads() {
		return nil
	}
	if n.cluster.leading() != nil && n.cluster.forwards() && !requiresLeader(ctx) {
		return nil
	}
	return n.notLeader(ctx)
}

// readable refuses a read that insists on the leader.
func (n *Server) readable(ctx context.Context) error {
	if requiresLeader(ctx) && !n.leads() {
		return n.notLeader(ctx)
	}
	return nil
}

func requiresLeader(ctx context.Context) bool {
	asked := metadata.ValueFromIncomingContext(ctx, "requires-leader")
	return len(asked) > 0 && strings.EqualFold(asked[0], "true")
}

func idFromWire(id *shared.UUID) (uuid.UUID, error) {
	switch v := id.GetValue().(type) {
	case *shared.UUID_Structured_:
		var out uuid.UUID
		binary.BigEndian.PutUint64(out[:8], uint64(v.Structured.GetMostSignificantBits()))
		binary.BigEndian.PutUint64(out[8:], uint64(v.Structured.GetLeastSignificantBits()))
		return out, nil
	case *shared.UUID_String_:
		return uuid.Parse(v.String_)
	}
	return uuid.UUID{}, errors.New("an id is missing")
}

func idToWire(id uuid.UUID, text bool) *shared.UUID {
	if text {
		return &shared.UUID{Value: &shared.UUID_String_{String_: id.String()}}
	}
	return &shared.UUID{Value: &shared.UUID_Structured_{Structured: &shared.UUID_Structured{
		MostSignificantBits:  int64(binary.BigEndian.Uint64(id[:8])),
		LeastSignificantBits: int64(binary.BigEndian.Uint64(id[8:])),
	}}}
}

func identifier(stream string) *shared.StreamIdentifier {
	return &shared.StreamIdentifier{StreamName: []byte(stream)}
}

func (e *event) properties() map[string]string {
	return map[string]string{"type": e.Type, "content-type": e.ContentType, "created": strconv.FormatInt(e.Created, 10)}
}

// resolved is an event as it is handed out: a link and what it points to, or either.
type resolved struct{ event, link *event }

// original is the one that stands in the stream that was read.
func (r resolved) original() *event {
	if r.link != nil {
		return r.link
	}
	return r.event
}

func (v view) resolve(e *event, links bool) resolved {
	if !links || e.Type != linkType {
		return resolved{event: e}
	}
	stream, revision, ok := e.target()
	if !ok {
		return resolved{link: e}
	}
	return resolved{event: v.at(stream, revision), link: e}
}

func positionText(p uint64) string { return fmt.Sprintf("C:%d/P:%d", p, p) }
