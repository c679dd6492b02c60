package projections

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/domain"
)

// told is a story as a log: followers get what is told so far and wait for more.
type told struct {
	application.Log
	story *story
	mu    sync.Mutex
	more  chan struct{}
	// served is called with each batch before it is handed out.
	served func([]application.Record) error
}

func tellLog(s *story) *told { return &told{story: s, more: make(chan struct{})} }

func (l *told) tell(what func(told *story)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	what(l.story)
	close(l.more)
	l.more = make(chan struct{})
}

func (l *told) end() application.Position {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.story.last()
}

func (l *told) Follow(_ context.Context, after application.Position, _ ...string) (application.Follower, error) {
	return &toldFollower{log: l, after: after}, nil
}

type toldFollower struct {
	log   *told
	after application.Position
}

func (f *toldFollower) Next(ctx context.Context, max int) ([]application.Record, error) {
	for {
		f.log.mu.Lock()
		records := f.log.story.records
		first := slices.IndexFunc(records, func(r application.Record) bool { return r.Position.Compare(f.after) > 0 })
		more := f.log.more
		f.log.mu.Unlock()
		if first >= 0 {
			records = records[first:min(first+max, len(records))]
			f.after = records[len(records)-1].Position
			if f.log.served != nil {
				return records, f.log.served(records)
			}
			return records, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-more:
		}
	}
}

func (f *toldFollower) Close() error { return nil }

// longStory is aStory with more applicants than a batch holds.
func longStory(t testing.TB) *story {
	story := aStory(t)
	for i := range 2 * buildRead {
		app := story.submit(opening1, person(fmt.Sprint("Person ", i), fmt.Sprint(100+i)))
		story.judge(app, story.upload(app, hash(fmt.Sprintf("%016x", i))), "review:low_confidence")
	}
	return story
}

func quiet(BuildProgress) {}

func places(t testing.TB, s *Store, model string) map[string]Build {
	builds, err := s.Builds(background)
	require.NoError(t, err)
	found := map[string]Build{}
	for _, b := range builds {
		if b.Model == model {
			found[b.Place] = b
		}
	}
	return found
}

func TestRebuild_BesideTheLiveTables_HasTheSameRows(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story := longStory(t)
		log := tellLog(story)
		story.feed(s)
		before := dump(t, s)
		for _, group := range Groups() {
			var last BuildProgress
			require.NoError(t, s.Rebuild(background, log, story.codec, group[0], func(p BuildProgress) { last = p }))
			require.Equal(t, BuildProgress{Events: len(story.records), Position: story.last(), Target: story.last()}, last)
			found, err := s.Compare(background, log, story.codec, group[0], quiet)
			require.NoError(t, err)
			require.NotEmpty(t, found)
			for _, c := range found {
				require.Zero(t, c.Different, c.First)
				require.False(t, c.Other)
				require.Equal(t, len(before[c.Table]), c.Rows, c.Table)
			}
			for _, name := range group {
				require.Equal(t, places(t, s, name)["live"].Position, places(t, s, name)["next"].Position)
			}
		}
		for table, rows := range dump(t, s) {
			if table != "models" {
				require.Equal(t, before[table], rows, "the live tables stay as they are")
			}
		}
		for _, group := range Groups() {
			require.NoError(t, s.Drop(background, group[len(group)-1]))
			require.ErrorIs(t, s.Drop(background, group[0]), ErrNothingBuilt)
		}
		require.Equal(t, before, dump(t, s))
		require.ErrorIs(t, s.Rebuild(background, log, story.codec, "weather", quiet), ErrNoModel)
	})
}

func TestRebuild_OnPostgres_CountsWhatWasBuilt(t *testing.T) {
	story, s := aStory(t), openStore(t, postgresPlace(t))
	story.feed(s)
	require.NoError(t, s.Rebuild(background, tellLog(story), story.codec, "audit", quiet))
	var rows int
	require.NoError(t, s.read.Get(&rows, `SELECT reltuples FROM pg_class WHERE oid = to_regclass('audit_next')`))
	require.Equal(t, len(story.records), rows)
}

func TestCompare_RowsDiffer_NamesThem(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story := longStory(t)
		log := tellLog(story)
		story.feed(s)
		require.NoError(t, s.Rebuild(background, log, story.codec, "reviews", quiet))
		for _, plant := range []string{
			`UPDATE documents_next SET nim = 'altered' WHERE nim = '150'`,
			`DELETE FROM reviews WHERE file_name = 'khs.pdf' AND position = (SELECT max(position) FROM reviews)`,
			`DELETE FROM applications_next WHERE nim_key = '355'`,
		} {
			_, err := s.write.Exec(plant)
			require.NoError(t, err)
		}
		found, err := s.Compare(background, log, story.codec, "applications", quiet)
		require.NoError(t, err)
		firsts := map[string]string{}
		for _, c := range found {
			firsts[c.Table] = c.First
			if c.First != "" {
				require.Equal(t, 1, c.Different)
			}
		}
		require.Contains(t, firsts["documents"], `differs in nim: "150" is live, "altered" was built`)
		require.Contains(t, firsts["reviews"], "built only")
		require.Contains(t, firsts["applications"], "live only")
		require.Empty(t, firsts["readings"])
	})
}

func TestRebuild_Interrupted_GoesOnWhereItCameTo(t *testing.T) {
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) {
			story, place := longStory(t), d.place(t)
			log := tellLog(story)
			s := d.open(t, place)
			story.feed(s)
			killed := errors.New("killed")
			log.served = func(records []application.Record) error {
				if records[0].Position.Compare(story.records[0].Position) > 0 {
					return killed
				}
				return nil
			}
			require.ErrorIs(t, s.Rebuild(background, log, story.codec, "audit", quiet), killed)
			require.NoError(t, s.Close())

			s = d.open(t, place)
			require.Equal(t, story.records[buildRead-1].Position, places(t, s, "audit")["next"].Position)
			log.served = nil
			events := 0
			require.NoError(t, s.Rebuild(background, log, story.codec, "audit", func(p BuildProgress) { events = p.Events }))
			require.Equal(t, len(story.records)-buildRead, events)
			found, err := s.Compare(background, log, story.codec, "audit", quiet)
			require.NoError(t, err)
			require.Equal(t, []Comparison{{Table: "audit", Rows: len(story.records)}}, found)
		})
	}
}

func TestRebuild_TwoAtOnce_OneGivesWay(t *testing.T) {
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) {
			story, place := longStory(t), d.place(t)
			one, other := d.open(t, place), d.open(t, place)
			story.feed(one)
			log, late := tellLog(story), tellLog(story)
			late.served = func([]application.Record) error {
				late.served = nil
				return one.Rebuild(background, log, story.codec, "audit", quiet)
			}
			require.ErrorIs(t, other.Rebuild(background, late, story.codec, "audit", quiet), ErrRebuilding)
			found, err := one.Compare(background, log, story.codec, "audit", quiet)
			require.NoError(t, err)
			require.Zero(t, found[0].Different)
		})
	}
}

func TestRebuild_SomebodyWantsToWrite_LetsThemGoFirst(t *testing.T) {
	story, s := longStory(t), openStore(t, sqlitePlace(t))
	story.feed(s)
	p, err := s.beside("audit", next)
	require.NoError(t, err)
	require.NoError(t, s.begin(background, p, false))
	f, err := s.newFilling(background, story.codec, p, quiet)
	require.NoError(t, err)
	defer f.close()
	require.NoError(t, f.begin())

	claimed := make(chan error, 1)
	go func() { claimed <- s.precedence.claim() }()
	require.Eventually(t, func() bool { wanted, err := f.others.claimed(); return err == nil && wanted }, time.Minute, time.Millisecond)
	require.Empty(t, claimed) // the build writes
	require.NoError(t, f.take(p.decode(story.codec, story.records[:buildStep])))
	require.NoError(t, <-claimed)
	require.Equal(t, story.records[buildStep-1].Position, places(t, s, "audit")["next"].Position)
	built := make(chan error, 1)
	go func() { built <- s.Rebuild(background, tellLog(story), story.codec, "audit", quiet) }()
	require.Never(t, func() bool { return len(built) > 0 }, 100*time.Millisecond, 10*time.Millisecond)

	require.NoError(t, s.precedence.cede())
	require.NoError(t, <-built)
	found, err := s.Compare(background, tellLog(story), story.codec, "audit", quiet)
	require.NoError(t, err)
	require.Equal(t, []Comparison{{Table: "audit", Rows: len(story.records)}}, found)
}

// Another process follows the log while this one builds and switches.
func TestSwitch_BesideAFollowedLog_QueriesGoOnAndNothingIsMissed(t *testing.T) {
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) {
			tale, place := longStory(t), d.place(t)
			log := tellLog(tale)
			server, tool := d.open(t, place), d.open(t, place)
			running, stop := context.WithCancel(background)
			var all sync.WaitGroup
			all.Go(func() { server.Run(running, log, tale.codec) })
			defer all.Wait()
			defer stop()
			require.NoError(t, server.Wait(background, tale.last()))
			_, err := tool.write.Exec(`UPDATE reviews SET file_name = 'spoilt'`)
			require.NoError(t, err)
			spoilt, err := server.Reviews(background, ReviewQuery{})
			require.NoError(t, err)
			require.Equal(t, "spoilt", spoilt.Items[0].FileName)

			asked := make(chan error, 1)
			all.Go(func() {
				for running.Err() == nil {
					page, err := server.Reviews(background, ReviewQuery{})
					if err == nil && len(page.Items) != defaultLimit {
						err = fmt.Errorf("%d rows", len(page.Items))
					}
					if err != nil {
						asked <- err
						return
					}
				}
				asked <- nil
			})
			var late sync.WaitGroup
			late.Go(func() {
				for i := range 50 {
					log.tell(func(s *story) { s.submit(opening1, person("Late", fmt.Sprint(1000+i))) })
					if err := server.Wait(running, log.end()); err != nil {
						return
					}
				}
			})
			require.NoError(t, tool.Rebuild(background, log, tale.codec, "reviews", quiet))
			require.NoError(t, tool.Switch(background, log, tale.codec, "reviews", false, quiet))
			mended, err := server.Reviews(background, ReviewQuery{})
			require.NoError(t, err)
			require.Equal(t, "khs.pdf", mended.Items[0].FileName)

			late.Wait()
			log.tell(func(s *story) { s.submit(opening1, person("Last", "9999")) })
			require.NoError(t, server.Wait(background, log.story.last()))
			stop()
			require.NoError(t, <-asked)
			all.Wait()
			require.Empty(t, server.Status()[0].Error)
			require.ErrorIs(t, tool.Rebuild(background, log, tale.codec, "reviews", quiet), ErrPrior)

			// Back to what was live: it is caught up first.
			require.NoError(t, tool.Switch(background, log, tale.codec, "reviews", true, quiet))
			old, err := server.Reviews(background, ReviewQuery{})
			require.NoError(t, err)
			require.Equal(t, "spoilt", old.Items[0].FileName)
			row, err := server.Applications(background, ApplicationQuery{NIM: "9999"})
			require.NoError(t, err)
			require.Len(t, row.Items, 1)
			require.Equal(t, log.story.last(), places(t, tool, "applications")["live"].Position)

			require.NoError(t, tool.Switch(background, log, tale.codec, "reviews", true, quiet))
			require.NoError(t, tool.Drop(background, "reviews"))
			require.ErrorIs(t, tool.Switch(background, log, tale.codec, "reviews", true, quiet), ErrNothingBuilt)
			whole := d.open(t, d.place(t))
			log.story.feed(whole)
			require.Equal(t, dump(t, whole), dump(t, server))
		})
	}
}

// outdate makes the stored models of the group an earlier version's, with a table of its own.
func outdate(t testing.TB, s *Store) {
	for _, statement := range []string{
		`UPDATE models SET version = 0 WHERE name IN ('applications', 'documents', 'reviews', 'statistics')`,
		`UPDATE models SET tables = 'reviews review_archive' WHERE name = 'reviews'`,
		`CREATE TABLE review_archive (id TEXT)`,
		`UPDATE reviews SET file_name = 'as it was'`,
	} {
		_, err := s.write.Exec(statement)
		require.NoError(t, err)
	}
}

func TestRun_StoredVersionIsOlder_AnswersUntilTheNewOneIsBuilt(t *testing.T) {
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) {
			tale, place := longStory(t), d.place(t)
			s := d.open(t, place)
			tale.feed(s)
			whole := dump(t, s)
			outdate(t, s)
			_, err := s.write.Exec(`ALTER TABLE documents RENAME COLUMN nim TO student`)
			require.NoError(t, err)
			require.NoError(t, s.Close())

			s = d.open(t, place)
			log := tellLog(tale)
			reached, goOn := make(chan struct{}), make(chan struct{})
			var once sync.Once
			log.served = func([]application.Record) error {
				once.Do(func() { close(reached) })
				<-goOn
				return nil
			}
			answered := sync.OnceFunc(func() { close(goOn) })
			running, stop := context.WithCancel(background)
			var all sync.WaitGroup
			all.Go(func() { s.Run(running, log, tale.codec) })
			defer all.Wait()
			defer stop()
			defer answered()
			<-reached
			page, err := s.Reviews(background, ReviewQuery{})
			require.NoError(t, err)
			require.Equal(t, "as it was", page.Items[0].FileName, "the old tables answer")
			_, err = s.Document(background, opening1, opening1)
			require.Equal(t, "views_unavailable", domain.ErrorCode(err), "where their columns allow")
			for _, m := range s.Status() {
				require.Equal(t, !slices.Contains([]string{"openings", "staff", "audit"}, m.Name), m.Building, m.Name)
				require.Empty(t, m.Error)
			}
			answered()
			require.Eventually(t, func() bool { return !slices.ContainsFunc(s.Status(), func(m ModelStatus) bool { return m.Building }) }, 10*time.Second, time.Millisecond)
			log.tell(func(s *story) { s.submit(opening1, person("Last", "9999")) })
			require.NoError(t, s.Wait(background, log.story.last()))
			page, err = s.Reviews(background, ReviewQuery{})
			require.NoError(t, err)
			require.Equal(t, "khs.pdf", page.Items[0].FileName)
			stop()
			all.Wait()
			require.NoError(t, s.Drop(background, "reviews"))
			_, err = s.read.Exec(`SELECT id FROM review_archive`)
			require.Error(t, err)
			fresh := d.open(t, d.place(t))
			log.story.feed(fresh)
			require.Equal(t, dump(t, fresh), dump(t, s))
			require.NotEqual(t, whole, dump(t, s))
		})
	}
}

func TestOpen_StoredVersionIsNewer_AnswersAndStandsStillAloud(t *testing.T) {
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) {
			story, place := aStory(t), d.place(t)
			s := d.open(t, place)
			story.feed(s)
			_, err := s.write.Exec(`UPDATE models SET version = version + 1 WHERE name = 'openings'`)
			require.NoError(t, err)
			require.NoError(t, s.Close())
			s = d.open(t, place)
			require.Empty(t, s.behind(), "a program never puts an earlier version in the place of a later one")
			require.Contains(t, s.Status()[0].Error, "later")
			_, err = s.Opening(background, opening1)
			require.NoError(t, err)
			more := longStory(t)
			more.feed(s)
			require.Equal(t, story.last(), s.Seen())
			require.Equal(t, more.last(), s.Status()[1].Position)
		})
	}
}

func TestRun_ModelIsNotThereYet_IsBuiltWhileTheOthersAnswer(t *testing.T) {
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) {
			story, place := longStory(t), d.place(t)
			s := d.open(t, place)
			story.feed(s)
			whole := dump(t, s)
			for _, statement := range []string{`DROP TABLE audit`, `DELETE FROM models WHERE name = 'audit'`} {
				_, err := s.write.Exec(statement)
				require.NoError(t, err)
			}
			require.NoError(t, s.Close())
			s = d.open(t, place)
			require.Equal(t, story.last(), s.Seen())
			require.NoError(t, s.Wait(background, story.last()), "what is not there is not waited for")
			_, err := s.Audit(background, AuditQuery{})
			require.Equal(t, "views_unavailable", domain.ErrorCode(err))
			running, stop := context.WithCancel(background)
			var all sync.WaitGroup
			all.Go(func() { s.Run(running, tellLog(story), story.codec) })
			defer all.Wait()
			defer stop()
			require.Eventually(t, func() bool { _, err := s.Audit(background, AuditQuery{}); return err == nil }, 10*time.Second, time.Millisecond)
			require.Equal(t, whole, dump(t, s))
		})
	}
}
