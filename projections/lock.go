package projections

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const (
	lockPoll   = 300 * time.Millisecond // a process that stands ready asks for the lock
	heartbeat  = time.Second            // the holder of a server's lock shows that it lives
	lockAnswer = 5 * time.Second
)

// lock is what one process at a time has: the right to project.
type lock interface {
	// acquire waits until the lock is this process's, or ctx ends.
	acquire(ctx context.Context) (heldLock, error)
}

// heldLock is the lock in this process's hands.
type heldLock interface {
	// hold returns when ctx ends, or with the error by which the lock may be another's.
	hold(ctx context.Context) error
	// Close gives the lock back.
	Close() error
}

// fileLock is the path of a file beside an SQLite database. The kernel drops its lock with the
// process, however that dies.
type fileLock string

func (l fileLock) acquire(ctx context.Context) (heldLock, error) {
	file, err := os.OpenFile(string(l), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return lockedFile{file}, nil
		}
		if errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, unix.EINTR) {
			sleep(ctx, lockPoll)
			err = ctx.Err()
		}
		if err != nil {
			return nil, errors.Join(err, file.Close())
		}
	}
}

type lockedFile struct{ *os.File }

func (lockedFile) hold(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// acquire asks again and again: a session that waits inside the server keeps old rows from
// being cleared away.
func (p *postgres) acquire(ctx context.Context) (heldLock, error) {
	conn, err := p.locks.Conn(ctx)
	if err != nil {
		return nil, err
	}
	for {
		held := false
		asking, cancel := context.WithTimeout(ctx, lockAnswer)
		err := conn.QueryRowContext(asking, `SELECT pg_try_advisory_lock($1)`, p.lock).Scan(&held)
		cancel()
		if err == nil && held {
			return session{conn}, nil
		}
		if err == nil {
			sleep(ctx, lockPoll)
			err = ctx.Err()
		}
		if err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
}

// session holds the projector's advisory lock.
type session struct{ *sql.Conn }

// hold shows every second that the holder of the lock lives.
func (s session) hold(ctx context.Context) error {
	for {
		sleep(ctx, heartbeat)
		if ctx.Err() != nil {
			return nil
		}
		asking, cancel := context.WithTimeout(ctx, lockAnswer)
		_, err := s.ExecContext(asking, `SELECT 1`)
		cancel()
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("the projector's lock is lost: %w", err)
		}
	}
}
