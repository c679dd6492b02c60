package application_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/domain"
)

var sri = domain.Actor{ID: "sri", Role: domain.RoleLecturer}

func (h *house) grant(subject string, role domain.Role, e domain.Extent) application.Result {
	h.t.Helper()
	return h.ok(h.service.GrantAccess(h.ctx, by(admin), subject, role, e, "as agreed"))
}

func TestExtent_StaffWithoutAnyGrant_FollowsTheInstallation(t *testing.T) {
	h := open(t)
	strict := application.New(h.log, nil, application.Options{Keys: h.keys, GrantedOnly: true})
	for _, c := range []struct {
		service *application.Service
		actor   domain.Actor
		want    domain.Extent
	}{
		{h.service, sri, domain.Everything}, {strict, sri, domain.Extent{}}, {strict, admin, domain.Extent{}},
		{strict, siti, domain.Everything}, {strict, domain.Actor{ID: "asprak", Role: domain.RoleSystem}, domain.Everything},
	} {
		extent, err := c.service.Extent(h.ctx, c.actor)
		require.NoError(t, err)
		require.Equal(t, c.want, extent, c.actor)
	}
	_, err := strict.GrantAccess(h.ctx, by(admin), "sri", domain.RoleLecturer, domain.Everything, "x")
	require.Equal(t, "access_limited", domain.ErrorCode(err))
	h.ok(strict.GrantAccess(h.ctx, by(domain.Actor{ID: "asprak", Role: domain.RoleSystem}), admin.ID, domain.RoleAdmin, domain.Everything, "first"))
	h.ok(strict.GrantAccess(h.ctx, by(admin), "sri", domain.RoleLecturer, domain.Everything, "x"))
}

func TestRevokeAccess_AnotherProcess_CountsWithinASecond(t *testing.T) {
	h := open(t)
	other := application.New(h.log, nil, application.Options{Keys: h.keys, Clock: func() time.Time { return h.now }})
	extent := func(s *application.Service) domain.Extent {
		e, err := s.Extent(h.ctx, sri)
		require.NoError(t, err)
		return e
	}
	require.Equal(t, domain.Everything, extent(other))
	h.ok(h.service.RevokeAccess(h.ctx, by(admin), "sri", domain.RoleLecturer, domain.Everything, "left"))
	require.Equal(t, domain.Extent{}, extent(h.service), "at once where it was recorded")
	h.now = h.now.Add(application.StaffFresh)
	require.Equal(t, domain.Extent{}, extent(other))
}

func TestStaff_CommandsBeyondTheGrant_FindNothing(t *testing.T) {
	h := open(t)
	opening := h.publish()
	id := h.verified(siti, opening)
	h.grant("sri", domain.RoleLecturer, domain.Extent{Departments: []string{"Fisika"}})
	r, err := h.service.Accept(h.ctx, by(sri), id, "")
	h.refused("application_not_found", r, err)
	_, _, err = h.service.OpenDocument(h.ctx, by(sri), id, uuid.New())
	require.Equal(t, "application_not_found", domain.ErrorCode(err))
	h.grant("sri", domain.RoleLecturer, domain.Extent{Openings: []uuid.UUID{opening}})
	h.ok(h.service.Accept(h.ctx, by(sri), id, ""))
}

func TestGrantAccess_SameKeyAgain_IsAnsweredAsTheFirstTime(t *testing.T) {
	h := open(t)
	do := func(e domain.Extent) (application.Result, error) {
		return h.service.GrantAccess(h.ctx, by(admin, "key-1"), "sri", domain.RoleLecturer, e, "as agreed")
	}
	first := h.ok(do(domain.Everything))
	require.Equal(t, 1, first.Recorded)
	again := h.ok(do(domain.Everything))
	require.Equal(t, first.Position, again.Position)
	require.Zero(t, again.Recorded)
	_, err := do(domain.Extent{Departments: []string{"Fisika"}})
	require.Equal(t, "idempotency_key_reused", domain.ErrorCode(err))
}
