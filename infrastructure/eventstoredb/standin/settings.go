package standin

import (
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"
)

// groupConfig is what a persistent subscription was created with. Start and checkpoints are
// texts: "17" in a stream, "C:300/P:300" in $all, "-1" at the end.
type groupConfig struct {
	Stream   string   `json:"stream"`
	Name     string   `json:"group"`
	Filter   *filter  `json:"filter,omitempty"`
	Start    string   `json:"start"`
	Settings settings `json:"settings"`
}

type settings struct {
	ResolveLinks    bool   `json:"resolve_links"`
	ExtraStatistics bool   `json:"extra_statistics"`
	MaxRetries      int32  `json:"max_retries"`
	MinCheckpoint   int32  `json:"min_checkpoint"`
	MaxCheckpoint   int32  `json:"max_checkpoint"`
	MaxSubscribers  int32  `json:"max_subscribers"` // 0: any number
	LiveBuffer      int32  `json:"live_buffer"`
	ReadBatch       int32  `json:"read_batch"`
	HistoryBuffer   int32  `json:"history_buffer"`
	TimeoutMillis   int32  `json:"timeout_ms"` // 0: none
	CheckpointAfter int32  `json:"checkpoint_after_ms"`
	Strategy        string `json:"strategy"`
}

func (c groupConfig) checkpointStream() string {
	return groupPrefix + c.Stream + "::" + c.Name + "-checkpoint"
}

func (c groupConfig) parkedStream() string {
	return groupPrefix + c.Stream + "::" + c.Name + "-parked"
}

func (c groupConfig) check() error {
	s := c.Settings
	switch {
	case c.Stream == "" || c.Name == "":
		return errors.New("a group has a stream and a name")
	case s.HistoryBuffer < 1 || s.LiveBuffer < 1 || s.ReadBatch < 1:
		return failed(c, "buffer sizes and read batch size must be positive")
	case s.ReadBatch >= s.HistoryBuffer:
		return failed(c, "read batch size must be less than buffer size")
	case s.MaxRetries < 0 || s.MaxSubscribers < 0:
		return failed(c, "counts must not be negative")
	case s.MaxCheckpoint < 1 || s.MinCheckpoint < 0 || s.MinCheckpoint > s.MaxCheckpoint:
		return failed(c, "checkpoint counts must be positive, the lower not above the upper")
	case s.Strategy != roundRobin && s.Strategy != dispatchToSingle && s.Strategy != pinned:
		return failed(c, "consumer strategy "+s.Strategy+" does not exist")
	}
	return nil
}

func streamStart(option any) (string, error) {
	revision := uint64(0)
	switch o := option.(type) {
	case *persistent.CreateReq_StreamOptions_Revision:
		revision = o.Revision
	case *persistent.UpdateReq_StreamOptions_Revision:
		revision = o.Revision
	case *persistent.CreateReq_StreamOptions_End, *persistent.UpdateReq_StreamOptions_End:
		return "-1", nil
	}
	if revision > math.MaxInt64 {
		return "", invalid("%d is not a revision", revision)
	}
	return strconv.FormatUint(revision, 10), nil
}

func (s *persistentService) allStart(option any) (string, error) {
	var commit, prepare uint64
	switch o := option.(type) {
	case *persistent.CreateReq_AllOptions_Position:
		commit, prepare = o.Position.GetCommitPosition(), o.Position.GetPreparePosition()
	case *persistent.UpdateReq_AllOptions_Position:
		commit, prepare = o.Position.GetCommitPosition(), o.Position.GetPreparePosition()
	case *persistent.CreateReq_AllOptions_End, *persistent.UpdateReq_AllOptions_End:
		return "C:-1/P:-1", nil
	}
	if _, err := s.node.view().index(commit, prepare); err != nil {
		return "", err
	}
	return positionText(commit), nil
}

// groupFilter does not look at the checkpoint multiplier: clients send 0 and the real server
// ignores it here.
func groupFilter(wire *persistent.CreateReq_AllOptions_FilterOptions) (*filter, error) {
	if wire == nil {
		return nil, nil
	}
	f := &filter{Window: wire.GetMax(), Interval: wire.GetCheckpointIntervalMultiplier()}
	expression := wire.GetStreamIdentifier()
	if e := wire.GetEventType(); e != nil {
		expression, f.ByType = e, true
	}
	f.Prefixes, f.Regex = expression.GetPrefix(), expression.GetRegex()
	if err := f.compile(); err != nil {
		return nil, invalid("%s", err)
	}
	return f, nil
}

func createSettings(w *persistent.CreateReq_Settings) settings {
	s := settings{
		ResolveLinks: w.GetResolveLinks(), ExtraStatistics: w.GetExtraStatistics(), MaxRetries: w.GetMaxRetryCount(),
		MinCheckpoint: w.GetMinCheckpointCount(), MaxCheckpoint: w.GetMaxCheckpointCount(), MaxSubscribers: w.GetMaxSubscriberCount(),
		LiveBuffer: w.GetLiveBufferSize(), ReadBatch: w.GetReadBatchSize(), HistoryBuffer: w.GetHistoryBufferSize(),
		TimeoutMillis: w.GetMessageTimeoutMs(), CheckpointAfter: w.GetCheckpointAfterMs(), Strategy: w.GetConsumerStrategy(),
	}
	if t, ok := w.GetMessageTimeout().(*persistent.CreateReq_Settings_MessageTimeoutTicks); ok {
		s.TimeoutMillis = millis(t.MessageTimeoutTicks)
	}
	if t, ok := w.GetCheckpointAfter().(*persistent.CreateReq_Settings_CheckpointAfterTicks); ok {
		s.CheckpointAfter = millis(t.CheckpointAfterTicks)
	}
	if s.Strategy == "" {
		s.Strategy = w.GetNamedConsumerStrategy().String() // older clients send only this
	}
	return s
}

func updateSettings(w *persistent.UpdateReq_Settings) settings {
	s := settings{
		ResolveLinks: w.GetResolveLinks(), ExtraStatistics: w.GetExtraStatistics(), MaxRetries: w.GetMaxRetryCount(),
		MinCheckpoint: w.GetMinCheckpointCount(), MaxCheckpoint: w.GetMaxCheckpointCount(), MaxSubscribers: w.GetMaxSubscriberCount(),
		LiveBuffer: w.GetLiveBufferSize(), ReadBatch: w.GetReadBatchSize(), HistoryBuffer: w.GetHistoryBufferSize(),
		TimeoutMillis: w.GetMessageTimeoutMs(), CheckpointAfter: w.GetCheckpointAfterMs(), Strategy: w.GetNamedConsumerStrategy().String(),
	}
	if t, ok := w.GetMessageTimeout().(*persistent.UpdateReq_Settings_MessageTimeoutTicks); ok {
		s.TimeoutMillis = millis(t.MessageTimeoutTicks)
	}
	if t, ok := w.GetCheckpointAfter().(*persistent.UpdateReq_Settings_CheckpointAfterTicks); ok {
		s.CheckpointAfter = millis(t.CheckpointAfterTicks)
	}
	return s
}

func millis(ticks int64) int32 {
	return int32(min(time.Duration(ticks)*100/time.Millisecond, math.MaxInt32))
}
