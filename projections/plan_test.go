package projections

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"asprak/domain"
)

// A query that scans a table or sorts what it found gets slower with every row.
var slow = regexp.MustCompile(`SCAN \w+$|TEMP B-TREE`)

func TestQueries_Plans_WalkIndexes(t *testing.T) {
	s := openStore(t, sqlitePlace(t))
	aStory(t).feed(s)
	walkIndexes(t, func(query string, args ...any) {
		t.Helper()
		rows, err := s.read.Queryx("EXPLAIN QUERY PLAN "+query, args...)
		require.NoError(t, err, query)
		defer rows.Close()
		steps := 0
		for rows.Next() {
			row, err := rows.SliceScan()
			require.NoError(t, err)
			steps++
			require.NotRegexp(t, slow, row[3], query)
		}
		require.NoError(t, rows.Err())
		require.NotZero(t, steps)
	})
}

// The planner prefers to scan and sort a few rows; where it was told not to, it does so only
// when no index gives the order.
func TestQueries_PlansOfPostgres_WalkIndexes(t *testing.T) {
	s := openStore(t, postgresPlace(t)+"&enable_seqscan=off&enable_sort=off&enable_bitmapscan=off&enable_hashjoin=off&enable_mergejoin=off")
	aStory(t).feed(s)
	walkIndexes(t, func(query string, args ...any) {
		t.Helper()
		var steps []string
		require.NoError(t, s.read.Select(&steps, "EXPLAIN "+s.read.Rebind(query), args...), query)
		require.NotEmpty(t, steps)
		for _, step := range steps {
			require.NotRegexp(t, `Seq Scan|Sort  \(`, step, query)
		}
	})
}

func walkIndexes(t *testing.T, check func(query string, args ...any)) {
	now, limited := time.Now(), domain.Extent{Departments: []string{"x"}, Openings: []uuid.UUID{opening1}}
	lists := []list{
		StaffQuery{}.list(), OpeningQuery{Within: &limited}.list(), ReviewQuery{Within: &limited}.list(), AuditQuery{Within: &limited}.list(), AuditQuery{Within: &limited, Actor: "x"}.list(),
		OpeningQuery{}.list(), OpeningQuery{State: "open"}.list(), OpeningQuery{Term: "x"}.list(), OpeningQuery{Department: "x"}.list(), OpeningQuery{State: "open", Term: "x", Department: "x"}.list(),
		ReviewQuery{}.list(), ReviewQuery{OpeningID: "x"}.list(), ReviewQuery{Reason: "x"}.list(), ReviewQuery{OpeningID: "x", Reason: "x"}.list(),
		AuditQuery{}.list(), AuditQuery{Actor: "x"}.list(), AuditQuery{Type: "x"}.list(), AuditQuery{Stream: "x"}.list(), AuditQuery{CorrelationID: "x"}.list(),
		AuditQuery{From: &now, To: &now}.list(), AuditQuery{Actor: "x", From: &now}.list(), AuditQuery{Actor: "x", Type: "x", Stream: "x"}.list(),
	}
	for _, q := range []ApplicationQuery{{}, {OpeningID: "x"}, {State: "x"}, {OpeningID: "x", State: "x"}, {ApplicantID: "x"}, {ApplicantID: "x", State: "x"}, {NIM: "1"},
		{Programme: "x"}, {Verdict: "x"}, {DecidedBy: "person"}, {DecidedBy: "machine"}, {Programme: "x", Verdict: "x", DecidedBy: "machine", State: "x"},
		{Search: "bu"}, {Search: "bu sa"}, {Search: "21"}} {
		for _, q.Sort = range []string{"", "submitted", "name", "nim"} {
			lists = append(lists, q.lists(nil)...)
			// Several walks are sorted together, a page of each: each is like that of one opening.
			if several := q.lists([]string{"x", "y"}); several[0].of == "" {
				lists = append(lists, several...)
			}
			q.OpeningID, q.Within = "x", &limited
			lists = append(lists, q.lists(nil)...)
		}
	}
	for _, l := range lists {
		query, args, err := l.statement()
		require.NoError(t, err)
		check(query, args...)
		values := make([]any, len(l.order))
		for i := range values {
			values[i] = 1
		}
		l.cursor = l.encode(values)
		query, args, err = l.statement()
		require.NoError(t, err)
		check(query, args...)
	}
	check(openingsOfTerm, "x")
	check(openingsOfWord, "x", "y")
	check(openingSelection+" WHERE id = ?", "x")
	check(applicationSelection+" WHERE id = ?", "x")
	check(documentColumns+documentTables+" WHERE d.application_id = ? ORDER BY d.uploaded", "x")
	check(documentColumns+", d.verdict, r.reading"+documentTables+" WHERE d.id = ? AND d.application_id = ?", "x", "x")
	check(roleAt, "x", 1)
	for _, of := range []string{chainStart, chainOfStream, chainOfCorrelation} {
		check(auditSelection+fmt.Sprintf(of, ""), "x", 10)
		condition, args := streamsOf(&limited)
		check(auditSelection+fmt.Sprintf(of, " AND "+condition), append(append([]any{"x"}, args...), 10)...)
	}
	check(sameFile, "x", "x", 1, 1, 20)
	check(sameRows, "x", "x", 1, 1, 20)
	check(earlierReading, "x", "x", "x", 1, 1)
	check(unreadOfAll)
	check(unreadOfOne, "x")
	check(statisticTotals, everyOpening, 1, 2)
	check(statisticDays, everyOpening, 1, 2)
	check(queueLength)
	check(queueLength+" WHERE opening_id = ?", "x")
	check(fmt.Sprintf(queueSince, ""), 1)
	check(fmt.Sprintf(queueSince, " WHERE opening_id = ?"), "x", 1)
	counts, args, err := sqlx.In(applicationCounts, []string{"x", "y"})
	require.NoError(t, err)
	check(counts, args...)
}

func TestSchema_Types_AreThoseThatDatabasesShare(t *testing.T) {
	for _, p := range newProjectors() {
		for _, m := range p.models {
			for _, statement := range m.schema {
				for _, word := range []string{"INTEGER", "BLOB", "DATETIME", "AUTOINCREMENT", "WITHOUT ROWID", "strftime", "json_"} {
					require.NotContains(t, strings.ToUpper(statement), strings.ToUpper(word), m.name)
				}
			}
		}
	}
}
