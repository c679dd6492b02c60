package main

import (
	"fmt"
	"strings"
)

// roles are the parts that a process plays. Any number of processes may play api and reader;
// of those that play projector one works and the others stand ready.
type roles struct {
	api       bool // serves the API
	projector bool // carries the log into the read models
	reader    bool // reads and judges documents
}

// UnmarshalText reads the names, with commas between.
func (r *roles) UnmarshalText(text []byte) error {
	*r = roles{}
	for name := range strings.SplitSeq(string(text), ",") {
		switch strings.TrimSpace(name) {
		case "api":
			r.api = true
		case "projector":
			r.projector = true
		case "reader":
			r.reader = true
		default:
			return fmt.Errorf("there is no role %q: name api, projector and reader, or some of them with commas between", name)
		}
	}
	return nil
}
