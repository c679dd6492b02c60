package transcript_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"asprak/domain/transcript"
	"asprak/domain/transcript/transcripttest"
)

// score counts rows and fields as the measurement does: a row is right when code (name,
// where no code is printed), grade and credits are.
type score struct {
	right, wrong, missed    int
	name, nim, ipk, studies int
}

func (s *score) add(l transcripttest.Layout, study transcripttest.Study, r transcript.Reading) (whole bool) {
	want := map[string]int{}
	for _, c := range study.Courses {
		key := transcript.NormaliseCode(c.Code)
		if !l.Has(transcripttest.Code) {
			key = transcript.NormaliseCourse(c.Name)
		}
		want[key+" "+c.Grade+" "+c.SKS]++
	}
	whole = true
	for _, row := range r.Rows {
		key := ""
		switch {
		case l.Has(transcripttest.Code) && row.Code != nil:
			key = transcript.NormaliseCode(row.Code.Value)
		case !l.Has(transcripttest.Code) && row.Name != nil:
			key = closest(transcript.NormaliseCourse(row.Name.Value), study)
		}
		if row.SKS != nil && row.Grade != nil {
			key += " " + row.Grade.Value + " " + row.SKS.Value.String()
		}
		if want[key] > 0 {
			want[key]--
			s.right++
		} else {
			s.wrong++
			whole = false
		}
	}
	for _, n := range want {
		s.missed += n
		whole = whole && n == 0
	}
	s.studies++
	count := func(n *int, ok bool) {
		if ok {
			*n++
		}
		whole = whole && ok
	}
	count(&s.name, r.Name != nil && strings.EqualFold(r.Name.Value, study.Name))
	count(&s.nim, r.NIM != nil && transcript.NormaliseNIM(r.NIM.Value) == transcript.NormaliseNIM(study.NIM))
	count(&s.ipk, r.IPK != nil && r.IPK.Value == transcript.MustDecimal(study.IPK))
	return whole
}

// closest is the course whose name differs from the one read in one place at most, as one
// misread letter makes it: which letter it was, no reader of words can know.
func closest(read string, study transcripttest.Study) string {
	near := read
	for _, c := range study.Courses {
		name := transcript.NormaliseCourse(c.Name)
		if name == read {
			return read
		}
		least, from, to := min(len(name), len(read)), 0, 0
		for from < least && name[from] == read[from] {
			from++
		}
		for to < least-from && name[len(name)-1-to] == read[len(read)-1-to] {
			to++
		}
		if max(len(name), len(read))-from-to <= 1 {
			near = name
		}
	}
	return near
}

func (s *score) f1() float64 { return 200 * float64(s.right) / float64(2*s.right+s.wrong+s.missed) }

func (s *score) String() string {
	of := func(n int) float64 { return 100 * float64(n) / float64(s.studies) }
	return fmt.Sprintf("row F1 %.1f, name %.1f, NIM %.1f, IPK %.1f of %d", s.f1(), of(s.name), of(s.nim), of(s.ipk), s.studies)
}

// layouts are the same studies in the plain layout and in one of their own each.
func layouts(t *testing.T, n int, see func(*rand.Rand, transcript.File) transcript.File) (plain, drawn score) {
	t.Helper()
	for seed := range uint64(n) {
		r := rand.New(rand.NewPCG(seed, 2))
		study := transcripttest.NewStudy(r)
		l := transcripttest.Plain()
		plain.add(l, study, transcript.Read(see(r, l.Print(study))))
		l = transcripttest.NewLayout(r)
		if !drawn.add(l, study, transcript.Read(see(r, l.Print(study)))) {
			t.Logf("seed %d: %d columns, side by side %v, wrapped %d, tiles %v", seed, len(l.Columns), l.Side, l.Wrap, l.Tiles)
		}
	}
	return plain, drawn
}

func TestRead_LayoutsOfNobody_ReadLikeThePlainOne(t *testing.T) {
	plain, drawn := layouts(t, 200, func(_ *rand.Rand, f transcript.File) transcript.File { return f })
	t.Logf("plain: %s", &plain)
	t.Logf("drawn: %s", &drawn)
	require.InDelta(t, 100, plain.f1(), 0.1)
	require.GreaterOrEqual(t, drawn.f1(), plain.f1()-2)
	for _, n := range []int{drawn.name, drawn.nim, drawn.ipk} {
		require.GreaterOrEqual(t, n*100, drawn.studies*98)
	}
}

func TestRead_LayoutsOfNobodyWithSlips_ReadLikeThePlainOne(t *testing.T) {
	plain, drawn := layouts(t, 200, func(r *rand.Rand, f transcript.File) transcript.File { return transcripttest.Slips(r, f, 3) })
	t.Logf("plain: %s", &plain)
	t.Logf("drawn: %s", &drawn)
	require.GreaterOrEqual(t, plain.f1(), 97.0)
	require.GreaterOrEqual(t, drawn.f1(), plain.f1()-2)
}
