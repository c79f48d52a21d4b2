package operations

import (
	"context"
	"errors"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
)

// GCPOperationsProvider would read Google Cloud Logging for `pulumi logs`.
func GCPOperationsProvider(context.Context, map[config.Key]string, *Resource) (Provider, error) {
	return nil, errors.New("this Pulumi CLI was built without the logs of Google Cloud: install the official one for them (https://pulumi.com/install)")
}
