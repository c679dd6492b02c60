package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"asprak/domain"
	"asprak/infrastructure/identity"
)

// program builds the program once; the tests of this room run what a user runs.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "asprak-test-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "asprak")
	out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", &exec.Error{Name: "go build: " + string(out), Err: err}
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	postgres.Stop()
	if path, err := program(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// process is a running server.
type process struct {
	t     testing.TB
	data  string
	args  []string
	wrap  []string  // command that runs the program in its place, with the program's name at its end
	also  io.Writer // gets what it prints beside log; nil: nobody
	key   string    // of the tokens, "" for the one in the data folder
	cmd   *exec.Cmd
	base  string
	said  *tail // on its standard output
	log   *tail
	found chan string   // where it listens; of one
	done  chan struct{} // closed when it has ended
}

var listening = regexp.MustCompile(`listening on (http://127\.0\.0\.1:\d+)`)

// startProcess starts the server and waits until it is ready; it ends with the test.
func startProcess(t testing.TB, args ...string) *process {
	t.Helper()
	p := launchProcess(t, filepath.Join(t.TempDir(), "data"), args...)
	p.await()
	return p
}

// launchProcess starts a server on the data folder, which others may share; it ends with the test.
func launchProcess(t testing.TB, data string, args ...string) *process {
	t.Helper()
	p := &process{t: t, data: data, args: args}
	p.launch()
	t.Cleanup(func() { p.stop(syscall.SIGKILL) })
	return p
}

func (p *process) start() {
	p.t.Helper()
	p.launch()
	p.await()
}

func (p *process) launch() {
	p.t.Helper()
	path, err := program()
	require.NoError(p.t, err)
	line := p.wrap
	if line == nil {
		line = []string{path}
	}
	line = slices.Concat(line, []string{"serve", "--data", p.data, "--listen", "127.0.0.1:0"}, p.args)
	p.cmd = exec.Command(line[0], line[1:]...)
	p.cmd.Env = append(os.Environ(), "ASPRAK_CACHE="+cacheFolder())
	stdout, err := p.cmd.StdoutPipe()
	require.NoError(p.t, err)
	p.said, p.log = &tail{}, &tail{}
	p.cmd.Stderr = p.log
	if p.also != nil {
		p.cmd.Stderr = io.MultiWriter(p.log, p.also)
	}
	require.NoError(p.t, p.cmd.Start())
	p.found = make(chan string, 1)
	p.done = make(chan struct{})
	go func(cmd *exec.Cmd, said io.Writer, found chan<- string, done chan struct{}) {
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			fmt.Fprintln(said, lines.Text())
			if m := listening.FindStringSubmatch(lines.Text()); m != nil {
				found <- m[1]
			}
		}
		cmd.Wait()
		close(done)
	}(p.cmd, p.said, p.found, p.done)
}

// await waits until the process says where it listens and is ready.
func (p *process) await() {
	p.t.Helper()
	select {
	case p.base = <-p.found:
	case <-p.done:
		require.Fail(p.t, "the server ended before it listened", p.log.String())
	case <-time.After(time.Minute):
		require.Fail(p.t, "the server did not listen within a minute", p.log.String())
	}
	require.Eventually(p.t, func() bool {
		res, err := http.Get(p.base + "/readyz")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		io.Copy(io.Discard, res.Body)
		return res.StatusCode == http.StatusOK
	}, time.Minute, 10*time.Millisecond, "not ready: %s", p.log)
}

// stop sends the signal and waits for the process's end.
func (p *process) stop(signal syscall.Signal) {
	p.cmd.Process.Signal(signal)
	select {
	case <-p.done:
	case <-time.After(40 * time.Second):
		p.cmd.Process.Kill()
		<-p.done
		p.t.Errorf("the server did not end within 40 s of %v: %s", signal, p.log)
	}
}

// as is a caller with a token of the server's own key.
func (p *process) as(role domain.Role, subject string) *caller {
	return &caller{base: p.base, token: func() (string, error) {
		keys, err := identity.Open(folder{Data: p.data, TokenKey: p.key}.key())
		if err != nil {
			return "", err
		}
		return keys.Issue(subject, role, time.Hour)
	}}
}

// metric is what /metrics says of a metric without labels, if anything.
func (p *process) metric(name string) (value float64, there bool) {
	response, err := http.Get(p.base + "/metrics")
	if err != nil {
		return 0, false
	}
	defer response.Body.Close()
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			value, err := strconv.ParseFloat(text, 64)
			return value, err == nil
		}
	}
	return 0, false
}

// cacheFolder is shared by all tests, so that the PDF engine is compiled once.
func cacheFolder() string { return filepath.Join(os.TempDir(), "asprak-test-cache") }

// tail keeps the last of what a process printed, for the message of a failed test.
type tail struct {
	mu  sync.Mutex
	all []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = append(t.all, b...)
	if len(t.all) > 64<<10 {
		t.all = t.all[len(t.all)-32<<10:]
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.all)
}

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	return ctx
}
