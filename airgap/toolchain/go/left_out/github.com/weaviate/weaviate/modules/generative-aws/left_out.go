// Package modgenerativeaws stands for the module generative-aws, which needs the second SDK of AWS.
package modgenerativeaws

import "github.com/weaviate/weaviate/modules/leftout"

// Name is what ENABLE_MODULES calls this module.
const Name = "generative-aws"

// New returns a module that refuses to start.
func New() leftout.Module { return Name }
