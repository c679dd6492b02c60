package logtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/application"
)

// Log runs the contract of application.Log. Each call of open gives a log for one test,
// which open also ends by t.Cleanup.
func Log(t *testing.T, open func(t *testing.T) application.Log) {
	for name, test := range map[string]func(*fixture){
		"Append_NewStream_ReadsBackAsWritten":            appendReadsBack,
		"Append_WrongRevision_ConflictsAndWritesNothing": appendConflicts,
		"Append_Repeated_AnswersAsTheFirstTime":          appendRepeated,
		"Append_RepeatedInPart_Conflicts":                appendRepeatedInPart,
		"Append_TooLarge_IsRefused":                      appendTooLarge,
		"Append_ContextEnded_WritesNothing":              appendCancelled,
		"Append_RaceForOneStream_OneWins":                appendRace,
		"Append_ManyStreamsAtOnce_AllStand":              appendManyStreams,
		"ReadStream_None_IsEmpty":                        readNone,
		"ReadStream_FromRevision_SkipsBefore":            readFrom,
		"Head_AfterAppend_IsItsPosition":                 headAfterAppend,
		"Follow_FromStart_InOrder":                       followInOrder,
		"Follow_FromAnyPosition_ResumesBehindIt":         followResumes,
		"Follow_Types_OthersAreLeftOut":                  followTypes,
		"Follow_ConcurrentAppends_NoneMissedOrRepeated":  followConcurrent,
		"Follow_Waiting_WakesOnAppend":                   followWakes,
		"Follow_ContextEnded_Fails":                      followCancelled,
		"Follow_Closed_Fails":                            followClosed,
	} {
		t.Run(name, func(t *testing.T) { test(newFixture(t, open(t))) })
	}
}

func appendReadsBack(f *fixture) {
	written := events(f.kind, 3)
	written[1].Metadata, written[2].Type = []byte(`{}`), f.kind+"Other"
	before := time.Now().Add(-time.Minute)
	appended := f.append(f.stream, application.NoStream, written...)
	require.Equal(f, application.Revision(2), appended.Revision)

	records := f.read(f.stream)
	require.Len(f, records, 3)
	requireGrowing(f, records)
	require.Equal(f, appended.Position, records[2].Position)
	for i, r := range records {
		require.Equal(f, f.stream, r.Stream)
		require.Equal(f, application.Revision(i), r.Revision)
		require.Equal(f, written[i].ID, r.ID)
		require.Equal(f, written[i].Type, r.Type)
		require.Equal(f, string(written[i].Data), string(r.Data))
		require.Equal(f, string(written[i].Metadata), string(r.Metadata))
		require.Equal(f, time.UTC, r.RecordedAt.Location())
		require.WithinRange(f, r.RecordedAt, before, time.Now().Add(time.Minute))
	}
	require.Equal(f, application.Revision(3), f.append(f.stream, 2, events(f.kind, 1)...).Revision)
}

func appendConflicts(f *fixture) {
	written := events(f.kind, 2)
	f.append(f.stream, application.NoStream, written...)
	for _, expected := range []application.Revision{application.NoStream, 0, 2, 7} {
		_, err := f.log.Append(f.ctx, f.stream, expected, events(f.kind, 2))
		require.ErrorIs(f, err, application.ErrConflict, "expected revision %d", expected)
	}
	_, err := f.log.Append(f.ctx, f.stream+"-none", 0, events(f.kind, 1))
	require.ErrorIs(f, err, application.ErrConflict)
	require.Equal(f, ids(written), ids(f.read(f.stream)))
	require.Empty(f, f.read(f.stream+"-none"))
}

func appendRepeated(f *fixture) {
	first, second := events(f.kind, 2), events(f.kind, 3)
	answers := map[application.Revision]application.Appended{
		application.NoStream: f.append(f.stream, application.NoStream, first...),
		1:                    f.append(f.stream, 1, second...),
	}
	f.append(f.stream, 4, events(f.kind, 1)...)
	require.Equal(f, answers[application.NoStream], f.append(f.stream, application.NoStream, first...))
	require.Equal(f, answers[1], f.append(f.stream, 1, second...))
	require.Equal(f, application.Revision(2), f.append(f.stream, 1, second[:1]...).Revision)
	require.Len(f, f.read(f.stream), 6)
}

func appendRepeatedInPart(f *fixture) {
	written := events(f.kind, 3)
	f.append(f.stream, application.NoStream, written...)
	other := events(f.kind, 1)
	for name, repeated := range map[string][]application.NewRecord{
		"first differs":  {other[0], written[1], written[2]},
		"last differs":   {written[0], written[1], other[0]},
		"other order":    {written[1], written[0]},
		"beyond the end": {written[0], written[1], written[2], other[0]},
	} {
		_, err := f.log.Append(f.ctx, f.stream, application.NoStream, repeated)
		require.ErrorIs(f, err, application.ErrConflict, name)
	}
	_, err := f.log.Append(f.ctx, f.stream, 1, written[:1])
	require.ErrorIs(f, err, application.ErrConflict, "the place must be the same too")
	require.Equal(f, ids(written), ids(f.read(f.stream)))
}

func appendTooLarge(f *fixture) {
	half := []byte(`"` + string(make([]byte, application.MaxAppendBytes/2)) + `"`)
	for i := range half[1 : len(half)-1] {
		half[i+1] = 'x'
	}
	records := events(f.kind, 2)
	records[0].Data, records[1].Data = half, half
	_, err := f.log.Append(f.ctx, f.stream, application.NoStream, records)
	require.ErrorIs(f, err, application.ErrTooLarge)
	require.Empty(f, f.read(f.stream))
	f.append(f.stream, application.NoStream, records[0])
	require.Equal(f, len(half), len(f.read(f.stream)[0].Data))
}

func appendCancelled(f *fixture) {
	ctx, cancel := context.WithCancel(f.ctx)
	cancel()
	_, err := f.log.Append(ctx, f.stream, application.NoStream, events(f.kind, 1))
	require.ErrorIs(f, err, context.Canceled)
	require.Empty(f, f.read(f.stream))
}

func appendRace(f *fixture) {
	const rounds, racers = 10, 8
	for round := range rounds {
		errs := make([]error, racers)
		var all sync.WaitGroup
		for i := range racers {
			all.Go(func() {
				_, errs[i] = f.log.Append(f.ctx, f.stream, application.Revision(2*round-1), events(f.kind, 2))
			})
		}
		all.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else {
				require.ErrorIs(f, err, application.ErrConflict)
			}
		}
		require.Equal(f, 1, won)
	}
	records := f.read(f.stream)
	require.Len(f, records, 2*rounds)
	for i, r := range records {
		require.Equal(f, application.Revision(i), r.Revision)
	}
}

func appendManyStreams(f *fixture) {
	const writers, each = 16, 8
	errs := make([]error, writers)
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			for n := range each {
				_, err := f.log.Append(f.ctx, fmt.Sprintf("%s-%d", f.stream, i), application.Revision(n-1), events(f.kind, 1))
				errs[i] = errors.Join(errs[i], err)
			}
		})
	}
	all.Wait()
	for i := range writers {
		require.NoError(f, errs[i])
		require.Len(f, f.read(fmt.Sprintf("%s-%d", f.stream, i)), each)
	}
}

func readNone(f *fixture) {
	require.Empty(f, f.read(f.stream))
}

func readFrom(f *fixture) {
	written := events(f.kind, 4)
	f.append(f.stream, application.NoStream, written...)
	for from := range 6 {
		records, err := f.log.ReadStream(f.ctx, f.stream, application.Revision(from))
		require.NoError(f, err)
		require.Equal(f, ids(written[min(from, 4):]), ids(records))
	}
}

func headAfterAppend(f *fixture) {
	appended := f.append(f.stream, application.NoStream, events(f.kind, 3)...)
	require.Positive(f, appended.Position.Compare(f.start))
	head, err := f.log.Head(f.ctx)
	require.NoError(f, err)
	require.GreaterOrEqual(f, head.Compare(appended.Position), 0)
	parsed, err := application.ParsePosition(head.String())
	require.NoError(f, err)
	require.Equal(f, head, parsed)
}

func followInOrder(f *fixture) {
	var written []application.NewRecord
	for n := range 5 {
		batch := events(f.kind, 3)
		f.append(fmt.Sprintf("%s-%d", f.stream, n%2), application.Revision(n/2*3-1), batch...)
		written = append(written, batch...)
	}
	for name, after := range map[string]application.Position{"beginning": {}, "head": f.start} {
		records := f.next(f.follow(after, f.kind), len(written))
		require.Equal(f, ids(written), ids(records), name)
		requireGrowing(f, records)
		require.Equal(f, string(written[4].Data), string(records[4].Data))
		require.Equal(f, string(written[4].Metadata), string(records[4].Metadata))
	}
}

func followResumes(f *fixture) {
	written := events(f.kind, 6)
	f.append(f.stream, application.NoStream, written...)
	for i, r := range f.read(f.stream)[:5] {
		records := f.next(f.follow(r.Position), 5-i)
		require.Equal(f, ids(written[i+1:]), ids(records))
	}
}

func followTypes(f *fixture) {
	a, b, c := f.kind+"A", f.kind+"B", f.kind+"C"
	written := append(append(events(a, 2), events(b, 2)...), events(c, 2)...)
	f.append(f.stream, application.NoStream, written...)
	require.Equal(f, ids(written[2:4]), ids(f.next(f.follow(f.start, b), 2)))
	two := f.follow(f.start, a, c)
	require.Equal(f, append(ids(written[:2]), ids(written[4:])...), ids(f.next(two, 4)))
	later := append(events(b, 1), events(a, 1)...)
	f.append(f.stream, 5, later...)
	require.Equal(f, ids(later[1:]), ids(f.next(two, 1)))
}

func followConcurrent(f *fixture) {
	const writers, each = 8, 25
	var all sync.WaitGroup
	errs := make([]error, writers)
	for i := range writers {
		all.Go(func() {
			for n := range each {
				_, err := f.log.Append(f.ctx, fmt.Sprintf("%s-%d", f.stream, i), application.Revision(n-1), events(f.kind, 1))
				errs[i] = errors.Join(errs[i], err)
			}
		})
	}
	records := f.next(f.follow(f.start, f.kind), writers*each)
	all.Wait()
	require.NoError(f, errors.Join(errs...))
	requireGrowing(f, records)
	seen := map[uuid.UUID]bool{}
	last := map[string]application.Revision{}
	for _, r := range records {
		require.False(f, seen[r.ID])
		seen[r.ID] = true
		if before, ok := last[r.Stream]; ok {
			require.Equal(f, before+1, r.Revision)
		}
		last[r.Stream] = r.Revision
	}
	require.Len(f, seen, writers*each)
}

func followWakes(f *fixture) {
	follower := f.follow(f.start, f.kind)
	got := make(chan []application.Record, 1)
	go func() {
		records, _ := follower.Next(f.ctx, 10)
		got <- records
	}()
	written := events(f.kind, 1)
	f.append(f.stream, application.NoStream, written...)
	select {
	case records := <-got:
		require.Equal(f, ids(written), ids(records))
	case <-f.ctx.Done():
		require.Fail(f, "the follower was not woken")
	}
}

func followCancelled(f *fixture) {
	follower := f.follow(f.start, f.kind)
	ctx, cancel := context.WithCancel(f.ctx)
	failed := make(chan error, 1)
	go func() {
		_, err := follower.Next(ctx, 1)
		failed <- err
	}()
	cancel()
	require.ErrorIs(f, <-failed, context.Canceled)
	written := events(f.kind, 1)
	f.append(f.stream, application.NoStream, written...)
	require.Equal(f, ids(written), ids(f.next(f.follow(f.start, f.kind), 1)))
}

func followClosed(f *fixture) {
	follower := f.follow(f.start, f.kind)
	failed := make(chan error, 1)
	go func() {
		_, err := follower.Next(f.ctx, 1)
		failed <- err
	}()
	require.NoError(f, follower.Close())
	require.Error(f, <-failed)
	require.NoError(f, f.ctx.Err())
}
