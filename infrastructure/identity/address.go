package identity

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"asprak/domain"
)

// Bounds of an address, in bytes (RFC 5321, 4.5.3.1 and its erratum 1690).
const (
	maxAddress = 254
	maxLocal   = 64
)

// address is an e-mail address in the one spelling by which accounts are found: lower-case, the domain in the letters of
// the DNS. What RFC 5321 allows in quotes is refused.
func address(text string) (whole, host string, err error) {
	bad := domain.InvalidField("email", "This must be an e-mail address such as siti@mail.ugm.ac.id.")
	text = strings.ToLower(strings.TrimSpace(text))
	local, host, ok := strings.Cut(text, "@")
	if !ok || len(text) > maxAddress || local == "" || len(local) > maxLocal || !utf8.ValidString(text) {
		return "", "", bad
	}
	if strings.ContainsFunc(local, func(r rune) bool {
		return !unicode.IsGraphic(r) || unicode.IsSpace(r) || strings.ContainsRune(`"(),:;<>@[\]`, r)
	}) {
		return "", "", bad
	}
	if host, err = idna.Lookup.ToASCII(host); err != nil || host == "" {
		return "", "", bad
	}
	if whole = local + "@" + host; len(whole) > maxAddress {
		return "", "", bad
	}
	return whole, host, nil
}

// Domains are those whose addresses may register: each name itself, and with a dot before it all names below it.
type Domains []string

// ParseDomains reads a list with commas; "" is none.
func ParseDomains(list string) (Domains, error) {
	var all Domains
	for _, name := range strings.Split(list, ",") {
		name = strings.ToLower(strings.TrimSpace(name))
		if name == "" {
			continue
		}
		below := strings.HasPrefix(name, ".")
		ascii, err := idna.Lookup.ToASCII(strings.TrimPrefix(name, "."))
		if err != nil || ascii == "" || strings.ContainsAny(ascii, "@/ ") {
			return nil, domain.InvalidField("account-domains", "%q is no domain such as mail.ugm.ac.id or .ugm.ac.id.", name)
		}
		if below {
			ascii = "." + ascii
		}
		all = append(all, ascii)
	}
	return all, nil
}

func (d Domains) hold(host string) bool {
	return slices.ContainsFunc(d, func(name string) bool {
		return host == name || strings.HasPrefix(name, ".") && strings.HasSuffix(host, name)
	})
}
