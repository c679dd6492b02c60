package messaging

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"asprak/application"
)

const (
	answerTimeout = 10 * time.Second // for telling the queue what became of a message
	firstPause    = 100 * time.Millisecond
	longestPause  = 10 * time.Second
)

// subscription is one consumer of a group and the messages that it has handed out.
type subscription struct {
	*Subscriber
	group    application.Group
	consumer application.Consumer
	fetching context.Context // ends when no more messages are to be fetched
	working  context.Context // ends when messages are to be abandoned
	out      chan *message.Message
	handed   sync.WaitGroup
	logger   *slog.Logger
}

func (s *subscription) run(abandon func()) {
	wait := firstPause
	for {
		if s.fetch() {
			wait = firstPause
		}
		if pause(s.fetching, wait) != nil {
			break
		}
		if err := s.rejoin(); err != nil {
			s.logger.Error("cannot join the group", "error", err)
		}
		wait = min(2*wait, longestPause)
	}
	s.finish(abandon)
	close(s.out)
}

// fetch delivers until the consumer fails, and says whether it delivered anything.
func (s *subscription) fetch() (delivered bool) {
	for {
		d, err := s.consumer.Next(s.fetching)
		if err != nil {
			if s.fetching.Err() == nil {
				s.logger.Error("cannot fetch messages", "error", err)
			}
			return delivered
		}
		s.deliver(d)
		delivered = true
	}
}

// rejoin replaces a consumer that failed. What it had handed out goes back to the group; an
// answer that comes even so is still told to the old consumer.
func (s *subscription) rejoin() error {
	consumer, err := s.queue.Consume(s.fetching, s.group)
	if err != nil {
		return err
	}
	old := s.consumer
	s.consumer = consumer
	if err := old.Close(); err != nil {
		s.logger.Warn("cannot close a failed consumer", "error", err)
	}
	return nil
}

// finish waits for answers up to the grace, then hands back what is left.
func (s *subscription) finish(abandon func()) {
	answered := make(chan struct{})
	go func() {
		s.handed.Wait()
		close(answered)
	}()
	grace := time.NewTimer(s.config.Grace)
	defer grace.Stop()
	select {
	case <-answered:
	case <-grace.C:
	}
	abandon()
	<-answered
	if err := s.consumer.Close(); err != nil {
		s.logger.Warn("cannot hand back messages", "error", err)
	}
}

func (s *subscription) deliver(d application.Delivery) {
	msg, err := toMessage(d)
	if err != nil {
		s.settle("park", func(ctx context.Context) error { return s.consumer.Park(ctx, d, err.Error()) })
		return
	}
	h := &handling{delivery: d, delay: s.config.RetryDelay}
	ctx, done := context.WithCancel(context.WithValue(s.working, handlingKey{}, h))
	msg.SetContext(ctx)
	consumer := s.consumer
	s.handed.Go(func() {
		defer done()
		s.await(ctx, consumer, msg, h)
	})
	select {
	case s.out <- msg:
	case <-s.fetching.Done():
		done() // nobody has it: await ends and the consumer's Close hands it back
	}
}

// await extends the lease until the message is answered or abandoned, and tells the queue.
func (s *subscription) await(ctx context.Context, consumer application.Consumer, msg *message.Message, h *handling) {
	extend := time.NewTicker(s.config.Lease / 3)
	defer extend.Stop()
	for {
		select {
		case <-msg.Acked():
			s.settle("acknowledge", func(ctx context.Context) error { return consumer.Ack(ctx, h.delivery) })
			return
		case <-msg.Nacked():
			if ctx.Err() != nil { // refused because it was abandoned: that was no try
				return
			}
			s.refuse(consumer, h)
			return
		case <-ctx.Done():
			return
		case <-extend.C:
			if err := consumer.Extend(ctx, h.delivery); err != nil && ctx.Err() == nil {
				s.logger.Warn("cannot extend a lease", "event", h.delivery.ID, "error", err)
			}
		}
	}
}

func (s *subscription) refuse(consumer application.Consumer, h *handling) {
	park, reason, delay := h.refused()
	if park {
		s.settle("park", func(ctx context.Context) error { return consumer.Park(ctx, h.delivery, reason) })
		return
	}
	s.settle("retry", func(ctx context.Context) error { return consumer.Retry(ctx, h.delivery, delay) })
}

// settle tells the queue, also while closing. When the queue cannot be told, the message
// comes again after its lease: it was promised at least once.
func (s *subscription) settle(what string, f func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.working), answerTimeout)
	defer cancel()
	if err := f(ctx); err != nil {
		s.logger.Warn("cannot "+what+" a message", "error", err)
	}
}
