// Package leftout is what stands for a module of Weaviate that this project's build leaves out.
package leftout

import (
	"context"
	"fmt"

	"github.com/weaviate/weaviate/entities/modulecapabilities"
	"github.com/weaviate/weaviate/entities/moduletools"
)

// Module has the name of a real module and does nothing else.
type Module string

// Name returns what ENABLE_MODULES calls the module.
func (m Module) Name() string { return string(m) }

// Type returns none of the real types, so that nothing asks the module for more.
func (m Module) Type() modulecapabilities.ModuleType { return "LeftOut" }

// Init stops the server's start: whoever enabled the module must know that it isn't there.
func (m Module) Init(context.Context, moduletools.ModuleInitParams) error {
	return fmt.Errorf("this Weaviate was built without the module %s: use the official image (semitechnologies/weaviate) for it", string(m))
}
