package transcript_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"asprak/domain/transcript"
)

// plain is a reading of a scanned page that leaves no doubt.
func plain() transcript.Reading {
	sure := func(v string) *transcript.Field[string] {
		return &transcript.Field[string]{Value: v, Confidence: 1, Source: transcript.Pixels}
	}
	ipk := &transcript.Field[transcript.Decimal]{Value: 350, Confidence: 1, Source: transcript.Pixels}
	return transcript.Reading{
		Kind: transcript.KHS, Confidence: 0.95, Pages: []transcript.PageInfo{{Number: 1, Source: transcript.Pixels}},
		Name: sure("Sari"), NIM: sure("13520114"), IPK: ipk, Rows: []transcript.Row{{Grade: sure("A")}},
	}
}

func TestDoubtful_WhatAnotherLookMayChange(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*transcript.Reading)
		want   bool
	}{
		"plain":               {func(*transcript.Reading) {}, false},
		"numbers disagree":    {func(r *transcript.Reading) { r.Confidence = 0.7 }, true},
		"no average":          {func(r *transcript.Reading) { r.IPK = nil }, true},
		"no rows":             {func(r *transcript.Reading) { r.Rows = nil }, true},
		"an unsure grade":     {func(r *transcript.Reading) { r.Rows[0].Grade.Confidence = 0.4 }, true},
		"another document":    {func(r *transcript.Reading) { r.Kind = transcript.NotStudyResult }, true},
		"a text layer":        {func(r *transcript.Reading) { r.Pages[0].Source, r.IPK = transcript.TextLayer, nil }, false},
		"a file not readable": {func(r *transcript.Reading) { *r = transcript.Reading{Problem: transcript.UnreadableFile} }, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := plain()
			c.change(&r)
			require.Equal(t, c.want, r.Doubtful())
		})
	}
}
