// Package modstggcs stands for the module backup-gcs, which needs the SDK of Google Cloud.
package modstggcs

import "github.com/weaviate/weaviate/modules/leftout"

// Name is what ENABLE_MODULES calls this module.
const Name = "backup-gcs"

// New returns a module that refuses to start.
func New() leftout.Module { return Name }
