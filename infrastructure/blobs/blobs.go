// Package blobs keeps bytes under their SHA-256, in a folder or in S3-compatible
// storage. A blob is written once and never overwritten. It knows nothing of what the bytes mean.
package blobs

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"

	"asprak/application"
)

// Open uses the storage that the URL names: file:///folder, or s3://bucket with the
// parameters of OpenBucket. The folder must be there: one that is missing is a share that is not mounted.
func Open(ctx context.Context, location string) (application.Blobs, error) {
	at, err := url.Parse(location)
	if err != nil {
		var e *url.Error
		if errors.As(err, &e) { // its text would show what was given away by mistake
			err = e.Err
		}
		return nil, fmt.Errorf("blobs: location: %w", err)
	}
	if at.User != nil {
		return nil, errors.New("blobs: location: credentials do not belong into the URL, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	}
	switch at.Scheme {
	case "file":
		if at.Host != "" || at.Path == "" || at.RawQuery != "" || at.Fragment != "" {
			return nil, errors.New("blobs: location: a folder is file:///absolute/path")
		}
		if _, err := os.Stat(at.Path); err != nil {
			return nil, fmt.Errorf("blobs: the folder must be there: %w", err)
		}
		return OpenFolder(at.Path)
	case "s3":
		return OpenBucket(ctx, at)
	}
	return nil, errors.New("blobs: location: file:///folder or s3://bucket")
}
