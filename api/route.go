package api

import (
	"asprak/domain"
)

// route is one line of the table below.
type route struct {
	method, path string
	operation    string        // operationId of the contract, and the label of the metrics
	roles        []domain.Role // who may call; nil: everyone, without a token
	handle       func(*call) error
}

var (
	admins     = []domain.Role{domain.RoleAdmin}
	applicants = []domain.Role{domain.RoleApplicant}
	staff      = []domain.Role{domain.RoleAdmin, domain.RoleLecturer}
	onlookers  = []domain.Role{domain.RoleAdmin, domain.RoleLecturer, domain.RoleAuditor}
	inspectors = []domain.Role{domain.RoleAdmin, domain.RoleAuditor}
	everyone   = []domain.Role{domain.RoleApplicant, domain.RoleAdmin, domain.RoleLecturer, domain.RoleAuditor}
)

// routes says which role may do what. What belongs to whom is asked behind it: an applicant
// sees own applications only, see call.mine.
func (a *api) routes() []route {
	s := a.service
	return append([]route{
		{"POST", "/v1/openings", "publishOpening", admins, a.publishOpening},
		{"GET", "/v1/openings", "listOpenings", everyone, a.listOpenings},
		{"GET", "/v1/openings/:id", "getOpening", everyone, a.getOpening},
		{"POST", "/v1/openings/:id/revise", "reviseOpening", admins, a.reviseOpening},
		{"POST", "/v1/openings/:id/close", "closeOpening", admins, reasoned(s.CloseOpening, 200)},
		{"POST", "/v1/openings/:id/reopen", "reopenOpening", admins, a.reopenOpening},
		{"POST", "/v1/openings/:id/cancel", "cancelOpening", admins, reasoned(s.CancelOpening, 200)},
		{"POST", "/v1/openings/:id/what-if", "whatIf", inspectors, a.whatIf},

		{"POST", "/v1/applications", "submitApplication", applicants, a.submitApplication},
		{"GET", "/v1/applications", "listApplications", everyone, a.listApplications},
		{"GET", "/v1/applications/:id", "getApplication", everyone, a.getApplication},
		{"GET", "/v1/applications/:id/history", "getHistory", everyone, a.getHistory},
		{"GET", "/v1/applications/:id/as-seen", "asSeen", inspectors, a.asSeen},
		{"POST", "/v1/applications/:id/withdraw", "withdrawApplication", applicants, reasoned(s.Withdraw, 200)},
		{"POST", "/v1/applications/:id/resubmit", "resubmitApplication", applicants, a.resubmitApplication},
		{"POST", "/v1/applications/:id/confirm", "confirmOffer", applicants, a.confirmOffer},
		{"POST", "/v1/applications/:id/turn-down", "turnDownOffer", applicants, reasoned(s.TurnDown, 200)},
		{"POST", "/v1/applications/:id/accept", "acceptApplication", staff, reasoned(s.Accept, 202)},
		{"POST", "/v1/applications/:id/decline", "declineApplication", staff, reasoned(s.Decline, 200)},
		{"POST", "/v1/applications/:id/waitlist", "waitlistApplication", staff, reasoned(s.Waitlist, 200)},

		{"POST", "/v1/applications/:id/documents", "uploadDocument", applicants, a.uploadDocument},
		{"GET", "/v1/applications/:id/documents/:document", "getDocument", everyone, a.getDocument},
		{"GET", "/v1/applications/:id/documents/:document/content", "getContent", everyone, a.getContent},
		{"POST", "/v1/applications/:id/documents/:document/override", "overrideVerification", admins, a.overrideVerification},
		{"POST", "/v1/applications/:id/documents/:document/reread", "rereadDocument", admins, a.rereadDocument},

		{"GET", "/v1/reviews", "listReviews", admins, a.listReviews},
		{"GET", "/v1/statistics", "getStatistics", onlookers, a.getStatistics},
		{"GET", "/v1/audit", "listAudit", inspectors, a.listAudit},
		{"GET", "/v1/audit/export", "exportAudit", inspectors, a.exportAudit},
		{"GET", "/v1/audit/chain/:event", "auditChain", inspectors, a.auditChain},

		{"GET", "/v1/events", "streamEvents", everyone, a.streamEvents},

		{"GET", "/openapi.json", "contract", nil, a.contractJSON},
		{"GET", "/docs", "docs", nil, a.contractHTML},
	}, a.probes()...)
}

// probes are what every process answers, whatever else it does.
func (a *api) probes() []route {
	return []route{
		{"GET", "/healthz", "health", nil, a.health},
		{"GET", "/readyz", "readiness", nil, a.readiness},
		{"GET", "/metrics", "metrics", nil, a.scrape},
	}
}
