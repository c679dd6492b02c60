package application_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/domain"
)

// Whatever people do, and however late, out of order and often the reaction hears of it:
// in the end exactly those hold a seat who are accepted, and no more than there are.
func TestSeats_AnyOrderOfDelivery_AgreeWithTheAcceptances(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			h, dice := open(t), rand.New(rand.NewPCG(seed, 1))
			people := []domain.Actor{siti, budi, {ID: "citra", Role: domain.RoleApplicant}}
			opening := h.ok(h.service.PublishOpening(h.ctx, by(admin), seats(2))).ID
			ids := make([]uuid.UUID, len(people))
			for i, who := range people {
				ids[i] = h.verified(who, opening)
			}
			began, err := h.log.Head(h.ctx)
			require.NoError(t, err)
			deliver := func() {
				records := h.since(began, h.reaction(nil).Types()...)
				for range min(2, len(records)) {
					require.NoError(t, h.reaction(nil).Handle(h.ctx, records[dice.IntN(len(records))], 1))
				}
			}
			for step := range 60 {
				i := dice.IntN(len(ids))
				var err error
				switch dice.IntN(7) {
				case 0, 1:
					_, err = h.service.Accept(h.ctx, by(admin), ids[i], "")
				case 2:
					_, err = h.service.Withdraw(h.ctx, by(people[i]), ids[i], "")
				case 3:
					_, err = h.service.Confirm(h.ctx, by(people[i]), ids[i])
				case 4:
					err = h.again(people[i], ids[i], fmt.Sprint(step))
				case 5:
					outcome := []string{"verified", "rejected"}[dice.IntN(2)]
					documents := h.application(ids[i]).Documents
					_, err = h.service.Override(h.ctx, by(admin), ids[i], documents[len(documents)-1].ID, outcome, "looked again")
				default:
					deliver()
				}
				if err != nil {
					require.NotEmpty(t, domain.ErrorCode(err), "%v", err)
				}
				require.LessOrEqual(t, len(h.opening(opening).Awarded), 2)
			}
			h.settle(nil)
			for _, r := range h.since(began, h.reaction(nil).Types()...) {
				require.NoError(t, h.reaction(nil).Handle(h.ctx, r, 9))
			}
			o := h.opening(opening)
			for _, id := range ids {
				status := h.application(id).Status
				require.Equal(t, status == domain.StatusAccepted || status == domain.StatusConfirmed, o.HoldsSeat(id), "%s", status)
			}
		})
	}
}

// again brings a withdrawn application back to verified.
func (h *house) again(who domain.Actor, id uuid.UUID, content string) error {
	if _, err := h.service.Resubmit(h.ctx, by(who), id, applicant()); err != nil {
		return err
	}
	document := h.ok(h.service.Upload(h.ctx, by(who), id, khs(content))).ID
	for _, r := range h.since(application.Position{}, "DocumentUploaded") {
		require.NoError(h.t, h.reaction(nil).Handle(h.ctx, r, 1))
	}
	_, err := h.service.Override(h.ctx, by(admin), id, document, "verified", "seen")
	return err
}
