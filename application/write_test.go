package application_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/domain"
)

// troubled is the real log with something going wrong at an append.
type troubled struct {
	application.Log
	before func() error // before the append; an error takes its place
	after  func() error // after it; an error hides its answer
}

func (l *troubled) Append(ctx context.Context, stream string, expected application.Revision, events []application.NewRecord) (application.Appended, error) {
	if l.before != nil {
		if err := l.before(); err != nil {
			return application.Appended{}, err
		}
	}
	appended, err := l.Log.Append(ctx, stream, expected, events)
	if l.after != nil && err == nil {
		if err := l.after(); err != nil {
			return application.Appended{}, err
		}
	}
	return appended, err
}

func (h *house) on(log application.Log) *application.Service {
	return application.New(log, nil, application.Options{Keys: h.keys, Clock: func() time.Time { return during }})
}

func seats(n int) domain.OpeningDetails {
	d := details()
	d.Seats = n
	return d
}

func TestWrite_LostRaces_DecidedAgainThreeTimes(t *testing.T) {
	for races, code := range map[int]string{2: "", 3: "concurrent_change"} {
		h := open(t)
		id := h.publish()
		appends := 0
		s := h.on(&troubled{Log: h.log, before: func() error {
			if appends++; appends <= races {
				h.ok(h.service.ReviseOpening(h.ctx, by(admin), id, seats(10+appends), "first"))
			}
			return nil
		}})
		r, err := s.ReviseOpening(h.ctx, by(admin), id, seats(5), "last")
		require.Equal(t, code, domain.ErrorCode(err))
		require.Equal(t, 3, appends)
		if code == "" {
			require.Equal(t, application.Revision(3), r.Revision)
			require.Equal(t, 5, h.opening(id).Details.Seats)
		}
	}
}

func TestWrite_LostRace_TheFreshStateDecides(t *testing.T) {
	h := open(t)
	id := h.publish()
	s := h.on(&troubled{Log: h.log, before: func() error {
		h.ok(h.service.CancelOpening(h.ctx, by(admin), id, "no funds"))
		return nil
	}})
	r, err := s.ReviseOpening(h.ctx, by(admin), id, seats(5), "")
	h.refused("opening_cancelled", r, err)
}

func TestWrite_UnknownOutcome_RetriedWithTheSameIDs(t *testing.T) {
	for name, key := range map[string]string{"key": "k", "no key": ""} {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			opening := h.publish()
			appends := 0
			lost := &troubled{Log: h.log, after: func() error {
				if appends++; appends < 3 {
					return application.ErrUnknownOutcome
				}
				return nil
			}}
			done := h.ok(h.on(lost).Submit(h.ctx, by(siti, key), opening, applicant()))
			require.Equal(t, 1, done.Recorded)
			require.Equal(t, 3, appends)
			require.Equal(t, []string{"ApplicationSubmitted"}, h.types("application-"+done.ID.String()))
		})
	}
}

func TestWrite_LogDown_IsUnavailableAndNothingIsWritten(t *testing.T) {
	for _, cause := range []error{application.ErrUnavailable, application.ErrUnknownOutcome} {
		h := open(t)
		opening := h.publish()
		down := h.on(&troubled{Log: h.log, before: func() error { return cause }})
		r, err := down.Submit(h.ctx, by(siti), opening, applicant())
		h.refused("log_unavailable", r, err)
		var e *domain.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, domain.Unavailable, e.Kind)
		require.Empty(t, h.since(application.Position{}, "ApplicationSubmitted"))
	}
}

func TestWrite_InternalError_StaysInternal(t *testing.T) {
	h := open(t)
	opening := h.publish()
	broken := h.on(&troubled{Log: h.log, before: func() error { return errBroken }})
	_, err := broken.Submit(h.ctx, by(siti), opening, applicant())
	require.ErrorIs(t, err, errBroken)
	require.Empty(t, domain.ErrorCode(err))
}

func TestWrite_StreamThatCannotBeUnderstood_StopsTheCommand(t *testing.T) {
	h := open(t)
	opening := h.publish()
	_, err := h.log.Append(h.ctx, "opening-"+opening.String(), 0, []application.NewRecord{{ID: uuid.New(), Type: "SeatSold", Data: []byte("{}"), Metadata: []byte("{}")}})
	require.NoError(t, err)
	_, err = h.service.CloseOpening(h.ctx, by(admin), opening, "")
	require.ErrorIs(t, err, application.ErrUnknownEvent)
	require.Equal(t, []string{"OpeningPublished", "SeatSold"}, h.types("opening-"+opening.String()))
}
