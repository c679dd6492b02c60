package projections

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/domain"
	"asprak/domain/verification"
)

// aStory touches every model.
func aStory(t testing.TB) *story {
	story := newStory(t)
	story.publish(opening1, "Basis Data")
	app := story.submit(opening1, person("Budi", "1"))
	document := story.upload(app, hash("a"))
	story.read(app, document, reading("IF101", "IF102", "IF103"))
	story.judge(app, document, "review:low_confidence")
	other := story.submit(opening1, person("Ani", "2"))
	story.judge(other, story.upload(other, hash("b")), "verified")
	story.tell(openingName(opening1), admin, &domain.SeatAwarded{ApplicationID: other})
	story.tell(applicationName(other), admin, &domain.ApplicationAccepted{OpeningID: opening1})
	story.tell(staffName("sri"), admin, &domain.AccessGranted{Subject: "sri", Role: domain.RoleAdmin, Extent: domain.Everything, Reason: "first"})
	return story
}

func TestStore_FedTwice_CountsOnce(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story := aStory(t)
		story.feed(s)
		once := dump(t, s)
		require.NotEmpty(t, once["application_counts"])
		story.feed(s)
		require.NoError(t, feed(s, story.codec, story.records[3:]))
		require.Equal(t, once, dump(t, s))
	})
}

func TestStore_Reopened_GoesOnFromItsCheckpoint(t *testing.T) {
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) {
			story, place := aStory(t), d.place(t)
			s := d.open(t, place)
			require.NoError(t, feed(s, story.codec, story.records[:5]))
			require.NoError(t, s.Close())

			s = d.open(t, place)
			require.Equal(t, story.records[4].Position, s.Seen())
			story.feed(s)
			whole := d.open(t, d.place(t))
			story.feed(whole)
			require.Equal(t, dump(t, whole), dump(t, s))
		})
	}
}

func TestStore_ErrorWithinABatch_LeavesRowsAndCheckpointTogether(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story := aStory(t)
		require.NoError(t, feed(s, story.codec, story.records[:4]))
		before := dump(t, s)
		_, err := s.write.Exec(`ALTER TABLE reviews RENAME TO elsewhere`)
		require.NoError(t, err)
		require.Error(t, feed(s, story.codec, story.records))
		_, err = s.write.Exec(`ALTER TABLE elsewhere RENAME TO reviews`)
		require.NoError(t, err)
		require.Equal(t, before, dump(t, s))
		require.Equal(t, story.records[3].Position, s.Seen())

		story.feed(s)
		require.Equal(t, story.last(), s.Seen())
	})
}

func TestStore_AnotherProcessWentOn_TakesNothingTwice(t *testing.T) {
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) {
			story, place := aStory(t), d.place(t)
			one, other := d.open(t, place), d.open(t, place)
			require.NoError(t, feed(one, story.codec, story.records[:5]))
			whole := dump(t, one)
			require.ErrorIs(t, feed(other, story.codec, story.records[:6]), errOvertaken)
			require.Equal(t, whole, dump(t, one))
			_, err := other.resume(background)
			require.NoError(t, err)
			require.NoError(t, feed(other, story.codec, story.records))
			require.Equal(t, story.last(), other.Seen())
		})
	}
}

func TestStore_UnknownKinds_AreCountedAndPassedOver(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story := aStory(t)
		story.raw(openingName(opening1), "OpeningPainted", []byte(`{}`), []byte(`{}`))
		story.raw("weather-1", "OpeningClosed", []byte(`{}`), []byte(`{}`))
		story.publish(opening2, "Jaringan")
		story.feed(s)
		for _, m := range s.Status() {
			require.Equal(t, story.last(), m.Position)
			require.Empty(t, m.Error)
			want := int64(2)
			if m.Name == "audit" {
				want = 0
			}
			require.Equal(t, want, m.Skipped, m.Name)
		}
	})
}

func TestStore_BrokenPayload_StopsItsModelsAloudAndNoOthers(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story := aStory(t)
		good := story.last()
		var app string
		for id := range story.state {
			app = applicationName(id)
		}
		story.raw(app, "ApplicationWithdrawn", []byte(`{"reason":7}`), []byte(`{}`))
		story.publish(opening2, "Jaringan")
		story.feed(s)
		story.feed(s)
		for _, m := range s.Status() {
			switch m.Name {
			case "openings", "staff", "audit":
				require.Equal(t, story.last(), m.Position, m.Name)
				require.Empty(t, m.Error)
			default:
				require.Equal(t, good, m.Position, m.Name)
				require.Contains(t, m.Error, "ApplicationWithdrawn")
			}
		}
		require.NoError(t, s.Wait(background, good))
		require.Equal(t, domain.Unavailable, kind(s.Wait(background, story.last())))
		_, err := s.Duplicates(background, story.last(), "", "", "")
		require.Equal(t, domain.Unavailable, kind(err))
		row, err := s.Opening(background, opening2)
		require.NoError(t, err)
		require.Equal(t, "Jaringan", row.Details.Title)
	})
}

func kind(err error) domain.ErrorKind {
	var e *domain.Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ""
}

func TestStore_Wait_IsWokenByTheProjector(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story := aStory(t)
		require.NoError(t, s.Wait(background, application.Position{}))

		expired, cancel := context.WithCancel(background)
		cancel()
		require.ErrorIs(t, s.Wait(expired, story.last()), context.Canceled)
		require.Empty(t, s.waiters)

		const many = 500
		woken := make(chan error, many)
		for i := range many {
			position := story.records[i%len(story.records)].Position
			go func() {
				err := s.Wait(background, position)
				if s.Seen().Compare(position) < 0 {
					err = errors.New("woken too early")
				}
				woken <- err
			}()
		}
		require.Eventually(t, func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.waiters) == many }, 5*time.Second, time.Millisecond)
		for i := range story.records {
			require.NoError(t, feed(s, story.codec, story.records[i:i+1]))
		}
		for range many {
			require.NoError(t, <-woken)
		}
		require.Empty(t, s.waiters)
	})
}

func TestArchive_EarlierDocumentNotTakenInYet_IsWaitedFor(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story := newStory(t)
		a := story.submit(opening1, person("A", "1"))
		document := story.upload(a, hash("a"))
		b := story.submit(opening1, person("B", "2"))
		story.upload(b, hash("a"))
		found := make(chan []verification.Duplicate, 1)
		go func() {
			duplicates, err := s.Duplicates(background, story.last(), hash("a"), "", "2")
			if err == nil {
				found <- duplicates
			}
			close(found)
		}()
		require.Eventually(t, func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.waiters) == 1 }, 5*time.Second, time.Millisecond)
		story.feed(s)
		require.Equal(t, []verification.Duplicate{{DocumentID: document.String(), NIM: "1", Same: "file"}}, <-found)

		bounded, cancel := context.WithTimeout(background, time.Millisecond)
		defer cancel()
		_, err := s.Reading(bounded, application.Position{Commit: 1 << 40}, hash("a"), domain.Versions{})
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestStore_HostileTexts_ComeBackByteByByte(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story := newStory(t)
		for i, text := range []string{
			`'; DROP TABLE applications; --`, `"><script>alert(1)</script>&amp;`, "\u202eevil\u2066\u200f", "a\x00b\x07\x1b[31m", "\u2028\u2029\ufeff", `\u0000 %s %d {{.}} ${x}`, "🎓é e\u0301",
		} {
			id := domain.ApplicationID(opening1, text)
			d := details(text)
			d.Description, d.Department, d.Term = text, text, text
			p := domain.Applicant{ID: text, Name: text, NIM: text, Email: text, Programme: text}
			opening := domain.ApplicationID(opening2, text)
			story.tell(openingName(opening), domain.Actor{ID: text, Role: domain.RoleAdmin}, &domain.OpeningPublished{OpeningID: opening, Details: d})
			story.submit(opening1, p)
			document := domain.DocumentID(id, text)
			story.tell(applicationName(id), system, &domain.DocumentUploaded{DocumentID: document, Kind: "khs", SHA256: text, Type: text, FileName: text})
			story.judge(id, document, "review:low_confidence")
			story.tell(applicationName(id), admin, &domain.ApplicationWaitlisted{Reason: text})
			story.feed(s)

			openings, err := s.Openings(background, OpeningQuery{Term: text, Department: text})
			require.NoError(t, err)
			require.Len(t, openings.Items, 1)
			require.Equal(t, d, openings.Items[0].Details)
			applications, err := s.Applications(background, ApplicationQuery{ApplicantID: text, NIM: text})
			require.NoError(t, err)
			require.Len(t, applications.Items, 1)
			require.Equal(t, p, applications.Items[0].Applicant)
			require.Equal(t, text, applications.Items[0].Reason)
			row, err := s.Document(background, id, document)
			require.NoError(t, err)
			require.Equal(t, []string{text, text, text, text}, []string{row.FileName, row.Type, row.SHA256, row.NIM})
			reviews, err := s.Reviews(background, ReviewQuery{Limit: 100})
			require.NoError(t, err)
			require.Equal(t, p, reviews.Items[i].Applicant)
			require.Equal(t, text, reviews.Items[i].FileName)
			audit, err := s.Audit(background, AuditQuery{Actor: text, Type: "OpeningPublished"})
			require.NoError(t, err)
			require.Len(t, audit.Items, 1)
			_, err = s.Applications(background, ApplicationQuery{Search: text, State: text, OpeningID: text})
			require.NoError(t, err)
		}
	})
}

func TestOpen_ManyAtOnceOfANewFile_AllOpen(t *testing.T) {
	for range 20 {
		place := Places["sqlite"](t)
		opened := make(chan error, 6)
		for range cap(opened) {
			go func() {
				s, err := Open(t.Context(), place)
				if err == nil {
					err = s.Close()
				}
				opened <- err
			}()
		}
		for range cap(opened) {
			require.NoError(t, <-opened)
		}
	}
}
