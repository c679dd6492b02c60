package verification

import (
	"encoding/json"
	"fmt"
	"io"

	"asprak/domain/transcript"
)

// PolicyVersion names the rules of this package; it changes with every change of what they decide.
const PolicyVersion = "1"

// Policy is what of the rules a university may set.
type Policy struct {
	// Tolerance within which a printed average agrees with the computed one. Credits,
	// points and weights must agree exactly.
	Tolerance transcript.Decimal `json:"tolerance"`
	// Clear is the confidence from which a recognised value counts as plainly legible.
	Clear float64 `json:"clear"`
	// MinConfidence is the confidence below which a document that passes every other
	// check is put before a person.
	MinConfidence float64 `json:"min_confidence"`
}

// DefaultPolicy returns the policy that is used unless a university sets its own.
func DefaultPolicy() Policy {
	return Policy{Tolerance: transcript.MustDecimal("0.01"), Clear: 0.8, MinConfidence: 0.75}
}

// LoadPolicy reads a policy from JSON; what it leaves out stays as in DefaultPolicy.
func LoadPolicy(r io.Reader) (Policy, error) {
	p := DefaultPolicy()
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return Policy{}, fmt.Errorf("verification: policy: %w", err)
	}
	if p.Tolerance < 0 || p.Clear < 0 || p.Clear > 1 || p.MinConfidence < 0 || p.MinConfidence > 1 {
		return Policy{}, fmt.Errorf("verification: policy: tolerance must not be negative, confidences lie between 0 and 1")
	}
	return p, nil
}
