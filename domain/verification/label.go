package verification

import "asprak/domain/transcript"

// The reasons of a review, and those of a rejection that are not a transcript.FileProblem.
const (
	NotAStudyResult  = "not_a_study_result"
	IdentityMismatch = "identity_mismatch"
	CourseMissing    = "course_missing"
	GradeBelowMin    = "grade_below_min"
	IPKBelowMin      = "ipk_below_min"
	SKSBelowMin      = "sks_below_min"
	SemesterBelowMin = "semester_below_min"

	ActiveContent     = "active_content"
	IdentityPartial   = "identity_partial"
	SuspectedEdit     = "suspected_edit"
	TextLayerMismatch = "text_layer_mismatch"
	Inconsistent      = "inconsistent"
	GradeUnreadable   = "grade_unreadable"
	GradePending      = "grade_pending"
	IPKMissing        = "ipk_missing"
	DuplicateDocument = "duplicate_document"
	LowConfidence     = "low_confidence"
)

// Labels lists every label that Judge gives.
func Labels() []Label {
	labels := []Label{Verified}
	for _, p := range []transcript.FileProblem{transcript.EmptyFile, transcript.WrongType, transcript.UnreadableFile, transcript.Encrypted,
		transcript.NoPages, transcript.TooManyPages, transcript.TooLargeUnpacked} {
		labels = append(labels, Rejected(string(p)))
	}
	for _, r := range []string{NotAStudyResult, IdentityMismatch, CourseMissing, GradeBelowMin, IPKBelowMin, SKSBelowMin, SemesterBelowMin} {
		labels = append(labels, Rejected(r))
	}
	for _, r := range []string{ActiveContent, IdentityPartial, SuspectedEdit, TextLayerMismatch, Inconsistent, GradeUnreadable, GradePending,
		IPKMissing, DuplicateDocument, LowConfidence} {
		labels = append(labels, Review(r))
	}
	return labels
}
