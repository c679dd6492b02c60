package verification

import "asprak/domain/transcript"

// The reasons that no file problem gives. They are the stable part of every label.
const (
	notAStudyResult   = "not_a_study_result"
	identityMismatch  = "identity_mismatch"
	courseMissing     = "course_missing"
	gradeBelowMin     = "grade_below_min"
	ipkBelowMin       = "ipk_below_min"
	sksBelowMin       = "sks_below_min"
	semesterBelowMin  = "semester_below_min"
	activeContent     = "active_content"
	identityPartial   = "identity_partial"
	suspectedEdit     = "suspected_edit"
	textLayerMismatch = "text_layer_mismatch"
	inconsistent      = "inconsistent"
	gradeUnreadable   = "grade_unreadable"
	gradePending      = "grade_pending"
	ipkMissing        = "ipk_missing"
	duplicateDocument = "duplicate_document"
	lowConfidence     = "low_confidence"
)

// Labels lists every label that a verdict can bear.
func Labels() []Label {
	labels := []Label{Verified}
	for _, problem := range []transcript.FileProblem{
		transcript.EmptyFile, transcript.WrongType, transcript.UnreadableFile, transcript.Encrypted,
		transcript.NoPages, transcript.TooManyPages, transcript.TooLargeUnpacked,
	} {
		labels = append(labels, Rejected(string(problem)))
	}
	for _, reason := range []string{notAStudyResult, identityMismatch, courseMissing, gradeBelowMin, ipkBelowMin, sksBelowMin, semesterBelowMin} {
		labels = append(labels, Rejected(reason))
	}
	for _, reason := range []string{activeContent, identityPartial, suspectedEdit, textLayerMismatch, inconsistent,
		gradeUnreadable, gradePending, ipkMissing, duplicateDocument, lowConfidence} {
		labels = append(labels, Review(reason))
	}
	return labels
}
