package eventstoredb_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"asprak/application"
	"asprak/infrastructure/eventstoredb"
)

// withTLS puts TLS before a server that has none, and returns the address and a file with the
// certificate to trust.
func withTLS(t *testing.T, server string) (address, ca string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	ca = filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, NextProtos: []string{"h2"},
	})
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			outer, err := listener.Accept()
			if err != nil {
				return
			}
			inner, err := net.Dial("tcp", server)
			if err != nil {
				outer.Close()
				continue
			}
			pipe := func(to, from net.Conn) {
				_, _ = io.Copy(to, from) // ends when either side does
				to.Close()
				from.Close()
			}
			go pipe(outer, inner)
			go pipe(inner, outer)
		}
	}()
	return listener.Addr().String(), ca
}

func TestOpen_TLS_TrustsWhatTheConnectionStringNames(t *testing.T) {
	address, ca := withTLS(t, serve(t).Address())
	log := open(t, "esdb://me:secret@"+address+"?tlsCAFile="+url.QueryEscape(ca), eventstoredb.Options{})
	appendTo(t, log, "s", application.NoStream, event("T"))
	require.Len(t, read(t, log, "s"), 1)

	_, err := eventstoredb.Open(bounded(t), "esdb://me:secret@"+address+"?maxDiscoverAttempts=1", eventstoredb.Options{Timeout: 5 * time.Second})
	require.ErrorIs(t, err, application.ErrUnavailable)
	require.ErrorContains(t, err, "certificate")
	require.NotContains(t, err.Error(), "secret")
}
