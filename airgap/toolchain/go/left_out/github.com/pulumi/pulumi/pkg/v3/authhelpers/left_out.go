// Package authhelpers signs in to Google Cloud, which this build leaves out.
package authhelpers

import (
	"context"

	"gocloud.dev/blob"
)

// GoogleCredentialsMux returns the openers that refuse gs:// by its name.
func GoogleCredentialsMux(context.Context) (*blob.URLMux, error) { return blob.DefaultURLMux(), nil }
