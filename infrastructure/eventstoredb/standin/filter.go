package standin

import (
	"errors"
	"regexp"
	"slices"
	"strings"
)

// filter chooses events by stream name or event type; the zero filter takes all.
type filter struct {
	ByType   bool     `json:"by_type,omitempty"`
	Prefixes []string `json:"prefixes,omitempty"`
	Regex    string   `json:"regex,omitempty"`
	Window   uint32   `json:"window,omitempty"`     // events looked at in one go
	Interval uint32   `json:"checkpoint,omitempty"` // windows between checkpoints

	pattern *regexp.Regexp
}

// defaultWindow is used where the client leaves the window to the server.
const defaultWindow = 32

var (
	errInterval   = errors.New("checkpointIntervalMultiplier must be greater than 0")
	errExpression = errors.New("a filter has either prefixes or a regex")
)

func (f *filter) compile() (err error) {
	if (len(f.Prefixes) > 0) == (f.Regex != "") {
		return errExpression
	}
	if f.Window == 0 {
		f.Window = defaultWindow
	}
	if f.Regex != "" {
		f.pattern, err = regexp.Compile(f.Regex)
	}
	return err
}

func (f *filter) takes(e *event) bool {
	if f == nil {
		return true
	}
	text := e.Stream
	if f.ByType {
		text = e.Type
	}
	if f.pattern != nil {
		return f.pattern.MatchString(text)
	}
	return slices.ContainsFunc(f.Prefixes, func(p string) bool { return strings.HasPrefix(text, p) })
}
