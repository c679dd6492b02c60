package domain

// Action is what an actor may want of the house, named as the contract names the operation.
type Action string

const (
	ActionPublishOpening       Action = "publishOpening"
	ActionListOpenings         Action = "listOpenings"
	ActionGetOpening           Action = "getOpening"
	ActionReviseOpening        Action = "reviseOpening"
	ActionCloseOpening         Action = "closeOpening"
	ActionReopenOpening        Action = "reopenOpening"
	ActionCancelOpening        Action = "cancelOpening"
	ActionWhatIf               Action = "whatIf"
	ActionSubmitApplication    Action = "submitApplication"
	ActionListApplications     Action = "listApplications"
	ActionGetApplication       Action = "getApplication"
	ActionGetHistory           Action = "getHistory"
	ActionAsSeen               Action = "asSeen"
	ActionWithdrawApplication  Action = "withdrawApplication"
	ActionResubmitApplication  Action = "resubmitApplication"
	ActionConfirmOffer         Action = "confirmOffer"
	ActionTurnDownOffer        Action = "turnDownOffer"
	ActionAcceptApplication    Action = "acceptApplication"
	ActionDeclineApplication   Action = "declineApplication"
	ActionWaitlistApplication  Action = "waitlistApplication"
	ActionUploadDocument       Action = "uploadDocument"
	ActionGetDocument          Action = "getDocument"
	ActionGetContent           Action = "getContent"
	ActionOverrideVerification Action = "overrideVerification"
	ActionClaimReview          Action = "claimReview"
	ActionReleaseReview        Action = "releaseReview"
	ActionRereadDocument       Action = "rereadDocument"
	ActionListReviews          Action = "listReviews"
	ActionGetStatistics        Action = "getStatistics"
	ActionListAudit            Action = "listAudit"
	ActionExportAudit          Action = "exportAudit"
	ActionAuditChain           Action = "auditChain"
	ActionStreamEvents         Action = "streamEvents"
)

// Scope is how far a role reaches with an action.
type Scope string

const (
	ScopeNone Scope = ""    // may not at all
	ScopeOwn  Scope = "own" // what belongs to the actor; anything else is as if it were not there
	ScopeAll  Scope = "all"
)

// Roles are those that a person or a program from outside can have.
var Roles = []Role{RoleApplicant, RoleAdmin, RoleLecturer, RoleAuditor}

// access is the one table of who may do what; a role that is not named may not.
var access = map[Action]map[Role]Scope{
	ActionPublishOpening:       {RoleAdmin: ScopeAll},
	ActionListOpenings:         {RoleApplicant: ScopeAll, RoleAdmin: ScopeAll, RoleLecturer: ScopeAll, RoleAuditor: ScopeAll},
	ActionGetOpening:           {RoleApplicant: ScopeAll, RoleAdmin: ScopeAll, RoleLecturer: ScopeAll, RoleAuditor: ScopeAll},
	ActionReviseOpening:        {RoleAdmin: ScopeAll},
	ActionCloseOpening:         {RoleAdmin: ScopeAll},
	ActionReopenOpening:        {RoleAdmin: ScopeAll},
	ActionCancelOpening:        {RoleAdmin: ScopeAll},
	ActionWhatIf:               {RoleAdmin: ScopeAll, RoleAuditor: ScopeAll},
	ActionSubmitApplication:    {RoleApplicant: ScopeOwn},
	ActionListApplications:     {RoleApplicant: ScopeOwn, RoleAdmin: ScopeAll, RoleLecturer: ScopeAll, RoleAuditor: ScopeAll},
	ActionGetApplication:       {RoleApplicant: ScopeOwn, RoleAdmin: ScopeAll, RoleLecturer: ScopeAll, RoleAuditor: ScopeAll},
	ActionGetHistory:           {RoleApplicant: ScopeOwn, RoleAdmin: ScopeAll, RoleLecturer: ScopeAll, RoleAuditor: ScopeAll},
	ActionAsSeen:               {RoleAdmin: ScopeAll, RoleAuditor: ScopeAll},
	ActionWithdrawApplication:  {RoleApplicant: ScopeOwn},
	ActionResubmitApplication:  {RoleApplicant: ScopeOwn},
	ActionConfirmOffer:         {RoleApplicant: ScopeOwn},
	ActionTurnDownOffer:        {RoleApplicant: ScopeOwn},
	ActionAcceptApplication:    {RoleAdmin: ScopeAll, RoleLecturer: ScopeAll},
	ActionDeclineApplication:   {RoleAdmin: ScopeAll, RoleLecturer: ScopeAll},
	ActionWaitlistApplication:  {RoleAdmin: ScopeAll, RoleLecturer: ScopeAll},
	ActionUploadDocument:       {RoleApplicant: ScopeOwn},
	ActionGetDocument:          {RoleApplicant: ScopeOwn, RoleAdmin: ScopeAll, RoleLecturer: ScopeAll, RoleAuditor: ScopeAll},
	ActionGetContent:           {RoleApplicant: ScopeOwn, RoleAdmin: ScopeAll, RoleLecturer: ScopeAll, RoleAuditor: ScopeAll},
	ActionOverrideVerification: {RoleAdmin: ScopeAll},
	ActionClaimReview:          {RoleAdmin: ScopeAll},
	ActionReleaseReview:        {RoleAdmin: ScopeAll},
	ActionRereadDocument:       {RoleAdmin: ScopeAll},
	ActionListReviews:          {RoleAdmin: ScopeAll},
	ActionGetStatistics:        {RoleAdmin: ScopeAll, RoleLecturer: ScopeAll, RoleAuditor: ScopeAll},
	ActionListAudit:            {RoleAdmin: ScopeAll, RoleAuditor: ScopeAll},
	ActionExportAudit:          {RoleAdmin: ScopeAll, RoleAuditor: ScopeAll},
	ActionAuditChain:           {RoleAdmin: ScopeAll, RoleAuditor: ScopeAll},
	ActionStreamEvents:         {RoleApplicant: ScopeOwn, RoleAdmin: ScopeAll, RoleLecturer: ScopeAll, RoleAuditor: ScopeAll},
}

// ScopeOf looks into the table. The system acts on what a person was allowed to begin, so it
// may do everything.
func ScopeOf(action Action, role Role) Scope {
	if role == RoleSystem {
		return ScopeAll
	}
	return access[action][role]
}

// Reaches tells whether the actor may do the action to what belongs to the owner, "" for
// what belongs to nobody.
func (a Actor) Reaches(action Action, owner string) bool {
	switch ScopeOf(action, a.Role) {
	case ScopeAll:
		return true
	case ScopeOwn:
		return owner != "" && owner == a.ID
	}
	return false
}
