package projections

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"asprak/domain"
)

func TestEscape_AnyText_ComesBack(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		text := strings.Join(rapid.SliceOf(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"\x00", mark, mark + "0", mark + "x", "\xff", "\xef\xb7", "x41"}))).Draw(r, "parts"), "")
		stored := escape(text)
		require.NotContains(r, stored, "\x00")
		require.Equal(r, strings.ToValidUTF8(stored, "?"), stored)
		require.Equal(r, text, unescape(stored))
	})
}

func TestEscape_OrdinaryText_StaysAsItIs(t *testing.T) {
	for _, text := range []string{"", "Budi Santoso", "🎓é\u202e\ufffd", `\u0000`} {
		require.Equal(t, text, escape(text))
	}
}

func TestStore_TextsThatTheServerRefuses_DoNotStopAProjector(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story := newStory(t)
		for i, text := range []string{"a\x00b", "\xff\xfe", mark, mark + "0"} {
			// The codec makes JSON of it, which spells both out; a foreign stream and type are taken as they are.
			raw := fmt.Appendf(nil, "{\"raw\":\"%d \xff\"}", i)
			story.submit(opening1, person(text, text))
			story.raw("foreign-"+text, "Type "+text, raw, []byte(`{}`))
			story.feed(s)
			for _, m := range s.Status() {
				require.Equal(t, story.last(), m.Position, m.Name)
				require.Empty(t, m.Error)
			}
			audit, err := s.Audit(background, AuditQuery{Stream: "foreign-" + text})
			require.NoError(t, err)
			require.Len(t, audit.Items, 1)
			require.Equal(t, "Type "+text, audit.Items[0].Type)
			require.Equal(t, string(raw), string(audit.Items[0].Data))
		}
	})
}

// An index of PostgreSQL holds keys of 2,700 bytes at most.
func TestStore_LongestTexts_DoNotStopAProjector(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story := newStory(t)
		random := rand.New(rand.NewPCG(1, 2))
		long := func(n int) string {
			text := make([]rune, n)
			for i := range text {
				text[i] = 0x10000 + rune(random.IntN(0xf0000)) // four bytes each, which no compression makes short
			}
			return string(text)
		}
		d := details(long(200))
		d.Department, d.Term, d.Description = long(200), long(200), long(5000)
		story.tell(openingName(opening1), domain.Actor{ID: long(200), Role: domain.RoleAdmin}, &domain.OpeningPublished{OpeningID: opening1, Details: d})
		story.submit(opening1, domain.Applicant{ID: long(200), Name: long(200), NIM: long(200)})
		story.feed(s)
		require.Equal(t, story.last(), s.Seen())
	})
}

func TestSearch_NamesOfManyForms_AllDatabasesOrderAlike(t *testing.T) {
	story := newStory(t)
	for i, name := range []string{"de Vries", "De la Cruz", "DEVI", "D'Arc", "Dé Ana", "dea", "De A", "De-a", "De", "D E", "DE 2", "de1", "Zoë", "ande", "Ä", "Øde"} {
		story.submit(opening1, person(name, fmt.Sprintf("%d-A%dz", i%3, 17*i)))
	}
	var want []uuid.UUID
	for i, d := range databases {
		t.Run(d.name, func(t *testing.T) {
			s := d.open(t, d.place(t))
			story.feed(s)
			var got []uuid.UUID
			for _, search := range []string{"d", "de", "de ", "z", "1", "0a", "2a1"} {
				q := ApplicationQuery{Search: search, Limit: 2}
				for pages := 0; pages == 0 || q.Cursor != ""; pages++ {
					require.Less(t, pages, 20)
					page, err := s.Applications(background, q)
					require.NoError(t, err)
					for _, row := range page.Items {
						got = append(got, row.ID)
					}
					q.Cursor = page.Next
				}
			}
			if i == 0 {
				want = got
			}
			require.Greater(t, len(got), 20)
			require.Equal(t, want, got)
		})
	}
}

func TestSearch_WordsInAnyOrder_FindsEachNameOnce(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	parts := []string{"Sri", "Siti", "Sit", "Rahma", "Rahmawati", "Ayu", "A", "Putri"}
	story := newStory(t)
	names := make(map[uuid.UUID]string)
	for i := range 150 {
		name := make([]string, 1+random.IntN(4))
		for j := range name {
			name[j] = parts[random.IntN(len(parts))]
		}
		text := strings.Join(name, " ")
		names[story.submit(opening1, person(text, fmt.Sprint("N", i)))] = text
	}
	begins := func(name, word string) bool {
		return slices.ContainsFunc(strings.Fields(name), func(of string) bool { return strings.HasPrefix(of, word) })
	}
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) {
			s := d.open(t, d.place(t))
			story.feed(s)
			found := 0
			for _, search := range []string{"Siti Rahma", "Rahma Siti", "R S", "A Sit", "Ayu A", "Putri Sri Ayu", "Sri S R A", "Rahma Rahmawati Siti", "Siti Nobody"} {
				var want []string
				for id, name := range names {
					if !slices.ContainsFunc(strings.Fields(search), func(word string) bool { return !begins(name, word) }) {
						want = append(want, id.String())
					}
				}
				for _, limit := range []int{1, 3, 7, 100} {
					var got []string
					for q := (ApplicationQuery{Search: search, Limit: limit}); ; {
						page, err := s.Applications(background, q)
						require.NoError(t, err)
						require.LessOrEqual(t, len(page.Items), limit)
						require.False(t, len(page.Items) == 0 && q.Cursor != "", "no page is empty")
						for _, row := range page.Items {
							got = append(got, row.ID.String())
						}
						if q.Cursor = page.Next; q.Cursor == "" {
							break
						}
					}
					require.ElementsMatch(t, want, got, "%s, %d at a time", search, limit)
					found += len(got)
				}
			}
			require.Greater(t, found, 500)

			page, err := s.Applications(background, ApplicationQuery{Search: "Siti Rahma", Limit: 100})
			require.NoError(t, err)
			var scattered []bool
			for _, row := range page.Items {
				scattered = append(scattered, !strings.Contains(" "+names[row.ID]+" "+names[row.ID], " Siti Rahma"))
			}
			first := slices.Index(scattered, true)
			require.Positive(t, first)
			require.NotContains(t, scattered[first:], false, "names with the words in this order come first")
		})
	}
}
