package pdf

import (
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"asprak/application"
)

// FuzzScan tries what looks at a file's bytes outside the sandbox.
func FuzzScan(f *testing.F) {
	for _, name := range []string{"testdata/khs.pdf", "testdata/encrypted.pdf"} {
		content, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(content[:min(len(content), 4<<10)])
	}
	f.Add([]byte("1 0 obj <</Filter[/FlateDecode/FlateDecode]>> stream\nx\x9cendstream"))
	f.Add([]byte("<</Width 99999999999999999999 /Height 2>>stream\r\nendstream stream\n"))
	f.Add([]byte("/Open#41ction /J#53 /UserUnit 1e9 /UserUnit ..."))
	f.Fuzz(func(t *testing.T, content []byte) {
		var fault *application.FileFault
		if err := checkStreams(content); err != nil {
			require.True(t, errors.As(err, &fault), "%v", err)
		}
		objects := withoutStreams(content)
		require.LessOrEqual(t, len(objects), len(content))
		runsScripts(objects)
		require.GreaterOrEqual(t, largestUserUnit(objects), 1.0)
	})
}
