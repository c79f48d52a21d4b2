// Package cloud stands for the secrets providers of clouds: awskms, azurekeyvault, gcpkms and hashivault.
package cloud

import (
	"encoding/json"
	"errors"

	"github.com/pulumi/pulumi/pkg/v3/secrets"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
)

// Type is what a stack's state calls these providers.
const Type = "cloud"

var errLeftOut = errors.New("this Pulumi CLI was built without the secrets providers awskms, azurekeyvault, gcpkms and hashivault: " +
	"use passphrase, or install the official CLI for them (https://pulumi.com/install)")

// EditProjectStack refuses.
func EditProjectStack(*workspace.ProjectStack, json.RawMessage) error { return errLeftOut }

// NewCloudSecretsManagerFromState refuses.
func NewCloudSecretsManagerFromState(json.RawMessage) (secrets.Manager, error) {
	return nil, errLeftOut
}

// NewCloudSecretsManager refuses.
func NewCloudSecretsManager(*workspace.ProjectStack, string, bool) (secrets.Manager, error) {
	return nil, errLeftOut
}
