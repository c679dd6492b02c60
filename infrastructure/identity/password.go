package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"asprak/domain"
)

// Argon2id with the second set of parameters of OWASP's Password Storage Cheat Sheet: 19 MiB, 2 passes, 1 lane.
const (
	argonMemory = 19 * 1024 // KiB
	argonPasses = 2
	argonLanes  = 1
	saltSize    = 16 // bytes
	hashSize    = 32
)

// Bounds of a password, in characters. Nothing is asked of what is in it (NIST SP 800-63B, 3.1.1.2).
const (
	minPassword = 10
	maxPassword = 200
)

// hasher bounds how many passwords are hashed at once, and so the memory and the cores that logins take.
type hasher struct{ slots chan struct{} }

func newHasher() hasher { return hasher{make(chan struct{}, runtime.GOMAXPROCS(0))} }

func (h hasher) hash(ctx context.Context, password string, salt []byte) ([]byte, error) {
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-h.slots }()
	return argon2.IDKey([]byte(password), salt, argonPasses, argonMemory, argonLanes, hashSize), nil
}

// seal is the password's hash in PHC's string format.
func (h hasher) seal(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltSize)
	if _, err := rand.Read(salt); err != nil {
		return "", err
	}
	sum, err := h.hash(ctx, password, salt)
	if err != nil {
		return "", err
	}
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonPasses, argonLanes, b64.EncodeToString(salt), b64.EncodeToString(sum)), nil
}

// nobody is compared with where there is no account, so that this takes as long.
const nobody = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// fits tells whether the password is the one that was sealed.
func (h hasher) fits(ctx context.Context, password, sealed string) (bool, error) {
	var version, memory, passes, lanes int
	parts := strings.Split(sealed, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false, errors.New("identity: a stored password is of an unknown kind")
	}
	if _, err := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &memory, &passes, &lanes); err != nil || version != argon2.Version || memory != argonMemory || passes != argonPasses || lanes != argonLanes {
		return false, errors.New("identity: a stored password was hashed in another way")
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return false, errors.New("identity: a stored password is broken")
	}
	want, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil {
		return false, errors.New("identity: a stored password is broken")
	}
	got, err := h.hash(ctx, password, salt)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}

// checkPassword says what is wrong with a new password, in the words of the field.
func checkPassword(field, password, email string) error {
	switch n := utf8.RuneCountInString(password); {
	case !utf8.ValidString(password):
		return domain.InvalidField(field, "This must be valid UTF-8.")
	case n < minPassword || n > maxPassword:
		return domain.InvalidField(field, "A password has %d to %d characters.", minPassword, maxPassword)
	case strings.EqualFold(password, email):
		return domain.InvalidField(field, "The password must not be the address.")
	}
	return nil
}

// newPassword is one that nobody has to remember for long: 120 random bits.
func newPassword() (string, error) {
	random := make([]byte, 15)
	if _, err := rand.Read(random); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(random), nil
}
