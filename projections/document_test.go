package projections

import (
	"testing"

	"github.com/stretchr/testify/require"

	"asprak/domain"
	"asprak/domain/transcript"
	"asprak/domain/verification"
)

func TestDocument_EachEvent_MovesTheRow(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story := newStory(t)
		p := person("Budi", "21/482851/SV/20006")
		app := story.submit(opening1, p)
		document := domain.DocumentID(app, hash("a"))
		found := reading("IF101", "IF102", "IF103")
		rejected := verdict("rejected:ipk_below_min")
		revision := int64(3)
		corrected := p
		corrected.NIM = "21/482851/SV/20007"
		machine := domain.Versions{Engine: "e1", Layout: "l1"}
		judged := domain.Versions{Engine: "e1", Layout: "l1", Policy: "p1"}

		row := DocumentRow{ID: document, ApplicationID: app, NIM: p.NIM, Kind: transcript.KHS, Type: "application/pdf", Size: 10, SHA256: hash("a"), FileName: "khs.pdf",
			Status: "verifying", Submission: 1, Attempt: 1}
		for _, step := range []struct {
			name   string
			tell   func()
			change func(*DocumentRow)
		}{
			{"uploaded", func() { story.upload(app, hash("a")) }, func(*DocumentRow) {}},
			{"read", func() { story.read(app, document, found) }, func(d *DocumentRow) {
				d.Reading, d.RowsKey, d.Millis, d.Versions = &found, transcript.RowsKey(found), 42, &machine
			}},
			{"rejected", func() {
				story.tell(applicationName(app), system, &domain.DocumentRejected{DocumentID: document, Attempt: 1, Verdict: rejected, OpeningRevision: 3})
			}, func(d *DocumentRow) {
				d.Verdict, d.OpeningRevision, d.Versions = &rejected, &revision, &judged
				d.Status, d.Label, d.DecidedBy = "rejected", "rejected:ipk_below_min", "machine"
			}},
			{"overridden", func() {
				story.tell(applicationName(app), admin, &domain.VerificationOverridden{DocumentID: document, Outcome: "verified", Reason: "seen", Before: "rejected:ipk_below_min"})
			}, func(d *DocumentRow) {
				d.Override = &domain.Override{Outcome: "verified", Reason: "seen", Before: "rejected:ipk_below_min"}
				d.Status, d.Label, d.DecidedBy = "verified", "verified", "person"
			}},
			{"reread", func() {
				story.tell(applicationName(app), admin, &domain.DocumentRereadRequested{DocumentID: document, Reason: "new engine"})
			}, func(d *DocumentRow) {
				d.Attempt, d.Status, d.Label, d.DecidedBy = 2, "verifying", "", ""
				d.Reading, d.RowsKey, d.Millis, d.Versions, d.Verdict, d.OpeningRevision, d.Override = nil, "", 0, nil, nil, nil, nil
			}},
			{"failed", func() {
				story.tell(applicationName(app), system, &domain.DocumentReadingFailed{DocumentID: document, Attempt: 2, Code: "timeout", Tries: 5})
			}, func(d *DocumentRow) {
				d.Status, d.Failure = "reading_failed", &domain.ReadingFailure{Code: "timeout", Tries: 5}
			}},
			{"read after all", func() { story.read(app, document, found) }, func(d *DocumentRow) {
				d.Reading, d.RowsKey, d.Millis, d.Versions = &found, transcript.RowsKey(found), 42, &machine
			}},
			{"referred", func() { story.judge(app, document, "review:low_confidence") }, func(d *DocumentRow) {
				v, zero := verdict("review:low_confidence"), int64(0)
				d.Verdict, d.OpeningRevision, d.Versions, d.Failure = &v, &zero, &judged, nil
				d.Status, d.Label, d.DecidedBy = "in_review", "review:low_confidence", "machine"
			}},
			{"resubmitted and sent again", func() {
				story.tell(applicationName(app), admin, &domain.ApplicationWithdrawn{}, &domain.ApplicationResubmitted{Applicant: corrected})
				story.upload(app, hash("a"))
			}, func(d *DocumentRow) {
				*d = DocumentRow{ID: document, ApplicationID: app, NIM: corrected.NIM, Kind: transcript.KHS, Type: "application/pdf", Size: 10, SHA256: hash("a"), FileName: "khs.pdf",
					Status: "verifying", Submission: 2, Attempt: 3}
			}},
			{"verified", func() { story.judge(app, document, "verified") }, func(d *DocumentRow) {
				v, zero := verdict("verified"), int64(0)
				d.Verdict, d.OpeningRevision, d.Versions = &v, &zero, &domain.Versions{Policy: "p1"}
				d.Status, d.Label, d.DecidedBy = "verified", "verified", "machine"
			}},
		} {
			step.tell()
			story.feed(s)
			step.change(&row)
			last := story.records[len(story.records)-1]
			if last.Type == "DocumentUploaded" {
				row.UploadedAt = last.RecordedAt
			}
			row.UpdatedAt, row.Revision, row.Position = last.RecordedAt, last.Revision, last.Position

			got, err := s.Document(background, app, document)
			require.NoError(t, err, step.name)
			require.Equal(t, row, got, step.name)
			state, _ := story.state[app].Document(document)
			require.Equal(t, state.Status(), got.Status, step.name)

			listed, err := s.Documents(background, app)
			require.NoError(t, err)
			bare := row
			bare.Reading, bare.Verdict = nil, nil
			require.Equal(t, []DocumentRow{bare}, listed, step.name)
		}
		_, err := s.Document(background, opening1, document)
		require.Equal(t, "document_not_found", domain.ErrorCode(err), "of another application")
	})
}

func TestDuplicates_OtherStudentsEarlierDocuments_AreFound(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story := newStory(t)
		rows := reading("IF101", "IF102", "IF103")
		key := transcript.RowsKey(rows)
		a := story.submit(opening1, person("A", "21/482851/SV/20006"))
		docA := story.upload(a, hash("a"))
		uploadedA := story.last()
		story.read(a, docA, rows)
		otherScan := story.upload(a, hash("b"))
		story.read(a, otherScan, rows)
		c := story.submit(opening2, person("C", "21/482851/SV/20008"))
		docC := story.upload(c, hash("a"))
		uploadedC := story.last()
		story.read(c, docC, rows)
		story.feed(s)
		end := story.last()

		find := func(before string, sha, rowsKey, nim string) []verification.Duplicate {
			position := end
			if before == "C" {
				position = uploadedC
			}
			found, err := s.Duplicates(background, position, sha, rowsKey, nim)
			require.NoError(t, err)
			return found
		}
		byFile := verification.Duplicate{DocumentID: docA.String(), NIM: "21/482851/SV/20006", Same: "file"}
		byRows := verification.Duplicate{DocumentID: otherScan.String(), NIM: "21/482851/SV/20006", Same: "rows"}
		require.Equal(t, []verification.Duplicate{byFile, byRows}, find("C", hash("a"), key, "21/482851/SV/20008"))
		require.Equal(t, []verification.Duplicate{byFile}, find("C", hash("a"), "", "21/482851/SV/20008"), "no rows key matches nothing")
		require.Equal(t, docC.String(), find("end", hash("a"), key, "21 482851 sv 20006")[0].DocumentID, "own documents under a number separated otherwise are none")
		require.Len(t, find("end", hash("a"), key, "21 482851 sv 20006"), 1)
		require.Empty(t, find("C", hash("c"), "nothing", "1"))
		atOnce, err := s.Duplicates(background, uploadedA, hash("a"), key, "1")
		require.NoError(t, err)
		require.Empty(t, atOnce, "what stands at the position is not before it")

		corrected := story.state[a].Applicant
		corrected.NIM = "21/482851/SV/20008"
		story.tell(applicationName(a), admin, &domain.ApplicationResubmitted{Applicant: corrected})
		story.feed(s)
		require.Empty(t, find("C", hash("a"), key, "21/482851/SV/20008"), "a corrected number is that of all documents")
	})
}

func TestReading_SameBytesAndVersions_IsFoundAgain(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		story := newStory(t)
		app := story.submit(opening1, person("A", "1"))
		document := story.upload(app, hash("a"))
		found := reading("IF101")
		story.read(app, document, found)
		read := story.last()
		story.upload(app, hash("b"))
		story.feed(s)

		versions := domain.Versions{Engine: "e1", Layout: "l1"}
		got, err := s.Reading(background, story.last(), hash("a"), versions)
		require.NoError(t, err)
		require.Equal(t, &found, got)
		for _, c := range []struct {
			sha      string
			versions domain.Versions
		}{{hash("b"), versions}, {hash("a"), domain.Versions{Engine: "e2", Layout: "l1"}}, {hash("a"), domain.Versions{Engine: "e1", Layout: "l2"}}} {
			got, err := s.Reading(background, story.last(), c.sha, c.versions)
			require.NoError(t, err)
			require.Nil(t, got)
		}
		got, err = s.Reading(background, read, hash("a"), versions)
		require.NoError(t, err)
		require.Nil(t, got, "not recorded before the position")

		story.tell(applicationName(app), admin, &domain.DocumentRereadRequested{DocumentID: document})
		story.feed(s)
		got, err = s.Reading(background, story.last(), hash("a"), versions)
		require.NoError(t, err)
		require.Equal(t, &found, got, "what was read of the bytes before stays known")
	})
}
