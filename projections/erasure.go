package projections

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"asprak/application"
	"asprak/domain"
	"asprak/domain/transcript"
)

// What an application told of a person goes from the rows when it is erased: they are then as they would be
// had they been built from the log without the key.

// eraseDocuments brings the rows of an erased application's documents to where the fold has them.
func eraseDocuments(b *batch, f *fold) error {
	for _, d := range f.now.Documents {
		var verdict, override any
		var err error
		if d.Verdict != nil {
			if verdict, err = toJSON(d.Verdict); err != nil {
				return err
			}
		}
		if d.Override != nil {
			if override, err = toJSON(d.Override); err != nil {
				return err
			}
		}
		if err := concludeDocument(b, f, d.ID, `nim = '', nim_key = '', file_name = '', sha256 = ?, verdict = ?, override = ?`, d.SHA256, verdict, override); err != nil {
			return err
		}
		if err := eraseReadings(b, d); err != nil {
			return err
		}
	}
	return nil
}

func eraseReadings(b *batch, d domain.SubmittedDocument) error {
	statement, err := b.statement(`SELECT attempt, reading FROM readings WHERE document_id = ?`)
	if err != nil {
		return err
	}
	var stored []struct {
		Attempt int    `db:"attempt"`
		Reading string `db:"reading"`
	}
	if err := statement.Select(&stored, d.ID.String()); err != nil {
		return err
	}
	for _, r := range stored {
		var reading transcript.Reading
		if err := json.Unmarshal([]byte(r.Reading), &reading); err != nil {
			return err
		}
		reading = domain.ErasedReading(reading)
		text, err := toJSON(reading)
		if err != nil {
			return err
		}
		if _, err := b.exec(`UPDATE readings SET sha256 = ?, rows_key = ?, reading = ? WHERE document_id = ? AND attempt = ?`,
			d.SHA256, transcript.RowsKey(reading), text, d.ID.String(), r.Attempt); err != nil {
			return err
		}
	}
	return nil
}

// erase takes from the rows of an application, and from the awards of its opening, what they told of the person.
func (a *audit) erase(e event) error {
	if err := a.flush(); err != nil {
		return err
	}
	rows, err := a.rowsOf(e.record.Stream, "")
	if err != nil {
		return err
	}
	delete(a.b.begun, e.record.Stream)
	var opening uuid.UUID
	for _, row := range rows {
		if row.event == nil {
			continue
		}
		if submitted, ok := row.event.(*domain.ApplicationSubmitted); ok {
			opening = submitted.OpeningID
		}
		left := row.left(e.kind)
		if err := a.rewrite(row, left); err != nil {
			return err
		}
		a.remember(left)
	}
	stream := "opening-" + opening.String()
	if rows, err = a.rowsOf(stream, "SeatAwarded"); err != nil {
		return err
	}
	for _, row := range rows {
		if award, ok := row.event.(*domain.SeatAwarded); ok && award.ApplicationID == e.id {
			if err := a.rewrite(row, row.left(openingStream)); err != nil {
				return err
			}
		}
	}
	return nil
}

// eraseLate takes from an award what it tells of a person whose application was erased while it was recorded.
func (a *audit) eraseLate(e *event, award *domain.SeatAwarded) error {
	if err := a.flush(); err != nil {
		return err
	}
	erased := 0
	if _, err := a.b.get(&erased, `SELECT count(*) FROM audit WHERE stream = ? AND type = 'ApplicationErased'`, "application-"+award.ApplicationID.String()); err != nil {
		return err
	}
	if erased > 0 {
		e.event = award.Erased()
	}
	return nil
}

// erasedRow is a row with its event, nil for one that this program does not know.
type erasedRow struct {
	storedAudit
	event domain.Event
}

// rowsOf are the rows of a stream in order; "" for those of every type.
func (a *audit) rowsOf(stream, kind string) ([]erasedRow, error) {
	query, values := auditSelection+` WHERE stream = ?`, []any{stream}
	if kind != "" {
		query, values = query+` AND type = ?`, append(values, kind)
	}
	statement, err := a.b.statement(query + ` ORDER BY position, prepare`)
	if err != nil {
		return nil, err
	}
	var stored []storedAudit
	if err := statement.Select(&stored, values...); err != nil {
		return nil, err
	}
	rows := make([]erasedRow, len(stored))
	for i, s := range stored {
		rows[i].storedAudit = s
		if !s.Known {
			continue
		}
		if rows[i].event, _, err = a.b.codec.Decode(application.Record{Stream: stream, Type: s.Type, Data: []byte(s.Data), Metadata: []byte("{}")}); err != nil {
			return nil, fmt.Errorf("earlier event: %w", err)
		}
	}
	return rows, nil
}

// left is what is left of the event.
func (r erasedRow) left(kind streamKind) event {
	e := event{record: application.Record{Stream: r.Stream, Revision: r.Revision}, kind: kind, event: r.event}
	if personal, ok := r.event.(domain.Personal); ok {
		e.event = personal.Erased()
	}
	return e
}

func (a *audit) rewrite(row erasedRow, e event) error {
	does, reason := describe(e.event)
	was, became, err := a.changes(e)
	if err != nil {
		return err
	}
	data, err := toJSON(e.event)
	if err != nil {
		return err
	}
	_, err = a.b.exec(`UPDATE audit SET sentence = ?, reason = ?, was = ?, became = ?, data = ? WHERE occurred_at = ? AND position = ? AND prepare = ?`,
		who(domain.Actor{ID: row.ActorID, Role: domain.Role(row.ActorRole)})+" "+does, reason, was, became, data, row.OccurredAt, row.Commit, row.Prepare)
	return err
}

func erases(events []event) bool {
	return slices.ContainsFunc(events, func(e event) bool {
		_, erased := e.event.(*domain.ApplicationErased)
		return erased
	})
}

// dropPrior removes the tables that were live before the last switch: they do not follow the log, and so would
// keep what is erased.
func (s *Store) dropPrior(tx *sqlx.Tx) error {
	for _, p := range s.projectors {
		dropped, err := dropTables(context.Background(), tx, p, prior)
		if err != nil {
			return err
		}
		if dropped > 0 {
			s.logger.Warn("the tables before the last switch are dropped, as they would keep what was erased", "model", p.models[0].name)
		}
	}
	return nil
}

// wipePause is between two tries to wipe the file.
const wipePause = 200 * time.Millisecond

// noteErasure leaves in the file, with the rows, that it has to be wiped.
func (s *Store) noteErasure(tx *sqlx.Tx) error {
	if s.server != nil {
		return nil
	}
	noted := 0
	if err := tx.Get(&noted, `PRAGMA user_version`); err != nil {
		return err
	}
	_, err := tx.Exec(fmt.Sprintf(`PRAGMA user_version = %d`, noted+1))
	return err
}

// wipe wipes the file after erasures, until ctx ends: SQLite leaves copies of rows behind, in free space of pages and in the
// write-ahead log. The file is written anew for that, which stops who follows the log, so it takes a tenth of the time at
// most. A server does so by its own rules.
func (s *Store) wipe(ctx context.Context) {
	for ctx.Err() == nil && s.server == nil {
		began := time.Now()
		due, err := s.wipeFile(ctx)
		switch {
		case err != nil && !locked(err) && ctx.Err() == nil:
			s.logger.Error("the file of the read models could not be wiped after an erasure; it is tried again", "error", err)
			sleep(ctx, lastDelay)
		case due || err != nil:
			sleep(ctx, max(wipePause, 10*time.Since(began)))
		default:
			select {
			case <-s.erased:
			case <-ctx.Done():
			}
		}
	}
}

// wipeFile tells whether it has to be called again.
func (s *Store) wipeFile(ctx context.Context) (due bool, err error) {
	noted := 0
	if err := s.wiper.GetContext(ctx, &noted, `PRAGMA user_version`); err != nil || noted == 0 {
		return err == nil && noted > 0, err
	}
	if _, err := s.wiper.ExecContext(ctx, `VACUUM`); err != nil {
		return true, err
	}
	var busy, pages, carried int
	if err := s.wiper.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &pages, &carried); err != nil || busy != 0 {
		return true, err
	}
	tx, err := s.wiper.BeginTxx(ctx, nil)
	if err != nil {
		return true, err
	}
	defer tx.Rollback()
	now := 0
	if err := tx.Get(&now, `PRAGMA user_version`); err != nil || now != noted {
		return true, err // more was erased meanwhile
	}
	if _, err := tx.Exec(`PRAGMA user_version = 0`); err != nil {
		return true, err
	}
	return false, tx.Commit()
}
