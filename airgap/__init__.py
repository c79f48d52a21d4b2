"""What a machine needs that reaches package registries, but no image registry and no plugin download."""
