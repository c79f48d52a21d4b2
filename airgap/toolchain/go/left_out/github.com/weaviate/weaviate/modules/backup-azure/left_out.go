// Package modstgazure stands for the module backup-azure, which needs the SDK of Azure.
package modstgazure

import "github.com/weaviate/weaviate/modules/leftout"

// Name is what ENABLE_MODULES calls this module.
const Name = "backup-azure"

// New returns a module that refuses to start.
func New() leftout.Module { return Name }
