package messaging

import (
	"errors"
	"fmt"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"
)

// ErrNoAnswer is the cause of giving up an event whose last try never came back: the process
// ended under it.
var ErrNoAnswer = errors.New("messaging: the last try never came back")

type finalError struct{ error }

func (e finalError) Unwrap() error { return e.error }
func (finalError) Final() bool     { return true }

// Final marks an error that trying again cannot heal; nil stays nil.
func Final(err error) error {
	if err == nil {
		return nil
	}
	return finalError{err}
}

// IsFinal tells whether err, or an error that it wraps, says by a method Final() bool that
// it is final. Rooms that do not know this one can so have final errors of their own.
func IsFinal(err error) bool {
	var e interface{ Final() bool }
	return errors.As(err, &e) && e.Final()
}

// giveUp ends the tries of a message: at a final error, or when a try fails that is not before
// the last. A delivery that ended with its process counts as a try, but does not by itself use
// up the message: processes are killed for reasons of their own. Only after so many crashes
// more than tries is it given up without being handled.
func giveUp(reaction Reaction, tries, crashes int) message.HandlerMiddleware {
	return func(next message.HandlerFunc) message.HandlerFunc {
		return func(msg *message.Message) ([]*message.Message, error) {
			d, ok := DeliveryOf(msg)
			if !ok {
				return next(msg)
			}
			cause := ErrNoAnswer
			if d.Attempt <= tries+crashes {
				produced, err := next(msg)
				if err == nil || msg.Context().Err() != nil || d.Attempt < tries && !IsFinal(err) {
					return produced, err
				}
				cause = err
			}
			done := min(d.Attempt, tries+crashes)
			if err := reaction.GiveUp(msg.Context(), d.Record, done, cause); err != nil {
				return nil, fmt.Errorf("giving up after %d tries: %w", done, errors.Join(err, cause))
			}
			Park(msg, reason(cause))
			return nil, fmt.Errorf("given up after %d tries: %w", done, cause)
		}
	}
}

// reason is for a person: a panic without its stack, which the log has.
func reason(cause error) string {
	var panicked middleware.RecoveredPanicError
	if errors.As(cause, &panicked) {
		return fmt.Sprintf("panic: %v", panicked.V)
	}
	return cause.Error()
}
