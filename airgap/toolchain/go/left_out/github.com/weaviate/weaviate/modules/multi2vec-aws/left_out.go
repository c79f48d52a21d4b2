// Package modmulti2vecaws stands for the module multi2vec-aws, which needs the second SDK of AWS.
package modmulti2vecaws

import "github.com/weaviate/weaviate/modules/leftout"

// Name is what ENABLE_MODULES calls this module.
const Name = "multi2vec-aws"

// New returns a module that refuses to start.
func New() leftout.Module { return Name }
