package projections

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/domain"
	"asprak/domain/transcript"
	"asprak/domain/verification"
)

// planted stands in every personal value of the story below.
const planted = "Zyxwora"

// plantedStory is a whole application with a seat, and another's beside it.
func plantedStory(t *testing.T) (*story, uuid.UUID) {
	s := sealed(t, aRing(t))
	s.publish(opening1, "Basis Data")
	s.publish(opening2, "Jaringan")
	p := domain.Applicant{ID: "person-1", Name: planted + " Name", NIM: planted + "-7", Email: planted + "@example.org", Programme: planted + " Prodi"}
	app := s.submit(opening1, p)
	name := applicationName(app)
	document := domain.DocumentID(app, "a")
	s.tell(name, admin, &domain.DocumentUploaded{DocumentID: document, Kind: "khs", SHA256: planted, Size: 7, FileName: planted + ".pdf", Blob: hash("a")})
	r := reading(planted + "101")
	r.Name = &transcript.Field[string]{Value: planted}
	s.read(app, document, r)
	v := verdict("review:low_confidence")
	v.Checks[0].Detail = planted
	v.Checks[0].Evidence = []verification.Evidence{{Field: "name", Read: planted, Expected: planted}}
	s.tell(name, system, &domain.DocumentReferred{DocumentID: document, Attempt: 1, Verdict: v})
	s.tell(name, admin, &domain.VerificationOverridden{DocumentID: document, Outcome: "verified", Reason: planted, Before: "review:low_confidence"},
		&domain.ApplicationWaitlisted{Reason: planted})
	s.tell(openingName(opening1), admin, &domain.SeatAwarded{ApplicationID: app, Reason: planted}, &domain.OpeningClosed{})
	s.tell(name, system, &domain.ApplicationAccepted{OpeningID: opening1, Reason: planted})
	other := s.submit(opening1, person("Someone else", "2"))
	s.upload(other, hash("b"))
	return s, app
}

// holding names the tables with the text in any column.
func holding(t *testing.T, s *Store, text string) (tables []string) {
	for table, rows := range dump(t, s) {
		if strings.Contains(strings.ToLower(fmt.Sprintf("%s", rows)), strings.ToLower(text)) { // names are normalised
			tables = append(tables, table)
		}
	}
	return tables
}

func TestErased_Application_LeavesNothingInAnyTable(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story, app := plantedStory(t)
		story.feed(s)
		require.Len(t, holding(t, s, planted), 5, "the search finds it: applications, their names, documents, readings, audit")
		before, err := s.Statistics(background, StatisticsQuery{})
		require.NoError(t, err)
		story.tell(applicationName(app), system, &domain.ApplicationErased{Ground: domain.ErasureRequested})
		story.feed(s)
		require.Empty(t, holding(t, s, planted))
		require.NotEmpty(t, holding(t, s, "Someone else"))

		row, err := s.Application(background, app)
		require.NoError(t, err)
		require.Equal(t, domain.StatusErased, row.Status)
		require.Equal(t, domain.Applicant{ID: "person-1"}, row.Applicant)
		for _, q := range []ApplicationQuery{{Search: planted}, {Search: planted + "-7"}, {NIM: planted + "-7"}} {
			page, err := s.Applications(background, q)
			require.NoError(t, err)
			require.Empty(t, page.Items)
		}
		page, err := s.Applications(background, ApplicationQuery{ApplicantID: "person-1"})
		require.NoError(t, err)
		require.Len(t, page.Items, 1)
		after, err := s.Statistics(background, StatisticsQuery{})
		require.NoError(t, err)
		require.Equal(t, before.Counts, after.Counts)

		trail, err := s.Audit(background, AuditQuery{Stream: applicationName(app)})
		require.NoError(t, err)
		require.Len(t, trail.Items, int(story.revisions[applicationName(app)]), "each event has still its row")
		require.Equal(t, fmt.Sprintf(`%q (applicant) applied to opening %s as "", ""`, "person-1", opening1), trail.Items[len(trail.Items)-1].Sentence)
		require.JSONEq(t, `{"status":"erased"}`, string(trail.Items[0].After))
		require.JSONEq(t, `{"status":"accepted"}`, string(trail.Items[0].Before))
	})
}

func TestErased_Register_TellsWhatIsStillHeld(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story, app := plantedStory(t)
		other := domain.ApplicationID(opening1, "person-2")
		days := 90
		kept := details("Kept")
		kept.RetentionDays = &days
		story.tell(openingName(opening2), admin, &domain.OpeningRevised{Details: kept})
		story.feed(s)
		at := story.last()
		held := func() []uuid.UUID {
			ids, err := s.ApplicationsTo(background, at, opening1)
			require.NoError(t, err)
			return ids
		}
		require.Equal(t, []uuid.UUID{app, other}, held())
		retained, err := s.Retained(background, at)
		require.NoError(t, err)
		require.Equal(t, []uuid.UUID{opening2}, retained)
		shared, err := s.Shared(background, at, hash("b"), app)
		require.NoError(t, err)
		require.True(t, shared)
		shared, err = s.Shared(background, at, hash("b"), other)
		require.NoError(t, err)
		require.False(t, shared)
		story.tell(applicationName(app), system, &domain.ApplicationErased{Ground: domain.ErasureRequested})
		story.feed(s)
		require.Equal(t, []uuid.UUID{other}, held())
		of, err := s.ApplicationsOf(background, story.last(), "person-1")
		require.NoError(t, err)
		require.Equal(t, []uuid.UUID{app}, of)

		ahead := story.last()
		ahead.Commit++
		ctx, cancel := context.WithTimeout(background, 50*time.Millisecond)
		defer cancel()
		_, err = s.ApplicationsOf(ctx, ahead, "person-1")
		require.ErrorIs(t, err, context.DeadlineExceeded, "what was not taken in yet is waited for")
	})
}

func TestErased_TablesBeforeTheSwitch_AreDropped(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story, app := plantedStory(t)
		story.feed(s)
		log := tellLog(story)
		require.NoError(t, s.Rebuild(background, log, story.codec, "audit", quiet))
		require.NoError(t, s.Switch(background, log, story.codec, "audit", false, quiet))
		require.Contains(t, places(t, s, "audit"), "prior")
		story.tell(openingName(opening2), admin, &domain.OpeningClosed{})
		story.feed(s)
		require.Contains(t, places(t, s, "audit"), "prior", "other events leave it there")
		story.tell(applicationName(app), system, &domain.ApplicationErased{Ground: domain.ErasureRequested})
		story.feed(s)
		require.NotContains(t, places(t, s, "audit"), "prior")
	})
}

// The file and its write-ahead log are searched byte by byte.
func TestRun_Erased_TheFilesHoldNothingOfIt(t *testing.T) {
	place := sqlitePlace(t)
	s := openStore(t, place)
	told, app := plantedStory(t)
	files := func() (content []byte) {
		paths, err := filepath.Glob(place + "*")
		require.NoError(t, err)
		for _, path := range paths {
			part, err := os.ReadFile(path)
			require.NoError(t, err)
			content = append(content, part...)
		}
		return content
	}
	log := tellLog(told)
	ctx, stop := context.WithCancel(background)
	ran := make(chan error)
	go func() { ran <- s.Run(ctx, log, told.codec) }()
	defer func() {
		stop()
		require.NoError(t, <-ran)
	}()
	require.NoError(t, s.Wait(background, log.end()))
	require.True(t, bytes.Contains(files(), []byte(planted)))
	log.tell(func(told *story) {
		told.tell(applicationName(app), system, &domain.ApplicationErased{Ground: domain.ErasureRequested})
	})
	holds := func(text string) bool { return bytes.Contains(bytes.ToLower(files()), bytes.ToLower([]byte(text))) }
	require.Eventually(t, func() bool { return !holds(planted) }, 30*time.Second, 20*time.Millisecond)
	require.True(t, holds("Someone else"))
}
