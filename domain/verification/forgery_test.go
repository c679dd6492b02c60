package verification_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"asprak/domain/transcript"
	"asprak/domain/transcript/transcripttest"
	"asprak/domain/verification"
)

// opening is a study with an opening that asks for no more than it shows.
type opening struct {
	study       transcripttest.Study
	layout      transcripttest.Layout
	course      int
	applicant   verification.Applicant
	requirement verification.Requirement
}

func drawOpening(r *rand.Rand) opening {
	o := opening{study: transcripttest.NewStudy(r), layout: transcripttest.NewLayout(r)}
	o.course = r.IntN(len(o.study.Courses))
	c := o.study.Courses[o.course]
	ipk := transcript.MustDecimal(o.study.IPK)
	o.applicant = verification.Applicant{Name: o.study.Name, NIM: o.study.NIM}
	o.requirement = verification.Requirement{Course: verification.Course{Codes: []string{c.Code}, Name: c.Name}, MinGrade: c.Grade, MinIPK: &ipk}
	return o
}

// judge is the verdict on what the page shows.
func (o opening) judge(file transcript.File) verification.Label {
	return verification.Judge(transcript.Read(file), o.applicant, o.requirement, nil, verification.DefaultPolicy()).Label
}

// sights are how a page comes before the reader: as a text layer, or recognised with slips.
var sights = map[string]func(*rand.Rand, transcript.File) transcript.File{
	"text layer": func(_ *rand.Rand, f transcript.File) transcript.File { return f },
	"recognised": func(r *rand.Rand, f transcript.File) transcript.File { return transcripttest.Slips(r, f, 2) },
}

func TestJudge_Forgeries_AreNeverVerified(t *testing.T) {
	const documents = 40
	for _, sight := range []string{"text layer", "recognised"} {
		t.Run(sight, func(t *testing.T) {
			for n, f := range transcripttest.Forgeries() {
				labels := map[verification.Label]int{}
				forged, silent := 0, 0
				for seed := range uint64(documents) {
					r := rand.New(rand.NewPCG(seed, uint64(n)))
					o := drawOpening(r)
					shown, ok := f.Forge(r, o.layout, o.study, o.course)
					if !ok {
						continue
					}
					same := shown.Name == o.study.Name && shown.NIM == o.study.NIM
					if same && len(shown.Notes) == 0 && !o.layout.Tells(shown) {
						silent++
						continue
					}
					if len(shown.Notes) > 0 {
						// The forger needs what only the line added says.
						claimed := transcript.MustDecimal(strings.ReplaceAll(strings.Fields(shown.Notes[0])[2], ",", "."))
						o.requirement.MinIPK = &claimed
					}
					file := sights[sight](r, o.layout.Print(shown))
					if f.Name == "IPS" && !shows(file, shown.IPS) {
						silent++ // a slip took the forged number from the page
						continue
					}
					forged++
					label := o.judge(file)
					labels[label]++
					if label == verification.Verified {
						t.Errorf("%s: seed %d is verified", f.Name, seed)
					}
				}
				caught := forged - labels[verification.Verified]
				t.Logf("%-10s  %-42s caught %d of %d (%.0f %%), %d more that no number on the page tells; %s", sight, f.Name, caught, forged, 100*float64(caught)/float64(max(forged, 1)), silent, most(labels))
				require.GreaterOrEqual(t, forged, documents/6, "%s: too few to say anything", f.Name)
			}
		})
	}
}

func shows(file transcript.File, number string) bool {
	for _, p := range file.Pages {
		for _, w := range p.Words {
			if strings.ReplaceAll(w.Text, ",", ".") == number {
				return true
			}
		}
	}
	return false
}

// most is the label that comes most often.
func most(labels map[verification.Label]int) string {
	best := verification.Label("")
	for l, n := range labels {
		if n > labels[best] || n == labels[best] && l < best {
			best = l
		}
	}
	return fmt.Sprintf("mostly %s", best)
}

func TestJudge_HonestLayoutsOfNobody_AreVerified(t *testing.T) {
	const documents = 200
	for sight, least := range map[string]int{"text layer": 99, "recognised": 85} {
		t.Run(sight, func(t *testing.T) {
			labels := map[verification.Label]int{}
			for seed := range uint64(documents) {
				r := rand.New(rand.NewPCG(seed, 77))
				o := drawOpening(r)
				label := o.judge(sights[sight](r, o.layout.Print(o.study)))
				labels[label]++
				require.NotEqual(t, "rejected", label.Outcome(), "seed %d: %s", seed, label)
			}
			t.Logf("%v", labels)
			require.GreaterOrEqual(t, 100*labels[verification.Verified], least*documents)
		})
	}
}
