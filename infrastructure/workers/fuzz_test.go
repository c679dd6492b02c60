package workers

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzReply reads what a child sends: one that a document has taken over may send anything.
func FuzzReply(f *testing.F) {
	for _, answer := range []string{`{"reading":{}}`, `{"code":"timeout"}`, `{"versions":{"engine":"x"}}`, `[`, ``} {
		var frame bytes.Buffer
		require.NoError(f, writeFrame(&frame, []byte(answer)))
		f.Add(frame.Bytes())
	}
	f.Add([]byte{0x0f, 0xff, 0xff, 0xff, '{'})
	f.Fuzz(func(t *testing.T, sent []byte) {
		var r reply
		if err := readJSON(bytes.NewReader(sent), &r); err != nil {
			return
		}
		require.GreaterOrEqual(t, len(sent), 4+len("{}"))
	})
}
