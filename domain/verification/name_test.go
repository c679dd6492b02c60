package verification

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestSameName_Pairs_FollowTheRules(t *testing.T) {
	for _, same := range [][2]string{
		{"Hasna Nur'aini Maharani", "HASNA NURAINI MAHARANI"},
		{"Hasna Nur’aini Maharani", "hasna nur`aini  maharani"},
		{"Muh. Rizky Pratama", "Muhammad Rizky Pratama"},
		{"M. Rizky Pratama", "Muhammad Rizky Pratama"},
		{"Moch Rizky", "Mochammad Rizky"},
		{"Abd. Hakim Prasetyo", "Abdul Hakim Prasetyo"},
		{"Abd. Rahman", "Abdullah Rahman"},
		{"Nur S. Ramadhani", "Nur Sari Ramadhani"},
		{"Rizky P", "Rizky Pratama"},
		{"A. Fauzan", "Ahmad Fauzan"},
	} {
		require.True(t, sameName(same[0], same[1]), same)
		require.True(t, sameName(same[1], same[0]), same)
	}
	for _, differ := range [][2]string{
		{"", ""},
		{"Siti", ""},
		{"Siti Aminah", "Aminah Siti"},
		{"Siti Aminah", "Siti Aminah Putri"},
		{"Siti Aminah", "Siti Amina"},
		{"Muh. Rizky", "Mahmud Rizky"},
		{"R. P.", "Rizky Pratama"},
		{"Robert'); DROP TABLE students;--", "Robert"},
		{"\u202eanisaH", "Hasina"},
	} {
		require.False(t, sameName(differ[0], differ[1]), differ)
	}
}

func TestSameShape_LookAlikes_AreEqualInPixelsOnly(t *testing.T) {
	require.True(t, sameShape("Ni Putu Dlah Cahyani", "Ni Putu Diah Cahyani"))
	require.True(t, sameShape("Kamila", "Karnila"))
	require.True(t, sameShape("SITIRAHMAWATI PUTRI", "Siti Rahmawati Putri"))
	require.False(t, sameShape("SITIRAHMA PUTRI", "Siti Rahmawati Putri"))
	require.True(t, sameShape("Mochammad Igbal Fahn", "MOCHAMMAD IQBAL FAHRI"), "in lower case q is like g, ri like n")
	require.True(t, sameShape("Muhammad Rasvid", "Muhammad Rasyid"))
	require.False(t, sameShape("MUHAMMAD RASVID", "Muhammad Rasyid"), "in upper case V is not like Y")
	require.False(t, sameShape("Ni Putu Dwah Cahyani", "Ni Putu Diah Cahyani"))
	require.False(t, sameName("Ni Putu Dlah Cahyani", "Ni Putu Diah Cahyani"))
}

func TestSameName_Any_IsReflexiveAndSymmetric(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.String().Draw(t, "a"), rapid.String().Draw(t, "b")
		require.Equal(t, sameName(a, b), sameName(b, a))
		word := rapid.StringMatching(`[A-Z][a-z]{2,9}( [A-Z][a-z]{2,9}){0,3}`).Draw(t, "name")
		require.True(t, sameName(word, strings.ToUpper(word)))
	})
}

func TestLikeness_Texts_IsWithinZeroAndOne(t *testing.T) {
	require.Equal(t, 1.0, likeness("", ""))
	require.Equal(t, 0.0, likeness("ABC", "XYZ"))
	require.InDelta(t, 0.75, likeness("ABCD", "ABXD"), 1e-9)
	require.Equal(t, 1, edits([]rune("20461438"), []rune("2046143")))
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.String().Draw(t, "a"), rapid.String().Draw(t, "b")
		l := likeness(a, b)
		require.True(t, l >= 0 && l <= 1)
		require.InDelta(t, l, likeness(b, a), 1e-9)
	})
}
