package main

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/domain"
)

func TestAccess_AtATime_IsToldBesideARunningServer(t *testing.T) {
	h := newReplayHouse(t)
	service := application.New(h.log, nil, application.Options{})
	change := func(do func(domain.Extent) error) time.Time {
		before := time.Now()
		require.NoError(t, do(domain.Extent{Departments: []string{"TI\x1b[31m"}}))
		return before
	}
	by := application.Request{Actor: domain.Actor{ID: "dewi", Role: domain.RoleAdmin}}
	granted := change(func(e domain.Extent) error {
		_, err := service.GrantAccess(t.Context(), by, "sri", domain.RoleLecturer, e, "teaches")
		return err
	})
	revoked := change(func(e domain.Extent) error {
		_, err := service.RevokeAccess(t.Context(), by, "sri", domain.RoleLecturer, e, "left")
		return err
	})
	run := func(c accessCmd) string {
		var out bytes.Buffer
		c.storage, c.Subject = storage{folder: h.folder, EventStore: "embedded"}, "sri"
		require.NoError(t, c.Run(t.Context(), environment{&out, &out}))
		return out.String()
	}
	at := func(m time.Time) string { return m.Format(time.RFC3339Nano) }
	require.Equal(t, "Nothing was granted or revoked; the rule for all staff says:\nas admin     nothing\nas lecturer  nothing\nas auditor   nothing\n",
		run(accessCmd{At: at(granted), Staff: "granted"}))
	require.Contains(t, run(accessCmd{At: at(granted), Opening: h.opening}), "as lecturer  everything; for the opening: yes\n")
	out := run(accessCmd{At: at(revoked), Opening: h.opening})
	require.Contains(t, out, "as lecturer  departments TI\\u001b[31m; for the opening: no\n")
	require.Contains(t, out, `"dewi" (admin) granted "sri", as lecturer, department "TI\x1b[31m"`)
	require.NotContains(t, out, "\x1b")
	var told struct{ History []struct{ Type string } }
	require.NoError(t, json.Unmarshal([]byte(run(accessCmd{JSON: true})), &told), "it is one object")
	require.Len(t, told.History, 2)
	require.Contains(t, run(accessCmd{}), "because left")
	require.ErrorContains(t, (&accessCmd{At: "yesterday"}).Run(t.Context(), environment{}), "--at")
}

func TestServe_FirstAdmin_IsGrantedEverythingOnce(t *testing.T) {
	log := newReplayHouse(t).log
	s := &server{config: serveCmd{Roles: roles{api: true}, StaffAdmin: "sso:head", Staff: "granted"}}
	s.service = application.New(log, nil, application.Options{GrantedOnly: true})
	require.NoError(t, s.grantFirst(t.Context()))
	head := domain.Actor{ID: "sso:head", Role: domain.RoleAdmin}
	extent, err := s.service.Extent(t.Context(), head)
	require.NoError(t, err)
	require.Equal(t, domain.Everything, extent)

	_, err = s.service.GrantAccess(t.Context(), application.Request{Actor: head}, "dewi", domain.RoleAdmin, domain.Everything, "deputy")
	require.NoError(t, err)
	dewi := application.Request{Actor: domain.Actor{ID: "dewi", Role: domain.RoleAdmin}}
	_, err = s.service.RevokeAccess(t.Context(), dewi, head.ID, domain.RoleAdmin, domain.Everything, "left")
	require.NoError(t, err)
	require.NoError(t, s.grantFirst(t.Context()), "the next start")
	extent, err = s.service.Extent(t.Context(), head)
	require.NoError(t, err)
	require.Equal(t, domain.Extent{}, extent, "what was taken away stays so")
}
