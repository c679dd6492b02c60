package blobs

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"asprak/application"
)

// large does not fit into the buffers between the two ends.
var large = strings.Repeat("kartu hasil studi ", 500_000)

func putLarge(b *Bucket) error {
	_, err := b.Put(context.Background(), strings.NewReader(large))
	return err
}

func TestBucketPut_Request_NamesTheHashThatTheServerHasToFind(t *testing.T) {
	s := newServer(t)
	b := s.bucket(t)
	s.failing(nil)
	blob := put(t, b, "whole")
	sent := s.requests(http.MethodPut)
	require.Len(t, sent, 1)
	require.Equal(t, blob.SHA256, sent[0].Header.Get("X-Amz-Content-Sha256"))
	put(t, b, "whole")
	require.Len(t, s.requests(http.MethodPut), 1, "what is there is not sent again")
}

func TestBucketPut_ConnectionBreaksMidway_IsSentAgain(t *testing.T) {
	s := newServer(t)
	b := s.bucket(t)
	var broken atomic.Bool
	s.failing(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut && broken.CompareAndSwap(false, true) {
			cutAfter(r, 1<<20)
		}
		return false
	})
	require.NoError(t, putLarge(b))
	require.Len(t, s.requests(http.MethodPut), 2)
	kept := s.kept(t)
	require.Len(t, kept, 1)
	require.Equal(t, large, content(t, b, strings.ReplaceAll(kept[0], "/", "")))
}

func TestBucketPut_StorageFails_IsUnavailableAndLeavesNothing(t *testing.T) {
	for name, fault := range map[string]func(w http.ResponseWriter, r *http.Request) bool{
		"the connection breaks midway": func(_ http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPut {
				cutAfter(r, 1<<20)
			}
			return false
		},
		"the server is overloaded": func(w http.ResponseWriter, r *http.Request) bool {
			refuse(w, http.StatusServiceUnavailable, "SlowDown", "Too many requests.")
			return true
		},
		"the key was revoked": func(w http.ResponseWriter, r *http.Request) bool {
			refuse(w, http.StatusForbidden, "AccessDenied", "Not any more.")
			return true
		},
		"the bucket was removed": func(w http.ResponseWriter, r *http.Request) bool {
			refuse(w, http.StatusNotFound, "NoSuchBucket", "There is none.")
			return true
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			b := s.bucket(t)
			s.failing(fault)
			require.ErrorIs(t, putLarge(b), application.ErrBlobsUnavailable)
			s.failing(nil)
			require.Empty(t, s.kept(t))
			require.NoError(t, putLarge(b), "it is back")
		})
	}
}

func TestBucket_SilentServer_IsUnavailableInTime(t *testing.T) {
	s := newServer(t)
	hasty := patience{answer: 50 * time.Millisecond, tries: 2, pause: time.Millisecond}
	sum := put(t, s.bucket(t), "there").SHA256
	b, err := openBucket(t.Context(), s.location(testBucket), patience{answer: time.Minute, tries: 1})
	require.NoError(t, err)
	b.patience = hasty // the connections keep the minute: it is the call that ends
	s.failing(func(_ http.ResponseWriter, r *http.Request) bool {
		<-r.Context().Done()
		return true
	})
	began := time.Now()
	_, err = b.Put(t.Context(), strings.NewReader("new"))
	require.ErrorIs(t, err, application.ErrBlobsUnavailable)
	require.ErrorIs(t, err, errSlow)
	_, err = b.Open(t.Context(), sum)
	require.ErrorIs(t, err, errSlow)
	_, err = openBucket(t.Context(), s.location(testBucket), hasty)
	require.Error(t, err)
	require.Less(t, time.Since(began), 30*time.Second)
}

func TestBucket_SilenceInTheMiddleOfAnAnswer_IsUnavailableInTime(t *testing.T) {
	s := newServer(t)
	sum := put(t, s.bucket(t), "there").SHA256
	b := s.bucket(t)
	b.patience.answer = 50 * time.Millisecond
	s.failing(func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Length", "5")
		w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
		_, _ = w.Write([]byte("th"))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		return true
	})
	_, err := b.Open(t.Context(), sum)
	require.ErrorIs(t, err, application.ErrBlobsUnavailable)
	require.ErrorIs(t, err, errSlow)
}

func TestBucketOpen_AnswerBreaksMidway_IsFetchedAgain(t *testing.T) {
	s := newServer(t)
	b := s.bucket(t)
	sum := put(t, b, "whole").SHA256
	var broken atomic.Bool
	s.failing(func(w http.ResponseWriter, r *http.Request) bool {
		if broken.CompareAndSwap(false, true) {
			halve(w, "whole")
		}
		return false
	})
	require.Equal(t, "whole", content(t, b, sum))
	s.failing(func(w http.ResponseWriter, r *http.Request) bool { halve(w, "whole"); return true })
	_, err := b.Open(t.Context(), sum)
	require.ErrorIs(t, err, application.ErrBlobsUnavailable)
}

func TestBucketOpen_OtherBytesUnderTheHash_AreNotHandedOut(t *testing.T) {
	s := newServer(t)
	b := s.bucket(t)
	sum := put(t, b, "whole").SHA256
	s.damage(t, key(sum))
	_, err := b.Open(t.Context(), sum)
	require.ErrorIs(t, err, application.ErrBlobsUnavailable)
	require.ErrorContains(t, err, "other bytes")
}

func TestBucket_CallerLeaves_IsNotTheStoragesFault(t *testing.T) {
	s := newServer(t)
	b := s.bucket(t)
	sum := put(t, b, "there").SHA256
	ctx, leave := context.WithCancel(t.Context())
	s.failing(func(_ http.ResponseWriter, r *http.Request) bool {
		leave()
		<-r.Context().Done()
		return true
	})
	_, err := b.Open(ctx, sum)
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, application.ErrBlobsUnavailable)
}

func TestOpenBucket_Prefix_KeepsTwoApart(t *testing.T) {
	s := newServer(t)
	at := s.location(testBucket)
	at.Path = "/faculty/a/"
	inner, err := openBucket(t.Context(), at, shortPatience)
	require.NoError(t, err)
	sum := put(t, inner, "inside").SHA256
	require.Equal(t, []string{"faculty/a/" + key(sum)}, s.kept(t))
	_, err = s.bucket(t).Open(t.Context(), sum)
	require.ErrorIs(t, err, application.ErrBlobMissing)
}

func TestOpenBucket_WrongSettings_SayWhatIsWrong(t *testing.T) {
	s := newServer(t)
	quick := patience{answer: time.Second, tries: 2, pause: time.Millisecond}
	_, err := openBucket(t.Context(), s.location("elsewhere"), quick)
	require.ErrorContains(t, err, "s3://elsewhere")
	require.ErrorContains(t, err, "bucket does not exist")

	t.Setenv("AWS_ACCESS_KEY_ID", "stranger")
	_, err = openBucket(t.Context(), s.location(testBucket), quick)
	require.ErrorContains(t, err, "The key is not known here.")

	t.Setenv("AWS_ACCESS_KEY_ID", testKey)
	s.kill()
	_, err = openBucket(t.Context(), s.location(testBucket), quick)
	require.ErrorContains(t, err, "connection refused")
}

func TestOpenBucket_NoCredentials_SaysHowToGiveThem(t *testing.T) {
	s := newServer(t)
	roles := httptest.NewServer(http.NotFoundHandler()) // there is none, and no look-up goes beyond this machine
	defer roles.Close()
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", roles.URL)
	_, err := openBucket(t.Context(), s.location(testBucket), shortPatience)
	require.ErrorContains(t, err, "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	require.Empty(t, s.requests(http.MethodGet))
}

func TestRegion_IsTheLocationsOrTheEnvironments(t *testing.T) {
	s := newServer(t)
	signedFor := func(at *url.URL) string {
		s.failing(nil)
		_, err := openBucket(t.Context(), at, shortPatience)
		require.NoError(t, err)
		return s.requests(http.MethodGet)[0].Header.Get("Authorization")
	}
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	at := s.location(testBucket)
	require.Contains(t, signedFor(at), "/us-east-1/s3/")
	t.Setenv("AWS_REGION", "ap-southeast-3")
	require.Contains(t, signedFor(at), "/ap-southeast-3/s3/")
	at.RawQuery += "&region=garage"
	require.Contains(t, signedFor(at), "/garage/s3/")
}
