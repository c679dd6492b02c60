package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"asprak/application"
)

// ReadOnly is a log that is only looked at: nothing of it is written or locked for writing, be
// there a process that works with it or not.
type ReadOnly struct{ log *Log }

var _ application.Log = (*ReadOnly)(nil)

// OpenReadOnly opens the log in the file at path, which must be there.
func OpenReadOnly(ctx context.Context, path string) (*ReadOnly, error) {
	r, err := openReadOnly(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	return r, nil
}

func openReadOnly(ctx context.Context, path string) (_ *ReadOnly, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", path)
	}
	c, err := connect(path, "mode=ro&_mutex=no&_busy_timeout=10000")
	if err != nil {
		return nil, describe(err, path)
	}
	if err := recognise(c, path); err != nil {
		return nil, errors.Join(err, c.close())
	}
	r := &ReadOnly{&Log{closing: make(chan struct{}), readers: make(chan *connection, 1)}}
	r.log.readers <- c
	return r, nil
}

// recognise says why the file is none of ours.
func recognise(c *connection, path string) error {
	id, _, err := c.number("PRAGMA application_id")
	if err != nil {
		return describe(err, path)
	}
	version, _, err := c.number("PRAGMA user_version")
	switch {
	case err != nil:
		return describe(err, path)
	case id != applicationID:
		return fmt.Errorf("%s is no event log", path)
	case version != schemaVersion:
		return fmt.Errorf("%s has schema version %d; this release knows %d", path, version, schemaVersion)
	}
	return nil
}

// Append is refused.
func (r *ReadOnly) Append(context.Context, string, application.Revision, []application.NewRecord) (application.Appended, error) {
	return application.Appended{}, fmt.Errorf("embedded: opened for reading only: %w", application.ErrUnavailable)
}

// ReadStream returns the stream's events from the revision on.
func (r *ReadOnly) ReadStream(ctx context.Context, stream string, from application.Revision) ([]application.Record, error) {
	return r.log.ReadStream(ctx, stream, from)
}

// Follow returns what stands in the log by now behind the position; what comes later is
// waited for in vain.
func (r *ReadOnly) Follow(ctx context.Context, after application.Position, types ...string) (application.Follower, error) {
	return r.log.Follow(ctx, after, types...)
}

// Head is the position of the last event in the log.
func (r *ReadOnly) Head(ctx context.Context) (application.Position, error) { return r.log.Head(ctx) }

// Close releases the file.
func (r *ReadOnly) Close() error {
	var err error
	r.log.close.Do(func() {
		close(r.log.closing)
		err = (<-r.log.readers).close()
	})
	return err
}
