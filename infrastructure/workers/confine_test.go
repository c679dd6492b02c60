package workers

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// try does inside a child what a hostile file might make it do, and tells how that ended.
func try(what []string) string {
	if err := attempt(what[0], what[1:]); err != nil {
		return err.Error()
	}
	return "done"
}

func attempt(what string, with []string) error {
	switch what {
	case "read":
		_, err := os.ReadFile(with[0])
		return err
	case "list":
		_, err := os.ReadDir(with[0])
		return err
	case "write":
		return os.WriteFile(with[0], []byte("x"), 0o600)
	case "remove":
		return os.Remove(with[0])
	case "dial":
		_, err := net.Dial(with[0], with[1])
		return err
	case "run":
		return exec.Command(with[0]).Run()
	case "signal":
		var number int
		if _, err := fmt.Sscan(with[0], &number); err != nil {
			return err
		}
		return syscall.Kill(number, 0)
	case "ring":
		ring, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, 0, 0)
		if errno == unix.EFAULT { // the kernel looked at the parameters
			return nil
		}
		return fmt.Errorf("ring %d: %w", ring, errno)
	case "dump":
		var limit unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_CORE, &limit); err != nil || limit.Max > 0 {
			return err
		}
		return unix.EPERM
	case "environment":
		return fmt.Errorf("%q", os.Environ())
	case "status":
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			return err
		}
		return fmt.Errorf("%s", status)
	case "descriptor":
		var number int
		if _, err := fmt.Sscan(with[0], &number); err != nil {
			return err
		}
		_, err := unix.FcntlInt(uintptr(number), unix.F_GETFD, 0)
		return err
	}
	return fmt.Errorf("%s is not known", what)
}

func TestConfine_HostileDeeds_FailInsideAndSucceedOutside(t *testing.T) {
	allowed, forbidden := t.TempDir(), t.TempDir()
	for _, folder := range []string{allowed, forbidden} {
		for _, name := range []string{"kept", "free"} {
			require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte("content"), 0o600))
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, listener.Close()) })
	local, err := net.Listen("unix", filepath.Join(allowed, "socket"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, local.Close()) })

	confined := open(t, Options{Env: []string{asChild + "=confined but for " + allowed}})
	loose := open(t, Options{})
	for _, deed := range []string{
		"read " + filepath.Join(forbidden, "kept"),
		fmt.Sprintf("read /proc/%d/environ", os.Getpid()),
		"list " + forbidden,
		"write " + filepath.Join(forbidden, "new"),
		"write " + filepath.Join(allowed, "new"),
		"remove " + filepath.Join(allowed, "free"),
		"dial tcp " + listener.Addr().String(),
		"dial udp 127.0.0.1:9",
		"dial unix " + local.Addr().String(),
		"run /bin/true",
		fmt.Sprintf("signal %d", os.Getpid()),
		"ring",
	} {
		t.Run(deed[:strings.IndexByte(deed+" ", ' ')], func(t *testing.T) {
			reading, err := read(t, confined, "try "+deed)
			require.NoError(t, err)
			require.Regexp(t, "permission denied|operation not permitted", reading.Detail, deed)
			reading, err = read(t, loose, "try "+deed)
			require.NoError(t, err)
			require.Equal(t, "done", reading.Detail, deed)
		})
	}
	for _, deed := range []string{"read " + filepath.Join(allowed, "kept"), "write " + os.DevNull} {
		reading, err := read(t, confined, "try "+deed)
		require.NoError(t, err)
		require.Equal(t, "done", reading.Detail, deed)
	}
	reading, err := read(t, confined, "try dump")
	require.NoError(t, err)
	require.Equal(t, unix.EPERM.Error(), reading.Detail)
	require.Zero(t, confined.Stats().Crashed)
}

func TestConfine_EveryThread_HasNoNewPrivilegesAndTheFilter(t *testing.T) {
	p := open(t, Options{Env: []string{asChild + "=confined but for /proc"}})
	reading, err := read(t, p, "try status")
	require.NoError(t, err)
	require.Contains(t, reading.Detail, "NoNewPrivs:\t1\n")
	require.Contains(t, reading.Detail, "Seccomp:\t2\n")
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid(t, p)))
	require.NoError(t, err)
	require.NotEmpty(t, tasks)
	for _, task := range tasks {
		status, err := os.ReadFile(task)
		require.NoError(t, err)
		require.Contains(t, string(status), "NoNewPrivs:\t1\n")
		require.Contains(t, string(status), "Seccomp:\t2\n")
	}
}

func TestPool_Child_InheritsNoSecretAndNoDescriptor(t *testing.T) {
	t.Setenv("ASPRAK_MASTER_KEY", "secret")
	t.Setenv("TESSDATA_PREFIX", "/tessdata")
	file, err := os.Open(os.Args[0])
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, file.Close()) })
	const leaked = 200 // beyond what a child opens itself
	require.NoError(t, unix.Dup3(int(file.Fd()), leaked, 0))
	t.Cleanup(func() { require.NoError(t, unix.Close(leaked)) })

	p := open(t, Options{})
	reading, err := read(t, p, "try environment")
	require.NoError(t, err)
	require.NotContains(t, reading.Detail, "secret")
	require.Contains(t, reading.Detail, "TESSDATA_PREFIX=/tessdata")
	reading, err = read(t, p, fmt.Sprintf("try descriptor %d", leaked))
	require.NoError(t, err)
	require.Equal(t, unix.EBADF.Error(), reading.Detail)
}
