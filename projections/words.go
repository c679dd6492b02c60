package projections

import (
	"slices"
	"strings"
)

// words are the different words of a normalised text, sorted.
func words(text string) []string {
	return slices.Compact(slices.Sorted(slices.Values(strings.Fields(text))))
}

// storeWords keeps the words of an application's name, each with how much of it an earlier one
// of the same name begins with: a search for the beginning of both finds the earlier only.
func storeWords(b *batch, f *fold, name string) error {
	if f.stored && !f.renamed {
		return nil
	}
	for _, word := range words(f.name) {
		if _, err := b.exec(`DELETE FROM application_words WHERE word = ? AND created = ?`, word, f.created); err != nil {
			return err
		}
	}
	last := ""
	for _, word := range words(name) {
		_, err := b.exec(`INSERT INTO application_words (word, created, application_id, shared) VALUES (?, ?, ?, ?)`, word, f.created, f.id.String(), common(last, word))
		if err != nil {
			return err
		}
		last = word
	}
	return nil
}

// common is how many bytes two texts begin with alike. Of sorted texts a word has the most in
// common with the one before it.
func common(x, y string) int {
	n := 0
	for n < len(x) && n < len(y) && x[n] == y[n] {
		n++
	}
	return n
}

const wordSelection = `SELECT w.word, w.created, id, opening_id, applicant_id, applicant, name_key, nim_key, status, reason, submission, document_id, label, decided_by,
	submitted_at, updated_at, revision, position, prepare FROM application_words w JOIN applications ON id = w.application_id`

// searchNames finds names with a word that begins so for each of the words: along the longest,
// as the least begin like that.
func (l *list) searchNames(sought []string) {
	l.selection = wordSelection
	l.order, l.descending = []key{{"w.word", false}, {"w.created", true}}, false
	if len(sought) == 0 {
		l.filter("1 = 0") // no word begins with what none can hold
		return
	}
	longest := slices.MaxFunc(sought, func(x, y string) int { return len(x) - len(y) })
	l.beginning("w.word", longest)
	l.filter("w.shared < ?", len(longest))
	for _, word := range sought {
		if word != longest {
			l.filter("' ' || name_key LIKE ?", "% "+word+"%") // letters and digits only
		}
	}
}
