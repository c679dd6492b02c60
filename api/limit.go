package api

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"asprak/domain"
)

// Limits are what one client may take of what all share; 0 is no limit.
type Limits struct {
	// ApplicantRate is requests a second of one applicant, with twice as many at once. Staff
	// and auditors, whose programs export and watch, have none.
	ApplicantRate int
	// AddressRate is requests a second from one address (of IPv6: one /64), with twice as many
	// at once. Connections of the machine itself, as of a proxy on it, have none.
	AddressRate int
	// Uploads are those in transfer at once, and UploadsEach those of one applicant.
	Uploads, UploadsEach int
}

// maxMetered bounds the memory of one meter, to some 10 MB.
const maxMetered = 50_000

// meter counts the requests of each key.
type meter struct {
	rate int
	now  func() time.Time

	mu  sync.Mutex
	of  map[string]*rate.Limiter
	max int
}

func newMeter(perSecond int) *meter {
	return &meter{rate: perSecond, now: time.Now, of: make(map[string]*rate.Limiter), max: maxMetered}
}

// take is an error when the key has had its share.
func (m *meter) take(key string) error {
	if m.rate <= 0 {
		return nil
	}
	now := m.now()
	m.mu.Lock()
	l, ok := m.of[key]
	if !ok {
		if len(m.of) >= m.max {
			m.forget(now)
		}
		l = rate.NewLimiter(rate.Limit(m.rate), 2*m.rate)
		m.of[key] = l
	}
	m.mu.Unlock()
	if l.AllowN(now, 1) {
		return nil
	}
	return domain.Errorf(domain.Unavailable, "too_many_requests", "These are more than %d requests a second; send them later.", m.rate)
}

// forget lets go of whoever would be let pass anew all the same, and when there is nobody of
// the kind, of anybody. It leaves half at most, so that it is seldom called.
func (m *meter) forget(now time.Time) {
	for key, l := range m.of {
		if l.TokensAt(now) >= float64(l.Burst()) {
			delete(m.of, key)
		}
	}
	for key := range m.of {
		if len(m.of) <= m.max/2 {
			return
		}
		delete(m.of, key)
	}
}

// addressOf is what the requests of an address are counted under, "" for none to count.
func addressOf(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return ""
	}
	address, err := netip.ParseAddr(host)
	if err != nil || address.IsLoopback() {
		return ""
	}
	if address = address.Unmap(); address.Is4() {
		return address.String()
	}
	network, err := address.WithZone("").Prefix(64)
	if err != nil {
		return ""
	}
	return network.String()
}

// slots are the uploads in transfer.
type slots struct {
	all, each int

	mu    sync.Mutex
	taken int
	by    map[string]int
}

func newSlots(all, each int) *slots { return &slots{all: all, each: each, by: make(map[string]int)} }

// take is an error when there is no slot left; otherwise the caller gives it back.
func (s *slots) take(applicant string) (giveBack func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.each > 0 && s.by[applicant] >= s.each:
		return nil, domain.Errorf(domain.Unavailable, "too_many_uploads", "You have %d uploads under way; let one end first.", s.each)
	case s.all > 0 && s.taken >= s.all:
		return nil, domain.Errorf(domain.Unavailable, "uploads_busy", "Too many uploads are under way; nothing was kept. Try again with the same Idempotency-Key.")
	}
	s.taken++
	s.by[applicant]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.taken--
		if s.by[applicant]--; s.by[applicant] == 0 {
			delete(s.by, applicant)
		}
	}, nil
}

func (s *slots) inUse() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken
}
