package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"

	"asprak/domain"
	"asprak/domain/transcript"
	"asprak/infrastructure/identity"
	"time"
)

// printable shows text from a document or a request on a terminal as data: control, format
// and bidi characters are spelled out, so that they can neither colour nor reorder the line.
func printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r == ' ' || unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "\\u%04x", r)
		}
	}
	return b.String()
}

// printReading prints a reading as a person would want to check it.
func printReading(w io.Writer, name string, r transcript.Reading) error {
	fmt.Fprintf(w, "%s\n", printable(name))
	if r.Problem != "" {
		_, err := fmt.Fprintf(w, "  cannot be read: %s (%s)\n\n", r.Problem, printable(r.Detail))
		return err
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintf(t, "  kind\t%s, %d page(s), confidence %.2f\n", r.Kind, len(r.Pages), r.Confidence)
	for _, field := range []struct {
		caption string
		value   *transcript.Field[string]
	}{{"university", r.University}, {"programme", r.Programme}, {"name", r.Name}, {"NIM", r.NIM}, {"semester", r.SemesterLabel}} {
		if field.value != nil {
			fmt.Fprintf(t, "  %s\t%s\n", field.caption, printable(field.value.Value))
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	t = tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "  code\tcourse\tSKS\tgrade\tweight\tpoints")
	for _, row := range r.Rows {
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\t%s\n", cell(row.Code), cell(row.Name), cell(row.SKS), cell(row.Grade), cell(row.Weight), cell(row.Points))
	}
	fmt.Fprintf(t, "  \tsums\t%s\t\t\t%s\n", cell(r.TotalSKS), cell(r.TotalPoints))
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "  IPS %s, IPK %s, SKS so far %s\n", cell(r.IPS), cell(r.IPK), cell(r.CumSKS))
	printFindings(w, r)
	_, err := fmt.Fprintln(w)
	return err
}

func cell[T any](f *transcript.Field[T]) string {
	if f == nil {
		return "-"
	}
	return printable(fmt.Sprint(f.Value))
}

// printTrial prints how to try a server that was just started on a fresh folder.
func printTrial(w io.Writer, base, opening string, keys *identity.Tokens) error {
	tokens := map[domain.Role]string{}
	for _, role := range []domain.Role{domain.RoleApplicant, domain.RoleAdmin, domain.RoleAuditor} {
		token, err := keys.Issue("demo-"+string(role), role, 12*time.Hour)
		if err != nil {
			return err
		}
		tokens[role] = token
	}
	_, err := fmt.Fprintf(w, `
A sample opening was published: %[2]s
Tokens for 12 hours (asprak token prints others):
  APPLICANT=%[3]s
  ADMIN=%[4]s
  AUDITOR=%[5]s
Try:
  curl -s %[1]s/v1/openings -H "Authorization: Bearer $APPLICANT"
  curl -s %[1]s/v1/audit -H "Authorization: Bearer $AUDITOR"
  make demo        the whole story, in a second terminal
  %[1]s/docs       the contract

`, base, opening, tokens[domain.RoleApplicant], tokens[domain.RoleAdmin], tokens[domain.RoleAuditor])
	return err
}
