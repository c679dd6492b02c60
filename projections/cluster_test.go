package projections

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
	"github.com/stretchr/testify/require"
)

// cluster is a PostgreSQL server of the tests' own, started when the first test asks for it.
// Its language compares texts otherwise than byte by byte.
type cluster struct {
	once    sync.Once
	err     error
	folder  string
	process *exec.Cmd
	url     string
	admin   *sqlx.DB
	schemas atomic.Int64
}

var theCluster cluster

func TestMain(m *testing.M) {
	runtime.LockOSThread() // the server ends with the thread that started it
	code := m.Run()
	theCluster.stop()
	os.Exit(code)
}

// postgresPlace is the URL of a schema of its own.
func postgresPlace(t testing.TB) string {
	if os.Getenv("ASPRAK_TEST_POSTGRES") == "skip" {
		t.Skip("ASPRAK_TEST_POSTGRES=skip: not tested on PostgreSQL")
	}
	c := &theCluster
	c.once.Do(func() { c.err = c.start() })
	require.NoError(t, c.err)
	schema := fmt.Sprintf("t%d", c.schemas.Add(1))
	_, err := c.admin.Exec("CREATE SCHEMA " + schema)
	require.NoError(t, err)
	return c.url + "&search_path=" + schema + "&application_name=" + schema
}

func (c *cluster) start() error {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return errors.New("PostgreSQL is not installed: apt-get install postgresql (or set ASPRAK_TEST_POSTGRES=skip to leave its tests out)")
	}
	slices.Sort(found)
	bin := filepath.Dir(found[len(found)-1])
	if c.folder, err = os.MkdirTemp("", "asprak-postgres-"); err != nil {
		return err
	}
	attributes := &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT}
	if os.Geteuid() == 0 { // which the server refuses to be
		if attributes.Credential, err = unprivileged(); err != nil {
			return err
		}
		if err := os.Chown(c.folder, int(attributes.Credential.Uid), int(attributes.Credential.Gid)); err != nil {
			return err
		}
	}
	data := filepath.Join(c.folder, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "asprak", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8",
		"--locale-provider=icu", "--icu-locale=en-US", "--no-sync")
	initdb.SysProcAttr, initdb.Dir = attributes, c.folder
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	for range 3 { // the port may be taken meanwhile
		if err = c.serve(filepath.Join(bin, "postgres"), data, attributes); err == nil {
			return nil
		}
	}
	return err
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

func (c *cluster) serve(program, data string, attributes *syscall.SysProcAttr) error {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	port := free.Addr().(*net.TCPAddr).Port
	if err := free.Close(); err != nil {
		return err
	}
	var said bytes.Buffer
	c.process = exec.Command(program, "-D", data, "-h", "127.0.0.1", "-p", strconv.Itoa(port), "-k", c.folder,
		"-c", "fsync=off", "-c", "full_page_writes=off", "-c", "autovacuum=off", "-c", "shared_buffers=32MB", "-c", "max_connections=100")
	c.process.SysProcAttr, c.process.Dir, c.process.Stdout, c.process.Stderr = attributes, c.folder, &said, &said
	if err := c.process.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() { c.process.Wait(); close(ended) }()
	c.url = fmt.Sprintf("postgres://asprak@127.0.0.1:%d/postgres?sslmode=disable", port)
	if c.admin, err = sqlx.Open("postgres", c.url); err != nil {
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
			c.process.Process.Kill()
			return errors.New("postgres does not answer")
		case <-tick.C:
			if c.admin.PingContext(context.Background()) == nil {
				return nil
			}
		}
	}
}

func (c *cluster) stop() {
	if c.admin != nil {
		c.admin.Close()
	}
	if c.process != nil {
		c.process.Process.Signal(syscall.SIGQUIT)
		for c.process.Process.Signal(syscall.Signal(0)) == nil { // until it is waited for
			runtime.Gosched()
		}
	}
	if c.folder != "" {
		os.RemoveAll(c.folder)
	}
}
