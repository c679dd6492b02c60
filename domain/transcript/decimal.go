package transcript

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Decimal is an exact decimal number with four digits after the point, held in
// ten-thousandths: 3.75 is Decimal(37500). Credits (SKS), weights, points and
// averages all fit; binary floating point would make "equal passes" a matter of luck.
type Decimal int64

const decimalUnit = 10_000

// ErrDecimal is what ParseDecimal answers for text that is not a plain decimal number.
var ErrDecimal = errors.New("transcript: not a decimal number")

// DecimalOf returns the whole number n as a Decimal.
func DecimalOf(n int) Decimal { return Decimal(n) * decimalUnit }

// MustDecimal is ParseDecimal for constants in code and tests; it panics on bad text.
func MustDecimal(s string) Decimal {
	d, err := ParseDecimal(s)
	if err != nil {
		panic(err)
	}
	return d
}

// ParseDecimal reads "3", "3.75" or "3,75" (comma and point are one). More than four
// digits after the mark, thousands separators, exponents and blanks are refused.
func ParseDecimal(s string) (Decimal, error) {
	t := strings.Replace(s, ",", ".", 1)
	neg := strings.HasPrefix(t, "-")
	t = strings.TrimPrefix(t, "-")
	whole, frac, _ := strings.Cut(t, ".")
	if whole == "" || len(whole) > 12 || len(frac) > 4 || strings.HasSuffix(t, ".") || !digits(whole) || !digits(frac) {
		return 0, fmt.Errorf("%w: %q", ErrDecimal, s)
	}
	n, _ := strconv.ParseInt(whole, 10, 64)
	f, _ := strconv.ParseInt((frac + "0000")[:4], 10, 64)
	d := Decimal(n*decimalUnit + f)
	if neg {
		d = -d
	}
	return d, nil
}

func digits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// String prints the number with as few digits as it needs: "3", "3.75".
func (d Decimal) String() string {
	sign := ""
	if d < 0 {
		sign, d = "-", -d
	}
	s := fmt.Sprintf("%s%d.%04d", sign, int64(d)/decimalUnit, int64(d)%decimalUnit)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// Float is for scores and plots only, never for a decision.
func (d Decimal) Float() float64 { return float64(d) / decimalUnit }

// Whole reports the number as an int when it has no fraction.
func (d Decimal) Whole() (int, bool) { return int(d / decimalUnit), d%decimalUnit == 0 }

// Mul is the exact product, rounded half away from zero at the fourth digit.
func (d Decimal) Mul(e Decimal) Decimal { return divRound(int64(d)*int64(e), decimalUnit) }

// Div is d/e rounded half away from zero at the fourth digit; 0 when e is 0.
func (d Decimal) Div(e Decimal) Decimal {
	if e == 0 {
		return 0
	}
	return divRound(int64(d)*decimalUnit, int64(e))
}

// Round rounds half away from zero to the given number of digits after the point (0 to 4).
func (d Decimal) Round(places int) Decimal {
	unit := int64(1)
	for i := places; i < 4; i++ {
		unit *= 10
	}
	return divRound(int64(d), unit) * Decimal(unit)
}

// Abs is the distance from zero.
func (d Decimal) Abs() Decimal {
	if d < 0 {
		return -d
	}
	return d
}

func divRound(n, by int64) Decimal {
	if by < 0 {
		n, by = -n, -by
	}
	if n < 0 {
		return Decimal(-((-n + by/2) / by))
	}
	return Decimal((n + by/2) / by)
}

// MarshalJSON writes a JSON number.
func (d Decimal) MarshalJSON() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalJSON reads a JSON number or the same as a string, exactly.
func (d *Decimal) UnmarshalJSON(b []byte) error {
	v, err := ParseDecimal(strings.Trim(string(b), `"`))
	if err != nil {
		return err
	}
	*d = v
	return nil
}
