package transcript

import (
	"maps"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// foldCaption makes captions comparable: letters and digits only, upper case, and letters
// that a recogniser confuses made one.
func foldCaption(s string) string {
	if s == "#" {
		return "NO"
	}
	folded := strings.Map(func(r rune) rune {
		r = unicode.ToUpper(r)
		switch r {
		case '0':
			return 'O'
		case '1', 'L', '|', '!':
			return 'I'
		case '5':
			return 'S'
		case '8':
			return 'B'
		case '×', '*':
			return 'X'
		}
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, norm.NFKD.String(s))
	return strings.ReplaceAll(folded, "RN", "M")
}

// captions maps folded captions to what they announce.
type captions[K ~int] struct {
	exact map[string]K
	long  map[int][]string // folded captions by length, those long enough to bear a misread letter
	words int              // most words a caption may have
}

// newCaptions joins tables of captions. One that is listed twice belongs to the first table,
// and within a table to the first kind, so that every process reads alike.
func newCaptions[K ~int](tables ...map[K][]string) captions[K] {
	c := captions[K]{exact: map[string]K{}, long: map[int][]string{}}
	for _, table := range tables {
		for _, kind := range slices.Sorted(maps.Keys(table)) {
			for _, phrase := range table[kind] {
				key := foldCaption(phrase)
				if _, taken := c.exact[key]; taken {
					continue
				}
				c.exact[key] = kind
				c.words = max(c.words, len(strings.Fields(phrase))+1)
				if len(key) >= minFuzzy {
					c.long[len(key)] = append(c.long[len(key)], key)
				}
			}
		}
	}
	return c
}

const (
	minFuzzy   = 6
	maxCaption = 64
)

func (c captions[K]) find(key string, fuzzy bool) (K, bool) {
	if k, ok := c.exact[key]; ok {
		return k, true
	}
	var none K
	if !fuzzy || len(key) < minFuzzy-1 || len(key) > maxCaption {
		return none, false
	}
	slack := 1
	if len(key) >= 11 {
		slack = 2
	}
	best, found, tie := slack+1, none, false
	for n := len(key) - slack; n <= len(key)+slack; n++ {
		for _, cand := range c.long[n] {
			d := editDistance(key, cand, best+1)
			k := c.exact[cand]
			switch {
			case d < best:
				best, found, tie = d, k, false
			case d == best && best <= slack && k != found:
				tie = true
			}
		}
	}
	return found, best <= slack && !tie
}

// editDistance counts changed, lost and added bytes; it gives up at limit.
func editDistance(a, b string, limit int) int {
	if abs(len(a)-len(b)) >= limit || len(b) > maxCaption {
		return limit
	}
	var rows [maxCaption + 1]int
	row := rows[:len(b)+1]
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diag, low := row[0], i
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diag
			if a[i-1] != b[j-1] {
				cost++
			}
			diag = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
			low = min(low, row[j])
		}
		if low >= limit {
			return limit
		}
	}
	return min(row[len(b)], limit)
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}

// found is a caption on a line: tokens from..to (exclusive).
type found[K ~int] struct {
	kind     K
	from, to int
}

// match finds the captions on a line, the longest first at each place. Words of one
// caption stand no further apart than gap.
func (c captions[K]) match(ts []*token, gap float64) []found[K] {
	var out []found[K]
	for i := 0; i < len(ts); i++ {
		if ts[i].fold == "" {
			continue
		}
		key, end := "", i
		fuzzy := ts[i].Source == Pixels
		var hit *found[K]
		exact := false
		for j := i; j < len(ts) && j-i < c.words+2; j++ {
			if j > i && ts[j].x0-ts[j-1].x1 > gap {
				break
			}
			if j > i && strings.HasSuffix(ts[j-1].Text, ":") {
				break
			}
			key += ts[j].fold
			end = j + 1
			if ts[j].fold == "" {
				continue
			}
			// The value behind a caption is no misread letter of it.
			fuzzy = fuzzy && ts[j].type_ != typeInt && ts[j].type_ != typeDecimal
			k, ok := c.find(key, fuzzy)
			_, as := c.exact[key]
			if ok && !as && exact {
				// Captions that follow one another are no misread longer one.
				_, next := c.exact[joinFold(ts[hit.to:end])]
				ok = !next
			}
			if ok {
				hit, exact = &found[K]{k, i, end}, as
			}
		}
		if hit != nil {
			out = append(out, *hit)
			i = hit.to - 1
		}
	}
	return out
}
