package projections

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"asprak/application"
)

// lastEvents bounds what a build takes in while the live models stand still for the switch.
const lastEvents = 8 * buildRead

// errFarBehind: the live models went on meanwhile; the build has to catch up first.
var errFarBehind = errors.New("projections: the build is too far behind the live models")

// Switch puts what was built in the place of the live tables of the model and its group, in
// one transaction and at the position at which they stand. These are kept: with back they
// are caught up and take their place again, and the others are kept.
func (s *Store) Switch(ctx context.Context, log application.Log, codec *application.Codec, model string, back bool, report func(BuildProgress)) error {
	p, err := s.beside(model, next)
	if err != nil {
		return err
	}
	err = s.changing(ctx, func(tx *sqlx.Tx) error {
		stored, err := modelRows(ctx, tx)
		if err != nil {
			return err
		}
		built, was := *p, &projector{models: p.models, suffix: prior}
		built.resume(stored)
		was.resume(stored)
		switch {
		case back && was.stage == absent && built.stage == absent:
			return ErrNothingBuilt
		case back && was.stage != absent && built.stage != absent:
			return fmt.Errorf("projections: model %s is being built as well; drop that first", model)
		case back && was.stage != absent:
			if err := move(ctx, tx, p.models, prior, next); err != nil {
				return err
			}
			if stored, err = modelRows(ctx, tx); err != nil {
				return err
			}
		case !back && was.stage != absent && built.stage != absent:
			return ErrPrior
		}
		p.resume(stored)
		switch p.stage {
		case absent:
			return ErrNothingBuilt
		case older, newer:
			return fmt.Errorf("projections: what stands beside model %s is of another version than this program's", model)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.replace(ctx, log, codec, p, report)
}

// replace catches the build up and switches to it.
func (s *Store) replace(ctx context.Context, log application.Log, codec *application.Codec, p *projector, report func(BuildProgress)) error {
	for {
		if err := s.fill(ctx, log, codec, p, report); err != nil {
			return err
		}
		if err := s.exchange(ctx, log, codec, p); !errors.Is(err, errFarBehind) {
			return err
		}
	}
}

// exchange switches from the live tables to those built beside. The live checkpoint is held
// meanwhile, so that the last events in between go into the build with the switch itself: who
// follows the log goes on from the same position, in the other tables.
func (s *Store) exchange(ctx context.Context, log application.Log, codec *application.Codec, p *projector) error {
	err := s.changing(ctx, func(tx *sqlx.Tx) error {
		for _, m := range p.models { // in the order in which a projector takes them
			if _, err := tx.Exec(tx.Rebind(`UPDATE models SET position = position WHERE name = ?`), m.name); err != nil {
				return err
			}
		}
		stored, err := modelRows(ctx, tx)
		if err != nil {
			return err
		}
		built := *p
		if built.resume(stored); built.position != p.position || built.stage != current {
			return ErrRebuilding
		}
		if err := s.catchUp(ctx, tx, log, codec, &built, target(stored, p)); err != nil {
			return err
		}
		if err := move(ctx, tx, p.models, "", prior); err != nil {
			return err
		}
		if err := move(ctx, tx, p.models, next, ""); err != nil {
			return err
		}
		if s.server == nil {
			return nil
		}
		_, err = tx.Exec(`SELECT pg_notify($1, '')`, s.server.channel)
		return err
	})
	if busy(err) {
		return errFarBehind
	}
	if err == nil {
		s.restart()
	}
	return err
}

// busy: the server let go of the change, as others hold the tables.
func busy(err error) bool {
	var refused *pq.Error
	return errors.As(err, &refused) && refused.Code == pqerror.LockNotAvailable
}

// restart lets a Run of this store take up the checkpoints anew.
func (s *Store) restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.again != nil {
		s.again()
	}
}

// catchUp takes in the last events before a switch, in its transaction.
func (s *Store) catchUp(ctx context.Context, tx *sqlx.Tx, log application.Log, codec *application.Codec, p *projector, upTo application.Position) error {
	b := s.batch(tx, codec, nil, p.renamer())
	taken := 0
	return p.between(ctx, log, codec, p.position, upTo, func(events []event) error {
		if taken += len(events); taken > lastEvents {
			return errFarBehind
		}
		done, err := p.runBeside(b, events)
		p.position, p.skipped = done.position, done.skipped
		return err
	})
}

// Build is a set of tables of one model.
type Build struct {
	Model    string
	Version  int
	Place    string // "live", "next" (built to take its place) or "prior" (live before the last switch)
	Position application.Position
	Skipped  int64 // events of unknown kinds that were passed over
}

// Builds lists what stands in the database, as it is there and not only of this program's models.
func (s *Store) Builds(ctx context.Context) ([]Build, error) {
	var rows []modelRow
	if err := s.read.SelectContext(ctx, &rows, `SELECT name, version, tables, position, prepare, skipped FROM models ORDER BY name`); err != nil {
		return nil, failure(err)
	}
	builds := make([]Build, len(rows))
	for i, row := range rows {
		builds[i] = Build{Model: row.Name, Version: row.Version, Place: "live", Position: row.place(), Skipped: row.Skipped}
		for _, suffix := range []string{next, prior} {
			if name, ok := strings.CutSuffix(row.Name, suffix); ok {
				builds[i].Model, builds[i].Place = name, suffix[1:]
			}
		}
	}
	return builds, nil
}
