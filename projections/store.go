// Package projections holds the read models: SQL tables that follow the log, and the queries
// that the API answers from. A model's rows and its checkpoint commit together, so that each
// event counts once, whatever crashes. It knows the domain's events and the log's port, but
// neither where the log stands nor HTTP.
//
// The SQL text is what SQLite and PostgreSQL share: `?` placeholders, rebound for the driver;
// TEXT and BIGINT only (times are nanoseconds since 1970, UTC; flags 0 or 1; nested values
// JSON); upserts with ON CONFLICT. Both compare texts byte by byte and keep any text.
package projections

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/mattn/go-sqlite3"

	"asprak/application"
)

// Store keeps the read models in a database. Queries may run beside Run; they answer from
// what is committed.
type Store struct {
	write      *sqlx.DB // one connection
	read       *sqlx.DB
	builder    func(context.Context) (*sqlx.DB, *carrier, error) // opens one more connection that writes
	server     *postgres                                         // nil: SQLite
	lock       lock                                              // of the one process that projects
	first      string                                            // path of the file of precedence, "" on a server
	precedence *precedence                                       // of who follows
	asked      chan struct{}                                     // someone began to wait; of one
	wiper      *sqlx.DB                                          // of the file after erasures; nil on a server
	erased     chan struct{}                                     // something was; of one
	logger     *slog.Logger
	statements sync.Map // of read: SQL text -> *sqlx.Stmt

	running    sync.Mutex // held by Run and Watch
	again      func()     // lets Run take up the checkpoints anew
	leads      atomic.Bool
	mu         sync.Mutex // guards what follows, and the projectors' progress
	projectors []*projector
	waiters    map[*waiter]struct{}
	fault      error // why following failed last, nil while it works
}

// Option changes how a Store is opened.
type Option func(*Store)

// WithLogger sets where warnings and faults of following are logged; by default nowhere.
func WithLogger(l *slog.Logger) Option { return func(s *Store) { s.logger = l } }

// ErrDamaged is the error of a file that holds no database or a broken one. What it held can
// be built anew from the log.
var ErrDamaged = errors.New("projections: the file of the read models is damaged")

// Open opens the database at the target: the path of an SQLite file, made where there is
// none, or the postgres:// URL of a PostgreSQL database (14 or newer, encoding UTF8) whose
// user may create tables in the first schema of the search path. Models whose stored version
// is older than this program's go on answering as far as their columns allow; Run builds
// this version beside them and puts it in their place. A file that is none of SQLite's, or broken:
// ErrDamaged.
func Open(ctx context.Context, target string, options ...Option) (*Store, error) {
	if isServer(target) {
		return openPostgres(ctx, target, newProjectors(), options)
	}
	s, err := openFile(ctx, target, options)
	var found sqlite3.Error
	if errors.As(err, &found) && (found.Code == sqlite3.ErrNotADB || found.Code == sqlite3.ErrCorrupt) {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return s, err
}

func openFile(ctx context.Context, target string, options []Option) (*Store, error) {
	path, err := filepath.Abs(target)
	if err != nil {
		return nil, fmt.Errorf("projections: %w", err)
	}
	// The models can be made anew from the log and the checkpoint commits with the rows: a
	// power cut may only take both back together, so commits need not wait for the disk.
	const journal = "_journal_mode=WAL&_synchronous=NORMAL"
	const common = journal + "&_busy_timeout=10000"
	name := (&url.URL{Scheme: "file", Path: path}).String()
	// Pages that transactions change again and again are carried over in few, large steps, as
	// most keys fall anywhere in their index: 32,000 pages are 128 MB.
	write, err := openWriter(ctx, name+"?"+common, 8_000, 32_000)
	if err != nil {
		return nil, fmt.Errorf("projections: %w", err)
	}
	read, err := sqlx.Open("sqlite3", name+"?"+common+"&_query_only=true&_cache_size=-6000")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("projections: %w", err), write.Close())
	}
	read.SetMaxOpenConns(2 + 2*runtime.GOMAXPROCS(0))
	read.SetMaxIdleConns(2 + 2*runtime.GOMAXPROCS(0))
	s := newStore(write, read, newProjectors(), options)
	// A build keeps more pages at hand.
	s.builder = func(ctx context.Context) (*sqlx.DB, *carrier, error) {
		build, err := openWriter(ctx, name+"?"+common, 40_000, 0)
		if err != nil {
			return nil, nil, err
		}
		carry, err := openWriter(ctx, name+"?"+common, 2_000, 0)
		if err != nil {
			return nil, nil, errors.Join(err, build.Close())
		}
		return build, &carrier{db: carry}, nil
	}
	// It stands in nobody's way.
	if s.wiper, err = sqlx.Open("sqlite3", name+"?"+journal+"&_txlock=immediate&_busy_timeout=0"); err != nil {
		return nil, errors.Join(fmt.Errorf("projections: %w", err), s.Close())
	}
	s.lock, s.first = fileLock(path+"-projector"), path+"-first"
	if s.precedence, err = openPrecedence(s.first); err == nil {
		err = s.migrate(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("projections: %w", err), s.Close())
	}
	return s, nil
}

// openWriter opens a connection that writes. It keeps so many KiB of pages at hand, and carries so many
// pages over from the write-ahead log at once, or none by itself when that is 0.
func openWriter(ctx context.Context, name string, cache, carryOver int) (*sqlx.DB, error) {
	const patience = 10 * time.Second
	write, err := sqlx.Open("sqlite3", fmt.Sprintf("%s&_txlock=immediate&_cache_size=-%d", name, cache))
	if err != nil {
		return nil, err
	}
	write.SetMaxOpenConns(1)
	pragma := fmt.Sprintf(`PRAGMA wal_autocheckpoint = %d`, carryOver)
	_, err = write.ExecContext(ctx, pragma)
	// SQLite does not wait for another process that just makes the file's journal a WAL.
	for began := time.Now(); locked(err) && time.Since(began) < patience && ctx.Err() == nil; {
		sleep(ctx, firstDelay)
		_, err = write.ExecContext(ctx, pragma)
	}
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	return write, nil
}

// locked tells that another connection holds the database.
func locked(err error) bool {
	var refused sqlite3.Error
	return errors.As(err, &refused) && refused.Code == sqlite3.ErrBusy
}

func newStore(write, read *sqlx.DB, projectors []*projector, options []Option) *Store {
	s := &Store{write: write, read: read, projectors: projectors, asked: make(chan struct{}, 1), erased: make(chan struct{}, 1), waiters: make(map[*waiter]struct{}), logger: slog.New(slog.DiscardHandler)}
	for _, o := range options {
		o(s)
	}
	return s
}

// Close releases the database. Run and Watch must have returned.
func (s *Store) Close() error {
	err := errors.Join(s.read.Close(), s.write.Close(), s.precedence.Close())
	if s.wiper != nil {
		err = errors.Join(err, s.wiper.Close())
	}
	if s.server != nil {
		err = errors.Join(err, s.server.locks.Close())
	}
	return err
}

// model is a set of tables with a name and a version of its own.
type model struct {
	name    string
	version int // of schema and meaning; one that grew is built beside the stored one
	tables  []string
	schema  []string
}

const modelsSchema = `CREATE TABLE IF NOT EXISTS models (
	name TEXT PRIMARY KEY,
	version BIGINT NOT NULL,
	tables TEXT NOT NULL,
	position BIGINT NOT NULL,
	prepare BIGINT NOT NULL,
	skipped BIGINT NOT NULL
)`

type modelRow struct {
	Name     string `db:"name"`
	Version  int    `db:"version"`
	Tables   string `db:"tables"` // what this version made, without suffixes, so that any later one can move or drop it
	Position int64  `db:"position"`
	Prepare  int64  `db:"prepare"`
	Skipped  int64  `db:"skipped"`
}

func (m modelRow) place() application.Position {
	return application.Position{Commit: uint64(m.Position), Prepare: uint64(m.Prepare)}
}

// migrate makes the tables of a fresh database and takes up the checkpoints of one that is not.
func (s *Store) migrate(ctx context.Context) error {
	tx, err := s.write.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if s.server != nil {
		// Several processes may start at once.
		if _, err := tx.Exec(`SELECT pg_advisory_xact_lock($1)`, s.server.lock+1); err != nil {
			return err
		}
	}
	for _, statement := range []string{modelsSchema, faultsSchema} {
		if _, err := tx.Exec(s.create(statement)); err != nil {
			return err
		}
	}
	stored, err := modelRows(ctx, tx)
	if err != nil {
		return err
	}
	for _, p := range s.projectors {
		if len(stored) == 0 {
			if err := s.makeTables(tx, p); err != nil {
				return err
			}
			continue
		}
		p.resume(stored)
	}
	return tx.Commit()
}

// create is a statement of a schema as the database takes it.
func (s *Store) create(statement string) string {
	if s.server == nil {
		return statement
	}
	return s.server.create(statement)
}

func modelRows(ctx context.Context, from sqlx.QueryerContext) (map[string]modelRow, error) {
	var rows []modelRow
	if err := sqlx.SelectContext(ctx, from, &rows, `SELECT name, version, tables, position, prepare, skipped FROM models`); err != nil {
		return nil, err
	}
	stored := make(map[string]modelRow, len(rows))
	for _, r := range rows {
		stored[r.Name] = r
	}
	return stored, nil
}

// makeTables makes the projector's tables, empty, and their checkpoints.
func (s *Store) makeTables(tx *sqlx.Tx, p *projector) error {
	rename := p.renamer()
	for _, m := range p.models {
		for _, statement := range m.schema {
			if _, err := tx.Exec(s.create(rename(statement))); err != nil {
				return fmt.Errorf("model %s: %w", m.name, err)
			}
		}
		if _, err := tx.Exec(tx.Rebind(`INSERT INTO models (name, version, tables, position, prepare, skipped) VALUES (?, ?, ?, 0, 0, 0)`),
			m.name+p.suffix, m.version, strings.Join(m.tables, " ")); err != nil {
			return fmt.Errorf("model %s: %w", m.name, err)
		}
	}
	return nil
}
