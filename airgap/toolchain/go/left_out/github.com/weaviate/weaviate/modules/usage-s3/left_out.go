// Package modusages3 stands for the module usage-s3, which needs the second SDK of AWS.
package modusages3

import "github.com/weaviate/weaviate/modules/leftout"

// Name is what ENABLE_MODULES calls this module.
const Name = "usage-s3"

// New returns a module that refuses to start.
func New() leftout.Module { return Name }
