package projections

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// precedence is how a build lets go first who follows the log into the same SQLite file. The
// file has one writer at a time, and whoever waits for it only tries again now and then: a build
// that commits and goes on would leave no gap. Who follows holds the kernel's lock on a file
// beside it for as long as it wants to write. On a server it is nil, and nobody has to wait.
type precedence struct{ *os.File }

func openPrecedence(path string) (*precedence, error) {
	if path == "" {
		return nil, nil
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	return &precedence{file}, err
}

// claim says that its caller wants to write, or writes.
func (p *precedence) claim() error {
	if p == nil {
		return nil
	}
	return p.lock(unix.LOCK_EX)
}

// cede ends a claim.
func (p *precedence) cede() error {
	if p == nil {
		return nil
	}
	return p.lock(unix.LOCK_UN)
}

// await returns when nobody claims it.
func (p *precedence) await() error { return errors.Join(p.claim(), p.cede()) }

// claimed tells whether somebody else claims it.
func (p *precedence) claimed() (bool, error) {
	if p == nil {
		return false, nil
	}
	err := p.lock(unix.LOCK_EX | unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return true, nil
	}
	return false, errors.Join(err, p.cede())
}

func (p *precedence) lock(how int) error {
	for {
		if err := unix.Flock(int(p.Fd()), how); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func (p *precedence) Close() error {
	if p == nil {
		return nil
	}
	return p.File.Close()
}
