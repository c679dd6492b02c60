package domain

import (
	"slices"
	"strings"

	"github.com/google/uuid"
)

// Extent is which openings somebody acts for: all, those of departments, and single ones. A
// department is meant as the openings spell it. The zero value is none. Values are never
// changed in place.
type Extent struct {
	Everything  bool        `json:"everything,omitempty"`
	Departments []string    `json:"departments,omitempty"`
	Openings    []uuid.UUID `json:"openings,omitempty"`
}

// Everything is the extent of who is not limited.
var Everything = Extent{Everything: true}

// maxNamed bounds the departments, and the openings, that one role of a person has.
const maxNamed = 200

// Empty tells whether no opening is held.
func (e Extent) Empty() bool {
	return !e.Everything && len(e.Departments) == 0 && len(e.Openings) == 0
}

// Holds tells whether the opening, of the department, is within the extent.
func (e Extent) Holds(opening uuid.UUID, department string) bool {
	return e.Everything || slices.Contains(e.Departments, department) || slices.Contains(e.Openings, opening)
}

// plus is both together, sorted: the same extent is always spelled the same.
func (e Extent) plus(f Extent) Extent {
	return Extent{e.Everything || f.Everything, union(e.Departments, f.Departments, strings.Compare), union(e.Openings, f.Openings, compareIDs)}
}

// minus is what is left without the other; without everything nothing is.
func (e Extent) minus(f Extent) Extent {
	if f.Everything {
		return Extent{}
	}
	return Extent{e.Everything, without(e.Departments, f.Departments), without(e.Openings, f.Openings)}
}

// common is what both name.
func (e Extent) common(f Extent) Extent {
	return Extent{e.Everything && f.Everything, without(e.Departments, without(e.Departments, f.Departments)), without(e.Openings, without(e.Openings, f.Openings))}
}

func compareIDs(x, y uuid.UUID) int { return strings.Compare(x.String(), y.String()) }

func union[T comparable](x, y []T, compare func(T, T) int) []T {
	all := slices.Concat(x, y)
	slices.SortFunc(all, compare)
	return slices.Compact(all)
}

func without[T comparable](all, others []T) (left []T) {
	for _, one := range all {
		if !slices.Contains(others, one) {
			left = append(left, one)
		}
	}
	return left
}
