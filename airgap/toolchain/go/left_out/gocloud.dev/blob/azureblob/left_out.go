// Package azureblob keeps azblob:// known as a state backend, so that it is refused by its name.
package azureblob

import (
	"context"
	"errors"
	"net/url"

	"gocloud.dev/blob"
)

// Scheme begins the address of a container in Azure Blob Storage.
const Scheme = "azblob"

// URLOpener refuses every bucket; Pulumi sets the fields.
type URLOpener struct{ MakeClient, ServiceURLOptions any }

// OpenBucketURL refuses.
func (*URLOpener) OpenBucketURL(context.Context, *url.URL) (*blob.Bucket, error) {
	return nil, errors.New("this Pulumi CLI was built without Azure Blob Storage: install the official one for it (https://pulumi.com/install)")
}

// NewDefaultClient is only handed to URLOpener.
func NewDefaultClient() {}

// NewDefaultServiceURLOptions is only handed to URLOpener.
func NewDefaultServiceURLOptions() *struct{} { return &struct{}{} }

func init() { blob.DefaultURLMux().RegisterBucket(Scheme, &URLOpener{}) }
