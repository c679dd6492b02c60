package projections

import (
	"slices"
	"strings"
)

// words are the different words of a normalised text, sorted.
func words(text string) []string {
	return slices.Compact(slices.Sorted(slices.Values(strings.Fields(text))))
}

// endings are a normalised name from each of its words on, sorted.
func endings(name string) []string {
	parts := strings.Fields(name)
	all := make([]string, len(parts))
	for i := range parts {
		all[i] = strings.Join(parts[i:], " ")
	}
	slices.Sort(all)
	return all
}

// storeEndings keeps the endings of an application's name, each with how much of it an earlier one
// begins with: a search for the beginning of both finds the earlier only.
func storeEndings(b *batch, f *fold, name string) error {
	if f.stored && !f.renamed {
		return nil
	}
	for _, ending := range endings(f.name) {
		if _, err := b.exec(`DELETE FROM application_names WHERE ending = ? AND created = ?`, ending, f.created); err != nil {
			return err
		}
	}
	last := ""
	for _, ending := range endings(name) {
		_, err := b.exec(`INSERT INTO application_names (ending, created, application_id, shared) VALUES (?, ?, ?, ?)`, ending, f.created, f.id.String(), common(last, ending))
		if err != nil {
			return err
		}
		last = ending
	}
	return nil
}

// common is how many bytes two texts begin with alike. Of sorted texts one has the most in
// common with the one before it.
func common(x, y string) int {
	n := 0
	for n < len(x) && n < len(y) && x[n] == y[n] {
		n++
	}
	return n
}

const nameSelection = `SELECT n.ending, n.created, id, opening_id, applicant_id, applicant, name_key, nim_key, status, reason, submission, document_id, label, decided_by,
	submitted_at, updated_at, revision, position, prepare FROM application_names n JOIN applications ON id = n.application_id`

// searchNames finds names in which the words follow each other, the last of them perhaps
// only begun.
func (l *list) searchNames(sought string) {
	l.selection = nameSelection
	l.order, l.descending = []key{{"n.ending", false}, {"n.created", true}}, false
	l.beginning("n.ending", sought)
	l.filter("n.shared < ?", len(sought))
}
