// Package verification puts questions to a reading and concludes: reading, requirement
// and applicant in, verdict out. Pure; it knows no files, no events, no storage.
package verification

import (
	"strings"

	"asprak/domain/transcript"
)

// Requirement is what an opening asks of an applicant's study result.
type Requirement struct {
	Course          Course              `json:"course"`
	MinGrade        string              `json:"min_grade"`                  // a letter of Scale; equal passes
	Scale           string              `json:"scale,omitempty"`            // id of a grade scale; "" means the document's own
	MinIPK          *transcript.Decimal `json:"min_ipk,omitempty"`          // equal passes
	MinSKS          *transcript.Decimal `json:"min_sks,omitempty"`          // cumulative credits
	MinSemester     *int                `json:"min_semester,omitempty"`     // running semester printed on the document
	AcceptPending   bool                `json:"accept_pending,omitempty"`   // a course without its final grade yet counts
	AcceptConverted bool                `json:"accept_converted,omitempty"` // a grade converted from elsewhere counts
}

// Course is the required course: any of the codes, or, on a document that does not
// print one of them, the full name.
type Course struct {
	Codes []string `json:"codes"`
	Name  string   `json:"name"`
}

// Applicant is who the document must belong to.
type Applicant struct {
	Name string `json:"name"`
	NIM  string `json:"nim"`
}

// Duplicate is an earlier document of another student with the same bytes or the same rows.
type Duplicate struct {
	DocumentID string `json:"document_id"`
	NIM        string `json:"nim"`
	Same       string `json:"same"` // "file" or "rows"
}

// Outcome of a check.
type Outcome string

const (
	Pass  Outcome = "pass"
	Fail  Outcome = "fail"  // leads to rejected
	Doubt Outcome = "doubt" // leads to review
)

// Check is one question put to a reading, and its answer.
type Check struct {
	Name     string     `json:"name"` // e.g. "identity", "arithmetic", "course"
	Outcome  Outcome    `json:"outcome"`
	Reason   string     `json:"reason,omitempty"` // the reason of the label it leads to
	Detail   string     `json:"detail,omitempty"` // a sentence for a person
	Evidence []Evidence `json:"evidence,omitempty"`
}

// Evidence points at the place on the page that a check rests on.
type Evidence struct {
	Field    string         `json:"field"` // "name", "nim", "ipk", "rows[3].grade", ...
	Page     int            `json:"page,omitempty"`
	Box      transcript.Box `json:"box"`
	Read     string         `json:"read,omitempty"`
	Expected string         `json:"expected,omitempty"`
}

// Label is the conclusion of all checks: "verified", "rejected:<reason>" or "review:<reason>".
type Label string

// Verified is the only label without a reason.
const Verified Label = "verified"

// Rejected and Review make the labels with a reason.
func Rejected(reason string) Label { return Label("rejected:" + reason) }
func Review(reason string) Label   { return Label("review:" + reason) }

// Outcome is "verified", "rejected" or "review".
func (l Label) Outcome() string { o, _, _ := strings.Cut(string(l), ":"); return o }

// Reason is what stands behind the colon, "" for verified.
func (l Label) Reason() string { _, r, _ := strings.Cut(string(l), ":"); return r }

// Verdict is the conclusion with every check behind it.
type Verdict struct {
	Label      Label   `json:"label"`
	Confidence float64 `json:"confidence"` // 0 to 1
	Checks     []Check `json:"checks"`
	Policy     string  `json:"policy"` // version of these rules, PolicyVersion
}
