package projections

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"net"
	"net/url"
	"runtime"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// silence bounds how long an answer of the server is waited for. Statements are ended by the
// server before.
const silence = 30 * time.Second

// postgres is what a store has on a PostgreSQL server beyond the two pools that SQLite has too.
type postgres struct {
	address string // of the listener
	locks   *sql.DB
	channel string // that a projector notifies with each batch
	lock    int64  // the advisory lock of the projector; one below it, that of changing tables
}

func isServer(target string) bool {
	return strings.HasPrefix(target, "postgres://") || strings.HasPrefix(target, "postgresql://")
}

// connect makes a pool whose sessions have the settings, and are lost when the server does
// not answer for so long. What the address itself sets stays.
func connect(address *url.URL, silence time.Duration, settings map[string]string) (*sqlx.DB, error) {
	connector, err := pq.NewConnector(withSettings(address, settings))
	if err != nil {
		return nil, err
	}
	connector.Dialer(dialer{silence})
	return sqlx.NewDb(sql.OpenDB(anyText{connector}), "postgres"), nil
}

func withSettings(address *url.URL, settings map[string]string) string {
	query := address.Query()
	for name, value := range settings {
		if !query.Has(name) {
			query.Set(name, value)
		}
	}
	changed := *address
	changed.RawQuery = query.Encode()
	return changed.String()
}

func openPostgres(ctx context.Context, target string, projectors []*projector, options []Option) (_ *Store, err error) {
	address, err := url.Parse(target)
	if err != nil {
		return nil, errors.New("projections: the address of the database is no URL") // which may hold a password
	}
	// The server lets go of a client whose machine is gone: its locks are others' then.
	common := map[string]string{
		"application_name": "asprak", "connect_timeout": "5", "statement_timeout": "20s", "timezone": "UTC",
		"tcp_keepalives_idle": "5", "tcp_keepalives_interval": "2", "tcp_keepalives_count": "3", "tcp_user_timeout": "10s",
	}
	with := func(more map[string]string) map[string]string {
		all := maps.Clone(common)
		maps.Copy(all, more)
		return all
	}
	var pools []*sqlx.DB
	defer func() {
		if err != nil {
			for _, pool := range pools {
				err = errors.Join(err, pool.Close())
			}
		}
	}()
	for _, kind := range []struct {
		silence  time.Duration
		settings map[string]string
	}{
		// A commit waits for the disk: what other processes were told is there must still be there
		// when the server has crashed.
		{silence, with(map[string]string{"synchronous_commit": "on", "idle_in_transaction_session_timeout": "10s"})},
		{silence, with(map[string]string{"default_transaction_read_only": "on"})},
		// A holder of the lock that is frozen loses it; a living one shows itself every second.
		{lockAnswer, with(map[string]string{"idle_session_timeout": "10s"})},
	} {
		pool, err := connect(address, kind.silence, kind.settings)
		if err != nil {
			return nil, fmt.Errorf("projections: %w", err)
		}
		pools = append(pools, pool)
	}
	write, read, locks := pools[0], pools[1], pools[2]
	write.SetMaxOpenConns(1)
	many := 4 + 2*runtime.GOMAXPROCS(0)
	read.SetMaxOpenConns(many)
	read.SetMaxIdleConns(many)
	read.SetConnMaxLifetime(time.Hour)
	locks.SetMaxIdleConns(-1) // closing the connection gives the lock back

	server := &postgres{address: withSettings(address, common), locks: locks.DB}
	var encoding string
	var schema sql.NullString
	if err := write.QueryRowContext(ctx, `SELECT current_setting('server_encoding'), current_schema()`).Scan(&encoding, &schema); err != nil {
		return nil, fmt.Errorf("projections: %w", err)
	}
	if encoding != "UTF8" || !schema.Valid {
		return nil, fmt.Errorf("projections: the database has encoding %s and schema %q; it must have UTF8 and one that exists", encoding, schema.String)
	}
	h := fnv.New64a()
	h.Write([]byte("asprak views " + schema.String))
	server.lock = int64(h.Sum64() &^ 1)
	server.channel = fmt.Sprintf("asprak_views_%016x", h.Sum64())

	s := newStore(write, read, projectors, options)
	s.server, s.lock = server, server
	// A crash may take the last transactions of a build back, each with its checkpoint.
	s.builder = func(context.Context) (*sqlx.DB, *carrier, error) {
		build, err := connect(address, silence, with(map[string]string{"synchronous_commit": "off", "idle_in_transaction_session_timeout": "10s"}))
		if err == nil {
			build.SetMaxOpenConns(1)
		}
		return build, nil, err
	}
	if err := s.migrate(ctx); err != nil {
		return nil, fmt.Errorf("projections: %w", err)
	}
	return s, nil
}

// create is the model's statement for the server. Texts are compared byte by byte, as SQLite
// does, whatever language the database was made for.
func (p *postgres) create(statement string) string {
	return strings.ReplaceAll(statement, " TEXT", ` TEXT COLLATE "C"`)
}

// dialer makes connections on which no answer is waited for without end.
type dialer struct{ silence time.Duration }

func (d dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

func (d dialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return d.DialContext(ctx, network, address)
}

func (d dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return impatient{conn, d.silence}, nil
}

type impatient struct {
	net.Conn
	silence time.Duration
}

func (c impatient) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.silence)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c impatient) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.silence)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}
