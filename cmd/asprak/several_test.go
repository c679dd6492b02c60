package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/url"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"asprak/application"
	"asprak/cmd/asprak/samples"
	"asprak/domain"
	"asprak/infrastructure/eventstoredb"
	"asprak/infrastructure/keys"
	"asprak/projections"
)

const (
	applicants = 200
	silence    = "the log falls silent"
)

// Two APIs, a projector and one that stands ready, and two readers, each of which is killed and
// started again at random, over a log whose connections are cut, whose leader changes and which
// dies itself, and a database that ends its sessions and dies too.
func TestServe_FleetOnEachServerUnderFailures_NothingIsLostOrDoneTwice(t *testing.T) {
	t.Run("StandIn", func(t *testing.T) {
		s := startStandIn(t)
		endure(t, s.connection, map[string]func(){
			"the log's connections are cut": func() { s.order("/drop") },
			"the log's leader changes":      func() { s.order(fmt.Sprintf("/leader?node=%d", rand.IntN(standInNodes))) },
			silence:                         func() { s.order("/stall") },
			"the log is killed": func() {
				s.kill()
				require.True(t, s.start(), "the stand-in did not start again")
			},
		})
	})
	t.Run("RealServer", func(t *testing.T) { endure(t, namedServer(t), nil) })
}

// namedServer is the real server that the test is to be run on; without one it is left out,
// visibly: by the name OnEachServer make test finds such tests.
func namedServer(t *testing.T) string {
	t.Helper()
	require.Contains(t, t.Name(), "OnEachServer")
	address := os.Getenv(realServer)
	if address == "" {
		t.Skipf("not run against a real server: %s names none (esdb://user:password@host:2113?tls=true)", realServer)
	}
	return address
}

func endure(t *testing.T, logAddress string, faults map[string]func()) {
	ctx := testContext(t)
	database := postgres.Server(t).Schema(t)
	f := startFleet(t, []string{"--eventstore", logAddress, "--database", database}, map[string]int{"api": 2, "projector": 2, "reader": 2})
	opening := f.open(ctx)
	log, err := eventstoredb.Open(ctx, logAddress, eventstoredb.Options{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	defer log.Close()

	var done atomic.Int64 // commands acknowledged and verdicts recorded
	progress := make(chan struct{}, 1)
	note := func() {
		done.Add(1)
		select {
		case progress <- struct{}{}:
		default:
		}
	}
	everyone := make([]sent, applicants)
	working, during := errgroup.WithContext(ctx)
	working.Go(func() error { return f.applyAll(during, opening, everyone, note) })
	working.Go(func() error { return countVerdicts(during, log, opening, note) })

	began := time.Now()
	const perApplicant = 3 // two commands and a verdict
	disasters := f.disasters(database, faults)
	for i, d := range disasters {
		for due := int64((i + 1) * perApplicant * applicants / (len(disasters) + 1)); done.Load() < due; {
			select {
			case <-progress:
			case <-during.Done():
				require.NoError(t, working.Wait(), "%d of %d done; before: %s", done.Load(), perApplicant*applicants, d.name)
			}
		}
		t.Logf("%3.0f s, %d of %d done: %s", time.Since(began).Seconds(), done.Load(), perApplicant*applicants, d.name)
		d.strike()
	}
	require.NoError(t, working.Wait())
	f.lives()

	for i, one := range everyone {
		records, err := log.ReadStream(ctx, "application-"+one.application, 0)
		require.NoError(t, err)
		var types []string
		for _, r := range records {
			types = append(types, r.Type)
		}
		require.Equal(t, []string{"ApplicationSubmitted", "DocumentUploaded", "DocumentRead", "DocumentVerified"}, types, "student %d", i)
	}
	live, anew := liveRows(ctx, t, log, database), rebuiltRows(ctx, t, log, f.codec(database))
	require.GreaterOrEqual(t, len(live["audit"]), 4*applicants)
	require.Equal(t, anew, live)
}

// codec opens what the processes have sealed.
func (f *fleet) codec(database string) *application.Codec {
	f.t.Helper()
	ring, err := keys.OpenToRead(f.t.Context(), database, folder{Data: f.data}.master())
	require.NoError(f.t, err)
	f.t.Cleanup(func() { ring.Close() })
	return application.NewCodec().With(ring)
}

// open publishes the opening that all apply for.
func (f *fleet) open(ctx context.Context) string {
	f.t.Helper()
	set, err := samples.Load()
	require.NoError(f.t, err)
	var opening answer
	require.NoError(f.t, f.send(ctx, domain.RoleAdmin, "admin", uuid.NewString(), func(c *caller) error {
		return c.post(ctx, "/v1/openings", sampleOpening("Praktikum", set.Requirement), &opening)
	}))
	return opening.ID
}

// applyAll lets all students apply, a few at a time.
func (f *fleet) applyAll(ctx context.Context, opening string, everyone []sent, acknowledged func()) error {
	set, err := samples.Load()
	if err != nil {
		return err
	}
	sample := set.Samples[0]
	content, err := samples.Content(sample.File)
	if err != nil {
		return err
	}
	var group errgroup.Group
	group.SetLimit(4)
	for i := range everyone {
		group.Go(func() (err error) {
			everyone[i], err = f.apply(ctx, opening, sample, content, i, acknowledged)
			return err
		})
	}
	return group.Wait()
}

// countVerdicts follows the log until each application to the opening has its verdict.
func countVerdicts(ctx context.Context, log application.Log, opening string, note func()) error {
	codec := application.NewCodec().With(application.NoKeys)
	ours := map[string]bool{}
	follower, err := log.Follow(ctx, application.Position{}, "ApplicationSubmitted", "DocumentVerified", "DocumentRejected", "DocumentReferred", "DocumentReadingFailed")
	if err != nil {
		return err
	}
	defer follower.Close()
	for judged := 0; judged < applicants; {
		records, err := follower.Next(ctx, 100)
		if err != nil {
			return fmt.Errorf("%d of %d verdicts: %w", judged, applicants, err)
		}
		for _, r := range records {
			if r.Type == "ApplicationSubmitted" {
				event, _, err := codec.Decode(r)
				if err != nil {
					return err
				}
				ours[r.Stream] = event.(*domain.ApplicationSubmitted).OpeningID.String() == opening
			} else if ours[r.Stream] {
				judged++
				note()
			}
		}
	}
	return nil
}

type disaster struct {
	name   string
	strike func()
}

// disasters are some of each kind, in an order that follows from the seed that is printed.
func (f *fleet) disasters(database string, faults map[string]func()) []disaster {
	const ofEach = 4
	kinds := map[string]func(int) func(){}
	for role := range f.parts {
		kinds["a process is killed: "+role] = func(i int) func() { return func() { f.replace(role, i%2) } }
	}
	for name, fault := range faults {
		kinds[name] = func(int) func() { return fault }
	}
	kinds["the database is killed"] = func(int) func() { return func() { require.NoError(f.t, postgres.Server(f.t).Crash()) } }
	kinds["the database ends all sessions"] = func(int) func() {
		return func() {
			u, err := url.Parse(database)
			require.NoError(f.t, err)
			_, err = postgres.Server(f.t).Admin().Exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1`, u.Query().Get("application_name"))
			require.NoError(f.t, err)
		}
	}
	seed := uint64(time.Now().UnixNano())
	f.t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var all []disaster
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		count := ofEach
		if name == silence { // which takes the watchdog's patience each time
			count = 1
		}
		for i := range count {
			all = append(all, disaster{name, kinds[name](i)})
		}
	}
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// liveRows are what the read models at the place hold when they have seen the whole log.
func liveRows(ctx context.Context, t *testing.T, log application.Log, place string) map[string][]string {
	t.Helper()
	views, err := projections.Open(ctx, place)
	require.NoError(t, err)
	watching, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- views.Watch(watching) }()
	caughtUp(ctx, t, log, views)
	stop()
	require.NoError(t, errors.Join(<-ended, views.Close()))
	return rows(t, place)
}

// rebuiltRows are what read models hold that are made anew from the log.
func rebuiltRows(ctx context.Context, t *testing.T, log application.Log, codec *application.Codec) map[string][]string {
	t.Helper()
	place := postgres.Server(t).Schema(t)
	views, err := projections.Open(ctx, place)
	require.NoError(t, err)
	following, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- views.Run(following, log, codec) }()
	caughtUp(ctx, t, log, views)
	stop()
	require.NoError(t, errors.Join(<-ended, views.Close()))
	return rows(t, place)
}

func caughtUp(ctx context.Context, t *testing.T, log application.Log, views *projections.Store) {
	t.Helper()
	head, err := log.Head(ctx)
	require.NoError(t, err)
	require.NoError(t, views.Wait(ctx, head))
}

// rows are all rows of all tables of read models at the place, as text.
func rows(t *testing.T, place string) map[string][]string {
	t.Helper()
	u, err := url.Parse(place)
	require.NoError(t, err)
	schema, admin := u.Query().Get("search_path"), postgres.Server(t).Admin()
	var tables []string
	require.NoError(t, admin.Select(&tables, `SELECT table_name FROM information_schema.tables WHERE table_schema = $1 AND table_name NOT LIKE '%_keys' AND table_name NOT LIKE 'account%'`, schema))
	require.NotEmpty(t, tables)
	all := map[string][]string{}
	for _, table := range tables {
		var rows []string
		require.NoError(t, admin.Select(&rows, fmt.Sprintf(`SELECT r::text FROM %s.%s r ORDER BY 1`, schema, table)))
		all[table] = rows
	}
	return all
}

// Two readers share the documents: neither takes more than 70 in a hundred.
func TestServe_TwoReaders_ShareTheDocuments(t *testing.T) {
	ctx := testContext(t)
	f := startFleet(t, []string{"--eventstore", startStandIn(t).connection}, map[string]int{"api": 1, "projector": 1, "reader": 2})
	everyone := make([]sent, applicants)
	require.NoError(t, f.applyAll(ctx, f.open(ctx), everyone, func() {}))
	for i, one := range everyone {
		_, err := f.as(domain.RoleAdmin, "admin").awaitVerdict(ctx, one.application, one.document)
		require.NoError(t, err, "student %d", i)
	}
	shares := f.metrics("reader", "asprak_reader_documents_total")
	t.Log("documents of each reader:", shares)
	require.Equal(t, float64(applicants), shares[0]+shares[1])
	require.LessOrEqual(t, slices.Max(shares), 0.7*applicants)
}

// The projector dies, and the one that stands ready goes on within seconds.
func TestServe_ProjectorOnServersIsKilled_AnotherGoesOn(t *testing.T) {
	ctx := testContext(t)
	f := startFleet(t, []string{"--eventstore", startStandIn(t).connection, "--database", postgres.Server(t).Schema(t)}, map[string]int{"api": 1, "projector": 2})
	leader := leading(t, []*process{f.parts["projector"][0].Load(), f.parts["projector"][1].Load()})
	began := time.Now()
	leader.stop(syscall.SIGKILL)
	f.applyWith(ctx, "khs.pdf") // and looks at it
	t.Log("shown after", time.Since(began))
	require.Less(t, time.Since(began), 5*time.Second)
}
