package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"asprak/domain/verification"
)

func TestCalibrate_Cases_BecomeTrials(t *testing.T) {
	good := `{"file":"a.pdf","applicant":{"name":"Hasna Maharani","nim":"20/461438/SV/19779"},"decision":"verified","requirement":{"course_code":"SVPL214308","course_name":"Jaringan Komputer","min_grade":"B+","min_ipk":3.5}}`
	other := strings.NewReplacer("Hasna Maharani", "Budi Contoh", `"verified"`, `"review:identity_partial"`).Replace(good)
	dir := filesIn(t, map[string]string{"a.pdf": "a", "cases.jsonl": good + "\n" + other + "\n", "bad.jsonl": strings.Replace(good, `"verified"`, "7", 1)})
	unsure := oneCourse("HASNA MAHARANI")
	unsure.IPK.Confidence = 0.3
	files := caseFiles{cases: filepath.Join(dir, "cases.jsonl"), dir: dir, policy: verification.DefaultPolicy()}
	var stderr bytes.Buffer
	trials, err := tried(t.Context(), shelf{"a": unsure}, files, 2, 2, &stderr)
	require.NoError(t, err, &stderr)
	require.Len(t, trials, 2)
	require.Equal(t, verification.Trial{Certainty: 0.3, Passed: true, Verify: true, Fold: trials[0].Fold}, trials[0], "no confidence is too small here")
	require.False(t, trials[1].Passed || trials[1].Verify)

	files.cases = filepath.Join(dir, "bad.jsonl")
	_, err = tried(t.Context(), shelf{"a": unsure}, files, 2, 2, &stderr)
	require.ErrorContains(t, err, "1 cases")
	require.Contains(t, stderr.String(), "neither verified nor rejected nor review")
}

func TestCalibrate_Report_SaysWhatItRestsOn(t *testing.T) {
	trials := []verification.Trial{{Certainty: 0.9, Passed: true, Verify: true}, {Certainty: 0.6, Passed: true, Fold: 1}, {Certainty: 0.8, Passed: true, Verify: true, Fold: 1}}
	var out bytes.Buffer
	require.NoError(t, printHeldBack(&out, "Each of 2 parts", verification.CrossValidate(trials, 0.001, 2)))
	for _, text := range []string{"Each of 2 parts:", "wrong accepts   1 of 1", "right accepts   2 of 2", "0.7 to 0.8"} {
		require.Contains(t, out.String(), text)
	}
}
