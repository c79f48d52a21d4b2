"""The Pulumi program, its components and provider, and how everything after it reaches what came up."""
