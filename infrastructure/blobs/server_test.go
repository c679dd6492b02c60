package blobs

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/minio/minio-go/v7"
	"github.com/stretchr/testify/require"

	"asprak/application"
)

const (
	testBucket = "documents"
	testKey    = "key-of-the-test"
)

// shortPatience keeps the tests of absent and silent servers quick.
var shortPatience = patience{answer: 2 * time.Second, tries: 3, pause: time.Millisecond}

// server is S3-compatible storage over HTTP, in memory, that can fail on demand. It knows one
// access key and does not check its secret.
type server struct {
	url  string
	kill func()

	mu    sync.Mutex
	fault func(w http.ResponseWriter, r *http.Request) bool // true: it has dealt with the request
	seen  []*http.Request
}

func newServer(t *testing.T) *server {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", testKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	backend := s3mem.New()
	require.NoError(t, backend.CreateBucket(testBucket))
	s := &server{}
	storage := gofakes3.New(backend).Server()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.seen = append(s.seen, r)
		fault := s.fault
		s.mu.Unlock()
		if fault != nil && fault(w, r) {
			return
		}
		if !strings.Contains(r.Header.Get("Authorization"), "Credential="+testKey+"/") {
			refuse(w, http.StatusForbidden, "InvalidAccessKeyId", "The key is not known here.")
			return
		}
		storage.ServeHTTP(w, r)
	}))
	t.Cleanup(web.Close)
	s.url, s.kill = web.URL, web.Close
	return s
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	type Error struct{ Code, Message string }
	_ = xml.NewEncoder(w).Encode(Error{code, message})
}

// failing sets what happens to requests from now on; nil: nothing.
func (s *server) failing(fault func(w http.ResponseWriter, r *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault, s.seen = fault, nil
}

// requests are those of the method since failing was called.
func (s *server) requests(method string) []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.seen), func(r *http.Request) bool { return r.Method != method })
}

func (s *server) location(bucket string) *url.URL {
	at, err := url.Parse("s3://" + bucket + "?endpoint=" + url.QueryEscape(s.url))
	if err != nil {
		panic(err)
	}
	return at
}

func (s *server) open(t *testing.T) application.Blobs { return s.bucket(t) }

func (s *server) bucket(t *testing.T) *Bucket {
	t.Helper()
	b, err := openBucket(t.Context(), s.location(testBucket), shortPatience)
	require.NoError(t, err)
	return b
}

func (s *server) kept(t *testing.T) []string {
	t.Helper()
	return keys(t, s.bucket(t))
}

func keys(t *testing.T, b *Bucket) []string {
	t.Helper()
	var out []string
	for object := range b.client.ListObjectsIter(t.Context(), b.bucket, minio.ListObjectsOptions{Prefix: b.prefix, Recursive: true}) {
		require.NoError(t, object.Err)
		out = append(out, strings.TrimPrefix(object.Key, b.prefix))
	}
	return out
}

func (s *server) damage(t *testing.T, key string) {
	t.Helper()
	cut(t, s.bucket(t), key)
}

func cut(t *testing.T, b *Bucket, key string) {
	t.Helper()
	_, err := b.client.Client.PutObject(t.Context(), b.bucket, b.prefix+key, strings.NewReader("wh"), 2, minio.PutObjectOptions{})
	require.NoError(t, err)
}

// realVariable names S3-compatible storage that the tests of all adapters run on, too, in a
// prefix of their own. Credentials are found as the program finds them.
const realVariable = "ASPRAK_S3_TEST_URL"

type realPlace struct{ location *url.URL }

func (p realPlace) open(t *testing.T) application.Blobs { return p.bucket(t) }

func (p realPlace) bucket(t *testing.T) *Bucket {
	t.Helper()
	b, err := OpenBucket(t.Context(), p.location)
	require.NoError(t, err)
	return b
}

func (p realPlace) kept(t *testing.T) []string      { return keys(t, p.bucket(t)) }
func (p realPlace) damage(t *testing.T, key string) { cut(t, p.bucket(t), key) }

func newRealPlace(t *testing.T) place {
	location := os.Getenv(realVariable)
	if location == "" {
		t.Skipf("not run against a real server: %s names none (s3://bucket?region=...&endpoint=...)", realVariable)
	}
	at, err := url.Parse(location)
	require.NoError(t, err)
	at.Path += "/asprak-test-" + uuid.NewString()
	p := realPlace{at}
	b := p.bucket(t)
	t.Cleanup(func() {
		for object := range b.client.ListObjectsIter(context.Background(), b.bucket, minio.ListObjectsOptions{Prefix: b.prefix, Recursive: true}) {
			require.NoError(t, b.client.RemoveObject(context.Background(), b.bucket, object.Key, minio.RemoveObjectOptions{}))
		}
	})
	return p
}

// cutAfter breaks the connection when so many bytes of the request's body have arrived.
func cutAfter(r *http.Request, bytes int64) {
	_, _ = io.CopyN(io.Discard, r.Body, bytes)
	panic(http.ErrAbortHandler)
}

// halve answers with half the body that it announces, and breaks the connection.
func halve(w http.ResponseWriter, whole string) {
	w.Header().Set("Content-Length", fmt.Sprint(len(whole)))
	w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
	_, _ = io.WriteString(w, whole[:len(whole)/2])
	panic(http.ErrAbortHandler)
}
