package projections

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"asprak/domain"
	"asprak/domain/verification"
)

// drawStory lets the domain decide on random commands, so that every story could be true.
func drawStory(t *rapid.T, s *story) *story {
	s.publish(opening1, "Basis Data")
	s.publish(opening2, "Jaringan")
	labels := []verification.Label{"verified", "rejected:ipk_below_min", "review:low_confidence", "review:suspected_edit"}
	for range rapid.IntRange(1, 40).Draw(t, "commands") {
		opening := rapid.SampledFrom([]uuid.UUID{opening1, opening2}).Draw(t, "opening")
		p := person("Someone", fmt.Sprint(rapid.IntRange(1, 3).Draw(t, "person")))
		app := domain.ApplicationID(opening, p.ID)
		document := domain.DocumentID(app, hash(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "bytes")))
		d, _ := s.state[app].Document(document)
		label := rapid.SampledFrom(labels).Draw(t, "label")
		if rapid.Bool().Draw(t, "corrected") {
			p.NIM += "-7"
		}
		command := rapid.SampledFrom([]domain.ApplicationCommand{
			domain.SubmitApplication{ApplicationID: app, Applicant: p, Opening: s.openings[opening], At: start},
			domain.UploadDocument{DocumentID: document, Kind: "khs", SHA256: document.String(), FileName: "khs.pdf", Blob: "sealed-" + document.String()},
			domain.UploadDocument{DocumentID: document, Kind: "khs", SHA256: document.String(), FileName: "khs.pdf", Blob: "sealed-" + document.String()},
			domain.RecordReading{DocumentID: document, Attempt: d.Attempt, Reading: reading("IF101", "IF102", "IF103")},
			domain.RecordVerdict{DocumentID: document, Attempt: d.Attempt, Verdict: verdict(label)},
			domain.RecordVerdict{DocumentID: document, Attempt: d.Attempt, Verdict: verdict(label)},
			domain.RecordReadingFailure{DocumentID: document, Attempt: d.Attempt, Code: "timeout", Tries: 5},
			domain.OverrideVerification{DocumentID: document, Outcome: "verified", Reason: "seen"},
			domain.OverrideVerification{DocumentID: document, Outcome: "rejected", Reason: "seen"},
			domain.RequestReread{DocumentID: document},
			domain.ClaimReview{DocumentID: document, Claimant: admin, At: start}, domain.ReleaseReview{DocumentID: document, Claimant: admin, At: start},
			domain.WithdrawApplication{}, domain.ResubmitApplication{Applicant: p, Opening: s.openings[opening], At: start},
			domain.AcceptApplication{}, domain.DeclineApplication{Reason: "late"}, domain.WaitlistApplication{},
			domain.ConfirmOffer{Opening: s.openings[opening]}, domain.TurnDownOffer{},
			domain.EraseApplication{Ground: domain.RetentionOver},
		}).Draw(t, "command")
		if events, err := s.state[app].Decide(command); err == nil {
			s.tell(applicationName(app), admin, events...)
		}
		if rapid.IntRange(0, 4).Draw(t, "seat") == 0 {
			wish := rapid.SampledFrom([]domain.OpeningCommand{domain.AwardSeat{ApplicationID: app, Reason: "Someone is the best"}, domain.ReleaseSeat{ApplicationID: app}, domain.CloseOpening{},
				domain.ReopenOpening{ClosesAt: s.openings[opening].Details.ClosesAt.AddDate(0, 0, 1), At: start}}).Draw(t, "wish")
			if events, err := s.openings[opening].Decide(wish); err == nil {
				s.tell(openingName(opening), admin, events...)
			}
		}
	}
	return s
}

// Each history is taken in live, in any batches, some of them twice, and with restarts; then
// all models are built beside. The keys of erased applications are destroyed at some time.
func TestRebuild_AnyBatchesAndRestarts_EqualsLive(t *testing.T) {
	for _, database := range databases {
		t.Run(database.name, func(t *testing.T) {
			place := database.place(t)
			s := database.open(t, place)
			ring := aRing(t)
			for range database.histories / 100 { // rapid checks 100
				rapid.Check(t, func(r *rapid.T) {
					empty(t, s)
					story := drawStory(r, sealed(t, ring))
					forget := rapid.IntRange(0, len(story.records)).Draw(r, "forget")
					for seen := 0; seen < len(story.records); {
						n := rapid.IntRange(1, len(story.records)-seen).Draw(r, "batch")
						again := rapid.IntRange(0, seen).Draw(r, "repeated")
						require.NoError(r, feed(s, story.codec, story.records[seen-again:seen+n]))
						if seen <= forget && forget < seen+n {
							story.forget()
						}
						seen += n
						if rapid.Bool().Draw(r, "restart") {
							require.NoError(r, s.Close())
							s = database.open(t, place)
						}
					}
					story.forget()
					agrees(r, story, s)
					equalsRebuild(r, t, story, s)
				})
			}
		})
	}
}

func equalsRebuild(r *rapid.T, t *testing.T, story *story, s *Store) {
	log, live := tellLog(story), dump(t, s)
	for _, p := range s.projectors {
		group := p.models[0].name
		require.NoError(r, s.Rebuild(background, log, story.codec, group, quiet))
		for _, m := range p.models {
			for _, table := range m.tables {
				require.Equal(r, live[table], rowsOf(t, s, table+next), table)
			}
		}
		compared, err := s.Compare(background, log, story.codec, group, quiet)
		require.NoError(r, err)
		for _, c := range compared {
			require.Equal(r, Comparison{Table: c.Table, Rows: len(live[c.Table])}, c)
		}
		require.NoError(r, s.Drop(background, group))
	}
}

// empty brings the store to before the first event.
func empty(t testing.TB, s *Store) {
	for _, p := range s.projectors {
		for _, m := range p.models {
			for _, table := range m.tables {
				_, err := s.write.Exec("DELETE FROM " + table)
				require.NoError(t, err)
			}
		}
	}
	_, err := s.write.Exec("UPDATE models SET position = 0, prepare = 0, skipped = 0")
	require.NoError(t, err)
	_, err = s.resume(background)
	require.NoError(t, err)
}

// agrees compares the models with the domain's own states.
func agrees(t *rapid.T, story *story, s *Store) {
	counts := map[uuid.UUID]map[domain.ApplicationStatus]int{opening1: {}, opening2: {}}
	var waiting []uuid.UUID
	for id, state := range story.state {
		row, err := s.Application(background, id)
		require.NoError(t, err)
		require.Equal(t, state.Status, row.Status)
		require.Equal(t, state.Applicant, row.Applicant)
		require.Equal(t, state.Reason, row.Reason)
		require.Equal(t, state.Submission, row.Submission)
		counts[state.OpeningID][state.Status]++
		needsPerson := state.Status == domain.StatusInReview || state.Status == domain.StatusReadingFailed
		if needsPerson {
			waiting = append(waiting, id)
		}
		documents, err := s.Documents(background, id)
		require.NoError(t, err)
		require.Len(t, documents, len(state.Documents))
		for i, d := range state.Documents {
			require.Equal(t, d.ID, documents[i].ID)
			require.Equal(t, d.Status(), documents[i].Status)
			require.Equal(t, d.Label(), documents[i].Label)
			require.Equal(t, d.Attempt, documents[i].Attempt)
			require.Equal(t, d.Override, documents[i].Override)
			require.Equal(t, d.Failure, documents[i].Failure)
			require.Equal(t, state.Applicant.NIM, documents[i].NIM)
			full, err := s.Document(background, id, d.ID)
			require.NoError(t, err)
			require.Equal(t, d.Reading, full.Reading)
			require.Equal(t, d.Verdict, full.Verdict)
		}
	}
	for id, state := range story.openings {
		row, err := s.Opening(background, id)
		require.NoError(t, err)
		require.Equal(t, state.Status, row.Status)
		require.Equal(t, state.Details, row.Details)
		require.Equal(t, len(state.Awarded), row.Awarded)
		require.Equal(t, counts[id], row.Applications)
	}
	page, err := s.Reviews(background, ReviewQuery{Limit: maxLimit})
	require.NoError(t, err)
	queued := map[uuid.UUID]bool{}
	for i, row := range page.Items {
		queued[row.ApplicationID] = true
		if i > 0 {
			require.False(t, row.Since.Before(page.Items[i-1].Since))
		}
	}
	for _, id := range waiting {
		require.True(t, queued[id], "who waits for a person is in the queue")
	}
	for id := range queued {
		require.True(t, slices.Contains(waiting, id) || story.state[id].Decision == domain.StatusWaitlisted, "nobody else is")
	}
}
