package application

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"asprak/domain"
)

// sealedMember is behind the members of what is left of the event, so that whoever opens nothing reads
// an event of the plain shape.
const sealedMember = `"sealed":"`

// seal makes the payload of a personal event: what is left without the key, and sealed the whole.
// The fingerprint of the command goes with it, as a hash of a name is as good as the name to who can guess it.
func seal(left domain.Event, whole []byte, fingerprint, name string, id uuid.UUID, key Key) ([]byte, error) {
	plain, err := json.Marshal(left)
	if err != nil {
		return nil, err
	}
	if len(fingerprint) > 255 {
		return nil, errors.New("the fingerprint is too long")
	}
	content := make([]byte, 0, 1+len(fingerprint)+len(whole))
	content = append(content, byte(len(fingerprint)))
	content = append(append(content, fingerprint...), whole...)
	sealed, err := key.Seal(content, about(name, id))
	if err != nil {
		return nil, err
	}
	data := bytes.NewBuffer(make([]byte, 0, len(plain)+len(sealedMember)+base64.StdEncoding.EncodedLen(len(sealed))+3))
	data.Write(plain[:len(plain)-1])
	if len(plain) > len("{}") {
		data.WriteByte(',')
	}
	data.WriteString(sealedMember)
	data.Write(base64.StdEncoding.AppendEncode(nil, sealed))
	data.WriteString(`"}`)
	return data.Bytes(), nil
}

// about is what a sealed text belongs to; an event's id stands in the log once.
func about(name string, id uuid.UUID) []byte { return append([]byte(name), id[:]...) }

// unseal returns the whole payload and the fingerprint, or what is left of them.
func (c *Codec) unseal(r Record, id uuid.UUID) (json.RawMessage, string, error) {
	if c.keys == nil {
		return nil, "", fmt.Errorf("%w: %s (%s, revision %d) is sealed, and there is none", ErrKeyUnknown, r.Type, r.Stream, r.Revision)
	}
	key, err := c.keys.Key(id)
	if errors.Is(err, ErrKeyDestroyed) {
		return r.Data, "", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("codec: %s (%s, revision %d): %w", r.Type, r.Stream, r.Revision, err)
	}
	var payload struct {
		Sealed []byte `json:"sealed"`
	}
	if err := unmarshalObject(r.Data, &payload); err != nil {
		return nil, "", broken(r, err)
	}
	content, err := key.Open(payload.Sealed, about(r.Type, r.ID))
	if err != nil {
		return nil, "", broken(r, err)
	}
	if len(content) == 0 || len(content) < 1+int(content[0]) {
		return nil, "", broken(r, errors.New("sealed content is cut off"))
	}
	whole := 1 + int(content[0])
	return content[whole:], string(content[1:whole]), nil
}
