// Package leftout is what stands for a module of Weaviate that this project's build leaves out.
package leftout

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/weaviate/weaviate/entities/modulecapabilities"
	"github.com/weaviate/weaviate/entities/moduletools"
)

// Module has the name of a real module and does nothing else.
type Module string

// Name returns what ENABLE_MODULES calls the module.
func (m Module) Name() string { return string(m) }

// Type returns none of the real types, so that nothing asks the module for more.
func (m Module) Type() modulecapabilities.ModuleType { return "LeftOut" }

// Init stops the server's start where ENABLE_MODULES names the module: whoever did so must know that it isn't there.
// Modules of API providers are there without being named, unless API_BASED_MODULES_DISABLED says otherwise; those are only warned about.
func (m Module) Init(_ context.Context, params moduletools.ModuleInitParams) error {
	message := fmt.Sprintf("this Weaviate was built without the module %s: use the official image (semitechnologies/weaviate) for it", m.Name())
	for _, name := range strings.Split(params.GetConfig().EnableModules, ",") {
		if strings.TrimSpace(name) == m.Name() {
			return errors.New(message)
		}
	}
	params.GetLogger().Warn(message)
	return nil
}
