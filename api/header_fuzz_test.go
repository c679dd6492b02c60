package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"asprak/domain"
)

func FuzzHeader(f *testing.F) {
	for _, s := range []string{"", "*", `"4"`, `W/"4"`, `"-1"`, `"99999999999999999999"`, "17-16", "key-1", strings.Repeat("k", 256), "a b", "\r\nSet-Cookie: x", "é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		h := http.Header{headerIdempotencyKey: {value}, "If-Match": {value}, headerRequestID: {value}, headerLastEventID: {value}}
		for _, c := range callersID(h) {
			require.True(t, c > ' ' && c < 0x7f, "%q may stand in a log and a header", c)
		}
		if key, err := idempotencyKey(h); err != nil {
			require.Equal(t, "invalid_header", domain.ErrorCode(err))
		} else {
			require.Equal(t, value, key)
		}
		if revision, err := ifMatch(h); err == nil && revision != nil {
			require.GreaterOrEqual(t, int64(*revision), int64(0))
		}
		if at, ok, err := lastEventID(h); err == nil && ok {
			require.NotEmpty(t, at.String())
		}
	})
}
