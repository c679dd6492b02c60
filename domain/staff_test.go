package domain

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

type staffScenario struct {
	scenario
	when StaffCommand
}

func (s staffScenario) run(t *testing.T) {
	check(t, s.scenario, s.when, Staff.Evolve, Staff.Decide)
}

var (
	dewi    = Actor{"dewi", RoleAdmin}
	dteti   = Extent{Departments: []string{"Teknik Elektro"}}
	both    = Extent{Departments: []string{"Matematika", "Teknik Elektro"}}
	single  = Extent{Openings: []uuid.UUID{openingID}}
	granted = &AccessGranted{"sri", RoleLecturer, both, "teaches there"}
	all     = &AccessGranted{"sri", RoleAdmin, Everything, "head of the office"}
)

func grant(role Role, e Extent) GrantAccess { return GrantAccess{"sri", role, e, "as agreed", dewi} }

func revoke(role Role, e Extent) RevokeAccess {
	return RevokeAccess{"sri", role, e, "as agreed", dewi}
}

func TestDecide_GrantAccess_AddsWhatIsNotHeld(t *testing.T) {
	for _, s := range []staffScenario{
		{scenario{name: "first", then: []Event{&AccessGranted{"sri", RoleLecturer, both, "as agreed"}}}, grant(RoleLecturer, Extent{Departments: []string{" Teknik Elektro", "Matematika", "Teknik Elektro"}})},
		{scenario{name: "held already", given: []Event{granted}}, grant(RoleLecturer, dteti)},
		{scenario{name: "one more", given: []Event{granted}, then: []Event{&AccessGranted{"sri", RoleLecturer, single, "as agreed"}}},
			grant(RoleLecturer, Extent{Departments: both.Departments, Openings: single.Openings})},
		{scenario{name: "another role has its own", given: []Event{granted}, then: []Event{&AccessGranted{"sri", RoleAdmin, dteti, "as agreed"}}}, grant(RoleAdmin, dteti)},
		{scenario{name: "everything", given: []Event{granted}, then: []Event{&AccessGranted{"sri", RoleLecturer, Everything, "as agreed"}}}, grant(RoleLecturer, Everything)},
		{scenario{name: "everything holds each", given: []Event{all}}, grant(RoleAdmin, single)},
		{scenario{name: "by the system", then: []Event{&AccessGranted{"asprak", RoleAdmin, Everything, "first"}}},
			GrantAccess{"asprak", RoleAdmin, Everything, "first", Actor{"asprak", RoleSystem}}},
	} {
		s.run(t)
	}
}

func TestDecide_RevokeAccess_TakesAwayWhatIsHeld(t *testing.T) {
	for _, s := range []staffScenario{
		{scenario{name: "of what is held", given: []Event{granted}, then: []Event{&AccessRevoked{"sri", RoleLecturer, dteti, "as agreed"}}},
			revoke(RoleLecturer, Extent{Departments: []string{"Teknik Elektro", "Fisika"}, Openings: single.Openings})},
		{scenario{name: "not held", given: []Event{granted}}, revoke(RoleLecturer, single)},
		{scenario{name: "everything is all there is", given: []Event{granted}, then: []Event{&AccessRevoked{"sri", RoleLecturer, Everything, "as agreed"}}}, revoke(RoleLecturer, Everything)},
		{scenario{name: "from whom nothing was granted", then: []Event{&AccessRevoked{"sri", RoleLecturer, Everything, "as agreed"}}}, revoke(RoleLecturer, Everything)},
		{scenario{name: "a part from whom nothing was granted", code: "nothing_granted"}, revoke(RoleLecturer, dteti)},
		{scenario{name: "a part of everything", given: []Event{all}, code: "access_to_everything"}, revoke(RoleAdmin, dteti)},
	} {
		s.run(t)
	}
}

func TestDecide_Access_RefusesWhatCannotBeMeant(t *testing.T) {
	many := make([]string, maxNamed+1)
	for i := range many {
		many[i] = strings.Repeat("x", min(i+1, maxText))
	}
	for _, s := range []staffScenario{
		{scenario{name: "own", code: "own_access"}, GrantAccess{"dewi", RoleAdmin, Everything, "me", dewi}},
		{scenario{name: "own away", code: "own_access"}, RevokeAccess{"dewi", RoleAdmin, Everything, "me", dewi}},
		{scenario{name: "no reason", code: "invalid_field", field: "reason"}, GrantAccess{"sri", RoleAdmin, Everything, " ", dewi}},
		{scenario{name: "nobody", code: "invalid_field", field: "subject"}, GrantAccess{"", RoleAdmin, Everything, "x", dewi}},
		{scenario{name: "applicants own", code: "invalid_field", field: "role"}, grant(RoleApplicant, Everything)},
		{scenario{name: "nothing", code: "invalid_field", field: "departments"}, grant(RoleAdmin, Extent{})},
		{scenario{name: "no name", code: "invalid_field", field: "departments"}, grant(RoleAdmin, Extent{Departments: []string{" "}})},
		{scenario{name: "both", code: "invalid_field", field: "everything"}, grant(RoleAdmin, Extent{Everything: true, Departments: dteti.Departments})},
		{scenario{name: "many departments", code: "invalid_field", field: "departments"}, grant(RoleAdmin, Extent{Departments: many})},
		{scenario{name: "many openings", code: "invalid_field", field: "openings"}, grant(RoleAdmin, Extent{Openings: make([]uuid.UUID, maxNamed+1)})},
		{scenario{name: "too many together", given: []Event{&AccessGranted{"sri", RoleAdmin, Extent{Departments: many[:maxNamed]}, "x"}}, code: "too_much_named"}, grant(RoleAdmin, dteti)},
	} {
		s.run(t)
	}
}

func TestExtent_Holds_WhatItNames(t *testing.T) {
	e := Extent{Departments: dteti.Departments, Openings: single.Openings}
	require.True(t, e.Holds(uuid.Nil, "Teknik Elektro"))
	require.True(t, e.Holds(openingID, "Fisika"))
	require.False(t, e.Holds(uuid.Nil, "teknik elektro"))
	require.False(t, e.Holds(uuid.Nil, ""))
	require.False(t, Extent{}.Holds(openingID, "Teknik Elektro"))
	require.True(t, Everything.Holds(uuid.Nil, ""))
}

// Whatever is granted and revoked, the state holds what a plain record of names does.
func TestStaff_AnyCommands_HoldWhatWasGrantedAndNotRevoked(t *testing.T) {
	names := []string{"A", "B", "C"}
	rapid.Check(t, func(t *rapid.T) {
		var s Staff
		held, everything := map[string]bool{}, false
		for range rapid.IntRange(0, 12).Draw(t, "commands") {
			e := Extent{Departments: rapid.SliceOfN(rapid.SampledFrom(names), 0, 3).Draw(t, "departments")}
			e.Everything = len(e.Departments) == 0
			granting := rapid.Bool().Draw(t, "grant")
			var command StaffCommand = revoke(RoleAdmin, e)
			if granting {
				command = grant(RoleAdmin, e)
			}
			events, err := s.Decide(command)
			if !granting && everything && !e.Everything {
				require.Equal(t, "access_to_everything", ErrorCode(err))
				continue
			}
			if !granting && !s.Known() && !e.Everything {
				require.Equal(t, "nothing_granted", ErrorCode(err))
				continue
			}
			require.NoError(t, err)
			for _, event := range events {
				s = s.Evolve(event)
			}
			switch {
			case granting && e.Everything:
				everything = true
			case granting && !everything:
				for _, d := range e.Departments {
					held[d] = true
				}
			case !granting && e.Everything:
				held, everything = map[string]bool{}, false
			case !granting:
				for _, d := range e.Departments {
					delete(held, d)
				}
			}
			for _, d := range names {
				require.Equal(t, everything || held[d], s.Access[RoleAdmin].Holds(uuid.Nil, d), d)
			}
			require.True(t, slices.IsSorted(s.Access[RoleAdmin].Departments))
			again, err := s.Decide(command)
			require.NoError(t, err)
			require.Empty(t, again)
		}
	})
}

func TestStaff_EveryEventOfTheTable_ChangesTheState(t *testing.T) {
	var s Staff
	for _, e := range []Event{granted, &AccessRevoked{"sri", RoleLecturer, dteti, ""}} {
		require.NotEqual(t, s, s.Evolve(e))
		s = s.Evolve(e)
	}
	require.Len(t, StaffEventTypes, 2)
	require.Equal(t, s, s.Evolve(&OpeningClosed{}))
	require.True(t, s.Known())
	require.False(t, Staff{}.Known())
}
