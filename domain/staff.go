package domain

import (
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// StaffRoles are those that act for openings.
var StaffRoles = []Role{RoleAdmin, RoleLecturer, RoleAuditor}

// Staff is what one member of the staff acts for, in each of the roles that a token may give
// them. The zero value is one whom nothing was ever granted. Values are never changed in place.
type Staff struct {
	Subject string          `json:"subject"`
	Access  map[Role]Extent `json:"access"`
}

// staffSpace is the name space of the ids below.
var staffSpace = uuid.MustParse("c3b1f0a4-6a4e-4f57-9d0b-3f9a5e1d7c20")

// StaffID is the one id that a subject's stream can have.
func StaffID(subject string) uuid.UUID { return uuid.NewSHA1(staffSpace, []byte(subject)) }

// StaffCommand is a wish that a member's access decides on.
type StaffCommand interface {
	decideStaff(Staff) ([]Event, error)
}

type (
	// GrantAccess adds to what the subject acts for in the role. What is held already records nothing.
	GrantAccess struct {
		Subject string
		Role    Role
		Extent  Extent
		Reason  string
		By      Actor // of the command; nobody grants themselves
	}
	// RevokeAccess takes away from it; everything: all that the role had, be it only by the rule
	// for staff without a grant. What is not held records nothing.
	RevokeAccess struct {
		Subject string
		Role    Role
		Extent  Extent
		Reason  string
		By      Actor
	}
)

// Decide answers a command with the events that it leads to: none when it is satisfied
// already, an *Error when a rule forbids it.
func (s Staff) Decide(command StaffCommand) ([]Event, error) { return command.decideStaff(s) }

// Evolve returns the state after the event. Events of other aggregates change nothing.
func (s Staff) Evolve(event Event) Staff {
	switch e := event.(type) {
	case *AccessGranted:
		return s.with(e.Subject, e.Role, s.Access[e.Role].plus(e.Extent))
	case *AccessRevoked:
		return s.with(e.Subject, e.Role, s.Access[e.Role].minus(e.Extent))
	}
	return s
}

func (s Staff) with(subject string, role Role, extent Extent) Staff {
	access := maps.Clone(s.Access)
	if access == nil {
		access = make(map[Role]Extent)
	}
	access[role] = extent
	return Staff{subject, access}
}

// Known tells whether anything was ever granted. Whom something was granted once acts for
// what is granted and no more, also when all of it was taken away again.
func (s Staff) Known() bool { return s.Access != nil }

func (c GrantAccess) decideStaff(s Staff) ([]Event, error) {
	extent, reason, err := checkAccess(c.Subject, c.Role, c.Extent, c.Reason, c.By)
	if err != nil {
		return nil, err
	}
	held := s.Access[c.Role]
	added := extent.minus(held)
	if added.Everything = extent.Everything && !held.Everything; added.Empty() {
		return nil, nil
	}
	if all := held.plus(added); len(all.Departments) > maxNamed || len(all.Openings) > maxNamed {
		return nil, Errorf(RuleBroken, "too_much_named", "A role acts for at most %d departments and %d openings by name.", maxNamed, maxNamed)
	}
	return []Event{&AccessGranted{c.Subject, c.Role, added, reason}}, nil
}

func (c RevokeAccess) decideStaff(s Staff) ([]Event, error) {
	extent, reason, err := checkAccess(c.Subject, c.Role, c.Extent, c.Reason, c.By)
	if err != nil {
		return nil, err
	}
	held := s.Access[c.Role]
	switch {
	case extent.Everything && held.Empty() && s.Known():
		return nil, nil
	case extent.Everything:
		return []Event{&AccessRevoked{c.Subject, c.Role, Everything, reason}}, nil
	case !s.Known():
		return nil, Errorf(RuleBroken, "nothing_granted", "Nothing was ever granted to them; revoke everything, or grant what shall stay.")
	case held.Everything:
		return nil, Errorf(RuleBroken, "access_to_everything", "The role acts for everything; revoke that, then grant what shall stay.")
	}
	taken := extent.common(held)
	if taken.Empty() {
		return nil, nil
	}
	return []Event{&AccessRevoked{c.Subject, c.Role, taken, reason}}, nil
}

// checkAccess returns the extent and the reason in their one spelling.
func checkAccess(subject string, role Role, e Extent, why string, by Actor) (Extent, string, error) {
	departments := make([]string, len(e.Departments))
	for i, d := range e.Departments {
		departments[i] = strings.TrimSpace(d)
		if err := checkText("departments", departments[i], maxText, true); err != nil {
			return e, "", err
		}
	}
	if err := checkText("subject", subject, maxText, true); err != nil {
		return e, "", err
	}
	reason, err := checkReason(why, true)
	switch {
	case err != nil:
		return e, "", err
	case by.ID == subject && by.Role != RoleSystem:
		return e, "", Errorf(RuleBroken, "own_access", "Nobody changes their own access; another admin can.")
	case !slices.Contains(StaffRoles, role):
		return e, "", InvalidField("role", "This must be admin, lecturer or auditor.")
	case e.Empty():
		return e, "", InvalidField("departments", "Name departments, openings or everything.")
	case e.Everything && len(e.Departments)+len(e.Openings) > 0:
		return e, "", InvalidField("everything", "Name either everything, or departments and openings.")
	case len(e.Departments) > maxNamed:
		return e, "", InvalidField("departments", "At most %d.", maxNamed)
	case len(e.Openings) > maxNamed:
		return e, "", InvalidField("openings", "At most %d.", maxNamed)
	}
	return Extent{Departments: departments}.plus(Extent{Everything: e.Everything, Openings: e.Openings}), reason, nil
}
