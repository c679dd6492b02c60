package projections

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
	"github.com/mattn/go-sqlite3"

	"asprak/application"
	"asprak/domain"
)

const (
	defaultLimit = 20
	maxLimit     = 100
)

// Page is one page of a list, and the cursor of the next one, "" when there is none.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
}

// list is a walk along an index: equal columns, then a range, in the order of its keys.
type list struct {
	selection  string // SELECT ... FROM ...
	where      []string
	args       []any
	order      []key
	descending bool
	cursor     string
	limit      int
	each       []any // values of a column that begins the index: each is walked along by itself
	of         string
	tied       string // the fingerprint, when what is filtered after it follows from what the caller sent
	also       []string
}

// key is a column of the order; together they tell rows apart.
type key struct {
	column string
	number bool
}

func (l *list) equal(column, value string) {
	if value != "" {
		l.filter(column+" = ?", value)
	}
}

// tie makes the fingerprint of the filters so far and of texts that others follow from: these may
// become other ones between two pages.
func (l *list) tie(texts ...string) {
	l.also = texts
	l.tied = l.fingerprint()
}

// look is equal for a column whose index is not walked along, and must not be.
func (l *list) look(column, value string) {
	if value != "" {
		l.filter(column+" || '' = ?", value)
	}
}

// beginning filters what begins so, of A-Z, 0-9 and blanks.
func (l *list) beginning(column, with string) {
	if with == "" {
		l.filter("1 = 0") // nothing begins with what no key can hold
		return
	}
	l.filter(column+" >= ? AND "+column+" < ?", with, after(with))
}

// among filters by values of the column that begins the index of the order, each of which is
// walked along until the page is full.
func (l *list) among(column string, values []string) { l.of, l.each = column, anys(values) }

func (l *list) filter(condition string, args ...any) {
	l.where = append(l.where, condition)
	l.args = append(l.args, args...)
}

// fingerprint ties a cursor to its list and filters.
func (l *list) fingerprint() string {
	if l.tied != "" {
		return l.tied
	}
	h := fnv.New32a()
	fmt.Fprintf(h, "%q %q %v %v %q %q", l.selection, l.where, l.order, l.descending, fmt.Sprint(l.args...), l.also)
	return strconv.FormatUint(uint64(h.Sum32()), 36)
}

// statement returns the SQL of the page with one row more than it holds, and its arguments.
func (l *list) statement() (string, []any, error) {
	where, args := l.where, l.args
	columns, marks, order := make([]string, len(l.order)), make([]string, len(l.order)), make([]string, len(l.order))
	compare, direction := ">", ""
	if l.descending {
		compare, direction = "<", " DESC"
	}
	for i, k := range l.order {
		columns[i], marks[i], order[i] = k.column, "?", k.column+direction
	}
	if l.cursor != "" {
		after, err := l.decode()
		if err != nil {
			return "", nil, err
		}
		where = append(where[:len(where):len(where)], fmt.Sprintf("(%s) %s (%s)", strings.Join(columns, ", "), compare, strings.Join(marks, ", ")))
		args = append(args[:len(args):len(args)], after...)
	}
	tail := " ORDER BY " + strings.Join(order, ", ") + " LIMIT ?"
	if l.of != "" {
		where = append(where[:len(where):len(where)], l.of+" = ?")
	}
	query := l.selection
	if len(where) > 0 {
		query += " WHERE " + strings.Join(where, " AND ")
	}
	query, args = query+tail, args[:len(args):len(args)]
	if l.of == "" {
		return query, append(args, l.limit+1), nil
	}
	var parts []string
	var all []any
	for i, value := range l.each {
		parts = append(parts, fmt.Sprintf("SELECT * FROM (%s) AS part%d", query, i))
		all = append(append(all, args...), value, l.limit+1)
	}
	return strings.Join(parts, " UNION ALL ") + tail, append(all, l.limit+1), nil
}

func anys(texts []string) []any {
	all := make([]any, len(texts))
	for i, t := range texts {
		all[i] = t
	}
	return all
}

func (l *list) decode() ([]any, error) {
	bad := domain.Errorf(domain.Invalid, "bad_cursor", "The cursor was not given by this list with these filters.")
	bad.Field = "cursor"
	raw, err := base64.RawURLEncoding.DecodeString(l.cursor)
	if err != nil {
		return nil, bad
	}
	var parts []string
	if json.Unmarshal(raw, &parts) != nil || len(parts) != len(l.order)+1 || parts[0] != l.fingerprint() {
		return nil, bad
	}
	values := make([]any, len(l.order))
	for i, k := range l.order {
		values[i] = parts[i+1]
		if k.number {
			if values[i], err = strconv.ParseInt(parts[i+1], 10, 64); err != nil {
				return nil, bad
			}
		}
	}
	return values, nil
}

// start is a cursor before the first row of a list that ascends.
func (l *list) start() string {
	values := make([]any, len(l.order))
	for i, k := range l.order {
		if values[i] = ""; k.number {
			values[i] = -1
		}
	}
	return l.encode(values)
}

func (l *list) encode(values []any) string {
	parts := []string{l.fingerprint()}
	for _, v := range values {
		parts = append(parts, fmt.Sprint(v))
	}
	raw, err := json.Marshal(parts)
	if err != nil {
		panic(err) // strings always have JSON
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// stored is a row as the database has it.
type stored[T any] interface {
	row() (T, error)
	keys(list) []any // the row's values of the list's order
}

// fetch answers with one page.
func fetch[S stored[T], T any](ctx context.Context, s *Store, l list) (Page[T], error) {
	l.limit = bounded(l.limit)
	query, args, err := l.statement()
	if err != nil {
		return Page[T]{}, err
	}
	var found []S
	if err := s.selectAll(ctx, &found, query, args...); err != nil {
		return Page[T]{}, err
	}
	page := Page[T]{Items: make([]T, 0, min(len(found), l.limit))}
	for i, f := range found {
		if i == l.limit {
			page.Next = l.encode(found[i-1].keys(l))
			break
		}
		row, err := f.row()
		if err != nil {
			return Page[T]{}, fmt.Errorf("projections: %w", err)
		}
		page.Items = append(page.Items, row)
	}
	return page, nil
}

// bounded is the limit of a page that was asked for with this one.
func bounded(limit int) int {
	if limit <= 0 {
		return defaultLimit
	}
	return min(limit, maxLimit)
}

// fetchInTurn answers with one page of lists that follow each other. They have the same cursor and
// limit, and from the second on ascend.
func fetchInTurn[S stored[T], T any](ctx context.Context, s *Store, lists []list) (Page[T], error) {
	for len(lists) > 1 && lists[0].cursor != "" {
		if _, err := lists[0].decode(); err == nil {
			break
		}
		lists = lists[1:]
	}
	page, err := fetch[S](ctx, s, lists[0])
	for _, next := range lists[1:] {
		if err != nil || page.Next != "" {
			break
		}
		left := bounded(next.limit) - len(page.Items)
		next.cursor, next.limit = "", max(left, 1)
		var more Page[T]
		if more, err = fetch[S](ctx, s, next); left > 0 {
			page.Items, page.Next = append(page.Items, more.Items...), more.Next
		} else if len(more.Items) > 0 {
			page.Next = next.start()
		}
	}
	return page, err
}

// statement prepares a query once. The texts are few: they vary with which filters are set,
// never with their values.
func (s *Store) statement(ctx context.Context, query string) (*sqlx.Stmt, error) {
	if found, ok := s.statements.Load(query); ok {
		return found.(*sqlx.Stmt), nil
	}
	statement, err := s.read.PreparexContext(ctx, s.read.Rebind(query))
	if err != nil {
		return nil, failure(err)
	}
	if found, loaded := s.statements.LoadOrStore(query, statement); loaded {
		statement.Close()
		return found.(*sqlx.Stmt), nil
	}
	return statement, nil
}

func (s *Store) selectAll(ctx context.Context, dest any, query string, args ...any) error {
	statement, err := s.statement(ctx, query)
	if err != nil {
		return err
	}
	if err := statement.SelectContext(ctx, dest, args...); err != nil {
		return failure(err)
	}
	return nil
}

// getOne reads one row; missing is the error when there is none.
func (s *Store) getOne(ctx context.Context, missing error, dest any, query string, args ...any) error {
	statement, err := s.statement(ctx, query)
	if err != nil {
		return err
	}
	err = statement.GetContext(ctx, dest, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return missing
	}
	if err != nil {
		return failure(err)
	}
	return nil
}

// failure is the error of a query as its caller gets it: of a server that is away or full
// that it is so, for a while, as of tables that another version made, or nobody yet.
func failure(err error) error {
	var lost net.Error
	var refused *pq.Error
	var wrong sqlite3.Error
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
	case errors.Is(err, driver.ErrBadConn), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &lost),
		errors.As(err, &refused) && slices.Contains([]pqerror.Class{"08", "53", "57"}, refused.Code.Class()):
		away := domain.Errorf(domain.Unavailable, "views_unavailable", "The read models cannot be asked at the moment.")
		return fmt.Errorf("%w (%w)", away, err)
	case errors.As(err, &refused) && (refused.Code == pqerror.UndefinedTable || refused.Code == pqerror.UndefinedColumn),
		errors.As(err, &wrong) && strings.HasPrefix(wrong.Error(), "no such "):
		other := domain.Errorf(domain.Unavailable, "views_unavailable", "This read model is being built for this version of the program.")
		return fmt.Errorf("%w (%w)", other, err)
	}
	return fmt.Errorf("projections: %w", err)
}

// place is the part of a row that says which event changed it last.
type place struct {
	Revision application.Revision `db:"revision"`
	Commit   int64                `db:"position"`
	Prepare  int64                `db:"prepare"`
}

func placeOf(r application.Record) place {
	return place{r.Revision, int64(r.Position.Commit), int64(r.Position.Prepare)}
}

func (p place) position() application.Position {
	return application.Position{Commit: uint64(p.Commit), Prepare: uint64(p.Prepare)}
}

// The first and the last moment that nanoseconds since 1970 can tell.
var (
	firstMoment = time.Unix(0, -1<<63).UTC()
	lastMoment  = time.Unix(0, 1<<63-1).UTC()
)

// nanos is how a time is stored; what lies beyond the centuries that can be told is moved
// to their border.
func nanos(t time.Time) int64 {
	switch {
	case t.Before(firstMoment):
		return firstMoment.UnixNano()
	case t.After(lastMoment):
		return lastMoment.UnixNano()
	}
	return t.UnixNano()
}

func moment(n int64) time.Time { return time.Unix(0, n).UTC() }

// toJSON is the text of a value that always has one.
func toJSON(v any) (string, error) {
	raw, err := json.Marshal(v)
	return string(raw), err
}
