// Package samples holds a handful of synthetic study results, with who sends them and what
// should come of them. People, numbers and grades are invented.
package samples

import (
	"embed"
	"encoding/json"
	"fmt"
	"slices"

	"asprak/domain/verification"
)

//go:embed *.json *.pdf *.jpg *.png
var files embed.FS

// Sample is one document with its sender.
type Sample struct {
	File      string                 `json:"file"`
	Applicant verification.Applicant `json:"applicant"`
	Expected  verification.Label     `json:"expected"`
	Story     string                 `json:"story"` // one line for a person
}

// Set is all of the samples, and the requirement that they are sent for.
type Set struct {
	Requirement verification.Requirement `json:"requirement"`
	Samples     []Sample                 `json:"samples"`
}

// Load reads the set.
func Load() (Set, error) {
	var set Set
	raw, err := files.ReadFile("samples.json")
	if err != nil {
		return set, err
	}
	return set, json.Unmarshal(raw, &set)
}

// Find returns the sample of the file.
func (s Set) Find(file string) (Sample, error) {
	i := slices.IndexFunc(s.Samples, func(x Sample) bool { return x.File == file })
	if i < 0 {
		return Sample{}, fmt.Errorf("samples: no %q", file)
	}
	return s.Samples[i], nil
}

// Content returns the bytes of a sample's file.
func Content(file string) ([]byte, error) { return files.ReadFile(file) }
