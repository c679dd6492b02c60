package domain

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/domain/transcript"
	"asprak/domain/verification"
)

// scenario is one decision told as given, when, then. Every accepted command is asked a
// second time and has to stay quiet.
type scenario struct {
	name  string
	given []Event
	then  []Event // what the command records; none: satisfied already
	code  string  // or the code of the error that it is refused with
	field string
}

type openingScenario struct {
	scenario
	when OpeningCommand
}

type applicationScenario struct {
	scenario
	when ApplicationCommand
}

func (s openingScenario) run(t *testing.T) {
	check(t, s.scenario, s.when, Opening.Evolve, Opening.Decide)
}

func (s applicationScenario) run(t *testing.T) {
	check(t, s.scenario, s.when, Application.Evolve, Application.Decide)
}

func check[S, C any](t *testing.T, s scenario, command C, evolve func(S, Event) S, decide func(S, C) ([]Event, error)) {
	t.Run(s.name, func(t *testing.T) {
		var state S
		for _, e := range s.given {
			state = evolve(state, e)
		}
		events, err := decide(state, command)
		if s.code != "" {
			require.Empty(t, events)
			require.Error(t, err)
			require.Equal(t, s.code, ErrorCode(err))
			var e *Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, s.field, e.Field)
			require.NotEmpty(t, e.Message)
			return
		}
		require.NoError(t, err)
		require.Equal(t, s.then, events)
		for _, e := range events {
			state = evolve(state, e)
		}
		again, err := decide(state, command)
		require.NoError(t, err)
		require.Empty(t, again, "the same command again")
	})
}

var (
	openingID     = uuid.MustParse("0f5a1c1e-3a43-4b0f-8b8e-0a3f6f3f0001")
	applicationID = ApplicationID(openingID, "siti")
	otherID       = ApplicationID(openingID, "budi")
	documentID    = DocumentID(applicationID, "aa")
	opens         = time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)
	closes        = time.Date(2026, 8, 15, 17, 0, 0, 0, time.UTC)
	during        = opens.Add(time.Hour)
)

func details(change ...func(*OpeningDetails)) OpeningDetails {
	d := OpeningDetails{
		Title: "Asisten Praktikum Basis Data", Department: "Teknologi Informasi", Term: "2026/2027-1", Seats: 2, OpensAt: opens, ClosesAt: closes,
		Requirement: verification.Requirement{Course: verification.Course{Codes: []string{"TI2101"}, Name: "Basis Data"}, MinGrade: "B"},
	}
	for _, f := range change {
		f(&d)
	}
	return d
}

func applicant(change ...func(*Applicant)) Applicant {
	a := Applicant{ID: "siti", Name: "Siti Rahma", NIM: "21/482851/SV/20006", Email: "siti@example.ac.id", Programme: "Teknologi Informasi"}
	for _, f := range change {
		f(&a)
	}
	return a
}

func publish(d OpeningDetails) PublishOpening {
	return PublishOpening{openingID, d, transcript.Scales()}
}

func revise(d OpeningDetails, reason string) ReviseOpening {
	return ReviseOpening{d, reason, transcript.Scales()}
}

func publishedOpening() Opening { return Opening{}.Evolve(&OpeningPublished{openingID, details()}) }

func verdict(label verification.Label) verification.Verdict {
	return verification.Verdict{Label: label, Confidence: 0.9, Policy: "1"}
}

var reading = transcript.Reading{Type: "application/pdf", Kind: transcript.KHS}

func history(parts ...[]Event) []Event {
	var all []Event
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}
