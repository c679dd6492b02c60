package projections

import (
	"context"
	"errors"
)

// A projector tells the processes that watch why it stands still. What it told
// holds while its checkpoint is where it was then.
const faultsSchema = `CREATE TABLE IF NOT EXISTS model_faults (
	name TEXT PRIMARY KEY,
	version BIGINT NOT NULL,
	position BIGINT NOT NULL,
	prepare BIGINT NOT NULL,
	fault TEXT NOT NULL
)`

// tell records the faults that the batch ran into, in its transaction, and notifies those
// who watch.
func (s *Store) tell(b *batch, done []progress) error {
	for i, p := range s.projectors {
		if p.fault != nil || done[i].fault == nil {
			continue
		}
		first := p.models[0]
		_, err := b.exec(`INSERT INTO model_faults (name, version, position, prepare, fault) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (name) DO UPDATE SET version = excluded.version, position = excluded.position, prepare = excluded.prepare, fault = excluded.fault`,
			first.name, first.version, int64(done[i].position.Commit), int64(done[i].position.Prepare), done[i].fault.Error())
		if err != nil {
			return err
		}
	}
	if s.server == nil {
		return nil
	}
	_, err := b.exec(`SELECT pg_notify(?, '')`, s.server.channel)
	return err
}

// hear takes up the faults that the projecting process told.
func (s *Store) hear(ctx context.Context) error {
	var found []struct {
		Name  string `db:"name"`
		Fault string `db:"fault"`
	}
	err := s.read.SelectContext(ctx, &found, `SELECT f.name, f.fault FROM model_faults f
		JOIN models m ON m.name = f.name AND m.version = f.version AND m.position = f.position AND m.prepare = f.prepare`)
	if err != nil {
		return err
	}
	faults := make(map[string]error, len(found))
	for _, f := range found {
		faults[f.Name] = errors.New(f.Fault)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.projectors {
		p.fault = faults[p.models[0].name]
	}
	s.wake()
	return nil
}

// forget lets the projectors try again what they, or other processes' ones, stopped at.
func (s *Store) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.projectors {
		p.fault = nil
	}
}
