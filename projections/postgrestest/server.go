// Package postgrestest starts throw-away PostgreSQL servers from the packages that are installed, for tests.
package postgrestest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	_ "github.com/lib/pq" // the driver "postgres"
)

// Server is a server of the tests' own. Its language compares texts otherwise than byte by byte.
type Server struct {
	folder   string
	program  string
	settings []string
	user     *syscall.Credential // nil: this process's
	port     int
	process  *exec.Cmd
	ended    chan struct{} // closed when the process has ended
	url      string
	admin    *sqlx.DB
	schemas  atomic.Int64
}

// Shared is a server that is started for the first test that asks for it. The zero value is ready.
type Shared struct {
	once   sync.Once
	server *Server
	err    error
}

// Server is the server, for the test that needs one; ASPRAK_TEST_POSTGRES=skip leaves such tests
// out, visibly.
func (s *Shared) Server(t testing.TB) *Server {
	t.Helper()
	if os.Getenv("ASPRAK_TEST_POSTGRES") == "skip" {
		t.Skip("ASPRAK_TEST_POSTGRES=skip: not tested on PostgreSQL")
	}
	s.once.Do(func() { s.server, s.err = Start() })
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.server
}

// Stop stops the server if there is one.
func (s *Shared) Stop() {
	if s.server != nil {
		s.server.Stop()
	}
}

// Start starts a server. Whoever does stops it; it ends with this process at the latest. The
// settings, as "name=value", go before those that make tests quick.
func Start(settings ...string) (*Server, error) {
	s := &Server{settings: settings}
	if err := s.start(); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

// Schema makes an empty schema and returns the URL that leads to it.
func (s *Server) Schema(t testing.TB) string {
	t.Helper()
	schema := fmt.Sprintf("t%d", s.schemas.Add(1))
	if _, err := s.admin.Exec("CREATE SCHEMA " + schema); err != nil {
		t.Fatal(err)
	}
	return s.url + "&search_path=" + schema + "&application_name=" + schema
}

// Crash kills the server, with what it has not written yet, and starts it again at its address.
func (s *Server) Crash() error {
	s.process.Process.Kill()
	<-s.ended
	var err error
	for range 100 { // what it started ends a little later
		if err = s.serve(); err == nil {
			return nil
		}
	}
	return err
}

// Admin is a pool of sessions that may do everything.
func (s *Server) Admin() *sqlx.DB { return s.admin }

// Stop ends the server and removes what it kept.
func (s *Server) Stop() {
	if s.admin != nil {
		s.admin.Close()
	}
	if s.ended != nil {
		s.process.Process.Signal(syscall.SIGQUIT)
		<-s.ended
	}
	if s.folder != "" {
		os.RemoveAll(s.folder)
	}
}

func (s *Server) start() error {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return errors.New("PostgreSQL is not installed: apt-get install postgresql (or set ASPRAK_TEST_POSTGRES=skip to leave its tests out)")
	}
	slices.Sort(found)
	bin := filepath.Dir(found[len(found)-1])
	s.program = filepath.Join(bin, "postgres")
	if s.folder, err = os.MkdirTemp("", "asprak-postgres-"); err != nil {
		return err
	}
	if os.Geteuid() == 0 { // which the server refuses to be
		if s.user, err = unprivileged(); err != nil {
			return err
		}
		if err := os.Chown(s.folder, int(s.user.Uid), int(s.user.Gid)); err != nil {
			return err
		}
	}
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", s.data(), "-U", "asprak", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8",
		"--locale-provider=icu", "--icu-locale=en-US", "--no-sync")
	initdb.SysProcAttr, initdb.Dir = &syscall.SysProcAttr{Credential: s.user}, s.folder
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	for range 3 { // the port may be taken meanwhile
		if s.port, err = freePort(); err != nil {
			return err
		}
		s.url = fmt.Sprintf("postgres://asprak@127.0.0.1:%d/postgres?sslmode=disable", s.port)
		if err = s.serve(); err == nil {
			return nil
		}
	}
	return err
}

func (s *Server) data() string { return filepath.Join(s.folder, "data") }

func freePort() (int, error) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return free.Addr().(*net.TCPAddr).Port, free.Close()
}

// unprivileged is the user "postgres" where there is one, else "nobody".
func unprivileged() (*syscall.Credential, error) {
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
			gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(err1, err2)
		}
	}
	return nil, errors.New("there is no user that PostgreSQL could run as")
}

// serve starts the server at its port. What a commit does not write itself stays unwritten for
// as long as the server allows, and so is lost in a crash.
func (s *Server) serve() (err error) {
	var said bytes.Buffer
	s.process = exec.Command(s.program, "-D", s.data(), "-h", "127.0.0.1", "-p", strconv.Itoa(s.port), "-k", s.folder,
		"-c", "fsync=off", "-c", "full_page_writes=off", "-c", "autovacuum=off", "-c", "shared_buffers=32MB", "-c", "max_connections=100",
		"-c", "wal_writer_delay=10s")
	for _, setting := range s.settings { // the last one of a name counts
		s.process.Args = append(s.process.Args, "-c", setting)
	}
	s.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT, Credential: s.user}
	s.process.Dir, s.process.Stdout, s.process.Stderr = s.folder, &said, &said
	started, ended := make(chan error, 1), make(chan struct{})
	go func() {
		// The kernel's death signal follows the thread that forked: this one waits for the
		// server, so it lives as long.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := s.process.Start()
		started <- err
		if err == nil {
			_ = s.process.Wait() // it is told to end
			close(ended)
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	s.ended = ended
	if s.admin != nil {
		s.admin.Close()
	}
	if s.admin, err = sqlx.Open("postgres", s.url); err != nil {
		return err
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.After(30 * time.Second)
	for {
		select {
		case <-ended:
			return fmt.Errorf("postgres ended: %s", said.String())
		case <-late:
			s.process.Process.Kill()
			return errors.New("postgres does not answer")
		case <-tick.C:
			if s.admin.PingContext(context.Background()) == nil {
				return nil
			}
		}
	}
}
