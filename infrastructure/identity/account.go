package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	_ "github.com/lib/pq" // the driver "postgres"

	"asprak/application"
	"asprak/domain"
	"asprak/infrastructure/sqlitefile"
)

const (
	// accessLife is how long an access token counts, also after its session has ended.
	accessLife = 15 * time.Minute
	// sessionLife is how long a session lasts after it was used last.
	sessionLife = 14 * 24 * time.Hour
	// again is how long a spent refresh token may come again without harm: the answer may have been lost, or a client asked twice at once.
	again = 10 * time.Second
	// maxSessions is how many sessions an account has at once; the one that was used the longest ago makes room.
	maxSessions = 20

	// Failed logins lock an address for a minute after the fifth in a row, and for twice as long after each further one, up to an hour.
	maxFailures = 5
	firstLock   = time.Minute
	lastLock    = time.Hour
	// failureLife is how long failures count.
	failureLife = 24 * time.Hour
)

// Accounts keeps local accounts with their sessions, in an SQLite file or in a PostgreSQL database that several processes share. It is
// safe for concurrent use.
type Accounts struct {
	db      *sqlx.DB
	server  bool
	tokens  *Tokens
	domains Domains
	hasher  hasher
	now     func() time.Time
}

var _ application.Accounts = (*Accounts)(nil)

// Times are nanoseconds since 1970, UTC. Tokens stand there as SHA-256: who reads the file cannot use them. Failures are kept by
// the SHA-256 of the address, be there an account or not, so that nobody learns which.
var accountSchema = []string{
	`CREATE TABLE IF NOT EXISTS accounts (
		id TEXT PRIMARY KEY,
		email TEXT NOT NULL UNIQUE,
		role TEXT NOT NULL,
		password TEXT NOT NULL,
		created_at BIGINT NOT NULL
	)`,
	`CREATE TABLE IF NOT EXISTS account_sessions (
		id TEXT PRIMARY KEY,
		account_id TEXT NOT NULL,
		current TEXT NOT NULL,
		spent TEXT NOT NULL,
		used_at BIGINT NOT NULL
	)`,
	`CREATE INDEX IF NOT EXISTS account_sessions_account ON account_sessions (account_id, used_at)`,
	`CREATE TABLE IF NOT EXISTS account_failures (
		address TEXT PRIMARY KEY,
		failures BIGINT NOT NULL,
		last_at BIGINT NOT NULL,
		locked_until BIGINT NOT NULL
	)`,
}

// OpenAccounts opens the accounts at the target: the path of an SQLite file, made where there is none, or the postgres:// URL
// of a database. Addresses of the domains may register. Access tokens are the tokens' own.
func OpenAccounts(ctx context.Context, target string, tokens *Tokens, domains Domains) (_ *Accounts, err error) {
	a := &Accounts{tokens: tokens, domains: domains, hasher: newHasher(), now: time.Now}
	if a.server = strings.HasPrefix(target, "postgres://") || strings.HasPrefix(target, "postgresql://"); a.server {
		a.db, err = sqlx.ConnectContext(ctx, "postgres", target)
	} else {
		a.db, err = sqlitefile.Open(ctx, target, "")
	}
	if err != nil {
		return nil, fmt.Errorf("identity: accounts: %w", err)
	}
	err = a.change(ctx, func(tx *sqlx.Tx) error {
		if a.server {
			// Several processes may start at once.
			if _, err := tx.Exec(`SELECT pg_advisory_xact_lock(hashtext('asprak accounts'))`); err != nil {
				return err
			}
		}
		for _, statement := range accountSchema {
			if _, err := tx.Exec(statement); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// Close lets go of the database.
func (a *Accounts) Close() error { return a.db.Close() }

func (a *Accounts) change(ctx context.Context, change func(*sqlx.Tx) error) error {
	tx, err := a.db.BeginTxx(ctx, nil)
	if err != nil {
		return unavailable(err)
	}
	defer tx.Rollback()
	if err := change(tx); err != nil {
		return unavailable(err)
	}
	return unavailable(tx.Commit())
}

// unavailable passes on what is meant for the caller; all else is the database's.
func unavailable(err error) error {
	var meant *domain.Error
	if err == nil || errors.As(err, &meant) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("%w (accounts: %w)", domain.Errorf(domain.Unavailable, "accounts_unavailable", "The accounts cannot be reached; try again."), err)
}

// stored is a row of accounts.
type stored struct {
	ID        uuid.UUID `db:"id"`
	Email     string    `db:"email"`
	Role      string    `db:"role"`
	Password  string    `db:"password"`
	CreatedAt int64     `db:"created_at"`
}

const selectAccount = `SELECT id, email, role, password, created_at FROM accounts WHERE `

func (s stored) account() application.Account {
	return application.Account{Subject: subjectOf(s.ID), Email: s.Email, Role: domain.Role(s.Role), CreatedAt: time.Unix(0, s.CreatedAt).UTC()}
}

// subjectPrefix sets accounts apart from the people of issuers, who are name:subject.
const subjectPrefix = "account-"

func subjectOf(id uuid.UUID) string { return subjectPrefix + id.String() }

// idOf reads the id back; false for the subject of another way to come.
func idOf(subject string) (uuid.UUID, bool) {
	text, ok := strings.CutPrefix(subject, subjectPrefix)
	id, err := uuid.Parse(text)
	return id, ok && err == nil && subjectOf(id) == subject
}

// Register implements application.Accounts. It fails with registration_closed where no domain may, email_not_allowed and email_taken.
func (a *Accounts) Register(ctx context.Context, email, password string) (application.Account, error) {
	if len(a.domains) == 0 {
		return application.Account{}, domain.Errorf(domain.Denied, "registration_closed", "Nobody registers here; log in with your university, or ask an admin.")
	}
	whole, host, err := address(email)
	if err != nil {
		return application.Account{}, err
	}
	if !a.domains.hold(host) {
		return application.Account{}, domain.Errorf(domain.Denied, "email_not_allowed", "Register with an address of your university.")
	}
	if err := checkPassword("password", password, whole); err != nil {
		return application.Account{}, err
	}
	return a.insert(ctx, whole, password, domain.RoleApplicant, false)
}

// insert makes an account; the first one is refused where there is any.
func (a *Accounts) insert(ctx context.Context, email, password string, role domain.Role, first bool) (application.Account, error) {
	sealed, err := a.hasher.seal(ctx, password)
	if err != nil {
		return application.Account{}, err
	}
	s := stored{ID: uuid.New(), Email: email, Role: string(role), Password: sealed, CreatedAt: a.now().UnixNano()}
	err = a.change(ctx, func(tx *sqlx.Tx) error {
		if a.server && first {
			if _, err := tx.Exec(`SELECT pg_advisory_xact_lock(hashtext('asprak accounts'))`); err != nil {
				return err
			}
		}
		others := 0
		if err := tx.Get(&others, tx.Rebind(`SELECT count(*) FROM accounts WHERE email = ? OR ?`), email, first); err != nil {
			return err
		}
		if others > 0 {
			return emailTaken()
		}
		_, err := tx.NamedExec(`INSERT INTO accounts (id, email, role, password, created_at) VALUES (:id, :email, :role, :password, :created_at) ON CONFLICT (email) DO NOTHING`, s)
		if err != nil {
			return err
		}
		// Two may have registered at once.
		var mine stored
		if err := tx.Get(&mine, tx.Rebind(selectAccount+`email = ?`), email); err != nil {
			return err
		}
		if mine.ID != s.ID {
			return emailTaken()
		}
		return nil
	})
	return s.account(), err
}

func emailTaken() error {
	return domain.Errorf(domain.Conflict, "email_taken", "There is an account with this address.")
}

// Add makes an account of the role with a random password, which is returned.
func (a *Accounts) Add(ctx context.Context, email string, role domain.Role) (application.Account, string, error) {
	if err := checkRole(role); err != nil {
		return application.Account{}, "", err
	}
	whole, _, err := address(email)
	if err != nil {
		return application.Account{}, "", err
	}
	return a.add(ctx, whole, role, false)
}

func (a *Accounts) add(ctx context.Context, email string, role domain.Role, first bool) (application.Account, string, error) {
	password, err := newPassword()
	if err != nil {
		return application.Account{}, "", err
	}
	account, err := a.insert(ctx, email, password, role, first)
	return account, password, err
}

// FirstAdmin makes the first account, of an admin, with a random password. It reports false where there is an account already.
func (a *Accounts) FirstAdmin(ctx context.Context, email string) (account application.Account, password string, made bool, err error) {
	whole, _, err := address(email)
	if err != nil {
		return application.Account{}, "", false, err
	}
	any := 0
	if err := a.db.GetContext(ctx, &any, `SELECT count(*) FROM accounts`); err != nil || any > 0 {
		return application.Account{}, "", false, unavailable(err)
	}
	account, password, err = a.add(ctx, whole, domain.RoleAdmin, true)
	if domain.ErrorCode(err) == "email_taken" { // another process was quicker
		return application.Account{}, "", false, nil
	}
	return account, password, err == nil, err
}

// Reset gives the account of the address a random password, which is returned, and ends its sessions.
func (a *Accounts) Reset(ctx context.Context, email string) (string, error) {
	whole, _, err := address(email)
	if err != nil {
		return "", err
	}
	found, ok, err := a.find(ctx, `email = ?`, whole)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", domain.Errorf(domain.NotFound, "account_not_found", "There is no account with this address.")
	}
	password, err := newPassword()
	if err != nil {
		return "", err
	}
	return password, a.setPassword(ctx, found, password)
}

func (a *Accounts) find(ctx context.Context, where string, value any) (s stored, found bool, err error) {
	err = a.db.GetContext(ctx, &s, a.db.Rebind(selectAccount+where), value)
	if errors.Is(err, sql.ErrNoRows) {
		return s, false, nil
	}
	return s, err == nil, unavailable(err)
}

// Account implements application.Accounts.
func (a *Accounts) Account(ctx context.Context, subject string) (application.Account, bool, error) {
	id, ok := idOf(subject)
	if !ok {
		return application.Account{}, false, nil
	}
	s, found, err := a.find(ctx, `id = ?`, id.String())
	return s.account(), found, err
}

// ChangePassword implements application.Accounts. Failures count as those of logins.
func (a *Accounts) ChangePassword(ctx context.Context, subject, old, fresh string) error {
	id, ok := idOf(subject)
	var found stored
	var err error
	if ok {
		if found, ok, err = a.find(ctx, `id = ?`, id.String()); err != nil {
			return err
		}
	}
	if !ok {
		return domain.Errorf(domain.NotFound, "account_not_found", "You do not log in with a password here.")
	}
	if err := checkPassword("new", fresh, found.Email); err != nil {
		return err
	}
	if err := a.prove(ctx, found.Email, old, found, true); err != nil {
		return err
	}
	return a.setPassword(ctx, found, fresh)
}

func (a *Accounts) setPassword(ctx context.Context, of stored, password string) error {
	sealed, err := a.hasher.seal(ctx, password)
	if err != nil {
		return err
	}
	return a.change(ctx, func(tx *sqlx.Tx) error {
		if _, err := tx.Exec(tx.Rebind(`UPDATE accounts SET password = ? WHERE id = ?`), sealed, of.ID.String()); err != nil {
			return err
		}
		if _, err := tx.Exec(tx.Rebind(`DELETE FROM account_failures WHERE address = ?`), digest(of.Email)); err != nil {
			return err
		}
		_, err := tx.Exec(tx.Rebind(`DELETE FROM account_sessions WHERE account_id = ?`), of.ID.String())
		return err
	})
}

// Erase implements application.Accounts.
func (a *Accounts) Erase(ctx context.Context, subject string) error {
	id, ok := idOf(subject)
	if !ok {
		return nil
	}
	found, ok, err := a.find(ctx, `id = ?`, id.String())
	if err != nil || !ok {
		return err
	}
	err = a.change(ctx, func(tx *sqlx.Tx) error {
		for statement, value := range map[string]string{
			`DELETE FROM accounts WHERE id = ?`: id.String(), `DELETE FROM account_sessions WHERE account_id = ?`: id.String(),
			`DELETE FROM account_failures WHERE address = ?`: digest(found.Email),
		} {
			if _, err := tx.Exec(tx.Rebind(statement), value); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || a.server {
		return err
	}
	return unavailable(sqlitefile.Wipe(ctx, a.db))
}

// CopyAccounts writes the accounts in the file as they stand into another file, in the place of an older copy.
func CopyAccounts(ctx context.Context, from, to string) error {
	if err := sqlitefile.Copy(ctx, from, to); err != nil {
		return fmt.Errorf("identity: accounts: copy: %w", err)
	}
	return nil
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// Login implements application.Accounts. It fails with credentials_invalid, whichever is wrong, and with too_many_failures while the address is locked.
func (a *Accounts) Login(ctx context.Context, email, password string) (application.Session, error) {
	whole, _, err := address(email)
	if err != nil || len(password) > 4*maxPassword {
		return application.Session{}, credentialsInvalid()
	}
	found, ok, err := a.find(ctx, `email = ?`, whole)
	if err != nil {
		return application.Session{}, err
	}
	if err := a.prove(ctx, whole, password, found, ok); err != nil {
		return application.Session{}, err
	}
	id, secret := uuid.New(), ""
	err = a.change(ctx, func(tx *sqlx.Tx) (err error) {
		if _, err := tx.Exec(tx.Rebind(`DELETE FROM account_sessions WHERE account_id = ? AND (used_at < ? OR id IN
			(SELECT id FROM account_sessions WHERE account_id = ? ORDER BY used_at DESC LIMIT 1000 OFFSET ?))`),
			found.ID.String(), a.now().Add(-sessionLife).UnixNano(), found.ID.String(), maxSessions-1); err != nil {
			return err
		}
		if secret, err = newSecret(); err != nil {
			return err
		}
		_, err = tx.Exec(tx.Rebind(`INSERT INTO account_sessions (id, account_id, current, spent, used_at) VALUES (?, ?, ?, '', ?)`),
			id.String(), found.ID.String(), digest(secret), a.now().UnixNano())
		return err
	})
	if err != nil {
		return application.Session{}, err
	}
	return a.session(found, id, secret)
}

func credentialsInvalid() error {
	return domain.Errorf(domain.Denied, "credentials_invalid", "The address or the password is wrong.")
}

// prove is nil when the password is that of the account, if there is one; it counts failures and answers to neither while they are too many.
func (a *Accounts) prove(ctx context.Context, email, password string, of stored, there bool) error {
	key := digest(email)
	if err := a.locked(ctx, key); err != nil {
		return err
	}
	sealed := of.Password
	if !there {
		sealed = nobody
	}
	fits, err := a.hasher.fits(ctx, password, sealed)
	if err != nil {
		return err
	}
	if fits && there {
		_, err := a.db.ExecContext(ctx, a.db.Rebind(`DELETE FROM account_failures WHERE address = ?`), key)
		return unavailable(err)
	}
	if err := a.failed(ctx, key); err != nil {
		return err
	}
	return credentialsInvalid()
}

func (a *Accounts) locked(ctx context.Context, key string) error {
	var until int64
	err := a.db.GetContext(ctx, &until, a.db.Rebind(`SELECT locked_until FROM account_failures WHERE address = ?`), key)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return unavailable(err)
	}
	if left := time.Unix(0, until).Sub(a.now()); left > 0 {
		return domain.Errorf(domain.Denied, "too_many_failures", "Too many logins have failed; try again in %d seconds.", int(left.Seconds())+1)
	}
	return nil
}

func (a *Accounts) failed(ctx context.Context, key string) error {
	return a.change(ctx, func(tx *sqlx.Tx) error {
		now := a.now()
		if _, err := tx.Exec(tx.Rebind(`DELETE FROM account_failures WHERE last_at < ?`), now.Add(-failureLife).UnixNano()); err != nil {
			return err
		}
		if _, err := tx.Exec(tx.Rebind(`INSERT INTO account_failures (address, failures, last_at, locked_until) VALUES (?, 1, ?, 0)
			ON CONFLICT (address) DO UPDATE SET failures = account_failures.failures + 1, last_at = excluded.last_at`), key, now.UnixNano()); err != nil {
			return err
		}
		var failures int
		if err := tx.Get(&failures, tx.Rebind(`SELECT failures FROM account_failures WHERE address = ?`), key); err != nil || failures < maxFailures {
			return err
		}
		lock := min(firstLock<<min(failures-maxFailures, 16), lastLock)
		_, err := tx.Exec(tx.Rebind(`UPDATE account_failures SET locked_until = ? WHERE address = ?`), now.Add(lock).UnixNano(), key)
		return err
	})
}

// A refresh token is the session's id and a secret, of which only the hash is kept.
const secretBytes = 32

func newSecret() (string, error) {
	random := make([]byte, secretBytes)
	if _, err := rand.Read(random); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(random), nil
}

func (a *Accounts) session(of stored, id uuid.UUID, secret string) (application.Session, error) {
	account := of.account()
	token, err := a.tokens.Issue(account.Subject, account.Role, accessLife)
	if err != nil {
		return application.Session{}, err
	}
	return application.Session{Account: account, AccessToken: token, ExpiresIn: accessLife, RefreshToken: base64.RawURLEncoding.EncodeToString(id[:]) + "." + secret}, nil
}

// parseRefresh takes a refresh token apart.
func parseRefresh(token string) (id uuid.UUID, secret string, ok bool) {
	head, secret, ok := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(head)
	if !ok || err != nil || len(raw) != len(id) || len(secret) != base64.RawURLEncoding.EncodedLen(secretBytes) {
		return uuid.Nil, "", false
	}
	return uuid.UUID(raw), secret, true
}

func refreshInvalid() error {
	return domain.Errorf(domain.Denied, "refresh_invalid", "The session has ended; log in again.")
}

// Refresh implements application.Accounts. It fails with refresh_invalid.
func (a *Accounts) Refresh(ctx context.Context, token string) (application.Session, error) {
	id, secret, ok := parseRefresh(token)
	if !ok {
		return application.Session{}, refreshInvalid()
	}
	next, err := newSecret()
	if err != nil {
		return application.Session{}, err
	}
	var of stored
	refused := false // what is refused may have ended the session, which has to be committed
	err = a.change(ctx, func(tx *sqlx.Tx) error {
		now := a.now()
		// First, so that of two at once the second sees what the first has left.
		done, err := tx.Exec(tx.Rebind(`UPDATE account_sessions SET spent = current, current = ?, used_at = ? WHERE id = ? AND current = ? AND used_at >= ?`),
			digest(next), now.UnixNano(), id.String(), digest(secret), now.Add(-sessionLife).UnixNano())
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil {
			return err
		} else if n == 0 {
			refused = true
			return a.spent(tx, id, secret)
		}
		return tx.Get(&of, tx.Rebind(`SELECT a.id, a.email, a.role, a.password, a.created_at FROM accounts a JOIN account_sessions s ON s.account_id = a.id WHERE s.id = ?`), id.String())
	})
	if err != nil {
		return application.Session{}, err
	}
	if refused {
		return application.Session{}, refreshInvalid()
	}
	return a.session(of, id, next)
}

// spent ends a session whose refresh token is not the last: somebody else has it, or has had it. One that was just
// spent may be asked for twice.
func (a *Accounts) spent(tx *sqlx.Tx, id uuid.UUID, secret string) error {
	var session struct {
		Spent  string `db:"spent"`
		UsedAt int64  `db:"used_at"`
	}
	err := tx.Get(&session, tx.Rebind(`SELECT spent, used_at FROM account_sessions WHERE id = ?`), id.String())
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	was := subtle.ConstantTimeCompare([]byte(session.Spent), []byte(digest(secret))) == 1
	if was && a.now().Sub(time.Unix(0, session.UsedAt)) < again {
		return nil
	}
	_, err = tx.Exec(tx.Rebind(`DELETE FROM account_sessions WHERE id = ?`), id.String())
	return err
}

// Logout implements application.Accounts.
func (a *Accounts) Logout(ctx context.Context, token string) error {
	id, secret, ok := parseRefresh(token)
	if !ok {
		return nil
	}
	_, err := a.db.ExecContext(ctx, a.db.Rebind(`DELETE FROM account_sessions WHERE id = ? AND (current = ? OR spent = ?)`), id.String(), digest(secret), digest(secret))
	return unavailable(err)
}
