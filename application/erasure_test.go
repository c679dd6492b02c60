package application_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/domain"
)

// accounts remembers whose account was removed.
type accounts []string

func (a *accounts) Erase(_ context.Context, subject string) error {
	*a = append(*a, subject)
	return nil
}

func (h *house) entries(id uuid.UUID) []application.Entry {
	h.t.Helper()
	entries, err := h.service.History(h.ctx, id)
	require.NoError(h.t, err)
	return entries
}

func TestAskErasure_OwnApplications_KeyDocumentsAndAccountAreGone(t *testing.T) {
	h := open(t)
	first, document, _ := uploaded(h)
	second := h.submit(siti, h.publish())
	others := h.verified(budi, h.publish())
	h.settle(nil)
	require.Len(t, h.files(), 2)

	r := h.ok(h.service.AskErasure(h.ctx, by(siti, "k"), siti.ID))
	require.Equal(t, domain.PersonID(siti.ID), r.ID)
	require.Zero(t, h.ok(h.service.AskErasure(h.ctx, by(siti, "k"), siti.ID)).Recorded)
	var removed accounts
	reaction := h.reaction(nil)
	reaction.EraseAccounts(&removed)
	asked := h.only("ErasureAsked")
	for range 2 { // it may be handed out again
		require.NoError(t, reaction.Handle(h.ctx, asked, 1))
	}
	h.settle(nil)

	require.Equal(t, []string{"ErasureAsked", "PersonErased"}, h.types("person-"+domain.PersonID(siti.ID).String()))
	for _, id := range []uuid.UUID{first, second} {
		entries := h.entries(id)
		require.Equal(t, &domain.ApplicationErased{Ground: domain.ErasureRequested}, entries[len(entries)-1].Event)
		_, err := h.keys.Key(entries[0].Metadata.Key)
		require.ErrorIs(t, err, application.ErrKeyDestroyed)
		for _, e := range entries {
			if personal, ok := e.Event.(domain.Personal); ok {
				require.Equal(t, personal.Erased(), e.Event, "nothing more can be read of it")
			}
		}
		state := h.application(id)
		require.Equal(t, domain.StatusErased, state.Status)
		require.Equal(t, domain.Applicant{ID: siti.ID}, state.Applicant)
	}
	require.Equal(t, accounts{siti.ID, siti.ID}, removed)
	require.Len(t, h.files(), 1, "Budi's")
	_, _, err := h.service.OpenDocument(h.ctx, by(siti), first, document)
	require.Equal(t, "document_erased", domain.ErrorCode(err))
	require.Equal(t, "Siti Rahma", h.application(others).Applicant.Name)
	held, err := h.service.HeldOf(h.ctx, siti)
	require.NoError(t, err)
	require.Equal(t, &domain.PersonErased{Subject: siti.ID, Applications: []uuid.UUID{first, second}, Documents: 1}, held.Erasures[1].Event)
	upload, err := h.service.Upload(h.ctx, by(siti), first, khs("more"))
	h.refused("application_erased", upload, err)
	require.Zero(t, h.ok(h.service.AskErasure(h.ctx, by(siti), siti.ID)).Recorded)
}

func TestAskErasure_OfferConfirmed_IsRefusedWhole(t *testing.T) {
	h := open(t)
	opening := h.publish()
	id := h.verified(siti, opening)
	h.submit(siti, h.publish())
	h.ok(h.service.Accept(h.ctx, by(admin), id, ""))
	h.settle(nil)
	h.ok(h.service.Confirm(h.ctx, by(siti), id))
	r, err := h.service.AskErasure(h.ctx, by(siti), siti.ID)
	h.refused("application_confirmed", r, err)
	require.Empty(t, h.types("person-"+domain.PersonID(siti.ID).String()))
	h.ok(h.service.TurnDown(h.ctx, by(siti), id, ""))
	require.Equal(t, 1, h.ok(h.service.AskErasure(h.ctx, by(siti), siti.ID)).Recorded)
}

func TestAskErasure_OfferConfirmedMeanwhile_IsKeptAndNotCertified(t *testing.T) {
	h := open(t)
	opening := h.publish()
	id := h.verified(siti, opening)
	other := h.submit(siti, h.publish())
	h.ok(h.service.Accept(h.ctx, by(admin), id, ""))
	h.settle(nil)
	h.ok(h.service.AskErasure(h.ctx, by(siti), siti.ID))
	h.ok(h.service.Confirm(h.ctx, by(siti), id))
	h.settle(nil)
	require.False(t, h.application(id).Erased)
	require.True(t, h.application(other).Erased)
	held, err := h.service.HeldOf(h.ctx, siti)
	require.NoError(t, err)
	require.Equal(t, []uuid.UUID{other}, held.Erasures[1].Event.(*domain.PersonErased).Applications)
}

func TestAskErasure_Accepted_FreesTheSeat(t *testing.T) {
	h := open(t)
	opening := h.publish()
	id := h.verified(siti, opening)
	h.ok(h.service.Accept(h.ctx, by(admin), id, "Siti Rahma is the best"))
	h.settle(nil)
	h.ok(h.service.AskErasure(h.ctx, by(siti), siti.ID))
	h.settle(nil)
	require.Empty(t, h.opening(opening).Awarded)
	require.Equal(t, domain.StatusErased, h.application(id).Status)
}

func TestAskErasure_OfOthers_IsForAdminsWhoActForEverything(t *testing.T) {
	h := open(t)
	uploaded(h)
	for _, actor := range []domain.Actor{budi, auditor, {ID: "lina", Role: domain.RoleLecturer}} {
		r, err := h.service.AskErasure(h.ctx, by(actor), siti.ID)
		h.refused("not_allowed", r, err)
	}
	limited := domain.Actor{ID: "rudi", Role: domain.RoleAdmin}
	h.ok(h.service.GrantAccess(h.ctx, by(admin), limited.ID, domain.RoleAdmin, domain.Extent{Departments: []string{"Fisika"}}, "as agreed"))
	r, err := h.service.AskErasure(h.ctx, by(limited), siti.ID)
	h.refused("access_limited", r, err)
	r, err = h.service.AskErasure(h.ctx, by(admin), "nobody")
	h.refused("person_not_found", r, err)
	require.Equal(t, 1, h.ok(h.service.AskErasure(h.ctx, by(admin), siti.ID)).Recorded)
}

// Whatever fails on the way, the next try ends it.
func TestErasure_StorageAway_IsTriedAgainAndNotCertifiedBefore(t *testing.T) {
	h := open(t)
	id, _, _ := uploaded(h)
	h.ok(h.service.AskErasure(h.ctx, by(siti), siti.ID))
	asked := h.only("ErasureAsked")
	require.ErrorIs(t, h.keeping(away{}).reaction(nil).Handle(h.ctx, asked, 1), application.ErrBlobsUnavailable)
	require.ErrorIs(t, h.reaction(nil).GiveUp(h.ctx, asked, 3, application.ErrBlobsUnavailable), application.ErrBlobsUnavailable)
	require.True(t, h.application(id).Erased)
	require.Equal(t, []string{"ErasureAsked"}, h.types("person-"+domain.PersonID(siti.ID).String()))
	h.settle(nil)
	require.Empty(t, h.files())
	require.Equal(t, []string{"ErasureAsked", "PersonErased"}, h.types("person-"+domain.PersonID(siti.ID).String()))
}

func TestErasure_DocumentUnderWay_EndsWithoutReading(t *testing.T) {
	h := open(t)
	id, _, stream := uploaded(h)
	h.ok(h.service.AskErasure(h.ctx, by(siti), siti.ID))
	require.NoError(t, h.reaction(nil).Handle(h.ctx, h.only("ErasureAsked"), 1))
	require.NoError(t, h.reaction(nil).Handle(h.ctx, h.only("DocumentUploaded"), 1))
	require.Equal(t, []string{"ApplicationSubmitted", "DocumentUploaded", "ApplicationErased"}, h.types(stream))
	require.Zero(t, h.reader.reads)
	rejudged, err := h.service.WhatIf(h.ctx, id, application.Rules{Policy: h.service.Policy()})
	require.NoError(t, err)
	require.Empty(t, rejudged.Documents)
}

func TestEndRetention_Over_ErasesAllOfTheOpeningOnce(t *testing.T) {
	h := open(t)
	days := 90
	kept := details()
	kept.RetentionDays = &days
	opening := h.ok(h.service.PublishOpening(h.ctx, by(admin, "a"), kept)).ID
	unlimited := h.ok(h.service.PublishOpening(h.ctx, by(admin, "b"), details())).ID
	id := h.verified(siti, opening)
	h.ok(h.service.Accept(h.ctx, by(admin), id, ""))
	h.settle(nil)
	h.ok(h.service.Confirm(h.ctx, by(siti), id))
	second, other := h.submit(budi, opening), h.submit(budi, unlimited)

	ends := closes.AddDate(0, 0, days)
	h.now = ends.Add(-time.Second)
	n, err := h.service.EndRetention(h.ctx)
	require.NoError(t, err)
	require.Zero(t, n)
	all, err := h.service.Retentions(h.ctx, ends)
	require.NoError(t, err)
	require.Equal(t, []application.Retention{{OpeningID: opening, Title: kept.Title, EndsAt: ends, Due: true, Applications: []uuid.UUID{id, second}}}, all)
	require.False(t, h.application(id).Erased, "to look is not to erase")

	h.now = ends
	for _, want := range []int{2, 0} {
		n, err = h.service.EndRetention(h.ctx)
		require.NoError(t, err)
		require.Equal(t, want, n)
	}
	h.settle(nil)
	require.Equal(t, domain.StatusConfirmed, h.application(id).Status)
	require.Equal(t, []uuid.UUID{id}, h.opening(opening).Awarded, "the seat was taken")
	require.Equal(t, domain.StatusErased, h.application(second).Status)
	require.False(t, h.application(other).Erased)
	for _, erased := range []uuid.UUID{id, second} {
		_, err := h.keys.Key(h.entries(erased)[0].Metadata.Key)
		require.ErrorIs(t, err, application.ErrKeyDestroyed)
		require.Empty(t, h.application(erased).Applicant.Name)
	}
	require.Empty(t, h.files())
}

func TestHeldOf_Actor_TellsAllAndWhoLooked(t *testing.T) {
	h := open(t)
	id, document, _ := uploaded(h)
	h.settle(nil)
	h.opened(admin, id, document)
	h.submit(budi, h.publish())
	held, err := h.service.HeldOf(h.ctx, siti)
	require.NoError(t, err)
	require.Len(t, held.Applications, 1)
	require.Equal(t, h.application(id), held.Applications[0].State)
	require.Equal(t, h.entries(id), held.Applications[0].Entries)
	viewed := held.Applications[0].Entries[len(held.Applications[0].Entries)-1]
	require.Equal(t, admin, viewed.Event.(*domain.DocumentViewed).Viewer)
	h.ok(h.service.GrantAccess(h.ctx, by(admin), "rudi", domain.RoleAdmin, domain.Everything, "as agreed"))
	held, err = h.service.HeldOf(h.ctx, domain.Actor{ID: "rudi", Role: domain.RoleAdmin})
	require.NoError(t, err)
	require.Empty(t, held.Applications)
	require.Len(t, held.Grants, 1)
}
