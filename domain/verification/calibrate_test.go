package verification

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// trial passed every other check.
func trial(certainty float64, verify bool) Trial {
	return Trial{Certainty: certainty, Passed: true, Verify: verify}
}

func TestCalibrate_OneWrongAmongMany_IsKeptOut(t *testing.T) {
	trials := []Trial{trial(0.95, true), trial(0.9, true), trial(0.7, true), trial(0.6, false), trial(0.55, true), {Certainty: 0.99, Verify: false}}
	c := Calibrate(trials, 0.001)
	require.Equal(t, 0.65, c.MinConfidence, "midway between the wrong one and the next right one")
	require.Equal(t, 0.5, Calibrate(trials, 0.5).MinConfidence, "one of the two that should not be is within the budget")
	require.Equal(t, 0.5, Calibrate(trials[:3], 0).MinConfidence, "what is rather wrong than right is never enough")
	require.Equal(t, 1.0, Calibrate(append(trials, trial(1, false)), 0).MinConfidence)
}

func TestCalibrate_Curve_AscendsAndLearnsWhatIsTrue(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var trials []Trial
	for i := range 4000 {
		certainty := r.Float64()
		// As often right as the square root says: the certainty is too modest.
		trials = append(trials, Trial{Certainty: certainty, Passed: true, Verify: r.Float64()*r.Float64() < certainty && r.Float64() < 0.97, Fold: i % 5})
	}
	c := Calibrate(trials, 0.001)
	require.True(t, slices.IsSortedFunc(c.Reliability, func(a, b Step) int { return int(1000*a.From - 1000*b.From) }))
	require.True(t, slices.IsSortedFunc(c.Reliability, func(a, b Step) int { return int(1000*a.Share - 1000*b.Share) }))
	raw, calibrated := 0.0, CrossValidate(trials, 0.001, 5)
	for _, b := range calibrated.Bins {
		require.LessOrEqual(t, b.Right, b.All)
	}
	for _, x := range trials {
		right := 0.0
		if x.Verify {
			right = 1
		}
		raw += (right - x.Certainty) / float64(len(trials))
	}
	require.Greater(t, raw, 0.1)
	require.Less(t, calibrated.Error, 0.05)
}

func TestTry_TrialsThatWereNotSeen_MeasureTheCalibration(t *testing.T) {
	c := Calibration{MinConfidence: 0.7, Reliability: []Step{{From: 0, Share: 0.5}, {From: 0.7, Share: 0.75}}}
	h := Try(c, []Trial{trial(0.9, true), trial(0.9, true), trial(0.8, true), trial(0.8, false), trial(0.6, true), {Certainty: 1}})
	require.Equal(t, 3, h.RightAccepts)
	require.Equal(t, 1, h.WrongAccepts)
	require.Equal(t, []int{4, 2}, []int{h.Should, h.ShouldNot})
	require.Equal(t, []Bin{{From: 0.5, To: 0.6, Expected: 0.5, Right: 1, All: 1}, {From: 0.7, To: 0.8, Expected: 0.75, Right: 3, All: 4}}, h.Bins)
	require.InDelta(t, 0.1, h.Error, 1e-9, "half a document of five was expected otherwise")
}

func TestCrossValidate_Accepts_AreCountedOnWhatWasHeldBack(t *testing.T) {
	var trials []Trial
	for i := range 100 {
		trials = append(trials, Trial{Certainty: 0.9, Passed: true, Verify: true, Fold: i % 5}, Trial{Certainty: 0.9, Fold: i % 5})
	}
	trials[1].Passed = true // as sure as the right ones: whoever learnt without it accepts it
	h := CrossValidate(trials, 0, 5)
	require.Equal(t, 1, h.WrongAccepts)
	require.Equal(t, 100, h.ShouldNot)
	require.Equal(t, 20, h.RightAccepts, "the other folds know it and accept nothing")
	require.Equal(t, 100, h.Should)
}

func TestUpperBound_KnownValues_Agree(t *testing.T) {
	for _, c := range []struct {
		seen, n int
		want    float64
	}{{0, 10, 0.2589}, {0, 100, 0.0295}, {1, 100, 0.0466}, {5, 50, 0.1988}} {
		require.InDelta(t, c.want, upperBound(c.seen, c.n), 0.0005)
	}
	require.Equal(t, 1.0, upperBound(3, 3))
	require.Equal(t, 1.0, upperBound(0, 0))
}

func TestJudge_Reliability_IsTheConfidenceOfTheVerdict(t *testing.T) {
	policy, err := LoadPolicy(strings.NewReader(`{"reliability":[{"from":0,"share":0.4},{"from":0.9,"share":0.97}]}`))
	require.NoError(t, err)
	require.Equal(t, 0.97, Judge(card(), hasna, asked, nil, policy).Confidence)
	for _, text := range []string{`{"reliability":[{"from":0.5,"share":0.9},{"from":0.4,"share":0.95}]}`, `{"reliability":[{"from":0.5,"share":1.2}]}`} {
		_, err := LoadPolicy(strings.NewReader(text))
		require.ErrorContains(t, err, "reliability")
	}
}
