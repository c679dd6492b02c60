package application_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"asprak/application"
	"asprak/domain"
	"asprak/domain/transcript"
	"asprak/domain/verification"
	"asprak/infrastructure/embedded"
)

func decimal(s string) *transcript.Decimal {
	d := transcript.MustDecimal(s)
	return &d
}

func number(s string) *transcript.Field[transcript.Decimal] {
	return &transcript.Field[transcript.Decimal]{Value: transcript.MustDecimal(s), Confidence: 1, Source: transcript.TextLayer, Page: 1}
}

// card is a study result of siti's with so many courses, Basis Data among them, each with
// the grade, and the average printed on it.
func card(courses int, grade, average string) *transcript.Reading {
	ugm, _ := transcript.ScaleByID("ugm")
	letter, _ := ugm.Letter(grade)
	three := transcript.DecimalOf(3)
	r := &transcript.Reading{Type: "application/pdf", Kind: transcript.Transcript, Confidence: 1, Layout: transcript.LayoutVersion, Scale: "ugm",
		Pages: []transcript.PageInfo{{Number: 1, Width: 595, Height: 842, Source: transcript.TextLayer}}, University: field("Universitas Gadjah Mada"),
		Name: field("Siti Rahma"), NIM: field("21/482851/SV/20006"), IPK: number(average)}
	for i := range courses {
		r.Rows = append(r.Rows, transcript.Row{Code: field(fmt.Sprintf("TI21%02d", i+1)), Name: field(fmt.Sprint("Basis Data ", i)), SKS: number("3"), Grade: field(grade),
			Weight: number(letter.Weight.String()), Points: number(three.Mul(letter.Weight).String()), Page: 1, Box: transcript.Box{X0: 60, Y0: float64(20 * i), X1: 540, Y1: float64(20*i + 10)}})
	}
	return r
}

func asking(minIPK string) *verification.Requirement {
	r := details().Requirement
	r.MinIPK = decimal(minIPK)
	return &r
}

// judged is an application of the actor whose document was read as this.
func (h *house) judged(actor domain.Actor, opening uuid.UUID, reading *transcript.Reading) (id, document uuid.UUID) {
	h.reader.reading = reading
	id = h.submit(actor, opening)
	document = h.ok(h.service.Upload(h.ctx, by(actor), id, khs("of "+actor.ID))).ID
	h.settle(nil)
	return id, document
}

func (h *house) whatIf(id uuid.UUID, rules application.Rules) application.Rejudged {
	h.t.Helper()
	before, err := h.log.Head(h.ctx)
	require.NoError(h.t, err)
	r, err := h.service.WhatIf(h.ctx, id, rules)
	require.NoError(h.t, err)
	after, err := h.log.Head(h.ctx)
	require.NoError(h.t, err)
	require.Equal(h.t, before, after, "nothing is written")
	return r
}

func TestWhatIf_OtherRequirement_TellsWhatChangesWhere(t *testing.T) {
	h := open(t)
	opening := h.publish()
	id, document := h.judged(siti, opening, card(1, "B+", "3.25"))
	reads := h.reader.reads
	require.Equal(t, domain.StatusVerified, h.application(id).Status)

	higher := h.whatIf(id, application.Rules{Requirement: asking("3.5"), Policy: verification.DefaultPolicy()})
	require.Equal(t, domain.StatusVerified, higher.Before)
	require.Equal(t, domain.StatusRejected, higher.After)
	require.True(t, higher.Changed())
	require.Len(t, higher.Documents, 1)
	d := higher.Documents[0]
	require.Equal(t, document, d.DocumentID)
	require.Equal(t, verification.Verified, d.Before)
	require.Equal(t, verification.Rejected(verification.IPKBelowMin), d.After)
	require.Len(t, d.Checks, 1)
	require.Equal(t, "ipk", d.Checks[0].Name)
	require.Equal(t, verification.Fail, d.Checks[0].After.Outcome)
	require.Equal(t, reads, h.reader.reads, "nothing is read again")

	require.False(t, h.whatIf(id, application.Rules{Requirement: asking("3.25"), Policy: verification.DefaultPolicy()}).Changed(), "equal passes")
	strict := verification.DefaultPolicy()
	strict.MinConfidence, h.reader.reading = 1, nil
	require.Equal(t, verification.Verified, h.whatIf(id, application.Rules{Policy: strict}).Documents[0].After, "read with full confidence")

	// The opening asks more by now: without a requirement in question, that is what is asked.
	revised := details()
	revised.Requirement = *asking("4")
	h.ok(h.service.ReviseOpening(h.ctx, by(admin), opening, revised, ""))
	require.Equal(t, domain.StatusRejected, h.whatIf(id, application.Rules{Policy: verification.DefaultPolicy()}).After)

	_, err := h.service.WhatIf(h.ctx, uuid.New(), application.Rules{})
	require.Equal(t, "application_not_found", domain.ErrorCode(err))
}

func TestWhatIf_DecidedByAPerson_StaysAndIsShown(t *testing.T) {
	h := open(t)
	id, document := h.judged(siti, h.publish(), card(1, "B+", "3.25"))
	h.ok(h.service.Override(h.ctx, by(admin), id, document, "rejected", "borrowed"))
	r := h.whatIf(id, application.Rules{Requirement: asking("3.5"), Policy: verification.DefaultPolicy()})
	require.Equal(t, domain.StatusRejected, r.Before)
	require.Equal(t, domain.StatusRejected, r.After)
	require.True(t, r.Changed(), "the machine would say otherwise")
	require.Equal(t, &domain.Override{Outcome: "rejected", Reason: "borrowed", Before: "verified"}, r.Documents[0].Override)
}

func TestWhatIf_NothingJudged_NothingToTell(t *testing.T) {
	h := open(t)
	opening := h.publish()
	id, _ := h.judged(siti, opening, card(1, "C", "2.00"))
	require.Equal(t, domain.StatusRejected, h.application(id).Status)
	h.ok(h.service.Resubmit(h.ctx, by(siti), id, applicant()))
	r := h.whatIf(id, application.Rules{Requirement: asking("0"), Policy: verification.DefaultPolicy()})
	require.False(t, r.Changed(), "earlier documents no longer count")
	require.Empty(t, r.Documents)
}

func TestWhatIf_TheSameRules_ChangeNobody(t *testing.T) {
	h := open(t)
	opening, n := h.publish(), 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		reading := card(rapid.IntRange(0, 5).Draw(t, "courses"), rapid.SampledFrom([]string{"A", "B+", "B", "C", "E"}).Draw(t, "grade"),
			rapid.SampledFrom([]string{"4.00", "3.25", "3.00", "2.00"}).Draw(t, "average"))
		if rapid.IntRange(0, 3).Draw(t, "name") == 0 {
			reading.Name = field("Somebody Else")
		}
		for i := range reading.Rows {
			reading.Rows[i].Grade.Confidence = rapid.Float64Range(0, 1).Draw(t, "confidence")
		}
		id, _ := h.judged(domain.Actor{ID: fmt.Sprint("person-", n), Role: domain.RoleApplicant}, opening, reading)
		r := h.whatIf(id, application.Rules{Policy: verification.DefaultPolicy()})
		require.False(t, r.Changed(), "%+v", r)
		require.Len(t, r.Documents, 1)
	})
	for status, reading := range map[domain.ApplicationStatus]*transcript.Reading{ // what chance may not have met
		domain.StatusVerified: card(1, "B+", "3.25"), domain.StatusInReview: card(0, "", "3.25"), domain.StatusRejected: card(1, "C", "2.00"),
	} {
		n++
		id, _ := h.judged(domain.Actor{ID: fmt.Sprint("person-", n), Role: domain.RoleApplicant}, opening, reading)
		r := h.whatIf(id, application.Rules{Policy: verification.DefaultPolicy()})
		require.False(t, r.Changed(), "%+v", r)
		require.Equal(t, status, r.After)
	}
}

func BenchmarkWhatIf_ThousandReadings(b *testing.B) {
	log, err := embedded.Open(b.Context(), filepath.Join(b.TempDir(), "log.db"))
	require.NoError(b, err)
	defer log.Close()
	s := application.New(log, nil, application.Options{Clock: func() time.Time { return during }})
	opening, err := s.PublishOpening(b.Context(), by(admin), details())
	require.NoError(b, err)
	codec, reading := application.NewCodec(), card(50, "B+", "3.25")
	person := applicant()
	verdict := verification.Judge(*reading, verification.Applicant{Name: person.Name, NIM: person.NIM}, details().Requirement, nil, verification.DefaultPolicy())
	ids := make([]uuid.UUID, 1000)
	for i := range ids {
		person.ID = fmt.Sprint("person-", i)
		ids[i] = domain.ApplicationID(opening.ID, person.ID)
		document := domain.DocumentID(ids[i], "aa")
		var records []application.NewRecord
		for _, e := range []domain.Event{
			&domain.ApplicationSubmitted{ApplicationID: ids[i], OpeningID: opening.ID, Applicant: person},
			&domain.DocumentUploaded{DocumentID: document, Kind: transcript.Transcript, SHA256: "aa", Size: 1, Type: "application/pdf"},
			&domain.DocumentRead{DocumentID: document, Attempt: 1, Reading: *reading},
			&domain.DocumentVerified{DocumentID: document, Attempt: 1, Verdict: verdict},
		} {
			r, err := codec.Encode(e, domain.Metadata{EventID: uuid.New()}, nil)
			require.NoError(b, err)
			records = append(records, r)
		}
		_, err := log.Append(b.Context(), "application-"+ids[i].String(), application.NoStream, records)
		require.NoError(b, err)
	}
	for b.Loop() {
		for _, id := range ids {
			r, err := s.WhatIf(b.Context(), id, application.Rules{Requirement: asking("3.5"), Policy: verification.DefaultPolicy()})
			require.NoError(b, err)
			require.Equal(b, domain.StatusRejected, r.After)
		}
	}
}
