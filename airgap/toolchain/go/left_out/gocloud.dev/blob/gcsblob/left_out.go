// Package gcsblob keeps gs:// known as a state backend, so that it is refused by its name.
package gcsblob

import (
	"context"
	"errors"
	"net/url"

	"gocloud.dev/blob"
)

// Scheme begins the address of a bucket in Google Cloud Storage.
const Scheme = "gs"

type opener struct{}

func (opener) OpenBucketURL(context.Context, *url.URL) (*blob.Bucket, error) {
	return nil, errors.New("this Pulumi CLI was built without Google Cloud Storage: install the official one for it (https://pulumi.com/install)")
}

func init() { blob.DefaultURLMux().RegisterBucket(Scheme, opener{}) }
