package pdf

import (
	"context"
	"errors"
	"image"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"asprak/application"
)

// blind is a recogniser that must not be needed.
type blind struct{}

func (blind) Version() string { return "blind" }

func (blind) Recognise(context.Context, *image.Gray) (application.Recognised, error) {
	return application.Recognised{}, errors.New("a born-digital page was recognised")
}

func (b blind) Again(ctx context.Context, picture *image.Gray, _ int) (application.Recognised, error) {
	return b.Recognise(ctx, picture)
}

// BenchmarkRead reads a born-digital page from bytes to reading and reports the CPU time of
// the whole process, for the runtime's other threads work too.
func BenchmarkRead(b *testing.B) {
	content, err := os.ReadFile("../../cmd/asprak/samples/khs.pdf")
	require.NoError(b, err)
	reader := application.NewDocumentReader(library, blind{}, application.DefaultLimits())
	b.ReportAllocs()
	before := cpu()
	for b.Loop() {
		reading, err := reader.Read(context.Background(), application.Document{Content: content})
		require.NoError(b, err)
		require.NotEmpty(b, reading.Rows)
	}
	b.ReportMetric(float64((cpu()-before).Microseconds())/1000/float64(b.N), "cpu-ms/op")
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
