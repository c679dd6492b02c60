package workers

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"asprak/application"
	"asprak/domain/transcript"
)

// errProtocol says that the child did not answer as agreed: it died or talks nonsense.
var errProtocol = errors.New("workers: the child broke off")

// child is one process. Only its slot uses it.
type child struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	gone    chan struct{} // closed when the process has ended
	ending  sync.Once
}

// start runs the command and waits until it says that it is ready.
func (p *Pool) start() (*child, error) {
	c, err := p.spawn()
	if err != nil {
		return nil, err
	}
	p.started.Add(1)
	hello := make(chan error, 1)
	var greeting reply
	go func() { hello <- readJSON(c.out, &greeting) }()
	timer := time.NewTimer(p.options.StartTimeout)
	defer timer.Stop()
	select {
	case err = <-hello:
		if err == nil && greeting.Versions == nil {
			err = errProtocol
		}
	case <-timer.C:
		err = fmt.Errorf("workers: not ready within %s", p.options.StartTimeout)
	case <-p.stopped.Done():
		err = p.stopped.Err()
	}
	if err != nil {
		c.end()
		return nil, err
	}
	p.once.Do(func() {
		p.versions = *greeting.Versions
		close(p.known)
	})
	return c, nil
}

// spawn starts the process in a group of its own, to be killed with whatever it started,
// and bound to this process's life.
func (p *Pool) spawn() (*child, error) {
	command := exec.Command(p.options.Command[0], p.options.Command[1:]...)
	command.Env = p.options.environment()
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	command.WaitDelay = time.Second
	in, err := command.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("workers: %w", err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("workers: %w", err)
	}
	command.Stderr = &lines{pool: p}
	c := &child{command: command, in: in, out: bufio.NewReaderSize(out, 64<<10), gone: make(chan struct{})}
	// Go marks what it opens itself, a library in C may not.
	if err := unix.CloseRange(3, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		p.options.Logger.Warn("reader children may inherit descriptors", "error", err)
	}
	started := make(chan error, 1)
	go func() {
		// The kernel's death signal follows the thread that forked, not the process:
		// this thread waits for the child, so it lives as long.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := command.Start(); err != nil {
			started <- err
			return
		}
		started <- nil
		_ = command.Wait()
		close(c.gone)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("workers: %w", err)
	}
	return c, nil
}

func (c *child) pid() int { return c.command.Process.Pid }

// end kills the process group and waits until the process is gone.
func (c *child) end() {
	c.ending.Do(func() {
		_ = c.in.Close()
		select {
		case <-c.gone:
			return // its number may belong to another process by now
		default:
		}
		_ = syscall.Kill(-c.pid(), syscall.SIGKILL)
		<-c.gone
	})
}

// resident is the process's memory in bytes; 0 when it is gone.
func (c *child) resident() int64 {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(c.pid()) + "/statm")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(data)
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// ask sends the document and reads the answer. The error is errProtocol when the child is
// of no further use, else what the child's reader said.
func (c *child) ask(document application.Document) (transcript.Reading, error) {
	header, err := json.Marshal(request{Name: document.Name})
	if err != nil {
		return transcript.Reading{}, err
	}
	if err := errors.Join(writeFrame(c.in, header), writeFrame(c.in, document.Content)); err != nil {
		return transcript.Reading{}, fmt.Errorf("%w: %w", errProtocol, err)
	}
	var answer reply
	if err := readJSON(c.out, &answer); err != nil {
		return transcript.Reading{}, fmt.Errorf("%w: %w", errProtocol, err)
	}
	switch {
	case answer.Code != "":
		return transcript.Reading{}, fault(answer.Code, errors.New(answer.Error))
	case answer.Reading == nil:
		return transcript.Reading{}, fmt.Errorf("%w: an empty answer", errProtocol)
	}
	return *answer.Reading, nil
}

const (
	maxLine  = 300 // bytes of a line of standard error worth keeping
	maxLines = 50  // of one child
)

// lines passes a child's standard error on to the log, bounded.
type lines struct {
	pool *Pool
	rest []byte
	seen int
}

func (l *lines) Write(b []byte) (int, error) {
	l.rest = append(l.rest, b...)
	for {
		line, rest, whole := bytes.Cut(l.rest, []byte("\n"))
		if !whole {
			l.rest = l.rest[:min(len(l.rest), maxLine)]
			return len(b), nil
		}
		l.rest = rest
		if l.seen++; l.seen <= maxLines && len(line) > 0 {
			l.pool.options.Logger.Warn("reader child", "says", string(line[:min(len(line), maxLine)]))
		}
	}
}
