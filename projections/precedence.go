package projections

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// precedence is how a build lets go first who follows the log into the same SQLite file. The
// file has one writer at a time, and whoever waits for it in SQLite only tries again now and then: a build
// that commits and goes on would leave no gap. Who follows holds the kernel's lock on the first of two files
// beside it for as long as it wants to write, and everybody that on the second for as long as they write, which wakes who
// waits at once. On a server it is nil, and nobody has to wait.
type precedence struct{ claims, turn *os.File }

func openPrecedence(path string) (*precedence, error) {
	if path == "" {
		return nil, nil
	}
	claims, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	turn, err := os.OpenFile(path+"-turn", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, errors.Join(err, claims.Close())
	}
	return &precedence{claims, turn}, nil
}

// claim says that its caller wants to write, and waits for its turn.
func (p *precedence) claim() error {
	if p == nil {
		return nil
	}
	if err := lockFile(p.claims, unix.LOCK_EX); err != nil {
		return err
	}
	return lockFile(p.turn, unix.LOCK_EX)
}

// cede ends a claim.
func (p *precedence) cede() error {
	if p == nil {
		return nil
	}
	return errors.Join(lockFile(p.turn, unix.LOCK_UN), lockFile(p.claims, unix.LOCK_UN))
}

// take waits until nobody claims the file and it is the caller's turn, which leave ends.
func (p *precedence) take() error {
	if p == nil {
		return nil
	}
	if err := errors.Join(lockFile(p.claims, unix.LOCK_EX), lockFile(p.claims, unix.LOCK_UN)); err != nil {
		return err
	}
	return lockFile(p.turn, unix.LOCK_EX)
}

func (p *precedence) leave() error {
	if p == nil {
		return nil
	}
	return lockFile(p.turn, unix.LOCK_UN)
}

// claimed tells whether somebody else claims it.
func (p *precedence) claimed() (bool, error) {
	if p == nil {
		return false, nil
	}
	err := lockFile(p.claims, unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return true, nil
	}
	return false, errors.Join(err, lockFile(p.claims, unix.LOCK_UN))
}

func lockFile(file *os.File, how int) error {
	for {
		if err := unix.Flock(int(file.Fd()), how); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func (p *precedence) Close() error {
	if p == nil {
		return nil
	}
	return errors.Join(p.claims.Close(), p.turn.Close())
}
