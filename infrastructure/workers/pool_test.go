package workers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/domain"
	"asprak/domain/transcript"
)

// asChild makes the test binary play the child.
const asChild = "WORKERS_TEST_CHILD"

func TestMain(m *testing.M) {
	if mode := os.Getenv(asChild); mode != "" {
		os.Exit(playChild(mode))
	}
	os.Exit(m.Run())
}

func playChild(mode string) int {
	switch mode {
	case "dies at start":
		return 1
	case "talks nonsense at start":
		fmt.Println("hello, this is no frame at all")
		return 0
	}
	in, out, err := Pipes()
	if err != nil {
		return 1
	}
	if folder, confined := strings.CutPrefix(mode, "confined but for "); confined {
		if err := Confine(folder); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	if err := Serve(context.Background(), in, out, scripted{out}); err != nil {
		return 1
	}
	return 0
}

// scripted does what the document says.
type scripted struct{ out *os.File }

func (scripted) Versions() domain.Versions { return domain.Versions{Engine: "scripted", Layout: "1"} }

func (s scripted) Read(_ context.Context, d application.Document) (transcript.Reading, error) {
	switch text := string(d.Content); {
	case text == "hang":
		select {}
	case text == "crash":
		panic("crash")
	case text == "eat":
		var hoard [][]byte
		for {
			hoard = append(hoard, bytes.Repeat([]byte{1}, 8<<20))
		}
	case text == "fail":
		return transcript.Reading{}, &application.ReaderError{Code: "timeout", Err: errors.New("too slow")}
	case text == "garbage":
		_, _ = s.out.Write([]byte("\x00\x00\x00\x05{{{{{"))
		return transcript.Reading{}, nil
	case text == "chatter":
		fmt.Println("a library prints")
		fmt.Fprintln(os.Stderr, "a library warns")
	case strings.HasPrefix(text, "try "):
		return transcript.Reading{Detail: try(strings.Fields(text)[1:])}, nil
	case text == "pid":
		return transcript.Reading{Detail: fmt.Sprint(os.Getpid())}, nil
	}
	return transcript.Reading{Type: d.Name, Detail: fmt.Sprint(len(d.Content))}, nil
}

func open(t *testing.T, options Options) *Pool {
	t.Helper()
	if options.Command == nil {
		options.Command = []string{os.Args[0]}
	}
	if options.Env == nil {
		options.Env = []string{asChild + "=scripted"}
	}
	p, err := New(options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

func read(t *testing.T, p *Pool, content string) (transcript.Reading, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	return p.Read(ctx, application.Document{Name: "khs.pdf", Content: []byte(content)})
}

func pid(t *testing.T, p *Pool) int {
	t.Helper()
	reading, err := read(t, p, "pid")
	require.NoError(t, err)
	var n int
	_, err = fmt.Sscan(reading.Detail, &n)
	require.NoError(t, err)
	return n
}

func TestPool_Document_IsReadByAChild(t *testing.T) {
	p := open(t, Options{})
	reading, err := read(t, p, strings.Repeat("x", 3<<20))
	require.NoError(t, err)
	require.Equal(t, "khs.pdf", reading.Type)
	require.Equal(t, fmt.Sprint(3<<20), reading.Detail)
	require.NotEqual(t, os.Getpid(), pid(t, p))
	require.Equal(t, domain.Versions{Engine: "scripted", Layout: "1"}, p.Versions())
}

func TestPool_BadDocument_FailsAloneAndTheNextIsRead(t *testing.T) {
	for _, c := range []struct {
		document, code string
		counted        func(Stats) int64
	}{
		{"hang", "timeout", func(s Stats) int64 { return s.Timeouts }},
		{"crash", "crashed", func(s Stats) int64 { return s.Crashed }},
		{"garbage", "crashed", func(s Stats) int64 { return s.Crashed }},
		{"eat", "out_of_memory", func(s Stats) int64 { return s.OutOfMemory }},
	} {
		t.Run(c.document, func(t *testing.T) {
			options := Options{Deadline: 20 * time.Second, MaxMemory: 300 << 20}
			if c.code == "timeout" {
				options.Deadline = 500 * time.Millisecond
			}
			p := open(t, options)
			before := pid(t, p)
			_, err := read(t, p, c.document)
			var fault *application.ReaderError
			require.ErrorAs(t, err, &fault)
			require.Equal(t, c.code, fault.Code)
			require.EqualValues(t, 1, c.counted(p.Stats()))
			require.ErrorIs(t, syscall.Kill(before, 0), syscall.ESRCH, "the child must be gone")
			require.NotEqual(t, before, pid(t, p))
		})
	}
}

func TestPool_ReaderFault_KeepsItsCodeAndTheChild(t *testing.T) {
	p := open(t, Options{})
	before := pid(t, p)
	_, err := read(t, p, "fail")
	var fault *application.ReaderError
	require.ErrorAs(t, err, &fault)
	require.Equal(t, "timeout", fault.Code)
	require.Equal(t, before, pid(t, p))
}

func TestPool_LibraryPrints_AnswerStaysWhole(t *testing.T) {
	var log syncBuffer
	p := open(t, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	_, err := read(t, p, "chatter")
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		return strings.Contains(log.String(), "a library prints") && strings.Contains(log.String(), "a library warns")
	}, 10*time.Second, time.Millisecond)
}

func TestPool_ManyDocuments_ChildIsRecycled(t *testing.T) {
	p := open(t, Options{RecycleAfter: 2})
	first, second, third := pid(t, p), pid(t, p), pid(t, p)
	require.Equal(t, first, second)
	require.NotEqual(t, second, third)
	require.EqualValues(t, 1, p.Stats().Recycled)
}

func TestPool_ManyCallers_EachGetsItsOwnAnswer(t *testing.T) {
	p := open(t, Options{Size: 2})
	var group sync.WaitGroup
	for n := range 20 {
		group.Go(func() {
			reading, err := read(t, p, strings.Repeat("y", n))
			if err != nil || reading.Detail != fmt.Sprint(n) {
				t.Errorf("document %d: %q, %v", n, reading.Detail, err)
			}
		})
	}
	group.Wait()
	require.EqualValues(t, 20, p.Stats().Documents)
}

func TestPool_AllBusy_WaitingCallerCanLeave(t *testing.T) {
	p := open(t, Options{Deadline: time.Minute})
	pid(t, p)
	ctx, cancel := context.WithCancel(context.Background())
	busy := make(chan error, 1)
	go func() {
		_, err := p.Read(ctx, application.Document{Content: []byte("hang")})
		busy <- err
	}()
	require.Eventually(t, func() bool { return p.Stats().Busy == 1 }, 10*time.Second, time.Millisecond)
	short, stop := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer stop()
	_, err := p.Read(short, application.Document{Content: []byte("next")})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	cancel()
	require.ErrorIs(t, <-busy, context.Canceled)
}

func TestPool_ChildNeverStarts_CallersAreTold(t *testing.T) {
	for _, mode := range []string{"dies at start", "talks nonsense at start"} {
		t.Run(mode, func(t *testing.T) {
			p := open(t, Options{Env: []string{asChild + "=" + mode}})
			_, err := read(t, p, "x")
			var fault *application.ReaderError
			require.ErrorAs(t, err, &fault)
			require.Equal(t, "unavailable", fault.Code)
		})
	}
}

func TestPool_Close_KillsChildrenAndRefusesReads(t *testing.T) {
	p, err := New(Options{Command: []string{os.Args[0]}, Env: []string{asChild + "=scripted"}})
	require.NoError(t, err)
	child := pid(t, p)
	busy := make(chan error, 1)
	go func() {
		_, err := p.Read(context.Background(), application.Document{Content: []byte("hang")})
		busy <- err
	}()
	require.Eventually(t, func() bool { return p.Stats().Busy == 1 }, 10*time.Second, time.Millisecond)
	require.NoError(t, p.Close())
	require.ErrorIs(t, syscall.Kill(child, 0), syscall.ESRCH)
	var fault *application.ReaderError
	require.ErrorAs(t, <-busy, &fault)
	require.Equal(t, "unavailable", fault.Code)
	_, err = read(t, p, "x")
	require.ErrorAs(t, err, &fault)
}

func TestServe_ParentGone_Ends(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, Serve(context.Background(), strings.NewReader(""), &out, scripted{}))
	var greeting reply
	require.NoError(t, readJSON(&out, &greeting))
	require.Equal(t, "scripted", greeting.Versions.Engine)
}

func TestServe_BrokenFrame_IsRefused(t *testing.T) {
	for name, in := range map[string]string{
		"cut off":   "\x00\x00\x00\x09{",
		"too large": "\xff\xff\xff\xff",
		"no JSON":   "\x00\x00\x00\x01{",
	} {
		t.Run(name, func(t *testing.T) {
			require.Error(t, Serve(context.Background(), strings.NewReader(in), &bytes.Buffer{}, scripted{}))
		})
	}
}

func TestNew_NoCommand_IsRefused(t *testing.T) {
	_, err := New(Options{})
	require.Error(t, err)
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
