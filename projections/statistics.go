package projections

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"asprak/domain"
	"asprak/domain/verification"
)

// Counts are kept by day (UTC), of each opening and of all, so that what a query adds up grows
// with the days and not with the applications.
var statisticModel = model{
	name: "statistics", version: 1, tables: []string{"statistics"},
	schema: []string{
		`CREATE TABLE statistics (
			scope TEXT NOT NULL,
			measure TEXT NOT NULL,
			label TEXT NOT NULL,
			day BIGINT NOT NULL,
			n BIGINT NOT NULL,
			PRIMARY KEY (scope, measure, label, day)
		)`,
	},
}

// everyOpening is the scope beside those of the openings.
const everyOpening = "all"

// What is counted, on the day on which it happened, and by what.
const (
	reachedMeasure  = "reached"  // applications, the first time; by step
	verdictMeasure  = "verdict"  // of the machine; by label, or reading_failed
	overrideMeasure = "override" // by the label before and the outcome
	tookMeasure     = "took"     // from upload or the wish of a re-reading to the machine's end; by the class of the time
)

// steps are the funnel, in order.
var steps = []string{"submitted", "uploaded", "judged", "verified", "accepted", "confirmed"}

// reached are the steps that an application has come to, each a bit.
type reached int

// reaches are the steps that the state after an event stands for.
func reaches(a domain.Application) (r reached) {
	judged := slices.ContainsFunc(a.Documents, func(d domain.SubmittedDocument) bool { return d.Label() != "" || d.Failure != nil })
	for i, there := range []bool{a.Exists(), len(a.Documents) > 0, judged, a.Standing == domain.StatusVerified,
		a.Decision == domain.StatusAccepted || a.Decision == domain.StatusConfirmed, a.Decision == domain.StatusConfirmed} {
		if there {
			r |= 1 << i
		}
	}
	return r
}

// counted is a count of one day.
type counted struct {
	scope, measure, label string
	day                   int64
}

const dayLength = 24 * time.Hour

// count adds what the event stands for. The application is folded up to it.
func (a *applications) count(f *fold, e event) {
	at := nanos(e.metadata.OccurredAt)
	add := func(measure, label string) {
		day := at / int64(dayLength)
		a.counts[counted{f.now.OpeningID.String(), measure, label, day}]++
		a.counts[counted{everyOpening, measure, label, day}]++
	}
	is := reaches(f.now.Application)
	for i, step := range steps {
		if bit := reached(1 << i); is&bit != 0 && f.now.Reached&bit == 0 {
			add(reachedMeasure, step)
		}
	}
	f.now.Reached |= is
	switch ev := e.event.(type) {
	case *domain.DocumentVerified:
		add(verdictMeasure, string(ev.Verdict.Label))
	case *domain.DocumentRejected:
		add(verdictMeasure, string(ev.Verdict.Label))
	case *domain.DocumentReferred:
		add(verdictMeasure, string(ev.Verdict.Label))
	case *domain.DocumentReadingFailed:
		add(verdictMeasure, string(domain.StatusReadingFailed))
	case *domain.VerificationOverridden:
		add(overrideMeasure, ev.Before+" "+ev.Outcome)
	case *domain.DocumentUploaded:
		f.ask(ev.DocumentID, at)
	case *domain.DocumentRereadRequested:
		f.ask(ev.DocumentID, at)
	}
	if id, ok := concludes(e.event); ok {
		if asked, ok := f.now.Asked[id]; ok {
			add(tookMeasure, strconv.Itoa(classOf(time.Duration(at-asked))))
			delete(f.now.Asked, id)
		}
	}
}

func storeStatistics(b *batch, counts map[counted]int) error {
	keys := slices.SortedFunc(maps.Keys(counts), func(x, y counted) int {
		return cmp.Or(cmp.Compare(x.scope, y.scope), cmp.Compare(x.measure, y.measure), cmp.Compare(x.label, y.label), cmp.Compare(x.day, y.day))
	})
	for _, k := range keys {
		_, err := b.exec(`INSERT INTO statistics (scope, measure, label, day, n) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (scope, measure, label, day) DO UPDATE SET n = statistics.n + excluded.n`, k.scope, k.measure, k.label, k.day, counts[k])
		if err != nil {
			return err
		}
	}
	return nil
}

// Times are counted in classes, eight to each power of two, so that the middle of one is within
// 7 % of all that are in it.
const classBits = 3

// classOf is the class of a time, by its milliseconds; one that ran backwards took none.
func classOf(d time.Duration) int {
	ms := uint64(max(d.Milliseconds(), 0))
	shift := max(bits.Len64(ms)-classBits-1, 0)
	return shift<<classBits + int(ms>>shift)
}

// middleOf is the middle of a class.
func middleOf(class int) time.Duration {
	shift := max(class>>classBits-1, 0)
	lowest := (class - shift<<classBits) << shift
	return time.Duration(lowest)*time.Millisecond + time.Duration(1<<shift-1)*time.Millisecond/2
}

// StatisticsQuery selects what is counted. Empty fields do not filter.
type StatisticsQuery struct {
	Within    *domain.Extent // openings; nil: all
	OpeningID string
	From, To  *time.Time // the days (UTC) that they lie in, both inclusive
	Bucket    string     // "day", "week" (from Monday) or "month": the same over time; "": only the whole
	Now       time.Time  // ages count up to here
}

// Statistics are counts of what happened within a time, and the queue of reviews as it is.
type Statistics struct {
	Counts
	Queue   QueueStatistics `json:"queue"`
	Buckets []Bucket        `json:"buckets,omitempty"` // in order; those without anything are left out
}

// Counts are what happened within a time.
type Counts struct {
	Funnel          []StepCount     `json:"funnel"`   // each step by each application once, the first time
	Verdicts        []LabelCount    `json:"verdicts"` // of the machine, each attempt
	StraightThrough StraightThrough `json:"straight_through"`
	TimeToVerdict   TimeToVerdict   `json:"time_to_verdict"`
	Overrides       []OverrideCount `json:"overrides"`
}

type (
	// StepCount is how many applications came to a step of the funnel.
	StepCount struct {
		Step         string `json:"step"`
		Applications int    `json:"applications"`
	}
	// LabelCount is how many attempts ended so; the label is "reading_failed" where the machine gave up.
	LabelCount struct {
		Label string `json:"label"`
		N     int    `json:"documents"`
	}
	// OverrideCount is how many conclusions persons replaced by the outcome; Before is "" where there was none.
	OverrideCount struct {
		Before  verification.Label `json:"before"`
		Outcome string             `json:"outcome"`
		N       int                `json:"documents"`
	}
	// StraightThrough is the share of attempts that the machine verified or rejected by itself.
	StraightThrough struct {
		Documents int      `json:"documents"`
		Alone     int      `json:"alone"`
		Rate      *float64 `json:"rate"` // nil while there is none
	}
	// TimeToVerdict is from the upload, or the wish of a re-reading, to the machine's end of it; within 7 %.
	TimeToVerdict struct {
		Documents int    `json:"documents"`
		P50       *int64 `json:"p50_ms"`
		P95       *int64 `json:"p95_ms"`
	}
	// QueueStatistics are of what waits for a person now.
	QueueStatistics struct {
		Waiting     int        `json:"waiting"`
		OldestSince *time.Time `json:"oldest_since"`
		P50         *int64     `json:"p50_age_s"`
		P95         *int64     `json:"p95_age_s"`
	}
	// Bucket is a day, week or month.
	Bucket struct {
		From string `json:"from"` // its first day, like 2026-08-01
		Counts
	}
)

// maxBucketDays bounds the days that are put into buckets.
const maxBucketDays = 1100

const (
	statisticTotals = `SELECT measure, label, CAST(SUM(n) AS BIGINT) AS n FROM statistics WHERE scope = ? AND day >= ? AND day <= ? GROUP BY measure, label ORDER BY measure, label`
	statisticDays   = `SELECT measure, label, day, n FROM statistics WHERE scope = ? AND day >= ? AND day <= ? ORDER BY measure, label, day`
	// A scope is one of openings, and the days and labels of each are few.
	statisticOpenings = `SELECT measure, label, day, CAST(SUM(n) AS BIGINT) AS n FROM statistics WHERE scope IN (SELECT o.id FROM openings o WHERE `
)

// openings is the condition on the openings o that are counted, "" where nothing is limited.
func (q StatisticsQuery) openings() (condition string, args []any) {
	if !limits(q.Within) {
		return "", nil
	}
	condition, args = ofExtent(*q.Within)
	if q.OpeningID != "" {
		condition, args = condition+" AND o.id = ?", append(args, q.OpeningID)
	}
	return condition, args
}

type storedCount struct {
	Measure string `db:"measure"`
	Label   string `db:"label"`
	Day     int64  `db:"day"`
	N       int    `db:"n"`
}

// Statistics counts. Buckets of more than 1,100 days are refused.
func (s *Store) Statistics(ctx context.Context, q StatisticsQuery) (Statistics, error) {
	from, to := nanos(firstMoment)/int64(dayLength), nanos(lastMoment)/int64(dayLength)
	if q.From != nil {
		from = nanos(*q.From) / int64(dayLength)
	}
	if q.To != nil {
		to = nanos(*q.To) / int64(dayLength)
	}
	if q.Bucket != "" && to-from >= maxBucketDays {
		tooMany := domain.Errorf(domain.Invalid, "invalid_parameter", "With buckets, ask for at most %d days: send from and to.", maxBucketDays)
		tooMany.Field = "bucket"
		return Statistics{}, tooMany
	}
	query, args := statisticTotals, []any{cmp.Or(q.OpeningID, everyOpening)}
	if q.Bucket != "" {
		query = statisticDays
	}
	if condition, extent := q.openings(); condition != "" {
		query, args = statisticOpenings+condition+`) AND day >= ? AND day <= ? GROUP BY measure, label, day`, extent
	}
	var found []storedCount
	if err := s.selectAll(ctx, &found, query, append(args, from, to)...); err != nil {
		return Statistics{}, err
	}
	var all Statistics
	var err error
	if all.Counts, err = countsOf(found); err != nil {
		return all, err
	}
	if q.Bucket != "" {
		if all.Buckets, err = bucketsOf(found, q.Bucket); err != nil {
			return all, err
		}
	}
	all.Queue, err = s.queueStatistics(ctx, q)
	return all, err
}

func bucketsOf(found []storedCount, size string) ([]Bucket, error) {
	in := make(map[string][]storedCount)
	for _, c := range found {
		first := firstDay(c.Day, size)
		in[first] = append(in[first], c)
	}
	buckets := make([]Bucket, 0, len(in))
	for first, found := range in {
		counts, err := countsOf(found)
		if err != nil {
			return nil, err
		}
		buckets = append(buckets, Bucket{first, counts})
	}
	slices.SortFunc(buckets, func(x, y Bucket) int { return cmp.Compare(x.From, y.From) })
	return buckets, nil
}

func firstDay(day int64, size string) string {
	t := moment(day * int64(dayLength))
	switch size {
	case "week":
		t = t.AddDate(0, 0, -(int(t.Weekday())+6)%7)
	case "month":
		t = t.AddDate(0, 0, 1-t.Day())
	}
	return t.Format(time.DateOnly)
}

func countsOf(found []storedCount) (Counts, error) {
	c := Counts{Verdicts: []LabelCount{}, Overrides: []OverrideCount{}}
	reached, verdicts, overrides, took := map[string]int{}, map[string]int{}, map[string]int{}, map[int]int{}
	for _, f := range found {
		switch f.Measure {
		case reachedMeasure:
			reached[f.Label] += f.N
		case verdictMeasure:
			verdicts[f.Label] += f.N
		case overrideMeasure:
			overrides[f.Label] += f.N
		case tookMeasure:
			class, err := strconv.Atoi(f.Label)
			if err != nil {
				return c, fmt.Errorf("projections: %w", err)
			}
			took[class] += f.N
		}
	}
	for _, step := range steps {
		c.Funnel = append(c.Funnel, StepCount{step, reached[step]})
	}
	for _, label := range slices.Sorted(maps.Keys(verdicts)) {
		n := verdicts[label]
		c.Verdicts = append(c.Verdicts, LabelCount{label, n})
		c.StraightThrough.Documents += n
		if outcome := verification.Label(label).Outcome(); outcome == "verified" || outcome == "rejected" {
			c.StraightThrough.Alone += n
		}
	}
	if n := c.StraightThrough.Documents; n > 0 {
		rate := float64(c.StraightThrough.Alone) / float64(n)
		c.StraightThrough.Rate = &rate
	}
	for _, label := range slices.Sorted(maps.Keys(overrides)) {
		before, outcome, _ := strings.Cut(label, " ")
		c.Overrides = append(c.Overrides, OverrideCount{verification.Label(before), outcome, overrides[label]})
	}
	for _, n := range took {
		c.TimeToVerdict.Documents += n
	}
	c.TimeToVerdict.P50, c.TimeToVerdict.P95 = percentile(took, 0.5), percentile(took, 0.95)
	return c, nil
}

// percentile is the middle, in milliseconds, of the class in which the share of the times ends.
func percentile(took map[int]int, share float64) *int64 {
	all := 0
	for _, n := range took {
		all += n
	}
	below := 0
	for _, class := range slices.Sorted(maps.Keys(took)) {
		if below += took[class]; float64(below) >= share*float64(all) {
			ms := middleOf(class).Milliseconds()
			return &ms
		}
	}
	return nil
}

const (
	queueLength = `SELECT COUNT(*) AS n FROM reviews`
	queueSince  = `SELECT since FROM reviews%s ORDER BY position, prepare LIMIT 1 OFFSET ?`
)

// queueStatistics looks at the queue in its order: who stands at a twentieth of it has waited
// longer than nineteen of twenty.
func (s *Store) queueStatistics(ctx context.Context, q StatisticsQuery) (QueueStatistics, error) {
	var all QueueStatistics
	where, args := "", []any(nil)
	if q.OpeningID != "" {
		where, args = " WHERE opening_id = ?", []any{q.OpeningID}
	}
	if condition, extent := q.openings(); condition != "" {
		where, args = " WHERE EXISTS (SELECT 1 FROM openings o WHERE o.id = opening_id AND "+condition+")", extent
	}
	if err := s.getOne(ctx, nil, &all.Waiting, queueLength+where, args...); err != nil || all.Waiting == 0 {
		return all, err
	}
	since := func(behind int) (*time.Time, *int64, error) {
		var at []int64
		if err := s.selectAll(ctx, &at, fmt.Sprintf(queueSince, where), append(slices.Clip(args), behind)...); err != nil || len(at) == 0 {
			return nil, nil, err // who was there has gone meanwhile
		}
		t := moment(at[0])
		age := int64(max(q.Now.Sub(t), 0) / time.Second)
		return &t, &age, nil
	}
	var err error
	if all.OldestSince, _, err = since(0); err != nil {
		return all, err
	}
	if _, all.P50, err = since(all.Waiting / 2); err != nil {
		return all, err
	}
	_, all.P95, err = since(all.Waiting / 20)
	return all, err
}

// ask notes when a reading was asked for.
func (f *fold) ask(document uuid.UUID, at int64) {
	if f.now.Asked == nil {
		f.now.Asked = make(map[uuid.UUID]int64)
	}
	f.now.Asked[document] = at
}
