package domain

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestScopeOf_WhatTheTableDoesNotName_IsNotAllowed(t *testing.T) {
	require.Equal(t, ScopeNone, ScopeOf(ActionPublishOpening, RoleApplicant))
	require.Equal(t, ScopeNone, ScopeOf(ActionPublishOpening, "root"))
	require.Equal(t, ScopeNone, ScopeOf(ActionPublishOpening, ""))
	require.Equal(t, ScopeNone, ScopeOf("dropEverything", RoleAdmin))
	require.Equal(t, ScopeAll, ScopeOf(ActionPublishOpening, RoleSystem))
}

func TestActor_Reaches_OwnOnlyWhatIsOwned(t *testing.T) {
	siti, dewi := Actor{"siti", RoleApplicant}, Actor{"dewi", RoleAdmin}
	require.True(t, siti.Reaches(ActionGetApplication, "siti"))
	require.False(t, siti.Reaches(ActionGetApplication, "budi"))
	require.False(t, Actor{"", RoleApplicant}.Reaches(ActionGetApplication, ""))
	require.True(t, dewi.Reaches(ActionGetApplication, "budi"))
	require.False(t, dewi.Reaches(ActionWithdrawApplication, "dewi"))
}
