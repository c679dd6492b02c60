package logtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"asprak/application"
	"asprak/domain"
	"asprak/domain/transcript"
	"asprak/domain/verification"
)

const (
	fillWriters  = 64
	fillOpenings = 3 * fillWriters // each writer has three to itself

	// fillPace lies between the submissions of two applications that follow each other.
	fillPace = 5 * time.Minute
)

var fillStart = time.Date(2024, 8, 1, 1, 0, 0, 0, time.UTC)

// Fill appends a made-up log of n events: openings of four terms, and applications that live
// side by side from submission to an end, in the shares and sizes that a term brings. An
// application lives the same life each time; the order of two applications' events is another.
func Fill(ctx context.Context, log application.Log, n int) error {
	f := &filling{log: log, codec: application.NewCodec()}
	f.left.Store(int64(n))
	for i := range fillOpenings {
		l := f.life(i)
		l.tell(ctx, admin(l.random), &domain.OpeningPublished{OpeningID: l.opening, Details: fillDetails(i)})
		if l.err != nil {
			return l.err
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	for writer := range fillWriters {
		group.Go(func() error {
			for i := writer; f.left.Load() > 0; i += fillWriters {
				l := f.life(i)
				if l.apply(ctx); l.err != nil {
					return l.err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

type filling struct {
	log   application.Log
	codec *application.Codec
	left  atomic.Int64
	seats [fillOpenings]application.Revision // of the last seat of each opening
}

// life is one application, or the publishing of an opening. Its first error ends it.
type life struct {
	*filling
	number      int
	random      *rand.Rand
	opening     uuid.UUID
	application uuid.UUID
	applicant   domain.Applicant
	stream      string
	revision    application.Revision // of the last event
	cause       uuid.UUID
	request     string
	now         time.Time
	err         error
}

func (f *filling) life(number int) *life {
	l := &life{filling: f, number: number, random: rand.New(rand.NewPCG(1, uint64(number))), revision: application.NoStream}
	l.opening, l.application, l.applicant = Filled(number)
	l.stream = "opening-" + l.opening.String()
	l.now = fillStart.Add(time.Duration(number) * fillPace)
	return l
}

var (
	firstNames = []string{"Adi", "Aisyah", "Bagus", "Bayu", "Citra", "Dewi", "Dian", "Eka", "Fajar", "Farhan", "Gilang", "Hasna", "Indah", "Intan", "Joko",
		"Kartika", "Lestari", "Maya", "Muhammad", "Nadia", "Nur", "Putri", "Rahma", "Rizky", "Sari", "Siti", "Taufik", "Utami", "Wahyu", "Yusuf"}
	lastNames = []string{"Adinata", "Anggraini", "Cahyono", "Firmansyah", "Gunawan", "Hidayat", "Kusuma", "Lubis", "Maharani", "Nasution", "Nugroho", "Pratama",
		"Puspita", "Rahmawati", "Ramadhan", "Saputra", "Setiawan", "Siregar", "Suryani", "Wibowo", "Widodo", "Wijaya", "Yulianti", "Zahra"}
	programmes = []string{"Informatika", "Sistem Informasi", "Teknologi Rekayasa Perangkat Lunak", "Teknik Elektro", "Statistika", "Matematika"}
	practicums = []string{"Basis Data", "Jaringan Komputer", "Struktur Data", "Sistem Operasi", "Pemrograman Web", "Kecerdasan Buatan", "Grafika Komputer", "Elektronika"}
)

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

func admin(r *rand.Rand) domain.Actor {
	return domain.Actor{ID: fmt.Sprint("admin-", r.IntN(5)), Role: domain.RoleAdmin}
}

func fillDetails(i int) domain.OpeningDetails {
	course := i % len(practicums)
	return domain.OpeningDetails{
		Title: fmt.Sprint("Praktikum ", practicums[course], " ", i), Department: programmes[i%len(programmes)], Term: fmt.Sprintf("%d/%d-%d", 2024+i%4/2, 2025+i%4/2, 1+i%2),
		Seats: 10_000, OpensAt: fillStart, ClosesAt: fillStart.AddDate(20, 0, 0),
		Requirement: verification.Requirement{Course: verification.Course{Codes: []string{fmt.Sprint("IF", 100+course)}, Name: practicums[course]}, MinGrade: "B"},
	}
}

// Filled names the application that Fill lives as the one of this number, counted from 0. A log of n
// events has the first n/10 at least.
func Filled(number int) (opening, application uuid.UUID, applicant domain.Applicant) {
	person := number / 3 // applies to three openings
	r := rand.New(rand.NewPCG(2, uint64(person)))
	subject := fmt.Sprint("student-", person)
	applicant = domain.Applicant{ID: subject, Name: pick(r, firstNames) + " " + pick(r, firstNames) + " " + pick(r, lastNames),
		NIM: fmt.Sprintf("%d/%06d/SV/%05d", 20+r.IntN(5), person, person%100_000), Email: subject + "@example.ac.id", Programme: pick(r, programmes)}
	opening = uuid.NewSHA1(uuid.Nil, fmt.Append(nil, "opening ", number%fillOpenings))
	return opening, domain.ApplicationID(opening, subject), applicant
}

// apply lives the life of an application.
func (l *life) apply(ctx context.Context) {
	student := domain.Actor{ID: l.applicant.ID, Role: domain.RoleApplicant}
	l.stream = "application-" + l.application.String()
	l.tell(ctx, student, &domain.ApplicationSubmitted{ApplicationID: l.application, OpeningID: l.opening, Applicant: l.applicant})
	if l.random.IntN(20) == 0 {
		return // never uploads
	}
	verified := l.upload(ctx, student)
	for range 2 { // two of three who were not verified try again with another file
		if !verified && l.random.IntN(3) > 0 {
			verified = l.upload(ctx, student)
		}
	}
	if !verified {
		return
	}
	l.wait(24 * time.Hour)
	switch share := l.random.IntN(10); {
	case share < 3:
		l.accept(ctx, student)
	case share < 4:
		l.tell(ctx, admin(l.random), &domain.ApplicationWaitlisted{})
	case share < 8:
		l.tell(ctx, admin(l.random), &domain.ApplicationDeclined{Reason: "All seats are taken."})
	case share < 9:
		l.tell(ctx, student, &domain.ApplicationWithdrawn{})
	}
}

// upload sends a document in, up to its verdict; true when it is verified.
func (l *life) upload(ctx context.Context, student domain.Actor) bool {
	l.wait(time.Hour)
	sum := sha256.Sum256(fmt.Append(nil, "document ", l.number, " ", l.revision))
	id := domain.DocumentID(l.application, hex.EncodeToString(sum[:]))
	l.tell(ctx, student, &domain.DocumentUploaded{DocumentID: id, Kind: transcript.KHS, SHA256: hex.EncodeToString(sum[:]), Size: 80_000, Type: "application/pdf", FileName: "khs.pdf"})
	reader := domain.Actor{ID: "reader", Role: domain.RoleSystem}
	l.wait(3 * time.Second)
	share := l.random.IntN(100)
	if share < 2 {
		l.tell(ctx, reader, &domain.DocumentReadingFailed{DocumentID: id, Attempt: 1, Code: "timeout", Tries: 3})
		return false
	}
	l.tell(ctx, reader, &domain.DocumentRead{DocumentID: id, Attempt: 1, Reading: l.reading(), Millis: int64(l.random.IntN(2000))})
	switch {
	case share < 70:
		l.tell(ctx, reader, &domain.DocumentVerified{DocumentID: id, Attempt: 1, Verdict: fillVerdict(verification.Verified)})
		return true
	case share < 84:
		reason := pick(l.random, []string{verification.GradeBelowMin, verification.CourseMissing, verification.IPKBelowMin, verification.IdentityMismatch})
		l.tell(ctx, reader, &domain.DocumentRejected{DocumentID: id, Attempt: 1, Verdict: fillVerdict(verification.Rejected(reason))})
		return false
	}
	label := verification.Review(pick(l.random, []string{verification.LowConfidence, verification.IdentityPartial, verification.SuspectedEdit, verification.GradeUnreadable}))
	l.tell(ctx, reader, &domain.DocumentReferred{DocumentID: id, Attempt: 1, Verdict: fillVerdict(label)})
	if l.random.IntN(10) == 0 {
		return false // waits for a person still
	}
	l.wait(12 * time.Hour)
	person := admin(l.random)
	l.tell(ctx, person, &domain.DocumentViewed{DocumentID: id, Viewer: person, ViewedAt: l.now})
	l.wait(10 * time.Minute)
	outcome := pick(l.random, []string{"verified", "verified", "verified", "rejected"})
	l.tell(ctx, person, &domain.VerificationOverridden{DocumentID: id, Outcome: outcome, Reason: "The page was looked at.", Before: string(label)})
	return outcome == "verified"
}

func (l *life) accept(ctx context.Context, student domain.Actor) {
	opening := l.number % fillOpenings
	if !l.append(ctx, "opening-"+l.opening.String(), l.seats[opening], admin(l.random), &domain.SeatAwarded{ApplicationID: l.application}) {
		return
	}
	l.seats[opening]++
	l.tell(ctx, domain.Actor{ID: "seats", Role: domain.RoleSystem}, &domain.ApplicationAccepted{OpeningID: l.opening})
	if l.wait(48 * time.Hour); l.random.IntN(10) > 0 {
		l.tell(ctx, student, &domain.OfferConfirmed{})
	}
}

// wait lets up to d pass.
func (l *life) wait(d time.Duration) {
	l.now = l.now.Add(time.Duration(l.random.Int64N(int64(d))))
}

// tell appends the event to the life's stream, while there is room and no error.
func (l *life) tell(ctx context.Context, actor domain.Actor, e domain.Event) {
	if l.append(ctx, l.stream, l.revision, actor, e) {
		l.revision++
	}
}

func (l *life) append(ctx context.Context, stream string, last application.Revision, actor domain.Actor, e domain.Event) bool {
	if l.err != nil || l.left.Add(-1) < 0 {
		return false
	}
	id := uuid.NewSHA1(l.opening, fmt.Append(nil, stream, " ", last))
	m := domain.Metadata{EventID: id, Actor: actor, OccurredAt: l.now, CausationID: l.cause.String(), CommandID: id, SchemaVersion: 1}
	if actor.Role != domain.RoleSystem {
		// A request, which the machine's events follow from; ids of requests grow with time.
		l.cause, l.request = id, fmt.Sprintf("request-%d-%d", l.now.UnixMilli(), l.number)
		m.CausationID = id.String()
	}
	if actor.ID == "reader" {
		m.Versions = &domain.Versions{Engine: "made-up", Layout: "made-up", Policy: "made-up"}
	}
	m.CorrelationID = l.request
	record, err := l.codec.Encode(e, m, nil)
	if err == nil {
		_, err = l.log.Append(ctx, stream, last, []application.NewRecord{record})
	}
	l.err = err
	return err == nil
}

// reading is of the size that a study result of eight courses has, about 10 kB.
func (l *life) reading() transcript.Reading {
	box := transcript.Box{X0: 71.25, Y0: 410.5, X1: 160.12, Y1: 421.75}
	text := func(s string) *transcript.Field[string] {
		return &transcript.Field[string]{Value: s, Confidence: 0.97, Source: transcript.TextLayer, Page: 1, Box: box}
	}
	number := func(n int) *transcript.Field[transcript.Decimal] {
		return &transcript.Field[transcript.Decimal]{Value: transcript.DecimalOf(n), Confidence: 0.97, Source: transcript.TextLayer, Page: 1, Box: box}
	}
	r := transcript.Reading{Type: "application/pdf", Kind: transcript.KHS, Name: text(l.applicant.Name), NIM: text(l.applicant.NIM), Programme: text(l.applicant.Programme),
		IPK: number(3), Confidence: 0.97, Layout: "made-up"}
	for i := range 8 {
		grade := pick(l.random, []string{"A", "A-", "A/B", "B+", "B", "C"})
		r.Rows = append(r.Rows, transcript.Row{Code: text(fmt.Sprint("IF", 100+i)), Name: text(practicums[i]), SKS: number(1 + l.random.IntN(4)), Grade: text(grade),
			Weight: number(4), Points: number(12), Page: 1, Box: box})
	}
	return r
}

func fillVerdict(label verification.Label) verification.Verdict {
	v := verification.Verdict{Label: label, Confidence: 0.9, Policy: "made-up"}
	for _, name := range []string{"identity", "arithmetic", "course", "ipk"} {
		v.Checks = append(v.Checks, verification.Check{Name: name, Outcome: verification.Pass, Detail: "As it should be.",
			Evidence: []verification.Evidence{{Field: "rows[3].grade", Page: 1, Read: "A", Expected: "B"}}})
	}
	return v
}
