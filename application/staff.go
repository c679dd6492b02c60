package application

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"asprak/domain"
)

// GrantAccess adds to what the subject acts for in the role. It takes an admin who acts for
// everything, and openings that are there.
func (s *Service) GrantAccess(ctx context.Context, req Request, subject string, role domain.Role, extent domain.Extent, reason string) (Result, error) {
	return s.changeAccess(ctx, req, "grant-access", subject, domain.ActionGrantAccess, extent,
		domain.GrantAccess{Subject: subject, Role: role, Extent: extent, Reason: reason, By: req.Actor})
}

// RevokeAccess takes away from it. It counts at once in this process, and within StaffFresh in others.
func (s *Service) RevokeAccess(ctx context.Context, req Request, subject string, role domain.Role, extent domain.Extent, reason string) (Result, error) {
	return s.changeAccess(ctx, req, "revoke-access", subject, domain.ActionRevokeAccess, domain.Extent{},
		domain.RevokeAccess{Subject: subject, Role: role, Extent: extent, Reason: reason, By: req.Actor})
}

// changeAccess decides on the command; the openings that must exist are those of there.
func (s *Service) changeAccess(ctx context.Context, req Request, name, subject string, action domain.Action, there domain.Extent, command domain.StaffCommand) (Result, error) {
	if err := s.permitForAll(ctx, req.Actor, action); err != nil {
		return Result{}, err
	}
	for _, id := range there.Openings {
		if _, _, err := s.Opening(ctx, id); domain.ErrorCode(err) == "opening_not_found" {
			return Result{}, domain.InvalidField("openings", "There is no opening %s.", id)
		} else if err != nil {
			return Result{}, err
		}
	}
	input, err := json.Marshal(command)
	if err != nil {
		return Result{}, err
	}
	at, err := s.loadStaff(ctx, subject)
	if err != nil {
		return Result{}, userError(err)
	}
	at, done, err := write(ctx, s, staffStream(subject), at, req.call(name, input), func(at loaded[domain.Staff]) ([]domain.Event, error) {
		return at.State.Decide(command)
	})
	if err == nil {
		s.staff.put(subject, at, s.clock())
	}
	return result(domain.StaffID(subject), done, err)
}

// Extent is which openings the actor acts for now: staff as their grants say, others for
// everything that their role reaches at all. Staff whom nothing was ever granted act for everything, unless
// Options.GrantedOnly.
func (s *Service) Extent(ctx context.Context, actor domain.Actor) (domain.Extent, error) {
	if !slices.Contains(domain.StaffRoles, actor.Role) {
		return domain.Everything, nil
	}
	at, fresh := s.staff.get(actor.ID, s.clock())
	if !fresh {
		var err error
		if at, err = s.loadStaff(ctx, actor.ID); err != nil {
			return domain.Extent{}, userError(err)
		}
	}
	return s.extentOf(at.State, actor.Role), nil
}

func (s *Service) extentOf(staff domain.Staff, role domain.Role) domain.Extent {
	if !staff.Known() && !s.grantedOnly {
		return domain.Everything
	}
	return staff.Access[role]
}

// ActsFor tells whether the opening, and with it its applications, is within the actor's
// extent. It says nothing of what the role may do, and whose applications it sees.
func (s *Service) ActsFor(ctx context.Context, actor domain.Actor, opening uuid.UUID) (bool, error) {
	extent, err := s.Extent(ctx, actor)
	if err != nil || extent.Everything || len(extent.Departments) == 0 {
		return extent.Holds(opening, ""), err
	}
	at, err := s.loadOpening(ctx, opening)
	if err != nil {
		return false, userError(err)
	}
	return extent.Holds(opening, at.State.Details.Department), nil
}

// Access is what somebody acted for at a moment, in each role that their token could give them.
type Access struct {
	Known   bool         `json:"known"` // something was granted or revoked by then; else the rule for all staff says
	Roles   []RoleAccess `json:"access"`
	Entries []Entry      `json:"history"` // the grants and revocations up to then
}

// RoleAccess is what somebody acts for in a role.
type RoleAccess struct {
	Role domain.Role `json:"role"`
	domain.Extent
	// ActsFor tells of the opening that was asked for, as it stood then; nil when none was.
	ActsFor *bool `json:"acts_for,omitempty"`
}

// AccessAt answers from the log what the subject acted for at the moment, and whether for the
// opening; uuid.Nil asks for none.
func (s *Service) AccessAt(ctx context.Context, subject string, at time.Time, opening uuid.UUID) (Access, error) {
	var of *domain.Opening
	if opening != uuid.Nil {
		past, err := s.openingAt(ctx, opening, at)
		if err != nil {
			return Access{}, err
		}
		of = &past
	}
	staff, err := s.loadStaff(ctx, subject)
	if err != nil {
		return Access{}, userError(err)
	}
	state, entries := past(staff, at)
	access := Access{Known: state.Known(), Entries: entries}
	for _, role := range domain.StaffRoles {
		r := RoleAccess{Role: role, Extent: s.extentOf(state, role)}
		if of != nil {
			acts := of.Exists() && r.Extent.Holds(of.ID, of.Details.Department)
			r.ActsFor = &acts
		}
		access.Roles = append(access.Roles, r)
	}
	return access, nil
}

// actedFor is ActsFor at an earlier moment.
func (s *Service) actedFor(ctx context.Context, actor domain.Actor, opening uuid.UUID, at time.Time) (bool, error) {
	if !slices.Contains(domain.StaffRoles, actor.Role) {
		return true, nil
	}
	access, err := s.AccessAt(ctx, actor.ID, at, opening)
	if err != nil {
		return false, err
	}
	i := slices.IndexFunc(access.Roles, func(r RoleAccess) bool { return r.Role == actor.Role })
	return *access.Roles[i].ActsFor, nil
}

// openingAt is the opening as it stood then, the zero value before it was published.
func (s *Service) openingAt(ctx context.Context, id uuid.UUID, at time.Time) (domain.Opening, error) {
	now, err := s.loadOpening(ctx, id)
	if err != nil {
		return domain.Opening{}, userError(err)
	}
	if !now.State.Exists() {
		return domain.Opening{}, domain.OpeningNotFound()
	}
	state, _ := past(now, at)
	return state, nil
}

// past is the state as it stood at the moment, and the entries up to it.
func past[S aggregate[S]](now loaded[S], at time.Time) (state S, entries []Entry) {
	for i, e := range now.Entries {
		if e.RecordedAt.After(at) {
			return state, now.Entries[:i]
		}
		state = state.Evolve(e.Event)
	}
	return state, now.Entries
}

func staffStream(subject string) string { return staffPrefix + domain.StaffID(subject).String() }

func (s *Service) loadStaff(ctx context.Context, subject string) (loaded[domain.Staff], error) {
	known, _ := s.staff.get(subject, time.Time{})
	now := s.clock() // before the read: what comes after it is not in it
	at, err := load(ctx, s, staffStream(subject), known)
	if err == nil {
		s.staff.put(subject, at, now)
	}
	return at, err
}

const (
	// StaffFresh is how long what was read of somebody's grants counts, so that most requests
	// of staff need not look into the log for them.
	StaffFresh = time.Second
	// maxStaff bounds the memory of what was read.
	maxStaff = 10_000
)

// staffCache keeps what was read of grants, by subject.
type staffCache struct {
	mu sync.Mutex
	of map[string]readStaff
}

type readStaff struct {
	loaded[domain.Staff]
	at time.Time
}

func newStaffCache() *staffCache { return &staffCache{of: make(map[string]readStaff)} }

// get returns what is known, and whether it was read within StaffFresh.
func (c *staffCache) get(subject string, now time.Time) (loaded[domain.Staff], bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.of[subject]
	if !ok {
		return fresh[domain.Staff](), false
	}
	age := now.Sub(known.at)
	return known.loaded, age >= 0 && age < StaffFresh
}

func (c *staffCache) put(subject string, at loaded[domain.Staff], read time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old, ok := c.of[subject]
	if ok && old.Revision > at.Revision {
		return
	}
	if !ok && len(c.of) >= maxStaff {
		for any := range c.of {
			delete(c.of, any)
			break
		}
	}
	c.of[subject] = readStaff{at, read}
}
