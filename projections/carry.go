package projections

import "github.com/jmoiron/sqlx"

// carryWithin are as many events as a build writes before the write-ahead log has to begin anew.
const carryWithin = 4 * buildBatch

// carrier takes what a build has committed over from SQLite's write-ahead log into the file. The build does
// not do so by itself at the end of a commit, where the next who wants to write would wait for the disk too. On a
// server it is nil.
type carrier struct {
	db       *sqlx.DB
	behind   int // events committed since the write-ahead log could begin anew
	carrying chan error
}

// over carries over what is committed, beside what the build does next. Now and then, and when little is to go to
// the disk at once, it returns only afterwards: the write-ahead log begins anew when all of it has been carried over.
func (c *carrier) over(events int, little bool) error {
	if c == nil {
		return nil
	}
	if err := c.wait(); err != nil {
		return err
	}
	c.carrying = make(chan error, 1)
	go func() {
		_, err := c.db.Exec(`PRAGMA wal_checkpoint(PASSIVE)`)
		c.carrying <- err
	}()
	if c.behind += events; c.behind < carryWithin && !little {
		return nil
	}
	c.behind = 0
	return c.wait()
}

func (c *carrier) wait() error {
	if c.carrying == nil {
		return nil
	}
	err := <-c.carrying
	c.carrying = nil
	return err
}

func (c *carrier) close() {
	if c != nil {
		c.wait()
		c.db.Close()
	}
}
