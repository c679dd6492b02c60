package projections

import (
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"

	"asprak/domain"
)

func FuzzCursor(f *testing.F) {
	walk := list{selection: "SELECT id FROM things", order: []key{{"name", false}, {"created", true}}, limit: 20}
	good := walk.encode([]any{"Siti", 17})
	f.Add(good)
	raw, err := base64.RawURLEncoding.DecodeString(good)
	require.NoError(f, err)
	for _, text := range []string{`[]`, `null`, `["",1]`, `{}`, string(raw[:len(raw)-1]), string(raw) + " ", `["x","y","z"]`} {
		f.Add(base64.RawURLEncoding.EncodeToString([]byte(text)))
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		l := walk
		l.cursor = cursor
		query, args, err := l.statement()
		if err != nil {
			require.Equal(t, "bad_cursor", domain.ErrorCode(err))
			return
		}
		if cursor == "" {
			return
		}
		require.Equal(t, "SELECT id FROM things WHERE (name, created) > (?, ?) ORDER BY name, created LIMIT ?", query, "values never become text")
		require.Len(t, args, 3)
		require.IsType(t, "", args[0])
		require.IsType(t, int64(0), args[1])
	})
}
