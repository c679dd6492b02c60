package transcript

import (
	"math"
	"slices"
	"strings"
)

// LayoutVersion names the layout rules. It changes whenever Read may answer differently
// for the same words.
const LayoutVersion = "8"

// Read turns words on pages into a reading. It never fails: what it does not find is nil,
// and a file with a Problem gives a reading with nothing but that.
func Read(file File) Reading {
	return gather(file).settle(nil)
}

// gathered is what stands on the pages of a file, before the numbers are settled.
type gathered struct {
	reading Reading // but for rows and sums
	sheets  []*sheet
	body    body
	found   []sighting
	blanks  []blank
}

func gather(file File) gathered {
	g := gathered{reading: Reading{Problem: file.Problem, Detail: file.Detail, Type: file.Type, Active: file.Active,
		Traces: slices.Clone(file.Traces), Kind: NotStudyResult, Layout: RulesVersion()}}
	if file.Problem != "" {
		return g
	}
	r := &g.reading
	for _, p := range file.Pages[:min(len(file.Pages), maxPages)] {
		s := newSheet(p)
		g.sheets = append(g.sheets, s)
		r.Pages = append(r.Pages, s.info)
	}
	g.body = readBody(g.sheets)
	for i, s := range g.sheets {
		readIdentity(r, s, g.body.tops[i])
		sightings, unread := sightingsOf(s)
		g.found, g.blanks = append(g.found, sightings...), append(g.blanks, unread...)
	}
	if len(g.sheets) > 0 {
		guessIdentity(r, g.sheets[0], g.body.tops[0])
	}
	mendNumberOf(r.NIM, r.university())
	return g
}

func (r *Reading) university() string {
	if r.University == nil {
		return ""
	}
	return r.University.Value
}

// settle makes the numbers one reading, with what another look at the same pages showed, if
// there was one.
func (g gathered) settle(other *look) Reading {
	r := g.reading
	if r.Problem != "" {
		return r
	}
	r.Rows = cloned(g.body.rows)
	if other == nil {
		codebookOf(r.Rows).mend(r.Rows)
	} else {
		again := cloned(other.rows)
		codes := codebookOf(r.Rows, again)
		codes.mend(r.Rows)
		codes.mend(again)
		r.Rows = joined(r.Rows, again, other.total, codes)
		codes.mendSequence(r.Rows)
		r.completeIdentity(other.reading)
	}
	trustHistory(r.Rows)
	unifyHalves(r.Rows, r.university())
	fit := scalesOf(r.Rows, r.university())
	r.Scale = agreed(fit)
	r.Kind = kindOf(g.sheets, &r, g.body, g.found)
	switch r.Kind {
	case NotStudyResult:
		r.Rows = nil
	case Transcript:
		r.AcademicYear, r.SemesterLabel = nil, nil // those on the page are of one term among many
	}
	r.Traces = append(slices.Clone(r.Traces), foreignType(r.Rows, g.sheets)...)
	sums := func() {
		settleSums(&r, g.found, g.body.sums)
		if other != nil {
			r.completeSums(other.reading)
		}
	}
	sums()
	resolve(r.Rows, fit, printedOf(&r))
	sums()
	r.Traces = append(r.Traces, missingAverage(&r, g.blanks)...)
	r.Confidence = confidenceOf(&r)
	if r.Kind == NotStudyResult {
		r.Confidence = legibility(g.sheets)
	}
	return r
}

// body is what the tables of all pages hold.
type body struct {
	rows   []Row
	sums   []sumRow
	tops   []float64 // per page, where the first table begins
	tables int
}

func readBody(sheets []*sheet) body {
	var b body
	var before []table
	var beforeWidth float64
	for _, s := range sheets {
		scale := 1.0
		if beforeWidth > 0 && s.info.Width > 0 {
			scale = s.info.Width / beforeWidth
		}
		tables := tablesOf(s, before, scale)
		top := math.Inf(1)
		var rows []Row
		var sums []sumRow
		graded := false
		grids := make([]grid, len(tables))
		for k := range tables {
			grids[k] = tables[k].grid(s)
		}
		settleAlike(tables, grids)
		for k := range tables {
			t := &tables[k]
			drafts := t.rows(s, k, grids[k].cells)
			sums = append(sums, grids[k].sums...)
			if !math.IsInf(t.top, 0) {
				top = min(top, t.top)
				b.tables++
			}
			graded = graded || slices.ContainsFunc(t.columns, func(c column) bool { return c.kind == gradeColumn })
			bilingual := t.bilingual && mostlyPaired(drafts)
			for i := range drafts {
				rows = append(rows, drafts[i].row(bilingual))
			}
		}
		headed := len(tables) > 0
		if !headed || graded {
			if guessed := guessRows(s); completeRows(guessed)*2 > completeRows(rows)*3 {
				rows = guessed
			}
		}
		rows = slices.DeleteFunc(rows, func(r Row) bool {
			return r.Grade == nil || r.Code == nil && r.Name == nil || r.Grade.Value == "" && r.SKS == nil && r.Weight == nil && r.Points == nil
		})
		if len(rows) > 0 && math.IsInf(top, 1) {
			top = rows[0].Box.Y0 - s.h
		}
		b.rows = append(b.rows, rows...)
		b.sums = append(b.sums, sums...)
		b.tops = append(b.tops, top)
		if headed {
			before, beforeWidth = lastTables(tables), s.info.Width
		}
	}
	return b
}

// lastTables are the tables that may go on over the page: the lowest and those beside it.
func lastTables(tables []table) []table {
	last := tables[len(tables)-1]
	return slices.Clone(slices.DeleteFunc(slices.Clone(tables), func(t table) bool { return t.top != last.top }))
}

// mostlyPaired reports whether course names stand in two languages, one below the other.
func mostlyPaired(drafts []draft) bool {
	pairs := 0
	for i := range drafts {
		ts := drafts[i].cells[nameColumn]
		if len(firstHalf(ts)) < len(ts) {
			pairs++
		}
	}
	return pairs*10 > len(drafts)*7
}

func guessRows(s *sheet) []Row {
	var out []Row
	for i := range s.lines {
		l := &s.lines[i]
		if len(l.tokens) > 30 || isSumLine(l.tokens, s.h) {
			continue
		}
		if d, ok := draftOf(l); ok {
			r := d.row(false)
			if r.Grade != nil && r.Grade.Value != "" {
				r.Grade.Confidence *= 0.9
				out = append(out, r)
			}
		}
	}
	return out
}

func completeRows(rows []Row) int {
	n := 0
	for i := range rows {
		if rows[i].complete() {
			n++
		}
	}
	return n
}

var (
	khsTitles        = []string{"KARTUHASIISTUDI", "HASIISTUDI", "KHS", "STUDYRESUIT", "SEMESTERREPORT", "GRADEREPORT", "IAPORANHASIISTUDI"}
	transcriptTitles = []string{"TRANSKRIP", "TRANSCRIPT", "RIWAYATAKADEMIS", "RIWAYATAKADEMIK", "ACADEMICHISTORY", "DAFTARNIIAI", "RIWAYATNIIAI", "ACADEMICRECORD", "KUMPUIANNIIAI", "ACADEMICTRANSCRIPT", "TEMPORARYTRANSCRIPT", "UNOFFICIAITRANSCRIPT", "PROVISIONAITRANSCRIPT"}
	planTitles       = []string{"KARTURENCANASTUDI", "RENCANASTUDI", "KRS", "STUDYPIAN"}
)

// kindOf tells the kind by the title and the rows. Without a graded row a document is a
// study result only when its title says so and no title of a study plan does.
func kindOf(sheets []*sheet, r *Reading, b body, found []sighting) Kind {
	title := NotStudyResult
	plan := false
	for _, s := range sheets {
		for i := range s.lines {
			for _, seg := range segments(&s.lines[i], 2.5*s.h) {
				text := joinFold(seg)
				if len(seg) > 9 || strings.ContainsAny(joinTokens(seg), "_@") || strings.Contains(text, "PDF") {
					continue
				}
				plan = plan || startsWithAny(text, planTitles)
				if title != NotStudyResult {
					continue
				}
				if startsWithAny(text, transcriptTitles) {
					title = Transcript
				} else if startsWithAny(text, khsTitles) {
					title = KHS
				}
			}
		}
	}
	graded := 0
	for _, row := range r.Rows {
		if row.Grade != nil && (row.Grade.Value != "" || row.SKS != nil) {
			graded++
		}
	}
	switch {
	case graded == 0 && plan, graded < enough(b) && title == NotStudyResult && (plan || !speaksOfResults(sheets)):
		return NotStudyResult
	case title != NotStudyResult:
		return title
	case b.tables > 2 || len(r.Rows) > 14:
		return Transcript
	case sees(found, ipkField) && !sees(found, ipsField) && !sees(found, averageField):
		return Transcript // a card of one semester tells its average
	}
	return KHS
}

func sees(found []sighting, kind fieldKind) bool {
	return slices.ContainsFunc(found, func(s sighting) bool { return s.kind == kind })
}

// enough is the number of graded rows that make an untitled document a study result. Rows
// guessed from lines alone could be anything.
func enough(b body) int {
	if b.tables > 0 {
		return 1
	}
	return 3
}

// speaksOfResults reports whether words that only study results use stand on the pages,
// although no row could be read.
func speaksOfResults(sheets []*sheet) bool {
	kinds := map[fieldKind]bool{}
	for _, s := range sheets {
		for i := range s.lines {
			for _, f := range forms().fields.match(s.lines[i].tokens[:min(len(s.lines[i].tokens), 60)], s.gap) {
				switch f.kind {
				case ipkField, ipsField, cumSKSField, totalSKSField, cumPointsField:
					kinds[f.kind] = true
				}
			}
		}
	}
	return len(kinds) > 1
}

func startsWithAny(s string, titles []string) bool {
	return slices.ContainsFunc(titles, func(t string) bool { return strings.HasPrefix(s, t) && len(s) < len(t)+40 })
}
