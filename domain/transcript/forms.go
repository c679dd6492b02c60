package transcript

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// Forms are how documents write things: captions of columns and of fields by what they
// announce (see columnNames and fieldNames), and student numbers.
type Forms struct {
	Columns map[string][]string `json:"columns,omitempty"`
	Fields  map[string][]string `json:"fields,omitempty"`
	Pairs   []string            `json:"pairs,omitempty"` // captions that announce number and name at once
	NIMs    []NIMForm           `json:"nims,omitempty"`
}

var columnNames = map[string]columnKind{
	"index": indexColumn, "code": codeColumn, "name": nameColumn, "sks": sksColumn, "grade": gradeColumn, "weight": weightColumn, "points": pointsColumn,
	"score": numberColumn, "class": classColumn, "semester": semesterColumn, "history": historyColumn, "other": otherColumn,
}

var fieldNames = map[string]fieldKind{
	"name": nameField, "nim": nimField, "faculty": facultyField, "programme": programmeField, "university": universityField, "semester": semesterField,
	"year": yearField, "ips": ipsField, "ipk": ipkField, "average": averageField, "total_sks": totalSKSField, "sks": sksField, "cum_sks": cumSKSField,
	"total_points": totalPointsField, "cum_points": cumPointsField, "other": otherField,
}

// The headings and captions met on documents, Indonesian and English. Where one word serves
// two columns in the wild (Nilai, Bobot, Point), the content decides, see settle.
//
//go:embed forms.json
var formsJSON []byte

// formSet is what the process reads by.
type formSet struct {
	columns captions[columnKind]
	fields  captions[fieldKind]
	pairs   captions[fieldKind]
	nims    []NIMForm
	version string // "" of the forms that come with the program
}

func newFormSet(version string, all ...Forms) *formSet {
	set := &formSet{version: version}
	var columns []map[columnKind][]string
	var fields, pairs []map[fieldKind][]string
	for _, f := range all {
		columns, fields = append(columns, byKind(f.Columns, columnNames)), append(fields, byKind(f.Fields, fieldNames))
		pairs = append(pairs, map[fieldKind][]string{nimField: f.Pairs})
		set.nims = append(set.nims, f.NIMs...)
	}
	set.columns, set.fields, set.pairs = newCaptions(columns...), newCaptions(fields...), newCaptions(pairs...)
	return set
}

func byKind[K ~int](table map[string][]string, names map[string]K) map[K][]string {
	out := map[K][]string{}
	for name, list := range table {
		out[names[name]] = list
	}
	return out
}

var builtinForms = sync.OnceValue(func() Forms {
	f, err := LoadForms(bytes.NewReader(formsJSON))
	if err != nil {
		panic(err)
	}
	return f
})

var builtinFormSet = sync.OnceValue(func() *formSet { return newFormSet("", builtinForms()) })

// addedForms is the set with what AddForms made known; nil: nothing was.
var addedForms atomic.Pointer[formSet]

func forms() *formSet {
	if set := addedForms.Load(); set != nil {
		return set
	}
	return builtinFormSet()
}

// AddForms makes a university's own captions and student numbers known to the whole process,
// before the built-in ones: a caption that stands in both announces what the own one says. Call
// it at the start, as AddScales.
func AddForms(own Forms) {
	raw, err := json.Marshal(own)
	if err != nil {
		panic(err) // forms are plain data
	}
	sum := sha256.Sum256(raw)
	addedForms.Store(newFormSet("+forms."+hex.EncodeToString(sum[:4]), own, builtinForms()))
}

// LoadForms reads forms from a JSON object, so that a university can bring its own. It refuses
// unknown names, captions without a letter or digit or with two meanings, and student numbers
// without a university or with a pattern that LooksLikeNIM could not trust.
func LoadForms(r io.Reader) (Forms, error) {
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	var f Forms
	if err := dec.Decode(&f); err != nil {
		return Forms{}, fmt.Errorf("transcript: forms: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Forms{}, errors.New("transcript: forms: more text after the object")
	}
	if err := errors.Join(checkCaptions("column", f.Columns, columnNames), checkCaptions("field", f.Fields, fieldNames),
		checkCaptions("field", map[string][]string{"nim": f.Pairs}, fieldNames)); err != nil {
		return Forms{}, err
	}
	for i, n := range f.NIMs {
		if err := n.check(); err != nil {
			return Forms{}, fmt.Errorf("transcript: forms: student number %d: %w", i+1, err)
		}
	}
	return f, nil
}

func checkCaptions[K ~int](what string, table map[string][]string, names map[string]K) error {
	taken := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(table)) {
		if _, ok := names[name]; !ok {
			return fmt.Errorf("transcript: forms: there is no %s %q", what, name)
		}
		for _, caption := range table[name] {
			key := foldCaption(caption)
			if key == "" {
				return fmt.Errorf("transcript: forms: caption %q of %s %q has no letter or digit", caption, what, name)
			}
			if other, ok := taken[key]; ok && other != name {
				return fmt.Errorf("transcript: forms: caption %q stands under %s %q and %q", caption, what, other, name)
			}
			taken[key] = name
		}
	}
	return nil
}
