package application_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"asprak/application"
	"asprak/domain"
)

// dated is the real log with clocks of its own choosing: what it records happened when it
// says. Clocks of several processes may run back.
type dated struct {
	application.Log
	at []time.Time // by revision
}

func (l *dated) ReadStream(ctx context.Context, stream string, from application.Revision) ([]application.Record, error) {
	records, err := l.Log.ReadStream(ctx, stream, from)
	for i, r := range records {
		records[i].RecordedAt = l.at[r.Revision]
	}
	return records, err
}

// anyHistory plays random commands on an application until it has so many events, and
// returns them. Commands that are refused leave no event.
func (h *house) anyHistory(t *rapid.T, opening uuid.UUID, actor domain.Actor, events int) (uuid.UUID, []application.Entry) {
	id := h.submit(actor, opening)
	for step := 0; ; step++ {
		entries, err := h.service.History(h.ctx, id)
		require.NoError(t, err)
		if len(entries) >= events || step > 4*events {
			return id, entries
		}
		document := uuid.Nil
		if documents := h.application(id).Documents; len(documents) > 0 {
			document = rapid.SampledFrom(documents).Draw(t, "document").ID
		}
		h.now = h.now.Add(time.Duration(rapid.IntRange(0, 900).Draw(t, "seconds")) * time.Second)
		switch rapid.IntRange(0, 9).Draw(t, "command") {
		case 0, 1, 2:
			_, err = h.service.Upload(h.ctx, by(actor), id, khs(rapid.StringMatching(`[a-d]`).Draw(t, "content")))
		case 3:
			_, err = h.service.Override(h.ctx, by(admin), id, document, rapid.SampledFrom([]string{"verified", "rejected"}).Draw(t, "outcome"), "seen")
		case 4:
			_, err = h.service.Reread(h.ctx, by(admin), id, document, "")
		case 5:
			_, err = h.service.Withdraw(h.ctx, by(actor), id, "ill")
		case 6:
			_, err = h.service.Resubmit(h.ctx, by(actor), id, applicant())
		case 7:
			_, err = h.service.Waitlist(h.ctx, by(admin), id, "")
		case 8:
			_, _, err = h.service.OpenDocument(h.ctx, by(admin), id, document)
		case 9:
			h.settle(nil)
		}
		if err != nil {
			require.NotEmpty(t, domain.ErrorCode(err), "%v", err)
		}
	}
}

func TestApplication_AtEachMomentOfAnyHistory_IsTheFoldUpToIt(t *testing.T) {
	h := open(t)
	opening := h.publish()
	seen := map[domain.ApplicationStatus]bool{}
	rapid.Check(t, func(t *rapid.T) {
		id, entries := h.anyHistory(t, opening, domain.Actor{ID: uuid.NewString(), Role: domain.RoleApplicant}, rapid.IntRange(1, 12).Draw(t, "events"))
		log := &dated{Log: h.log}
		at := opens
		for range entries {
			// Several events at one moment, and now and then a step back.
			at = at.Add(time.Duration(rapid.IntRange(-2, 10).Draw(t, "later")) * time.Microsecond)
			log.at = append(log.at, at)
		}
		s := h.on(log)
		moments := []time.Time{{}, opens.Add(-time.Hour), closes.Add(9000 * time.Hour)}
		for _, m := range log.at {
			moments = append(moments, m.Add(-time.Nanosecond), m, m.Add(time.Nanosecond))
		}
		for _, moment := range moments {
			var fold domain.Application
			last := application.NoStream
			for i, e := range entries {
				if log.at[i].After(moment) {
					break
				}
				fold, last = fold.Evolve(e.Event), e.Revision
			}
			state, revision, err := s.Application(h.ctx, id, application.Until{At: &moment})
			if last == application.NoStream {
				require.Equal(t, "application_not_found", domain.ErrorCode(err))
				continue
			}
			require.NoError(t, err)
			require.Equal(t, last, revision)
			require.Equal(t, fold, state)
			seen[state.Status] = true

			same, _, err := s.Application(h.ctx, id, application.Until{Revision: &revision})
			require.NoError(t, err)
			require.Equal(t, state, same)
			known, err := s.AsSeen(h.ctx, id, auditor, moment)
			require.NoError(t, err)
			require.Equal(t, fold, known.State)
			require.Len(t, known.Entries, int(revision)+1)
		}
	})
	require.GreaterOrEqual(t, len(seen), 4, "%v", seen)
}
