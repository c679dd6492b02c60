package main

import (
	"context"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"asprak/cmd/asprak/samples"
	"asprak/domain"
)

var firstPassword = regexp.MustCompile(`admin@localhost with the password (\S+)`)

// firstAdminOf is the password of the first account, as the processes have printed it, once.
func firstAdminOf(t *testing.T, processes ...*process) string {
	t.Helper()
	var passwords []string
	require.Eventually(t, func() bool {
		passwords = nil
		for _, p := range processes {
			for _, m := range firstPassword.FindAllStringSubmatch(p.said.String(), -1) {
				passwords = append(passwords, m[1])
			}
		}
		return len(passwords) > 0
	}, 10*time.Second, 10*time.Millisecond)
	require.Len(t, passwords, 1)
	return passwords[0]
}

type loggedIn struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	Subject      string `json:"subject"`
	Role         string `json:"role"`
}

// login begins a session, and is a caller with its token.
func (p *process) login(ctx context.Context, email, password string) (*caller, loggedIn, error) {
	var session loggedIn
	err := p.withToken("").post(ctx, "/v1/sessions", map[string]any{"email": email, "password": password}, &session)
	return p.withToken(session.AccessToken), session, err
}

func (p *process) withToken(token string) *caller {
	return &caller{base: p.base, token: func() (string, error) { return token, nil }}
}

// From an empty folder to a seat with accounts alone: the first admin, staff that they add, and a student who registers.
func TestAccounts_FromTheFirstAdminToAnApplication_NeedNoOtherToken(t *testing.T) {
	ctx, data := testContext(t), filepath.Join(t.TempDir(), "data")
	args := []string{"--roles", "api,projector", "--staff", "granted", "--account-domains", "mail.ugm.ac.id"}
	p, beside := launchProcess(t, data, args...), launchProcess(t, data, args...)
	p.await()
	beside.await()
	reader := launchProcess(t, data, "--roles", "reader", "--readers", "1")
	reader.await()
	admin, _, err := p.login(ctx, "admin@localhost", firstAdminOf(t, p, beside))
	require.NoError(t, err)
	set, err := samples.Load()
	require.NoError(t, err)
	var opening, submitted, done answer
	require.NoError(t, admin.post(ctx, "/v1/openings", sampleOpening("Praktikum", set.Requirement), &opening), "who is granted everything")

	added := run(t, "account", "add", "lina@ugm.ac.id", "--role", "lecturer", "--data", data)
	lina, session, err := beside.login(ctx, "lina@ugm.ac.id", added[strings.LastIndex(strings.TrimSpace(added), " ")+1:len(added)-1])
	require.NoError(t, err)
	require.Equal(t, "lecturer", session.Role)
	require.Equal(t, 404, statusOf(lina.get(ctx, "/v1/openings/"+opening.ID, &done)), "nothing was granted to her")
	require.NoError(t, admin.post(ctx, "/v1/staff/"+session.Subject+"/grant", map[string]any{"role": "lecturer", "openings": []string{opening.ID}, "reason": "Koordinator."}, &done))
	require.Eventually(t, func() bool { return lina.get(ctx, "/v1/openings/"+opening.ID, &done) == nil }, 5*time.Second, 50*time.Millisecond)

	student := map[string]any{"email": "siti@mail.ugm.ac.id", "password": "kata sandi yang panjang"}
	require.NoError(t, p.withToken("").post(ctx, "/v1/accounts", student, &done))
	siti, session, err := beside.login(ctx, "siti@mail.ugm.ac.id", "kata sandi yang panjang")
	require.NoError(t, err)
	sample := set.Samples[0]
	require.NoError(t, siti.post(ctx, "/v1/applications", map[string]any{"opening_id": opening.ID, "applicant": map[string]any{
		"name": sample.Applicant.Name, "nim": sample.Applicant.NIM, "email": "siti@mail.ugm.ac.id", "programme": "TRPL"}}, &submitted))
	var next loggedIn
	require.NoError(t, p.withToken("").post(ctx, "/v1/sessions/refresh", map[string]any{"refresh_token": session.RefreshToken}, &next))
	require.NoError(t, p.withToken(next.AccessToken).get(ctx, "/v1/applications/"+submitted.ID, &done))

	// What is restored elsewhere has the accounts too; who is erased has none.
	backup, ring, accounts := filepath.Join(data, "..", "backup"), filepath.Join(data, "..", "keys.db"), filepath.Join(data, "..", "accounts.db")
	run(t, "backup", "--data", data, "--keys", ring, "--accounts", accounts, backup)
	require.NoError(t, siti.post(ctx, "/v1/me/erasure", map[string]any{}, &done))
	require.Eventually(t, func() bool {
		_, _, err := p.login(ctx, "siti@mail.ugm.ac.id", "kata sandi yang panjang")
		return statusOf(err) == 401
	}, 20*time.Second, 200*time.Millisecond)
	reset := strings.TrimSpace(run(t, "account", "reset", "lina@ugm.ac.id", "--data", data))
	_, _, err = p.login(ctx, "lina@ugm.ac.id", reset)
	require.NoError(t, err)

	p.stop(syscall.SIGTERM)
	p.start()
	require.NotContains(t, p.said.String(), "password", "the first admin was made before")
	for _, log := range []*tail{p.log, beside.log, reader.log} {
		for _, private := range []string{"siti@", "kata sandi", "lina@"} {
			require.NotContains(t, log.String(), private)
		}
	}

	elsewhere := filepath.Join(t.TempDir(), "data")
	run(t, "restore", "--data", elsewhere, "--keys", ring, "--accounts", accounts, backup)
	restored := launchProcess(t, elsewhere, "--readers", "1", "--master-key", filepath.Join(data, "master.key"))
	restored.await()
	_, again, err := restored.login(ctx, "siti@mail.ugm.ac.id", "kata sandi yang panjang")
	require.NoError(t, err)
	require.Equal(t, session.Subject, again.Subject)
	require.NoError(t, restored.as(domain.RoleApplicant, session.Subject).get(ctx, "/v1/applications/"+submitted.ID, &done))
}
