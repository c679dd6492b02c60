package api

import (
	"asprak/domain"
)

// route is one line of the table below.
type route struct {
	method, path string
	action       domain.Action // operationId of the contract, and the label of the metrics
	handle       func(*call) error
	public       bool // for everyone, without a token
	counted      bool // of a public one: by the address, as those with a token are
}

func guarded(method, path string, action domain.Action, handle func(*call) error) route {
	return route{method: method, path: path, action: action, handle: handle}
}

func public(method, path string, action domain.Action, handle func(*call) error) route {
	return route{method: method, path: path, action: action, handle: handle, public: true}
}

// door is for those who have no token yet.
func door(path string, action domain.Action, handle func(*call) error) route {
	return route{method: "POST", path: path, action: action, handle: handle, public: true, counted: true}
}

// routes are the operations of the contract. The table of the domain says which role may do
// which, and how far.
func (a *api) routes() []route {
	s := a.service
	return append([]route{
		guarded("POST", "/v1/openings", domain.ActionPublishOpening, a.publishOpening),
		guarded("GET", "/v1/openings", domain.ActionListOpenings, a.listOpenings),
		guarded("GET", "/v1/openings/:id", domain.ActionGetOpening, a.getOpening),
		guarded("POST", "/v1/openings/:id/revise", domain.ActionReviseOpening, a.reviseOpening),
		guarded("POST", "/v1/openings/:id/close", domain.ActionCloseOpening, reasoned(s.CloseOpening, 200)),
		guarded("POST", "/v1/openings/:id/reopen", domain.ActionReopenOpening, a.reopenOpening),
		guarded("POST", "/v1/openings/:id/cancel", domain.ActionCancelOpening, reasoned(s.CancelOpening, 200)),
		guarded("POST", "/v1/openings/:id/what-if", domain.ActionWhatIf, a.whatIf),

		guarded("POST", "/v1/applications", domain.ActionSubmitApplication, a.submitApplication),
		guarded("GET", "/v1/applications", domain.ActionListApplications, a.listApplications),
		guarded("GET", "/v1/applications/:id", domain.ActionGetApplication, a.getApplication),
		guarded("GET", "/v1/applications/:id/history", domain.ActionGetHistory, a.getHistory),
		guarded("GET", "/v1/applications/:id/as-seen", domain.ActionAsSeen, a.asSeen),
		guarded("POST", "/v1/applications/:id/withdraw", domain.ActionWithdrawApplication, reasoned(s.Withdraw, 200)),
		guarded("POST", "/v1/applications/:id/resubmit", domain.ActionResubmitApplication, a.resubmitApplication),
		guarded("POST", "/v1/applications/:id/confirm", domain.ActionConfirmOffer, a.confirmOffer),
		guarded("POST", "/v1/applications/:id/turn-down", domain.ActionTurnDownOffer, reasoned(s.TurnDown, 200)),
		guarded("POST", "/v1/applications/:id/accept", domain.ActionAcceptApplication, reasoned(s.Accept, 202)),
		guarded("POST", "/v1/applications/:id/decline", domain.ActionDeclineApplication, reasoned(s.Decline, 200)),
		guarded("POST", "/v1/applications/:id/waitlist", domain.ActionWaitlistApplication, reasoned(s.Waitlist, 200)),

		guarded("POST", "/v1/applications/:id/documents", domain.ActionUploadDocument, a.uploadDocument),
		guarded("GET", "/v1/applications/:id/documents/:document", domain.ActionGetDocument, a.getDocument),
		guarded("GET", "/v1/applications/:id/documents/:document/content", domain.ActionGetContent, a.getContent),
		guarded("POST", "/v1/applications/:id/documents/:document/override", domain.ActionOverrideVerification, a.overrideVerification),
		guarded("POST", "/v1/applications/:id/documents/:document/claim", domain.ActionClaimReview, aboutDocument(s.ClaimReview)),
		guarded("POST", "/v1/applications/:id/documents/:document/release", domain.ActionReleaseReview, aboutDocument(s.ReleaseReview)),
		guarded("POST", "/v1/applications/:id/documents/:document/reread", domain.ActionRereadDocument, a.rereadDocument),

		guarded("GET", "/v1/reviews", domain.ActionListReviews, a.listReviews),
		guarded("GET", "/v1/statistics", domain.ActionGetStatistics, a.getStatistics),
		guarded("GET", "/v1/audit", domain.ActionListAudit, a.listAudit),
		guarded("GET", "/v1/audit/export", domain.ActionExportAudit, a.exportAudit),
		guarded("GET", "/v1/audit/chain/:event", domain.ActionAuditChain, a.auditChain),

		guarded("GET", "/v1/staff", domain.ActionListStaff, a.listStaff),
		guarded("GET", "/v1/staff/:subject", domain.ActionGetStaff, a.getStaff),
		guarded("POST", "/v1/staff/:subject/grant", domain.ActionGrantAccess, changesAccess(s.GrantAccess)),
		guarded("POST", "/v1/staff/:subject/revoke", domain.ActionRevokeAccess, changesAccess(s.RevokeAccess)),

		door("/v1/accounts", "register", a.register),
		door("/v1/sessions", "login", a.login),
		door("/v1/sessions/refresh", "refresh", a.refresh),
		door("/v1/sessions/end", "logout", a.logout),
		guarded("GET", "/v1/me", domain.ActionGetMe, a.getMe),
		guarded("POST", "/v1/me/password", domain.ActionChangePassword, a.changePassword),

		guarded("GET", "/v1/me/data", domain.ActionGetMyData, a.getMyData),
		guarded("POST", "/v1/me/erasure", domain.ActionEraseMe, a.eraseMe),
		guarded("POST", "/v1/people/:subject/erasure", domain.ActionErasePerson, a.erasePerson),
		guarded("GET", "/v1/retention", domain.ActionListRetentions, a.listRetentions),

		guarded("GET", "/v1/events", domain.ActionStreamEvents, a.streamEvents),

		public("GET", "/openapi.json", "contract", a.contractJSON),
		public("GET", "/docs", "docs", a.contractHTML),
	}, a.probes()...)
}

// probes are what every process answers, whatever else it does.
func (a *api) probes() []route {
	return []route{
		public("GET", "/healthz", "health", a.health),
		public("GET", "/readyz", "readiness", a.readiness),
		public("GET", "/metrics", "metrics", a.scrape),
	}
}

// roles may call, with a token.
func (r route) roles() (may []domain.Role) {
	for _, role := range domain.Roles {
		if domain.ScopeOf(r.action, role) != domain.ScopeNone {
			may = append(may, role)
		}
	}
	return may
}
