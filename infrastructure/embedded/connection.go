package embedded

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"

	"github.com/mattn/go-sqlite3"
)

// connection is one SQLite connection with its prepared statements, for one goroutine at a
// time. It speaks to the driver directly: database/sql would cost an append as much again
// as SQLite itself does.
type connection struct {
	raw        *sqlite3.SQLiteConn
	statements map[string]*statement
}

type statement struct {
	raw  *sqlite3.SQLiteStmt
	args []driver.NamedValue
	row  []driver.Value
}

func connect(path string, parameters string) (*connection, error) {
	dsn := (&url.URL{Scheme: "file", Path: path, RawQuery: parameters}).String()
	raw, err := (&sqlite3.SQLiteDriver{}).Open(dsn)
	if err != nil {
		return nil, err
	}
	return &connection{raw: raw.(*sqlite3.SQLiteConn), statements: map[string]*statement{}}, nil
}

// script runs statements that have neither arguments nor rows.
func (c *connection) script(text string) error {
	_, err := c.raw.Exec(text, nil)
	return err
}

// exec runs a statement and returns how many rows it changed.
func (c *connection) exec(text string, args ...driver.Value) (int64, error) {
	s, err := c.prepare(text)
	if err != nil {
		return 0, err
	}
	result, err := s.raw.ExecContext(context.Background(), s.bind(args))
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// query hands each row to scan; the row is reused, its values are not.
func (c *connection) query(scan func(row []driver.Value) error, text string, args ...driver.Value) error {
	s, err := c.prepare(text)
	if err != nil {
		return err
	}
	rows, err := s.raw.QueryContext(context.Background(), s.bind(args))
	if err != nil {
		return err
	}
	defer rows.Close()
	if s.row == nil {
		s.row = make([]driver.Value, len(rows.Columns()))
	}
	for {
		if err := rows.Next(s.row); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := scan(s.row); err != nil {
			return err
		}
	}
}

// number returns the first column of the only row; ok is false when there is none or it is NULL.
func (c *connection) number(text string, args ...driver.Value) (n int64, ok bool, err error) {
	err = c.query(func(row []driver.Value) error {
		n, ok = row[0].(int64)
		return nil
	}, text, args...)
	return n, ok, err
}

func (c *connection) prepare(text string) (*statement, error) {
	if s := c.statements[text]; s != nil {
		return s, nil
	}
	raw, err := c.raw.Prepare(text)
	if err != nil {
		return nil, err
	}
	s := &statement{raw: raw.(*sqlite3.SQLiteStmt)}
	c.statements[text] = s
	return s, nil
}

func (s *statement) bind(args []driver.Value) []driver.NamedValue {
	s.args = s.args[:0]
	for i, arg := range args {
		s.args = append(s.args, driver.NamedValue{Ordinal: i + 1, Value: arg})
	}
	return s.args
}

func (c *connection) close() error {
	var errs []error
	for _, s := range c.statements {
		errs = append(errs, s.raw.Close())
	}
	return errors.Join(append(errs, c.raw.Close())...)
}

func sqliteCode(err error) (sqlite3.ErrNo, bool) {
	var e sqlite3.Error
	if errors.As(err, &e) {
		return e.Code, true
	}
	return 0, false
}

func isConstraint(err error) bool {
	code, ok := sqliteCode(err)
	return ok && code == sqlite3.ErrConstraint
}

// placeholders is "?,?,?" for n values.
func placeholders(n int) string {
	text := make([]byte, 0, 2*n)
	for i := range n {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(text, '?')
	}
	return string(text)
}

func readError(err error) error {
	return fmt.Errorf("embedded: reading the log: %w", err)
}
