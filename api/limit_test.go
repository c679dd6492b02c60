package api

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/domain"
)

func TestMeter_MoreThanTheShare_WaitsForTimeToPass(t *testing.T) {
	now := time.Date(2026, 8, 1, 9, 0, 0, 0, time.UTC)
	m := newMeter(5)
	m.now = func() time.Time { return now }
	for range 10 {
		require.NoError(t, m.take("siti"))
	}
	require.Equal(t, "too_many_requests", domain.ErrorCode(m.take("siti")))
	require.NoError(t, m.take("budi"), "each has an own share")
	now = now.Add(time.Second)
	for range 5 {
		require.NoError(t, m.take("siti"))
	}
	require.Equal(t, "too_many_requests", domain.ErrorCode(m.take("siti")))
}

func TestMeter_ManyKeys_AreForgottenAndTheBusyKept(t *testing.T) {
	now := time.Date(2026, 8, 1, 9, 0, 0, 0, time.UTC)
	m := newMeter(1)
	m.now, m.max = func() time.Time { return now }, 10
	for i := range 9 {
		require.NoError(t, m.take(fmt.Sprint(i)))
	}
	now = now.Add(2 * time.Second)
	require.NoError(t, m.take("siti"))
	require.NoError(t, m.take("siti"))
	require.NoError(t, m.take("budi"))
	require.Len(t, m.of, 2)
	require.Error(t, m.take("siti"), "who has had the share is not forgotten")
	for i := range 100 {
		require.NoError(t, m.take(fmt.Sprint("new-", i)))
		require.LessOrEqual(t, len(m.of), 10)
	}
}

func TestAddressOf_IsTheNetworkOfAClient(t *testing.T) {
	for remote, want := range map[string]string{
		"203.0.113.7:5000": "203.0.113.7", "[::ffff:203.0.113.7]:5000": "203.0.113.7", "127.0.0.1:5000": "", "[::1]:5000": "", "@": "",
		"[2001:db8:1:2:3:4:5:6]:5000": "2001:db8:1:2::/64", "[2001:db8:1:2::9]:1": "2001:db8:1:2::/64", "[fe80::1%eth0]:1": "fe80::/64",
	} {
		require.Equal(t, want, addressOf(remote), remote)
	}
}

type admitted domain.Actor

func (a admitted) Verify(context.Context, string) (domain.Actor, error) {
	return domain.Actor(a), nil
}

// ungranted is a log without any grant.
type ungranted struct{ application.Log }

func (ungranted) ReadStream(context.Context, string, application.Revision) ([]application.Record, error) {
	return nil, nil
}

// statuses sends n requests that end before they reach a use case.
func statuses(t *testing.T, limits Limits, role domain.Role, remote string, n int) (got []int, last *httptest.ResponseRecorder) {
	a, err := newAPI(Options{Service: application.New(ungranted{}, nil, application.Options{}), Tokens: admitted{"siti", role}, Limits: limits})
	require.NoError(t, err)
	e := a.engine()
	for range n {
		request := httptest.NewRequest("GET", "/v1/openings?unknown=1", nil)
		request.RemoteAddr = remote
		request.Header.Set("Authorization", "Bearer x")
		last = httptest.NewRecorder()
		e.ServeHTTP(last, request)
		got = append(got, last.Code)
	}
	return got, last
}

func TestLimits_ApplicantOverTheRate_IsToldToComeLater(t *testing.T) {
	got, last := statuses(t, Limits{ApplicantRate: 1}, domain.RoleApplicant, "127.0.0.1:1", 3)
	require.Equal(t, []int{400, 400, 429}, got)
	require.Equal(t, "1", last.Header().Get("Retry-After"))
	require.Contains(t, last.Body.String(), `"code":"too_many_requests"`)
	got, _ = statuses(t, Limits{ApplicantRate: 1}, domain.RoleAdmin, "127.0.0.1:1", 3)
	require.Equal(t, []int{400, 400, 400}, got)
}

func TestLimits_AddressOverTheRate_IsRefusedWhoeverAsks(t *testing.T) {
	got, _ := statuses(t, Limits{AddressRate: 1}, domain.RoleAdmin, "203.0.113.7:1", 3)
	require.Equal(t, []int{400, 400, 429}, got)
	got, _ = statuses(t, Limits{AddressRate: 1}, domain.RoleAdmin, "127.0.0.1:1", 3)
	require.Equal(t, []int{400, 400, 400}, got)
	got, _ = statuses(t, Limits{}, domain.RoleApplicant, "203.0.113.7:1", 100)
	require.NotContains(t, got, http.StatusTooManyRequests)
}

func TestSlots_AreGivenBackAndShared(t *testing.T) {
	s := newSlots(3, 2)
	first, err := s.take("siti")
	require.NoError(t, err)
	_, err = s.take("siti")
	require.NoError(t, err)
	_, err = s.take("siti")
	require.Equal(t, "too_many_uploads", domain.ErrorCode(err))
	_, err = s.take("budi")
	require.NoError(t, err)
	_, err = s.take("dian")
	require.Equal(t, "uploads_busy", domain.ErrorCode(err))
	first()
	_, err = s.take("dian")
	require.NoError(t, err)
	require.Equal(t, map[string]int{"siti": 1, "budi": 1, "dian": 1}, s.by)
}
