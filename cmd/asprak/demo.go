package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"

	"asprak/cmd/asprak/samples"
	"asprak/domain"
	"asprak/infrastructure/identity"
)

type demoCmd struct {
	folder `embed:""`
	remote `embed:""`
}

// Run plays the whole story through the public API only: publish, apply, upload, verdict
// with evidence, override, history. Everything it makes is new, so it can run again and again.
func (c *demoCmd) Run(ctx context.Context, env environment) error {
	keys, err := identity.Open(c.key())
	if err != nil {
		return err
	}
	as := func(role domain.Role, subject string) *caller {
		return &caller{base: c.URL, token: func() (string, error) { return keys.Issue(subject, role, time.Hour) }}
	}
	return playDemo(ctx, as, env.stdout)
}

func playDemo(ctx context.Context, as func(domain.Role, string) *caller, out io.Writer) error {
	admin := as(domain.RoleAdmin, "demo-admin")
	set, err := samples.Load()
	if err != nil {
		return err
	}
	run := uuid.NewString()[:8]
	var opening answer
	if err := admin.post(ctx, "/v1/openings", sampleOpening("Praktikum Jaringan Komputer (demo "+run+")", set.Requirement), &opening); err != nil {
		return err
	}
	fmt.Fprintf(out, "1. The admin publishes an opening: Praktikum Jaringan Komputer, %s or better, IPK %s or more.\n   opening %s\n\n",
		set.Requirement.MinGrade, set.Requirement.MinIPK, opening.ID)

	fmt.Fprintln(out, "2. Students apply and upload what they have.")
	var referred *played
	for i, sample := range set.Samples {
		p, err := playSample(ctx, as(domain.RoleApplicant, fmt.Sprintf("demo-%s-%d", run, i+1)), opening.ID, sample, out)
		if err != nil {
			return fmt.Errorf("%s: %w", sample.File, err)
		}
		if referred == nil && strings.HasPrefix(p.label, "review:") {
			referred = p
		}
	}
	if referred == nil {
		return fmt.Errorf("no sample was referred to a person: the story cannot go on")
	}

	fmt.Fprintf(out, "3. A person decides the doubtful one (%s).\n", referred.label)
	var overridden answer
	path := "/v1/applications/" + referred.application + "/documents/" + referred.document
	if err := admin.post(ctx, path+"/override", map[string]any{"outcome": "rejected", "reason": "The registrar's office does not know this grade."}, &overridden); err != nil {
		return err
	}
	fmt.Fprintf(out, "   overridden at revision %d of the application\n\n", overridden.Revision)

	fmt.Fprintln(out, "4. Its history, as an auditor sees it.")
	return printHistory(ctx, as(domain.RoleAuditor, "demo-auditor"), referred.application, out)
}

type played struct{ application, document, label string }

func playSample(ctx context.Context, student *caller, openingID string, sample samples.Sample, out io.Writer) (*played, error) {
	var submitted, uploaded answer
	err := student.post(ctx, "/v1/applications", map[string]any{"opening_id": openingID, "applicant": map[string]any{
		"name": sample.Applicant.Name, "nim": sample.Applicant.NIM, "email": "student@example.ac.id", "programme": "Teknologi Rekayasa Perangkat Lunak",
	}}, &submitted)
	if err != nil {
		return nil, err
	}
	content, err := samples.Content(sample.File)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := student.upload(ctx, "/v1/applications/"+submitted.ID+"/documents", sample.File, content, &uploaded); err != nil {
		return nil, err
	}
	document, err := student.awaitVerdict(ctx, submitted.ID, uploaded.DocumentID)
	if err != nil {
		return nil, err
	}
	label := string(document.Verdict.Label)
	fmt.Fprintf(out, "   %-28s -> %-28s %4d ms after sending\n      %s\n", sample.File, label, time.Since(began).Milliseconds(), sample.Story)
	for _, check := range document.Verdict.Checks {
		if check.Outcome == "pass" {
			continue
		}
		fmt.Fprintf(out, "      %s: %s\n", check.Name, printable(check.Detail))
		for _, e := range check.Evidence {
			place := "nowhere on the page"
			if e.Page > 0 {
				place = fmt.Sprintf("on page %d at (%.0f, %.0f)", e.Page, e.Box.X0, e.Box.Y0)
			}
			fmt.Fprintf(out, "        %s %s: read %q, expected %q\n", e.Field, place, e.Read, e.Expected)
		}
	}
	fmt.Fprintln(out)
	return &played{application: submitted.ID, document: uploaded.DocumentID, label: label}, nil
}

func printHistory(ctx context.Context, auditor *caller, application string, out io.Writer) error {
	var history struct {
		Items []struct {
			Revision    int64           `json:"revision"`
			EventID     string          `json:"event_id"`
			Type        string          `json:"type"`
			OccurredAt  time.Time       `json:"occurred_at"`
			Actor       domain.Actor    `json:"actor"`
			CausationID string          `json:"causation_id"`
			Data        json.RawMessage `json:"data"`
		} `json:"items"`
	}
	if err := auditor.get(ctx, "/v1/applications/"+application+"/history", &history); err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "   rev\twhen\tevent\tid\tby\tcaused by")
	for _, e := range history.Items {
		fmt.Fprintf(table, "   %d\t%s\t%s\t%.8s\t%s (%s)\t%.8s\n", e.Revision, e.OccurredAt.Format("15:04:05.000"), e.Type, e.EventID, printable(e.Actor.ID), e.Actor.Role, e.CausationID)
	}
	return table.Flush()
}
