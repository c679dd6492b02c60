package verification

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"asprak/domain/transcript"
)

func TestLoadPolicy_LeftOut_IsAsByDefault(t *testing.T) {
	p, err := LoadPolicy(strings.NewReader(`{"version":"ft-2","min_confidence":0.9}`))
	require.NoError(t, err)
	want := DefaultPolicy()
	want.Version, want.MinConfidence = "ft-2", 0.9
	require.Equal(t, want, p)
	require.Equal(t, "ft-2", Judge(card(), hasna, asked, nil, p).Policy)
}

func TestLoadPolicy_Wrong_IsRefused(t *testing.T) {
	for text, want := range map[string]string{
		`{`:                         "policy",
		`{} {}`:                     "more text",
		`{"colour":1}`:              "unknown field",
		`{"version":""}`:            "version",
		`{"clear":1.5}`:             "0 to 1",
		`{"min_confidence":-1}`:     "0 to 1",
		`{"noise":2}`:               "0 to 1",
		`{"legible":-0.1}`:          "0 to 1",
		`{"average_tolerance":0.2}`: "average_tolerance",
		`{"average_tolerance":-1}`:  "average_tolerance",
	} {
		_, err := LoadPolicy(strings.NewReader(text))
		require.ErrorContains(t, err, want, text)
	}
}

func TestJudge_StricterPolicy_RefersWhatTheDefaultVerifies(t *testing.T) {
	scan := khs(transcript.Pixels, 0.8)
	require.Equal(t, Verified, judged(scan).Label)
	strict := DefaultPolicy()
	strict.MinConfidence = 0.99
	v := Judge(scan, hasna, asked, nil, strict)
	require.Equal(t, Review(LowConfidence), v.Label)
	require.Equal(t, "confidence", v.Checks[len(v.Checks)-1].Name)
	exact := DefaultPolicy()
	exact.AverageTolerance = 0
	require.Equal(t, Verified, Judge(card(), hasna, asked, nil, exact).Label, "rounded as printed")
}
