package main

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"asprak/cmd/asprak/samples"
	"asprak/domain"
	"asprak/infrastructure/identity"
	"asprak/projections/postgrestest"
)

// realServer names an EventStoreDB server that the fleet is to be tested on as well.
const realServer = "ASPRAK_ESDB_TEST_URL"

var postgres postgrestest.Shared

// standIn is the test double of an EventStoreDB cluster as a process, which can be killed and
// started again on its data and addresses.
type standIn struct {
	t          testing.TB
	args       []string
	cmd        *exec.Cmd
	control    string
	connection string
}

const standInNodes = 3

// standInProgram builds the stand-in once.
var standInProgram = sync.OnceValues(func() (string, error) {
	ours, err := program()
	if err != nil {
		return "", err
	}
	path := filepath.Join(filepath.Dir(ours), "esdb-standin")
	out, err := exec.Command("go", "build", "-o", path, "asprak/cmd/esdb-standin").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

func startStandIn(t testing.TB) *standIn {
	t.Helper()
	data := t.TempDir()
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(data)) })
	s := &standIn{t: t}
	t.Cleanup(func() { s.kill() })
	for range 20 { // the ports may be taken
		// Below those that the kernel gives to whoever asks for any.
		port := 20_000 + rand.IntN(12_000)
		s.args = []string{"--listen", fmt.Sprintf("127.0.0.1:%d", port), "--control", fmt.Sprintf("127.0.0.1:%d", port+standInNodes),
			"--nodes", fmt.Sprint(standInNodes), "--data", data}
		if s.start() {
			return s
		}
	}
	t.Fatal("the stand-in does not start")
	return nil
}

// start tells whether the program said that it serves.
func (s *standIn) start() bool {
	path, err := standInProgram()
	require.NoError(s.t, err)
	s.cmd = exec.Command(path, s.args...)
	out, err := s.cmd.StdoutPipe()
	require.NoError(s.t, err)
	require.NoError(s.t, s.cmd.Start())
	for lines := bufio.NewScanner(out); lines.Scan(); {
		words := strings.Fields(lines.Text())
		switch end := words[len(words)-1]; {
		case strings.Contains(lines.Text(), "control at"):
			s.control = end
		case strings.Contains(lines.Text(), "test double"):
			s.connection = end
			return true
		}
	}
	_ = s.cmd.Wait() // it did not start
	return false
}

func (s *standIn) kill() {
	if s.cmd != nil && s.cmd.ProcessState == nil {
		s.cmd.Process.Kill()
		_ = s.cmd.Wait() // killed
	}
}

// order tells the control what to do.
func (s *standIn) order(path string) {
	s.t.Helper()
	response, err := http.Post(s.control+path, "", nil)
	require.NoError(s.t, err)
	defer response.Body.Close()
	require.Equal(s.t, http.StatusOK, response.StatusCode, path)
}

// fleet is several processes that play one role each, over a log and a database that they share.
type fleet struct {
	t      testing.TB
	data   string
	common []string
	parts  map[string][]*atomic.Pointer[process] // by role
	keys   *identity.Tokens
}

// startFleet starts the processes at once: so many of each role.
func startFleet(t testing.TB, common []string, counts map[string]int) *fleet {
	t.Helper()
	f := &fleet{t: t, data: filepath.Join(t.TempDir(), "data"), common: common, parts: map[string][]*atomic.Pointer[process]{}}
	for role, count := range counts {
		for range count {
			part := &atomic.Pointer[process]{}
			part.Store(f.launch(role))
			f.parts[role] = append(f.parts[role], part)
		}
	}
	for _, parts := range f.parts {
		for _, part := range parts {
			part.Load().await()
		}
	}
	var err error
	f.keys, err = identity.Open(folder{Data: f.data}.key())
	require.NoError(t, err)
	return f
}

func (f *fleet) launch(role string) *process {
	return launchProcess(f.t, f.data, append([]string{"--roles", role, "--readers", "1"}, f.common...)...)
}

// replace kills one process of the role and starts another in its place.
func (f *fleet) replace(role string, which int) {
	f.t.Helper()
	part := f.parts[role][which]
	part.Load().stop(syscall.SIGKILL)
	p := f.launch(role)
	p.await()
	part.Store(p)
}

// lives fails the test when a process ended by itself.
func (f *fleet) lives() {
	f.t.Helper()
	for role, parts := range f.parts {
		for _, part := range parts {
			select {
			case <-part.Load().done:
				require.Fail(f.t, "a process ended", "%s: %s", role, part.Load().log)
			default:
			}
		}
	}
}

// metrics is what the processes of the role say of a metric.
func (f *fleet) metrics(role, name string) (values []float64) {
	f.t.Helper()
	for _, part := range f.parts[role] {
		value, there := part.Load().metric(name)
		require.True(f.t, there, name)
		values = append(values, value)
	}
	return values
}

// as is a caller at one of the APIs.
func (f *fleet) as(role domain.Role, subject string) *caller {
	apis := f.parts["api"]
	return &caller{base: apis[rand.IntN(len(apis))].Load().base, token: func() (string, error) { return f.keys.Issue(subject, role, time.Hour) }}
}

// send repeats a request with one key, each time at any of the APIs, until it is acknowledged.
func (f *fleet) send(ctx context.Context, role domain.Role, subject, key string, command func(*caller) error) error {
	for {
		c := f.as(role, subject)
		c.key = key
		err := command(c)
		if err == nil {
			return nil
		}
		if status := statusOf(err); status != 0 && status != http.StatusServiceUnavailable {
			return fmt.Errorf("%s: %w", key, err)
		}
		if !pauseFor(ctx, 10*time.Millisecond) {
			return fmt.Errorf("%s: %w: %w", key, ctx.Err(), err)
		}
	}
}

// pauseFor spares the processor; nothing is concluded from its length.
func pauseFor(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// sent is what one student sent.
type sent struct{ application, document string }

// apply lets a student apply and upload a document of their own, and look at the application
// through any API.
func (f *fleet) apply(ctx context.Context, opening string, sample samples.Sample, content []byte, student int, acknowledged func()) (s sent, err error) {
	subject := fmt.Sprintf("student-%d", student)
	var submitted, uploaded answer
	err = f.send(ctx, domain.RoleApplicant, subject, opening+"-apply-"+subject, func(c *caller) error {
		return c.post(ctx, "/v1/applications", map[string]any{"opening_id": opening, "applicant": map[string]any{
			"name": sample.Applicant.Name, "nim": sample.Applicant.NIM, "email": "s@example.ac.id", "programme": "TRPL"}}, &submitted)
	})
	if err != nil {
		return s, err
	}
	acknowledged()
	path := "/v1/applications/" + submitted.ID
	own := fmt.Appendf(slices.Clip(content), "\n%% %s to %s\n", subject, opening)
	err = f.send(ctx, domain.RoleApplicant, subject, opening+"-upload-"+subject, func(c *caller) error {
		return c.upload(ctx, path+"/documents", sample.File, own, &uploaded)
	})
	if err != nil {
		return s, err
	}
	acknowledged()
	// Any API shows what was acknowledged, or says that it cannot yet.
	var seen struct{ Status string }
	err = f.send(ctx, domain.RoleApplicant, subject, "", func(c *caller) error {
		c.position = uploaded.Position
		return c.get(ctx, path, &seen)
	})
	if err == nil && seen.Status == "submitted" {
		err = fmt.Errorf("application %s was shown as before its upload", submitted.ID)
	}
	return sent{submitted.ID, uploaded.DocumentID}, err
}
