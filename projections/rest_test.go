package projections

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"asprak/application"
)

// paced is a log whose events come when the test lets them.
type paced struct {
	application.Log
	records chan []application.Record
}

func (p paced) Follow(context.Context, application.Position, ...string) (application.Follower, error) {
	return p, nil
}

func (p paced) Next(ctx context.Context, _ int) ([]application.Record, error) {
	select {
	case records := <-p.records:
		return records, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p paced) Close() error { return nil }

// In the bubble time stands still while anything works, so that what passes is rest alone.
func restingStore(t *testing.T, test func(s *Store, log paced)) {
	synctest.Test(t, func(t *testing.T) {
		s := openStore(t, sqlitePlace(t))
		log := paced{records: make(chan []application.Record)}
		ctx, cancel := context.WithCancel(background)
		ended := make(chan error)
		go func() { ended <- s.Run(ctx, log, application.NewCodec()) }()
		test(s, log)
		cancel()
		require.NoError(t, <-ended)
	})
}

func TestRun_EventAfterSilence_IsTakenAtOnce(t *testing.T) {
	records := manyApplications(t, 1).records
	restingStore(t, func(s *Store, log paced) {
		time.Sleep(time.Second)
		log.records <- records[:1]
		began := time.Now()
		synctest.Wait()
		require.Equal(t, records[0].Position, s.Seen())
		require.Zero(t, time.Since(began))
	})
}

func TestRun_EventsComeFast_RestsLonger(t *testing.T) {
	records := manyApplications(t, 100).records
	restingStore(t, func(_ *Store, log paced) {
		took := func(n int) time.Duration {
			batch := records[:n]
			records = records[n:]
			began := time.Now()
			log.records <- batch
			return time.Since(began)
		}
		time.Sleep(time.Second)
		require.Zero(t, took(20), "they came slowly")
		require.Equal(t, shortRest, took(20), "they came fast")
		require.Equal(t, longRest, took(1))
		require.Equal(t, shortRest, took(1), "they come slowly again")
	})
}

func TestWait_ProjectorRests_EndsTheRest(t *testing.T) {
	records := manyApplications(t, 3).records
	restingStore(t, func(s *Store, log paced) {
		time.Sleep(time.Second)
		log.records <- records[:1]
		synctest.Wait() // it rests
		began := time.Now()
		go func() { log.records <- records[1:2] }()
		require.NoError(t, s.Wait(background, records[1].Position))
		require.Zero(t, time.Since(began))
	})
}

func TestRun_FullBatch_IsNotRestedAfter(t *testing.T) {
	records := manyApplications(t, batchSize).records
	restingStore(t, func(_ *Store, log paced) {
		log.records <- records[:batchSize]
		began := time.Now()
		log.records <- records[batchSize : batchSize+1]
		require.Zero(t, time.Since(began))
	})
}
