package projections

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/lib/pq"
)

// anyText lets a PostgreSQL database keep every text: the server refuses the NUL character
// and what is not UTF-8, which users and old events may well hold, and a refused text would
// stop the projector for good. Texts are escaped on their way in, in values and conditions
// alike, and are what they were on their way out.
type anyText struct{ *pq.Connector }

func (c anyText) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return textConn{conn.(fullConn)}, nil
}

// fullConn is what a connection of lib/pq can do.
type fullConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.NamedValueChecker
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

type fullStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type textConn struct{ fullConn }

func (c textConn) CheckNamedValue(v *driver.NamedValue) error {
	err := c.fullConn.CheckNamedValue(v)
	if errors.Is(err, driver.ErrSkip) {
		v.Value, err = driver.DefaultParameterConverter.ConvertValue(v.Value)
	}
	if text, ok := v.Value.(string); ok {
		v.Value = escape(text)
	}
	return err
}

func (c textConn) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

func (c textConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	statement, err := c.fullConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return textStmt{statement.(fullStmt)}, nil
}

func (c textConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := c.fullConn.QueryContext(ctx, query, args)
	if err != nil {
		return nil, err
	}
	return textRows{rows}, nil
}

type textStmt struct{ fullStmt }

func (s textStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := s.fullStmt.QueryContext(ctx, args)
	if err != nil {
		return nil, err
	}
	return textRows{rows}, nil
}

type textRows struct{ driver.Rows }

func (r textRows) Next(row []driver.Value) error {
	err := r.Rows.Next(row)
	if err != nil {
		return err
	}
	for i, value := range row {
		if text, ok := value.(string); ok {
			row[i] = unescape(text)
		}
	}
	return nil
}

// mark begins an escape: "0" is NUL, "1" the mark itself, "x" and two digits another byte
// that UTF-8 does not allow. It is a code point that means nothing in any text.
const mark = "\ufdd0"

const digits = "0123456789abcdef"

func escape(s string) string {
	if strings.IndexByte(s, 0) < 0 && !strings.Contains(s, mark) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case s[i] == 0:
			b.WriteString(mark + "0")
		case strings.HasPrefix(s[i:], mark):
			b.WriteString(mark + "1")
		case r == utf8.RuneError && size == 1:
			b.WriteString(mark + "x")
			b.WriteByte(digits[s[i]>>4])
			b.WriteByte(digits[s[i]&15])
		default:
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	return b.String()
}

// unescape is the inverse of escape. What escape did not write it leaves as it is.
func unescape(s string) string {
	plain, rest, found := strings.Cut(s, mark)
	if !found {
		return s
	}
	var b strings.Builder
	for ; found; plain, rest, found = strings.Cut(rest, mark) {
		b.WriteString(plain)
		switch {
		case strings.HasPrefix(rest, "0"):
			b.WriteByte(0)
			rest = rest[1:]
		case strings.HasPrefix(rest, "1"):
			b.WriteString(mark)
			rest = rest[1:]
		case len(rest) >= 3 && rest[0] == 'x':
			b.WriteByte(byte(strings.IndexByte(digits, rest[1])<<4 | strings.IndexByte(digits, rest[2])))
			rest = rest[3:]
		default:
			b.WriteString(mark)
		}
	}
	b.WriteString(plain)
	return b.String()
}
