package projections

import (
	"context"
	"slices"
	"strings"

	"asprak/domain"
)

func limits(extent *domain.Extent) bool { return extent != nil && !extent.Everything }

// within limits a list to rows whose opening, named by the column, is in the extent; nil does
// not limit. The condition is one that is asked of each row: it never leads the walk.
func (l *list) within(extent *domain.Extent, column string) {
	if !limits(extent) {
		return
	}
	condition, args := ofExtent(*extent)
	l.limited("EXISTS (SELECT 1 FROM openings o WHERE o.id = "+column+" AND "+condition+")", args...)
}

// withinStream limits events to those of the openings in the extent and of their applications.
func (l *list) withinStream(extent *domain.Extent) {
	if condition, args := streamsOf(extent); condition != "" {
		l.limited(condition, args...)
	}
}

// limited filters by what a cursor does not depend on: a grant may come or go between two pages.
func (l *list) limited(condition string, args ...any) {
	if l.tied == "" {
		l.tie()
	}
	l.filter(condition, args...)
}

// streamsOf is the condition that the stream of an event is of the extent, "" where nothing is limited.
func streamsOf(extent *domain.Extent) (condition string, args []any) {
	if !limits(extent) {
		return "", nil
	}
	condition, args = ofExtent(*extent)
	return `(EXISTS (SELECT 1 FROM openings o WHERE o.id = substr(stream, 9) AND stream = 'opening-' || o.id AND ` + condition + `)
		OR EXISTS (SELECT 1 FROM applications a JOIN openings o ON o.id = a.opening_id WHERE a.id = substr(stream, 13) AND stream = 'application-' || a.id AND ` + condition + `))`,
		slices.Concat(args, args)
}

// openingsWithin are the ids of the openings in the extent, nil when there are too many to
// walk along each.
func (s *Store) openingsWithin(ctx context.Context, extent domain.Extent) ([]string, error) {
	condition, args := ofExtent(extent)
	ids := []string{}
	if err := s.selectAll(ctx, &ids, `SELECT o.id FROM openings o WHERE `+condition+` LIMIT ?`, append(args, maxOpenings+1)...); err != nil {
		return nil, err
	}
	switch {
	case len(ids) > maxOpenings:
		return nil, nil
	case len(ids) == 0:
		return ids, nil
	}
	return filled(ids), nil
}

// ofExtent is the condition that a row o of openings is in the extent.
func ofExtent(e domain.Extent) (condition string, args []any) {
	ids := make([]string, len(e.Openings))
	for i, id := range e.Openings {
		ids[i] = id.String()
	}
	departments, ids := filled(e.Departments), filled(ids)
	return "(o.department IN (" + marks(departments) + ") OR o.id IN (" + marks(ids) + "))", append(anys(departments), anys(ids)...)
}

// filled is the values with "", which no row has, up to a power of two: few statements serve all.
func filled(values []string) []string {
	values = slices.Clone(values)
	for len(values) == 0 || len(values)&(len(values)-1) != 0 {
		values = append(values, "")
	}
	return values
}

func marks(values []string) string {
	return strings.TrimSuffix(strings.Repeat("?, ", len(values)), ", ")
}
