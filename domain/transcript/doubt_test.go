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

func TestClearer_OfTwoReadings(t *testing.T) {
	vague, none := plain(), plain()
	vague.Confidence = 0.4
	none.Kind, none.Confidence = transcript.NotStudyResult, 1
	require.Equal(t, plain(), transcript.Clearer(plain(), vague))
	require.Equal(t, plain(), transcript.Clearer(vague, plain()))
	require.Equal(t, plain(), transcript.Clearer(none, plain()))
	require.Equal(t, plain(), transcript.Clearer(plain(), none))
}

func TestClearer_TwoSureAverages_NeitherIsBelieved(t *testing.T) {
	other := plain()
	other.Confidence, other.IPK.Value = 0.92, 380
	r := transcript.Clearer(plain(), other)
	require.Equal(t, transcript.Decimal(350), r.IPK.Value)
	require.Zero(t, r.IPK.Confidence)
	require.Equal(t, 1.0, r.NIM.Confidence)

	other = plain()
	other.IPK.Value, other.IPK.Confidence = 380, 0.3
	require.Equal(t, 1.0, transcript.Clearer(plain(), other).IPK.Confidence)
}
