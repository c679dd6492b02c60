package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"

	"asprak/application"
	"asprak/domain"
	"asprak/projections"
)

type accessCmd struct {
	storage `embed:""`
	Subject string    `arg:"" help:"The subject of their token; an issuer's people are name:subject."`
	At      string    `help:"At this time (RFC 3339); now when left out."`
	Opening uuid.UUID `help:"Say whether they acted for this opening."`
	Staff   string    `env:"ASPRAK_STAFF" default:"open" enum:"open,granted" help:"What staff act for to whom nothing was ever granted, as the server has it."`
	JSON    bool      `help:"Print one JSON object, for programs."`
}

// Run reads the log itself, also beside a running server.
func (c *accessCmd) Run(ctx context.Context, env environment) error {
	at := time.Now()
	if c.At != "" {
		var err error
		if at, err = time.Parse(time.RFC3339, c.At); err != nil {
			return fmt.Errorf("--at: %q is no time like 2026-08-01T09:00:00Z", c.At)
		}
	}
	log, err := c.openLogToRead(ctx, slog.Default())
	if err != nil {
		return err
	}
	defer log.Close()
	service := application.New(log, nil, application.Options{GrantedOnly: c.Staff == "granted"})
	access, err := service.AccessAt(ctx, c.Subject, at, c.Opening)
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(env.stdout).Encode(access)
	}
	return printAccess(env.stdout, access)
}

func printAccess(w io.Writer, access application.Access) error {
	if !access.Known {
		fmt.Fprintln(w, "Nothing was granted or revoked; the rule for all staff says:")
	}
	for _, r := range access.Roles {
		fmt.Fprintf(w, "as %-9s %s", r.Role, printable(extentOf(r.Extent)))
		if r.ActsFor != nil {
			fmt.Fprintf(w, "; for the opening: %s", map[bool]string{true: "yes", false: "no"}[*r.ActsFor])
		}
		fmt.Fprintln(w)
	}
	for _, e := range access.Entries {
		sentence, reason := projections.Sentence(e.Metadata.Actor, e.Event)
		fmt.Fprintf(w, "%3d  %s  %s\n     because %s\n", e.Revision, e.RecordedAt.Format("2006-01-02 15:04:05.000000Z07:00"), printable(sentence), printable(reason))
	}
	return nil
}

func extentOf(e domain.Extent) string {
	if e.Everything {
		return "everything"
	}
	var names []string
	if len(e.Departments) > 0 {
		names = append(names, "departments "+strings.Join(e.Departments, ", "))
	}
	for _, id := range e.Openings {
		names = append(names, "opening "+id.String())
	}
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, "; ")
}

// grantFirst gives the admin that the configuration names everything, once.
func (s *server) grantFirst(ctx context.Context) error {
	if s.config.StaffAdmin == "" || !s.config.Roles.api {
		return nil
	}
	return s.grantEverything(ctx, s.config.StaffAdmin, "The first admin, named by the configuration.")
}

// grantEverything does so unless something was ever granted to the admin or revoked.
func (s *server) grantEverything(ctx context.Context, subject, reason string) error {
	access, err := s.service.AccessAt(ctx, subject, time.Now(), uuid.Nil)
	if err != nil || access.Known {
		return err
	}
	_, err = s.service.GrantAccess(ctx, application.Request{
		IdempotencyKey: "first-admin " + subject,
		Actor:          domain.Actor{ID: "asprak", Role: domain.RoleSystem},
		CorrelationID:  "first-start",
	}, subject, domain.RoleAdmin, domain.Everything, reason)
	if err != nil {
		return fmt.Errorf("granting the first admin: %w", err)
	}
	return nil
}
