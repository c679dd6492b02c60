package samples

import (
	"testing"

	"github.com/stretchr/testify/require"

	"asprak/domain/verification"
)

func TestLoad_EachSample_HasItsFileItsSenderAndAKnownLabel(t *testing.T) {
	set, err := Load()
	require.NoError(t, err)
	entries, err := files.ReadDir(".")
	require.NoError(t, err)
	require.Len(t, set.Samples, len(entries)-1, "a document without its sample, or the reverse")
	nims, outcomes, total := map[string]bool{}, map[string]bool{}, 0
	for _, sample := range set.Samples {
		content, err := Content(sample.File)
		require.NoError(t, err, sample.File)
		total += len(content)
		require.Contains(t, verification.Labels(), sample.Expected, sample.File)
		require.False(t, nims[sample.Applicant.NIM], "two samples of one applicant")
		nims[sample.Applicant.NIM] = true
		outcomes[sample.Expected.Outcome()] = true
		require.NotEmpty(t, sample.Story)
		found, err := set.Find(sample.File)
		require.NoError(t, err)
		require.Equal(t, sample, found)
	}
	require.Less(t, total, 2<<20, "every clone carries the samples")
	require.Len(t, outcomes, 3, "the demo shows verified, rejected and review")
}

func TestFind_UnknownFile_IsAnError(t *testing.T) {
	_, err := Set{}.Find("none.pdf")
	require.ErrorContains(t, err, "none.pdf")
}
