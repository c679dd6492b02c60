package standin_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/stretchr/testify/require"

	"asprak/infrastructure/eventstoredb/standin"
)

// certificate is its own authority for loopback; the file holds it for clients.
func certificate(t *testing.T) (config *tls.Config, file string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	file = filepath.Join(t.TempDir(), "ca.crt")
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), 0o600))
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{raw}, PrivateKey: key}}}, file
}

func TestAdmission_TLSAndCredentials_AreAskedFor(t *testing.T) {
	config, file := certificate(t)
	s := startWith(t, standin.Options{TLS: config, User: "tester", Password: "p@ss:word"})
	trusting := s.ConnectionString() + "&tlsCAFile=" + url.QueryEscape(file)
	write(t, connect(t, trusting), "s-1", esdb.NoStream{}, some("First"))

	attempt := func(connection string) error {
		c := connect(t, connection+"&maxDiscoverAttempts=1&gossipTimeout=2")
		_, err := c.AppendToStream(patient(t), "s-1", esdb.AppendToStreamOptions{ExpectedRevision: esdb.Revision(0)}, some("Second"))
		return err
	}
	_, afterUser, _ := strings.Cut(trusting, "@")
	require.Equal(t, esdb.ErrorCodeAccessDenied, code(attempt("esdb://"+afterUser)), "anonymous")
	require.Equal(t, esdb.ErrorCodeUnauthenticated, code(attempt("esdb://tester:other@"+afterUser)))
	require.ErrorContains(t, attempt(s.ConnectionString()), "certificate", "nobody told the client to trust it")
	require.Error(t, attempt(strings.Replace(s.ConnectionString(), "tls=true", "tls=false", 1)))
	require.Len(t, read(t, connect(t, trusting), "s-1", esdb.ReadStreamOptions{From: esdb.Start{}}), 1)
}
