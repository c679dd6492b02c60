package verification

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"asprak/domain/transcript"
)

// PolicyVersion names these rules. It changes whenever Judge may conclude differently
// for the same reading.
const PolicyVersion = "5"

// Policy holds the numbers that a university may turn.
type Policy struct {
	// Version is kept in every verdict. Give a changed policy its own.
	Version string `json:"version"`
	// MinConfidence is the confidence from which a document that passed every other check
	// is verified without a person, 0 to 1.
	MinConfidence float64 `json:"min_confidence"`
	// Reliability turns the certainty of the least sure decisive value into the confidence
	// of the verdict; without it they are the same.
	Reliability []Step `json:"reliability,omitempty"`
	// Clear is the recogniser's confidence from which a value counts as clearly read.
	// Only clearly read values, or values that arithmetic confirms, lead to a rejection.
	Clear float64 `json:"clear"`
	// Legible is the recogniser's confidence from which a contradiction counts as the
	// document's and not as the machine's. Both are put before a person.
	Legible float64 `json:"legible"`
	// Noise is the legibility of a page below which what a recogniser found on it is no text:
	// a picture of something else.
	Noise float64 `json:"noise"`
	// AverageTolerance is how far a printed average may lie from the computed one.
	AverageTolerance transcript.Decimal `json:"average_tolerance"`
}

//go:embed calibration.json
var calibrationJSON []byte

// builtinCalibration is what asprak calibrate found on the cases that the README names.
var builtinCalibration = sync.OnceValue(func() Calibration {
	var c Calibration
	if err := json.Unmarshal(calibrationJSON, &c); err != nil {
		panic(err)
	}
	return c
})

// DefaultPolicy is what Judge was measured with.
func DefaultPolicy() Policy {
	c := builtinCalibration()
	return Policy{Version: PolicyVersion, MinConfidence: c.MinConfidence, Reliability: slices.Clone(c.Reliability), Clear: 0.75, Legible: 0.5, Noise: 0.35, AverageTolerance: transcript.MustDecimal("0.01")}
}

// LoadPolicy reads a policy from JSON. What is left out is as in DefaultPolicy; unknown
// fields and values out of range are refused.
func LoadPolicy(r io.Reader) (Policy, error) { return DefaultPolicy().With(r) }

// With is the policy with what the JSON says otherwise.
func (p Policy) With(r io.Reader) (Policy, error) {
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		return Policy{}, fmt.Errorf("verification: policy: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Policy{}, errors.New("verification: policy: more text after the object")
	}
	share := func(f float64) bool { return f >= 0 && f <= 1 }
	switch {
	case p.Version == "":
		return Policy{}, errors.New("verification: policy: the version is empty")
	case !share(p.MinConfidence) || !share(p.Clear) || !share(p.Legible) || !share(p.Noise):
		return Policy{}, errors.New("verification: policy: a confidence is not within 0 to 1")
	case slices.ContainsFunc(p.Reliability, func(s Step) bool { return !share(s.From) || !share(s.Share) }) ||
		!slices.IsSortedFunc(p.Reliability, func(a, b Step) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.Share, b.Share)) }):
		return Policy{}, errors.New("verification: policy: reliability does not ascend within 0 to 1")
	case p.AverageTolerance < 0 || p.AverageTolerance > transcript.MustDecimal("0.1"):
		return Policy{}, errors.New("verification: policy: average_tolerance is not within 0 to 0.1")
	}
	return p, nil
}
