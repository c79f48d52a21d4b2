// Package modsloads3 stands for the module offload-s3, which needs s5cmd and the first SDK of AWS.
package modsloads3

import "github.com/weaviate/weaviate/modules/leftout"

// Name is what ENABLE_MODULES calls this module.
const Name = "offload-s3"

// New returns a module that refuses to start.
func New() leftout.Module { return Name }
