package messaging

import (
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
)

// backOff lets a refused message wait longer with each attempt. The wait is the queue's, not
// the handler's: it holds no place among the handlers and outlives a restart.
func backOff(first, longest time.Duration) message.HandlerMiddleware {
	return func(next message.HandlerFunc) message.HandlerFunc {
		return func(msg *message.Message) ([]*message.Message, error) {
			produced, err := next(msg)
			if d, ok := DeliveryOf(msg); ok && err != nil {
				RetryAfter(msg, delay(first, longest, d.Attempt))
			}
			return produced, err
		}
	}
}

func delay(first, longest time.Duration, attempt int) time.Duration {
	d := first
	for range attempt - 1 {
		if d >= longest {
			break
		}
		d *= 2
	}
	return min(d, longest)
}
