package projections

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"asprak/application"
)

// Models of one projector are built, switched and dropped together. Beside the live tables
// there may stand those that are built to take their place, and those that had it before;
// tables and rows of models alike have a suffix then.
const (
	next  = "_next"
	prior = "_prior"
)

var (
	// ErrNoModel: no model has this name.
	ErrNoModel = errors.New("projections: no such model")
	// ErrPrior: what was live before the last switch is still there; drop it, or switch back to it.
	ErrPrior = errors.New("projections: the tables before the last switch are still there; drop them first")
	// ErrNothingBuilt: there is nothing to switch to, or to drop.
	ErrNothingBuilt = errors.New("projections: nothing stands beside the live tables")
	// ErrRebuilding: another process builds the same model.
	ErrRebuilding = errors.New("projections: another process builds this model")
)

// BuildProgress tells of a build that is under way.
type BuildProgress struct {
	Events   int                  // taken in by this call
	Position application.Position // up to which the build has come
	Target   application.Position // where it has to come to
}

// Groups names the models in the groups that are built together.
func Groups() [][]string {
	var groups [][]string
	for _, p := range newProjectors() {
		var names []string
		for _, m := range p.models {
			names = append(names, m.name)
		}
		groups = append(groups, names)
	}
	return groups
}

// Rebuild builds the model, and those of its group, anew beside the live ones, from the start
// of the log or from where an earlier call came to, up to where the live ones stand. They
// answer and are followed meanwhile, by this process or another. It touches nothing but its
// tables: no reaction, notice or waiting query learns of it. Each transaction is followed by
// a report.
func (s *Store) Rebuild(ctx context.Context, log application.Log, codec *application.Codec, model string, report func(BuildProgress)) error {
	p, err := s.beside(model, next)
	if err != nil {
		return err
	}
	if err := s.begin(ctx, p, false); err != nil {
		return err
	}
	return s.fill(ctx, log, codec, p, report)
}

// Drop removes what stands beside the live tables of the model and its group.
func (s *Store) Drop(ctx context.Context, model string) error {
	p, err := s.beside(model, next)
	if err != nil {
		return err
	}
	return s.changing(ctx, func(tx *sqlx.Tx) error {
		dropped := 0
		for _, suffix := range []string{next, prior} {
			n, err := dropTables(ctx, tx, p, suffix)
			if err != nil {
				return err
			}
			dropped += n
		}
		if dropped == 0 {
			return ErrNothingBuilt
		}
		return nil
	})
}

// beside is a projector of the model's group for tables of the suffix.
func (s *Store) beside(model, suffix string) (*projector, error) {
	for _, p := range s.projectors {
		if p.fills(model) {
			return &projector{models: p.models, kind: p.kind, begin: p.begin, suffix: suffix}, nil
		}
	}
	return nil, fmt.Errorf("%w: %q", ErrNoModel, model)
}

// changing runs a change of tables in one transaction. On a server it waits for locks for a
// short time only: whoever reads a table would have to wait behind it.
func (s *Store) changing(ctx context.Context, change func(*sqlx.Tx) error) error {
	tx, err := s.write.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if s.server != nil {
		if _, err := tx.Exec(`SET LOCAL lock_timeout = '2s'`); err != nil {
			return err
		}
		if _, err := tx.Exec(`SELECT pg_advisory_xact_lock($1)`, s.server.lock+1); err != nil {
			return err
		}
	}
	if err := change(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// begin makes the tables of a build, or takes up those that are there. What stands beside of
// another version is of no use to it. Anew, tables of this version that were live before
// are taken up as well, and others dropped.
func (s *Store) begin(ctx context.Context, p *projector, anew bool) error {
	return s.changing(ctx, func(tx *sqlx.Tx) error {
		stored, err := modelRows(ctx, tx)
		if err != nil {
			return err
		}
		was := &projector{models: p.models, suffix: prior}
		was.resume(stored)
		switch {
		case was.stage == absent:
		case !anew:
			return ErrPrior
		case was.stage == current:
			if _, err := dropTables(ctx, tx, p, next); err != nil {
				return err
			}
			if err := move(ctx, tx, p.models, prior, next); err != nil {
				return err
			}
			if stored, err = modelRows(ctx, tx); err != nil {
				return err
			}
		default:
			if _, err := dropTables(ctx, tx, p, prior); err != nil {
				return err
			}
		}
		if p.resume(stored); p.stage == current {
			return nil
		}
		if _, err := dropTables(ctx, tx, p, next); err != nil {
			return err
		}
		p.stage, p.position, p.skipped = current, application.Position{}, 0
		return s.makeTables(tx, p)
	})
}

var indexName = regexp.MustCompile(`^CREATE INDEX (\w+)`)

// renamer gives the tables in a statement the projector's suffix. An index that it makes
// gets a name of its own, which it keeps wherever its table is moved to.
func (p *projector) renamer() func(string) string {
	if p.suffix == "" {
		return func(statement string) string { return statement }
	}
	var tables []string
	for _, m := range p.models {
		tables = append(tables, m.tables...)
	}
	word := regexp.MustCompile(`\b(` + strings.Join(tables, "|") + `)\b`)
	stamp := strconv.FormatInt(time.Now().UnixNano(), 36)
	return func(statement string) string {
		return word.ReplaceAllString(indexName.ReplaceAllString(statement, "CREATE INDEX ${1}_"+stamp), "${1}"+p.suffix)
	}
}

// move gives the stored tables of the models another suffix.
func move(ctx context.Context, tx *sqlx.Tx, models []model, from, to string) error {
	stored, err := modelRows(ctx, tx)
	if err != nil {
		return err
	}
	for _, m := range models {
		row, ok := stored[m.name+from]
		if !ok {
			continue
		}
		for _, table := range strings.Fields(row.Tables) {
			if _, err := tx.Exec(`ALTER TABLE ` + table + from + ` RENAME TO ` + table + to); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(tx.Rebind(`UPDATE models SET name = ? WHERE name = ?`), m.name+to, m.name+from); err != nil {
			return err
		}
	}
	return nil
}

func dropTables(ctx context.Context, tx *sqlx.Tx, p *projector, suffix string) (dropped int, err error) {
	stored, err := modelRows(ctx, tx)
	if err != nil {
		return 0, err
	}
	for _, m := range p.models {
		row, ok := stored[m.name+suffix]
		if !ok {
			continue
		}
		dropped++
		for _, table := range strings.Fields(row.Tables) {
			if _, err := tx.Exec(`DROP TABLE IF EXISTS ` + table + suffix); err != nil {
				return dropped, err
			}
		}
		if _, err := tx.Exec(tx.Rebind(`DELETE FROM models WHERE name = ?`), row.Name); err != nil {
			return dropped, err
		}
	}
	return dropped, nil
}

func closeAll(prepared map[string]*sqlx.Stmt) {
	for statement := range maps.Values(prepared) {
		statement.Close()
	}
}

// renew builds the models that are live in an earlier version or not at all, and puts them
// in their place.
func (s *Store) renew(ctx context.Context, log application.Log, codec *application.Codec) {
	for _, p := range s.behind() {
		model := p.models[0].name
		delay := firstDelay
		for ctx.Err() == nil {
			s.logger.Info("a read model is built beside the live one", "model", model, "version", p.models[0].version)
			err := s.renewModel(ctx, log, codec, p)
			if err == nil {
				s.logger.Info("a read model was built and is live", "model", model, "version", p.models[0].version)
				break
			}
			if ctx.Err() == nil {
				s.logger.Error("building a read model failed; it is tried again", "model", model, "error", err, "delay", delay)
			}
			sleep(ctx, delay)
			delay = min(2*delay, lastDelay)
		}
	}
}

// behind are the projectors that have to be renewed.
func (s *Store) behind() []*projector {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*projector
	for _, p := range s.projectors {
		if p.stage == older || p.stage == absent {
			found = append(found, p)
		}
	}
	return found
}

func (s *Store) renewModel(ctx context.Context, log application.Log, codec *application.Codec, live *projector) error {
	stored, err := modelRows(ctx, s.read)
	if err != nil {
		return err
	}
	now := &projector{models: live.models}
	if now.resume(stored); now.stage == current { // another process was quicker
		s.restart()
		return nil
	}
	p, err := s.beside(live.models[0].name, next)
	if err != nil {
		return err
	}
	if err := s.begin(ctx, p, true); err != nil {
		return err
	}
	return s.replace(ctx, log, codec, p, func(BuildProgress) {})
}
