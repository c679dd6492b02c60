package projections

import (
	"context"
	"fmt"
)

// exportPage is how many rows are held at once: a reading may have a hundred kilobytes.
const exportPage = 200

// EachAudit hands over every row that the query selects, in the order of Audit, with the cursor
// behind it: that of Audit with the same filters. Limit does not count. Between pages nothing of the
// database is held, however long each takes; rows that come in meanwhile stand before the first and are not among them.
func (s *Store) EachAudit(ctx context.Context, q AuditQuery, each func(row AuditRow, cursor string) error) error {
	l := q.list()
	l.limit = exportPage
	for {
		query, args, err := l.statement()
		if err != nil {
			return err
		}
		var found []storedAudit
		if err := s.selectAll(ctx, &found, query, args...); err != nil {
			return err
		}
		for _, f := range found[:min(len(found), exportPage)] {
			row, err := f.row()
			if err != nil {
				return fmt.Errorf("projections: %w", err)
			}
			l.cursor = l.encode(f.keys(l))
			if err := each(row, l.cursor); err != nil {
				return err
			}
		}
		if len(found) <= exportPage {
			return nil
		}
	}
}
