package eventstoredb

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// failed says what the client made of an error. The client's own FromError does not see
// through the errors that the client has wrapped.
func failed(err error, code esdb.ErrorCode) bool {
	var e *esdb.Error
	return errors.As(err, &e) && e.IsErrorCode(code)
}

// statusOf is the gRPC status of an error, codes.Unknown without one.
func statusOf(err error) (code codes.Code, told bool) {
	s, told := status.FromError(err)
	return s.Code(), told
}

// passing tells whether the same call may succeed later.
func passing(err error) bool {
	if errors.Is(err, errClosed) {
		return false
	}
	return errors.Is(err, errUnreached) || failed(err, esdb.ErrorCodeNotLeader) || broken(err)
}

// broken tells whether the client that made the call, or its connection, should be given up.
// A stream that breaks off shows as an end of file without a status.
func broken(err error) bool {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
		failed(err, esdb.ErrorCodeConnectionClosed) {
		return true
	}
	code, told := statusOf(err)
	if !told {
		return false
	}
	switch code {
	case codes.Unavailable, codes.Canceled, codes.Aborted, codes.DeadlineExceeded, codes.Internal, codes.ResourceExhausted:
		return true
	default:
		return false
	}
}

// refused tells whether the server has answered and done nothing.
func refused(err error) bool {
	var e *esdb.Error
	if errors.As(err, &e) {
		switch e.Code() {
		case esdb.ErrorCodeUnauthenticated, esdb.ErrorCodeAccessDenied, esdb.ErrorCodeUnsupportedFeature,
			esdb.ErrorCodeStreamDeleted, esdb.ErrorCodeNotLeader, esdb.ErrorCodeResourceNotFound:
			return true
		}
	}
	code, _ := statusOf(err)
	return code == codes.InvalidArgument || code == codes.FailedPrecondition
}

// oversized tells whether the server found an append too large.
func oversized(err error) bool {
	code, _ := statusOf(err)
	return code == codes.InvalidArgument && strings.Contains(strings.ToLower(err.Error()), "append size")
}
