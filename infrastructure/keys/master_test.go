package keys_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"asprak/infrastructure/keys"
)

// transit answers as the transit engine of Vault does, for one key and one token.
type transit struct {
	key   tink.AEAD
	asked int
}

const vaultToken = "s.token"

func (v *transit) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.asked++
	var body struct{ Plaintext, Ciphertext string }
	if r.Header.Get("X-Vault-Token") != vaultToken || json.NewDecoder(r.Body).Decode(&body) != nil {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	const version = "vault:v1:"
	answer := map[string]string{}
	switch r.URL.Path {
	case "/v1/transit/encrypt/asprak":
		plain, _ := base64.StdEncoding.DecodeString(body.Plaintext)
		sealed, _ := v.key.Encrypt(plain, nil)
		answer["ciphertext"] = version + base64.StdEncoding.EncodeToString(sealed)
	case "/v1/transit/decrypt/asprak":
		sealed, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(body.Ciphertext, version))
		plain, err := v.key.Decrypt(sealed, nil)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		answer["plaintext"] = base64.StdEncoding.EncodeToString(plain)
	default:
		w.WriteHeader(http.StatusNotFound)
		return
	}
	json.NewEncoder(w).Encode(map[string]any{"data": answer})
}

func newTransit(t *testing.T) *transit {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	require.NoError(t, err)
	key, err := aead.New(handle)
	require.NoError(t, err)
	return &transit{key: key}
}

func TestOpen_MasterKeySealedByAKMS_OpensWithItOnly(t *testing.T) {
	engine := newTransit(t)
	server := httptest.NewServer(engine)
	defer server.Close()
	t.Setenv("VAULT_ADDR", server.URL)
	t.Setenv("VAULT_TOKEN", vaultToken)
	folder := t.TempDir()
	ring, master := filepath.Join(folder, "keys.db"), keys.Master{File: filepath.Join(folder, "master.key"), KMS: "transit/keys/asprak"}
	one, err := keys.Open(t.Context(), ring, master)
	require.NoError(t, err)
	defer one.Close()
	key, err := one.New(t.Context())
	require.NoError(t, err)
	content, err := os.ReadFile(master.File)
	require.NoError(t, err)
	require.Contains(t, string(content), "encryptedKeyset")
	require.NotContains(t, string(content), `"keyData"`)

	other, err := keys.Open(t.Context(), ring, master)
	require.NoError(t, err)
	defer other.Close()
	asked := engine.asked
	_, err = other.Key(key.ID())
	require.NoError(t, err)
	require.Equal(t, asked, engine.asked, "it is asked at the start only")

	_, err = keys.Open(t.Context(), ring, keys.Master{File: master.File})
	require.ErrorContains(t, err, "not sealed by a KMS")
	t.Setenv("VAULT_TOKEN", "s.other")
	_, err = keys.Open(t.Context(), ring, master)
	require.ErrorContains(t, err, "403")
	t.Setenv("VAULT_TOKEN", vaultToken)
	engine.key = newTransit(t).key
	_, err = keys.Open(t.Context(), ring, master)
	require.ErrorContains(t, err, "sealed by the KMS", "another key of the KMS")
	server.Close()
	_, err = keys.Open(t.Context(), ring, master)
	require.ErrorContains(t, err, "connection refused")
}

func TestOpen_KMSIsAway_LeavesNothingBehind(t *testing.T) {
	t.Setenv("VAULT_ADDR", "http://127.0.0.1:1")
	folder := t.TempDir()
	master := keys.Master{File: filepath.Join(folder, "master.key"), KMS: "transit/keys/asprak"}
	_, err := keys.Open(t.Context(), filepath.Join(folder, "keys.db"), master)
	require.ErrorContains(t, err, "connection refused")
	left, err := filepath.Glob(filepath.Join(folder, "*.key*"))
	require.NoError(t, err)
	require.Empty(t, left)
	_, err = keys.Open(t.Context(), filepath.Join(folder, "keys.db"), keys.Master{File: master.File, KMS: "transit/asprak"})
	require.ErrorContains(t, err, "malformed")
}

func TestOpen_PlainMasterKeyWithAKMS_IsRefused(t *testing.T) {
	server := httptest.NewServer(newTransit(t))
	defer server.Close()
	t.Setenv("VAULT_ADDR", server.URL)
	t.Setenv("VAULT_TOKEN", vaultToken)
	folder := t.TempDir()
	ring, master := filepath.Join(folder, "keys.db"), keys.Master{File: filepath.Join(folder, "master.key")}
	one, err := keys.Open(t.Context(), ring, master)
	require.NoError(t, err)
	require.NoError(t, one.Close())
	master.KMS = "transit/keys/asprak"
	_, err = keys.Open(t.Context(), ring, master)
	require.ErrorContains(t, err, "sealed by the KMS")
}
