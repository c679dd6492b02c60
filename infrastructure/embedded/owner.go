package embedded

import (
	"context"
	"database/sql/driver"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// ownersSuffix names the file of the owners' locks, beside the log's. It is made when the log
// has its tables and stays.
const ownersSuffix = "-owners"

// owner marks the deliveries of one open log. While it lives it locks, in a file beside the
// log, the one byte whose offset is its id. The kernel drops the lock with the process, however
// that dies, so that others see at once, without a heartbeat or a time limit, that the
// deliveries of this owner are free. A lock of the open file description, not of the process,
// so that two logs in one process are two owners.
type owner struct {
	id   int64
	file *os.File
}

func newOwner(path string, id int64) (*owner, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	lock := byteLock(id)
	if err := unix.FcntlFlock(file.Fd(), unix.F_OFD_SETLK, &lock); err != nil {
		file.Close()
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	return &owner{id: id, file: file}, nil
}

func byteLock(offset int64) unix.Flock_t {
	return unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart, Start: offset, Len: 1}
}

// dead tells whether no process holds the lock of the other owner.
func (o *owner) dead(id int64) (bool, error) {
	lock := byteLock(id)
	if err := unix.FcntlFlock(o.file.Fd(), unix.F_OFD_GETLK, &lock); err != nil {
		return false, err
	}
	return lock.Type == unix.F_UNLCK, nil
}

func (o *owner) close() error { return o.file.Close() }

// releaseDead makes the deliveries of dead owners due.
func (l *Log) releaseDead(ctx context.Context) error {
	var others []int64
	err := l.read(ctx, func(c *connection) error {
		return c.query(func(row []driver.Value) error {
			others = append(others, row[0].(int64))
			return nil
		}, "SELECT DISTINCT owner FROM deliveries WHERE owner NOT IN (0, ?)", l.owner.id)
	})
	if err != nil {
		return err
	}
	for _, id := range others {
		if dead, err := l.owner.dead(id); err != nil {
			return err
		} else if !dead {
			continue
		}
		err := l.do(ctx, newJob(false, 0, func(w *writer) error {
			w.woken = true
			_, err := w.exec("UPDATE deliveries SET due = 0, owner = 0, consumer = 0 WHERE owner = ?", id)
			return err
		}))
		if err != nil {
			return err
		}
	}
	return nil
}
