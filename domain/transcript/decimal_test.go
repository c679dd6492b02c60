package transcript

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestParseDecimal_BothMarks_AreOne(t *testing.T) {
	for text, want := range map[string]Decimal{
		"3": 30000, "3.75": 37500, "3,75": 37500, "0,5": 5000, "4.00": 40000, "-1,25": -12500, "194,5000": 1945000, "0": 0, "-0": 0, "999999999999": 9999999999990000,
	} {
		got, err := ParseDecimal(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
}

func TestParseDecimal_NotPlain_IsRefused(t *testing.T) {
	for _, text := range []string{"", ".", ",5", "3.", "3,", "1.234,5", "1,234.5", "3.12345", "1e3", " 3", "3 ", "--3", "+3", "3a", "٣", "1234567890123", "NaN", "-"} {
		_, err := ParseDecimal(text)
		require.ErrorIs(t, err, ErrDecimal, text)
	}
}

func TestDecimal_String_UsesFewestDigits(t *testing.T) {
	for text, want := range map[string]string{"3.00": "3", "3.70": "3.7", "3.75": "3.75", "10": "10", "-0.5": "-0.5", "0.0001": "0.0001", "100.0": "100"} {
		require.Equal(t, want, MustDecimal(text).String())
	}
}

func TestDecimal_Rounding_IsHalfAwayFromZero(t *testing.T) {
	for _, c := range []struct {
		text   string
		places int
		want   string
	}{
		{"3.125", 2, "3.13"}, {"3.1249", 2, "3.12"}, {"-3.125", 2, "-3.13"}, {"3.995", 2, "4"}, {"2.5", 0, "3"}, {"-2.5", 0, "-3"}, {"3.4567", 4, "3.4567"}, {"0.005", 2, "0.01"},
	} {
		require.Equal(t, MustDecimal(c.want), MustDecimal(c.text).Round(c.places), c.text)
	}
	require.Equal(t, MustDecimal("0.3333"), DecimalOf(1).Div(DecimalOf(3)))
	require.Equal(t, MustDecimal("0.6667"), DecimalOf(2).Div(DecimalOf(3)))
	require.Equal(t, MustDecimal("-0.6667"), DecimalOf(-2).Div(DecimalOf(3)))
	require.Equal(t, MustDecimal("-0.6667"), DecimalOf(2).Div(DecimalOf(-3)))
}

func TestDecimal_Arithmetic_IsExact(t *testing.T) {
	require.Equal(t, MustDecimal("11.25"), DecimalOf(3).Mul(MustDecimal("3.75")))
	require.Equal(t, MustDecimal("3.47"), MustDecimal("62.50").Div(DecimalOf(18)).Round(2))
	sum := Decimal(0)
	for range 10 {
		sum += MustDecimal("0.1")
	}
	require.Equal(t, DecimalOf(1), sum)
	require.Zero(t, DecimalOf(1).Div(0))
	n, whole := MustDecimal("18.00").Whole()
	require.True(t, whole)
	require.Equal(t, 18, n)
	_, whole = MustDecimal("3.5").Whole()
	require.False(t, whole)
	require.Equal(t, MustDecimal("0.01"), MustDecimal("-0.01").Abs())
}

func TestDecimal_JSON_KeepsTheNumber(t *testing.T) {
	b, err := json.Marshal(MustDecimal("3,70"))
	require.NoError(t, err)
	require.Equal(t, "3.7", string(b))
	for _, text := range []string{"3.7", `"3.7"`, `"3,70"`} {
		var d Decimal
		require.NoError(t, json.Unmarshal([]byte(text), &d), text)
		require.Equal(t, MustDecimal("3.7"), d)
	}
	var d Decimal
	require.Error(t, json.Unmarshal([]byte("3.70001"), &d))
	require.Error(t, json.Unmarshal([]byte("true"), &d))
}

func TestDecimal_Property_ParsesWhatItPrints(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := Decimal(rapid.Int64Range(-1e15, 1e15).Draw(t, "d"))
		back, err := ParseDecimal(d.String())
		if err != nil || back != d {
			t.Fatalf("%d printed %q, parsed %d, %v", int64(d), d.String(), int64(back), err)
		}
	})
}
