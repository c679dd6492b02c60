package projections

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"asprak/domain"
)

func statistics(t *testing.T, s *Store, q StatisticsQuery) Statistics {
	found, err := s.Statistics(background, q)
	require.NoError(t, err)
	return found
}

func ref[T any](v T) *T { return &v }

// One event a second, from start on.
func TestStatistics_OfAStory_CountsWhatHappened(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story := newStory(t)
		verified, reviewed, silent := story.submit(opening1, person("A", "1")), story.submit(opening1, person("B", "2")), story.submit(opening2, person("C", "3"))
		first := story.upload(verified, hash("a"))
		story.read(verified, first, reading("IF101"))
		story.judge(verified, first, "verified") // after 2 s
		story.tell(applicationName(verified), admin, &domain.ApplicationAccepted{OpeningID: opening1}, &domain.OfferConfirmed{})
		second := story.upload(reviewed, hash("b"))
		story.judge(reviewed, second, "review:low_confidence") // after 1 s
		story.tell(applicationName(reviewed), admin, &domain.VerificationOverridden{DocumentID: second, Outcome: "verified", Reason: "seen", Before: "review:low_confidence"})
		story.tell(applicationName(reviewed), admin, &domain.DocumentRereadRequested{DocumentID: second})
		story.judge(reviewed, second, "rejected:ipk_below_min") // after 1 s
		third := story.upload(silent, hash("c"))
		story.tell(applicationName(silent), system, &domain.DocumentReadingFailed{DocumentID: third, Attempt: 1, Code: "timeout", Tries: 5}) // after 1 s
		waits := story.records[len(story.records)-1].RecordedAt
		story.feed(s)

		now := waits.Add(90 * time.Second)
		rate, second1, second2 := 0.5, middleOf(classOf(time.Second)).Milliseconds(), middleOf(classOf(2*time.Second)).Milliseconds()
		all := statistics(t, s, StatisticsQuery{Now: now})
		require.Equal(t, Statistics{
			Counts: Counts{
				Funnel:          []StepCount{{"submitted", 3}, {"uploaded", 3}, {"judged", 3}, {"verified", 2}, {"accepted", 1}, {"confirmed", 1}},
				Verdicts:        []LabelCount{{"reading_failed", 1}, {"rejected:ipk_below_min", 1}, {"review:low_confidence", 1}, {"verified", 1}},
				StraightThrough: StraightThrough{Documents: 4, Alone: 2, Rate: &rate},
				TimeToVerdict:   TimeToVerdict{Documents: 4, P50: &second1, P95: &second2},
				Overrides:       []OverrideCount{{"review:low_confidence", "verified", 1}},
			},
			Queue: QueueStatistics{Waiting: 1, OldestSince: &waits, P50: ref(int64(90)), P95: ref(int64(90))},
		}, all)

		other := statistics(t, s, StatisticsQuery{OpeningID: opening2.String(), Now: now})
		require.Equal(t, []StepCount{{"submitted", 1}, {"uploaded", 1}, {"judged", 1}, {"verified", 0}, {"accepted", 0}, {"confirmed", 0}}, other.Funnel)
		require.Equal(t, 1, other.Queue.Waiting)
		require.Zero(t, *other.StraightThrough.Rate)
		require.Zero(t, statistics(t, s, StatisticsQuery{OpeningID: opening1.String(), Now: now}).Queue.Waiting)

		empty := statistics(t, s, StatisticsQuery{From: ref(start.AddDate(0, 0, 1)), Now: now})
		require.Nil(t, empty.StraightThrough.Rate)
		require.Nil(t, empty.TimeToVerdict.P50)
		require.Empty(t, empty.Verdicts)
	})
}

func TestStatistics_Buckets_AddUpToTheWhole(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story := newStory(t)
		for i := range 40 { // from Saturday, the first of August, a submission each day
			story.submit(opening1, person("A", string(rune('A'+i))))
			at := &story.records[len(story.records)-1]
			_, m, err := story.codec.Decode(*at)
			require.NoError(t, err)
			m.OccurredAt = start.AddDate(0, 0, i)
			r, err := story.codec.Encode(&domain.ApplicationSubmitted{ApplicationID: domain.ApplicationID(opening1, "x"), OpeningID: opening1}, m, nil)
			require.NoError(t, err)
			at.Metadata = r.Metadata
		}
		story.feed(s)
		from, to := start, start.AddDate(0, 0, 39)
		for size, want := range map[string]map[string]int{
			"week":  {"2026-07-27": 2, "2026-08-03": 7, "2026-08-31": 7, "2026-09-07": 3},
			"month": {"2026-08-01": 31, "2026-09-01": 9},
			"day":   {"2026-08-01": 1, "2026-09-09": 1},
		} {
			found := statistics(t, s, StatisticsQuery{From: &from, To: &to, Bucket: size})
			sum, last := 0, ""
			for _, b := range found.Buckets {
				require.Less(t, last, b.From)
				last = b.From
				n := b.Funnel[0].Applications
				sum += n
				if expected, ok := want[b.From]; ok {
					require.Equal(t, expected, n, "%s %s", size, b.From)
				}
				delete(want, b.From)
			}
			require.Empty(t, want, size)
			require.Equal(t, 40, sum)
			require.Equal(t, 40, found.Funnel[0].Applications)
		}
		_, err := s.Statistics(background, StatisticsQuery{Bucket: "day"})
		require.Equal(t, "invalid_parameter", domain.ErrorCode(err))
	})
}

func TestClassOf_AnyTime_IsNearTheMiddleOfItsClass(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		ms := rapid.Int64Range(0, 1<<40).Draw(r, "ms")
		d := time.Duration(ms) * time.Millisecond
		middle := middleOf(classOf(d))
		require.InDelta(r, float64(d), float64(middle), 0.07*float64(d))
		require.LessOrEqual(r, classOf(d), classOf(d+time.Millisecond))
		require.Equal(r, classOf(d), classOf(middle))
	})
	require.Zero(t, classOf(-time.Second))
}
