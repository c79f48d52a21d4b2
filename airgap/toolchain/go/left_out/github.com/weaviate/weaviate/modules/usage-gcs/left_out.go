// Package modusagegcs stands for the module usage-gcs, which needs the SDK of Google Cloud.
package modusagegcs

import "github.com/weaviate/weaviate/modules/leftout"

// Name is what ENABLE_MODULES calls this module.
const Name = "usage-gcs"

// New returns a module that refuses to start.
func New() leftout.Module { return Name }
