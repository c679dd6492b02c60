package main

import (
	"context"
	"fmt"
	"time"

	"asprak/application"
	"asprak/cmd/asprak/samples"
	"asprak/domain"
	"asprak/domain/verification"
)

// sampleOpening is an opening that is open for long.
func sampleOpening(title string, requirement verification.Requirement) domain.OpeningDetails {
	return domain.OpeningDetails{
		Title: title, Description: "Sample opening.", Department: "Teknologi Rekayasa Perangkat Lunak", Term: "2026/2027-1", Seats: 3,
		OpensAt: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), ClosesAt: time.Date(2099, 12, 31, 0, 0, 0, 0, time.UTC),
		Requirement: requirement,
	}
}

// publishSample publishes the sample opening when the embedded log is empty, and answers its
// id, "" when there was something already. A log on a server is in earnest: it gets none.
func (s *server) publishSample(ctx context.Context) (string, error) {
	if s.config.EventStore != "embedded" || !s.config.Roles.api {
		return "", nil
	}
	head, err := s.log.Head(ctx)
	if err != nil || head != (application.Position{}) {
		return "", err
	}
	set, err := samples.Load()
	if err != nil {
		return "", err
	}
	published, err := s.service.PublishOpening(ctx, application.Request{
		IdempotencyKey: "sample-opening",
		Actor:          domain.Actor{ID: "asprak", Role: domain.RoleSystem},
		CorrelationID:  "first-start",
	}, sampleOpening("Praktikum Jaringan Komputer", set.Requirement))
	if err != nil {
		return "", fmt.Errorf("publishing the sample opening: %w", err)
	}
	return published.ID.String(), nil
}
