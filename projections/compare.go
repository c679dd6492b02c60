package projections

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"asprak/application"
)

const (
	comparePage  = 100 // rows read at a time
	compareTries = 50  // to find both sides at one position
)

// Comparison is what was found of one table beside its live counterpart.
type Comparison struct {
	Table     string
	Other     bool // the columns are others: there is nothing to compare
	Rows      int  // that were compared
	Different int  // of these
	First     string
}

// Compare brings the build of the model's group to where the live tables stand and compares
// them row by row, in one snapshot of the database.
func (s *Store) Compare(ctx context.Context, log application.Log, codec *application.Codec, model string, report func(BuildProgress)) ([]Comparison, error) {
	p, err := s.beside(model, next)
	if err != nil {
		return nil, err
	}
	live := &projector{models: p.models}
	for range compareTries {
		stored, err := modelRows(ctx, s.read)
		if err != nil {
			return nil, err
		}
		if p.resume(stored); p.stage != current {
			return nil, ErrNothingBuilt
		}
		if err := s.fill(ctx, log, codec, p, report); err != nil {
			return nil, err
		}
		found, err := s.snapshot(ctx, func(tx *sqlx.Tx) ([]Comparison, error) {
			if stored, err = modelRows(ctx, tx); err != nil {
				return nil, err
			}
			p.resume(stored)
			if live.resume(stored); live.stage != absent && live.position != p.position {
				return nil, errFarBehind
			}
			return compareTables(ctx, tx, p, stored)
		})
		if !errors.Is(err, errFarBehind) {
			return found, err
		}
	}
	return nil, errFarBehind
}

// snapshot reads in one state of the database, for as long as it takes.
func (s *Store) snapshot(ctx context.Context, look func(*sqlx.Tx) ([]Comparison, error)) ([]Comparison, error) {
	var options *sql.TxOptions
	if s.server != nil {
		options = &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	}
	tx, err := s.read.BeginTxx(ctx, options)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	return look(tx)
}

func compareTables(ctx context.Context, tx *sqlx.Tx, p *projector, stored map[string]modelRow) ([]Comparison, error) {
	var all []Comparison
	for _, m := range p.models {
		live := strings.Fields(stored[m.name].Tables)
		for _, table := range m.tables {
			if !slices.Contains(live, table) {
				all = append(all, Comparison{Table: table, Other: true})
				continue
			}
			c, err := compareTable(ctx, tx, table, table+p.suffix)
			if err != nil {
				return nil, fmt.Errorf("comparing %s: %w", table, err)
			}
			all = append(all, c)
		}
	}
	return all, nil
}

func compareTable(ctx context.Context, tx *sqlx.Tx, live, built string) (Comparison, error) {
	c := Comparison{Table: live}
	left, err := newTableWalk(ctx, tx, live)
	if err != nil {
		return c, err
	}
	right, err := newTableWalk(ctx, tx, built)
	if err != nil {
		return c, err
	}
	if !slices.Equal(left.columns, right.columns) || !slices.Equal(left.keys, right.keys) {
		c.Other = true
		return c, nil
	}
	for {
		l, err := left.row(ctx)
		if err != nil {
			return c, err
		}
		r, err := right.row(ctx)
		if err != nil || l == nil && r == nil {
			return c, err
		}
		c.Rows++
		order := left.compare(l, r)
		if order <= 0 {
			left.step()
		}
		if order >= 0 {
			right.step()
		}
		if what := left.difference(order, l, r); what != "" {
			if c.Different++; c.First == "" {
				c.First = what
			}
		}
	}
}

// tableWalk reads a table in the order of its key, a page at a time.
type tableWalk struct {
	tx      *sqlx.Tx
	query   string
	columns []string
	keys    []int // columns of the key
	page    [][]any
	at      int
	last    []any // the key of the last row read, nil at the beginning
	ended   bool
}

func newTableWalk(ctx context.Context, tx *sqlx.Tx, table string) (*tableWalk, error) {
	w := &tableWalk{tx: tx}
	rows, err := tx.QueryxContext(ctx, `SELECT * FROM `+table+` LIMIT 0`)
	if err != nil {
		return nil, err
	}
	w.columns, err = rows.Columns()
	if err = errors.Join(err, rows.Close()); err != nil {
		return nil, err
	}
	var keys []string
	query := `SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk`
	if tx.DriverName() == "postgres" {
		query = `SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
			WHERE i.indrelid = CAST($1 AS regclass) AND i.indisprimary ORDER BY array_position(CAST(i.indkey AS int2[]), a.attnum)`
	}
	if err := tx.SelectContext(ctx, &keys, query, table); err != nil {
		return nil, err
	}
	for _, key := range keys {
		w.keys = append(w.keys, slices.Index(w.columns, key))
	}
	names, marks := strings.Join(keys, ", "), strings.TrimSuffix(strings.Repeat("?, ", len(keys)), ", ")
	w.query = fmt.Sprintf(`SELECT * FROM %s WHERE (%s) > (%s) ORDER BY %s LIMIT %d`, table, names, marks, names, comparePage)
	return w, nil
}

// row is the present row, nil behind the last.
func (w *tableWalk) row(ctx context.Context) ([]any, error) {
	if w.at == len(w.page) && !w.ended {
		if err := w.read(ctx); err != nil {
			return nil, err
		}
	}
	if w.at == len(w.page) {
		return nil, nil
	}
	return w.page[w.at], nil
}

func (w *tableWalk) step() { w.at++ }

func (w *tableWalk) read(ctx context.Context) error {
	query := w.query
	if w.last == nil {
		query = query[:strings.Index(query, " WHERE ")] + query[strings.Index(query, " ORDER BY "):]
	}
	rows, err := w.tx.QueryxContext(ctx, w.tx.Rebind(query), w.last...)
	if err != nil {
		return err
	}
	defer rows.Close()
	w.page, w.at = w.page[:0], 0
	for rows.Next() {
		row, err := rows.SliceScan()
		if err != nil {
			return err
		}
		for i, value := range row {
			if raw, ok := value.([]byte); ok {
				row[i] = string(raw)
			}
		}
		w.page = append(w.page, row)
	}
	w.ended = len(w.page) < comparePage
	if len(w.page) > 0 {
		w.last = w.key(w.page[len(w.page)-1])
	}
	return rows.Err()
}

func (w *tableWalk) key(row []any) []any {
	key := make([]any, len(w.keys))
	for i, column := range w.keys {
		key[i] = row[column]
	}
	return key
}

// compare orders two rows by their keys; nil stands behind all.
func (w *tableWalk) compare(l, r []any) int {
	switch {
	case l == nil:
		return 1
	case r == nil:
		return -1
	}
	for _, column := range w.keys {
		order := 0
		if n, ok := l[column].(int64); ok {
			order = cmp.Compare(n, r[column].(int64))
		} else {
			order = cmp.Compare(l[column].(string), r[column].(string))
		}
		if order != 0 {
			return order
		}
	}
	return 0
}

// difference says in what the rows differ, "" when they do not.
func (w *tableWalk) difference(order int, l, r []any) string {
	switch {
	case order < 0:
		return fmt.Sprintf("%v is live only", w.key(l))
	case order > 0:
		return fmt.Sprintf("%v is built only", w.key(r))
	}
	for i := range l {
		if l[i] != r[i] {
			return fmt.Sprintf("%v differs in %s: %q is live, %q was built", w.key(l), w.columns[i], fmt.Sprint(l[i]), fmt.Sprint(r[i]))
		}
	}
	return ""
}
