package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"asprak/application"
	"asprak/domain"
	"asprak/domain/verification"
	"asprak/projections"
)

type replayCmd struct {
	storage `embed:""`
	ID      uuid.UUID `arg:"" optional:"" name:"application" help:"Id of the application; with other rules also of an opening, or none for all."`
	At      string    `xor:"moment" help:"Up to this time (RFC 3339)."`
	Until   *int64    `name:"revision" xor:"moment" help:"Up to this revision."`
	Diff    string    `xor:"moment" placeholder:"A..B" help:"What changed from one revision to another."`

	Policy      string `type:"existingfile" help:"File with a policy: print whom it would change, from the recorded readings."`
	Requirement string `type:"existingfile" help:"File with a requirement, as an opening has it, in place of the openings' own."`
	Scales      string `env:"ASPRAK_SCALES" type:"existingfile" help:"File with grade scales of the university's own, beside the built-in ones."`
	JSON        bool   `help:"Print one JSON object for each event, difference or application, for programs."`
}

// Run reads the log itself, also beside a running server.
func (c *replayCmd) Run(ctx context.Context, env environment) error {
	if err := (readerLimits{Scales: c.Scales}).addOwn(); err != nil {
		return err
	}
	log, err := c.openLogToRead(ctx, slog.Default())
	if err != nil {
		return err
	}
	defer log.Close()
	ring, err := c.openKeysToRead(ctx)
	if err != nil {
		return err
	}
	defer ring.Close()
	service := application.New(log, nil, application.Options{Keys: ring})
	switch {
	case c.Policy != "" || c.Requirement != "":
		return c.whatIf(ctx, env, log, service)
	case c.ID == uuid.Nil:
		return errors.New("name an application")
	}
	entries, err := service.History(ctx, c.ID)
	if err != nil {
		return err
	}
	if c.Diff != "" {
		return c.diff(env.stdout, entries)
	}
	if entries, err = c.until(entries); err != nil {
		return err
	}
	return c.timeline(env.stdout, entries)
}

// until leaves out what came after the moment.
func (c *replayCmd) until(entries []application.Entry) ([]application.Entry, error) {
	if c.Until != nil {
		if *c.Until < 0 || *c.Until >= int64(len(entries)) {
			return nil, fmt.Errorf("the application has the revisions 0 to %d", len(entries)-1)
		}
		return entries[:*c.Until+1], nil
	}
	if c.At == "" {
		return entries, nil
	}
	at, err := time.Parse(time.RFC3339, c.At)
	if err != nil {
		return nil, fmt.Errorf("--at: %q is no time like 2026-08-01T09:00:00Z", c.At)
	}
	for i, e := range entries {
		if e.RecordedAt.After(at) {
			entries = entries[:i]
			break
		}
	}
	if len(entries) == 0 {
		return nil, fmt.Errorf("there was no such application at %s", c.At)
	}
	return entries, nil
}

// replayed is an event with the state after it.
type replayed struct {
	application.Entry
	EventID  uuid.UUID          `json:"event_id"`
	Sentence string             `json:"sentence"`
	State    domain.Application `json:"state"`
}

func (c *replayCmd) timeline(w io.Writer, entries []application.Entry) error {
	var state domain.Application
	for _, e := range entries {
		before := state
		state = state.Evolve(e.Event)
		sentence, reason := projections.Sentence(e.Metadata.Actor, e.Event)
		if c.JSON {
			if err := json.NewEncoder(w).Encode(replayed{e, e.Metadata.EventID, sentence, state}); err != nil {
				return err
			}
			continue
		}
		if err := printStep(w, e, sentence, reason, before, state); err != nil {
			return err
		}
	}
	return nil
}

func printStep(w io.Writer, e application.Entry, sentence, reason string, before, after domain.Application) error {
	fmt.Fprintf(w, "%3d  %s  %s\n", e.Revision, e.RecordedAt.Format("2006-01-02 15:04:05.000000Z07:00"), printable(sentence))
	if reason != "" {
		fmt.Fprintf(w, "     because %s\n", printable(reason))
	}
	if v := e.Metadata.Versions; v != nil {
		fmt.Fprintf(w, "     by engine %s, layout %s, policy %s\n", orNone(v.Engine), orNone(v.Layout), orNone(v.Policy))
	}
	fmt.Fprintf(w, "     request %s, caused by %s\n", printable(e.Metadata.CorrelationID), printable(e.Metadata.CausationID))
	arrow := after.Status
	if before.Status != "" && before.Status != after.Status {
		arrow = before.Status + " -> " + after.Status
	}
	fmt.Fprintf(w, "     state   %s", arrow)
	for _, d := range after.Documents {
		conclusion := string(d.Label())
		if conclusion == "" {
			conclusion = string(d.Status())
		}
		if by := d.DecidedBy(); by != "" {
			conclusion += " by " + by
		}
		fmt.Fprintf(w, "; %q attempt %d: %s", printable(d.FileName), d.Attempt, conclusion)
	}
	_, err := fmt.Fprint(w, "\n\n")
	return err
}

func orNone(s string) string {
	if s == "" {
		return "-"
	}
	return printable(s)
}

// changedField is a place in the state with its values, nil where it is not there.
type changedField struct {
	Path   string `json:"path"`
	Before any    `json:"before"`
	After  any    `json:"after"`
}

func (c *replayCmd) diff(w io.Writer, entries []application.Entry) error {
	first, last, err := revisions(c.Diff, len(entries)-1)
	if err != nil {
		return err
	}
	states := make([]domain.Application, len(entries))
	var state domain.Application
	for i, e := range entries {
		state = state.Evolve(e.Event)
		states[i] = state
	}
	changes, err := difference(states[first], states[last])
	if err != nil {
		return err
	}
	for _, change := range changes {
		if c.JSON {
			err = json.NewEncoder(w).Encode(change)
		} else {
			_, err = fmt.Fprintf(w, "%s: %s -> %s\n", change.Path, shown(change.Before), shown(change.After))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func revisions(text string, last int) (from, to int, err error) {
	a, b, ok := strings.Cut(text, "..")
	from, errA := strconv.Atoi(a)
	to, errB := strconv.Atoi(b)
	if !ok || errA != nil || errB != nil {
		return 0, 0, fmt.Errorf("--diff: %q is not like 2..5", text)
	}
	if min(from, to) < 0 || max(from, to) > last {
		return 0, 0, fmt.Errorf("--diff: the application has the revisions 0 to %d", last)
	}
	return from, to, nil
}

func shown(v any) string {
	if v == nil {
		return "nothing"
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(err)
	}
	return printable(string(text))
}

func (c *replayCmd) whatIf(ctx context.Context, env environment, log application.Log, service *application.Service) error {
	rules, err := c.rules(service)
	if err != nil {
		return err
	}
	ids, err := applications(ctx, log, c.ID)
	if err != nil {
		return err
	}
	documents, changed := 0, 0
	for _, id := range ids {
		r, err := service.WhatIf(ctx, id, rules)
		if err != nil {
			return err
		}
		documents += len(r.Documents)
		if !r.Changed() {
			continue
		}
		changed++
		if c.JSON {
			err = json.NewEncoder(env.stdout).Encode(r)
		} else {
			err = printRejudged(env.stdout, r)
		}
		if err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(env.stderr, "%d applications, %d documents judged again; %d would change\n", len(ids), documents, changed)
	return err
}

func (c *replayCmd) rules(service *application.Service) (application.Rules, error) {
	policy, err := judging{c.Policy}.policy()
	if err != nil || c.Requirement == "" {
		return application.Rules{Policy: policy}, err
	}
	file, err := os.Open(c.Requirement)
	if err != nil {
		return application.Rules{}, err
	}
	defer file.Close()
	rules := application.Rules{Policy: policy, Requirement: new(verification.Requirement)}
	decoder := json.NewDecoder(file)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(rules.Requirement); err != nil {
		return rules, fmt.Errorf("%s: %w", c.Requirement, err)
	}
	*rules.Requirement, err = service.CheckRequirement(*rules.Requirement)
	if err != nil {
		return rules, fmt.Errorf("%s: %w", c.Requirement, err)
	}
	return rules, nil
}

// applications finds those of the log that the id names: one, an opening's, or for none all.
func applications(ctx context.Context, log application.Log, id uuid.UUID) (found []uuid.UUID, err error) {
	head, err := log.Head(ctx)
	if err != nil || head == (application.Position{}) {
		return nil, err
	}
	follower, err := log.Follow(ctx, application.Position{})
	if err != nil {
		return nil, err
	}
	defer follower.Close()
	codec := application.NewCodec().With(application.NoKeys) // ids are no secret
	for at := (application.Position{}); at.Compare(head) < 0; {
		records, err := follower.Next(ctx, 256)
		if err != nil {
			return nil, err
		}
		for _, r := range records {
			at = r.Position
			if r.Type != "ApplicationSubmitted" {
				continue
			}
			event, _, err := codec.Decode(r)
			if err != nil {
				return nil, err
			}
			submitted := event.(*domain.ApplicationSubmitted)
			if id == uuid.Nil || id == submitted.ApplicationID || id == submitted.OpeningID {
				found = append(found, submitted.ApplicationID)
			}
		}
	}
	if id != uuid.Nil && len(found) == 0 {
		return nil, fmt.Errorf("there is neither an application nor an opening with applications of the id %s", id)
	}
	return found, nil
}

func printRejudged(w io.Writer, r application.Rejudged) error {
	fmt.Fprintf(w, "%s  %q, %q: ", r.ApplicationID, printable(r.Applicant.Name), printable(r.Applicant.NIM))
	if r.Before == r.After {
		fmt.Fprintf(w, "stays %s\n", r.After)
	} else {
		fmt.Fprintf(w, "%s -> %s\n", r.Before, r.After)
	}
	for _, d := range r.Documents {
		fmt.Fprintf(w, "    %q: %s -> %s\n", printable(d.FileName), d.Before, d.After)
		if d.Override != nil {
			fmt.Fprintf(w, "        a person decided %s, and that stays: %s\n", d.Override.Outcome, printable(d.Override.Reason))
		}
		for _, c := range d.Checks {
			fmt.Fprintf(w, "        %s: %s -> %s\n", c.Name, checkWords(c.Before), checkWords(c.After))
		}
	}
	_, err := fmt.Fprintln(w)
	return err
}

func checkWords(c *verification.Check) string {
	switch {
	case c == nil:
		return "not asked"
	case c.Detail == "":
		return string(c.Outcome)
	}
	return fmt.Sprintf("%s (%s)", c.Outcome, printable(c.Detail))
}
