package api_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/domain"
)

func TestQuery_AheadOfTheReadModels_WaitsThenGivesUp(t *testing.T) {
	h := build(t)
	admin := h.as("dewi", domain.RoleAdmin)
	opening, published := admin.publish()

	// Nothing follows the log yet: the wait is bounded.
	a := admin.get("/v1/openings/"+opening, seen(published))
	a.problem(503, "not_caught_up")
	require.Equal(t, "1", a.header.Get("Retry-After"))
	admin.get("/v1/openings/"+opening).problem(503, "not_caught_up")

	// Now something does: a query for what was just made waits for it, and one that sends the
	// position has the caller's own write.
	h.follow()
	admin.get("/v1/openings/" + opening).is(200)
	admin.get("/v1/openings/"+uuid.NewString()).problem(404, "opening_not_found")
	got := admin.get("/v1/openings/"+opening, seen(published)).is(200)
	require.Equal(t, published.header.Get("Asprak-Position"), got.header.Get("Asprak-Position"))
	require.Equal(t, published.text("position"), got.text("position"))
}

func TestQuery_Pages_HaveEachItemOnce(t *testing.T) {
	h := open(t)
	admin := h.as("dewi", domain.RoleAdmin)
	var ids []any
	var last answer
	for range 7 {
		var id string
		id, last = admin.publish()
		ids = append([]any{id}, ids...)
	}
	require.Equal(t, ids, h.all(admin, "/v1/openings?term=2026/2027-1", "id", seen(last)), "the latest first")
	require.Len(t, admin.get("/v1/openings").items(), 7)
	next := admin.get("/v1/openings?limit=2").text("next")
	admin.wrong("GET", "/v1/openings?limit=2&cursor="+next+"x", nil).problem(400, "bad_cursor")
}
