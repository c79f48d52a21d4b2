// Package cloud stands for the client of Pulumi Cloud's REST API, which takes a quarter of the compiler's time.
package cloud

import (
	"context"
	"errors"

	"github.com/pulumi/pulumi/pkg/v3/backend/httpstate/client"
	"github.com/spf13/cobra"
)

var errLeftOut = errors.New("this Pulumi CLI was built without the client of Pulumi Cloud's REST API: " +
	"install the official one for it (https://pulumi.com/install)")

// APIError is what the CLI looks for among its errors; none is ever made.
type APIError struct {
	ExitCode int
	Silent   bool
}

func (*APIError) Error() string { return errLeftOut.Error() }

// ResolvedContext has what `pulumi org` and `pulumi insights` ask for.
type ResolvedContext struct {
	Client   *client.Client
	OrgName  string
	LoggedIn bool
}

// ResolveContext refuses.
func ResolveContext(context.Context) (*ResolvedContext, error) { return nil, errLeftOut }

// NewAPICmd returns a `pulumi api` that refuses.
func NewAPICmd() *cobra.Command {
	return &cobra.Command{
		Use:                "api",
		Short:              "Call any Pulumi Cloud API endpoint (left out of this build)",
		DisableFlagParsing: true,
		RunE:               func(*cobra.Command, []string) error { return errLeftOut },
	}
}
