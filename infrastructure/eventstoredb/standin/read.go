package standin

import (
	"math"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
)

// reading is a call to Read, checked.
type reading struct {
	node      *Server
	call      streams.Streams_ReadServer
	stream    string // "" for $all
	options   *streams.ReadReq_Options
	filter    *filter // nil: everything
	backwards bool
	texts     bool // ids as text
}

// Read answers reads and catch-up subscriptions.
func (s *streamsService) Read(request *streams.ReadReq, call streams.Streams_ReadServer) error {
	if err := s.node.readable(call.Context()); err != nil {
		return err
	}
	o := request.GetOptions()
	r := &reading{node: s.node, call: call, options: o, backwards: o.GetReadDirection() == streams.ReadReq_Options_Backwards}
	switch o.GetUuidOption().GetContent().(type) {
	case *streams.ReadReq_Options_UUIDOption_Structured:
	case *streams.ReadReq_Options_UUIDOption_String_:
		r.texts = true
	default:
		return invalid("uuid_option is missing")
	}
	if err := r.choose(); err != nil {
		return err
	}
	switch option := o.GetStreamOption().(type) {
	case *streams.ReadReq_Options_Stream:
		name, err := streamName(option.Stream.GetStreamIdentifier())
		if err != nil {
			return err
		}
		if r.filter != nil {
			return invalid("only $all can be filtered")
		}
		r.stream = name
	case *streams.ReadReq_Options_All:
	default:
		return invalid("stream_option is missing")
	}
	subscribes := false
	switch o.GetCountOption().(type) {
	case *streams.ReadReq_Options_Count:
	case *streams.ReadReq_Options_Subscription:
		subscribes = true
		if r.backwards {
			return invalid("a subscription reads forwards")
		}
	default:
		return invalid("count_option is missing")
	}
	switch {
	case subscribes:
		return r.subscribe()
	case r.stream != "":
		return r.readStream()
	}
	return r.readAll()
}

func (r *reading) choose() error {
	switch option := r.options.GetFilterOption().(type) {
	case *streams.ReadReq_Options_NoFilter:
		return nil
	case *streams.ReadReq_Options_Filter:
		f := &filter{Window: option.Filter.GetMax(), Interval: option.Filter.GetCheckpointIntervalMultiplier()}
		expression := option.Filter.GetStreamIdentifier()
		if e := option.Filter.GetEventType(); e != nil {
			expression, f.ByType = e, true
		}
		f.Prefixes, f.Regex = expression.GetPrefix(), expression.GetRegex()
		if f.Interval == 0 {
			return invalid("%s", errInterval)
		}
		if err := f.compile(); err != nil {
			return invalid("%s", err)
		}
		r.filter = f
		return nil
	}
	return invalid("filter_option is missing")
}

func (r *reading) readStream() error {
	v := r.node.view()
	s := v.stream(r.stream)
	if s.tombstone {
		return answer(r.call.Context(), &streamDeleted{r.stream})
	}
	if s.missing() {
		return r.call.Send(&streams.ReadResp{Content: &streams.ReadResp_StreamNotFound_{StreamNotFound: &streams.ReadResp_StreamNotFound{StreamIdentifier: identifier(r.stream)}}})
	}
	from, step := int64(0), int64(1)
	if r.backwards {
		step = -1
	}
	switch option := r.options.GetStream().GetRevisionOption().(type) {
	case *streams.ReadReq_Options_StreamOptions_Revision:
		from = int64(min(option.Revision, math.MaxInt64))
	case *streams.ReadReq_Options_StreamOptions_Start:
	case *streams.ReadReq_Options_StreamOptions_End:
		from = s.last() + 1
	default:
		return invalid("revision_option is missing")
	}
	if r.backwards {
		from = min(from, s.last())
	} else {
		from = max(from, s.first)
	}
	left := r.options.GetCount()
	for ; left > 0 && from >= s.first && from <= s.last(); from += step {
		if err := r.send(v, s.events[from]); err != nil {
			return err
		}
		left--
	}
	return nil
}

func (r *reading) readAll() error {
	v := r.node.view()
	from, err := r.place(v)
	if err != nil {
		return err
	}
	left := r.options.GetCount()
	for left > 0 {
		if r.backwards {
			from--
		}
		if from < 0 || from >= len(v.all) {
			return nil
		}
		if e := v.all[from]; r.filter.takes(e) {
			if err := r.send(v, e); err != nil {
				return err
			}
			left--
		}
		if !r.backwards {
			from++
		}
	}
	return nil
}

// place is the index that the position of the call names.
func (r *reading) place(v view) (int, error) {
	switch option := r.options.GetAll().GetAllOption().(type) {
	case *streams.ReadReq_Options_AllOptions_Start:
		return 0, nil
	case *streams.ReadReq_Options_AllOptions_End:
		return len(v.all), nil
	case *streams.ReadReq_Options_AllOptions_Position:
		return v.index(option.Position.GetCommitPosition(), option.Position.GetPreparePosition())
	}
	return 0, invalid("all_option is missing")
}

// index is the place of a position: the start of a record, of the log, or its end.
func (v view) index(commit, prepare uint64) (int, error) {
	if commit == math.MaxUint64 && prepare == math.MaxUint64 {
		return len(v.all), nil
	}
	if commit != prepare {
		return 0, invalid("commit position %d and prepare position %d are of no record", commit, prepare)
	}
	index, exact := v.seek(commit)
	if !exact && commit != 0 && commit != v.end {
		return 0, invalid("no record starts at position %d", commit)
	}
	return index, nil
}

func (r *reading) send(v view, e *event) error {
	found := v.resolve(e, r.options.GetResolveLinks())
	return r.call.Send(&streams.ReadResp{Content: &streams.ReadResp_Event{Event: &streams.ReadResp_ReadEvent{
		Event:    r.recorded(found.event),
		Link:     r.recorded(found.link),
		Position: &streams.ReadResp_ReadEvent_CommitPosition{CommitPosition: e.Position},
	}}})
}

func (r *reading) recorded(e *event) *streams.ReadResp_ReadEvent_RecordedEvent {
	if e == nil {
		return nil
	}
	return &streams.ReadResp_ReadEvent_RecordedEvent{
		Id:               idToWire(e.ID, r.texts),
		StreamIdentifier: identifier(e.Stream),
		StreamRevision:   uint64(e.Revision),
		PreparePosition:  e.Position,
		CommitPosition:   e.Position,
		Metadata:         e.properties(),
		CustomMetadata:   e.Metadata,
		Data:             e.Data,
	}
}

func (r *reading) confirm() error {
	return r.call.Send(&streams.ReadResp{Content: &streams.ReadResp_Confirmation{Confirmation: &streams.ReadResp_SubscriptionConfirmation{SubscriptionId: uuid.NewString()}}})
}

func (r *reading) checkpoint(position uint64) error {
	return r.call.Send(&streams.ReadResp{Content: &streams.ReadResp_Checkpoint_{Checkpoint: &streams.ReadResp_Checkpoint{CommitPosition: position, PreparePosition: position}}})
}

func (r *reading) caughtUp() error {
	return r.call.Send(&streams.ReadResp{Content: &streams.ReadResp_CaughtUp_{CaughtUp: &streams.ReadResp_CaughtUp{}}})
}
