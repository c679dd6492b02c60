package standin

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"asprak/application"
	"asprak/infrastructure/embedded"
)

const (
	journalStream = "journal"
	chunkBytes    = application.MaxAppendBytes - 1024
)

// journal keeps batches of events in one stream of an embedded log, each whole or not at
// all. A batch that does not fit into one record is cut; without its last part it is void.
type journal struct {
	log *embedded.Log
	at  application.Revision
}

type part struct {
	Part int  `json:"part"`
	Last bool `json:"last"`
}

func (j *journal) append(events []*event) error {
	text, err := json.Marshal(events)
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		size := min(len(text), chunkBytes)
		record := application.NewRecord{ID: uuid.New(), Type: "batch", Data: text[:size]}
		text = text[size:]
		last := len(text) == 0
		record.Metadata = mustJSON(part{n, last})
		appended, err := j.log.Append(context.Background(), journalStream, j.at, []application.NewRecord{record})
		if err != nil {
			return err
		}
		j.at = appended.Revision
		if last {
			return nil
		}
	}
}

func (j *journal) load(ctx context.Context, take func(*event)) error {
	head, err := j.log.Head(ctx)
	if err != nil || head == (application.Position{}) {
		return err
	}
	follower, err := j.log.Follow(ctx, application.Position{})
	if err != nil {
		return err
	}
	defer follower.Close()
	var text []byte
	for at := (application.Position{}); at.Compare(head) < 0; {
		records, err := follower.Next(ctx, 64)
		if err != nil {
			return err
		}
		for _, r := range records {
			at, j.at = r.Position, r.Revision
			var p part
			if err := json.Unmarshal(r.Metadata, &p); err != nil || r.Stream != journalStream {
				return fmt.Errorf("standin: record %s is not this program's: %w", r.Position, err)
			}
			if p.Part == 0 {
				text = text[:0]
			}
			text = append(text, r.Data...)
			if !p.Last {
				continue
			}
			var events []*event
			if err := json.Unmarshal(text, &events); err != nil {
				return fmt.Errorf("standin: record %s is broken: %w", r.Position, err)
			}
			for _, e := range events {
				take(e)
			}
		}
	}
	return nil
}
