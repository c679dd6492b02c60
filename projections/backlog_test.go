package projections

import (
	"testing"

	"github.com/stretchr/testify/require"

	"asprak/domain"
)

func TestUnread_DocumentsUntilTheirEnd_AreCounted(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story := newStory(t)
		siti, budi := person("Siti", "1"), person("Budi", "2")
		counts := func(ofSiti, ofBudi int) {
			t.Helper()
			story.feed(s)
			all, oldest, err := s.Unread(background)
			require.NoError(t, err)
			require.Equal(t, ofSiti+ofBudi, all)
			require.Equal(t, all == 0, oldest.IsZero())
			for id, want := range map[string]int{siti.ID: ofSiti, budi.ID: ofBudi, "nobody": 0} {
				own, err := s.UnreadOf(background, id)
				require.NoError(t, err)
				require.Equal(t, want, own)
			}
		}
		story.publish(opening1, "Basis Data")
		story.publish(opening2, "Jaringan")
		one, two, other := story.submit(opening1, siti), story.submit(opening2, siti), story.submit(opening1, budi)
		counts(0, 0)
		first := story.upload(one, hash("a"))
		waits := story.records[len(story.records)-1].RecordedAt
		second, third := story.upload(two, hash("b")), story.upload(other, hash("c"))
		counts(2, 1)
		_, oldest, err := s.Unread(background)
		require.NoError(t, err)
		require.Equal(t, waits, oldest)

		story.read(one, first, reading("IF101"))
		counts(2, 1)
		story.judge(one, first, "verified")
		counts(1, 1)
		story.tell(applicationName(two), system, &domain.DocumentReadingFailed{DocumentID: second, Attempt: 1, Code: "crashed", Tries: 3})
		counts(0, 1)
		story.tell(applicationName(two), admin, &domain.DocumentRereadRequested{DocumentID: second})
		counts(1, 1)
		story.judge(other, third, "review:low_confidence")
		counts(1, 0)
	})
}
