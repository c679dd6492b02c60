package blobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"asprak/application"
)

// defaultRegion is what servers that know no regions expect to be signed.
const defaultRegion = "us-east-1"

// Bucket keeps blobs in S3-compatible storage. It is safe for concurrent use.
//
// It speaks through minio-go: beside it the AWS SDK adds twice as much to the program and gocloud.dev
// eight times, and it can be told the hash that the server has to find.
type Bucket struct {
	client   minio.Core
	bucket   string
	prefix   string
	patience patience
}

var _ application.Blobs = (*Bucket)(nil)

// OpenBucket uses the bucket of s3://bucket/prefix?region=...&endpoint=http://host:port and
// fails unless it can be listed, so that a wrong name or key shows at the start. All but the bucket can be left out; the region
// is then AWS_REGION's, the endpoint AWS's own. Credentials come from AWS_ACCESS_KEY_ID and
// AWS_SECRET_ACCESS_KEY, the shared configuration files or the machine's role.
func OpenBucket(ctx context.Context, location *url.URL) (*Bucket, error) {
	return openBucket(ctx, location, defaultPatience)
}

func openBucket(ctx context.Context, location *url.URL, patience patience) (*Bucket, error) {
	query := location.Query()
	for name := range query {
		if name != "region" && name != "endpoint" {
			return nil, fmt.Errorf("blobs: location: there is no parameter %q, only region and endpoint", name)
		}
	}
	host, secure, err := endpoint(query.Get("endpoint"))
	if err != nil {
		return nil, err
	}
	transport, err := patience.transport(secure)
	if err != nil {
		return nil, fmt.Errorf("blobs: %w", err)
	}
	keys := credentials.NewChainCredentials([]credentials.Provider{
		&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}, &credentials.IAM{},
	})
	client, err := minio.NewCore(host, &minio.Options{
		Creds: keys, Secure: secure, Transport: transport, Region: region(query.Get("region")),
		MaxRetries: 1, // each try here is a request of its own, see persist
	})
	if err != nil {
		return nil, fmt.Errorf("blobs: location: %w", err)
	}
	b := &Bucket{client: *client, bucket: location.Host, patience: patience}
	if prefix := strings.Trim(location.Path, "/"); prefix != "" {
		b.prefix = prefix + "/"
	}
	if err := b.check(ctx, keys, &http.Client{Transport: transport}); err != nil {
		return nil, fmt.Errorf("blobs: s3://%s at %s: %w", b.bucket, client.EndpointURL(), err)
	}
	return b, nil
}

func endpoint(text string) (host string, secure bool, err error) {
	if text == "" {
		return "s3.amazonaws.com", true, nil
	}
	at, err := url.Parse(text)
	if err != nil || at.Scheme != "http" && at.Scheme != "https" || at.Host == "" || at.User != nil || strings.Trim(at.Path, "/") != "" {
		return "", false, errors.New("blobs: location: an endpoint is http://host:port or https://host:port")
	}
	return at.Host, at.Scheme == "https", nil
}

func region(text string) string {
	for _, r := range []string{text, os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION")} {
		if r != "" {
			return r
		}
	}
	return defaultRegion
}

// check finds wrong credentials and a missing bucket. It asks for a list, as the answer to that
// says what is wrong; and who may not list is not told of a missing blob either.
func (b *Bucket) check(ctx context.Context, keys *credentials.Credentials, client *http.Client) error {
	value, err := keys.GetWithContext(&credentials.CredContext{Client: client, Context: ctx})
	if err != nil {
		return err
	}
	if value.AccessKeyID == "" || value.SecretAccessKey == "" {
		return errors.New("no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE")
	}
	return b.patience.persist(ctx, 0, func(ctx context.Context, _ func(int64)) error {
		for object := range b.client.ListObjectsIter(ctx, b.bucket, minio.ListObjectsOptions{Prefix: b.prefix, Recursive: true, MaxKeys: 1}) {
			return object.Err
		}
		return nil
	})
}

// Put streams r into a temporary file, as the hash that names the blob is known at the end
// only, and sends that; see application.Blobs.
func (b *Bucket) Put(ctx context.Context, r io.Reader) (application.Blob, error) {
	spool, err := newSpool()
	if err != nil {
		return application.Blob{}, err
	}
	defer spool.Close()
	blob, err := takeIn(ctx, spool, r)
	if err != nil {
		return application.Blob{}, err
	}
	there, err := b.holds(ctx, blob)
	if err == nil && !there {
		err = b.send(ctx, spool, blob)
	}
	if err != nil {
		return application.Blob{}, b.fault(ctx, err)
	}
	return blob, nil
}

// holds tells whether the blob is there. One of another size can only be damaged.
func (b *Bucket) holds(ctx context.Context, blob application.Blob) (there bool, err error) {
	err = b.patience.persist(ctx, 0, func(ctx context.Context, _ func(int64)) error {
		info, err := b.client.StatObject(ctx, b.bucket, b.key(blob.SHA256), minio.StatObjectOptions{})
		if missing(err) {
			return nil
		}
		there = err == nil && info.Size == blob.Size
		return err
	})
	return there, err
}

// send puts the bytes under their hash. The server is told the hash and refuses other bytes:
// two that send at once write the same, and what breaks off on the way leaves nothing.
func (b *Bucket) send(ctx context.Context, spool *os.File, blob application.Blob) error {
	return b.patience.persist(ctx, blob.Size, func(ctx context.Context, _ func(int64)) error {
		body := io.NewSectionReader(spool, 0, blob.Size)
		_, err := b.client.PutObject(ctx, b.bucket, b.key(blob.SHA256), body, blob.Size, "", blob.SHA256,
			minio.PutObjectOptions{DisableContentSha256: true, ContentType: "application/octet-stream"})
		return err
	})
}

// Open fetches the bytes into a temporary file and checks them against their hash before any
// is handed out; see application.Blobs.
func (b *Bucket) Open(ctx context.Context, sum string) (io.ReadCloser, error) {
	if !isSum(sum) {
		return nil, application.ErrBlobMissing
	}
	var content *os.File
	err := b.patience.persist(ctx, 0, func(ctx context.Context, expect func(int64)) (err error) {
		content, err = b.fetch(ctx, expect, sum)
		return err
	})
	if missing(err) {
		return nil, application.ErrBlobMissing
	}
	if err != nil {
		return nil, b.fault(ctx, err)
	}
	return content, nil
}

// Delete removes the bytes under the hash; see application.Blobs. A bucket that keeps versions keeps
// them, until its own rules end them.
func (b *Bucket) Delete(ctx context.Context, sum string) error {
	if !isSum(sum) {
		return nil
	}
	err := b.patience.persist(ctx, 0, func(ctx context.Context, _ func(int64)) error {
		return b.client.RemoveObject(ctx, b.bucket, b.key(sum), minio.RemoveObjectOptions{})
	})
	if err != nil && !missing(err) {
		return b.fault(ctx, err)
	}
	return nil
}

func (b *Bucket) fetch(ctx context.Context, expect func(int64), sum string) (_ *os.File, err error) {
	body, info, _, err := b.client.GetObject(ctx, b.bucket, b.key(sum), minio.GetObjectOptions{})
	if err != nil {
		return nil, err
	}
	defer body.Close()
	expect(info.Size)
	spool, err := newSpool()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			spool.Close()
		}
	}()
	blob, err := takeIn(ctx, spool, body)
	if err != nil {
		return nil, err
	}
	if blob.SHA256 != sum {
		return nil, fmt.Errorf("%s: the storage holds other bytes, with the hash %s", sum, blob.SHA256)
	}
	_, err = spool.Seek(0, io.SeekStart)
	return spool, err
}

func (b *Bucket) key(sum string) string { return b.prefix + key(sum) }

// fault is the storage's unless the caller has left.
func (b *Bucket) fault(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("blobs: %w", ctx.Err())
	}
	return unavailable(err)
}

func missing(err error) bool {
	var answer minio.ErrorResponse
	return errors.As(err, &answer) && answer.Code == minio.NoSuchKey
}

// newSpool is a file that lives as long as it is open.
func newSpool() (*os.File, error) {
	file, err := os.CreateTemp("", "asprak-blob-*")
	if err != nil {
		return nil, unavailable(err)
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, unavailable(errors.Join(err, file.Close()))
	}
	return file, nil
}
