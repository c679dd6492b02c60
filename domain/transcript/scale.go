package transcript

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Letter is one step of a grade scale. A pending letter (T, K, -) stands where there is no
// final grade yet and has no weight.
type Letter struct {
	Name    string  `json:"name"`
	Weight  Decimal `json:"weight"`
	Pending bool    `json:"pending,omitempty"`
}

// Scale is the grade scale of a university, best letter first, pending letters last.
type Scale struct {
	ID         string   `json:"id"`
	University string   `json:"university"`
	Names      []string `json:"names,omitempty"`  // other names by which documents call the university
	Source     string   `json:"source,omitempty"` // where the table is published
	Letters    []Letter `json:"letters"`
}

//go:embed scales.json
var scalesJSON []byte

// scaleSet is what the process reads and judges by.
type scaleSet struct {
	scales  []Scale
	letters map[string]bool // of all scales, true where pending
	version string
}

func newScaleSet(scales []Scale, version string) *scaleSet {
	// Letters that some universities use beside their table.
	set := &scaleSet{scales: scales, version: version,
		letters: map[string]bool{"A+": false, "D-": false, "DE": false, "C/D": false, "D/E": false, "F": false}}
	for _, s := range scales {
		for _, l := range s.Letters {
			set.letters[l.Name] = l.Pending
		}
	}
	return set
}

var builtin = sync.OnceValue(func() *scaleSet {
	scales, err := LoadScales(strings.NewReader(string(scalesJSON)))
	if err != nil {
		panic(err)
	}
	return newScaleSet(scales, LayoutVersion)
})

// added is the set with what AddScales made known; nil: nothing was.
var added atomic.Pointer[scaleSet]

func known() *scaleSet {
	if set := added.Load(); set != nil {
		return set
	}
	return builtin()
}

// AddScales makes a university's own scales known to the whole process, like the time zones
// of a system; one with the id of a built-in scale replaces it. Call it at the start, before
// anything is read or judged: what was concluded earlier is not looked at again.
func AddScales(own []Scale) {
	all := slices.Clone(own)
	for _, s := range builtin().scales {
		if !slices.ContainsFunc(own, func(o Scale) bool { return o.ID == s.ID }) {
			all = append(all, s)
		}
	}
	raw, err := json.Marshal(all)
	if err != nil {
		panic(err) // scales are plain data
	}
	sum := sha256.Sum256(raw)
	added.Store(newScaleSet(all, LayoutVersion+"+scales."+hex.EncodeToString(sum[:4])))
}

// Scales returns every scale that is known.
func Scales() []Scale { return slices.Clone(known().scales) }

// RulesVersion names what a reading follows from beside the words: the layout rules, and the
// scales and forms where they are not the ones that come with the program.
func RulesVersion() string { return known().version + forms().version }

// LoadScales reads scales from a JSON array, so that a university can bring its own. It
// refuses unknown fields, repeated ids and letters, weights that do not descend, and
// weights outside 0 to 4.
func LoadScales(r io.Reader) ([]Scale, error) {
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	var scales []Scale
	if err := dec.Decode(&scales); err != nil {
		return nil, fmt.Errorf("transcript: grade scales: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("transcript: grade scales: more text after the list")
	}
	seen := map[string]bool{}
	for i := range scales {
		s := &scales[i]
		if s.ID == "" || seen[s.ID] {
			return nil, fmt.Errorf("transcript: grade scale %d: id %q is empty or stands twice", i+1, s.ID)
		}
		seen[s.ID] = true
		if err := s.check(); err != nil {
			return nil, fmt.Errorf("transcript: grade scale %q: %w", s.ID, err)
		}
	}
	return scales, nil
}

func (s *Scale) check() error {
	if s.University == "" {
		return errors.New("no university")
	}
	seen := map[string]bool{}
	last, graded, pending := Decimal(-1), 0, false
	for i := range s.Letters {
		l := &s.Letters[i]
		l.Name = NormaliseGrade(l.Name)
		switch {
		case l.Name == "" || len(l.Name) > 4:
			return fmt.Errorf("letter %d: name %q must have one to four characters", i+1, l.Name)
		case seen[l.Name]:
			return fmt.Errorf("letter %q stands twice", l.Name)
		case l.Pending && l.Weight != 0:
			return fmt.Errorf("pending letter %q has a weight", l.Name)
		case !l.Pending && pending:
			return fmt.Errorf("letter %q stands behind a pending one", l.Name)
		case !l.Pending && (l.Weight < 0 || l.Weight > DecimalOf(4)):
			return fmt.Errorf("letter %q: weight %s is not within 0 to 4", l.Name, l.Weight)
		case !l.Pending && graded > 0 && l.Weight >= last:
			return fmt.Errorf("letter %q: weight %s does not descend from %s", l.Name, l.Weight, last)
		}
		seen[l.Name] = true
		if l.Pending {
			pending = true
			continue
		}
		last = l.Weight
		graded++
	}
	if graded < 2 {
		return errors.New("fewer than two letters")
	}
	return nil
}

// Letter finds a letter by its name in any writing.
func (s Scale) Letter(name string) (Letter, bool) {
	name = NormaliseGrade(name)
	for _, l := range s.Letters {
		if l.Name == name {
			return l, true
		}
	}
	return Letter{}, false
}

// Compare is negative, zero or positive as grade a is worse than, equal to or better than
// b. It reports false when one of them is not a final grade of the scale.
func (s Scale) Compare(a, b string) (int, bool) {
	x, okX := s.Letter(a)
	y, okY := s.Letter(b)
	if !okX || !okY || x.Pending || y.Pending {
		return 0, false
	}
	switch {
	case x.Weight < y.Weight:
		return -1, true
	case x.Weight > y.Weight:
		return 1, true
	}
	return 0, true
}

// ScaleByID finds one of Scales.
func ScaleByID(id string) (Scale, bool) {
	for _, s := range known().scales {
		if s.ID == id {
			return s, true
		}
	}
	return Scale{}, false
}
