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
	ActionGrantAccess          Action = "grantAccess"
	ActionRevokeAccess         Action = "revokeAccess"
	ActionListStaff            Action = "listStaff"
	ActionGetStaff             Action = "getStaff"
	ActionGetMe                Action = "getMe"
	ActionChangePassword       Action = "changePassword"
	ActionGetMyData            Action = "getMyData"
	ActionEraseMe              Action = "eraseMe"
	ActionErasePerson          Action = "erasePerson"
	ActionListRetentions       Action = "listRetentions"
)

// Scope is how far a role reaches with an action.
type Scope string

const (
	ScopeNone    Scope = ""        // may not at all
	ScopeOwn     Scope = "own"     // what belongs to the actor; anything else is as if it were not there
	ScopeGranted Scope = "granted" // openings that the actor acts for, see Extent; others are as if they were not there
	ScopeAll     Scope = "all"     // of staff: only those who act for everything
)

// Roles are those that a person or a program from outside can have.
var Roles = []Role{RoleApplicant, RoleAdmin, RoleLecturer, RoleAuditor}

// access is the one table of who may do what; a role that is not named may not.
var access = map[Action]map[Role]Scope{
	ActionPublishOpening:       {RoleAdmin: ScopeGranted},
	ActionListOpenings:         {RoleApplicant: ScopeAll, RoleAdmin: ScopeGranted, RoleLecturer: ScopeGranted, RoleAuditor: ScopeGranted},
	ActionGetOpening:           {RoleApplicant: ScopeAll, RoleAdmin: ScopeGranted, RoleLecturer: ScopeGranted, RoleAuditor: ScopeGranted},
	ActionReviseOpening:        {RoleAdmin: ScopeGranted},
	ActionCloseOpening:         {RoleAdmin: ScopeGranted},
	ActionReopenOpening:        {RoleAdmin: ScopeGranted},
	ActionCancelOpening:        {RoleAdmin: ScopeGranted},
	ActionWhatIf:               {RoleAdmin: ScopeGranted, RoleAuditor: ScopeGranted},
	ActionSubmitApplication:    {RoleApplicant: ScopeOwn},
	ActionListApplications:     {RoleApplicant: ScopeOwn, RoleAdmin: ScopeGranted, RoleLecturer: ScopeGranted, RoleAuditor: ScopeGranted},
	ActionGetApplication:       {RoleApplicant: ScopeOwn, RoleAdmin: ScopeGranted, RoleLecturer: ScopeGranted, RoleAuditor: ScopeGranted},
	ActionGetHistory:           {RoleApplicant: ScopeOwn, RoleAdmin: ScopeGranted, RoleLecturer: ScopeGranted, RoleAuditor: ScopeGranted},
	ActionAsSeen:               {RoleAdmin: ScopeGranted, RoleAuditor: ScopeGranted},
	ActionWithdrawApplication:  {RoleApplicant: ScopeOwn},
	ActionResubmitApplication:  {RoleApplicant: ScopeOwn},
	ActionConfirmOffer:         {RoleApplicant: ScopeOwn},
	ActionTurnDownOffer:        {RoleApplicant: ScopeOwn},
	ActionAcceptApplication:    {RoleAdmin: ScopeGranted, RoleLecturer: ScopeGranted},
	ActionDeclineApplication:   {RoleAdmin: ScopeGranted, RoleLecturer: ScopeGranted},
	ActionWaitlistApplication:  {RoleAdmin: ScopeGranted, RoleLecturer: ScopeGranted},
	ActionUploadDocument:       {RoleApplicant: ScopeOwn},
	ActionGetDocument:          {RoleApplicant: ScopeOwn, RoleAdmin: ScopeGranted, RoleLecturer: ScopeGranted, RoleAuditor: ScopeGranted},
	ActionGetContent:           {RoleApplicant: ScopeOwn, RoleAdmin: ScopeGranted, RoleLecturer: ScopeGranted, RoleAuditor: ScopeGranted},
	ActionOverrideVerification: {RoleAdmin: ScopeGranted},
	ActionClaimReview:          {RoleAdmin: ScopeGranted},
	ActionReleaseReview:        {RoleAdmin: ScopeGranted},
	ActionRereadDocument:       {RoleAdmin: ScopeGranted},
	ActionListReviews:          {RoleAdmin: ScopeGranted},
	ActionGetStatistics:        {RoleAdmin: ScopeGranted, RoleLecturer: ScopeGranted, RoleAuditor: ScopeGranted},
	ActionListAudit:            {RoleAdmin: ScopeGranted, RoleAuditor: ScopeGranted},
	ActionExportAudit:          {RoleAdmin: ScopeGranted, RoleAuditor: ScopeGranted},
	ActionAuditChain:           {RoleAdmin: ScopeGranted, RoleAuditor: ScopeGranted},
	ActionStreamEvents:         {RoleApplicant: ScopeOwn, RoleAdmin: ScopeGranted, RoleLecturer: ScopeGranted, RoleAuditor: ScopeGranted},
	ActionGrantAccess:          {RoleAdmin: ScopeAll},
	ActionRevokeAccess:         {RoleAdmin: ScopeAll},
	ActionListStaff:            {RoleAdmin: ScopeAll, RoleAuditor: ScopeAll},
	ActionGetStaff:             {RoleAdmin: ScopeAll, RoleAuditor: ScopeAll},
	ActionGetMe:                {RoleApplicant: ScopeOwn, RoleAdmin: ScopeOwn, RoleLecturer: ScopeOwn, RoleAuditor: ScopeOwn},
	ActionChangePassword:       {RoleApplicant: ScopeOwn, RoleAdmin: ScopeOwn, RoleLecturer: ScopeOwn, RoleAuditor: ScopeOwn},
	ActionGetMyData:            {RoleApplicant: ScopeOwn, RoleAdmin: ScopeOwn, RoleLecturer: ScopeOwn, RoleAuditor: ScopeOwn},
	ActionEraseMe:              {RoleApplicant: ScopeOwn},
	ActionErasePerson:          {RoleAdmin: ScopeAll},
	ActionListRetentions:       {RoleAdmin: ScopeAll, RoleAuditor: ScopeAll},
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
// what belongs to nobody, as far as the role goes: for which openings is for their Extent to say.
func (a Actor) Reaches(action Action, owner string) bool {
	switch ScopeOf(action, a.Role) {
	case ScopeAll, ScopeGranted:
		return true
	case ScopeOwn:
		return owner != "" && owner == a.ID
	}
	return false
}

// AccessLimited is the error for staff who do not act for everything where that is needed.
func AccessLimited() *Error {
	return Errorf(Denied, "access_limited", "This is for those who act for every opening.")
}
