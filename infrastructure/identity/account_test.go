package identity

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/domain"
	"asprak/projections/postgrestest"
)

var postgres postgrestest.Shared

func TestMain(m *testing.M) {
	code := m.Run()
	postgres.Stop()
	os.Exit(code)
}

const (
	mail   = "siti@mail.ugm.ac.id"
	secret = "kata sandi yang panjang"
)

// counter is an office of accounts with a clock of its own.
type counter struct {
	*Accounts
	t   *testing.T
	now time.Time
	at  string
}

// onBoth runs the test on accounts in a file and in PostgreSQL.
func onBoth(t *testing.T, test func(c *counter)) {
	for name, target := range map[string]func(t *testing.T) string{
		"File":       func(t *testing.T) string { return filepath.Join(t.TempDir(), "accounts.db") },
		"PostgreSQL": func(t *testing.T) string { return postgres.Server(t).Schema(t) },
	} {
		t.Run(name, func(t *testing.T) {
			c := &counter{t: t, now: time.Date(2026, 8, 1, 9, 0, 0, 0, time.UTC), at: target(t)}
			c.Accounts = c.open()
			test(c)
		})
	}
}

func (c *counter) open() *Accounts {
	c.t.Helper()
	clock := func() time.Time { return c.now }
	a, err := OpenAccounts(c.t.Context(), c.at, newTokens(make([]byte, keySize), clock), Domains{"mail.ugm.ac.id", ".ui.ac.id"})
	require.NoError(c.t, err)
	c.t.Cleanup(func() { a.Close() })
	a.now = clock
	return a
}

func (c *counter) registered() application.Account {
	c.t.Helper()
	account, err := c.Register(c.t.Context(), mail, secret)
	require.NoError(c.t, err)
	return account
}

func (c *counter) loggedIn() application.Session {
	c.t.Helper()
	session, err := c.Login(c.t.Context(), mail, secret)
	require.NoError(c.t, err)
	return session
}

func (c *counter) refused(code string, err error) {
	c.t.Helper()
	require.Equal(c.t, code, domain.ErrorCode(err), "%v", err)
}

func TestAccounts_RegisterAndLogin_GiveATokenThatCounts(t *testing.T) {
	onBoth(t, func(c *counter) {
		account, err := c.Register(t.Context(), "  Siti@Mail.UGM.ac.id ", secret)
		require.NoError(t, err)
		require.Equal(t, application.Account{Subject: account.Subject, Email: mail, Role: domain.RoleApplicant, CreatedAt: c.now}, account)
		require.NotContains(t, account.Subject, "siti")
		session := c.loggedIn()
		require.Equal(t, account, session.Account)
		actor, err := c.tokens.Verify(session.AccessToken)
		require.NoError(t, err)
		require.Equal(t, domain.Actor{ID: account.Subject, Role: domain.RoleApplicant}, actor)
		found, ok, err := c.open().Account(t.Context(), account.Subject)
		require.NoError(t, err)
		require.True(t, ok, "another process has the same accounts")
		require.Equal(t, account, found)
		_, ok, err = c.Account(t.Context(), "ugm:siti")
		require.NoError(t, err)
		require.False(t, ok)
	})
}

func TestAccounts_Register_ByTheRuleOnly(t *testing.T) {
	onBoth(t, func(c *counter) {
		c.registered()
		for _, r := range []struct{ email, password, code string }{
			{"SITI@mail.ugm.ac.id", secret, "email_taken"},
			{"siti@gmail.com", secret, "email_not_allowed"},
			{"siti@ugm.ac.id", secret, "email_not_allowed"},
			{"siti@x.mail.ugm.ac.id", secret, "email_not_allowed"},
			{"siti@ui.ac.id", secret, "email_not_allowed"},
			{"siti@evilui.ac.id", secret, "email_not_allowed"},
			{"siti@cs.ui.ac.id", secret, ""},
			{"siti", secret, "invalid_field"},
			{"budi@mail.ugm.ac.id", "short", "invalid_field"},
			{"budi@mail.ugm.ac.id", strings.Repeat("x", 201), "invalid_field"},
			{"budi@mail.ugm.ac.id", "Budi@mail.ugm.ac.id", "invalid_field"},
		} {
			_, err := c.Register(t.Context(), r.email, r.password)
			c.refused(r.code, err)
		}
		c.domains = nil
		_, err := c.Register(t.Context(), "budi@mail.ugm.ac.id", secret)
		c.refused("registration_closed", err)
	})
}

func TestAccounts_RegisterAtOnce_MakesOneAccount(t *testing.T) {
	onBoth(t, func(c *counter) {
		var working sync.WaitGroup
		made := make(chan application.Account, 8)
		for range 8 {
			working.Go(func() {
				account, err := c.Register(t.Context(), mail, secret)
				if err == nil {
					made <- account
				} else if domain.ErrorCode(err) != "email_taken" {
					t.Error(err)
				}
			})
		}
		working.Wait()
		require.Len(t, made, 1)
	})
}

func TestAccounts_LoginFails_LocksTheAddressForAWhile(t *testing.T) {
	onBoth(t, func(c *counter) {
		c.registered()
		for _, email := range []string{mail, "nobody@mail.ugm.ac.id"} { // nobody learns which is there
			for range maxFailures {
				_, err := c.Login(t.Context(), email, "wrong password")
				c.refused("credentials_invalid", err)
			}
			_, err := c.Login(t.Context(), email, secret)
			c.refused("too_many_failures", err)
		}
		c.now = c.now.Add(firstLock)
		_, err := c.Login(t.Context(), mail, "wrong password")
		c.refused("credentials_invalid", err)
		c.now = c.now.Add(firstLock)
		_, err = c.open().Login(t.Context(), mail, secret)
		c.refused("too_many_failures", err)
		c.now = c.now.Add(firstLock)
		c.loggedIn()
		_, err = c.Login(t.Context(), mail, "wrong password")
		c.refused("credentials_invalid", err)
		c.loggedIn()
		for _, strange := range []string{"", "siti", strings.Repeat("x", 1000)} {
			_, err = c.Login(t.Context(), strange, secret)
			c.refused("credentials_invalid", err)
		}
		_, err = c.Login(t.Context(), mail, strings.Repeat("x", 10_000))
		c.refused("credentials_invalid", err)
	})
}

func TestAccounts_Refresh_SpendsTheTokenAndEndsASessionThatWasTaken(t *testing.T) {
	onBoth(t, func(c *counter) {
		c.registered()
		first := c.loggedIn()
		second, err := c.Refresh(t.Context(), first.RefreshToken)
		require.NoError(t, err)
		require.Equal(t, first.Account, second.Account)
		_, err = c.tokens.Verify(second.AccessToken)
		require.NoError(t, err)
		_, err = c.Refresh(t.Context(), first.RefreshToken)
		c.refused("refresh_invalid", err)
		third, err := c.Refresh(t.Context(), second.RefreshToken)
		require.NoError(t, err, "one that was just spent may be asked for twice")
		c.now = c.now.Add(again)
		_, err = c.Refresh(t.Context(), second.RefreshToken)
		c.refused("refresh_invalid", err)
		_, err = c.Refresh(t.Context(), third.RefreshToken)
		c.refused("refresh_invalid", err)

		other := c.loggedIn()
		id, _, _ := strings.Cut(other.RefreshToken, ".")
		_, err = c.Refresh(t.Context(), id+"."+strings.Repeat("A", 43))
		c.refused("refresh_invalid", err)
		_, err = c.Refresh(t.Context(), other.RefreshToken)
		c.refused("refresh_invalid", err)
		for _, strange := range []string{"", ".", "x.y", first.AccessToken} {
			_, err = c.Refresh(t.Context(), strange)
			c.refused("refresh_invalid", err)
		}
	})
}

func TestAccounts_Refresh_AtOnce_OnlyOneGoesOn(t *testing.T) {
	onBoth(t, func(c *counter) {
		c.registered()
		session := c.loggedIn()
		var working sync.WaitGroup
		next := make(chan application.Session, 8)
		for range 8 {
			working.Go(func() {
				s, err := c.Refresh(t.Context(), session.RefreshToken)
				if err == nil {
					next <- s
				} else if domain.ErrorCode(err) != "refresh_invalid" {
					t.Error(err)
				}
			})
		}
		working.Wait()
		require.Len(t, next, 1)
		_, err := c.Refresh(t.Context(), (<-next).RefreshToken)
		require.NoError(t, err)
	})
}

func TestAccounts_Sessions_EndUnusedLoggedOutAndWhenTooMany(t *testing.T) {
	onBoth(t, func(c *counter) {
		c.registered()
		unused, out := c.loggedIn(), c.loggedIn()
		require.NoError(t, c.Logout(t.Context(), out.RefreshToken))
		require.NoError(t, c.Logout(t.Context(), out.RefreshToken))
		require.NoError(t, c.Logout(t.Context(), "nonsense"))
		_, err := c.Refresh(t.Context(), out.RefreshToken)
		c.refused("refresh_invalid", err)
		c.now = c.now.Add(sessionLife + 1)
		_, err = c.Refresh(t.Context(), unused.RefreshToken)
		c.refused("refresh_invalid", err)

		first := c.loggedIn()
		for range maxSessions {
			c.now = c.now.Add(time.Second)
			c.loggedIn()
		}
		_, err = c.Refresh(t.Context(), first.RefreshToken)
		c.refused("refresh_invalid", err)
	})
}

func TestAccounts_ChangePassword_EndsSessionsAndTakesTheOldOne(t *testing.T) {
	onBoth(t, func(c *counter) {
		account := c.registered()
		session := c.loggedIn()
		const next = "kata sandi yang baru"
		c.refused("credentials_invalid", c.ChangePassword(t.Context(), account.Subject, "wrong password", next))
		c.refused("invalid_field", c.ChangePassword(t.Context(), account.Subject, secret, "short"))
		c.refused("account_not_found", c.ChangePassword(t.Context(), "ugm:siti", secret, next))
		require.NoError(t, c.ChangePassword(t.Context(), account.Subject, secret, next))
		_, err := c.Refresh(t.Context(), session.RefreshToken)
		c.refused("refresh_invalid", err)
		_, err = c.Login(t.Context(), mail, secret)
		c.refused("credentials_invalid", err)
		_, err = c.Login(t.Context(), mail, next)
		require.NoError(t, err)

		reset, err := c.Reset(t.Context(), mail)
		require.NoError(t, err)
		_, err = c.Login(t.Context(), mail, reset)
		require.NoError(t, err)
		_, err = c.Reset(t.Context(), "nobody@mail.ugm.ac.id")
		c.refused("account_not_found", err)
	})
}

func TestAccounts_FirstAdmin_IsMadeOnceByMany(t *testing.T) {
	onBoth(t, func(c *counter) {
		var working sync.WaitGroup
		passwords := make(chan string, 6)
		for range 6 {
			a := c.open()
			working.Go(func() {
				_, password, made, err := a.FirstAdmin(t.Context(), "admin@localhost")
				if err != nil {
					t.Error(err)
				}
				if made {
					passwords <- password
				}
			})
		}
		working.Wait()
		require.Len(t, passwords, 1)
		session, err := c.Login(t.Context(), "admin@localhost", <-passwords)
		require.NoError(t, err)
		require.Equal(t, domain.RoleAdmin, session.Account.Role)
		_, _, made, err := c.FirstAdmin(t.Context(), "other@localhost")
		require.NoError(t, err)
		require.False(t, made)
		lecturer, password, err := c.Add(t.Context(), "lina@ugm.ac.id", domain.RoleLecturer)
		require.NoError(t, err)
		require.Equal(t, domain.RoleLecturer, lecturer.Role)
		_, err = c.Login(t.Context(), "lina@ugm.ac.id", password)
		require.NoError(t, err)
		_, _, err = c.Add(t.Context(), "root@ugm.ac.id", domain.RoleSystem)
		require.Error(t, err)
	})
}

func TestAccounts_Erase_LeavesNothingInTheFiles(t *testing.T) {
	onBoth(t, func(c *counter) {
		account := c.registered()
		other, err := c.Register(t.Context(), "budi@mail.ugm.ac.id", secret)
		require.NoError(t, err)
		session := c.loggedIn()
		_, err = c.Login(t.Context(), mail, "wrong password")
		c.refused("credentials_invalid", err)
		for range 2 {
			require.NoError(t, c.Erase(t.Context(), account.Subject))
		}
		require.NoError(t, c.Erase(t.Context(), "ugm:siti"))
		_, err = c.Refresh(t.Context(), session.RefreshToken)
		c.refused("refresh_invalid", err)
		_, ok, err := c.Account(t.Context(), account.Subject)
		require.NoError(t, err)
		require.False(t, ok)
		_, ok, err = c.Account(t.Context(), other.Subject)
		require.NoError(t, err)
		require.True(t, ok)
		if c.server {
			return
		}
		copied := filepath.Join(t.TempDir(), "copy.db")
		require.NoError(t, CopyAccounts(t.Context(), c.at, copied))
		for _, path := range []string{c.at, c.at + "-wal", copied} {
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			require.False(t, bytes.Contains(content, []byte(mail)) || bytes.Contains(content, []byte(digest(mail))), path)
		}
		content, err := os.ReadFile(copied)
		require.NoError(t, err)
		require.True(t, bytes.Contains(content, []byte("budi@mail.ugm.ac.id")), "the search finds what is there")
	})
}

func TestAccounts_DatabaseAway_IsSaidSo(t *testing.T) {
	onBoth(t, func(c *counter) {
		require.NoError(t, c.Close())
		_, err := c.Login(t.Context(), mail, secret)
		c.refused("accounts_unavailable", err)
	})
}

func TestPassword_Sealed_FitsItselfOnly(t *testing.T) {
	h := newHasher()
	one, err := h.seal(t.Context(), secret)
	require.NoError(t, err)
	two, err := h.seal(t.Context(), secret)
	require.NoError(t, err)
	require.NotEqual(t, one, two, "each has a salt of its own")
	require.True(t, strings.HasPrefix(one, "$argon2id$v=19$m=19456,t=2,p=1$"))
	fits, err := h.fits(t.Context(), secret, one)
	require.NoError(t, err)
	require.True(t, fits)
	for _, password := range []string{"", secret + " ", strings.ToUpper(secret)} {
		fits, err = h.fits(t.Context(), password, one)
		require.NoError(t, err)
		require.False(t, fits)
	}
	fits, err = h.fits(t.Context(), secret, nobody)
	require.NoError(t, err)
	require.False(t, fits)
	for _, strange := range []string{"", "plain", "$argon2i$v=19$m=19456,t=2,p=1$AA$AA", "$argon2id$v=19$m=1,t=2,p=1$AA$AA", one[:40]} {
		_, err = h.fits(t.Context(), secret, strange)
		require.Error(t, err, strange)
	}
}

func TestParseDomains_List(t *testing.T) {
	all, err := ParseDomains(" Mail.UGM.ac.id, .ui.ac.id,, bücher.example ")
	require.NoError(t, err)
	require.Equal(t, Domains{"mail.ugm.ac.id", ".ui.ac.id", "xn--bcher-kva.example"}, all)
	for _, bad := range []string{"a b", "siti@ugm.ac.id", ".", "https://ugm.ac.id"} {
		_, err := ParseDomains(bad)
		require.Error(t, err, bad)
	}
}
