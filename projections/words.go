package projections

import (
	"cmp"
	"slices"
	"strings"
)

// words are the different words of a normalised text, sorted.
func words(text string) []string {
	return slices.Compact(slices.Sorted(slices.Values(strings.Fields(text))))
}

// turns are a normalised name from each of its words on, followed by the words before it, sorted.
func turns(name string) []string {
	parts := strings.Fields(name)
	all := make([]string, len(parts))
	for i := range parts {
		all[i] = strings.Join(slices.Concat(parts[i:], parts[:i]), " ")
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// storeTurns keeps the turns of an application's name, each with how much of it an earlier one
// begins with: a search for the beginning of both finds the earlier only.
func storeTurns(b *batch, f *fold, name string) error {
	if f.stored && !f.renamed {
		return nil
	}
	for _, turn := range turns(f.name) {
		if _, err := b.exec(`DELETE FROM application_names WHERE turn = ? AND created = ?`, turn, f.created); err != nil {
			return err
		}
	}
	last := ""
	for _, turn := range turns(name) {
		_, err := b.exec(`INSERT INTO application_names (turn, created, application_id, shared) VALUES (?, ?, ?, ?)`, turn, f.created, f.id.String(), common(last, turn))
		if err != nil {
			return err
		}
		last = turn
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

const nameSelection = `SELECT n.turn, n.created, id, opening_id, applicant_id, applicant, name_key, nim_key, status, reason, submission, document_id, label, decided_by,
	submitted_at, updated_at, revision, position, prepare FROM application_names n JOIN applications ON id = n.application_id`

// soughtWords are the words of a normalised text that no other of them begins with: a name with the
// other has this one too.
func soughtWords(text string) []string {
	var sought []string
	all := strings.Fields(text)
	for i, word := range all {
		if !slices.ContainsFunc(all[i+1:], func(other string) bool { return strings.HasPrefix(other, word) }) &&
			!slices.ContainsFunc(sought, func(other string) bool { return strings.HasPrefix(other, word) }) {
			sought = append(sought, word)
		}
	}
	return sought
}

// searchNames finds names in which the words follow each other, the last of them perhaps
// only begun. The first word of a name follows the last.
func (l *list) searchNames(sought []string) {
	l.selection = nameSelection
	l.order, l.descending = []key{{"n.turn", false}, {"n.created", true}}, false
	text := strings.Join(sought, " ")
	l.beginning("n.turn", text)
	l.filter("n.shared < ?", len(text))
}

// searchScattered finds the other names in which each of the words begins one. It walks along
// those with the longest word, and looks for the others in the index.
func (l *list) searchScattered(sought []string) {
	longest := slices.MaxFunc(sought, func(x, y string) int { return cmp.Compare(len(x), len(y)) })
	l.searchNames([]string{longest})
	for _, word := range sought {
		if word != longest {
			l.filter("n.turn LIKE ?", "% "+word+"%")
		}
	}
	l.filter("' ' || n.turn || ' ' || n.turn NOT LIKE ?", "% "+strings.Join(sought, " ")+"%")
}
