// Package modtext2vecaws stands for the module text2vec-aws, which needs the second SDK of AWS.
package modtext2vecaws

import "github.com/weaviate/weaviate/modules/leftout"

// Name is what ENABLE_MODULES calls this module.
const Name = "text2vec-aws"

// New returns a module that refuses to start.
func New() leftout.Module { return Name }
