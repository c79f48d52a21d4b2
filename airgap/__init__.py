"""For machines that reach package registries, but no image registry and no plugin downloads."""
